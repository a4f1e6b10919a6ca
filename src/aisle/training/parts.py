"""Fitted parts on disk: an interrupted training takes up those that were finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar


class Saved(Protocol):
    """Whatever writes itself into a folder."""

    def save(self, folder: Path) -> None: ...


Part = TypeVar("Part", bound=Saved)
DONE = "done"


class Parts:
    """A folder of finished parts, valid for one state of data, settings and program (``key``); another key starts afresh."""

    def __init__(self, folder: Path, key: dict[str, object]) -> None:
        self.folder = folder
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

    def get(self, name: str, load: Callable[[Path], Part], make: Callable[[], Part]) -> Part:
        """The finished part, else make it and keep it. The mark that it is finished is written last."""
        place = self.folder / name
        if self.holds(name):
            return load(place)
        shutil.rmtree(place, ignore_errors=True)
        part = make()
        part.save(place)
        (place / DONE).touch()
        return part

    def clear(self) -> None:
        """Forget all parts: the bundle that they went into is written."""
        shutil.rmtree(self.folder, ignore_errors=True)
