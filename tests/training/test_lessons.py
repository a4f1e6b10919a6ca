"""What is taught beside the answers: labels by hand, what measures teaches none, what has no labels is said, no weight is no change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from aisle.core.errors import SettingsError
from aisle.core.events import Dataset, Events
from aisle.data.windows import cut
from aisle.retrieval.lexical import Lexical
from aisle.settings import Finetuning, Tasks, load
from aisle.testing.toys import catalogue
from aisle.tracking import Tracker
from aisle.training.answers import Answers
from aisle.training.finetune import Tuning
from aisle.training.lessons import category, lessons_of, price, words
from tests.training.inside import inside
from tests.training.test_finetune import CELLS, tiny

TEXTS = [f"item {row}" for row in range(60)]
ALL = np.arange(60)


def shop() -> Dataset:
    """Rows 0 to 24 are lamps, 25 to 49 rugs, 50 to 59 clocks, too few for a label; prices 1 to 50 in their order, then none."""
    names = ["lamp"] * 25 + ["rug"] * 25 + ["clock"] * 10
    items = {f"i{row}": {"category": name, "price": row + 1.0 if row < 50 else None} for row, name in enumerate(names)}
    return Dataset(catalogue(items), Events.none())


def answers(*pairs: tuple[int, int], queries: int = 6) -> Answers:
    query, item = np.array(pairs).T
    return Answers([f"q{number}" for number in range(queries)], query, item, np.ones(queries, np.int8))


def test_a_category_is_a_label_where_enough_items_have_it_and_a_query_has_the_most_frequent_of_its_answers() -> None:
    given = answers((0, 30), (0, 31), (0, 2), (1, 3), (1, 40), (2, 55), (3, 55), (3, 26))
    items, queries = category(shop(), given)
    assert items.tolist() == [0] * 25 + [1] * 25 + [-1] * 10
    assert queries.tolist() == [1, 0, -1, 1, -1, -1], "of equals the first; a clock and no answer say nothing"


def test_a_price_s_label_is_its_fifth_of_the_known_ones() -> None:
    data = shop()
    twice = Dataset(catalogue({f"{row}-{n}": {"price": row + 1.0} for row in range(50) for n in range(2)}), Events.none())
    assert price(twice, answers((0, 0)))[0].tolist() == [row // 10 for row in range(50) for _ in range(2)]
    items, queries = price(data, answers((0, 0)))
    assert set(items.tolist()) == {-1} and set(queries.tolist()) == {-1}, "fifths of 10 items are too few"


def test_what_measures_teaches_no_label_neither_by_itself_nor_through_a_query() -> None:
    pairs = [(query, item) for query in range(6) for item in range(query, 60, 6)]
    given = answers(*pairs)
    ((one,), none) = lessons_of(Tasks(category=0.2), shop(), given, TEXTS, np.array([0, 1, 2]), np.array([4, 5]), 7)
    held = one.held_items >= 0
    assert not none and (one.name, one.weight, one.labels) == ("category", 0.2, 2)
    assert held.sum() + (one.items >= 0).sum() == 50 and 2 <= held.sum() <= 6 and not (held & (one.items >= 0)).any()
    assert np.flatnonzero(one.queries >= 0).tolist() == [0, 1, 2] and np.flatnonzero(one.held_queries >= 0).tolist() == [4, 5]
    single = answers(*[(0, row) for row in np.flatnonzero(held).tolist()])
    ((one,), _) = lessons_of(Tasks(category=0.2), shop(), single, TEXTS, np.array([0]), np.array([4]), 7)
    assert one.queries[0] == -1, "all its answers are kept out"


def test_items_of_one_text_are_on_one_side() -> None:
    texts = [f"item {row // 4}" for row in range(60)]
    ((one,), _) = lessons_of(Tasks(category=1), shop(), answers((0, 0)), texts, np.array([0]), np.array([1]), 7)
    sides = {
        (text, bool(held))
        for text, held, known in zip(texts, one.held_items >= 0, category(shop(), answers((0, 0)))[0], strict=True)
        if known >= 0
    }
    assert len(sides) == len({text for text, _ in sides}) and any(held for _, held in sides)


def test_a_task_without_labels_is_said_and_skipped() -> None:
    found, none = lessons_of(Tasks(category=0.2, price=0.1), shop(), answers((0, 0)), TEXTS, np.array([0]), np.array([1]), 7)
    assert [one.name for one in found] == ["category"]
    assert words([], none) == "price is not taught: no two of its labels have 20 items each"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{categry = 0.2}", "unknown setting `finetuning.tasks.categry`. Did you mean `category`"),
        ("{category = -1}", "setting `finetuning.tasks.category`: Input should be greater than or equal to 0"),
        ("{price = nan}", "setting `finetuning.tasks.price`: Input should be"),
    ],
)
def test_a_task_that_nobody_knows_and_a_weight_below_0_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "aisle.toml").write_text(f"[finetuning]\ntasks = {text}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        load(tmp_path)


def coloured(model: Path) -> Dataset:
    """`tiny`, whose items have a category by their colour, one of two."""
    data = tiny(model, CELLS)
    titles = data.catalogue.texts["title"]
    items = {item: {"title": titles[row], "category": f"half {row // 32}"} for row, item in enumerate(data.catalogue.ids)}
    return replace(data, catalogue=catalogue(items))


def test_a_shop_s_categories_teach_its_encoder_and_the_plan_says_how_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries say c0 to c7, titles colour0 to colour7: the head reads both."""
    from aisle.text.tune_train import tune

    inside(monkeypatch, tune)
    data = coloured(tmp_path / "model")
    given, how = Answers.of(data, cut(data.events, data.judgements)), Finetuning(learning_rate=3e-4, tasks=Tasks(category=0.5, price=0.1))
    job = Tuning(tmp_path / "work", tmp_path / "model", float("inf"), {"pieces": 3, "pairs": 40}, how)
    found = job.run(data, given, Lexical().fit(data), Tracker(quiet=True))
    (told,) = json.loads((tmp_path / "work" / "measured.json").read_text())["lessons"]
    assert "category taught beside at weight 0.5: 2 labels of" in found.why and "price is not taught" in found.why
    assert told["held"]["items"]["right"] > told["held"]["items"]["usual"], told
    assert told["held"]["queries"]["right"] > 0.8 > told["held"]["queries"]["usual"], told


def test_a_weight_of_0_leaves_a_job_bit_for_bit_what_it_is_without_the_task(tmp_path: Path) -> None:
    data, jobs = coloured(tmp_path / "model"), {}
    given = Answers.of(data, cut(data.events, data.judgements))
    for name, tasks in {"none": Tasks(), "zero": Tasks(category=0, price=0), "some": Tasks(category=0.5)}.items():
        Tuning(tmp_path / name, tmp_path / "model", 60.0, {}, Finetuning(tasks=tasks)).write(data, given, Lexical().fit(data))
        jobs[name] = (tmp_path / name / "pairs.safetensors").read_bytes(), (tmp_path / name / "job.json").read_bytes()
    assert jobs["none"] == jobs["zero"] != jobs["some"]
    some = {name: rows for name, rows in load_file(tmp_path / "some" / "pairs.safetensors").items() if not name.startswith("lesson_")}
    none = load_file(tmp_path / "none" / "pairs.safetensors")
    assert some.keys() == none.keys() and all((some[name] == none[name]).all() for name in none), "the dice fall as before"
