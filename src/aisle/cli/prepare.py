"""The verbs that work on a shop's folder: propose settings, check, train, evaluate, tune, answer a file of requests, make up a shop."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

import typer

from aisle.cli.common import Folder, Minutes, StorePath, app, error_console, write_json, write_page


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
    from aisle.fusion.methods import known_way
    from aisle.ranking.rankers import known_rankers
    from aisle.settings import load
    from aisle.training.budget import known_sources

    settings = load(folder)
    known_sources(settings.retrieval)
    known_way(settings.ranking.fusion)
    known_rankers(settings.ranking.ranker, settings.ranking.challengers)
    quality = run(folder, settings)
    if json_file is not None:
        write_json(json_file, quality.to_json())


@app.command()
def train(
    folder: Folder,
    bundle: Annotated[Path | None, typer.Option(metavar="STORE", help="Where bundles go; DIR/bundles by default.")] = None,
    minutes: Minutes = 30.0,
    plan: Annotated[Path | None, typer.Option(metavar="MANIFEST", help="Repeat the plan of this bundle's manifest.json.")] = None,
    state: Annotated[Path | None, typer.Option(metavar="S", help="Read this state folder's log beside the files.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Make it from the active bundle and what came since, in a tenth of the time.")
    ] = False,
) -> None:
    """Clean, cut, fit, report, refit, write a bundle."""
    begun = perf_counter()  # what is imported below takes seconds that the minutes hold, too
    from aisle.training.run import read_plan
    from aisle.training.run import train as run

    if update:
        from aisle.training.update import update as daily

        if plan is not None:
            raise typer.BadParameter("an update keeps the plan of the bundle that it goes on from", param_hint="--plan")
        typer.echo(daily(folder, bundle, state=state).folder)
        return
    made = run(folder, bundle, minutes, read_plan(plan) if plan else None, state=state, begun=begun)
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
        write_json(json_file, report.json)
    if html is not None:
        write_page(html, report.html)
    typer.echo(report.text)


@app.command()
def batch(
    store: StorePath,
    requests: Annotated[Path, typer.Argument(metavar="REQUESTS.jsonl")],
    out: Annotated[Path, typer.Option(metavar="ANSWERS.jsonl", help="Where the answers go.")],
) -> None:
    """Answer many requests."""
    from aisle.serving.batch import batch as run
    from aisle.tracking import Tracker

    with Tracker() as tracker, tracker.part("answer") as advance:
        bad = run(store, requests, out, advance)
    if bad:
        error_console.print(f"{bad} lines could not be understood; their answers say why.", highlight=False)


@app.command()
def encoders(
    folder: Folder,
    model: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="Measure this folder's model, or one on a hub (org/name), too; may be given again."),
    ] = None,
    budget_ms: Annotated[
        float | None, typer.Option("--budget-ms", min=1e-6, metavar="MS", help="Measure smaller variants too; one query may take so long.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the table there too.")] = None,
) -> None:
    """Compare the encoders at hand on this shop's own queries and recommend one."""
    from rich.console import Console
    from rich.table import Column, Table

    from aisle.training.compare_encoders import compare

    found = compare(folder, model or [], budget_ms=budget_ms)
    if json_file is not None:
        write_json(json_file, found.to_json())
    names = ("recall@10, 95 %", "token by token", "texts/s", "ms a query", "MB", "bytes a vector")
    table = Table(Column("encoder", no_wrap=True), *names, caption=f"{found.asked}; one thread")
    for row in found.rows:
        recall = f"{row.recall.value:.3f} ({row.recall.low:.3f} to {row.recall.high:.3f})"
        tokens = "" if row.by_token is None else f"{row.by_token.value:.3f}"
        speed = (f"{row.texts:,.0f}", f"{row.query_ms:.2f}", f"{row.megabytes:,.1f}", f"{row.vector_bytes:,}")
        table.add_row(row.name, recall, tokens, *speed)
    Console().print(table)
    typer.echo(f"Take {found.take}: {found.why}" if found.take else found.why)
    if not found.take:
        raise typer.Exit(1)


@app.command()
def pretrain(
    folder: Folder,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the model goes.")],
    kind: Annotated[
        Literal["bert", "gpt", "contrastive"], typer.Option(help="Guess hidden words, or the next one, or which texts belong together.")
    ] = "bert",
    minutes: Minutes = 30.0,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Go on from this model. Contrastive: else from the installed one; 'nothing': a small one of its own.",
        ),
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Option(metavar="SORT", help="Contrastive: only dropout, halved, described or clicked; may be given again.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write steps, perplexity and the comparison there.")] = None,
) -> None:
    """Teach a language model or an encoder the shop's own text, and say what it is worth."""
    from aisle.training.pretrain import pretrain as run

    found = run(folder, out, kind, minutes, start, pairs=pairs or ())
    if json_file is not None:
        write_json(json_file, found.to_json())
    typer.echo("\n".join(found.lines()))


@app.command()
def tune(
    folder: Folder,
    minutes: Minutes = 30.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all trials and the proof there.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the numbers into aisle.toml if they are proved to be better.")] = False,
) -> None:
    """Search for better numbers of sources and rankers, and prove them."""
    from rich.console import Console

    from aisle.tuning.run import keep
    from aisle.tuning.run import tune as run

    found = run(folder, minutes)
    if json_file is not None:
        write_json(json_file, found.to_json())
    Console().print(found.table())
    typer.echo("\n".join(found.lines()))
    if write:
        path = keep(folder, found)
        error_console.print(f"Wrote {path}. Next: aisle train {folder}" if path else "aisle.toml stays as it is.", highlight=False)


@app.command()
def simulate(
    folder: Folder,
    items: Annotated[int, typer.Option(min=10)] = 1_000,
    events: Annotated[int, typer.Option(min=100)] = 20_000,
    seed: int = 7,
    judged: Annotated[int | None, typer.Option(min=1, help="Queries with judgements; by itself 100 to 500.")] = None,
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

        run(folder, items, events, seed, progress, judged=judged)


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
