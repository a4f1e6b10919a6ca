"""Public logs as their owners give them out, read where a user has them: MovieLens and Amazon reviews, to one list of items a user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from benchmarks.last_out import LastOut

CORE = 5
"""Users and items with fewer events are left out, again and again, as the published tables do."""
ASIN = re.compile(r"[0-9B][0-9A-Z]{9}")
TEXT = "all_varchar=true, quote='', header="
MOVIES = {
    "u.data": f"select column0, column1, column3 from read_csv('{{path}}', delim='\t', {TEXT}false)",
    "ratings.dat": f"select column0, column1, column3 from read_csv('{{path}}', delim='::', {TEXT}false)",
    "ratings.csv": f"select userId, movieId, timestamp from read_csv('{{path}}', {TEXT}true)",
}
TITLES = {"u.data": ("u.item", "|", False), "ratings.dat": ("movies.dat", "::", False), "ratings.csv": ("movies.csv", ",", True)}
"""The file of titles, what parts its columns, and whether they have names; the number and the title come first in each."""
NAMES = ({"user_id", "parent_asin", "timestamp"}, {"reviewerID", "asin", "unixReviewTime"})
"""Columns of Amazon reviews with names: of 2023, and of 2014 and 2018."""


class PublicError(Exception):
    """A file that is none of those known."""


@dataclass(frozen=True)
class Events:
    """``user``, ``item`` ``(n,)`` texts and ``time`` ``(n,) float64`` in the order of the file; ``titles`` of some items."""

    user: NDArray[np.object_]
    item: NDArray[np.object_]
    time: NDArray[np.float64]
    titles: Mapping[str, str]

    def core(self, least: int = CORE) -> Events:
        """What is left when every user and every item has at least ``least`` events."""
        kept = np.ones(len(self.user), bool)
        users, items = (np.unique(column, return_inverse=True)[1] for column in (self.user.astype(str), self.item.astype(str)))
        while True:
            often = (np.bincount(users[kept], minlength=users.max(initial=0) + 1) >= least)[users]
            often &= (np.bincount(items[kept], minlength=items.max(initial=0) + 1) >= least)[items]
            if (often | ~kept).all():
                return Events(self.user[kept], self.item[kept], self.time[kept], self.titles)
            kept &= often

    def last_out(self) -> LastOut:
        """Each user's items by time, those of one moment in the order of the file."""
        order = np.argsort(self.time, kind="stable")
        sequences: dict[str, list[str]] = {}
        for user, item in zip(self.user[order].tolist(), self.item[order].tolist(), strict=True):
            sequences.setdefault(user, []).append(item)
        return LastOut.of(sorted(sequences.items()), dict(self.titles))


def movielens(folder: Path) -> Events:
    """100k (``u.data``), 1M and 10M (``ratings.dat``), 20M and later (``ratings.csv``): every rating is an event, whatever it says."""
    for name, query in MOVIES.items():
        if (folder / name).exists():
            file, delimiter, head = TITLES[name]
            return _events(query.format(path=folder / name), _titles(folder / file, delimiter, head))
    raise PublicError(f"{folder} holds none of {', '.join(MOVIES)}: give the folder that the archive unpacks to.")


def amazon_reviews(path: Path) -> Events:
    """One category's reviews: JSON lines (2014, 2018, 2023) or ratings as CSV, with names or without; ``.gz`` too."""
    if any(end in path.name for end in (".json", ".jsonl")):
        source, known = f"read_json('{path}', format='newline_delimited')", _columns(f"read_json('{path}', format='newline_delimited')")
    else:
        source = f"read_csv('{path}', {TEXT}true)"
        known = _columns(source)
        if not any(names <= set(known) for names in NAMES):
            source = f"read_csv('{path}', {TEXT}false)"
            return _events(f"select {', '.join(_unnamed(source, path))} from {source}", {})
    for names, picked in zip(NAMES, ("user_id, parent_asin, timestamp", "reviewerID, asin, unixReviewTime"), strict=True):
        if names <= set(known):
            return _events(f"select {picked} from {source}", {})
    raise PublicError(f"{path} has the columns {', '.join(known)}; wanted: {' or '.join(', '.join(sorted(names)) for names in NAMES)}.")


def _unnamed(source: str, path: Path) -> tuple[str, str, str]:
    """User, item and time of a CSV without names: 2014 begins with the user, 2018 with the item."""
    rows = duckdb.execute(f"select * from {source} limit 100").fetchall()
    if not rows or len(rows[0]) != 4:
        raise PublicError(
            f"{path} has {len(rows[0]) if rows else 0} columns; wanted: user, item, rating, time, or item, user, rating, time."
        )
    first = all(ASIN.fullmatch(str(row[0])) for row in rows)
    return ("column1", "column0", "column3") if first else ("column0", "column1", "column3")


def _columns(source: str) -> list[str]:
    return [str(row[0]) for row in duckdb.execute(f"describe select * from {source}").fetchall()]


def _titles(path: Path, delimiter: str, head: bool) -> dict[str, str]:
    """Columns are taken by place: duckdb names those of a file without names by how many there are."""
    if not path.exists():
        return {}
    quote, encoding = ("'\"'", "utf-8") if head else ("''", "latin-1")
    form = f"delim='{delimiter}', all_varchar=true, quote={quote}, header={str(head).lower()}, encoding='{encoding}'"
    rows = duckdb.execute(f"select item, title from read_csv('{path}', {form}, names=['item', 'title']) where title is not null")
    return dict(rows.fetchall())


def _events(query: str, titles: Mapping[str, str]) -> Events:
    found = duckdb.execute(f"select t.*, row_number() over () as place from ({query}) t order by place").fetchnumpy()
    user, item, time = list(found)[:3]
    return Events(found[user].astype(object), found[item].astype(object), found[time].astype(np.float64), titles)
