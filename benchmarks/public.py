"""Public data sets by their published protocols, read where a user has them; nothing is fetched.

    python -m benchmarks.public movielens FOLDER
    python -m benchmarks.public amazon_reviews reviews.json.gz
    python -m benchmarks.public frappe FOLDER
    python -m benchmarks.public criteo train.txt [ROWS]
    python -m benchmarks.public avazu train.csv [ROWS]

Logs: 5-core, each user's last item held out, all unseen items ranked. Clicks: the tables' own split, or by time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from aisle.retrieval.vectors import ItemVectors
from aisle.text.ngram import NgramEncoder
from benchmarks.ctr import compared
from benchmarks.figures import Figure, Lines, show
from benchmarks.next_item import next_item_figures
from benchmarks.public_clicks import ROWS, avazu, criteo, frappe
from benchmarks.public_logs import Events, PublicError, amazon_reviews, movielens

LOGS: dict[str, Callable[[Path], Events]] = {"movielens": movielens, "amazon_reviews": amazon_reviews}


def public_figures(name: str, path: Path, rows: int = ROWS) -> list[Figure]:
    """Every model on one of the data sets."""
    lines = Lines(name)
    if name in LOGS:
        shop = LOGS[name](path).core().last_out()
        if not shop.users:
            raise PublicError(f"{path}: no user and item with five events each.")
        encoder = NgramEncoder().fit(list(shop.catalogue.text("title")))
        return next_item_figures(lines, shop, ItemVectors.of(encoder, shop.catalogue))
    tables = frappe(path) if name == "frappe" else {"criteo": criteo, "avazu": avazu}[name](path, rows)
    return compared(lines, tables)[0]


def main(arguments: list[str]) -> None:
    """Print the figures."""
    if len(arguments) not in (2, 3) or arguments[0] not in (*LOGS, "frappe", "criteo", "avazu"):
        sys.exit(__doc__)
    try:
        show(public_figures(arguments[0], Path(arguments[1]), int(arguments[2]) if len(arguments) > 2 else ROWS))
    except PublicError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
