"""From changes of items, as they lie in the log, to the catalogue as it stands after them."""

from __future__ import annotations

from collections.abc import Sequence

from aisle.core.answer import Value
from aisle.core.catalogue import Catalogue
from aisle.core.overlay import Overlaid
from aisle.state.protocols import ItemChange


def changed(before: Catalogue, changes: Sequence[ItemChange]) -> Overlaid:
    """``before`` after ``changes``: new items get the next rows in the order of the log, an item that is gone keeps its row.

    Who puts an item that is gone revives it, and describes it anew: nothing that was known of it before counts, as in the next training.
    """
    laid = _Laid(before)
    for change in changes:
        laid.take(change)
    return Overlaid(before, list(laid.fresh), laid.cells, laid.gone)


class _Laid:
    """The changes of one step, by row."""

    def __init__(self, before: Catalogue) -> None:
        self.before, self.known = before, before.row_of
        self.fresh: dict[str, int] = {}
        self.cells: dict[str, dict[int, Value]] = {}
        self.gone: dict[int, bool] = {}

    def take(self, change: ItemChange) -> None:
        """One change more."""
        if change.keep is not None:
            gone = [row for items in (self.known, self.fresh) for item, row in items.items() if item not in change.keep]
            self.gone |= dict.fromkeys(gone, True)
        elif change.attributes is None:
            row = self._row(change.item_id)
            if row is not None:
                self.gone[row] = True
        else:
            row = self._row(change.item_id)
            if row is None:
                row = self.fresh[change.item_id] = len(self.before) + len(self.fresh)
            elif self._is_gone(row):
                for name in (*self.before.names, *self.cells):
                    self.cells.setdefault(name, {})[row] = None
            self.gone[row] = False
            for name, value in change.attributes.items():
                self.cells.setdefault(name, {})[row] = value

    def _is_gone(self, row: int) -> bool:
        before = self.before.gone is not None and row < len(self.before) and bool(self.before.gone[row])
        return self.gone.get(row, before)

    def _row(self, item: str) -> int | None:
        return self.known.get(item, self.fresh.get(item))
