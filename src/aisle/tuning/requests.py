"""What the search may know of a shop: everything but window 4; window 3 in two halves, one to search by, one to prove it by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.data.windows import Windows
from aisle.evaluation.replay import Replay
from aisle.training.job import Job
from aisle.training.learn import FEWEST
from aisle.training.tasks import replays

MOST = 500
"""Requests of a task that a trial learns from, and that it is judged by: the search only has to tell better from worse."""
HALF = 20
"""Requests in each half of window 3 below which nothing can be told."""


@dataclass(frozen=True)
class Asked:
    """One task's requests: rankers learn from ``fit`` (window 2); ``search`` and ``proof`` are window 3, no user in both."""

    fit: Replay
    search: Replay
    proof: Replay


def before_test(data: Dataset, windows: Windows) -> tuple[Dataset, Windows]:
    """The shop as if window 4 had not happened yet: neither its events nor its judgements are there."""
    mask = windows.event != 4
    judged = data.judgements
    if judged is not None:
        kept = windows.query[judged.query] != 4
        judged = replace(judged, query=judged.query[kept], item=judged.item[kept], grade=judged.grade[kept])
    return replace(data.known(mask), judgements=judged), replace(windows, event=windows.event[mask])


def asked(job: Job) -> dict[str, Asked]:
    """Task to its requests. Raises `InputError` when no task has enough of them; tasks that have too few are left out."""
    seed, counts, found = job.settings.seed, [], {}
    for task, windows in replays(job, (2, 3)).items():
        search, proof = halves(windows[3], seed)
        counts.append(f"{task} {len(windows[2])} and {len(windows[3])}")
        if len(windows[2]) >= FEWEST and min(len(search), len(proof)) >= HALF:
            found[task] = Asked(windows[2].sample(MOST, seed), search.sample(MOST, seed), proof)
    if not found:
        told = f" ({'; '.join(counts)})" if counts else ""
        what = f"Too little data to tune by: no task has {FEWEST} requests in window 2 and {2 * HALF} in window 3{told}."
        raise InputError(what, "Keep the defaults until the log is longer.")
    return found


def halves(replay: Replay, seed: int) -> tuple[Replay, Replay]:
    """A replay in two, all requests of a user on one side; who is nobody is a user of his own."""
    side = np.where(replay.users >= 0, _coins(int(replay.users.max(initial=0)) + 1, seed)[replay.users], _coins(len(replay), seed))
    return replay.pick(np.flatnonzero(side)), replay.pick(np.flatnonzero(~side))


def _coins(number: int, seed: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(number) < 0.5
