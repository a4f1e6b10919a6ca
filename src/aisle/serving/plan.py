"""What a server serves from, as the parent tells its workers, and the service that a process opens from it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from math import nan
from pathlib import Path
from time import time
from types import ModuleType
from typing import TYPE_CHECKING, cast
from weakref import WeakSet

from aisle.bundle import MANIFEST, Bundle, Store, verify
from aisle.core.memory import one_heap

if TYPE_CHECKING:
    from aisle.live import LiveShop
    from aisle.serving.server import Service
    from aisle.state.folder import State


@dataclass(frozen=True, slots=True)
class Plan:
    """``store`` is a bundle store or one bundle; ``old_log`` treats the log's newest event as now; ``loopback`` tells whether only this
    machine reaches the address; ``shared`` is a folder for the workers of one server, empty where there is one process."""

    store: str
    state: str
    old_log: bool = False
    loopback: bool = True
    shared: str = ""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> Plan:
        """Read `to_json`."""
        return cls(**json.loads(line))


def without_training() -> None:
    """Keep libraries out of this process that LightGBM loads wherever they are installed, and serving never uses: they take most of a
    second and 80 MB. Only for a process that does nothing but serve."""
    for name in ("pandas", "sklearn"):
        sys.modules.setdefault(name, cast("ModuleType", None))  # importing it now says that it is not there


def open_service(plan: Plan) -> Service:
    """Open the bundle and the state folder. Raises `AisleError` for what is damaged, missing or of another version."""
    from aisle.live import LiveShop
    from aisle.serving import options
    from aisle.serving.access import Gate
    from aisle.serving.console_insight import StateInsight
    from aisle.serving.noted import Noted
    from aisle.serving.server import Service
    from aisle.serving.store import OpenStore
    from aisle.state.folder import State

    one_heap()
    path, folder = Path(plan.store), Path(plan.state)
    chosen, state = options.load(folder), State.open(folder)
    bundle = verify(Store.at(path)[1])
    behind = agreed(_behind(bundle, state), Path(plan.shared)) if plan.old_log else 0.0
    clock = log_clock(behind)

    shops: WeakSet[LiveShop] = WeakSet()

    def engine_of(made: Bundle) -> Noted:
        shop = LiveShop.of(made, state, 0.0 if behind is None else -behind)
        shops.add(shop)
        return Noted(shop, state.served, log_clock(behind or 0.0))

    pinned = (path / MANIFEST).exists()
    return Service(
        engine_of(bundle),
        None if pinned else OpenStore(path, engine_of),
        Gate(state.keys, chosen, plan.loopback),
        clock,
        str(bundle.manifest.get("name") or "Aisle"),
        path.resolve().parent.parent if pinned else path.resolve().parent,
        salt=bytes.fromhex(state.log.names.of("the server's log")),  # one for all workers, and of no use outside this state folder
        shared=Path(plan.shared) if plan.shared else None,
        insight=StateInsight(state, bundle.folder.parent),
        close=partial(_close, shops, state),
    )


def _close(shops: WeakSet[LiveShop], state: State) -> None:
    for shop in list(shops):
        shop.close()
    state.close()


def log_clock(behind: float | None, wall: Callable[[], float] = time) -> Callable[[], float]:
    """A clock that goes ``behind`` seconds after the wall's; None: always NaN, a log without a clock has no now."""
    late = nan if behind is None else behind
    return lambda: wall() - late


def agreed(behind: float | None, shared: Path) -> float | None:
    """One clock for all workers of a server, also for those that are started later: that of the first to ask."""
    if shared == Path():
        return behind
    told, mine = shared / "clock", shared / f"clock-{os.getpid()}"
    mine.write_text(json.dumps(behind), encoding="utf-8")
    try:
        os.link(mine, told)
    except FileExistsError:
        pass
    finally:
        mine.unlink()
    first: float | None = json.loads(told.read_text(encoding="utf-8"))
    return first


def _behind(bundle: Bundle, state: State) -> float | None:
    """How long ago the newest event was that the bundle or the log knows; None for a log without a clock."""
    newest = bundle.manifest.get("newest_event")
    if not isinstance(newest, int | float):
        return None
    return time() - max(float(newest), state.log.newest_time())
