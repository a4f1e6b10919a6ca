"""Filters, rankers, fusers, encoders and the bundle store of this house pass the suites that others would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.bundle import Store
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.request import Condition, Request
from aisle.core.stage import Filter
from aisle.filters.asked import Asked
from aisle.filters.policy import Availability, Stock
from aisle.filters.seen import Seen
from aisle.fusion.recall import Recall
from aisle.ranking.blend import Blend
from aisle.ranking.boosted import Boosted
from aisle.ranking.logistic import Logistic
from aisle.testing import toys
from aisle.testing.encoder import EncoderSuite
from aisle.testing.filter import FilterSuite
from aisle.testing.scorer import FEATURES, GROUP, ROWS, Fuser, FuserSuite, Ranker, RankerSuite, lesson
from aisle.testing.store import BundleStore, StoreSuite
from aisle.text.ngram import NgramEncoder

NOON = toys.START + 10 * toys.DAY
GROUPS = np.full(ROWS // GROUP, GROUP, np.int64)
NAMES = [f"f{number}" for number in range(FEATURES)]


class TestStock(FilterSuite):
    def data(self) -> Dataset:
        items = {"there": {"title": "a", "in_stock": 1.0}, "gone": {"title": "b", "in_stock": 0.0}, "unknown": {"title": "c"}}
        return toys.shop(toys.catalogue(items), [("u0", "there", 1.0, "purchase")])

    def filter(self, catalogue: Catalogue) -> Filter:
        return Stock(catalogue)

    def hidden(self) -> list[set[str]]:
        return [{"gone", "unknown"}] * 4


class TestAvailability(FilterSuite):
    def data(self) -> Dataset:
        items = {
            "past": {"title": "a", "available_until": NOON - 1},
            "now": {"title": "b", "available_from": NOON - 1, "available_until": NOON + 1},
            "soon": {"title": "c", "available_from": NOON + 1},
            "always": {"title": "d"},
        }
        return toys.shop(toys.catalogue(items), [("u0", "now", 1.0, "purchase")])

    def filter(self, catalogue: Catalogue) -> Filter:
        return Availability(catalogue)

    def requests(self) -> list[Request]:
        return [Request("at noon", "home", as_of=NOON), Request("later", "home", as_of=NOON + 2), Request("no time", "home")]

    def hidden(self) -> list[set[str]]:
        return [{"past", "soon"}, {"past", "now"}, {"past", "now", "soon"}]


class TestAsked(FilterSuite):
    def filter(self, catalogue: Catalogue) -> Filter:
        return Asked(catalogue)

    def requests(self) -> list[Request]:
        lamps = {"category": Condition(any_of=("Home",)), "price": Condition(lte=28)}
        not_hua = {"brand": Condition(none_of=("Hua",))}
        return [Request("lamps", "search", query="lamp", filters=lamps), Request("others", "home", filters=not_hua)]

    def hidden(self) -> list[set[str]]:
        return [set(toys.DOZEN) - {"lamp_blue"}, {"cup_tea", "pot_tea"}]


class TestSeen(FilterSuite):
    def data(self) -> Dataset:
        happened = [("u0", "lamp_red", 1.0, "purchase"), ("u0", "cup_tea", 1.0, "purchase"), ("u0", "cup_tea", 9.0, "purchase")]
        return toys.shop(toys.dozen(), [*happened, ("u0", "shoe_run", 9.5, "dismiss"), ("u1", "cup_tea", 2.0, "purchase")])

    def filter(self, catalogue: Catalogue) -> Filter:
        return Seen(catalogue)

    def requests(self) -> list[Request]:
        told = [Request("all", "home", "u0", exclude_seen=True), Request("none", "home", "u0", exclude_seen=False)]
        elsewhere = [Request("words", "search", "u0", query="x"), Request("page", "item", items=("pot_tea",))]
        return [Request("default", "home", "u0"), *told, *elsewhere]

    def hidden(self) -> list[set[str]]:
        return [{"lamp_red", "shoe_run"}, {"lamp_red", "cup_tea", "shoe_run"}, {"shoe_run"}, set(), {"pot_tea"}]


class TestLogistic(RankerSuite):
    def fitted(self) -> Ranker:
        return Logistic().fit(*lesson())

    def opened(self, folder: Path) -> Ranker:
        return Logistic.load(folder)


class TestLambdaMart(RankerSuite):
    def fitted(self) -> Ranker:
        return Boosted("order", epochs=60).fit(*lesson(), GROUPS, NAMES)

    def opened(self, folder: Path) -> Ranker:
        return Boosted.load(folder, "order")


class TestBoosted(RankerSuite):
    def fitted(self) -> Ranker:
        return Boosted("probability", epochs=60).fit(*lesson(), GROUPS, NAMES)

    def opened(self, folder: Path) -> Ranker:
        return Boosted.load(folder, "probability")


class TestSoftmax(RankerSuite):
    def fitted(self) -> Ranker:
        return Boosted("listwise", epochs=60).fit(*lesson(), GROUPS, NAMES)

    def opened(self, folder: Path) -> Ranker:
        return Boosted.load(folder, "listwise")


class TestUnbiasedLambdaMart(RankerSuite):
    def fitted(self) -> Ranker:
        return Boosted("unbiased", epochs=60).fit(*lesson(), GROUPS, NAMES, weight=np.ones(ROWS))

    def opened(self, folder: Path) -> Ranker:
        return Boosted.load(folder, "unbiased")


class TestRecall(FuserSuite):
    def columns(self) -> Mapping[str, NDArray[np.float32]]:
        share, rank = np.array([1, 0.5, np.nan, 0.2], np.float32), np.log1p(np.array([0, 1, np.nan, 2], np.float32))
        other, place = np.array([1, np.nan, 0.9, np.nan], np.float32), np.log1p(np.array([0, np.nan, 1, np.nan], np.float32))
        return {"one_share": share, "one_rank": rank, "two_share": other, "two_rank": place}

    def fitted(self) -> Fuser:
        return Recall(["one", "two"]).fit(self.columns(), np.array([1, 0, 0, 0], np.float32), np.array([0, 4]))


class TestRecallBySquares(TestRecall):
    def fitted(self) -> Fuser:
        return Recall(["one", "two"], "squared").fit(self.columns(), np.array([1, 0, 0, 0], np.float32), np.array([0, 4]))


class TestBlend(RankerSuite):
    def fitted(self) -> Ranker:
        x, taken = lesson()
        return Blend.of([Boosted(kind, leaves=4, epochs=20).fit(x, taken, GROUPS, NAMES) for kind in ("order", "probability")], x)

    def opened(self, folder: Path) -> Ranker:
        return Blend.load(folder)


class TestNgramEncoder(EncoderSuite):
    def encoder(self) -> NgramEncoder:
        return NgramEncoder(dimension=16).fit(list(self.texts()))


class TestBundleStore(StoreSuite):
    def store(self, folder: Path) -> BundleStore:
        return Store(folder)

    def damage(self, store: BundleStore, name: str) -> None:
        assert isinstance(store, Store)
        path = store.folder / name / "part" / "weights.bin"
        path.write_bytes(path.read_bytes()[::-1] + b"!")
