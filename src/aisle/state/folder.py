"""The state folder of a shop: one object that holds its log, item changes, keys and what was served."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType

from aisle.core.errors import StateError
from aisle.state.database import Database, Disk, mended
from aisle.state.high_water import HighWater
from aisle.state.items import SqliteItemStore
from aisle.state.keys import Keys
from aisle.state.layout import LOG
from aisle.state.lock import Turn
from aisle.state.log import SqliteEventLog
from aisle.state.names import Names
from aisle.state.quarantine import Quarantine
from aisle.state.served import Served
from aisle.state.writer import Writer

LOG_NAME = "log.sqlite"

HOLES = """
    SELECT json_array(before + 1, sequence - 1) AS row
    FROM (SELECT sequence, lag(sequence, 1, 0) OVER (ORDER BY sequence) AS before FROM facts) WHERE sequence > before + 1
"""


class State:
    """An open state folder. Any number of processes may open one at once; all methods may be called from several threads.

    Not to be carried over a fork: open it in the process that uses it.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.folder = folder
        with ExitStack() as opened:
            with mended(folder):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                turn, self._mark = opened.enter_context(closing(Turn(folder))), opened.enter_context(closing(HighWater(folder, disk)))
            with turn:
                self._database = opened.enter_context(closing(Database(folder / LOG_NAME, LOG)))
            names = Names(str(self._database.value("SELECT salt FROM salt")))
            writer = opened.enter_context(closing(Writer(self._database, self._mark, turn, disk)))
            self.keys = opened.enter_context(closing(Keys(folder / "keys.sqlite")))
            with turn:
                self.served = opened.enter_context(closing(Served(folder / "served.sqlite", names)))
            self._opened = opened.pop_all()
        self.log = SqliteEventLog(self._database, writer, names)
        self.log.forgetting.append(self.served.unlink)
        self.items = SqliteItemStore(self._database, writer)
        self.quarantine = Quarantine(self._database, writer, names)

    @classmethod
    def open(cls, folder: Path, disk: Disk | None = None, make: bool = True) -> State:
        """Open a folder, or ``make`` it. Raises `StateError` for one that is damaged, of another version, or absent and not to be made."""
        if not make and not (folder / LOG_NAME).is_file():
            raise StateError(f"{folder} is no state folder.", "Name the one that `aisle serve` made.")
        return cls(folder, disk or Disk())

    def newest(self) -> int:
        """The newest sequence of any process: cheap enough to ask before every answer."""
        return self.log.newest()

    def problems(self) -> list[str]:
        """What is wrong with the log, in words, empty when nothing is: a lost end, holes, damaged pages. Reads the whole file."""
        found = [f"{LOG_NAME} is damaged: {text}" for text in self._damage()]
        newest, mark = self.newest(), self._mark.read()
        if mark is None:
            found.append(f"{self._mark.path.name} is damaged, so nothing tells whether the log has lost its end.")
        elif mark > newest:
            found.append(f"The log ends at {newest}, but {mark} was acknowledged: {mark - newest} facts are lost.")
        elif mark == 0 and newest:
            found.append(f"{self._mark.path.name} was lost, so nothing tells whether the log has lost its end.")
        for first, last in self._database.rows(HOLES):
            found.append(f"The facts {first} to {last} are lost.")
        return found

    def _damage(self) -> list[str]:
        try:
            told = str(self._database.value("PRAGMA quick_check(1)"))
        except StateError as error:
            return [error.what]
        return [] if told == "ok" else [f"{told}."]

    def close(self) -> None:
        """Write what waits and let go of the files."""
        self._opened.close()

    def __enter__(self) -> State:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
