"""A real `aisle train` process, interrupted and killed: the same command goes on and ends in the bundle that it would have made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import pytest

from aisle.bundle import Bundle, Store
from aisle.simulate.shop import simulate
from aisle.training.run import train

MINUTES = 20
"""So many that no clock decides anything in these small shops."""
PROGRAM = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from aisle.cli import main; main()"
"""`aisle`, which heeds Ctrl-C even where the tests run in the background: there a shell tells its processes to ignore it."""
SETTINGS = """encoder = "ngram"
[retrieval]
als = false
ease = false
dense = false
content = false
markov_first = false
[evaluation]
train_requests = 60
test_requests = 40
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    status: int
    said: str
    record: list[Mapping[str, object]]


def record(folder: Path) -> list[Mapping[str, object]]:
    """The lines of run.jsonl that are whole."""
    path = folder / "bundles" / ".work" / "run.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def stopped(folder: Path, part: str, how: signal.Signals) -> Ended:
    """Start `aisle train`, send it a signal as soon as its record names ``part``, and wait for its end."""
    command = [sys.executable, "-c", PROGRAM, "train", str(folder), "--minutes", str(MINUTES)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        while process.poll() is None and not any(line.get("part") == part for line in record(folder)):
            sleep(0.05)
        process.send_signal(how)
        _, said = process.communicate(timeout=120)
    return Ended(process.returncode, said, record(folder))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small shop with few sources."""
    folder = tmp_path_factory.mktemp("shop")
    simulate(folder, 120, 4_000, 5, pictures=False)
    text = (folder / "aisle.toml").read_text(encoding="utf-8")
    (folder / "aisle.toml").write_text(SETTINGS.replace("[retrieval]", text + "\n[retrieval]", 1), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def interrupted(shop: Path) -> Ended:
    """Ctrl-C as soon as the files are read."""
    return stopped(shop, "read and clean", signal.SIGINT)


@pytest.fixture(scope="module")
def killed(shop: Path, interrupted: Ended) -> Ended:
    """The same command again, killed when all windows were replayed, and two of them surely kept."""
    return stopped(shop, "home: candidates of window 4", signal.SIGKILL)


@pytest.fixture(scope="module")
def resumed(shop: Path, killed: Ended) -> Iterator[tuple[Bundle, list[Mapping[str, object]]]]:
    """And once more, to the end."""
    before = len(record(shop))
    bundle = train(shop, minutes=MINUTES, quiet=True)
    yield bundle, record(shop)[before:]


def test_ctrl_c_ends_with_a_message_and_no_stack_trace(interrupted: Ended) -> None:
    assert interrupted.status == 130
    assert "Interrupted. The same command goes on where this one stopped." in interrupted.said
    assert "Traceback" not in interrupted.said


def test_a_killed_training_leaves_no_bundle_but_its_finished_parts(shop: Path, killed: Ended, resumed: object) -> None:
    assert killed.status == -signal.SIGKILL
    assert any(line.get("part") == "home: candidates of window 2" for line in killed.record)
    assert len(Store(shop / "bundles").names()) == 1, "only the last run wrote one"


def test_the_next_run_takes_up_what_was_finished(resumed: tuple[Bundle, list[Mapping[str, object]]]) -> None:
    _, lines = resumed
    taken = {str(line["part"]).rsplit("-", 1)[0] for line in lines if line.get("taken_up")}
    assert {"frame-home-2", "frame-home-3"} <= taken
    assert {"window1", "all", "text"} <= {part.split("-")[0] for part in taken}, "sources and the text index too"
    again = {line["part"] for line in lines if "seconds" in line}
    assert "home: candidates of window 2" not in again
    assert "fit item_knn on window 1" not in again
    assert "home: fit rankers, set α" in again, "what was not finished is made"


def test_the_bundle_is_the_one_that_an_uninterrupted_run_makes(
    shop: Path, resumed: tuple[Bundle, list[Mapping[str, object]]], tmp_path: Path
) -> None:
    whole = train(shop, tmp_path / "bundles", minutes=MINUTES, quiet=True)
    assert not (tmp_path / "bundles" / ".work" / "parts").exists(), "a finished run clears its parts"
    files, expected = resumed[0].manifest["files"], whole.manifest["files"]
    assert isinstance(files, dict) and isinstance(expected, dict)
    assert {name for name in files if files[name] != expected.get(name)} <= {"report.json", "report.html"}, "they tell what was timed"
    assert files.keys() == expected.keys()
    assert untimed(resumed[0]) == untimed(whole)
    assert resumed[0].manifest["plan"] == whole.manifest["plan"]


def untimed(bundle: Bundle) -> object:
    """The report without what a clock measured."""
    return json.loads((bundle.folder / "report.json").read_text(encoding="utf-8"), object_hook=_untimed)


def _untimed(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != "milliseconds"}
