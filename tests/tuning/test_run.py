"""`aisle tune` from a folder to a proposal, and the numbers of aisle.toml in a training: sources, refit, bundle, rankers."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.evaluation.results import Measured
from aisle.retrieval.registry import SOURCES
from aisle.settings import Settings, load
from aisle.simulate.shop import simulate
from aisle.tracking import Tracker
from aisle.training import learn as learning
from aisle.training import tasks
from aisle.training.budget import Budget
from aisle.training.job import Job, plain_stacks
from aisle.training.learn import Recipe
from aisle.training.parts import Parts
from aisle.tuning import bench, outcome, run
from aisle.tuning.outcome import Outcome
from aisle.tuning.proof import Proof
from aisle.tuning.search import Search
from tests.cli.command import aisle
from tests.training.clock import Clock
from tests.training.shelves import shelf
from tests.tuning.benches import search

TUNED = Settings.model_validate(
    {"tuned": {"markov": {"decay": 0.4}, "item_knn": {"shrink": 33.0}, "popularity": {"half_life": 30}, "trees": {"epochs": 9}}}
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Search:
    """A search that is over."""
    made = search(tmp_path_factory.mktemp("work"), 0.6, tasks=("home",))
    made.run()
    return made


def made(found: Search, proof: Proof | None) -> Outcome:
    """Its outcome with this proof."""
    return outcome.outcome(found, {"home": SimpleNamespace(fit=[1], search=[1, 2], proof=[1])}, proof, 0)  # type: ignore[dict-item]


@pytest.mark.parametrize("whole", [False, True])
def test_numbers_of_the_settings_reach_both_fits_and_what_is_saved(data: Dataset, tmp_path: Path, whole: bool) -> None:
    windows = cut(data.events, data.judgements)
    job = Job(data, windows, TUNED, Budget(5), Tracker(quiet=True), Parts(tmp_path / "parts", {}), {})
    for name in ("markov", "item_knn", "popularity"):
        job.source(name, whole).save(tmp_path / name)
        held = json.loads((tmp_path / name / "settings.json").read_text(encoding="utf-8"))
        assert TUNED.tuned.of(name).items() <= held.items()
        assert SOURCES[name]().settings().items() != held.items()  # type: ignore[attr-defined]


def test_numbers_of_the_trees_reach_the_rankers() -> None:
    made, _ = learning.fit_rankers(shelf(200), Recipe(None, 7, trees=TUNED.tuned.of("trees")))
    assert {made[name].epochs for name in ("lambdamart", "boosted")} == {9}  # type: ignore[attr-defined]


def test_a_task_learns_by_the_trees_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    class LearningError(Exception):
        """Where the test ends; it holds the recipe."""

    def learned(*given: object) -> object:
        raise LearningError(given[-1])

    frames = SimpleNamespace(fit=shelf(5), dev=shelf(5))
    for name, made in {"_chosen": (("popularity",), []), "replayed": frames, "_heads": frozenset[str]()}.items():
        monkeypatch.setattr(tasks, name, lambda *_, made=made: made)
    monkeypatch.setattr(tasks, "with_reading", learned)
    job = SimpleNamespace(settings=TUNED, tracker=Tracker(quiet=True), encoder="", budget=Budget(1))
    with pytest.raises(LearningError) as ended:
        tasks.run_task(job, None, plain_stacks(["popularity"])["home"], {}, tasks.Planned(), lambda: 1.0)  # type: ignore[arg-type]
    assert ended.value.args[0].trees == {"epochs": 9}


def test_a_folder_is_tuned_and_a_second_run_goes_on(folder: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "load_dataset", lambda *_: (data, None))
    monkeypatch.setattr(run, "OTHERS", ())
    monkeypatch.setattr(bench, "Recipe", partial(Recipe, only=("logistic",)))
    asked = run.asked
    monkeypatch.setattr(run, "asked", lambda job: {"home": asked(job)["home"]})
    first, again = (run.tune(folder, quiet=True, budget=Budget(0.3, Clock(1.0))) for _ in range(2))
    assert first.rows[0].differs == {} and first.rows[0].state == "complete"
    assert again.before > 0 and [row.number for row in again.rows] == list(range(len(again.rows)))
    assert again.rows[: len(first.rows)] == first.rows
    stored = json.loads(json.dumps(again.to_json()))
    assert stored["metric"] == "ndcg@10" and stored["tasks"]["home"]["proof"] > 0 and len(stored["trials"]) == len(again.rows)
    assert (stored["proof"] is None) == (stored["best"] == 0)


def test_a_proved_gain_is_told_proposed_and_written(found: Search, tmp_path: Path) -> None:
    told = made(found, Proof(Measured(0.02, 0.01, 0.03, 90), 0.001, {"home": (0.3, 0.32)}))
    assert "On 90 requests" in told.words and "significant gain. Take it" in told.words and "[tuned.markov]\n" in told.lines()[-1]
    assert told.history[0][0] == 0 and told.history[-1][0] == told.best and told.lines()[1].startswith("What matters: markov.decay")
    assert told.to_json()["proof"] == {
        "value": 0.02,
        "low": 0.01,
        "high": 0.03,
        "n": 90,
        "remark": "",
        "p": 0.001,
        "looks": 1,
        "significant": True,
    }  # type: ignore[index,call-overload]
    (tmp_path / "aisle.toml").write_text('name = "Lamps"  # ours\n', encoding="utf-8")
    assert run.keep(tmp_path, told) == tmp_path / "aisle.toml"
    assert load(tmp_path).tuned.markov.decay == 0.85 and "# ours" in (tmp_path / "aisle.toml").read_text(encoding="utf-8")


def test_what_ended_early_has_no_value_and_is_never_the_best_so_far(tmp_path: Path) -> None:
    ended = search(tmp_path, 0.6)
    ended.run()
    rows = made(ended, None).rows
    assert {row.state: row.value is None for row in rows} == {"complete": False, "pruned": True}
    assert f"{sum(row.value is None for row in rows)} of them ended early" in str(made(ended, None).table().caption)


@pytest.mark.parametrize(
    ("proof", "told"),
    [
        (Proof(Measured(0.02, -0.01, 0.03, 90), 0.3, {}), "not significant, it may be chance. The settings should stay"),
        (Proof(Measured(0.02, 0.001, 0.03, 90), 0.08, {}, 2), "p = 0.080 for 2 trials proved so): not significant"),
        (Proof(Measured(-0.02, -0.05, 0.01, 90), 0.3, {}), "was chance. The settings should stay"),
        (None, "Nothing was better than the settings as they are"),
    ],
)
def test_what_is_not_proved_is_said_and_not_written(found: Search, tmp_path: Path, proof: Proof | None, told: str) -> None:
    ended = made(found, proof)
    assert told in ended.words and ended.lines()[-1] == ended.words
    assert run.keep(tmp_path, ended) is None and not (tmp_path / "aisle.toml").exists()


def test_sources_that_take_too_much_of_the_time_are_fitted_once_or_left_out() -> None:
    def at(seconds: float, **more: object) -> run.Sources:
        return run.choose(Settings.model_validate(more), seconds, 1_000, 40_000, {"home": 1})

    assert "als" in at(120).tried and "als" in at(30).names and "als" not in at(30).tried and "als" not in at(6).names
    assert "als" not in at(120, retrieval={"als": False}).names and "item_knn" in at(1).tried
    assert "ease" not in run.choose(Settings(), 1e9, 30_000, 40_000, {"home": 1}).names


def test_the_command_ends_with_1_and_says_why_when_there_is_too_little(tmp_path: Path) -> None:
    simulate(tmp_path, 60, 500, 7, pictures=False)
    told = aisle("tune", tmp_path, "--minutes", "0.1")
    assert told.status == 1 and "Too little data to tune by" in told.error and "Keep the defaults" in told.error


def test_the_command_shows_the_trials_and_writes_what_it_is_asked_to(
    found: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proved = made(found, Proof(Measured(0.02, 0.01, 0.03, 90), 0.001, {}))
    monkeypatch.setattr(run, "tune", lambda folder, minutes: proved)
    told = aisle("tune", tmp_path, "--json", tmp_path / "o.json", "--write")
    assert told.status == 0 and "nothing: the settings as they are" in " ".join(told.out.split()) and "Take it." in told.out
    assert "Next: aisle train" in told.error and load(tmp_path).tuned.markov.decay == 0.85
    assert json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))["significant"] is True
    monkeypatch.setattr(run, "tune", lambda folder, minutes: replace(proved, proof=None))
    assert "stays as it is" in aisle("tune", tmp_path, "--write").error
