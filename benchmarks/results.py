"""`make results [ONLY="homedepot serving ..."]`: measures the parts again and writes docs/results.md from benchmarks/results/*.jsonl.

A part's lines are replaced when it runs again; each line is one figure with its interval and the command that measured it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import figures
from benchmarks.figures import Figure, keep
from benchmarks.folders import ROOT
from benchmarks.measure import load
from benchmarks.page import page, targets

PAGE = ROOT / "docs" / "results.md"


def parts() -> Mapping[str, Callable[[], list[Figure]]]:
    """Every part's name and what measures it, those that others build on first."""
    from benchmarks import clone, growth, live, load, paired, reasons, serving, swaps
    from benchmarks.real_shops import REAL_SHOPS

    return {shop.name: shop for shop in REAL_SHOPS} | {
        "retail_paired": paired.retail_paired,
        "check": growth.check_figures,
        "simulate": growth.simulate_figures,
        "simulate_large": growth.large_figures,
        "serving": serving.serving_figures,
        "live": live.live_figures,
        "load": load.load_figures,
        "swaps": swaps.swap_figures,
        "reasons": reasons.reason_figures,
        "demo": clone.demo_figures,
        "suite": clone.suite_figures,
    }


def main(names: Sequence[str]) -> None:
    """Measure the parts named (all without a name; `page` measures none) and write the page."""
    known = parts()
    unknown = set(names) - set(known) - {"page"}
    if unknown:
        sys.exit(f"unknown part: {', '.join(sorted(unknown))}. There are: {', '.join(known)}, page")
    for name in names or known:
        if name != "page":
            keep(name, known[name]())
    PAGE.write_text(page({path.stem: load(path) for path in figures.LINES.glob("*.jsonl")}, targets()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
