"""Aisle: a shop's catalogue and event log in; search, recommendation and an honest report out.

>>> import aisle
>>> shop = aisle.open("my-shop/bundles")  # doctest: +SKIP
>>> shop.search("red lamp", user="42", filters={"price": {"lte": 30}}).items[0].item_id  # doctest: +SKIP
'A1'
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aisle.bundle import Bundle
    from aisle.serving.local import LocalShop

__all__ = ["open", "train"]


def open(path: str | Path, state: str | Path | None = None) -> LocalShop:
    """A bundle store or one bundle, open in this process, beside the facts in ``state`` (default: the folder ``state`` next to the store).

    Raises `BundleError` when there is none or it is damaged.
    """
    from aisle.serving.local import LocalShop

    return LocalShop(path, state)


def train(
    folder: str | Path, minutes: float = 30.0, bundle: str | Path | None = None, state: str | Path | None = None, update: bool = False
) -> Bundle:
    """Fit a bundle from a folder, with ``state`` also from a running shop's log, and activate it, as ``aisle train`` does. With ``update``
    it is made from the active one and what came since, in a tenth of that training's time, whatever ``minutes`` say.

    Raises `AisleError` for what the user can mend, and where an update turned out worse than what runs.
    """
    from aisle.training.run import train as full
    from aisle.training.update import update as daily

    store, log = None if bundle is None else Path(bundle), None if state is None else Path(state)
    return daily(Path(folder), store, state=log) if update else full(Path(folder), store, minutes, state=log)
