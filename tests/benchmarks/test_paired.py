"""The baselines from outside, worked by hand, and the paired test on differences whose answer is known."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.figures import Lines
from benchmarks.folders import Folder, relevant
from benchmarks.paired import SHRINK, Frequency, Log, Neighbours, Popular, compare, paired

ROWS = """InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID
1,a,1,2011-01-01,u
1,b,1,2011-01-01,u
2,b,1,2011-01-02,u
C3,c,-1,2011-01-03,u
4,c,1,2011-01-04,u
5,a,1,2011-01-05,v
5,d,1,2011-01-05,v
6,POST,1,2011-01-05,v
7,d,1,2011-01-05,
"""


@pytest.fixture
def log(tmp_path: Path) -> Log:
    path = tmp_path / "invoices.csv.gz"
    path.write_bytes(gzip.compress(ROWS.encode()))
    return Log.of(path)


def test_only_purchases_of_products_by_known_customers_count(log: Log) -> None:
    assert log.rows == {
        "u": {"a": (1, "2011-01-01"), "b": (2, "2011-01-02"), "c": (1, "2011-01-04")},
        "v": {"a": (1, "2011-01-05"), "d": (1, "2011-01-05")},
    }


def test_a_users_own_items_stand_by_how_often_and_then_how_lately(log: Log) -> None:
    assert Frequency(log).page("u", unseen=False) == ["b", "c", "a"]
    assert Frequency(log).page("u", unseen=True) == []
    assert Frequency(log).page("nobody", unseen=False) == []


def test_neighbours_are_shrunk_cosines(log: Log) -> None:
    model = Neighbours(log)
    a, b, c, d = (model.number[item] for item in "abcd")
    assert model.similar[a, b] == pytest.approx(1 / (np.sqrt(2) + SHRINK))
    assert model.similar[b, c] == pytest.approx(1 / (1 + SHRINK))
    assert model.similar[a, a] == model.similar[b, d] == 0
    assert model.page("u", unseen=True) == ["d"]
    assert set(model.page("v", unseen=True)) == {"b", "c"}


def test_popular_items_leave_out_what_the_user_has(log: Log) -> None:
    assert Popular(log).page("u", unseen=True) == ["d"]
    assert Popular(log).page("u", unseen=False)[0] == "a"


def test_a_clear_difference_is_found_and_none_is_not() -> None:
    dice = np.random.default_rng(1)
    clear, none = paired(dice.normal(0.5, 1, 400)), paired(dice.normal(0, 1, 400))
    assert clear["p"] < 0.001
    assert none["p"] > 0.05
    assert clear["low"] > 0 > none["low"]
    assert clear["detectable"] == pytest.approx(2.8 / np.sqrt(400), rel=0.1)


def test_answers_are_compared_with_baselines_on_the_same_users(log: Log, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "shop")
    home = {"surface": "home", "exclude_seen": False}
    folder.protocol("all", [(home | {"user_id": user}, relevant({item})) for user, item in (("u", "d"), ("v", "d"))])
    page = '{"items": [{"item_id": "d"}]}\n'
    (folder.truth / "all.answers.jsonl").write_text(page * 2, encoding="utf-8")
    found = {figure.figure: figure for figure in compare(Lines("x"), folder, "all", log)}
    assert found["all: fused ndcg@10"].value == 1
    assert found["all: repeat ndcg@10"].value == pytest.approx((0 + 1) / 2)
    assert found["all: fused - repeat ndcg@10"].value == pytest.approx(0.5)
    assert found["all: fused - repeat ndcg@10"].n == 2
