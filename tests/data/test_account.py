"""Rows are counted once, whichever tables their file feeds."""

from __future__ import annotations

from pathlib import Path

from aisle.data.dataset import load_dataset
from aisle.settings import load

TOML = """
[[sources]]
file = "pairs.csv"
table = "items"
columns = { item_id = "product", title = "name" }

[[sources]]
file = "pairs.csv"
table = "judgements"
columns = { query = "asked", item_id = "product", grade = "grade" }
"""


def test_a_file_that_feeds_items_and_judgements_adds_up(tmp_path: Path) -> None:
    rows = [f"p{number % 40},thing {number % 40},query {number // 8},{number % 4}" for number in range(200)]
    (tmp_path / "pairs.csv").write_text("product,name,asked,grade\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "aisle.toml").write_text(TOML, encoding="utf-8")
    data, quality = load_dataset(tmp_path, load(tmp_path))
    count = quality.files["pairs.csv"]
    assert (count.read, count.kept + count.repaired, count.rejected) == (200, 200, 0)
    assert len(data.catalogue) == 40
