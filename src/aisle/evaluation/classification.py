"""The table the article prints after each epoch: precision, recall and F1 of each class, in numpy: a report needs no training library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.evaluation.lists import Floats


@dataclass(frozen=True)
class ClassRow:
    """One class, or a mean over classes. NaN precision: it was never predicted; NaN recall: it never occurred."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ClassReport:
    """The classes in the order given, the plain mean over them and the mean weighted by support."""

    rows: Sequence[ClassRow]
    accuracy: float
    macro: ClassRow
    weighted: ClassRow
    n: int

    def __str__(self) -> str:
        """A table for a terminal."""
        wide = max(len(row.name) for row in (*self.rows, self.weighted))
        lines = [f"{'':{wide}}  precision  recall     F1    cases"]
        lines += [
            f"{row.name:{wide}}  {row.precision:9.3f}  {row.recall:6.3f}  {row.f1:5.3f}  {row.support:7,}"
            for row in (*self.rows, self.macro, self.weighted)
        ]
        return "\n".join([*lines, f"accuracy {self.accuracy:.3f}"])


def classification_report(y_true: NDArray[np.integer], y_pred: NDArray[np.integer], names: Sequence[str]) -> ClassReport:
    """Both ``(n,)`` hold class numbers into ``names``; a class without predictions or cases counts 0 in the means, as scikit-learn does.

    Raises `InputError` when the lengths differ or a number has no name.
    """
    if len(y_true) != len(y_pred):
        raise InputError(f"{len(y_true)} true labels for {len(y_pred)} predictions.", "Both need one entry per case.")
    both = np.concatenate([y_true, y_pred])
    if len(both) and (both.min() < 0 or both.max() >= len(names)):
        raise InputError(f"Class {both.min()} to {both.max()} for {len(names)} names.", "Name every class.")
    size = len(names)
    table = np.bincount(np.asarray(y_true, np.int64) * size + np.asarray(y_pred, np.int64), minlength=size * size).reshape(size, size)
    right, support, predicted = np.diag(table).astype(np.float64), table.sum(axis=1), table.sum(axis=0)
    precision, recall, f1 = _share(right, predicted), _share(right, support), _share(2 * right, predicted + support)
    rows = [
        ClassRow(name, float(p), float(r), float(f), int(s)) for name, p, r, f, s in zip(names, precision, recall, f1, support, strict=True)
    ]
    columns = np.nan_to_num(np.stack([precision, recall, f1]))
    n = len(y_true)
    accuracy = float(right.sum() / n) if n else float("nan")
    macro, weighted = _mean("macro", columns, np.ones(size), n), _mean("weighted", columns, support.astype(np.float64), n)
    return ClassReport(rows, accuracy, macro, weighted, n)


def _share(part: Floats, whole: NDArray[np.number]) -> Floats:
    return part / np.where(np.asarray(whole, np.float64) > 0, whole, np.nan)


def _mean(name: str, columns: Floats, weights: Floats, n: int) -> ClassRow:
    total = float(np.sum(weights))
    means = columns @ weights / total if total else np.full(3, np.nan)
    return ClassRow(name, float(means[0]), float(means[1]), float(means[2]), n)
