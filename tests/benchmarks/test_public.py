"""Public data sets are read as their owners give them out, and no other way; what is held out is the same however items are numbered."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import public
from benchmarks.last_out import LastOut
from benchmarks.public_clicks import FRAPPE, avazu, criteo, frappe
from benchmarks.public_logs import Events, PublicError, amazon_reviews, movielens

RATINGS = [("1", "10", 5, 300), ("1", "20", 3, 100), ("2", "10", 4, 200), ("2", "30", 1, 200)]
WANTED = {"1": ["20", "10"], "2": ["10", "30"]}


def told(events: Events) -> dict[str, list[str]]:
    shop = events.last_out()
    ids = [shop.catalogue.ids[int(row)] for row in shop.item]
    return {name: [item for item, user in zip(ids, shop.user, strict=True) if user == number] for number, name in enumerate(shop.names)}


def test_movielens_of_every_age(tmp_path: Path) -> None:
    for name, delimiter, head in (
        ("u.data", "\t", ""),
        ("ratings.dat", "::", ""),
        ("ratings.csv", ",", "userId,movieId,rating,timestamp\n"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text(head + "".join(delimiter.join(map(str, row)) + "\n" for row in RATINGS))
        assert told(movielens(folder)) == WANTED, name


def test_movielens_brings_its_titles(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,5,1\n")
    (tmp_path / "movies.csv").write_text('movieId,title,genres\n10,"Heat, The (1995)",Action\n')
    assert movielens(tmp_path).last_out().catalogue.text("title")[0] == "Heat, The (1995)"
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "ratings.dat").write_text("1::10::5::1\n")
    (tmp_path / "old" / "movies.dat").write_bytes("10::Café (1999)::Drama\n".encode("latin-1"))
    assert movielens(tmp_path / "old").last_out().catalogue.text("title")[0] == "Café (1999)"
    (tmp_path / "oldest").mkdir()
    (tmp_path / "oldest" / "u.data").write_text("1\t10\t5\t1\n")
    row = "10|Café (1999)|01-Jan-1999||http://us.imdb.com/M/title-exact?Caf%E9|" + "|".join("0" * 19)  # 24 columns, none with a name
    (tmp_path / "oldest" / "u.item").write_bytes(f"{row}\n".encode("latin-1"))
    assert movielens(tmp_path / "oldest").last_out().catalogue.text("title")[0] == "Café (1999)"


def test_amazon_reviews_of_every_age(tmp_path: Path) -> None:
    user, item = "A1YJEY40YUW4SE", "B000123456"
    files = {
        "2014.csv": f"{user},{item},5.0,1400000000\n",
        "2018.csv": f"{item},{user},5.0,1400000000\n",
        "2023.csv": f"user_id,parent_asin,rating,timestamp\n{user},{item},5.0,1400000000000\n",
        "2014.json": json.dumps({"reviewerID": user, "asin": item, "overall": 5.0, "unixReviewTime": 1400000000}) + "\n",
        "2023.jsonl": json.dumps({"user_id": user, "parent_asin": item, "rating": 5.0, "timestamp": 1400000000000}) + "\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert told(amazon_reviews(tmp_path / name)) == {user: [item]}, name
    with gzip.open(tmp_path / "packed.json.gz", "wt") as file:
        file.write(files["2014.json"])
    assert told(amazon_reviews(tmp_path / "packed.json.gz")) == {user: [item]}


def test_the_core_is_taken_until_nothing_falls_out() -> None:
    pairs = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "y"), ("c", "z")]  # z falls out, then c, and the square stays
    user, item = (np.array(column, object) for column in zip(*pairs, strict=True))
    kept = Events(user, item, np.arange(6.0), {}).core(2)
    assert list(zip(kept.user, kept.item, strict=True)) == pairs[:4]


def test_the_split_is_known_whatever_numbers_items_have() -> None:
    sequences = [("a", ["x", "y"]), ("b", ["y", "z"])]
    one, other = (LastOut.of(sequences, {}, seed) for seed in (1, 2))
    assert one.split == other.split and one.item.tolist() != other.item.tolist()
    assert one.split != LastOut.of([("a", ["x", "y"]), ("b", ["z", "y"])], {}).split


def test_frappe_keeps_its_own_split(tmp_path: Path) -> None:
    for name, label in (("train", 1), ("validation", -1), ("test", 1)):
        (tmp_path / f"frappe.{name}.libfm").write_text(f"{label} " + " ".join(f"{place}:1" for place in range(len(FRAPPE))) + "\n")
    tables = frappe(tmp_path)
    assert [part.label.tolist() for part in (tables.train, tables.dev, tables.test)] == [[1], [0], [1]]
    assert tables.test.categories["city"].names[tables.test.categories["city"].codes[0]] == "9"
    (tmp_path / "frappe.test.libfm").write_text("1 3:1\n")
    with pytest.raises(PublicError, match=r"line 1: 1 fields, wanted 10"):
        frappe(tmp_path)


def test_criteo_is_cut_by_time(tmp_path: Path) -> None:
    rows = ["\t".join([str(day % 2), "7", *[""] * 12, f"c{day}", *[""] * 25]) for day in range(7) for _ in range(2)]
    (tmp_path / "train.txt").write_text("\n".join(rows) + "\n")
    tables = criteo(tmp_path / "train.txt")
    assert [len(part) for part in (tables.train, tables.dev, tables.test)] == [10, 2, 2]
    assert tables.test.categories["C1"].names[tables.test.categories["C1"].codes[0]] == "c6"
    assert tables.train.numbers["I1"].tolist() == [7.0] * 10 and np.isnan(tables.train.numbers["I2"]).all()
    assert (tables.train.categories["C2"].codes == -1).all()
    assert len(criteo(tmp_path / "train.txt", rows=7).train) == 5


def test_avazu_is_cut_by_day(tmp_path: Path) -> None:
    lines = [
        f"{n},{n % 2},14102{day}{hour:02},s{day}" for n, (day, hour) in enumerate((day, hour) for day in range(1, 5) for hour in (0, 23))
    ]
    (tmp_path / "train.csv").write_text("id,click,hour,site_id\n" + "\n".join(lines) + "\n")
    tables = avazu(tmp_path / "train.csv")
    assert [len(part) for part in (tables.train, tables.dev, tables.test)] == [4, 2, 2]
    sites = tables.test.categories["site_id"]
    assert {sites.names[code] for code in sites.codes.tolist()} == {"s4"}


@pytest.mark.parametrize(
    ("name", "file"), [("movielens", "."), ("amazon_reviews", "odd.csv"), ("avazu", "odd.csv"), ("criteo", "none.txt")]
)
def test_what_is_none_of_them_is_refused_with_a_word(name: str, file: str, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("1,2\n")
    with pytest.raises(SystemExit) as refused:
        public.main([name, str(tmp_path / file)])
    assert str(tmp_path) in str(refused.value)
