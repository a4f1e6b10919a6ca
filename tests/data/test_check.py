"""`aisle check`: the report on the screen, as JSON, as a page, and the rejected rows in a file."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from aisle.core.errors import InputError
from aisle.data.check import check
from aisle.data.report import Quality
from aisle.settings import Settings

ITEMS = """item_id,title,price,brand
1,Red lamp,5,Lux
2,Red  lamp &amp; <b>shade</b>,inf,
3,,7,
4,"<script>alert('x')</script>",7,Lux
5,Blue vase,3,Lux
6,Blue  vase!,3,
"""
EVENTS = """timestamp,type,item_id,user_id
2020-01-01,buy,1,u
2020-01-01,buy,1,u
2020-01-09,view,2,v
2020-01-08,dance,2,"v<img src=x onerror=alert(1)>"
2020-02-08,view,9,v
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Quality, str]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "items.csv").write_text(ITEMS, encoding="utf-8")
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    screen = io.StringIO()
    quality = check(folder, Settings(), Console(file=screen, width=120))
    return folder, quality, screen.getvalue()


def test_the_json_counts_each_file_and_adds_up(checked: tuple[Path, Quality, str]) -> None:
    told = json.loads(json.dumps(checked[1].to_json()))
    assert told["files"] == {
        "items.csv": {"read": 6, "kept": 2, "repaired": 2, "rejected": 2},
        "events.csv": {"read": 5, "kept": 3, "repaired": 0, "rejected": 2},
    }
    rules = {(rule["table"], rule["rule"]): (rule["repaired"], rule["rejected"]) for rule in told["rules"]}
    assert rules[("events", "duplicates")] == (0, 1)
    assert rules[("items", "text")] == (3, 0)
    assert told["counts"]["events of unknown items"] == 1
    assert told["counts"]["groups of items with one title"] == 1
    assert told["variants"] in ([["5", "6"]], [["6", "5"]])
    assert told["missing"]["items"]["brand"] == 0.5


def test_rejected_rows_are_written_with_file_row_and_reason(checked: tuple[Path, Quality, str]) -> None:
    with (checked[0] / "rejected.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["file"], row["row"], row["table"], row["reason"]) for row in csv.DictReader(file)]
    assert rows == [
        ("events.csv", "2", "events", "exact copy of events.csv row 1"),
        ("events.csv", "4", "events", "unknown event type: dance"),
        ("items.csv", "3", "items", "no title"),
        ("items.csv", "4", "items", "no title"),
    ]


def test_the_screen_shows_files_rules_and_remarks(checked: tuple[Path, Quality, str]) -> None:
    for word in ("items.csv", "duplicates", "Events of items that the catalogue does not hold: 1.", "rejected.csv"):
        assert word in checked[2]


class Page(HTMLParser):
    """Gathers tags, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "action") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_stands_alone_with_pictures_and_examples_and_runs_nothing(checked: tuple[Path, Quality, str]) -> None:
    text = (checked[0] / "quality.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.tags.count("svg") == 5  # volume, two tails, missing cells of two tables
    assert page.addresses == [] and "script" not in page.tags and "img" not in page.tags
    assert not re.search(r"https?://|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    words = " ".join(page.words)
    for told in (
        "Events over time",
        "Items by events",
        "Missing cells: items",
        "exact copy of events.csv row 1",
        "Red  lamp &amp; <b>shade</b>",
    ):
        assert told in words


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    (tmp_path / "rejected.csv").mkdir()
    with pytest.raises(InputError, match=r"rejected\.csv cannot be written"):
        check(tmp_path, Settings(), Console(file=io.StringIO()))


def test_when_no_item_is_left_the_reasons_are_still_written(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n1,\n2,&nbsp;\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"No item can be read.*rejected\.csv"):
        check(tmp_path, Settings(), Console(file=io.StringIO()))
    assert (tmp_path / "rejected.csv").read_text(encoding="utf-8").count("no title") == 2


def test_rows_that_cannot_be_read_are_told_with_their_reason_everywhere(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n1,Lamp\n2\n3,Vase,x\n", encoding="utf-8")
    screen = io.StringIO()
    (rule,) = json.loads(json.dumps(check(tmp_path, Settings(), Console(file=screen, width=120)).to_json()))["rules"]
    assert (rule["rule"], rule["table"], rule["rejected"]) == ("reading", "items", 2)
    assert [(one["row"], one["before"], one["reason"]) for one in rule["examples"]] == [
        (2, "2", "1 cell where the header has 2"),
        (3, "3,Vase,x", "3 cells where the header has 2"),
    ]
    assert "1 cell where the header has 2" in (tmp_path / "quality.html").read_text(encoding="utf-8")
    assert "reading" in screen.getvalue()


def test_items_alone_make_a_report_without_pictures_of_events(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n1,Lamp\n", encoding="utf-8")
    quality = check(tmp_path, Settings(), Console(file=io.StringIO()))
    assert quality.counts["events"] == 0
    assert (tmp_path / "quality.html").read_text(encoding="utf-8").count("<svg") == 1
