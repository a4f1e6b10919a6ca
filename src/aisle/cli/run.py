"""The verbs of a running shop: serve, keys, bundles, doctor, compare, bench."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Annotated

import typer

from aisle.cli.common import StateFolder, StorePath, app, error_console, write_json, write_page

bundles = typer.Typer(no_args_is_help=True, help="List, verify, activate and roll back the bundles of a store.")
keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys of a state folder; also beside a running server.")
app.add_typer(bundles, name="bundles")
app.add_typer(keys, name="keys")
Here = Annotated[Path, typer.Option("--state", metavar="S", help="The state folder.")]


@app.command()
def serve(
    store: Annotated[Path, typer.Argument(metavar="[STORE]")] = Path("bundles"),
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    state: StateFolder = None,
    clock: Annotated[str, typer.Option(help="`log`: treat the log's newest event as now.")] = "",
) -> None:
    """HTTP API, storefront and console; events, profiles and item changes live in the state folder."""
    from aisle.serving.plan import without_training
    from aisle.serving.start import start

    without_training()
    if clock not in ("", "log"):
        raise typer.BadParameter("the only clock beside the wall's is `log`", param_hint="--clock")
    start(store, state, host, port, workers, clock == "log")


@app.command()
def doctor(store: Annotated[Path, typer.Argument(metavar="[STORE]")] = Path("bundles"), state: StateFolder = None) -> None:
    """Whether a shop is sound: bundles, state, filters, settings, versions."""
    from aisle.serving.doctor import examine

    bad = 0
    for finding in examine(store, state, time()):
        bad += finding.level == "bad"
        typer.echo(f"{finding.level:4}  {finding.subject}: {finding.text}")
    if bad:
        error_console.print(f"{bad} to be mended.", style="red", highlight=False)
        raise typer.Exit(1)


@app.command()
def compare(
    left: Annotated[Path, typer.Argument(metavar="STORE_A", help="A bundle store or one bundle.")],
    right: Annotated[Path, typer.Argument(metavar="STORE_B", help="Another one.")],
    queries: Annotated[Path, typer.Argument(metavar="QUERIES", help="One query a line.")],
    html: Annotated[Path | None, typer.Option(help="Write both pages of each query there, side by side.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the comparison there.")] = None,
) -> None:
    """Two bundles side by side on a list of queries."""
    from aisle.opening import open_shop
    from aisle.serving import compare as comparing

    found = comparing.compare(open_shop(left), open_shop(right), comparing.read_queries(queries))
    if html is not None:
        write_page(html, comparing.page(found))
    if json_file is not None:
        write_json(json_file, found.to_json())
    typer.echo(comparing.table(found))


@app.command()
def bench(
    store: Annotated[Path, typer.Argument(metavar="[STORE]")] = Path("bundles"),
    rate: Annotated[float, typer.Option(min=1, help="Requests a second.")] = 50.0,
    seconds: Annotated[float, typer.Option(min=1)] = 10.0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures there too.")] = None,
) -> None:
    """A short load at a fixed rate on a server of its own, and its latency."""
    from aisle.serving.bench import bench as run

    figures = run(store, rate, seconds, workers)
    if json_file is not None:
        write_json(json_file, figures)
    for name, value in figures.items():
        typer.echo(f"{name}: {value}")


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Who or what will use it.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="read, events, items or admin; may be repeated. Absent: read.")] = None,
    days: Annotated[float | None, typer.Option(min=0.001, help="Valid for so long; absent: until revoked.")] = None,
    state: Here = Path("state"),
) -> None:
    """Make a key and print it. It is shown this once; from then on every request needs one."""
    from aisle.state.folder import State

    with State.open(state) as opened:
        key, secret = opened.keys.add(scope or ["read"], time(), days, name)
    error_console.print(f"Key {key.key_id} may: {', '.join(sorted(key.scopes))}. It is shown this once:", highlight=False)
    typer.echo(secret)


@keys.command("list")
def list_keys(state: Here = Path("state")) -> None:
    """Every key: id, what it may do, whether it is valid, until when, name."""
    from aisle.state.folder import State

    with State.open(_there(state)) as opened:
        found = opened.keys.list()
    for key in found:
        valid = "valid" if key.valid(time()) else "revoked" if key.revoked is not None else "expired"
        until = "" if key.expires is None else f"until {_day(key.expires)}"
        typer.echo("  ".join(part for part in (key.key_id, ",".join(sorted(key.scopes)), valid, until, key.name) if part))


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(metavar="ID")], state: Here = Path("state")) -> None:
    """Close a key at once."""
    from aisle.core.errors import StateError
    from aisle.state.folder import State

    with State.open(_there(state)) as opened:
        if not opened.keys.revoke(key_id, time()):
            raise StateError(f"There is no open key `{key_id}`.", f"aisle keys list --state {state}")
    typer.echo(f"{key_id} is revoked.")


@bundles.command("list")
def list_bundles(store: StorePath) -> None:
    """Every bundle of a store, the active one marked."""
    from aisle.bundle import Store
    from aisle.serving.store import listed

    for info in listed(Store.at(store)[0]):
        typer.echo(f"{'*' if info.active else ' '} {info.bundle_id}  {info.created_at} {info.problem}".rstrip())


@bundles.command("verify")
def verify_bundle(store: StorePath) -> None:
    """Compare every file of a bundle with its hash."""
    from aisle.bundle import Store, verify

    typer.echo(f"{verify(Store.at(store)[1]).bundle_id} is whole.")


@bundles.command()
def activate(store: StorePath, bundle_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Make a bundle the active one."""
    from aisle.bundle import Store

    typer.echo(f"{Store(store).activate(bundle_id).bundle_id} is active.")


@bundles.command()
def rollback(store: StorePath) -> None:
    """Go back to the bundle that was active before."""
    from aisle.bundle import Store

    typer.echo(f"{Store(store).rollback().bundle_id} is active again.")


def _there(state: Path) -> Path:
    """A state folder that exists: looking at keys makes none."""
    from aisle.core.errors import StateError

    if not (state / "keys.sqlite").exists():
        raise StateError(f"{state} has no keys.", "Name the state folder with --state, or make a key: aisle keys add.")
    return state


def _day(seconds: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
