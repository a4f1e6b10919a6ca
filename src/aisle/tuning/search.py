"""The search itself: Optuna proposes steps of the grid, the bench says what they are worth, a journal on disk keeps every trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from aisle.settings import Settings
from aisle.tracking.run import point
from aisle.training.budget import Budget
from aisle.tuning.bench import Judged
from aisle.tuning.space import Number, applied

STARTUP = 10
"""Trials drawn at random before TPE has something to learn from (Bergstra et al. 2011; Optuna's default)."""
UNPRUNED = 5
"""Trials that are never ended early: the median of fewer says little."""
PROVING = 0.5
"""Parts of a trial that are kept back to prove the best one; and a whole one for each side that another process learned."""
NEWEST = 5
"""Trials by which it is told how long the next one may take."""
IN_A_ROW = 20
"""Settings proposed again one after another from which the search has nothing new to try."""
TOLD = 20
"""Finished trials from which importances are worth telling."""
PROVED = "proved/"


class Measures(Protocol):
    """Whatever judges one task under some settings, as `aisle.tuning.bench.Bench` does."""

    @property
    def asked(self) -> Mapping[str, Any]: ...
    def judge(self, task: str, settings: Settings) -> Judged: ...


class ByNumber(BaseSampler):
    """TPE (Bergstra et al. 2011) whose random numbers depend on the trial's number alone: a search that was interrupted and goes on
    proposes what it would have proposed, and processes that share a journal do not draw the same."""

    def __init__(self, seed: int) -> None:
        self.seed, self._held = seed, (-1, TPESampler(seed=seed))

    def _of(self, trial: FrozenTrial) -> TPESampler:
        if self._held[0] != trial.number:
            self._held = trial.number, TPESampler(n_startup_trials=STARTUP, seed=self.seed + 1_000 * trial.number)
        return self._held[1]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As TPE has it."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, object]:
        """As TPE has it."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> object:
        """As TPE has it."""
        return self._of(trial).sample_independent(study, trial, param_name, param_distribution)


def opened(folder: Path, name: str, seed: int) -> Study:
    """The study ``name`` in ``folder``, begun or taken up; several processes may work on it."""
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED)
    return optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True, sampler=ByNumber(seed), pruner=pruner
    )


@dataclass
class Search:
    """Trials until the time is over. ``learned`` holds what the first and the best trial of this process learned, by trial."""

    study: Study
    bench: Measures
    space: Sequence[Number]
    settings: Settings
    budget: Budget
    learned: dict[int, Mapping[str, Judged]] = field(default_factory=dict)

    def run(self, advance: Callable[[], None] = lambda: None) -> None:
        """Today's numbers first, then what TPE proposes, while the longest trial so far still fits into the time.

        Where another process is at today's numbers, or was killed there, others go first; without them nothing ends.
        """
        if self._of_today(TrialState.COMPLETE, TrialState.WAITING, TrialState.RUNNING) is None:
            self._enqueue()
        again = 0
        while self._affords() and again < IN_A_ROW and self._open():
            again = 0 if self._trial() else again + 1
            advance()
        while self.first is None:
            if self._of_today(TrialState.WAITING) is None:
                self._enqueue()
            self._trial()
            advance()

    def _enqueue(self) -> None:
        self.study.enqueue_trial({number.name: number.place for number in self.space})

    def _of_today(self, *states: TrialState) -> FrozenTrial | None:
        """The earliest trial of today's numbers in one of these states; one that waits has them fixed, not drawn."""
        wanted = {number.name: number.place for number in self.space}
        found = self.study.get_trials(deepcopy=False, states=states)
        return next((one for one in found if one.system_attrs.get("fixed_params", one.params) == wanted), None)

    def _affords(self) -> bool:
        longest = max((float(trial.user_attrs["seconds"]) for trial in self.finished[-NEWEST:]), default=0.0)
        sides = {-1 if one is None else one.number for one in (self.first, self.best)}
        self.budget.reserve = (PROVING + len(sides - set(self.learned))) * longest
        return self.budget.left > longest

    def _open(self) -> bool:
        """Whether the grid holds anything untried."""
        return len({self._key(trial.params) for trial in self.finished}) < prod(len(number.grid) for number in self.space)

    def _trial(self) -> bool:
        """One trial; whether it was one that had not been tried before."""
        trial = self.study.ask({number.name: IntDistribution(0, len(number.grid) - 1) for number in self.space})
        same = next((one for one in self.finished if self._key(one.params) == self._key(trial.params)), None)
        if same is not None:
            trial.set_user_attr("again", same.number)
            self.study.tell(trial, same.value)
            return False
        begun = self.budget.clock()
        try:
            values, learned = self._judge(trial)
        except BaseException:
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr("seconds", round(self.budget.clock() - begun, 3))
        self._tell(trial, values, learned)
        return True

    def _judge(self, trial: Trial) -> tuple[list[float], dict[str, Judged]]:
        """The tasks one by one; it ends early where the trial falls behind, or the time is over.

        What is reported is the mean so far less today's: the pruner takes the best of a trial's steps, and tasks are not equally hard.
        """
        settings, learned, first = self.settings_of(trial.params), {}, self.first
        for step, task in enumerate(self.bench.asked):
            if step and first is not None and (trial.should_prune() or self.budget.left <= 0):
                break
            learned[task] = self.bench.judge(task, settings)
            values = [one.value for one in learned.values()]
            trial.report(fmean(values) - fmean(first.user_attrs["tasks"][: step + 1]) if first else 0.0, step)
        trial.set_user_attr("tasks", [one.value for one in learned.values()])
        return [one.value for one in learned.values()], learned

    def _tell(self, trial: Trial, values: Sequence[float], learned: Mapping[str, Judged]) -> None:
        if len(values) < len(self.bench.asked):
            self.study.tell(trial, state=TrialState.PRUNED)
            return
        self.study.tell(trial, fmean(values))
        point(trial.number, development=fmean(values), seconds=trial.user_attrs["seconds"])
        self.learned[trial.number] = learned
        kept = {one.number for one in (self.first, self.best) if one is not None}
        self.learned = {number: one for number, one in self.learned.items() if number in kept}

    @property
    def finished(self) -> list[FrozenTrial]:
        """Trials that were judged to the end and are not one another's repetition, by number."""
        done = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [trial for trial in done if "again" not in trial.user_attrs]

    @property
    def first(self) -> FrozenTrial | None:
        """The trial of today's numbers, None while it is not finished."""
        return self._of_today(TrialState.COMPLETE)

    @property
    def best(self) -> FrozenTrial | None:
        """The finished trial of the highest value; of equals the earliest, so that today's numbers stay where nothing is better."""
        return max(self.finished, key=lambda trial: (_value(trial), -trial.number), default=None)

    def numbers(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Steps of the grid as numbers."""
        return {number.name: number.grid[params[number.name]] for number in self.space if number.name in params}

    def settings_of(self, params: Mapping[str, Any]) -> Settings:
        """The settings that a trial stands for."""
        return applied(self.settings, self.numbers(params))

    def importances(self) -> dict[str, float]:
        """Each number's share in what makes the best quarter of the trials good, by PED-ANOVA (Watanabe et al. 2023); nothing while there
        are few trials."""
        if len(self.finished) < TOLD:
            return {}
        return get_param_importances(self.study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.25))

    def looked(self, number: int) -> int:
        """Note that a trial was proved; how many different ones were so far."""
        self.study.set_user_attr(f"{PROVED}{number}", True)
        return sum(name.startswith(PROVED) for name in self.study.user_attrs)

    def _key(self, params: Mapping[str, Any]) -> tuple[object, ...]:
        return tuple(params.get(number.name) for number in self.space)


def _value(trial: FrozenTrial) -> float:
    return float(trial.value if trial.value is not None else "-inf")
