"""Policy filters: armed when the bundle has their column or a setting asks; armed and unknown means not shown. Edits arm nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.stage import Allowed, Block


def shared(mask: NDArray[np.bool_], block: Block) -> Allowed:
    """One mask for the whole block."""
    return Allowed(mask, [None] * len(block), [np.zeros(0, np.int32)] * len(block))


class Gone:
    """What was deleted after the bundle is not shown."""

    name = "deleted"

    def __init__(self, catalogue: Catalogue) -> None:
        self.mask = np.ones(len(catalogue), bool) if catalogue.gone is None else ~catalogue.gone

    def allowed(self, block: Block) -> Allowed:
        return shared(self.mask, block)


class Stock:
    """``in_stock = false`` is always obeyed. ``armed`` decides what unknown means: armed, an item of unknown stock is not shown."""

    name = "stock"

    def __init__(self, catalogue: Catalogue, armed: bool = False) -> None:
        stock = catalogue.number("in_stock")
        self.armed = armed or "in_stock" in catalogue.bundled.numbers
        self.mask = stock == 1 if self.armed else stock != 0

    def allowed(self, block: Block) -> Allowed:
        return shared(self.mask, block)


class Availability:
    """An item is shown from ``available_from`` until ``available_until``, as of the request; an absent bound is no bound.

    Without a clock (``as_of`` NaN) bounds cannot be told: where the filter is armed an item that has one is then not shown, else it is.
    """

    name = "availability"

    def __init__(self, catalogue: Catalogue, armed: bool = False) -> None:
        self.start, self.end = catalogue.number("available_from"), catalogue.number("available_until")
        self.bounded = _bounded(catalogue)
        self.armed, self.idle = armed or bool(_bounded(catalogue.bundled).any()), not self.bounded.any()

    def allowed(self, block: Block) -> Allowed:
        everything = Allowed.everything(len(self.start), len(block))
        if self.idle:
            return everything
        moments, place = np.unique(block.as_of, return_inverse=True)
        masks = [self._at(float(moment)) for moment in moments]
        own = [masks[number] for number in place.tolist()]
        return Allowed(everything.shared, own, everything.excluded)

    def _at(self, moment: float) -> NDArray[np.bool_]:
        if np.isnan(moment):
            return ~self.bounded if self.armed else np.ones(len(self.start), bool)
        begun = np.isnan(self.start) | (self.start <= moment)
        return begun & (np.isnan(self.end) | (moment < self.end))


def _bounded(catalogue: Catalogue) -> NDArray[np.bool_]:
    """``(items,) bool``: items that are available for a time only."""
    return ~np.isnan(catalogue.number("available_from")) | ~np.isnan(catalogue.number("available_until"))
