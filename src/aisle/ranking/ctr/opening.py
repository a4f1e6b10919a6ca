"""Opens a saved click-through model of any kind."""

from __future__ import annotations

from pathlib import Path

from aisle.core.errors import BundleError
from aisle.ranking.ctr.base import Ctr, described
from aisle.ranking.ctr.bert import BertCtr
from aisle.ranking.ctr.ftrl import Ftrl
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.settings import BERT_CTR, KINDS
from aisle.ranking.ctr.trees import Trees


def opened(folder: Path) -> Ctr:
    """What `Ctr.save` wrote. Raises `BundleError` where it cannot be read or is of a kind not known here."""
    return made(str(described(folder)["name"])).restore(folder)


def made(name: str) -> Ctr:
    """An unfitted model by its name."""
    if name in KINDS:
        return Net(name)
    plain: dict[str, type[Ftrl] | type[Trees] | type[BertCtr]] = {"ftrl": Ftrl, "lightgbm": Trees, BERT_CTR: BertCtr}
    if name not in plain:
        raise BundleError(f"There is no click-through model `{name}`.", f"There are: {', '.join([*KINDS, *plain])}.")
    return plain[name]()
