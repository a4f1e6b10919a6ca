"""Blocks of requests for the suites, made as the pipeline makes them: query understood, profile folded as of its time, seeds found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Slices
from aisle.core.request import Request, Surface
from aisle.core.stage import Block
from aisle.core.strings import Strings
from aisle.profile.gather import gather
from aisle.profile.history import History
from aisle.query.understand import understand


def ask(
    surface: Surface, user: str | None = None, query: str | None = None, items: Sequence[str] = (), as_of: float = float("nan")
) -> Request:
    """One request; its id says what it asks."""
    return Request(f"{surface}/{user}/{query}/{'+'.join(items)}", surface, user, query=query, items=tuple(items), as_of=as_of)


def block(data: Dataset, requests: Sequence[Request]) -> Block:
    """The block of ``requests`` for the shop as ``data`` knows it."""
    as_of = np.array([request.as_of for request in requests], float)
    queries = [understand(request.query) if request.query else None for request in requests]
    profiles = gather(History.of(data.catalogue, data.events), [request.user_id for request in requests], as_of)
    seeds = [() if request.surface == "rank" else request.items for request in requests]
    given = [request.items if request.surface == "rank" else () for request in requests]
    return Block(requests, as_of, queries, profiles, _rows(data.catalogue, seeds), _rows(data.catalogue, given))


def _rows(catalogue: Catalogue, ids: Sequence[Sequence[str]]) -> Slices:
    known = [rows[rows >= 0] for rows in (catalogue.rows(one) for one in ids)]
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in known])]).astype(np.int64)
    return Slices(offsets, np.concatenate([np.zeros(0, np.int32), *known]).astype(np.int32), {})


def answers(catalogue: Catalogue, found: Candidates) -> list[list[tuple[str, float]]]:
    """Each request's items by id with their scores, in the order of the candidates."""
    score = found["score"] if len(found) else np.zeros(0)
    parts = [found.of_request(request) for request in range(found.requests)]
    return [[(catalogue.ids[int(row)], float(value)) for row, value in zip(found.item[part], score[part], strict=True)] for part in parts]


def every_item(items: int, requests: int) -> Candidates:
    """Each request with the whole catalogue as its candidates."""
    return Candidates.of([np.arange(items, dtype=np.int32)] * requests)


def renamed(events: Events, old: str, new: str) -> Events:
    """The same log, in which user ``old`` is called ``new``."""
    return replace(events, users=Strings.of(new if name == old else name for name in events.users))


def until(events: Events, moment: float) -> Events:
    """The events no later than ``moment``."""
    return events.where(np.asarray(events.time <= moment))


def frozen(held: Block) -> dict[str, NDArray[np.generic]]:
    """Copies of the arrays of a block that nobody may change."""
    profiles = held.profiles
    parts = {"recent": profiles.recent, "owned": profiles.owned, "dismissed": profiles.dismissed, "seeds": held.seeds, "given": held.given}
    arrays: dict[str, NDArray[np.generic]] = {"as_of": held.as_of, "price": profiles.price}
    arrays |= {"events": profiles.events, "idle": profiles.idle}
    for name, part in (parts | profiles.tastes).items():
        arrays |= {f"{name}.offsets": part.offsets, f"{name}.item": part.item}
        arrays |= {f"{name}.{column}": values for column, values in part.values.items()}
    return {name: array.copy() for name, array in arrays.items()}
