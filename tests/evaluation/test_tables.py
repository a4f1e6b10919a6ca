"""The report's tables: a table a task, verdicts by corrected p, too few said once a row, many classes folded up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.evaluation import tables
from aisle.evaluation.classification import ClassReport, classification_report
from aisle.evaluation.report_html import render
from aisle.evaluation.results import Ablation, Comparison, Evaluation, Figure, Measured, Part, PlanRow, Slice

EMPTY = Evaluation({"requests": {"home": {}, "search": {}}}, {}, {})


def number(value: float, n: int = 100, remark: str = "") -> Measured:
    return Measured(value, value - 0.01, value + 0.01, n, remark)


def figure(model: str, metric: str, value: float) -> Figure:
    return Figure(model, metric, number(value - 0.1), number(value))


def with_part(*figures: Figure, reports: dict[str, ClassReport] | None = None) -> Evaluation:
    return replace(EMPTY, parts=[Part("Fusion", "Z", "", figures, reports or {})])


def classes(count: int) -> ClassReport:
    every = np.arange(count)
    return classification_report(every, every, [f"class {place}" for place in range(count)])


def test_a_part_has_a_table_for_each_task_with_its_own_models_and_metrics() -> None:
    part = tables.parts(
        with_part(
            figure("fused", "home/ndcg@10", 0.3), figure("fused", "search/ndcg@10", 0.9), figure("lexical", "search/ndcg@10", 0.8),
            figure("lexical", "search/mrr", 0.7),
        )
    )[0]  # fmt: skip
    assert [table.title for table in part.tables] == ["Home page", "Search"]
    home, search = part.tables
    assert [line.name for line in home.lines] == ["fused"]
    assert [name for name, _ in search.columns] == ["ndcg@10", "mrr"]
    assert [line.name for line in search.lines] == ["fused", "lexical"]
    assert [cell.value for cell in search.lines[0].cells] == ["0.900", "–"]
    assert search.lines[0].cells[0].development == "dev 0.800"
    assert [cell.best for cell in search.lines[1].cells] == [False, True]
    assert search.lines[0].main and not search.lines[1].main


def test_a_single_task_is_named_by_the_protocol() -> None:
    alone = replace(with_part(figure("fused", "ndcg@10", 0.9)), protocol={"requests": {"search": {}}})
    assert [table.title for table in tables.parts(alone)[0].tables] == ["Search"]


@pytest.mark.parametrize(("count", "folded"), [(2, False), (tables.MANY, False), (tables.MANY + 1, True)])
def test_many_classes_are_folded_up_and_their_means_stay_in_sight(count: int, folded: bool) -> None:
    made = with_part(figure("fused", "ndcg@10", 0.9), reports={"intent, test": classes(count)})
    report = tables.parts(made)[0].reports[0]
    assert report.many is folded
    assert len(report.lines) == count and [line.name for line in report.means] == ["macro", "weighted"]
    page = render(made)
    assert ("<details>" in page) is folded
    assert page.count("class 0<") == 1 and page.count("macro<") == 1


def drawn(metric: str, b: str, p_holm: float, a: str = "fused") -> Comparison:
    return Comparison(a, b, metric, 0.1, 0.05, 0.15, 0.001, p_holm, p_holm)


def test_each_task_is_compared_on_the_order_of_its_lists_or_of_what_was_shown() -> None:
    models = {"fused": {"home/ndcg@10": number(0.3), "home/hr@10": number(0.5)}, "boosted": {"home_clicks/auc": number(0.7)}}
    tests = [
        drawn("home/ndcg@10", "repeat", 0.01),
        drawn("home/hr@10", "repeat", 0.01),
        drawn("home_clicks/auc", "item_rate", 0.2, "boosted"),
    ]
    found = tables.comparisons(replace(EMPTY, models=models, comparisons=tests))
    assert [(one.title, one.main, one.metric) for one in found] == [
        ("Home page", "fused", "ndcg@10"), ("Clicks on the home page", "boosted", "auc")
    ]  # fmt: skip
    assert [one.lines[0].verdict for one in found] == ["better", "undecided"]


def test_the_ablation_is_judged_by_the_corrected_p() -> None:
    rows = [
        Ablation("repeat", "home/ndcg@10", 0.2, 0.1, 0.05, 0.15, 0.01, 0.02),
        Ablation("als", "home/ndcg@10", 0.25, 0.05, 0.01, 0.09, 0.03, 0.09),
        Ablation("new", "home/ndcg@10", 0.35, -0.05, -0.09, -0.01, 0.01, 0.03),
        Ablation("markov", "home/ndcg@10", 0.3, 0.0, -0.01, 0.01, 0.9),
    ]
    ((title, lines),) = tables.ablation(replace(EMPTY, ablation=rows))
    assert title == "Home page, ndcg@10"
    assert [(line.name, line.verdict, line.p) for line in lines] == [
        ("repeat", "better", "0.020"), ("als", "undecided", "0.090"), ("markov", "undecided", "0.900"), ("new", "worse", "0.030")
    ]  # fmt: skip


def test_too_few_requests_in_a_group_are_said_once_a_row() -> None:
    few = Slice(4, {name: {"home/ndcg@10": number(0.3, 4, "only 4 requests")} for name in ("fused", "repeat")}, "only 4 requests")
    many = Slice(400, {name: {"home/ndcg@10": number(0.3, 400)} for name in ("fused", "repeat")})
    table = tables.slices(replace(EMPTY, slices={"home/strangers": few, "home/regulars": many}))[0]
    assert [[cell.remark for cell in line.cells] for line in table.lines] == [["too few", "", ""], ["", "", ""]]
    assert [line.cells[0].value for line in table.lines] == ["4", "400"]


def test_a_metric_over_too_few_cases_says_so_in_the_models_table() -> None:
    models = {"fused": {"home/ndcg@10": number(0.3, 4, "only 4 requests with a relevant item")}}
    assert tables.models(replace(EMPTY, models=models))[0].lines[0].cells[0].remark == "only 4 requests with a relevant item"


def test_the_plan_shows_what_was_kept_and_why() -> None:
    page = render(
        replace(EMPTY, plan=[PlanRow("home: ease", True, 0.0123, "raises NDCG@10 on window 3"), PlanRow("als", False, why="too slow")])
    )
    assert "home: ease" in page and "+0.012" in page and "too slow" in page
