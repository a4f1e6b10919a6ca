"""What a search found, in words, as a table, and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from optuna.trial import TrialState
from rich.table import Table

from aisle.evaluation.results import Json
from aisle.settings import Tuned
from aisle.tuning.proof import Proof
from aisle.tuning.proposal import snippet
from aisle.tuning.requests import Asked
from aisle.tuning.search import Search

SHOWN = 6
"""Trials that the table shows, beside the first."""


@dataclass(frozen=True)
class Row:
    """One trial: ``state`` is complete, pruned (it fell behind, or the time was over) or failed; ``differs`` are its numbers that are not
    today's; ``value`` is NDCG@10 on the searching half, None unless complete."""

    number: int
    state: str
    value: float | None
    seconds: float
    differs: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """All trials by number, the best one, how it did where the search had not looked (None when nothing was better), and ``tuned``: what
    ``[tuned]`` would be with it."""

    tasks: Mapping[str, Mapping[str, int]]
    rows: Sequence[Row]
    before: int
    best: int
    today: Mapping[str, float]
    importances: Mapping[str, float]
    proof: Proof | None
    tuned: Mapping[str, Mapping[str, float]]
    words: str

    @property
    def significant(self) -> bool:
        """Whether the best trial is proved to be better."""
        return self.proof is not None and self.proof.significant

    @property
    def proposal(self) -> str:
        """The tables for ``aisle.toml``."""
        return snippet(Tuned.model_validate(self.tuned))

    @property
    def history(self) -> list[tuple[int, float]]:
        """Trial and value, each time that one was better than all before it."""
        found: list[tuple[int, float]] = []
        for row in self.rows:
            if row.value is not None and (not found or row.value > found[-1][1]):
                found.append((row.number, row.value))
        return found

    def to_json(self) -> Json:
        """``tune --json``."""
        proof = (
            None
            if self.proof is None
            else {**asdict(self.proof.gain), "p": self.proof.p, "looks": self.proof.looks, "significant": self.significant}
        )
        means = {} if self.proof is None else {task: {"today": old, "best": new} for task, (old, new) in self.proof.tasks.items()}
        return {
            "metric": "ndcg@10",
            "tasks": {task: dict(counts) for task, counts in self.tasks.items()},
            "today": dict(self.today),
            "trials": [asdict(row) for row in self.rows],
            "history": [{"trial": number, "value": value} for number, value in self.history],
            "importances": dict(self.importances),
            "best": self.best,
            "proof": proof,
            "proved": means,
            "significant": self.significant,
            "proposal": self.proposal,
            "words": self.words,
        }

    def table(self) -> Table:
        """The best trials, and that of today's numbers."""
        done = sorted((row for row in self.rows if row.value is not None), key=lambda row: (-(row.value or 0), row.number))
        shown = done[:SHOWN] + [row for row in done[SHOWN:] if not row.differs]
        ended = len(self.rows) - len(done)
        table = Table("trial", "NDCG@10", "seconds", "what differs", caption=f"{len(self.rows)} trials, {ended} of them ended early")
        for row in shown:
            differs = ", ".join(f"{name} {value:g}" for name, value in row.differs.items())
            table.add_row(str(row.number), f"{row.value:.4f}", f"{row.seconds:.1f}", differs or "nothing: the settings as they are")
        return table

    def lines(self) -> list[str]:
        """What follows the table: history, what matters, the verdict, what to paste."""
        told = ["Best so far: " + ", ".join(f"trial {number} {value:.4f}" for number, value in self.history)]
        if self.importances:
            told.append("What matters: " + ", ".join(f"{name} {share:.0%}" for name, share in self.importances.items()))
        return [*told, self.words, "", self.proposal.rstrip()] if self.significant else [*told, self.words]


def outcome(search: Search, asked: Mapping[str, Asked], proof: Proof | None, before: int) -> Outcome:
    """Everything that is told of a finished search."""
    first, best = search.first, search.best
    assert first is not None and best is not None  # a search without them was refused before
    today = {number.name: number.today for number in search.space}
    rows = []
    for trial in search.study.trials:
        numbers = search.numbers(trial.params)
        differs = {name: value for name, value in numbers.items() if value != today[name]}
        if trial.state.is_finished() and "again" not in trial.user_attrs:
            value = trial.value if trial.state == TrialState.COMPLETE else None  # Optuna gives what is pruned its last report
            rows.append(Row(trial.number, trial.state.name.lower(), value, float(trial.user_attrs.get("seconds", 0)), differs))
    tasks = {task: {"fit": len(one.fit), "search": len(one.search), "proof": len(one.proof)} for task, one in asked.items()}
    tuned = search.settings_of(best.params).tuned.model_dump(exclude_none=True)
    words = _words(proof, best.number, len(rows))
    return Outcome(tasks, rows, before, best.number, today, search.importances(), proof, tuned, words)


def _words(proof: Proof | None, best: int, trials: int) -> str:
    if proof is None:
        more = " There was time for no other: give more --minutes." if trials < 2 else ""
        return f"Nothing was better than the settings as they are, of {trials} trials. They should stay.{more}"
    gain = proof.gain
    where = f"On {gain.n:,} requests of window 3 that the search did not use"
    often = f" for {proof.looks} trials proved so" if proof.looks > 1 else ""
    bounds = f"{gain.low:+.4f} to {gain.high:+.4f}, p = {proof.p:.3f}{often}"
    measured = f"{where} trial {best} differs by {gain.value:+.4f} NDCG@10 from the settings as they are ({bounds})"
    if proof.significant:
        return f"{measured}: a significant gain. Take it."
    if gain.value > 0:
        return f"{measured}: not significant, it may be chance. The settings should stay as they are."
    return f"{measured}: what the search saw in it was chance. The settings should stay as they are."
