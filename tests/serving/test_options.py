"""``serving.toml``: defaults without one, every mistake named with its mend, and a page in the documents that tells all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.core.errors import SettingsError
from aisle.serving.options import Options, load

ROOT = Path(__file__).resolve().parents[2]


def test_a_folder_without_the_file_gets_the_defaults(tmp_path: Path):
    assert load(tmp_path) == Options()
    assert load(tmp_path / "none") == Options()


def test_what_it_says_counts(tmp_path: Path):
    (tmp_path / "serving.toml").write_text('storefront = "public"\norigins = ["https://shop.example"]\nhosts = ["Shop.example"]\n')
    found = load(tmp_path)
    assert (found.storefront, found.origins, found.hosts) == ("public", ("https://shop.example",), ("shop.example",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("storefrnt = 1", "unknown setting `storefrnt`. Did you mean `storefront`"),
        ("zzz = 1", "Remove the line"),
        ('storefront = "open"', "setting `storefront`"),
        ("threads = 0", "setting `threads`"),
        ('origins = ["*"]', "setting `origins.0`"),
        ('origins = ["https://shop.example/path"]', "setting `origins.0`"),
        ("patience_ms = ", "not valid TOML"),
        ('hosts = "shop.example"', "setting `hosts`"),
    ],
)
def test_a_mistake_is_named_with_its_mend(tmp_path: Path, text: str, said: str):
    (tmp_path / "serving.toml").write_text(text)
    with pytest.raises(SettingsError, match=f"(?s)serving.toml.*{said}"):
        load(tmp_path)


def test_every_setting_stands_in_the_documents():
    told = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    assert [name for name in Options.model_fields if f"`{name}`" not in told] == []
