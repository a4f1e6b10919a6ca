"""What the state folder promises: one owner, versions that are known, gaps that are said, a failing disk that acknowledges nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from aisle.core.errors import StateError
from aisle.state.database import Layout
from aisle.state.folder import State
from aisle.state.layout import LOG, MIGRATIONS
from aisle.state.lock import Turn, own
from aisle.testing.faults import FULL, FailingDisk
from tests.state.support import NOW, event

OWNER = """
import sys, time
from pathlib import Path
from aisle.state.lock import own
with own(Path(sys.argv[1])):
    sys.stdout.write("mine\\n")
    sys.stdout.flush()
    time.sleep(60)
"""

FILLING = """
import resource, signal, sys
from pathlib import Path
from aisle.core.errors import StateError
from aisle.state.folder import State
from tests.state.support import event
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with State.open(Path(sys.argv[1])) as state:
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    stored = 0
    try:
        for number in range(10_000):
            state.log.append([event(f"{number}", "u", note="x" * 2_000)])
            stored += 1
    except StateError as error:
        sys.stdout.write(f"{stored}|{error.mend}|{len(state.log.since(0))}")
"""


def older(path: Path, version: int) -> None:
    """A log as a program of an earlier layout would have left it."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE events (sequence INTEGER PRIMARY KEY, event_id TEXT)")
        connection.execute("INSERT INTO events VALUES (1, 'kept')")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_a_second_owner_is_refused_with_the_first_ones_process_id_until_it_dies(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == b"mine\n"
        with pytest.raises(StateError, match=f"process id {owner.pid}"), own(folder):
            pass
        owner.kill()
        owner.wait()
        with own(folder):
            pass


def test_who_waits_to_write_comes_next(folder: Path) -> None:
    folder.mkdir()
    order: list[str] = []
    with closing(Turn(folder)) as busy, closing(Turn(folder)) as other:

        def once() -> None:
            with other:
                order.append("other")

        with busy:
            waiting = Thread(target=once)
            waiting.start()
            sleep(0.05)
        for _ in range(20):
            with busy:
                order.append("busy")
                sleep(0.001)
        waiting.join()
    assert order.index("other") <= 1


def test_the_owner_and_others_write_the_same_folder(folder: Path) -> None:
    with own(folder), State.open(folder) as state, State.open(folder) as other:
        assert (state.log.append([event("a")]).sequence, other.log.append([event("b")]).sequence) == (1, 2)


def test_a_log_of_a_newer_version_is_refused_and_left_alone(folder: Path) -> None:
    State.open(folder).close()
    with sqlite3.connect(folder / "log.sqlite") as connection:
        connection.execute(f"PRAGMA user_version = {LOG.version + 1}")
    connection.close()
    before = (folder / "log.sqlite").read_bytes()
    with pytest.raises(StateError, match=r"newer Aisle.*Update Aisle"):
        State.open(folder)
    assert (folder / "log.sqlite").read_bytes()[100:] == before[100:]


def test_a_log_of_an_older_version_is_refused_when_nothing_can_take_it_over(folder: Path) -> None:
    folder.mkdir()
    older(folder / "log.sqlite", 0)
    with pytest.raises(StateError, match=r"old layout 0.*version in between"):
        State.open(folder)


def test_a_log_of_an_older_version_is_taken_over_step_by_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def take_over(connection: sqlite3.Connection) -> None:
        for statement in filter(str.strip, LOG.create.split(";")):
            connection.execute(statement)
        columns = "sequence, kind, event_id, type, time, body"
        connection.execute(f"INSERT INTO facts ({columns}) SELECT sequence, 0, event_id, 'click', 0, '{{}}' FROM events")
        connection.execute("DROP TABLE events")

    folder.mkdir()
    older(folder / "log.sqlite", 0)
    monkeypatch.setitem(MIGRATIONS, 0, take_over)
    with State.open(folder) as state:
        assert [stored.event.event_id for stored in state.log.since(0)] == ["kept"]
        assert state.log.append([event("new")]).sequence == 2


def test_a_failing_take_over_leaves_the_old_log_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE events")
        raise sqlite3.OperationalError("disk I/O error")

    folder.mkdir()
    older(folder / "log.sqlite", 0)
    monkeypatch.setitem(MIGRATIONS, 0, fail)
    with pytest.raises(StateError, match="disk I/O error"):
        State.open(folder)
    with sqlite3.connect(folder / "log.sqlite") as connection:
        assert connection.execute("SELECT event_id FROM events").fetchall() == [("kept",)]
    connection.close()


def test_every_file_says_its_version(folder: Path) -> None:
    State.open(folder).close()
    for path in folder.glob("*.sqlite"):
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA user_version").fetchone()[0] == 1, path.name
        connection.close()
    assert Layout(1, "").durable


@pytest.mark.parametrize("content", [b"not a database at all, and long enough to be one" * 100, b"\x00" * 8192])
def test_a_damaged_log_is_refused_with_what_to_do(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "log.sqlite").write_bytes(content)
    with pytest.raises(StateError, match=r"log\.sqlite.*restore the state folder"):
        State.open(folder)


def test_a_folder_that_should_be_there_and_is_not_is_said(folder: Path) -> None:
    with pytest.raises(StateError, match="no state folder"):
        State.open(folder, make=False)
    assert not folder.exists()


def test_a_log_that_lost_its_end_says_how_much_and_never_uses_those_numbers_again(folder: Path) -> None:
    with State.open(folder) as state:
        for number in range(5):
            state.log.append([event(str(number))])
    with sqlite3.connect(folder / "log.sqlite") as connection:
        connection.execute("DELETE FROM facts WHERE sequence > 3")
    connection.close()
    with State.open(folder) as state:
        assert state.problems() == ["The log ends at 3, but 5 was acknowledged: 2 facts are lost."]
        assert state.log.append([event("4")]).sequence == 6
        assert state.problems() == ["The facts 4 to 5 are lost."]


def test_a_lost_log_is_a_gap_too(folder: Path) -> None:
    with State.open(folder) as state:
        state.log.append([event("a"), event("b")])
    (folder / "log.sqlite").unlink()
    with State.open(folder) as state:
        assert "2 facts are lost" in state.problems()[0]
        assert state.log.append([event("c")]).sequence == 3


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "was lost"), (b"00000000000000000009 00000000\n", "is damaged"), (b"nonsense", "is damaged")]
)
def test_a_lost_or_damaged_mark_is_said_and_mended_by_the_next_event(folder: Path, content: bytes, said: str) -> None:
    with State.open(folder) as state:
        state.log.append([event("a")])
    (folder / "high_water").write_bytes(content)
    with State.open(folder) as state:
        assert said in " ".join(state.problems())
        assert state.log.append([event("b")]).sequence == 2
        assert state.problems() == []


