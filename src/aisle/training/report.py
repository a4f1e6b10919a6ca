"""The report of the windowed fit: every model on windows 3 and 4, the article's five parts, ablation, notes in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan

import numpy as np

from aisle.evaluation.results import Ablation, Comparison, Evaluation, Figure, Json, Models, Part, PlanRow
from aisle.evaluation.significance import holm
from aisle.evaluation.summary import Merged, corrected, merge
from aisle.ranking.rankers import BLENDS, CHALLENGERS
from aisle.training.clicks import NETS, ClickResult
from aisle.training.drift import drift
from aisle.training.job import Job
from aisle.training.language import Language
from aisle.training.profile_heads import Heads
from aisle.training.tasks import TaskResult

CLICKS = ("constant_rate", "position_rate", "item_rate", "logistic", "boosted", *NETS)
WITHOUT = "without_profile"
SAID = {"better": "beats", "worse": "loses to", "undecided": "is level with"}
CLICK_FIGURES = ("auc", "gauc", "logloss", "ne", "ece")


def evaluation(
    job: Job,
    results: Mapping[str, TaskResult],
    clicks: Mapping[str, ClickResult],
    rows: Sequence[PlanRow],
    language: Language,
    heads: Heads,
) -> Evaluation:
    """Put every task's measured models together."""
    test = merge([*(one.test for one in results.values()), *(one.test for one in clicks.values())])
    dev = merge([*(one.dev for one in results.values()), *(one.dev for one in clicks.values())])
    curves = {task: one.calibration for task, one in results.items() if one.calibration is not None}
    return Evaluation(
        protocol=_protocol(job, results),
        data=_data(job),
        models=test.models,
        comparisons=corrected([*test.comparisons, *heads.comparisons]),
        slices=test.slices,
        calibration={**{f"{task}_clicks": one.curve for task, one in clicks.items()}, **curves},
        development=dev.models,
        parts=parts(test.models, dev.models, clicks, list(results), language, heads),
        ablation=_ablation(results, len(results) + len(clicks) > 1),
        plan=[*rows, *(row for result in results.values() for row in result.plan), *(row for one in clicks.values() for row in one.plan)],
        notes=[*verdicts(test, dev.models), *(note for result in results.values() for note in result.notes), *language.notes],
        fusion={task: one.fusion for task, one in results.items() if one.fusion is not None},
        drift=drift(job, [row for one in results.values() for row in one.shifts], {task: one.aging for task, one in results.items()}),
    )


def _ablation(results: Mapping[str, TaskResult], several: bool) -> list[Ablation]:
    """Every task's rows, p corrected over the task's."""
    rows = []
    for task, one in results.items():
        front = f"{task}/" if several else ""
        within = zip(one.ablation, holm(np.array([row.p for row in one.ablation])), strict=True)
        rows += [replace(row, metric=front + row.metric, p_holm=float(p)) for row, p in within]
    return rows


def _protocol(job: Job, results: Mapping[str, TaskResult]) -> dict[str, Json]:
    windows = {2: "fit", 3: "development", 4: "test"}
    return {
        "windows": job.windows.describe(),
        "requests": {task: {windows[number]: size for number, size in one.sizes.items()} for task, one in results.items()},
        "ranking": "whole catalogue, every item that passes the filters",
        "candidates_per_source": job.settings.ranking.candidates,
        "intervals": "bootstrap over users, 95 %",
        "seed": job.settings.seed,
    }


def _data(job: Job) -> dict[str, Json]:
    data = job.data
    counts = {"items": len(data.catalogue), "events": len(data.events), "users": len(data.events.users)}
    if data.judgements is not None:
        counts |= {"judgements": len(data.judgements.query), "judged_queries": len(data.judgements.queries)}
    return {"fingerprint": data.fingerprint, "counts": dict(counts)}


def parts(
    test: Models, dev: Models, clicks: Mapping[str, ClickResult], tasks: Sequence[str], language: Language, heads: Heads
) -> list[Part]:
    """The article's five headed parts, each with what of it this data can show."""
    recalled = ("popularity", "item_knn", "markov", "als", "lexical", "dense", "late_interaction", "recall_side")
    fusion = ("rank_fusion", "recall_side", "logistic", "lambdamart", "boosted", *BLENDS, *CHALLENGERS, "fused")
    profile = ("popularity", "repeat", WITHOUT, "fused")
    return [
        _clicks(test, dev, clicks),
        _part("Recall", "⟨θ, (x, y)⟩", test, dev, recalled, "recall@100"),
        _part("Fusion", "Z = α·CTR + (1-α)·RER", test, dev, fusion, "ndcg@10"),
        _steps(_profile(_part("User profile", "⟨θ, x⟩ of a fold over events", test, dev, profile, "ndcg@10")), heads),
        _queries(_language(test, dev, tasks), language),
    ]


