"""What an evaluation found: numbers with bounds, comparisons, slices, the article's five parts; `to_json` is ``evaluate --json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Self

import numpy as np

from aisle.evaluation.calibration import Reliability
from aisle.evaluation.classification import ClassReport
from aisle.evaluation.curves import Curve
from aisle.evaluation.drift import Drift
from aisle.evaluation.intervals import bootstrap
from aisle.evaluation.lists import Floats
from aisle.evaluation.members import Fusion
from aisle.evaluation.off_policy import OffPolicy

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
NAN = float("nan")


@dataclass(frozen=True)
class Measured:
    """One number: ``value`` over ``n`` cases with a 95 % interval (NaN where none can be given) and what to know about it."""

    value: float
    low: float = NAN
    high: float = NAN
    n: int = 0
    remark: str = ""

    @classmethod
    def mean(cls, values: Floats) -> Self:
        """Of ``values`` ``(n,)``, with a bootstrap interval over them; NaN ones count nothing, the mean of none is NaN."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(NAN)
        found = bootstrap(known[:, None])
        return cls(float(found.value[0]), float(found.low[0]), float(found.high[0]), len(known))


Models = Mapping[str, Mapping[str, Measured]]
"""Model name to metric name to number."""


@dataclass(frozen=True)
class Comparison:
    """Model ``a`` against ``b`` on the same requests: mean ``difference`` a - b with bounds, two-sided ``p``, corrected by Holm over the
    task's comparisons on this metric and by Benjamini-Hochberg over the report, and the smallest difference that would have been found
    (power .8)."""

    a: str
    b: str
    metric: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float = NAN
    p_fdr: float = NAN
    n: int = 0
    detectable: float = NAN

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``undecided``, at level .05 after Holm's correction (raw p where none was made)."""
        p = self.p if math.isnan(self.p_holm) else self.p_holm
        if not p < 0.05:
            return "undecided"
        return "better" if self.difference > 0 else "worse"


@dataclass(frozen=True)
class Slice:
    """One group of requests: how many, each model's numbers there, and a remark where they are too few."""

    n: int
    models: Models
    remark: str = ""


@dataclass(frozen=True)
class Figure:
    """One line of a headed part: a model's metric on development (window 3) and on test (window 4)."""

    model: str
    metric: str
    development: Measured | None = None
    test: Measured | None = None


@dataclass(frozen=True)
class Part:
    """One of the article's five headed parts (click-through rate, recall, fusion, profile, language): figures, the classification reports
    by window (``development``, ``test``) where labels exist, and ``text``, what to say about them or why there are none."""

    title: str
    formula: str = ""
    text: str = ""
    figures: Sequence[Figure] = ()
    reports: Mapping[str, ClassReport] = field(default_factory=dict)


@dataclass(frozen=True)
class Ablation:
    """What the whole loses without one part: ``difference`` = whole - without, so a helpful part is positive; ``p`` as it is and corrected
    by Holm over the task's parts."""

    part: str
    metric: str
    without: float
    difference: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    p_holm: float = NAN


@dataclass(frozen=True)
class PlanRow:
    """One part of the training plan: whether it was fitted and kept, its gain on window 3 and the reason in words."""

    part: str
    kept: bool
    gain: float = NAN
    why: str = ""


@dataclass(frozen=True)
class Evaluation:
    """The whole report. ``models`` are test figures, ``development`` window 3's; ``notes`` are sentences for the reader; ``slices`` and
    metric names carry ``task/`` in front where there are several tasks."""

    protocol: Mapping[str, Json]
    data: Mapping[str, Json]
    models: Models
    comparisons: Sequence[Comparison] = ()
    slices: Mapping[str, Slice] = field(default_factory=dict)
    calibration: Mapping[str, Reliability] = field(default_factory=dict)
    development: Models = field(default_factory=dict)
    parts: Sequence[Part] = ()
    ablation: Sequence[Ablation] = ()
    plan: Sequence[PlanRow] = ()
    notes: Sequence[str] = ()
    fusion: Mapping[str, Fusion] = field(default_factory=dict)
    off_policy: Mapping[str, OffPolicy] = field(default_factory=dict)
    drift: Drift = field(default_factory=Drift)
    training: Mapping[str, Curve] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """``evaluate --json`` as the contract has it, further keys added; NaN becomes null."""
        return {item.name: jsonable(getattr(self, item.name)) for item in fields(self)}


def jsonable(value: object) -> Json:
    """Dataclasses to objects, sequences to arrays, NaN and infinities to null; anything that is not data raises `TypeError`."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: jsonable(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [jsonable(part) for part in value]
    raise TypeError(f"{type(value).__name__} is no plain value; turn arrays into lists first")
