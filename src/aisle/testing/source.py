"""What a source promises, as tests that a new one inherits: `class TestMine(SourceSuite)` with `def source(self): return Mine()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from aisle.core.candidates import Candidates
from aisle.core.events import Dataset, Events
from aisle.core.request import Request, Surface
from aisle.core.stage import Allowed, Block, Source
from aisle.testing import toys
from aisle.testing.blocks import answers, ask, block, every_item, frozen, renamed, until


class SourceSuite:
    """Runs under pytest. A source that needs another shop overrides `data`, one that needs another question overrides `requests`."""

    def source(self) -> Source:
        """A fresh, unfitted source with fixed seeds."""
        raise NotImplementedError

    def data(self) -> Dataset:
        """The shop to fit on: twelve bilingual items, 24 users, a clock."""
        return toys.bilingual()

    def requests(self) -> list[Request]:
        """Something of each surface; the suite keeps those that the source serves."""
        home = [ask("home", "u0"), ask("home", "u1"), ask("home", "u7", as_of=toys.START + 9.5 * toys.DAY), ask("home", "nobody")]
        words = [ask("search", "u2", query="red lamp"), ask("search", query="茶"), ask("search", query="zzzzqqqq")]
        near = [ask("item", "u3", items=["cup_tea"]), ask("basket", items=["lamp_red", "lamp_blue"]), ask("similar", items=["shoe_run"])]
        rank = [ask("rank", "u4", query="tea cup", items=["cup_tea", "pot_tea"]), ask("rank", "u5", items=["shoe_run"])]
        return [*home, *words, *near, *rank]

    def fitted(self) -> Source:
        """The source after fitting on `data`."""
        return self.source().fit(self.data())

    def block(self, requests: Sequence[Request] | None = None) -> Block:
        """The requests that the source serves, against `data`."""
        surfaces = self.source().surfaces
        asked = self.requests() if requests is None else requests
        return block(self.data(), [request for request in asked if request.surface in surfaces])

    def retrieve(self, source: Source, asked: Block, limit: int = 100) -> Candidates:
        """Without any filter."""
        return source.retrieve(asked, Allowed.everything(len(self.data().catalogue), len(asked)), limit)

    def test_it_is_a_source_with_a_name_and_known_surfaces(self) -> None:
        source = self.source()
        assert isinstance(source, Source)
        assert source.name == source.name.lower() and source.name.isidentifier()
        assert source.surfaces and source.surfaces <= {"search", "home", "item", "basket", "similar", "rank"}

    def test_it_has_something_to_say(self) -> None:
        found = self.retrieve(self.fitted(), self.block())
        assert len(found), "no candidate for any of the suite's requests: override `data` or `requests`"
        assert np.isfinite(found["score"]).all()

    def test_candidates_come_best_first_and_each_once(self) -> None:
        found = self.retrieve(self.fitted(), self.block())
        for request in range(found.requests):
            part = found.of_request(request)
            assert (np.diff(found["score"][part]) <= 0).all()
            assert len(np.unique(found.item[part])) == part.stop - part.start

    def test_it_proposes_at_most_the_limit_and_the_same_ones_first(self) -> None:
        source, asked = self.fitted(), self.block()
        few, many = self.retrieve(source, asked, 2), self.retrieve(source, asked)
        assert (few.counts == np.minimum(many.counts, 2)).all()
        for short, long in zip(answers(self.data().catalogue, few), answers(self.data().catalogue, many), strict=True):
            assert [score for _, score in short] == [score for _, score in long[:2]]

    def test_only_what_is_allowed_is_proposed_and_a_narrow_filter_still_fills(self) -> None:
        source, asked = self.fitted(), self.block()
        free = self.retrieve(source, asked)
        own = [np.isin(np.arange(len(self.data().catalogue)), free.item[free.of_request(r)][-2:]) for r in range(len(asked))]
        allowed = Allowed(np.ones(len(self.data().catalogue), bool), own, [np.zeros(0, np.int32)] * len(asked))
        found = source.retrieve(asked, allowed, 2)
        assert allowed.holds(found).all()
        assert (found.counts == np.minimum(free.counts, 2)).all(), "filter first, then cut: a late filter empties the page"

    def test_what_is_excluded_is_not_proposed(self) -> None:
        source, asked = self.fitted(), self.block()
        free = self.retrieve(source, asked)
        first = [free.item[free.of_request(request)][:1] for request in range(len(asked))]
        nothing: list[None] = [None] * len(asked)
        found = source.retrieve(asked, Allowed(np.ones(len(self.data().catalogue), bool), nothing, first), 100)
        assert (found.counts == np.maximum(free.counts - 1, 0)).all()
        assert not any(np.isin(found.item[found.of_request(r)], first[r]).any() for r in range(len(asked)))

    def test_fitting_and_asking_twice_gives_the_same(self) -> None:
        ids, asked = self.data().catalogue, self.block()
        one, two = (self.retrieve(self.fitted(), asked) for _ in range(2))
        assert answers(ids, one) == answers(ids, two)

    def test_a_block_answers_as_its_requests_would_alone(self) -> None:
        source, asked = self.fitted(), self.block()
        together = answers(self.data().catalogue, self.retrieve(source, asked))
        for number, request in enumerate(asked.requests):
            (alone,) = answers(self.data().catalogue, self.retrieve(source, self.block([request])))
            assert [item for item, _ in alone] == [item for item, _ in together[number]]
            scores = np.array([score for _, score in alone])
            least = 1e-6 * np.abs(scores).max(initial=0)
            np.testing.assert_allclose(scores, [score for _, score in together[number]], rtol=1e-5, atol=least)

    def test_score_is_the_score_of_what_was_proposed_and_missing_elsewhere(self) -> None:
        source, asked = self.fitted(), self.block()
        found = self.retrieve(source, asked)
        assert source.score(asked, found).dtype == np.float32
        np.testing.assert_allclose(source.score(asked, found), found["score"], rtol=1e-5)
        items = len(self.data().catalogue)
        every = source.score(asked, every_item(items, len(asked))).reshape(len(asked), items)
        for request in range(len(asked)):
            proposed = np.isin(np.arange(items), found.item[found.of_request(request)])
            assert np.isfinite(every[request, proposed]).all()
            unsaid = every[request, ~proposed]
            assert np.isnan(unsaid[unsaid > 0]).all() and not np.isinf(unsaid).any(), "an item with a score above 0 must be proposed"

    def test_a_saved_source_answers_the_same(self, tmp_path: Path) -> None:
        source, asked, ids = self.fitted(), self.block(), self.data().catalogue
        folder = tmp_path / source.name
        folder.mkdir()
        source.save(folder)
        opened = type(source).load(folder, ids)
        assert (opened.name, opened.surfaces) == (source.name, source.surfaces)
        assert answers(ids, self.retrieve(opened, asked)) == answers(ids, self.retrieve(source, asked))

    def test_a_stranger_with_the_same_history_gets_the_same(self) -> None:
        source, data = self.fitted(), self.data()
        moved = replace(data, events=renamed(data.events, "u0", "stranger"))
        surface: Surface = "home" if "home" in source.surfaces else "search"
        known, strange = (ask(surface, user, query="tea" if surface == "search" else None) for user in ("u0", "stranger"))
        one = self.retrieve(source, block(data, [known]))
        two = self.retrieve(source, block(moved, [strange]))
        assert answers(data.catalogue, one) == answers(data.catalogue, two), "a user must be known by the history alone"

    def test_what_happens_later_changes_nothing(self) -> None:
        data = self.data()
        moment = float(np.median(data.events.time))
        past = replace(data, events=until(data.events, moment))
        source = self.source().fit(past)
        requests = [ask(r.surface, r.user_id, r.query, r.items, as_of=moment) for r in self.requests() if r.surface in source.surfaces]
        before, after = (self.retrieve(source, block(known, requests)) for known in (past, data))
        assert answers(data.catalogue, before) == answers(data.catalogue, after)

    def test_a_log_of_nothing_one_event_or_two_users_is_no_accident(self) -> None:
        data = self.data()
        one, two = data.events.where(np.arange(len(data.events)) < 1), data.events.where(data.events.user < 2)
        for events in (Events.none(), one, two):
            small = replace(data, events=events)
            source = self.source().fit(small)
            asked = block(small, [r for r in self.requests() if r.surface in source.surfaces])
            found = self.retrieve(source, asked)
            assert not len(found) or np.isfinite(found["score"]).all()
            assert len(source.score(asked, every_item(len(data.catalogue), len(asked)))) == len(data.catalogue) * len(asked)

    def test_a_log_without_a_clock_is_no_accident(self) -> None:
        ordered = toys.checkerboard(clock=False)
        source = self.source().fit(ordered)
        asked = block(ordered, [ask("home", "u0"), ask("home", "nobody")])
        found = source.retrieve(asked, Allowed.everything(len(ordered.catalogue), 2), 5)
        assert not len(found) or np.isfinite(found["score"]).all()

    def test_events_of_unknown_items_teach_nothing(self) -> None:
        data, ids = self.data(), self.data().catalogue
        twice = np.repeat(np.arange(len(data.events)), 2)
        doubled = data.events.where(twice)  # type: ignore[arg-type]
        doubled.item[1::2] = -1
        known = replace(data, events=doubled)
        asked = [r for r in self.requests() if r.surface in self.source().surfaces]
        plain = self.retrieve(self.source().fit(data), block(data, asked))
        noisy = self.retrieve(self.source().fit(known), block(known, asked))
        assert answers(ids, plain) == answers(ids, noisy)

    def test_an_empty_block_is_answered_with_nothing(self) -> None:
        source, empty = self.fitted(), block(self.data(), [])
        found = self.retrieve(source, empty)
        assert (found.requests, len(found)) == (0, 0)
        assert len(source.score(empty, found)) == 0

    def test_the_block_is_left_as_it_was(self) -> None:
        source, asked = self.fitted(), self.block()
        before = frozen(asked)
        candidates = self.retrieve(source, asked)
        source.score(asked, candidates)
        for name, array in frozen(asked).items():
            np.testing.assert_array_equal(array, before[name], err_msg=name)
