"""The bench: settings reach what is fitted, a fit comes back when it is asked for again, and window 4 changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.retrieval.markov import Markov
from aisle.settings import Settings
from aisle.tuning.space import applied
from tests.tuning.conftest import Prepare


def test_settings_reach_the_source(data: Dataset, prepare: Prepare, tmp_path: Path) -> None:
    _, bench = prepare(data, Settings(), tmp_path)
    tuned = applied(Settings(), {"markov.falloff": 1.0, "markov.decay": 0.85})
    made, fresh = bench.source("markov", tuned), Markov(falloff=1.0, decay=0.85).fit(bench.job.learned_from("markov", False))
    assert isinstance(made, Markov) and made.settings() == fresh.settings()
    assert np.array_equal(made.neighbours_.weight, fresh.neighbours_.weight)
    assert not np.array_equal(made.neighbours_.weight, bench.source("markov", Settings()).neighbours_.weight)  # type: ignore[attr-defined]


def test_what_only_answers_read_needs_no_other_fit(data: Dataset, prepare: Prepare, tmp_path: Path) -> None:
    _, bench = prepare(data, Settings(), tmp_path)
    today, other = bench.source("markov", Settings()), bench.source("markov", applied(Settings(), {"markov.decay": 0.2}))
    assert isinstance(today, Markov) and isinstance(other, Markov)
    assert other.neighbours_ is today.neighbours_ and (today.decay, other.decay) == (0.6, 0.2)
    assert bench.source("markov", Settings()) is today


def test_settings_reach_the_figures(data: Dataset, prepare: Prepare, tmp_path: Path) -> None:
    _, bench = prepare(data, Settings(), tmp_path)
    today = bench.judge("home", Settings())
    trees = bench.judge("home", applied(Settings(), {"trees.epochs": 60}))
    assert [one.learned.rankers["lambdamart"].epochs for one in (today, trees)] == [160, 60]  # type: ignore[attr-defined]
    half = bench.judge("home", applied(Settings(), {"popularity.half_life": 30, "item_knn.decay": 0.3, "repeat.half_life": 30.0}))
    assert 0 < half.value != today.value > 0
    proof = bench.proof("home", Settings(), today)
    assert len(proof) == len(bench.asked["home"].proof) and 0 < np.nanmean(proof) < 1


def test_window_4_may_hold_anything_and_the_search_is_the_same(data: Dataset, prepare: Prepare, tmp_path: Path) -> None:
    events, last = data.events, cut(data.events).event == 4
    item = np.where(last, np.random.default_rng(1).integers(0, len(data.catalogue), len(events)), events.item).astype(np.int32)
    kind = np.where(last, events.type[0], events.type).astype(events.type.dtype)
    user = np.where(last, 0, events.user).astype(np.int32)
    other = replace(data, events=replace(events, item=item, type=kind, user=user))
    found = []
    for place, shop in enumerate((data, other)):
        search, _ = prepare(shop, Settings(), tmp_path / str(place))
        for _ in range(2):
            if not search.study.trials:
                search.study.enqueue_trial({number.name: number.place for number in search.space})
            search._trial()
        found.append([(trial.params, trial.value) for trial in search.study.trials])
    assert found[0] == found[1] and len(found[0]) == 2 and found[0][0][1] != found[0][1][1]
