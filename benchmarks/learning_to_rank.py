"""Ways to learn an order, side by side: LambdaMART, the same over weighed clicks, LightGBM's own way with places, a softmax over lists.

``python -m benchmarks.learning_to_rank`` prints the figures; with ``dev`` Home Depot is measured on a fifth of the queries that are no test
queries.
"""

from __future__ import annotations

import sys

from benchmarks.figures import Figure, Lines, show
from benchmarks.learned_clicks import clicks
from benchmarks.learned_grades import graded


def learning_figures(dev: bool = False) -> list[Figure]:
    """From clicks on a simulated shop, judged by its truth; from human grades on Home Depot."""
    lines = Lines("learning_to_rank")
    return [lines.machine(), *clicks(lines), *graded(lines, dev)]


if __name__ == "__main__":
    show(learning_figures("dev" in sys.argv[1:]))
