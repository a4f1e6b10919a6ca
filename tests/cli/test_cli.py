"""The verbs of a running shop from the command line: what they print, what they refuse, and the status they end with."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from time import sleep

import pytest
from typer.testing import CliRunner

from aisle.bundle import MANIFEST, Store, seal
from aisle.cli import app, main
from aisle.cli.common import guarded
from aisle.core.errors import AisleError, StateError
from aisle.serving import bench
from aisle.serving.load import Tally
from aisle.state.folder import State
from tests.serving.toy_store import toy_store


def run(*words: str) -> tuple[int, str]:
    """Status and standard output of ``aisle WORDS``; an error that `main` would print is raised."""
    told = CliRunner().invoke(app, list(words))
    if isinstance(told.exception, AisleError):
        raise told.exception
    return told.exit_code, told.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_store(tmp_path_factory.mktemp("shop"), "one", "two").parent


def test_a_key_is_made_listed_and_revoked_and_its_secret_is_shown_once(tmp_path: Path):
    state = ["--state", str(tmp_path / "state")]
    status, secret = run("keys", "add", "shop pages", "--scope", "events", "--scope", "read", "--days", "2", *state)
    assert status == 0
    with State.open(tmp_path / "state") as opened:
        key = opened.keys.find(secret.strip(), 0.0)
    assert key is not None and key.scopes == {"events", "read"} and key.name == "shop pages"
    listed = run("keys", "list", *state)[1]
    assert key.key_id in listed and "events,read" in listed and "valid  until" in listed and secret.strip() not in listed
    assert "revoked" in run("keys", "revoke", key.key_id, *state)[1]
    assert "revoked" in run("keys", "list", *state)[1]
    with pytest.raises(StateError, match="no open key"):
        run("keys", "revoke", key.key_id, *state)


def test_a_key_without_a_scope_may_read_and_an_unknown_scope_is_refused(tmp_path: Path):
    run("keys", "add", "--state", str(tmp_path))
    assert "  read  valid" in run("keys", "list", "--state", str(tmp_path))[1]
    with pytest.raises(StateError, match="no scope `root`"):
        run("keys", "add", "--scope", "root", "--state", str(tmp_path))


def test_looking_for_keys_makes_no_state(tmp_path: Path):
    with pytest.raises(StateError, match="has no keys"):
        run("keys", "list", "--state", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_a_sound_shop_is_told_so_with_what_is_not_armed_and_every_setting(shop: Path):
    status, told = run("doctor", str(shop / "bundles"))
    assert status == 0
    for line in ("ok    bundle one: every file has its hash (active)", "note  filter stock: not armed", "ok    aisle.toml seed: 7"):
        assert line in told
    with State.open(shop / "state") as state:
        state.keys.add(["admin"], 0.0)
    (shop / "state" / "serving.toml").write_text('storefront = "public"\n')
    told = run("doctor", str(shop / "bundles"))[1]
    assert "serving.toml storefront: 'public'" in told and "keys: 1 of 1 are valid" in told and "the newest fact is number 0" in told


def test_what_is_broken_is_named_and_the_status_is_1(tmp_path: Path):
    shop = toy_store(tmp_path, "one", "two").parent
    next((shop / "bundles" / "one").rglob("*.npy")).write_bytes(b"x")
    manifest = shop / "bundles" / "two" / MANIFEST
    told = json.loads(manifest.read_text()) | {"state_sequence": 7}
    manifest.write_text(json.dumps(told | {"seal": seal(told)}))
    with State.open(shop / "state"):
        (shop / "state" / "serving.toml").write_text("storefrnt = 1\n")
    status, told = run("doctor", str(shop / "bundles"))
    assert status == 1
    bad = [line for line in told.splitlines() if line.startswith("bad")]
    assert any("bundle one" in line and "is damaged" in line for line in bad)
    assert any("facts up to number 7: 7 are lost" in line for line in bad)
    assert any("Did you mean `storefront`?" in line for line in bad)


def test_a_shop_without_a_bundle_is_not_sound(tmp_path: Path):
    status, told = run("doctor", str(tmp_path / "bundles"))
    assert status == 1 and "holds no active bundle" in told


def test_two_bundles_are_compared_on_a_list_of_queries(shop: Path, tmp_path: Path):
    (tmp_path / "queries.txt").write_text('red lamp\n\n{"query": "茶壶"}\nred  lamp\n', encoding="utf-8")
    html, out = tmp_path / "page.html", tmp_path / "told.json"
    left, right = (str(shop / "bundles" / name) for name in ("one", "two"))
    status, told = run("compare", left, right, str(tmp_path / "queries.txt"), "--html", str(html), "--json", str(out))
    assert (status, told.strip()) == (0, "one and two on 2 queries: overlap@10 1.000, 2 the same.")
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert figures["overlap@10"] == 1 and [pair["query"] for pair in figures["pairs"]] == ["red lamp", "茶壶"]
    assert "茶壶" in html.read_text(encoding="utf-8")


def test_serving_needs_a_bundle_and_a_clock_that_exists(tmp_path: Path):
    with pytest.raises(AisleError, match="holds no active bundle"):
        run("serve", str(tmp_path))
    assert run("serve", "--clock", "sun")[0] == 2


def test_bench_asks_what_the_shop_knows_and_says_what_the_generator_took(shop: Path, monkeypatch: pytest.MonkeyPatch):
    from aisle.opening import open_shop

    calls = bench.asked(open_shop(shop / "bundles"), seed=1, many=20)
    assert [sum(call.route == route for call in calls) for route in bench.MIXED] == [10, 6, 4]
    assert calls == bench.asked(open_shop(shop / "bundles"), seed=1, many=20)
    tally = Tally({"/v1/search": [3.0, 1.0, 2.0]}, own_cpu=0.5)
    tally.status["200"] += 3
    told = bench.told(tally, 10, 1, 2)
    assert (told["p50_ms"], told["p99_ms"], told["generator_cpu"]) == (2.0, 3.0, 0.5)
    monkeypatch.setattr(bench, "bench", lambda *_: told)
    assert "p99_ms: 3.0" in run("bench", str(shop / "bundles"))[1]


def test_a_users_mistake_ends_with_status_1_and_no_trace(capsys: pytest.CaptureFixture[str]):
    def fail() -> None:
        raise StateError("The state is gone.", "Bring it back.")

    assert guarded(fail) == 1
    assert "The state is gone. Bring it back." in " ".join(capsys.readouterr().err.split())


def test_bundles_are_listed_and_changed(shop: Path):
    assert "* one" in run("bundles", "list", str(shop / "bundles"))[1]
    assert run("bundles", "activate", str(shop / "bundles"), "two")[1] == "two is active.\n"
    assert run("bundles", "rollback", str(shop / "bundles"))[1] == "one is active again.\n"
    assert Store(shop / "bundles").current() == "one"


def test_a_ctrl_c_that_was_dropped_is_raised_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Python drops an exception that comes while an object is cleaned up."""
    dropped: list[str] = []

    def command(_: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            dropped.append("once")
        sleep(30)
        return 0

    monkeypatch.setattr("aisle.cli.guarded", command)
    monkeypatch.setattr("aisle.cli.AGAIN_SECONDS", 0.05)
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
        assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM))
    finally:
        signal.signal(signal.SIGINT, outside)
    assert ended.value.code == 130
    assert dropped == ["once"]
    assert "Interrupted" in capsys.readouterr().err
