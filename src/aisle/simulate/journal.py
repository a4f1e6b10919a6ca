"""The simulated event log: collected as columns block by block, sorted by time and written as CSV beside the truth of each row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aisle.schema import EVENT_CODE, EVENT_TYPES
from aisle.simulate.goods import START

Column = NDArray[Any]

HEADER = "timestamp,type,item_id,user_id,session_id,event_id,query,rank,surface,quantity,price,rating,dwell_ms,request_id"
SURFACES = ("search", "home", "item", "basket")
DAY_MS = 86_400_000

_BLANKS: dict[str, tuple[type[np.generic], float]] = {
    "time": (np.int64, 0), "type": (np.uint8, 0), "item": (np.int32, -1), "user": (np.int32, -1), "session": (np.int64, -1),
    "query": (np.int32, -1), "rank": (np.int8, -1), "surface": (np.int8, -1), "quantity": (np.int16, -1), "price": (np.float32, np.nan),
    "rating": (np.int8, -1), "dwell": (np.int32, -1), "request": (np.int64, -1),
    "relevance": (np.float32, np.nan), "explored": (np.bool_, False),
}  # fmt: skip
"""Columns with their type and what stands for nothing. ``time`` is in milliseconds since the first day; ``relevance`` and ``explored`` are
true and not written as CSV."""


class Block:
    """The events of a few days, in no order yet."""

    def __init__(self) -> None:
        self.pieces: list[dict[str, Column]] = []
        self.count = 0

    def add(self, kind: str, time: Column, **columns: Column) -> None:
        """``n`` events of type ``kind`` at ``time`` ``(n,) int64`` milliseconds; columns that are not named stay blank."""
        piece = {"time": time, "type": np.full(len(time), EVENT_CODE[kind], np.uint8), **columns}
        self.pieces.append(piece)
        self.count += len(time)

    def sorted(self, most: int) -> dict[str, Column]:
        """The first ``most`` events by time as whole columns; events of one millisecond stay in the order in which they were added."""
        whole = {name: self._whole(name) for name in _BLANKS}
        order = np.argsort(whole["time"], kind="stable")[:most]
        return {name: column[order] for name, column in whole.items()}

    def _whole(self, name: str) -> Column:
        dtype, blank = _BLANKS[name]
        parts = [np.asarray(p[name], dtype) if name in p else np.full(len(p["time"]), blank, dtype) for p in self.pieces]
        return np.concatenate(parts) if parts else np.zeros(0, dtype)


@dataclass(frozen=True)
class Names:
    """The ids and texts that stand in the file for the numbers of this room; queries are quoted for CSV already. ``anonymous`` ``(users,)
    bool``."""

    items: Sequence[str]
    users: Sequence[str]
    queries: Sequence[str]
    anonymous: NDArray[np.bool_]


class Journal:
    """Writes ``events.csv`` and, in ``truth``, ``relevance.npy`` ``(n,) float32`` (NaN unless shown) and ``explored.npy`` ``(n,) bool``,
    row by row the same order."""

    def __init__(self, folder: Path, truth: Path, events: int, names: Names) -> None:
        self.names, self.events, self.written = names, events, 0
        self.counts = np.zeros(len(EVENT_TYPES), np.int64)
        self.file: IO[str] = (folder / "events.csv").open("w", encoding="utf-8", newline="")
        self.file.write(HEADER + "\n")
        shape = (events,)
        self.relevance = np.lib.format.open_memmap(truth / "relevance.npy", "w+", np.float32, shape)
        self.explored = np.lib.format.open_memmap(truth / "explored.npy", "w+", np.bool_, shape)

    @property
    def left(self) -> int:
        """How many events are still to be written."""
        return self.events - self.written

    def write(self, block: Block) -> None:
        """Write the block's events, the earliest first, and no more than are asked for."""
        columns = block.sorted(self.left)
        count = len(columns["time"])
        if not count:
            return
        self.relevance[self.written : self.written + count] = columns["relevance"]
        self.explored[self.written : self.written + count] = columns["explored"]
        self.counts += np.bincount(columns["type"], minlength=len(EVENT_TYPES))
        self.file.write("\n".join(map(",".join, zip(*self._cells(columns), strict=True))) + "\n")
        self.written += count

    def _cells(self, columns: dict[str, Column]) -> list[Sequence[str]]:
        count = len(columns["time"])
        moments = np.datetime_as_string(START.astype("datetime64[s]") + columns["time"] // 1000, timezone="UTC")
        users = np.where(self.names.anonymous[columns["user"]] & (columns["session"] >= 0), -1, columns["user"])
        number = range(self.written, self.written + count)
        return [
            moments.tolist(),
            _look(EVENT_TYPES, columns["type"]),
            _look(self.names.items, columns["item"]),
            _look(self.names.users, users),
            _numbered("s", columns["session"]),
            [f"e{i:08d}" for i in number],
            _look(self.names.queries, columns["query"]),
            _whole(columns["rank"]),
            _look(SURFACES, columns["surface"]),
            _whole(columns["quantity"]),
            ["" if math.isnan(price) else f"{price:.2f}" for price in columns["price"].tolist()],
            _whole(columns["rating"]),
            _whole(columns["dwell"]),
            _numbered("r", columns["request"]),
        ]

    def close(self) -> None:
        """Finish all three files."""
        self.file.close()
        self.relevance.flush()
        self.explored.flush()


def _look(names: Sequence[str], numbers: Column) -> Sequence[str]:
    if len(numbers) and numbers.max() < 0:
        return list(repeat("", len(numbers)))
    return [names[i] if i >= 0 else "" for i in numbers.tolist()]


def _whole(numbers: Column) -> Sequence[str]:
    return [str(i) if i >= 0 else "" for i in numbers.tolist()]


def _numbered(letter: str, numbers: Column) -> Sequence[str]:
    return [f"{letter}{i:07d}" if i >= 0 else "" for i in numbers.tolist()]
