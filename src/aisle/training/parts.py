"""Finished parts on disk: an interrupted training takes up those that were finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Protocol, TypeVar

from aisle.bundle import Json
from aisle.tracking import Tracker


class Saved(Protocol):
    """Whatever writes itself into a folder."""

    def save(self, folder: Path) -> None: ...


Part = TypeVar("Part", bound=Saved)
DONE = "done"
ROOM = 3
"""Times a part's size that must be free on the disk before it is kept only to save time."""


class Parts:
    """A folder of finished parts, valid for one state of data, settings and program (``key``); another key starts afresh.

    What is taken up is noted in ``tracker``'s record.
    """

    def __init__(self, folder: Path, key: dict[str, object], tracker: Tracker | None = None) -> None:
        self.folder, self.tracker = folder, tracker or Tracker(quiet=True)
        self.made: set[str] = set()
        mark = sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
        if not self._valid(mark):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "key").write_text(mark, encoding="utf-8")

    def _valid(self, mark: str) -> bool:
        path = self.folder / "key"
        return path.is_file() and path.read_text(encoding="utf-8") == mark

    def holds(self, name: str) -> bool:
        """Whether the part was finished."""
        return (self.folder / name / DONE).is_file()

    def seconds(self, name: str) -> float:
        """How long the finished part took when it was made, 0 when it was not."""
        return float((self.folder / name / DONE).read_text(encoding="utf-8") or 0) if self.holds(name) else 0.0

    def get(self, name: str, load: Callable[[Path], Part], make: Callable[[], Part], spare: Callable[[Part], int] | None = None) -> Part:
        """The finished part, else make it and keep it. The mark that it is finished is written last.

        ``spare`` gives the bytes of a part that is kept only to save time: where the disk has little room it is not kept.
        """
        place = self.folder / name
        if self.holds(name):
            if name not in self.made:
                self.tracker.note(part=name, taken_up=True)
            return load(place)
        self.made.add(name)
        shutil.rmtree(place, ignore_errors=True)
        begun = perf_counter()
        part = make()
        took = perf_counter() - begun
        if spare is not None and ROOM * spare(part) > shutil.disk_usage(self.folder).free:
            self.tracker.note(part=name, kept=False)
            return part
        part.save(place)
        (place / DONE).write_text(f"{took:.3f}", encoding="utf-8")
        return part

    def decided(self, name: str, decide: Callable[[], Json]) -> Json:
        """What the clock decided before the interruption, else decide now: a run that is taken up makes what the first would have."""
        path = self.folder / f"{name}.json"
        if path.is_file():
            found: Json = json.loads(path.read_text(encoding="utf-8"))
            return found
        return self.settle(name, decide())

    def settle(self, name: str, made: Json) -> Json:
        """Decide, whatever was decided before."""
        path = self.folder / f"{name}.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(made), encoding="utf-8")
        fresh.replace(path)
        return made

    def clear(self) -> None:
        """Forget all parts: the bundle that they went into is written."""
        shutil.rmtree(self.folder, ignore_errors=True)
