"""The report of training: five headed parts with both windows, what this data cannot show said in words, verdicts that are earned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aisle.bundle import Store
from aisle.evaluation.results import Ablation, Comparison, Figure, Measured, Models, Part
from aisle.evaluation.summary import Merged
from aisle.query.reader import Reader
from aisle.training.language import Language
from aisle.training.profile_heads import Heads
from aisle.training.report import _ablation, parts, verdicts
from aisle.training.tasks import TaskResult

TITLES = ["Click-through rate", "Recall", "Fusion", "User profile", "Language"]
SILENT = Language(Reader())


@pytest.fixture(scope="module")
def stored(store: Path) -> dict[str, Any]:
    """The report in a bundle."""
    found: dict[str, Any] = json.loads((store / str(Store(store).current()) / "report.json").read_text(encoding="utf-8"))
    return found


def number(value: float) -> Measured:
    return Measured(value, value - 0.1, value + 0.1, 99)


def figures(values: Mapping[str, Mapping[str, float]]) -> Models:
    return {model: {metric: number(value) for metric, value in one.items()} for model, one in values.items()}


def test_each_part_has_figures_on_development_and_test(stored: dict[str, Any]) -> None:
    assert [part["title"] for part in stored["parts"]] == TITLES
    for part in stored["parts"]:
        assert part["figures"], part["title"]
        for figure in part["figures"]:
            assert figure["development"] is not None and figure["test"] is not None, (part["title"], figure["model"], figure["metric"])


def test_click_through_rate_has_every_metric_of_the_contract(stored: dict[str, Any]) -> None:
    found = {figure["metric"].rpartition("/")[2] for figure in stored["parts"][0]["figures"]}
    assert found == {"auc", "gauc", "logloss", "ne", "ece"}
    assert {name.partition(", ")[2] for name in stored["parts"][0]["reports"]} == {"development", "test"}


def test_the_profile_is_compared_with_the_whole_without_it(stored: dict[str, Any]) -> None:
    models = {figure["model"] for figure in stored["parts"][3]["figures"]}
    assert {"without_profile", "fused"} <= models
    assert any(c["b"] == "without_profile" for c in stored["comparisons"])


def test_every_metric_of_the_contract_is_there_where_the_data_has_it(stored: dict[str, Any]) -> None:
    fused = stored["models"]["fused"]
    for name in ("ndcg@10", "hr@10", "recall@100", "mrr", "coverage@10", "novelty@10", "conversion@10", "revenue@10"):
        assert f"home/{name}" in fused, name
    assert fused["home/conversion@10"]["n"] > 0
    assert "search/conversion@10" not in fused, "judged queries buy nothing"


def test_every_mean_over_few_cases_says_so(stored: dict[str, Any]) -> None:
    every = [one for numbers in stored["models"].values() for name, one in numbers.items() if "coverage" not in name]
    few = [one["remark"] for one in every if one["value"] is not None and 0 < one["n"] < 30]
    assert few and all(remark.startswith("only ") for remark in few)
    assert not [one for one in every if one["n"] >= 30 and one["remark"].startswith("only")]


def test_the_later_sections_are_there_for_every_task(stored: dict[str, Any]) -> None:
    assert set(stored["fusion"]) == {"home", "home_new", "search"}
    assert "home" in stored["drift"]["aging"] and "search" not in stored["drift"]["aging"], "judged queries have no time"
    assert set(stored["off_policy"]) == {"home", "search"}
    for page in stored["fusion"].values():
        assert {"recall_side", "popularity"} & {member["name"] for member in page["members"]} and page["pairs"]
    assert {row["column"] for row in stored["drift"]["shifts"]} >= {"category", "home: fused score", "search: fused score"}
    assert all(row["verdict"] for row in stored["drift"]["shifts"])


def test_ablation_has_a_line_for_each_kept_part_corrected_within_its_task(stored: dict[str, Any]) -> None:
    rows = [row for row in stored["ablation"] if row["metric"] == "home/ndcg@10"]
    assert {"user_and_item", "popularity", "repeat", "item_knn"} <= {row["part"] for row in rows}
    assert all(row["p"] <= row["p_holm"] for row in rows if row["p"] is not None)
    lowest = min(rows, key=lambda row: row["p"])
    assert lowest["p_holm"] == pytest.approx(min(1.0, lowest["p"] * len(rows)))


def test_the_report_names_no_user(stored: dict[str, Any], folder: Path) -> None:
    text = json.dumps(stored)
    users = {line.split(",")[0] for line in (folder / "users.csv").read_text(encoding="utf-8").splitlines()[1:]}
    assert len(users) > 50
    assert not [user for user in users if f'"{user}"' in text]


def part(title: str, test: Models, dev: Models | None = None, tasks: tuple[str, ...] = ("home",)) -> Part:
    return next(one for one in parts(test, dev or test, {}, tasks, SILENT, Heads()) if one.title == title)


def test_without_impressions_the_same_models_are_shown_by_their_order_and_this_is_said() -> None:
    found = part("Click-through rate", figures({"logistic": {"ndcg@10": 0.3}, "boosted": {"ndcg@10": 0.4}}))
    assert [figure.model for figure in found.figures] == ["logistic", "boosted"]
    assert "does not say what was shown" in found.text


def test_a_part_that_the_data_cannot_show_says_so() -> None:
    assert part("Recall", figures({"fused": {"ndcg@10": 0.3}})).text == "Nothing in this data can show it."
    assert part("User profile", figures({"fused": {"ndcg@10": 0.3}})).text == "Too little is known of any user to learn from it."
    assert part("User profile", figures({"fused": {"ndcg@10": 0.3}})).figures == ()


def test_what_a_profile_tells_of_the_next_step_stands_in_its_part_even_where_the_whole_cannot_be_fitted_without_it() -> None:
    told = Heads([Figure("profile_fold", "next_category/accuracy", number(0.4), number(0.5))], (), "next_category: told.")
    values = figures({"fused": {"ndcg@10": 0.3}})
    found = parts(values, values, {}, ("home",), SILENT, told)[3]
    assert found.title == "User profile" and found.text == "next_category: told."
    assert [figure.model for figure in found.figures] == ["profile_fold"]
    whole = figures({"fused": {"ndcg@10": 0.3}, "without_profile": {"ndcg@10": 0.2}})
    both = parts(whole, whole, {}, ("home",), SILENT, told)[3]
    assert [figure.model for figure in both.figures] == ["without_profile", "fused", "profile_fold"] and both.text.endswith("told.")


def test_language_of_a_shop_with_only_searches_is_found_under_its_bare_metric() -> None:
    names = ("lexical", "dense", "fused")
    found = part("Language", figures({name: {"ndcg@10": 0.4} for name in names}), tasks=("search",))
    assert [(figure.model, figure.metric) for figure in found.figures] == [(name, "ndcg@10") for name in names]


def test_language_without_queries_is_what_titles_say_of_the_next_product() -> None:
    values = {"popularity": {"home/ndcg@10": 0.1}, "content": {"home/ndcg@10": 0.2}, "fused": {"home/ndcg@10": 0.3}}
    found = part("Language", figures(values), tasks=("home", "home_new"))
    assert [figure.model for figure in found.figures] == ["popularity", "content"]
    assert found.text.startswith("No queries and no judgements")


def test_development_stands_beside_test() -> None:
    found = part("Fusion", figures({"fused": {"ndcg@10": 0.3}}), figures({"fused": {"ndcg@10": 0.25}}))
    assert found.figures[0].development == number(0.25) and found.figures[0].test == number(0.3)


def compared(b: str, difference: float, p: float) -> Comparison:
    return Comparison("fused", b, "home/ndcg@10", difference, difference - 0.02, difference + 0.02, p / 2, p, p, 99, 0.03)


@pytest.mark.parametrize(
    ("difference", "p", "said"),
    [
        (0.1, 0.01, "fused 0.3000 beats its best member on window 3, repeat 0.2000: +0.1000 (+0.0800 to +0.1200, p = 0.01)."),
        (-0.1, 0.01, "fused 0.3000 loses to its best member on window 3, repeat 0.4000: -0.1000 (-0.1200 to -0.0800, p = 0.01)."),
        (
            0.1,
            0.4,
            "fused 0.3000 is level with its best member on window 3, repeat 0.2000: +0.1000 (+0.0800 to +0.1200, p = 0.4); "
            "a true difference of 0.0300 would have been seen.",
        ),
    ],
    ids=["win", "loss", "level"],
)
def test_the_verdict_is_on_the_best_member_and_says_only_what_is_sure(difference: float, p: float, said: str) -> None:
    models = figures({"fused": {"home/ndcg@10": 0.3}, "repeat": {"home/ndcg@10": 0.3 - difference}, "popularity": {"home/ndcg@10": 0.05}})
    (note,) = verdicts(Merged(models, [compared("repeat", difference, p), compared("popularity", 0.25, 0.001)], {}), models)
    assert note == f"home/ndcg@10: {said}"


def test_the_best_member_is_chosen_before_the_test_window() -> None:
    test = figures({"fused": {"home/ndcg@10": 0.3}, "repeat": {"home/ndcg@10": 0.2}, "als": {"home/ndcg@10": 0.29}})
    dev = figures({"fused": {"home/ndcg@10": 0.3}, "repeat": {"home/ndcg@10": 0.25}, "als": {"home/ndcg@10": 0.1}})
    (note,) = verdicts(Merged(test, [compared("repeat", 0.1, 0.01), compared("als", 0.01, 0.6)], {}), dev)
    assert "beats its best member on window 3, repeat 0.2000" in note


def test_where_a_member_is_served_alone_it_says_so() -> None:
    models = figures({"fused": {"home/ndcg@10": 0.3}, "boosted": {"home/ndcg@10": 0.3}})
    same = Comparison("fused", "boosted", "home/ndcg@10", 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 99, 0.0)
    assert verdicts(Merged(models, [same], {}), models) == ["home/ndcg@10: fused 0.3000 is its best member on window 3, boosted, alone."]


def test_the_whole_without_a_part_of_itself_is_no_member() -> None:
    models = figures({"fused": {"home/ndcg@10": 0.3}, "without_profile": {"home/ndcg@10": 0.31}, "repeat": {"home/ndcg@10": 0.2}})
    (note,) = verdicts(Merged(models, [compared("without_profile", -0.01, 0.9), compared("repeat", 0.1, 0.01)], {}), models)
    assert "repeat" in note and "without_profile" not in note


def test_ablations_of_two_tasks_are_corrected_apart_and_named_apart() -> None:
    def result(task: str, *p: float) -> TaskResult:
        rows = [Ablation(f"part{place}", "ndcg@10", 0.2, 0.1, p=one) for place, one in enumerate(p)]
        return replace(EMPTY, ablation=rows, notes=[task])

    found = _ablation({"home": result("home", 0.01, 0.02), "search": result("search", 0.03)}, True)
    assert [(row.metric, row.p_holm) for row in found] == [("home/ndcg@10", 0.02), ("home/ndcg@10", 0.02), ("search/ndcg@10", 0.03)]
    assert _ablation({"search": result("search", 0.03)}, False)[0].metric == "ndcg@10"


EMPTY = TaskResult(None, {}, {}, None, [], None, None, [], None, [])  # type: ignore[arg-type]
