"""What the search may look at: no event or judgement of window 4, and two halves of window 3 that share no user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.core.events import Dataset, Judgements
from aisle.core.request import Request
from aisle.core.strings import Strings
from aisle.data.windows import cut
from aisle.evaluation.lists import Truth
from aisle.evaluation.replay import Replay
from aisle.settings import Settings
from aisle.tracking import Tracker
from aisle.training.budget import Budget
from aisle.tuning.requests import before_test, halves
from aisle.tuning.run import prepare


def replay(users: list[int]) -> Replay:
    asked = [Request(str(number), "home", user_id=str(user)) for number, user in enumerate(users)]
    return Replay("home", asked, Truth.of(len(users), np.arange(len(users)), np.zeros(len(users), int)), np.array(users, np.int32))


def test_a_user_stands_on_one_side_in_every_task_and_nothing_is_lost() -> None:
    users = list(range(60)) * 2
    search, proof = halves(replay(users), 7)
    again, _ = halves(replay(list(range(60))), 7)
    assert len(search) + len(proof) == 120 and min(len(search), len(proof)) > 20
    assert not set(search.users) & set(proof.users) and set(again.users) == set(search.users)


def test_who_is_nobody_is_a_user_of_his_own() -> None:
    search, proof = halves(replay([-1] * 100), 7)
    assert min(len(search), len(proof)) > 30


def test_window_4_is_gone_before_anything_else_happens(data: Dataset) -> None:
    queries = Strings.of([f"query {number}" for number in range(200)])
    rows = np.arange(200, dtype=np.int32)
    judged = Judgements(queries, rows, rows, np.ones(200, np.float32), np.full(200, -1, np.int8), 0.5)
    windows = cut(data.events, judged)
    less, left = before_test(replace(data, judgements=judged), windows)
    assert less.events.time.max() <= windows.cuts[2] and len(less.events) == (windows.event != 4).sum() == len(left.event)
    assert set(left.event) == {1, 2, 3} and less.judgements is not None
    assert set(windows.query[less.judgements.query]) == {1, 2, 3}


def test_a_shop_with_too_little_data_is_told_so(data: Dataset, tmp_path: Path) -> None:
    few = replace(data.known(np.arange(len(data.events)) < 4_000), judgements=None)
    with pytest.raises(InputError, match=r"Too little data.*30 requests in window 2 and 40 in window 3 \(home_new \d+ and \d+; .*Keep"):
        prepare(few, Settings(), Budget(1), Tracker(quiet=True), tmp_path)


def test_a_shop_without_events_is_told_so(data: Dataset, tmp_path: Path) -> None:
    none = replace(data.known(np.zeros(len(data.events), bool)), judgements=None)
    with pytest.raises(InputError, match="Too little data"):
        prepare(none, Settings(), Budget(1), Tracker(quiet=True), tmp_path)


def test_a_shop_that_only_judges_searches_tunes_by_them(data: Dataset, tmp_path: Path) -> None:
    search, bench = prepare(data.known(np.zeros(len(data.events), bool)), Settings(), Budget(1), Tracker(quiet=True), tmp_path)
    assert set(bench.asked) == {"search"} and bench.names == ("lexical", "popularity")
    assert {number.name.split(".")[0] for number in search.space} == {"trees"}
