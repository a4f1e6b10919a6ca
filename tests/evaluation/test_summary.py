"""From lists to a report's numbers: values, bounds, comparisons, slices, the merge of tasks and the JSON of the contract."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from aisle.core.errors import StageError
from aisle.evaluation.lists import Ranked, Truth
from aisle.evaluation.metrics import ItemFacts
from aisle.evaluation.results import Comparison, Evaluation, Measured
from aisle.evaluation.summary import ClickRuns, TaskRuns, TaskSummary, better, corrected, merge, summarise, summarise_clicks

N, ITEMS = 200, 50


def toy(task: str = "home", n: int = N, **more: object) -> TaskRuns:
    """A shop where `fused` puts the wanted item first for 3 in 4 requests and `popularity` always shows the same ten."""
    random = np.random.default_rng(0)
    wanted = random.integers(ITEMS, size=n)
    bought = random.random(n) < 0.5
    truth = Truth.of(n, np.arange(n), wanted, bought=bought, value=np.where(bought, 2.0, np.nan))
    rest = [[other for other in range(40, 49) if other != item] for item in wanted]
    good = [[int(item), *others] if at % 4 else others for at, (item, others) in enumerate(zip(wanted, rest, strict=True))]
    runs = {"fused": Ranked.of(good), "popularity": Ranked.of([list(range(10))] * n), "repeat": Ranked.of([[]] * n)}
    return TaskRuns(task, truth, runs, facts=ItemFacts(np.arange(ITEMS, dtype=float), group=np.arange(ITEMS, dtype=np.int32) % 3), **more)  # type: ignore[arg-type]


def test_values_are_means_over_requests_and_lie_inside_their_bounds() -> None:
    found = summarise(toy()).models
    assert found["fused"]["hr@10"].value == pytest.approx(0.75, abs=1e-9)
    assert found["popularity"]["hr@10"].value == pytest.approx(0.2, abs=0.08)
    for numbers in found.values():
        for name, number in numbers.items():
            if not np.isnan(number.low):
                assert number.low <= number.value <= number.high, name


def test_the_better_model_is_called_better_with_its_power() -> None:
    against = {(c.b, c.metric): c for c in summarise(toy()).comparisons}
    assert set(against) == {(b, m) for b in ("popularity", "repeat") for m in ("ndcg@10", "hr@10", "recall@100")}
    won = against["popularity", "ndcg@10"]
    assert won.verdict == "better"
    assert won.p <= won.p_fdr <= won.p_holm < 0.05
    assert won.low <= won.difference <= won.high
    assert 0 < won.detectable < won.difference


def test_a_model_without_a_single_hit_is_not_certain_to_have_none() -> None:
    silent = summarise(toy()).models["repeat"]["hr@10"]
    assert silent.value == 0
    assert 0 < silent.high < 0.03
    assert np.isnan(summarise(toy()).models["repeat"]["novelty@10"].value)


def test_a_metric_with_too_few_cases_says_so() -> None:
    found = summarise(toy(n=7)).models["fused"]
    assert found["ndcg@10"].remark == "only 7 requests with a relevant item"
    assert found["ndcg@10"].n == 7


def test_selling_metrics_stand_only_where_something_was_bought() -> None:
    runs = toy()
    assert "revenue@10" in summarise(runs).models["fused"]
    assert summarise(runs).models["fused"]["revenue@10"].value == pytest.approx(2 * summarise(runs).models["fused"]["conversion@10"].value)
    judged = TaskRuns("search", Truth.of(2, np.arange(2), np.arange(2)), {"fused": Ranked.of([[0], [1]])})
    assert "conversion@10" not in summarise(judged).models["fused"]


def test_a_slice_is_the_same_number_over_its_requests_only() -> None:
    mask = np.arange(N) % 4 == 0
    found = summarise(toy(slices={"unlucky": mask, "nobody": np.zeros(N, bool), "five": np.arange(N) < 5}))
    assert found.slices["unlucky"].n == mask.sum()
    assert found.slices["unlucky"].models["fused"]["ndcg@10"].value < 0.1
    assert found.slices["nobody"].remark == "no requests"
    assert np.isnan(found.slices["nobody"].models["fused"]["ndcg@10"].value)
    assert found.slices["five"].remark == "only 5 requests"


def test_users_widen_the_bounds() -> None:
    alone = summarise(toy()).models["fused"]["ndcg@10"]
    users = np.arange(N, dtype=np.int32) % 4  # fused fails for one user and serves three
    whole = summarise(toy(users=users)).models["fused"]["ndcg@10"]
    assert whole.value == alone.value
    assert whole.high - whole.low > 2 * (alone.high - alone.low)


def test_coverage_is_one_number_without_bounds() -> None:
    found = summarise(toy()).models["popularity"]["coverage@10"]
    assert found.value == 10 / ITEMS
    assert np.isnan(found.low)


def clicks(users: np.ndarray | None = None) -> ClickRuns:
    random = np.random.default_rng(1)
    p = random.beta(1, 4, 3_000)
    labels = (random.random(3_000) < p).astype(float)
    scores = {"ctr": p, "popularity": random.random(3_000), "raw": p * 7}
    return ClickRuns("clicks", labels, scores, ("ctr",), users, {"first": np.arange(3_000) < 10})


def test_click_models_are_measured_and_only_probabilities_get_a_logloss() -> None:
    found = summarise_clicks(clicks(np.arange(3_000, dtype=np.int32) % 60))
    assert found.models["ctr"]["auc"].value > 0.65
    assert found.models["ctr"]["auc"].value == pytest.approx(found.models["raw"]["auc"].value)
    assert {"logloss", "ne", "brier", "ece", "gauc"} <= set(found.models["ctr"])
    assert "logloss" not in found.models["raw"]
    assert found.models["ctr"]["ne"].value < 1
    verdicts = {(c.b, c.metric): c.verdict for c in found.comparisons}
    assert verdicts == {("popularity", "auc"): "better", ("raw", "auc"): "undecided"}
    assert found.slices["first"].remark == "only 10 requests"


def test_scores_of_another_length_are_refused() -> None:
    with pytest.raises(StageError, match="2 scores for 3 labels"):
        summarise_clicks(ClickRuns("clicks", np.zeros(3), {"ctr": np.zeros(2)}))


def test_one_task_keeps_its_names_and_several_carry_the_task() -> None:
    home, search = summarise(toy(slices={"all": np.ones(N, bool)})), summarise(toy("search"))
    assert "ndcg@10" in merge([home]).models["fused"]
    both = merge([home, search])
    assert {"home/ndcg@10", "search/ndcg@10"} <= set(both.models["fused"])
    assert both.slices["home/all"].models["fused"].keys() == {"home/ndcg@10"}
    assert len(both.comparisons) == len(home.comparisons) + len(search.comparisons)


def test_correction_is_made_over_the_comparisons_of_one_task_and_metric() -> None:
    one = TaskSummary("a", {}, [Comparison("x", "y", "m", 1, 0, 2, 0.03)], {})
    assert corrected(one.comparisons)[0].verdict == "better"
    assert {c.verdict for c in merge([one, one]).comparisons} == {"undecided"}, "two of one table"
    other = replace(one, task="b")
    apart = merge([one, other]).comparisons
    assert [(c.metric, c.verdict) for c in apart] == [("a/m", "better"), ("b/m", "better")], "one of each table"
    assert [c.p_holm for c in apart] == [0.03, 0.03]


def test_the_rate_of_false_claims_is_corrected_over_the_whole_report() -> None:
    tables = [TaskSummary(name, {}, [Comparison("x", "y", "m", 1, 0, 2, p)], {}) for name, p in (("a", 0.01), ("b", 0.04))]
    assert [c.p_fdr for c in merge(tables).comparisons] == pytest.approx([0.02, 0.04])


def test_smaller_is_better_for_losses() -> None:
    assert better("search/ndcg@10", 0.5, 0.4)
    assert better("clicks/logloss", 0.4, 0.5)


def test_the_json_is_the_contracts() -> None:
    merged = merge([summarise(toy(slices={"cold": np.arange(N) < 40}))])
    data = {"fingerprint": "f", "counts": {"events": 3}}
    report = Evaluation({"name": "windowed"}, data, merged.models, merged.comparisons, merged.slices)
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert {"protocol", "data", "models", "comparisons", "slices", "calibration"} <= set(found)
    assert {"value", "low", "high"} <= set(found["models"]["fused"]["ndcg@10"])
    assert {"a", "b", "metric", "difference", "low", "high", "p"} <= set(found["comparisons"][0])
    assert found["models"]["popularity"]["coverage@10"]["low"] is None


def test_what_is_no_data_is_not_written() -> None:
    with pytest.raises(TypeError, match="ndarray"):
        Evaluation({"x": np.zeros(2)}, {}, {"m": {"v": Measured(1.0)}}).to_json()  # type: ignore[dict-item]
