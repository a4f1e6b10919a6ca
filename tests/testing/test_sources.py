"""Every source of this house passes the suite that a source from outside would."""

from __future__ import annotations

from dataclasses import replace

from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.retrieval.als import Als
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import Bm25Knn, ItemKnn, SessionKnn
from aisle.retrieval.late import LateInteraction
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.markov import FirstOrder, Markov
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.new_items import NewItems
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.registry import SOURCES
from aisle.retrieval.repeat import Repeat
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.trending import Trending
from aisle.retrieval.two_tower import TwoTower
from aisle.testing.source import SourceSuite
from aisle.testing.toys import DAY, DOZEN, START, bilingual, catalogue
from aisle.text.ngram import NgramEncoder
from tests.text.tiny import tiny_encoder


def encoder() -> NgramEncoder:
    return NgramEncoder(dimension=8).fit(list(bilingual().catalogue.text("title")))


class TestLexical(SourceSuite):
    def source(self) -> Source:
        return Lexical()


class TestDense(SourceSuite):
    def source(self) -> Source:
        return Dense(encoder())


class TestLateInteraction(SourceSuite):
    def source(self) -> Source:
        return LateInteraction(tiny_encoder(("red", "lamp", "tea", "cup", "pot", "blue", "desk", "shoe", "running")))


class TestContent(SourceSuite):
    def source(self) -> Source:
        return Content(encoder())


class TestItemKnn(SourceSuite):
    def source(self) -> Source:
        return ItemKnn()


class TestBm25Knn(SourceSuite):
    def source(self) -> Source:
        return Bm25Knn()


class TestSessionKnn(SourceSuite):
    """Every shopper of the toy stays for one session."""

    def source(self) -> Source:
        return SessionKnn()

    def data(self) -> Dataset:
        plain = bilingual()
        return Dataset(plain.catalogue, replace(plain.events, session=plain.events.user.copy()))


class TestMarkov(SourceSuite):
    def source(self) -> Source:
        return Markov()


class TestFirstOrder(SourceSuite):
    def source(self) -> Source:
        return FirstOrder()


class TestEase(SourceSuite):
    def source(self) -> Source:
        return Ease(regularization=5.0)


class TestSasRec(SourceSuite):
    def source(self) -> Source:
        return SasRec(embedding_size=8, blocks=1, length=6, dropout=0.0, negatives=8, learning_rate=1e-2, epochs=60)


class TestTwoTower(SourceSuite):
    def source(self) -> Source:
        return TwoTower(embedding_size=8, epochs=20)


class TestTwoTowerBySquares(SourceSuite):
    def source(self) -> Source:
        return TwoTower(embedding_size=8, loss="squared", learning_rate=1e-2, epochs=40)


class TestNcf(SourceSuite):
    def source(self) -> Source:
        return Ncf(embedding_size=8, epochs=20)


class TestNcfByProducts(SourceSuite):
    def source(self) -> Source:
        return Ncf(embedding_size=8, model="gmf", epochs=20)


class TestNcfByLayers(SourceSuite):
    def source(self) -> Source:
        return Ncf(embedding_size=8, model="mlp", epochs=20)


class TestAls(SourceSuite):
    def source(self) -> Source:
        return Als(embedding_size=8)


class TestPopularity(SourceSuite):
    def source(self) -> Source:
        return Popularity()


class TestTrending(SourceSuite):
    def source(self) -> Source:
        return Trending()


class TestRepeat(SourceSuite):
    def source(self) -> Source:
        return Repeat()


class TestNewItems(SourceSuite):
    def source(self) -> Source:
        return NewItems()

    def data(self) -> Dataset:
        plain = bilingual()
        created = {item: START + day * DAY for day, item in enumerate(DOZEN)}
        items = catalogue({item: {"title": item, "created_at": created[item]} for item in DOZEN})
        return Dataset(items, plain.events)


def test_every_source_is_under_test() -> None:
    """Pictures stand in `tests/retrieval/test_pictures.py`."""
    suites = [kind for kind in globals().values() if isinstance(kind, type) and issubclass(kind, SourceSuite) and kind is not SourceSuite]
    assert {kind().source().name for kind in suites} == set(SOURCES) - {"pictures"}
