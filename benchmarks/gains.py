"""Several ways to order the same requests: each one's NDCG@10 and what it gains over the first of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.lists import Floats
from aisle.evaluation.significance import paired
from benchmarks.figures import Figure, Lines


def compared(lines: Lines, title: str, made: Mapping[str, Floats], users: NDArray[np.int32] | None, note: str) -> list[Figure]:
    """NDCG@10 ``(requests,)`` of each way, and its gain over the first one, paired; ``users`` are whose requests they are."""
    first, *names = made
    whole = paired(np.stack(list(made.values()), axis=1), users).difference
    test = paired(np.stack([made[name] - made[first] for name in names], axis=1), users)
    held = test.difference
    return [
        *(Figure(lines.part, f"{title}: {name}: ndcg@10", float(whole.value[place]), lines.command, float(whole.low[place]),
                 float(whole.high[place]), int(whole.n[place]), note) for place, name in enumerate(made)),
        *(Figure(lines.part, f"{title}: {name}, less {first}", float(held.value[place]), lines.command, float(held.low[place]),
                 float(held.high[place]), int(held.n[place]), f"p = {test.p[place]:.4f}, sign flips over users")
          for place, name in enumerate(names)),
    ]  # fmt: skip
