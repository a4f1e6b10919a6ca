"""The truth behind a simulated shop, in its own folder: for tests and reports, never for training."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.simulate.choice import EXAMINED, TRUST_BAD, TRUST_GOOD
from aisle.simulate.goods import Goods
from aisle.simulate.grades import Grader
from aisle.simulate.pages import EXPLORED
from aisle.simulate.queries import Pool
from aisle.simulate.shoppers import Shoppers
from aisle.simulate.words import words

Table = TypeVar("Table", Goods, Shoppers)

FOLDER = "truth"


@dataclass(frozen=True)
class Truth:
    """Everything that the shop's files do not say. ``examined``, ``trust_good``, ``trust_bad`` ``(8,) float64`` per rank (see
    `choice.click_chance`);
    ``relevance`` ``(events,) float32``: how attractive the shown item truly was, NaN unless an impression, in the order of ``events.csv``;
    ``explored`` ``(events,) bool``: shown on
    a shuffled page; ``items`` and ``users`` are the ids of the rows of ``goods`` and ``shoppers``."""

    goods: Goods
    shoppers: Shoppers
    pool: Pool
    items: tuple[str, ...]
    users: tuple[str, ...]
    examined: NDArray[np.float64]
    trust_good: NDArray[np.float64]
    trust_bad: NDArray[np.float64]
    explored_share: float
    relevance: NDArray[np.float32]
    explored: NDArray[np.bool_]

    def grades(self, query: str) -> NDArray[np.uint8]:
        """``(items,) uint8``: the true grade 0 to 3 of every item for one of the shop's queries; `KeyError` for any other text."""
        if query not in self.pool.texts:
            raise KeyError(query)
        return Grader(words(), self.goods, self.pool).all(self.pool.texts.index(query))


def save(folder: Path, goods: Goods, shoppers: Shoppers, pool: Pool, ids: tuple[list[str], list[str]]) -> None:
    """Write all but the two columns that the journal writes."""
    for name, table in (("goods", goods), ("shoppers", shoppers)):
        for field in fields(table):
            np.save(folder / f"{name}.{field.name}.npy", getattr(table, field.name))
    for name in ("kind", "wish", "form", "chinese", "weight"):
        np.save(folder / f"queries.{name}.npy", getattr(pool, name))
    told: dict[str, Any] = {
        "note": "For tests and reports only. Nothing that learns may read this folder.",
        "examined": EXAMINED.tolist(),
        "trust_good": TRUST_GOOD.tolist(),
        "trust_bad": TRUST_BAD.tolist(),
        "explored_share": EXPLORED,
        "items": ids[0],
        "users": ids[1],
        "queries": list(pool.texts),
    }
    (folder / "truth.json").write_text(json.dumps(told, ensure_ascii=False, indent=0), encoding="utf-8", newline="\n")


def load(folder: Path) -> Truth:
    """Open the truth of the shop in ``folder``; `InputError` where the folder holds none."""
    place = folder / FOLDER
    if not (place / "truth.json").exists():
        raise InputError(f"{folder} has no truth: it was not made by `aisle simulate`.", "Make a shop with `aisle simulate DIR`.")
    told = json.loads((place / "truth.json").read_text(encoding="utf-8"))
    pool = {name: np.load(place / f"queries.{name}.npy", allow_pickle=False) for name in ("kind", "wish", "form", "chinese", "weight")}
    return Truth(
        goods=_table(place, "goods", Goods),
        shoppers=_table(place, "shoppers", Shoppers),
        pool=Pool(texts=tuple(told["queries"]), **pool),
        items=tuple(told["items"]),
        users=tuple(told["users"]),
        examined=np.array(told["examined"]),
        trust_good=np.array(told["trust_good"]),
        trust_bad=np.array(told["trust_bad"]),
        explored_share=float(told["explored_share"]),
        relevance=np.load(place / "relevance.npy", mmap_mode="r", allow_pickle=False),
        explored=np.load(place / "explored.npy", mmap_mode="r", allow_pickle=False),
    )


def _table(place: Path, name: str, table: type[Table]) -> Table:
    return table(**{field.name: np.load(place / f"{name}.{field.name}.npy", allow_pickle=False) for field in fields(table)})
