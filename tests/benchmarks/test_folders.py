"""Real folders as the benchmarks build them: nothing of the truth is inside, and the counts are those of the published protocols."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import pytest

from aisle.settings import load
from benchmarks.catalogues import is_test
from benchmarks.folders import Folder, builders


def build(name: str, raw: Path, out: Path) -> Folder:
    folder = Folder(out / name)
    builders()[name](raw, folder)
    return folder


def table(folder: Folder, name: str) -> list[dict[str, str]]:
    with (folder.out / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def protocol(folder: Folder, name: str) -> list[tuple[dict[str, object], dict[str, object]]]:
    parts = ((folder.truth / f"{name}.{kind}.jsonl").read_text(encoding="utf-8").splitlines() for kind in ("requests", "truth"))
    return [(json.loads(request), json.loads(truth)) for request, truth in zip(*parts, strict=True)]


def test_homedepot_teaches_no_test_query(real_data: Path, tmp_path: Path) -> None:
    folder = build("homedepot", real_data, tmp_path)
    asked = {request["query"] for request, _ in protocol(folder, "search")}
    assert len(asked) == 1_815
    assert all(is_test(str(query)) for query in asked)
    assert not asked & {row["query"] for row in table(folder, "judgements")}
    assert len(table(folder, "items")) == 54_667


def test_amazon_beauty_holds_out_each_users_last_item(real_data: Path, tmp_path: Path) -> None:
    folder = build("amazon_beauty", real_data, tmp_path)
    events = table(folder, "events")
    pairs = protocol(folder, "last_item")
    assert (len(events), len(pairs)) == (198_502 - 22_363, 22_363)
    bought = {(row["user_id"], row["item_id"]) for row in events}
    assert not any((request["user_id"], item) in bought for request, truth in pairs for item in truth["grades"])  # type: ignore[attr-defined]
    ids = [row["item_id"] for row in table(folder, "items")]
    assert ids != sorted(ids), "the order of the file would say what the code says"


def test_online_retail_cut_keeps_the_last_four_weeks_out(real_data: Path, tmp_path: Path) -> None:
    folder = build("online_retail_cut", real_data, tmp_path)
    from benchmarks.folders import read

    assert max(row["InvoiceDate"] for row in read(folder.out / "online_retail.csv.gz")) < "2011-11-11"
    assert len(protocol(folder, "new_purchases")) == 1_223
    assert all(request["exclude_seen"] for request, _ in protocol(folder, "new_purchases"))


def test_a_rare_piece_is_cut_from_the_title_that_it_must_find(real_data: Path, tmp_path: Path) -> None:
    folder = build("tmall_beauty", real_data, tmp_path)
    titles = {row["item_id"]: row["title"] for row in table(folder, "items")}
    assert len(titles) == 3_497
    for request, truth in protocol(folder, "pieces"):
        (item,) = truth["grades"]  # type: ignore[misc]
        assert str(request["query"]) in titles[item]


def test_tagged_spans_lie_inside_their_text(real_data: Path, tmp_path: Path) -> None:
    folder = build("ecommerce_ner_zh", real_data, tmp_path)
    rows = [json.loads(line) for line in (folder.out / "tags.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 6_998
    assert all(0 <= span["start"] < span["end"] <= len(row["text"]) for row in rows for span in row["spans"])


@pytest.mark.parametrize("name", sorted(builders()))
def test_each_folders_settings_are_valid(name: str, real_data: Path, tmp_path: Path) -> None:
    if name == "online_retail_cut":
        pytest.skip("the same settings as online_retail, and slow to build")
    folder = build(name, real_data, tmp_path)
    settings = load(folder.out)
    assert settings.name
    assert tomllib.loads((folder.out / "aisle.toml").read_text(encoding="utf-8"))["name"] == settings.name
    assert all((folder.out / source.file).is_file() for source in settings.sources)
