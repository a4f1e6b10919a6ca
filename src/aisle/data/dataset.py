"""From a project's folder to the data set that everything is fitted on: read, clean, number, shuffle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr.types import Table
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.errors import InputError
from aisle.core.events import Dataset, Events, Judgements
from aisle.core.strings import Strings
from aisle.data.clean import Cleaned, clean
from aisle.data.further import Further
from aisle.data.read import FileRead, RawTables, read_raw
from aisle.data.report import Quality, quality
from aisle.data.rules.base import WRITTEN
from aisle.data.rules.cells import clock_column
from aisle.data.sessions import with_actors, with_sessions
from aisle.data.windows import cut
from aisle.schema import EVENT_CODE, EVENT_TYPES, ITEMS
from aisle.settings import Settings

SPLITS = {"train": 0, "dev": 1, "test": 2}
EXTRA = ("users", "labels", "examples", "relations")
NO_EVENTS = "timestamp VARCHAR, type VARCHAR, item_id VARCHAR, user_id VARCHAR, session_id VARCHAR, _file VARCHAR, _row BIGINT"
"""A folder without events has this table of them beside a running shop's."""


def load_dataset(folder: Path, settings: Settings, further: Further | None = None) -> tuple[Dataset, Quality]:
    """Read and clean the tables of ``folder``, and with them what a running shop has to tell ``further``.

    Items stand in an order drawn from ``settings.seed`` and their ids alone. Events are in order of time, ties in the order of the files;
    an actor without user id is named ``session:<id>``. Raises `InputError` when no item can be read.
    """
    with opened(folder, settings, further) as (raw, cleaned):
        data, found = replace(build(cleaned, settings), folder=folder), quality(cleaned, raw.rows, raw.remarks)
    look(found, data)
    found.windows |= cut(data.events, data.judgements).describe()
    return data, found


@contextmanager
def opened(folder: Path, settings: Settings, further: Further | None = None) -> Iterator[tuple[RawTables, Cleaned]]:
    """The tables of ``folder`` read and cleaned, in a database in memory that is gone afterwards."""
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        raw = read_raw(folder, settings, connection)
        newest = _newest(folder, raw)
        if further is not None:
            raw = RawTables((*raw.files, FileRead(further.name, ("events", "items"), further.rows)))
            if further.count:
                connection.execute(f"CREATE TABLE IF NOT EXISTS raw_events ({NO_EVENTS})")
        yield raw, clean(connection, settings, newest, further)


def _newest(folder: Path, raw: RawTables) -> float:
    """The last believable time: two days after the files were last written, since nothing below the edge asks what time it is now."""
    written = [(folder / name).stat().st_mtime for name in raw.rows if (folder / name).is_file()]
    return max(written) + 2 * 86_400 if written else float("inf")


def look(found: Quality, data: Dataset) -> None:
    """Add to the report what only the finished data set tells: items without events, events and judgements of unknown items."""
    wanted = ~np.isin(data.events.type, [EVENT_CODE["query"], EVENT_CODE["message"]])
    unknown = int(((data.events.item < 0) & wanted).sum())
    seen = np.unique(data.events.item[data.events.item >= 0])
    found.counts |= {"items": len(data.catalogue), "events": len(data.events), "actors": len(data.events.users)}
    found.counts["events of unknown items"] = unknown
    if len(data.events):
        found.counts["items without events"] = len(data.catalogue) - len(seen)
    if unknown:
        found.remarks.append(f"Events of items that the catalogue does not hold: {unknown}. They are kept, their item is unknown.")
    if data.judgements is not None:
        strangers = int((data.judgements.item < 0).sum())
        found.counts |= {"judgements": len(data.judgements.item), "judgements of unknown items": strangers}
        if strangers:
            found.remarks.append(f"Judgements of items that the catalogue does not hold: {strangers}.")
        found.remarks += _all_equal(data.judgements)


def _all_equal(judgements: Judgements) -> list[str]:
    """What is to be said of grades that tell nothing apart."""
    grades = np.unique(judgements.grade)
    if len(grades) != 1:
        return []
    held, grade = len(judgements.grade), f"{grades[0]:g}"
    if judgements.relevant_from <= grades[0]:
        return [f"All {held} judgements have the grade {grade} and count as relevant: no item is known to be a wrong answer."]
    return [
        f"All {held} judgements have the grade {grade}, so none counts as relevant and none teaches or measures search. If all of them "
        f"are right answers, set [evaluation] relevant_from = {grade} in aisle.toml."
    ]


def build(cleaned: Cleaned, settings: Settings) -> Dataset:
    """The cleaned tables as the core types."""
    tables = cleaned.tables
    if "items" not in tables:
        raise InputError("There is no items table.", "Put an items.csv into the folder or map a file to items in aisle.toml.")
    catalogue = _catalogue(tables["items"], settings.seed)
    if not len(catalogue):
        raise InputError(
            "No item can be read: every row of the items table was rejected.", "rejected.csv, which `aisle check` writes, says why."
        )
    events = _events(tables["events"], catalogue, settings) if "events" in tables else Events.none()
    judgements = _judgements(tables["judgements"], catalogue, settings) if "judgements" in tables else None
    extra = {name: _columns(tables[name]) for name in EXTRA if name in tables}
    return Dataset(catalogue, events, judgements, extra, _fingerprint(catalogue, events, judgements))


def _arrow(table: Table, *order: str) -> pa.Table:
    return table.order_by(list(order)).to_pyarrow().combine_chunks()