def test_a_commit_that_fails_acknowledges_nothing_and_reading_goes_on(folder: Path) -> None:
    disk = FailingDisk()
    with State.open(folder, disk) as state:
        state.log.append([event("a")])
        disk.commits, disk.error = 2, FULL
        for _ in range(2):
            with pytest.raises(StateError, match="Make room"):
                state.log.append([event("b")])
            assert [stored.event.event_id for stored in state.log.since(0)] == ["a"]
        assert state.log.append([event("b")]).stored == 1
        assert state.problems() == []


def test_a_sync_that_fails_acknowledges_nothing_and_sending_again_counts_once(folder: Path) -> None:
    disk = FailingDisk(syncs=1)
    with State.open(folder, disk) as state:
        with pytest.raises(StateError, match="Input/output error"):
            state.log.append([event("a")])
        again = state.log.append([event("a")])
        assert again.stored + again.duplicate == 1
        assert len(state.log.since(0)) == 1 == again.sequence


def test_a_full_disk_is_a_stated_error_and_everything_acknowledged_is_there(folder: Path) -> None:
    command = [sys.executable, "-c", FILLING, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    stored, mend, read = done.stdout.split("|")
    assert int(stored) > 10 and "again" in mend, done.stderr
    assert int(read) == int(stored)
    with State.open(folder) as state:
        assert len(state.log.since(0)) == int(stored) and state.problems() == []
        assert state.log.append([event("after")]).stored == 1


def test_what_waits_is_written_before_closing(folder: Path) -> None:
    with State.open(folder) as state:
        state.served.note({"request_id": "r", "time": NOW})
    with State.open(folder) as state:
        assert state.served.get("r") is not None
