"""The search: today's numbers first, the time obeyed, taken up where it stopped, shared, and nothing judged twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

from aisle.settings import Settings
from aisle.tracking.run import Run, part, tracked
from aisle.tuning.search import Search
from tests.tracking.heard import Heard
from tests.tuning.benches import Clock, numbers, search


def tried(found: Search) -> list[dict[str, int]]:
    return [trial.params for trial in found.study.trials]


def test_the_first_trial_is_the_settings_as_they_are(tmp_path: Path) -> None:
    settings = Settings.model_validate({"tuned": {"markov": {"decay": 0.4}}})
    found = search(tmp_path, 0.2, settings=settings)
    found.run()
    first = found.study.trials[0]
    assert found.first is not None and found.first.number == 0
    assert found.numbers(first.params) == {one.name: one.today for one in numbers(settings)}
    assert found.settings_of(first.params) == settings


def test_without_anything_better_the_first_trial_is_the_best(tmp_path: Path) -> None:
    found = search(tmp_path, 0.3, worth=lambda task, settings: 0.2)
    found.run()
    assert len(found.finished) > 2 and found.best is not None and found.best.number == 0


def test_a_better_setting_is_found(tmp_path: Path) -> None:
    found = search(tmp_path, 0.6, tasks=("home",))
    found.run()
    assert found.best is not None and found.numbers(found.best.params)["markov.decay"] == 0.85
    assert set(found.learned) == {0, found.best.number}
    assert max(found.importances(), key=lambda name: found.importances()[name]) == "markov.decay"


def test_a_search_that_goes_on_counts_on_and_tries_what_one_long_search_would(tmp_path: Path) -> None:
    long = search(tmp_path / "long", 0.6)
    long.run()
    for _ in range(2):
        short = search(tmp_path / "short", 0.3)
        short.run()
    numbers_seen = [trial.number for trial in short.study.trials]
    assert numbers_seen == list(range(len(numbers_seen))) and len(numbers_seen) > 12
    assert tried(short) == tried(long)[: len(numbers_seen)]
    assert [params for params in tried(short) if params == tried(short)[0]] == [tried(short)[0]]


@pytest.mark.parametrize("seconds", [1.0, 4.0, 7.0])
def test_no_trial_begins_that_would_end_after_the_time(tmp_path: Path, seconds: float) -> None:
    clock = Clock()
    found = search(tmp_path, 1, clock=clock, seconds=seconds)
    found.run()
    assert clock.now <= 60 - seconds
    assert len(found.finished) > 2


def test_too_little_time_still_measures_today_and_nothing_else(tmp_path: Path) -> None:
    found = search(tmp_path, 0.1, seconds=50.0)
    found.run()
    assert len(found.study.trials) == 1 and found.first is not None


def test_a_trial_that_the_time_overtakes_ends_between_two_tasks(tmp_path: Path) -> None:
    clock = Clock()
    found = search(tmp_path, 1, clock=clock, seconds=1.0)
    found.run()
    found.budget.minutes += 0.1
    found.bench.seconds = 30.0  # type: ignore[attr-defined]
    found.run()
    assert found.study.trials[-1].state == TrialState.PRUNED
    assert found.bench.seen[-1][0] == "home"  # type: ignore[attr-defined]


def test_a_trial_that_falls_behind_is_not_judged_on_the_other_tasks(tmp_path: Path) -> None:
    found = search(tmp_path, 0.6)
    found.run()
    ended = [trial for trial in found.study.trials if trial.state == TrialState.PRUNED]
    assert ended and all(len(trial.user_attrs["tasks"]) == 1 for trial in ended)
    assert all(trial.number >= 5 for trial in ended)
    looks = [task for task, _ in found.bench.seen]  # type: ignore[attr-defined]
    assert looks.count("home") - looks.count("search") == len(ended)


def test_no_settings_are_judged_twice_and_a_small_space_comes_to_its_end(tmp_path: Path) -> None:
    clock = Clock()
    found = search(tmp_path, 60, worth=lambda task, settings: 0.2, clock=clock)
    found.space = [one for one in numbers() if one.name in ("markov.decay", "item_knn.shrink")]
    found.run()
    seen = [settings.tuned for task, settings in found.bench.seen if task == "home"]  # type: ignore[attr-defined]
    assert len({repr(one) for one in seen}) == len(seen) <= 30
    assert clock.now < 120


def test_what_breaks_a_trial_is_raised_and_today_is_measured_the_next_time(tmp_path: Path) -> None:
    def broken(task: str, settings: Settings) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, 1, worth=broken).run()
    found = search(tmp_path, 0.3)
    found.run()
    assert found.study.trials[0].state == TrialState.FAIL
    assert found.first is not None and found.first.number == 1


def test_two_searches_share_one_journal(tmp_path: Path) -> None:
    one, two = search(tmp_path, 0.15), search(tmp_path, 0.3)
    one.run()
    mine = len(one.study.trials)
    two.run()
    assert tried(one) == tried(two) and len(tried(two)) > mine
    assert two.first is not None and two.first.number == 0 and 0 not in two.learned


def test_a_trial_that_is_proved_again_counts_once_and_is_remembered(tmp_path: Path) -> None:
    found = search(tmp_path, 0.1)
    assert [found.looked(number) for number in (3, 3, 5)] == [1, 1, 2]
    assert search(tmp_path, 0.1).looked(3) == 2


def test_todays_numbers_are_measured_once_while_another_process_is_at_them(tmp_path: Path) -> None:
    other, found = search(tmp_path, 1), search(tmp_path, 0.5)
    other._enqueue()
    running = other.study.ask({number.name: IntDistribution(0, len(number.grid) - 1) for number in other.space})
    looks: list[int] = []

    def worth(task: str, settings: Settings) -> float:
        looks.append(1)
        if len(looks) == 4:
            running.set_user_attr("tasks", [0.2, 0.1])
            running.set_user_attr("seconds", 2.0)
            other.study.tell(running, 0.15)
        return 0.1

    found.bench.worth = worth  # type: ignore[attr-defined]
    found.run()
    assert found.first is not None and found.first.number == 0 and len(found.study.trials) > 3
    assert all(params != tried(found)[0] for params in tried(found)[1:])


def test_todays_numbers_are_measured_at_the_end_where_another_process_was_killed_at_them(tmp_path: Path) -> None:
    other, found = search(tmp_path, 1), search(tmp_path, 0.4)
    other._enqueue()
    other.study.ask({number.name: IntDistribution(0, len(number.grid) - 1) for number in other.space})
    found.run()
    assert found.study.trials[0].state == TrialState.RUNNING
    assert found.first is not None and found.first.number == len(found.study.trials) - 1 > 2
    assert found.budget.whole > 0


def test_each_finished_trial_is_told(tmp_path: Path) -> None:
    heard, made = Heard(), search(tmp_path, 0.6)
    with tracked(Run([heard])), part("trials"):
        made.run()
    told = heard.of("trials")
    assert {number: values["development"] for number, values in told.items()} == {one.number: one.value for one in made.finished}
    assert all(values["seconds"] >= 0 for values in told.values())