def _strings(column: pa.ChunkedArray | pa.Array) -> Strings:
    """Arrow's own bytes and offsets, taken over without a Python text each."""
    whole = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    whole = pc.cast(whole, pa.large_string())
    if not len(whole):
        return Strings.of([])
    _, offsets, data = whole.buffers()
    edges = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
    blob = np.frombuffer(data, np.uint8)[edges[0] : edges[-1]] if data is not None else np.zeros(0, np.uint8)
    return Strings(blob, edges - edges[0], np.asarray(whole.is_null()))


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], Strings]:
    """Numbers in order of first appearance, -1 for missing, and the texts they stand for."""
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    numbers = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return numbers, _strings(coded.dictionary)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(), np.float64)


def _catalogue(items: Table, seed: int) -> Catalogue:
    rows = _arrow(items.filter(items["item_id"].notnull()), "_key")
    ids = {name: row for row, name in enumerate(rows["item_id"].to_pylist())}  # one row an id, also with `same_item` switched off
    drawn = [ids[name] for name in sorted(ids, key=lambda name: sha256(f"{seed}:{name}".encode()).digest())]
    rows = rows.take(pa.array(drawn, pa.int64()))
    texts, numbers = {}, {}
    for name in rows.column_names:
        known = ITEMS.get(name)
        if name == "item_id" or name.startswith("_"):
            continue
        if known is None and (values := _as_numbers(rows[name])) is not None:
            numbers[name] = values
        elif known is None or known.kind in WRITTEN:
            texts[name] = _strings(rows[name])
        else:
            numbers[name] = _numbers(rows[name])
    return Catalogue(_strings(rows["item_id"]), texts, numbers)


def _as_numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """A further attribute whose every cell is a plain number, as numbers; codes with a leading zero stay text."""
    present = column.drop_null()
    if not len(present) or not pc.all(pc.match_substring_regex(present, r"^-?(0|[1-9]\d{0,14})(\.\d+)?$")).as_py():
        return None
    return _numbers(pc.cast(column, pa.float64()))


def _events(events: Table, catalogue: Catalogue, settings: Settings) -> Events:
    clock = clock_column(events) == "timestamp"
    ordered = with_actors(events.rename(time=clock_column(events)))
    if clock:
        ordered = with_sessions(ordered, settings.cleaning.session_minutes)
    else:
        ordered = ordered.mutate(session=ordered["session_id"] if "session_id" in ordered.columns else ibis.null("string"))
    wanted = [name for name in ("item_id", "query", "rank", "quantity", "price", "rating", "propensity") if name in ordered.columns]
    needed = ordered["time"].notnull() & ordered["type"].isin(EVENT_TYPES) & ordered["actor"].notnull()  # whatever rule is off
    rows = _arrow(ordered.filter(needed).select("_key", "time", "type", "actor", "session", *wanted), "time", "_key")
    user, users = _coded(rows["actor"])
    session, _ = _coded(rows["session"])
    missing = pa.chunked_array([pa.nulls(len(rows), pa.string())])
    query, queries = _coded(rows["query"] if "query" in wanted else missing)
    seen, names = _coded(rows["item_id"] if "item_id" in wanted else missing)
    item = np.append(catalogue.rows(names), np.int32(-1))[seen].astype(np.int32)
    kinds, words = _coded(rows["type"])
    kind = np.array([EVENT_CODE[word] for word in words], np.uint8)[kinds] if len(rows) else np.zeros(0, np.uint8)
    real = {name: _numbers(rows[name]).astype(np.float32) if name in wanted else np.full(len(rows), np.nan, np.float32)
            for name in ("rank", "quantity", "price", "rating")}  # fmt: skip
    said = _numbers(rows["propensity"]).astype(np.float32) if "propensity" in wanted else None
    return Events(users, queries, user, item, _numbers(rows["time"]), kind, query, session, **real, clock=clock, propensity=said)


def _judgements(table: Table, catalogue: Catalogue, settings: Settings) -> Judgements:
    rows = _arrow(table, "_key")
    query, queries = _coded(rows["query"])
    grade = _numbers(rows["grade"]).astype(np.float32)
    split = np.full(len(queries), -1, np.int8)
    if "split" in rows.column_names:
        stated, words = _coded(rows["split"])
        codes = np.array([*(SPLITS.get(word.lower(), -1) for word in words), -1], np.int8)
        split[query] = codes[stated]
    least, most = (float(grade.min()), float(grade.max())) if len(grade) else (0.0, 0.0)
    middle = least / 2 if 0 < least == most else (least + most) / 2  # one grade for all says what is right: what is wrong has none
    above = float(np.nextafter(np.float32(middle), np.float32(np.inf)))
    relevant = settings.evaluation.relevant_from
    items = catalogue.rows(rows["item_id"].to_pylist())
    return Judgements(queries, query, items, grade, split, above if relevant is None else relevant)


def _columns(table: Table) -> dict[str, Strings]:
    rows = _arrow(table, "_key")
    return {name: _strings(pc.cast(rows[name], pa.string())) for name in rows.column_names if not name.startswith("_")}


def _fingerprint(catalogue: Catalogue, events: Events, judgements: Judgements | None) -> str:
    """SHA-256 over everything learned from."""
    total = sha256()

    def add(name: str, *arrays: NDArray[np.generic]) -> None:
        total.update(name.encode())
        for array in arrays:
            total.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())

    def packed(texts: Strings) -> tuple[NDArray[np.generic], ...]:
        return texts.blob, texts.offsets, texts.absent

    add("ids", *packed(catalogue.ids))
    for name in sorted(catalogue.texts):
        add(name, *packed(catalogue.texts[name]))
    for name in sorted(catalogue.numbers):
        add(name, catalogue.numbers[name])
    add("events", *(getattr(events, name) for name in Events.COLUMNS), *packed(events.users), *packed(events.queries))
    if judgements is not None:
        add("judgements", judgements.query, judgements.item, judgements.grade, judgements.split, *packed(judgements.queries))
    return total.hexdigest()
