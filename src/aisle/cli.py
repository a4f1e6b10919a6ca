"""The `aisle` command, one short function a verb. Progress goes to stderr, answers to stdout; what training needs is imported when used."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aisle.core.errors import AisleError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
bundles = typer.Typer(no_args_is_help=True, help="List, verify, activate and roll back the bundles of a store.")
app.add_typer(bundles, name="bundles")
error_console = Console(stderr=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The shop's folder.")]
StorePath = Annotated[Path, typer.Argument(metavar="STORE", help="A bundle store or one bundle.")]
StateFolder = Annotated[Path | None, typer.Option("--state", metavar="S", help="The state folder; STORE/../state by default.")]
Count = Annotated[int, typer.Option(min=10)]
Minutes = Annotated[float, typer.Option(min=0.1, help="Time for everything: reading, fitting, report.")]


@app.command()
def init(folder: Folder, files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...")] = None, force: bool = False) -> None:
    """Propose aisle.toml from a user's files."""
    from aisle.data.init import write_proposal

    path = write_proposal(folder, files or [], force)
    error_console.print(f"Wrote {path}. Read it, then: aisle check {folder}", highlight=False)


@app.command()
def check(folder: Folder, json_file: Annotated[Path | None, typer.Option("--json", help="Write the report there too.")] = None) -> None:
    """The data quality report: rows read = kept + repaired + rejected."""
    from aisle.data.check import check as run
    from aisle.settings import load

    quality = run(folder, load(folder))
    if json_file is not None:
        _write_json(json_file, quality.to_json())


@app.command()
def train(
    folder: Folder,
    bundle: Annotated[Path | None, typer.Option(metavar="STORE", help="Where bundles go; DIR/bundles by default.")] = None,
    minutes: Minutes = 30.0,
    plan: Annotated[Path | None, typer.Option(metavar="MANIFEST", help="Repeat the plan of this bundle's manifest.json.")] = None,
) -> None:
    """Clean, cut, fit, report, refit, write a bundle."""
    from aisle.training.run import read_plan
    from aisle.training.run import train as run

    made = run(folder, bundle, minutes, read_plan(plan) if plan else None)
    typer.echo(made.folder)


@app.command()
def evaluate(
    folder: Folder,
    bundle: Annotated[Path | None, typer.Option(metavar="STORE", help="Score this bundle on what came after it.")] = None,
    minutes: Minutes = 30.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report there.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report there as one HTML file.")] = None,
) -> None:
    """The honest report."""
    from aisle.training.evaluate import evaluate as run

    report = run(folder, bundle, minutes)
    if json_file is not None:
        _write_json(json_file, report.json)
    if html is not None:
        html.write_text(report.html, encoding="utf-8")
    typer.echo(report.text)


@app.command()
def batch(
    store: StorePath,
    requests: Annotated[Path, typer.Argument(metavar="REQUESTS.jsonl")],
    out: Annotated[Path, typer.Option(metavar="ANSWERS.jsonl", help="Where the answers go.")],
) -> None:
    """Answer many requests."""
    from aisle.opening import open_shop
    from aisle.serving.batch import batch as run
    from aisle.tracking import Tracker

    with Tracker() as tracker, tracker.part("answer") as advance:
        bad = run(open_shop(store), requests, out, advance)
    if bad:
        error_console.print(f"{bad} lines could not be understood; their answers say why.", highlight=False)


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
    from aisle.serving.start import start

    if clock not in ("", "log"):
        raise typer.BadParameter("the only clock beside the wall's is `log`", param_hint="--clock")
    start(store, state, host, port, workers, clock == "log")


@app.command()
def simulate(
    folder: Folder,
    items: Annotated[int, typer.Option(min=10)] = 1_000,
    events: Annotated[int, typer.Option(min=100)] = 20_000,
    seed: int = 7,
) -> None:
    """Make up a shop whose truth is known."""
    from aisle.simulate.shop import simulate as run
    from aisle.tracking import Tracker

    with Tracker() as tracker, tracker.part("simulate", events) as advance:
        done = 0

        def progress(made: int, _: int) -> None:
            nonlocal done
            advance(made - done)
            done = made

        run(folder, items, events, seed, progress)


@app.command()
def demo(folder: Annotated[Path, typer.Argument(metavar="[DIR]")] = Path("demo/shop"), minutes: Minutes = 1.5, port: int = 8000) -> None:
    """Simulate a shop, train, evaluate, serve it, print the address."""
    if not (folder / "bundles" / "CURRENT").exists():
        if not (folder / "items.csv").exists():
            simulate(folder, 2_000, 60_000)
        train(folder, minutes=minutes)
        evaluate(folder, html=folder / "report.html")
    again = [
        sys.executable,
        "-c",
        "from aisle.cli import main; main()",
        "serve",
        str(folder / "bundles"),
        "--port",
        str(port),
        "--clock",
        "log",
    ]
    os.execv(sys.executable, again)  # a fresh process: what training loaded (torch, DuckDB) shall not serve


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


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def _guarded(run: Callable[[], None]) -> int:
    """Status 0 done, 1 with a message that says what failed and how to mend it."""
    try:
        run()
    except AisleError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}.")
    except ModuleNotFoundError as error:
        return _fail(f"this needs {error.name}. Install it with: pip install 'aisle[train]'")
    return 0


def _fail(message: str) -> int:
    error_console.print(f"error: {message}", style="red", highlight=False, markup=False)
    return 1


def main() -> None:
    """Entry point of the `aisle` command."""
    try:
        sys.exit(_guarded(app))
    except KeyboardInterrupt:
        error_console.print("Interrupted. The same command goes on where this one stopped.", highlight=False)
        sys.exit(130)
