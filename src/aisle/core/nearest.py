"""What somebody who wrote an unknown name probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST, MOST = 80, 50_000
"""Characters of what was written, and names that it is compared with: more would keep who waits for the message waiting."""


def mend_of(name: str, known: Iterable[str], otherwise: str | None = None, alike: float = 0.6) -> str:
    """The nearest of ``known`` as a question, else ``otherwise``, else what there is. ``alike`` is how like a name must be, 1 the same.

    >>> mend_of("lambdamarkt", ["lambdamart", "boosted"])
    'Did you mean `lambdamart`?'
    >>> mend_of("x", ["lambdamart", "boosted"])
    'There are: lambdamart, boosted.'
    """
    names = list(known)
    near = get_close_matches(name[:LONGEST], names[:MOST], n=1, cutoff=alike)
    if near:
        return f"Did you mean `{near[0]}`?"
    return f"There are: {', '.join(names)}." if otherwise is None else otherwise
