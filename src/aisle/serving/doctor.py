"""`aisle doctor`: whether a shop is sound: its bundles, its state folder, its filters, its settings, the versions at work."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aisle.bundle import Bundle, Store, read, verify
from aisle.core.errors import AisleError, BundleError
from aisle.filters.policy import Availability, Stock
from aisle.opening import shop_of
from aisle.serving import options
from aisle.serving.start import state_of
from aisle.settings import Settings
from aisle.state.folder import State

AT_WORK = ("aisle", "numpy", "onnxruntime", "faiss-cpu", "lightgbm", "fastapi", "uvicorn", "orjson", "pydantic")
UNARMED = {
    "stock": "no item says whether it is in stock, so all are shown",
    "availability": "no item is available for a time only, so none is held back",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``level``: ``ok``, ``note`` (worth knowing), ``bad`` (to be mended)."""

    level: str
    subject: str
    text: str


def examine(store: Path, state: Path | None, now: float) -> Iterator[Finding]:
    """Everything, in the order in which one would look. Nothing is changed; a running server is not disturbed."""
    yield from _versions()
    folder = _folder(store, state)
    yield from _bundles(store)
    yield from _active(store)
    if folder is not None:
        yield from _state(folder, store, now)
        yield from _options(folder)


def _folder(store: Path, state: Path | None) -> Path | None:
    try:
        return state or state_of(store)
    except BundleError:
        return None


def _versions() -> Iterator[Finding]:
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in AT_WORK:
        try:
            yield Finding("ok", name, version(name))
        except PackageNotFoundError:
            yield Finding("bad", name, "is not installed")


def _bundles(store: Path) -> Iterator[Finding]:
    try:
        place, active = Store.at(store)
    except BundleError as error:
        yield Finding("bad", "bundles", str(error))
        return
    for name in place.names():
        mark = " (active)" if name == active.name else ""
        try:
            verify(place.folder / name)
            yield Finding("ok", f"bundle {name}", f"every file has its hash{mark}")
        except BundleError as error:
            yield Finding("bad" if mark else "note", f"bundle {name}", f"{error}{mark}")


def _active(store: Path) -> Iterator[Finding]:
    try:
        bundle = read(Store.at(store)[1])
        shop = shop_of(bundle)
    except AisleError as error:
        yield Finding("bad", "bundle", str(error))
        return
    for each in shop.pipeline.filters:
        if isinstance(each, Stock | Availability):
            armed = "armed" if each.armed else f"not armed: {UNARMED[each.name]}"
            yield Finding("ok" if each.armed else "note", f"filter {each.name}", armed)
    for name, value in Settings.model_validate(bundle.manifest["settings"]).model_dump(mode="json").items():
        yield Finding("ok", f"aisle.toml {name}", repr(value))


def _state(folder: Path, store: Path, now: float) -> Iterator[Finding]:
    if not (folder / "log.sqlite").exists():
        yield Finding("note", "state", f"{folder} holds no log yet")
        return
    try:
        with State.open(folder) as state:
            newest = state.newest()
            yield Finding("ok", "state", f"{folder}: the newest fact is number {newest}")
            yield from (Finding("bad", "state", text) for text in state.problems())
            keys = state.keys.list()
            valid = sum(key.valid(now) for key in keys)
            text = f"{valid} of {len(keys)} are valid" if keys else "none: the server answers on loopback only"
            yield Finding("ok" if keys else "note", "keys", text)
    except AisleError as error:
        yield Finding("bad", "state", str(error))
        return
    yield from _seen(store, newest)


def _seen(store: Path, newest: int) -> Iterator[Finding]:
    """A bundle that was trained with more facts than the log holds proves that the log lost some."""
    try:
        place, _ = Store.at(store)
        known = [(bundle, _sequence(bundle)) for bundle in (read(place.folder / name) for name in place.names())]
    except BundleError:
        return
    for bundle, sequence in known:
        if sequence > newest:
            lost = f"{sequence - newest} are lost, or this is another log"
            yield Finding("bad", "state", f"{bundle.bundle_id} was trained with facts up to number {sequence}: {lost}")


def _sequence(bundle: Bundle) -> int:
    found = bundle.manifest.get("state_sequence")
    return found if isinstance(found, int) else 0


def _options(folder: Path) -> Iterator[Finding]:
    try:
        chosen = options.load(folder)
    except AisleError as error:
        yield Finding("bad", options.FILE, str(error))
        return
    for name, value in chosen.model_dump(mode="json").items():
        yield Finding("ok", f"{options.FILE} {name}", repr(value))
