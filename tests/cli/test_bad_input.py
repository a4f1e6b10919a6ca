"""Bad input through the real command: refused, or read as far as it can be; a message with file and mend, the promised exit status."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aisle.bundle import SCHEMA
from tests.cli.command import aisle
from tests.data.reading import EVENTS, ITEMS, write

SETTINGS = 'encoder = "ngram"\n'


def refused(folder: Path, verb: str = "check") -> str:
    """What is said when nothing can be done: status 1 and one message."""
    told = aisle(verb, folder)
    assert told.status == 1
    return told.error.partition("error: ")[2]


def checked(folder: Path) -> dict[str, Any]:
    """The report of a folder of which at least something could be read."""
    told = aisle("check", folder, "--json", folder / "quality.json")
    assert told.status == 0, told.error
    found: dict[str, Any] = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    for name, count in found["files"].items():
        assert count["read"] == count["kept"] + count["repaired"] + count["rejected"], name
    return found


@pytest.mark.parametrize("verb", ["check", "train", "evaluate"])
def test_a_wrong_column_is_named_with_the_nearest(tmp_path: Path, verb: str) -> None:
    said = refused(write(tmp_path, items_csv="item_id,titel\n1,Lamp\n"), verb)
    assert "items.csv" in said and "`title`" in said and "titel" in said


@pytest.mark.parametrize("verb", ["check", "train"])
@pytest.mark.parametrize("content", ["", "item_id,title\n", "\ufeff"])
def test_items_that_are_empty_or_only_a_header_are_refused(tmp_path: Path, verb: str, content: str) -> None:
    assert "items.csv" in refused(write(tmp_path, items_csv=content, events_csv=EVENTS), verb)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "no folder" in refused(tmp_path / "gone", "train")
    assert not (tmp_path / "gone").exists()


def test_items_of_which_no_row_can_be_kept_end_both_commands_with_1(tmp_path: Path) -> None:
    write(tmp_path, items_csv="item_id,title\n,Lamp\n,Cup\n")
    assert aisle("check", tmp_path).status == 1
    assert "item" in refused(tmp_path, "train")


@pytest.mark.parametrize(("encoding", "name"), [("gbk", "GB"), ("utf-16", "UTF-16"), ("utf-8-sig", "")])
def test_encodings_of_chinese_shops_are_detected_and_said(tmp_path: Path, encoding: str, name: str) -> None:
    rows = "".join(f"{number},红色台灯{number}号送货上门\n" for number in range(40))
    found = checked(write(tmp_path, items_csv=f"item_id,title\n{rows}".encode(encoding)))
    assert found["files"]["items.csv"] == {"read": 40, "kept": 40, "repaired": 0, "rejected": 0}
    assert not name or any(name in remark and "items.csv" in remark for remark in found["remarks"]), found["remarks"]


def test_a_cut_gzip_is_refused_since_nobody_knows_how_much_is_missing(tmp_path: Path) -> None:
    whole = gzip.compress((ITEMS * 500).encode())
    said = refused(write(tmp_path, **{"items__csv.gz": whole[: len(whole) // 2]}), "train")
    assert "items.csv.gz is cut off" in said and "how much is missing" in said


def test_a_binary_file_is_refused_with_what_it_is(tmp_path: Path) -> None:
    assert "Excel" in refused(write(tmp_path, items_csv=b"PK\x03\x04" + bytes(300)))
    assert "binary" in refused(write(tmp_path, items_csv=bytes(range(256)) * 20))


def test_an_unknown_setting_is_named_with_the_nearest(tmp_path: Path) -> None:
    said = refused(write(tmp_path, items_csv=ITEMS, aisle_toml="[rankin]\nalpha = 0.5\n"), "train")
    assert "aisle.toml" in said and "`rankin`" in said and "`ranking`" in said


def test_a_setting_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    assert "`ranking.alpha`" in refused(write(tmp_path, items_csv=ITEMS, aisle_toml='[ranking]\nalpha = "much"\n'))


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    said = refused(write(tmp_path, items_csv=ITEMS, aisle_toml="name = 'x'\nseed = = 3\n"), "train")
    assert "aisle.toml is not valid TOML" in said and "line 2" in said


def test_settings_that_are_not_in_utf_8_name_the_line_and_say_so(tmp_path: Path) -> None:
    said = refused(write(tmp_path, items_csv=ITEMS, aisle_toml='seed = 3\nname = "天猫"\n'.encode("gbk")))
    assert "aisle.toml" in said and "line 2 is not in UTF-8" in said


@pytest.mark.parametrize("verb", ["check", "train"])
def test_a_switch_of_no_source_is_named_with_the_nearest(tmp_path: Path, verb: str) -> None:
    said = refused(write(tmp_path, items_csv=ITEMS, aisle_toml="[retrieval]\nmarkvo = false\n"), verb)
    assert "`retrieval.markvo`" in said and "`markov`" in said


@pytest.mark.parametrize("words", [("train",), ("train", "x", "--minutes", "soon"), ("trian", "x"), ("check", "x", "--jsno", "y")])
def test_wrong_usage_ends_with_2(words: tuple[str, ...]) -> None:
    told = aisle(*words)
    assert told.status == 2
    assert told.error


def test_a_plan_that_is_none_is_refused(tmp_path: Path) -> None:
    write(tmp_path, items_csv=ITEMS, plan_json='{"no": 1}', torn_json="{")
    for name, said in (("plan.json", "holds no plan"), ("torn.json", "is no manifest"), ("gone.json", "is no manifest")):
        told = aisle("train", tmp_path, "--plan", tmp_path / name)
        assert told.status == 1 and said in told.error and "manifest.json" in told.error


ODD_ITEMS = """item_id,title,price,category
007,Red lamp 💡,29.0,Home > Lamps
7,Blue lamp,NaN,Home > Lamps
a1,Green cup ☕️,inf,Kitchen > Cups
A1,Green mug,9.5,Kitchen > Cups
 b2 ,Oak desk,120,Home > Desks