def _clicks(test: Models, dev: Models, clicks: Mapping[str, ClickResult]) -> Part:
    """Clicks on what was shown where the log says so, else how the same models order what was wanted."""
    title, formula = "Click-through rate", "σ⟨θ, x⟩, cross-entropy"
    if not clicks:
        found = _part(title, formula, test, dev, ("logistic", "boosted", "lambdamart", *BLENDS, *CHALLENGERS), "ndcg@10")
        return replace(found, text="The log does not say what was shown and left, so no click-through rate can be learned: order instead.")
    figures = [figure for metric in CLICK_FIGURES for figure in _part("", "", test, dev, CLICKS, metric).figures]
    reports = {f"{task}, {window}": report for task, found in clicks.items() for window, report in found.reports.items()}
    kept = "; ".join(f"{task}: {found.kept}" for task, found in clicks.items())
    return Part(title, formula, f"Served is the model with the least log loss on window 3: {kept}.", figures, reports)


def _profile(part: Part) -> Part:
    """Whether knowing the user's past pays: the whole against itself fitted again without the features that read it."""
    if any(figure.model == WITHOUT for figure in part.figures):
        return replace(part, text="without_profile is the whole fitted again without the features that know the user.")
    return replace(part, figures=(), text="Too little is known of any user to learn from it.")


def _steps(part: Part, heads: Heads) -> Part:
    """With what a profile tells of the user's next step."""
    said = heads.text if heads.figures and not part.figures else f"{part.text} {heads.text}".strip()
    return replace(part, text=said, figures=(*part.figures, *heads.figures))


def _language(test: Models, dev: Models, tasks: Sequence[str]) -> Part:
    """Query to product; without queries, what titles say of the next product."""
    title, formula = "Language", "query to product"
    if "search" in tasks:
        metric = "ndcg@10" if list(tasks) == ["search"] and "ndcg@10" in test.get("fused", {}) else "search/ndcg@10"
        return _part(title, formula, test, dev, ("lexical", "dense", "late_interaction", "fused"), metric)
    found = _part(title, "product to product", test, dev, ("popularity", "content"), "ndcg@10")
    return replace(found, text="No queries and no judgements: what titles alone say of the next product.") if found.figures else found


def _queries(part: Part, language: Language) -> Part:
    """With what was read out of queries themselves: their intents and categories."""
    if not language.figures:
        return part
    return replace(part, text="" if not part.figures else part.text, figures=[*part.figures, *language.figures], reports=language.reports)


def _part(title: str, formula: str, test: Models, dev: Models, models: Sequence[str], metric: str) -> Part:
    figures = [
        Figure(model, name, dev.get(model, {}).get(name), test[model][name])
        for model in models
        for name in test.get(model, {})
        if name == metric or name.endswith(f"/{metric}")
    ]
    return Part(title, formula, "" if figures else "Nothing in this data can show it.", figures)


def verdicts(test: Merged, dev: Models) -> list[str]:
    """A sentence a task: whether fusion surely beats its best member, the one that window 3 preferred, so that the test chose none; where
    that is not sure, how large a difference would have been seen."""
    notes = []
    metrics = {c.metric for c in test.comparisons if c.metric.endswith("ndcg@10")}
    for metric in sorted(metrics):
        before = {model: numbers[metric].value for model, numbers in dev.items() if metric in numbers}
        rivals = [c for c in test.comparisons if c.metric == metric and c.b != WITHOUT]
        best = max(rivals, key=lambda c: before.get(c.b, 0.0))
        whole, alone = (test.models[model][metric].value for model in ("fused", best.b))
        said = f"{SAID[best.verdict]} its best member on window 3, {best.b} {alone:.4f}: {_gain(best)}"
        same = best.difference == best.low == best.high == 0
        notes.append(f"{metric}: fused {whole:.4f} {f'is its best member on window 3, {best.b}, alone' if same else said}.")
    return notes


def _gain(one: Comparison) -> str:
    """The difference in words; p corrected over the task's comparisons, as the verdict has it."""
    p = one.p if isnan(one.p_holm) else one.p_holm
    power = f"; a true difference of {one.detectable:.4f} would have been seen" if one.verdict == "undecided" and one.detectable > 0 else ""
    return f"{one.difference:+.4f} ({one.low:+.4f} to {one.high:+.4f}, p = {p:.3g}){power}"
