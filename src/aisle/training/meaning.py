"""What search by meaning finds as it is served, without and with the learned map: rows of the report for encoders not fine-tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aisle.core.events import Dataset
from aisle.evaluation.results import Figure
from aisle.retrieval.dense import Dense
from aisle.retrieval.lexical import Lexical
from aisle.text.found import shares, wanted_among
from aisle.text.normalise import normalise
from aisle.training.answers import ASKED, Answers, lookalikes, pool
from aisle.training.budget import Budget
from aisle.training.finetune import METRIC, SEED, Tuned, mean

SHARE = 0.02
"""Of the time left so much may go into measuring."""
SPEED = 100
"""Queries that are looked up, encoded and judged in a second on an idle core."""
FEWEST = 30
"""Queries with an answer in window 4 below which nothing is said."""
WINDOWS = {"development": 3, "test": 4}
UNTOUCHED = {"ngram": "encoder_ngram", "static": "encoder_distilled"}
"""Row of an encoder as it is; of every other: a pretrained one."""
ADAPTED = "encoder_adapted"
Lists = dict[str, list[float]]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Trial:
    """``asked`` are queries by the report's column, ``rows`` the items among which they look."""

    asked: Mapping[str, Numbers]
    rows: Numbers

    @classmethod
    def drawn(cls, data: Dataset, answers: Answers, lexical: Lexical, budget: Budget) -> Trial | None:
        """Queries of windows 3 and 4, which taught nothing, among answers, lookalikes and others; None where time or window 4 is short."""
        most = ASKED if budget.planned else min(ASKED, int(SHARE * budget.left * SPEED / budget.slowness / len(WINDOWS)))
        if min(most, len(answers.queries(4))) < FEWEST:
            return None
        random = np.random.default_rng(SEED)
        asked = {name: np.sort(random.permutation(answers.queries(window))[:most]) for name, window in WINDOWS.items()}
        every = np.concatenate(list(asked.values()))
        near = lookalikes(data, answers, lexical, every)
        return cls(asked, pool(every.tolist(), answers.known(), near, len(data.catalogue), random))

    @classmethod
    def of(cls, job: Path) -> Trial | None:
        """What a fine-tuning was measured by (`finetune.Tuning.write`), None where its file is gone."""
        if not job.is_file():
            return None
        held = load_file(job)
        return cls({name: held[f"asked_{name}"] for name in WINDOWS if f"asked_{name}" in held}, held["pool"])

    def figures(self, answers: Answers, dense: Dense, kind: str) -> list[Figure]:
        """recall@10: a row for the encoder as it is, and one with the map, where there is one."""
        known = answers.known()
        plain: Lists = {}
        turned: Lists = {}
        items = dense.vectors_.take(self.rows)
        for name, queries in self.asked.items():
            vectors = dense.vectors_.encoder.encode([normalise(answers.texts[query]) for query in queries.tolist()], "query")
            wanted = wanted_among(self.rows, [known[query] for query in queries.tolist()])
            plain[name] = shares(vectors, items, wanted)
            if dense.mapping is not None and len(vectors):
                turned[name] = shares(np.stack([dense.turned(vector) for vector in vectors]), items, wanted)
        found = [_figure(UNTOUCHED.get(kind.rpartition(":")[2], "encoder_untouched"), plain)]
        return [*found, _figure(ADAPTED, turned)] if turned else found


def meaning_figures(
    held: tuple[Dataset, Answers, Lexical], dense: Dense, kind: str, budget: Budget, tuned: Tuned, job: Path
) -> list[Figure]:
    """The report's rows on an encoder that is served as it was: those of ``tuned``, a fine-tuning that gained nothing, and the map's beside
    them, measured alike; where none was begun, what `Trial` draws."""
    data, answers, lexical = held
    if tuned.figures:
        trial = Trial.of(job)
        more = trial.figures(answers, dense, kind) if trial is not None else []
        return [*tuned.figures, *(row for row in more if row.model == ADAPTED)]
    trial = Trial.drawn(data, answers, lexical, budget)
    return trial.figures(answers, dense, kind) if trial is not None else []


def _figure(model: str, lists: Lists) -> Figure:
    return Figure(model, METRIC, mean(lists.get("development")), mean(lists.get("test")))
