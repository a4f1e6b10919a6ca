"""Next item on amazon_beauty, from the sources alone to their fusions. ``python -m benchmarks.amazon_parts [USERS]``"""

from __future__ import annotations

import gzip
import sys

from benchmarks.alone import minilm
from benchmarks.figures import Figure, Lines, show
from benchmarks.folders import raw_data
from benchmarks.last_out import LastOut
from benchmarks.next_item import next_item_figures


def amazon() -> LastOut:
    """The sequences, each user's last item held out."""
    data = raw_data() / "amazon_beauty"
    with gzip.open(data / "sequences.txt.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    with gzip.open(data / "item_text.txt.gz", "rt") as lines:
        text = dict(line.rstrip("\n").split(" ", 1) for line in lines)
    return LastOut.of([(user, items) for user, *items in rows], text)


def amazon_parts_figures(users: int | None = None) -> list[Figure]:
    """Every source alone and fused."""
    shop = amazon()
    return next_item_figures(Lines("amazon_parts"), shop, minilm(shop.catalogue, "amazon_beauty"), users)


if __name__ == "__main__":
    show(amazon_parts_figures(int(sys.argv[1]) if len(sys.argv) > 1 else None))
