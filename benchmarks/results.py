"""`make results [ONLY="homedepot serving ..."]`: measures the parts again and writes docs/results.md from benchmarks/results/*.jsonl.

A part's lines are replaced when it runs again; each line is one figure with its interval and the command that measured it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from benchmarks import figures
from benchmarks.figures import Figure, keep
from benchmarks.folders import ROOT
from benchmarks.measure import load
from benchmarks.page import page, targets
from benchmarks.real_shops import REAL_SHOPS

PAGE = ROOT / "docs" / "results.md"


PARTS = {
    "retail_paired": "paired.retail_paired",
    "daily_update": "daily_update.daily_update_figures",
    "homedepot_parts": "homedepot_parts.homedepot_parts_figures",
    "amazon_beauty_seeds": "seeds.amazon_figures",
    "homedepot_seeds": "seeds.homedepot_figures",
    "amazon_parts": "amazon_parts.amazon_parts_figures",
    "cold_start": "cold_start.cold_start_figures",
    "multimodal": "multimodal.simulated_figures",
    "multimodal_amazon": "multimodal.amazon_figures",
    "fused_members": "fused_members.member_figures",
    "fused_simulated": "fused_members.simulated_figures",
    "retail_parts": "retail_parts.retail_parts_figures",
    "encoders": "encoders.encoder_figures",
    "adapters": "adapters.adapter_figures",
    "rates": "rates.rate_figures",
    "multitask": "multitask.multitask_figures",
    "shrink": "shrink.shrink_figures",
    "packed_vectors": "packed_vectors.packed_figures",
    "chinese_pretraining": "chinese_pretraining.pretraining_figures",
    "contrastive": "contrastive.contrastive_figures",
    "fits": "fits.fit_figures",
    "peers": "peers.peer_figures",
    "engines": "engines.engine_figures",
    "ctr_simulated": "ctr.simulated_figures",
    "ctr_completejourney": "ctr.completejourney_figures",
    "ctr_online_retail": "ctr.online_retail_figures",
    "ctr_tasks": "ctr_tasks.task_figures",
    "bert_ctr": "bert_ctr.bert_ctr_figures",
    "check": "growth.check_figures",
    "simulate": "growth.simulate_figures",
    "simulate_large": "growth.large_figures",
    "serving": "serving.serving_figures",
    "serving_homedepot": "serving.homedepot_figures",
    "live": "live.live_figures",
    "load": "load.load_figures",
    "swaps": "swaps.swap_figures",
    "intents": "intents.intent_figures",
    "intents_tuned": "intents_tuned.tuned_figures",
    "intents_trained": "intents_tuned.trained_figures",
    "product_matching": "product_matching.product_matching_figures",
    "product_qa": "product_qa.product_qa_figures",
    "query_types": "query_types.query_type_figures",
    "entities_zh": "entities_zh.entity_figures",
    "attribute_tags": "attribute_tags.attribute_tag_figures",
    "reasons": "reasons.reason_figures",
    "diversity": "diversity.variety_figures",
    "learning_to_rank": "learned_clicks.click_figures",
    "learning_to_rank_grades": "learned_grades.grade_figures",
    "grade_regression": "grade_regression.regression_figures",
    "completion": "completion.completion_figures",
    "demo": "clone.demo_figures",
    "suite": "clone.suite_figures",
}
"""Part to module and function, imported when used; the real shops come before them, since some build on their bundles."""


def known() -> list[str]:
    """Every part's name."""
    return [*REAL_SHOPS, *PARTS]


def measurer(name: str) -> Callable[[], list[Figure]]:
    """What measures a part."""
    if name in REAL_SHOPS:
        return REAL_SHOPS[name]
    module, function = PARTS[name].split(".")
    found: Callable[[], list[Figure]] = getattr(import_module(f"benchmarks.{module}"), function)
    return found


def main(names: Sequence[str]) -> None:
    """Measure the parts named (all without a name; `page` measures none) and write the page."""
    unknown = set(names) - set(known()) - {"page"}
    if unknown:
        sys.exit(f"unknown part: {', '.join(sorted(unknown))}. There are: {', '.join(known())}, page")
    for name in names or known():
        if name != "page":
            keep(name, measurer(name)())
    PAGE.write_text(page({path.stem: load(path) for path in figures.LINES.glob("*.jsonl")}, targets()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
