"""The suite for sources notices each broken promise: one bad source for each, and a good one that passes it all."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Allowed, Block, Scores, Source
from aisle.testing.source import SourceSuite


class Longest:
    """Proposes every item, the one with the longest title first: a dull source that keeps all promises."""

    name, surfaces = "longest", frozenset({"home", "search"})

    def fit(self, data: Dataset) -> Self:
        self.length_ = np.array([len(title) + 1 / (2 + row) for row, title in enumerate(data.catalogue.text("title"))], np.float32)
        return self

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        order = np.argsort(-self.length_, kind="stable").astype(np.int32)
        chosen = [order[allowed.mask(request)[order]][:limit] for request in range(len(block))]
        return Candidates.of(chosen, score=[self.length_[rows] for rows in chosen])

    def score(self, block: Block, candidates: Candidates) -> Scores:
        return self.length_[candidates.item]

    def save(self, folder: Path) -> None:
        np.save(folder / "length.npy", self.length_)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        source = cls()
        source.length_ = np.load(folder / "length.npy", allow_pickle=False)
        return source


class Lawless(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        return super().retrieve(block, Allowed.everything(len(self.length_), len(block)), limit)


class FiltersLate(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        found = super().retrieve(block, Allowed.everything(len(self.length_), len(block)), limit)
        return found.keep(allowed.holds(found))


class WorstFirst(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        found = super().retrieve(block, allowed, limit)
        return found.take(np.lexsort((found["score"], found.request)))


class SaysItTwice(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        found = super().retrieve(block, allowed, limit)
        lists = [np.repeat(found.item[found.of_request(request)], 2) for request in range(len(block))]
        return Candidates.of(lists, score=[self.length_[rows] for rows in lists])


class NoEnd(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        return super().retrieve(block, allowed, limit + 1)


class KnowsNames(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        kept = 0 if any(request.user_id == "stranger" for request in block.requests) else limit
        return super().retrieve(block, allowed, kept)


class LooksAround(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        return super().retrieve(block, allowed, min(limit, 13 - len(block)))


class Forgetful(Longest):
    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        source = cls()
        source.length_ = np.ones(len(catalogue), np.float32)
        return source


class Dice(Longest):
    def fit(self, data: Dataset) -> Self:
        self.length_ = np.random.default_rng().random(len(data.catalogue)).astype(np.float32)
        return self


class TwoScales(Longest):
    def score(self, block: Block, candidates: Candidates) -> Scores:
        return 2 * super().score(block, candidates)


class Meddler(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        block.profiles.recent.item[:] = 0
        return super().retrieve(block, allowed, limit)


class NeedsEvents(Longest):
    def fit(self, data: Dataset) -> Self:
        data.events.time[0]
        return super().fit(data)


class Silent(Longest):
    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        return Candidates.none(len(block))


class CountsGhosts(Longest):
    def fit(self, data: Dataset) -> Self:
        super().fit(data)
        self.length_ += np.bincount(data.events.item, minlength=len(self.length_)).astype(np.float32) if len(data.events) < 400 else 0
        return self


def run(kind: type[Source], name: str, tmp_path: Path) -> None:
    suite = type("Suite", (SourceSuite,), {"source": lambda self: kind()})()
    test = getattr(suite, name)
    test(*([tmp_path] if "tmp_path" in inspect.signature(test).parameters else []))


TESTS = [name for name in vars(SourceSuite) if name.startswith("test_")]

CAUGHT = {
    Lawless: "test_what_is_excluded_is_not_proposed",
    FiltersLate: "test_only_what_is_allowed_is_proposed_and_a_narrow_filter_still_fills",
    WorstFirst: "test_candidates_come_best_first_and_each_once",
    SaysItTwice: "test_candidates_come_best_first_and_each_once",
    NoEnd: "test_it_proposes_at_most_the_limit_and_the_same_ones_first",
    KnowsNames: "test_a_stranger_with_the_same_history_gets_the_same",
    LooksAround: "test_a_block_answers_as_its_requests_would_alone",
    Forgetful: "test_a_saved_source_answers_the_same",
    Dice: "test_fitting_and_asking_twice_gives_the_same",
    TwoScales: "test_score_is_the_score_of_what_was_proposed_and_missing_elsewhere",
    Meddler: "test_the_block_is_left_as_it_was",
    Silent: "test_it_has_something_to_say",
}


@pytest.mark.parametrize("name", TESTS)
def test_a_source_that_keeps_its_promises_passes(name: str, tmp_path: Path) -> None:
    run(Longest, name, tmp_path)


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_a_broken_promise_is_noticed(kind: type[Source], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        run(kind, CAUGHT[kind], tmp_path)


def test_a_source_that_cannot_do_without_events_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        run(NeedsEvents, "test_a_log_of_nothing_one_event_or_two_users_is_no_accident", tmp_path)


def test_a_source_that_counts_events_of_unknown_items_is_noticed(tmp_path: Path) -> None:
    with pytest.raises((AssertionError, ValueError)):
        run(CountsGhosts, "test_events_of_unknown_items_teach_nothing", tmp_path)
