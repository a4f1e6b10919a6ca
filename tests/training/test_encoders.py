"""Which encoder a shop gets, by language, package, time and setting; and that an export ends in time or says why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aisle.core.errors import InputError, SettingsError
from aisle.core.events import Dataset, Events
from aisle.core.strings import Strings
from aisle.settings import Settings, load
from aisle.testing.toys import bilingual, catalogue
from aisle.training import encoders
from aisle.training.budget import Budget
from aisle.training.encoders import choose_encoder
from tests.training.clock import Clock
from tests.training.english import english

pytestmark = pytest.mark.usefixtures("exported")


def chosen(data: Dataset, minutes: float = 30.0, planned: str = "", **settings: str) -> tuple[str, str]:
    return choose_encoder(data, Settings(**settings), Budget(minutes, Clock()), planned)  # type: ignore[arg-type]


def test_an_english_shop_with_time_gets_the_model() -> None:
    assert chosen(english()) == ("minilm", "encoder MiniLM: 100% of the titles are English")


def test_a_chinese_shop_gets_its_own_text() -> None:
    chinese = Dataset(catalogue({str(place): {"title": f"红色台灯{place}号"} for place in range(20)}), bilingual().events)
    kind, why = chosen(chinese)
    assert kind == "ngram" and "100% of the titles are Chinese" in why


def two_languages(english: int, chinese: int, both: int = 0) -> Dataset:
    titles = [*(f"red lamp {n}" for n in range(english)), *(f"红色台灯{n}号" for n in range(chinese))]
    rows = [{"title": title, "title_en": ""} for title in titles] + [
        {"title": f"蓝色沙发{n}号", "title_en": f"blue sofa {n}"} for n in range(both)
    ]
    return Dataset(catalogue({str(place): row for place, row in enumerate(rows)}), Events.none())


@pytest.mark.parametrize(
    ("english", "chinese", "both", "taken"),
    [(50, 50, 0, "joint"), (95, 5, 0, "joint"), (5, 95, 0, "joint"), (0, 0, 50, "joint"), (97, 3, 0, "minilm"), (3, 97, 0, "ngram")],
)
def test_a_shop_that_really_speaks_both_gets_the_encoder_that_reads_both(english: int, chinese: int, both: int, taken: str) -> None:
    assert chosen(two_languages(english, chinese, both))[0] == taken


def test_chinese_queries_make_an_english_shop_one_of_two_languages() -> None:
    shop = two_languages(50, 0)
    asked = Strings.of([*("台灯" + "号" * n for n in range(10)), *(f"lamp {n}" for n in range(50))])
    assert chosen(replace(shop, events=replace(shop.events, queries=asked)))[0] == "joint"


def test_two_languages_and_little_time_get_the_table_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "PER_SECOND", 0.5)
    assert chosen(two_languages(25, 25), minutes=2)[0] == "joint:static"


def test_what_is_joined_may_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "aisle.toml").write_text('encoder = "joint:model"')
    kind = load(tmp_path).encoder
    assert encoders.joined(kind) == str((tmp_path / "model").resolve()) and encoders.short(kind) == "joint:model"
    assert encoders.model_folder(kind) == (tmp_path / "model").resolve()
    assert [encoders.joined(name) for name in ("joint", "joint:static", "minilm", "ngram")] == ["minilm", "static", "", ""]


def test_without_the_package_the_shops_own_text_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "find_spec", lambda _: None)
    assert chosen(english())[1] == "encoder ngram: the package with the English model is not installed"


def test_a_shop_too_large_for_its_time_gets_its_own_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "PER_SECOND", 1)
    assert chosen(english(), minutes=2)[0] == "minilm"
    assert "50 titles by MiniLM would take too much" in chosen(english(), minutes=1.5)[1]


def test_where_only_a_table_can_be_made_in_time_it_is_distilled_from_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "PER_SECOND", 0.5)
    kind, why = chosen(english(), minutes=2)
    assert kind == "static" and "50 titles by MiniLM would take too much" in why


def test_the_export_counts_when_it_is_still_to_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(english(), minutes=0.5)[0] == "minilm"
    monkeypatch.setattr(encoders, "is_exported", lambda _: False)
    assert chosen(english(), minutes=0.5)[0] == "ngram"


def test_setting_and_plan_stand() -> None:
    assert chosen(english(), minutes=0.01, encoder="minilm") == ("minilm", "encoder minilm: by setting")
    assert chosen(english(), encoder="ngram")[0] == "ngram"
    assert chosen(english(), encoder="ngram", planned="minilm") == ("minilm", "encoder minilm: by the plan")


def ran(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(encoders, "PROGRAM", script)


def test_an_export_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(encoders.TooSlowError):
        encoders._export("minilm", tmp_path, lambda: 0.2)


def test_an_export_that_fails_says_why_and_how_to_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(monkeypatch, "raise ValueError('the weights are torn')")
    with pytest.raises(InputError) as caught:
        encoders._export("minilm", tmp_path, lambda: 60.0)
    assert "the weights are torn" in caught.value.what and "ngram" in caught.value.mend


def test_an_export_is_kept_for_the_next_shop_or_stays_where_it_was_made(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "encoder.json").write_text("{}")
    assert encoders._kept(made, tmp_path / "cache" / "minilm") == tmp_path / "cache" / "minilm"
    assert (tmp_path / "cache" / "minilm" / "encoder.json").is_file()
    (tmp_path / "file").write_text("")
    assert encoders._kept(made, tmp_path / "file" / "minilm") == made


def test_a_folder_is_named_as_seen_from_the_settings_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "aisle.toml").write_text('encoder = "model"')
    assert load(tmp_path).encoder == str((tmp_path / "model").resolve())
    for slip in ("modell", "model/bge-small", "../nothing/here"):
        (tmp_path / "aisle.toml").write_text(f'encoder = "{slip}"')
        with pytest.raises(SettingsError, match=r"neither minilm, ngram, static, joint nor a folder\..*org/name@revision"):
            load(tmp_path)


def test_a_hubs_name_stands_as_it_is_written_unless_such_a_folder_is_there(tmp_path: Path) -> None:
    for said in ("BAAI/bge-small", "BAAI/bge-small@v1.5", "joint:BAAI/bge-small@refs/pr/3"):
        (tmp_path / "aisle.toml").write_text(f'encoder = "{said}"')
        assert load(tmp_path).encoder == said and encoders.is_hub(said)
    (tmp_path / "BAAI" / "bge-small").mkdir(parents=True)
    (tmp_path / "aisle.toml").write_text('encoder = "BAAI/bge-small"')
    assert load(tmp_path).encoder == str((tmp_path / "BAAI" / "bge-small").resolve()) and not encoders.is_hub(load(tmp_path).encoder)


def test_a_hubs_model_is_called_by_its_name_and_the_beginning_of_its_commit() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert encoders.short(f"BAAI/bge@{commit}") == "BAAI/bge@0123456"
    assert encoders.short(f"joint:BAAI/bge@{commit}") == "joint:BAAI/bge@0123456"
    assert [encoders.is_hub(kind) for kind in ("minilm", "joint", "joint:static", "/models/bge", "joint:/models/bge")] == [False] * 5


def test_a_folder_is_kept_apart_by_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    (tmp_path / "config.json").write_text("{}")
    first = encoders.cache(str(tmp_path))
    (tmp_path / "config.json").write_text('{"layers": 2}')
    assert encoders.cache(str(tmp_path)) != first