c3,Lonely chair,80,Home > Chairs
d4,Ragged,1,2,3,4,5
e5
"""
ODD_EVENTS = """timestamp,type,item_id,user_id
2026-01-01T10:00:00Z,click,007,u1
2026-01-01T10:01:00Z,purchase,007,u1
2199-01-01T10:00:00Z,click,7,u1
2026-01-02T10:00:00Z,click,ghost,u2
2026-01-02T10:01:00Z,purchase,a1,u2
2026-01-03T10:01:00Z,purchase,b2,u2
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of two users in which much is odd, and nothing hopeless."""
    return write(tmp_path_factory.mktemp("odd"), items_csv="\ufeff" + ODD_ITEMS, events_csv=ODD_EVENTS, aisle_toml=SETTINGS)


@pytest.fixture(scope="module")
def report(odd: Path) -> dict[str, Any]:
    """Its report."""
    return checked(odd)


@pytest.fixture(scope="module")
def rejected(odd: Path, report: dict[str, Any]) -> dict[tuple[str, str], str]:
    """File and row to the reason why it was rejected."""
    with (odd / "rejected.csv").open(encoding="utf-8", newline="") as lines:
        return {(row["file"], row["row"]): row["reason"] for row in csv.DictReader(lines)}


def test_bad_rows_are_written_out_with_file_row_and_reason_and_good_ones_kept(
    report: dict[str, Any], rejected: dict[tuple[str, str], str]
) -> None:
    assert report["files"]["items.csv"]["read"] == 8
    assert report["files"]["items.csv"]["rejected"] == 2
    assert "7 cells" in rejected["items.csv", "7"] and "1 cell " in rejected["items.csv", "8"]
    assert report["counts"]["items"] == 6


def test_a_date_in_the_future_is_rejected_with_its_row(report: dict[str, Any], rejected: dict[tuple[str, str], str]) -> None:
    assert "time" in rejected["events.csv", "3"]
    assert report["files"]["events.csv"]["rejected"] == 1


def test_ids_that_differ_in_case_are_reported_and_stay_two_and_spaces_are_cut(report: dict[str, Any]) -> None:
    assert any("differ in case or spaces only" in remark and "A1" in remark for remark in report["remarks"])
    assert next(rule for rule in report["rules"] if rule["rule"] == "spaces")["examples"][0]["after"] == "item_id: b2"


def test_prices_that_are_no_numbers_are_missing_and_counted(report: dict[str, Any]) -> None:
    examples = [e for rule in report["rules"] if rule["rule"] in ("missing_words", "item_prices") for e in rule["examples"]]
    assert {(e["row"], e["before"]) for e in examples} == {(2, "price: NaN"), (3, "price: inf")}
    assert {e["after"] for e in examples} == {"price: (missing)"}


def test_events_of_unknown_items_and_items_without_events_are_counted(report: dict[str, Any]) -> None:
    assert report["counts"]["events of unknown items"] == 1
    assert report["counts"]["items without events"] == 3
    assert any("catalogue does not hold" in remark for remark in report["remarks"])


@pytest.fixture(scope="module")
def trained(odd: Path) -> Path:
    """The same shop trained: two users, five events."""
    told = aisle("train", odd, "--minutes", "0.5")
    assert told.status == 0, told.error
    assert Path(told.out.strip()).parent == odd / "bundles"
    return odd / "bundles"


def answers(store: Path, *requests: dict[str, object]) -> list[dict[str, Any]]:
    asked, out = store.parent / "asked.jsonl", store.parent / "answers.jsonl"
    asked.write_text("".join(json.dumps(request) + "\n" for request in requests), encoding="utf-8")
    told = aisle("batch", store, asked, "--out", out)
    assert told.status == 0, told.error
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_two_users_are_enough_for_answers_with_leading_zeros_and_emoji(trained: Path) -> None:
    found, home = answers(trained, {"surface": "search", "query": "red lamp"}, {"surface": "home", "user_id": "u1", "limit": 6})
    assert found["items"][0]["item_id"] == "007"
    assert found["items"][0]["title"] == "Red lamp 💡"
    assert home["items"] and not home["degraded"]


def test_a_missing_price_is_null_and_no_filter_on_price_lets_it_pass(trained: Path) -> None:
    lamp, cheap = answers(
        trained, {"surface": "search", "query": "blue lamp"}, {"surface": "search", "query": "lamp", "filters": {"price": {"lte": 1_000}}}
    )
    blue = next(item for item in lamp["items"] if item["item_id"] == "7")
    assert blue.get("price") is None
    shown = [item["item_id"] for item in cheap["items"]]
    assert shown[0] == "007" and not {"7", "a1"} & set(shown)


def test_the_report_of_next_to_no_data_says_so_and_claims_nothing(odd: Path, trained: Path) -> None:
    told = aisle("evaluate", odd, "--json", odd / "report.json", "--html", odd / "report.html")
    assert told.status == 0
    assert json.loads((odd / "report.json").read_text(encoding="utf-8"))["models"] == {}
    assert "There was nothing to measure in this data." in told.out
    page = (odd / "report.html").read_text(encoding="utf-8")
    assert "There was nothing to measure in this data." in page and "holds its ground" not in page


@pytest.mark.parametrize("events", [EVENTS, None], ids=["one event", "no events"])
def test_one_event_or_none_still_makes_a_shop_that_answers(tmp_path: Path, events: str | None) -> None:
    write(tmp_path, items_csv=ITEMS, aisle_toml=SETTINGS, **({"events_csv": events} if events else {}))
    assert aisle("train", tmp_path, "--minutes", "0.5").status == 0
    found, home = answers(tmp_path / "bundles", {"surface": "search", "query": "blue"}, {"surface": "home", "user_id": "u1"})
    assert found["items"][0]["item_id"] == "8"
    assert home["items"]


def test_a_bundle_of_another_version_is_refused_by_every_verb(odd: Path, trained: Path, tmp_path: Path) -> None:
    store = tmp_path / "bundles"
    shutil.copytree(trained, store)
    manifest = store / (store / "CURRENT").read_text().strip() / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(f'"schema": {SCHEMA}', '"schema": 99'), encoding="utf-8")
    asked = tmp_path / "asked.jsonl"
    asked.write_text("{}\n")
    verbs: list[tuple[object, ...]] = [
        ("batch", store, asked, "--out", tmp_path / "answers.jsonl"),
        ("bundles", "verify", store),
        ("evaluate", odd, "--bundle", store),
        ("serve", store),
    ]
    for words in verbs:
        told = aisle(*words)
        assert told.status == 1 and "layout version 99" in told.error and "Train again" in told.error, words


@pytest.fixture
def little(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few kilobytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=False).returncode == 0
    if not mounted:
        pytest.skip("A small disk can be mounted by root alone.")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_ends_training_with_a_message_and_leaves_no_half_bundle(odd: Path, little: Path) -> None:
    told = aisle("train", odd, "--minutes", "0.5", "--bundle", little / "bundles")
    assert told.status == 1
    assert "No space left on device" in told.error and "Make room" in told.error
    assert not [path for path in (little / "bundles").glob("*") if path.name[0] != "."]


def test_a_report_for_which_the_disk_has_no_room_names_its_file(tmp_path: Path, little: Path) -> None:
    (little / "rest").write_bytes(bytes(64 * 1024))
    write(tmp_path, items_csv=ITEMS)
    told = aisle("check", tmp_path, "--json", little / "quality.json")
    assert told.status == 1
    assert "quality.json cannot be written: No space left on device" in told.error and "Make room" in told.error


def test_a_disk_that_fills_up_while_the_bundle_is_written_keeps_the_old_one(
    odd: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "bundles"
    shutil.copytree(trained, store)
    before = sorted(path.name for path in store.iterdir() if path.name != ".work")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aisle.training.run.save", full)
    told = aisle("train", odd, "--minutes", "0.5", "--bundle", store)
    assert told.status == 1
    assert "Could not write bundle" in told.error and "No space left" in told.error and "Make room" in told.error
    assert sorted(path.name for path in store.iterdir() if path.name != ".work") == before
    assert answers(store, {"surface": "search", "query": "red lamp"})[0]["items"]


def test_a_long_path_is_not_cut_in_two(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 40)
    folder.mkdir()
    assert str(folder / "aisle.toml") in refused(write(folder, items_csv=ITEMS, aisle_toml="seed = = 3\n"))


def test_a_report_that_cannot_be_written_is_said(odd: Path, trained: Path, tmp_path: Path) -> None:
    told = aisle("evaluate", odd, "--json", tmp_path / "gone" / "report.json")
    assert told.status == 1
    assert "report.json" in told.error and "No such file" in told.error
