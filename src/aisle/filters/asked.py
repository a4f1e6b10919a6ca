"""The filters that a request names itself: any of, none of, number bounds."""

from __future__ import annotations

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.errors import RequestError
from aisle.core.nearest import mend_of
from aisle.core.request import Condition
from aisle.core.stage import Allowed, Block, Mask

TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


class Asked:
    """An item passes when it meets every condition; one whose attribute is missing meets none."""

    name = "asked"

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def allowed(self, block: Block) -> Allowed:
        everything = Allowed.everything(len(self.catalogue), len(block))
        return Allowed(everything.shared, [self._mask(request.filters) for request in block.requests], everything.excluded)

    def _mask(self, filters: object) -> Mask | None:
        conditions = dict(filters) if isinstance(filters, dict) else {}
        if not conditions:
            return None
        mask = np.ones(len(self.catalogue), bool)
        for attribute, condition in conditions.items():
            mask &= self.meets(attribute, condition)
        return mask

    def meets(self, attribute: str, condition: Condition) -> Mask:
        """``(items,) bool``. Raises `RequestError` when no item has such an attribute."""
        if attribute in self.catalogue.numbers:
            return _number(self.catalogue.number(attribute), attribute, condition)
        if attribute in self.catalogue.texts:
            return self._names(attribute, condition)
        raise RequestError(f"filters.{attribute}: no item has this attribute.", mend_of(attribute, self.catalogue.names, ""))

    def _names(self, attribute: str, condition: Condition) -> Mask:
        if condition.bounded:
            raise RequestError(f"filters.{attribute}: lt, lte, gt and gte need a number attribute.", "Give a list of values.")
        labels = self.catalogue.labels(attribute)
        mask = labels.first >= 0
        if condition.any_of:
            mask &= labels.having(condition.any_of)
        return mask & ~labels.having(condition.none_of) if condition.none_of else mask


def _number(values: np.ndarray, attribute: str, condition: Condition) -> Mask:
    mask = ~np.isnan(values)
    for bound, compare in (("lt", np.less), ("lte", np.less_equal), ("gt", np.greater), ("gte", np.greater_equal)):
        limit = getattr(condition, bound)
        if limit is not None:
            mask &= compare(values, limit)
    if condition.any_of:
        mask &= np.isin(values, _numbers(attribute, condition.any_of))
    if condition.none_of:
        mask &= ~np.isin(values, _numbers(attribute, condition.none_of))
    return mask


def _numbers(attribute: str, texts: tuple[str, ...]) -> list[float]:
    try:
        return [TRUTHS[text.lower()] if text.lower() in TRUTHS else float(text) for text in texts]
    except ValueError:
        raise RequestError(f"filters.{attribute}: `{'`, `'.join(texts)}` is not a number.", "This attribute holds numbers.") from None
