"""The boards: what TensorBoard reads back, what Weights & Biases keeps in its folder without a network, and what is said without them."""

from __future__ import annotations

import socket
from pathlib import Path
from time import sleep

import pytest

from aisle.core.errors import SettingsError
from aisle.settings import Tracking
from aisle.tracking import boards
from aisle.tracking.lines import read


def test_a_board_that_is_not_installed_is_named_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "find_spec", lambda name: None)
    for name, package in (("tensorboard", "tensorboardX"), ("wandb", "wandb")):
        with pytest.raises(SettingsError, match=rf'names "{name}", whose package {package} is not.*aisle\[track\]'):
            boards.check([name])
    boards.check([])


def test_the_json_lines_are_there_without_any_board(tmp_path: Path) -> None:
    run = boards.opened(Tracking(), tmp_path, "today")
    run.point("fit", 1, {"loss": 1.0})
    run.close()
    assert run.path == tmp_path / "today.jsonl" and read(run.path).parts == {"fit": {1: {"loss": 1.0}}}
    assert [path.name for path in tmp_path.iterdir()] == ["today.jsonl"]


def test_tensorboard_reads_the_scalars_back(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="the extra `track` is not installed")
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="the extra `track` is not installed")
    run = boards.opened(Tracking(to=("tensorboard",)), tmp_path, "today")
    run.fact("data", {"fingerprint": "abc"})
    run.fact("changed_examples", [{"query": "red lamp"}], private=True)
    for step in (1, 2):
        run.point("fit sasrec", step, {"loss": 1.0 / step})
    run.close()
    found = events.EventAccumulator(str(tmp_path / "today" / "tensorboard"))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("fit_sasrec/loss")] == [(1, 1.0), (2, 0.5)]
    written = b"".join(path.read_bytes() for path in (tmp_path / "today").rglob("*") if path.is_file())
    assert b"abc" in written and b"red lamp" not in written


def test_weights_and_biases_stay_offline_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="the extra `track` is not installed")
    asked: list[object] = []
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: asked.append(host) or found(host, *rest, **more))
    run = boards.opened(Tracking(to=("wandb",), project="lamps"), tmp_path, "today")
    run.fact("data", {"fingerprint": "abcdef"})
    run.fact("changed_examples", [{"query": "red lamp"}], private=True)
    run.point("fit sasrec", 0, {})
    run.point("fit sasrec", 1, {"loss": 1.0})
    run.close()
    for _ in range(100):  # its own process writes when it likes
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("offline-run-*/*.wandb"))
        if b"fit sasrec/loss" in written:
            break
        sleep(0.1)
    assert b"abcdef" in written and b"fit sasrec/loss" in written and b"red lamp" not in written

    assert not {host for host in asked if host not in ("localhost", "127.0.0.1")}
