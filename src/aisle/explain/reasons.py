"""Reasons: for every shown item at least one true sentence, the most specific first, in the shopper's language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import nan
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from aisle.arrange.page import Page
from aisle.core.answer import Reason, Span
from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.request import Request
from aisle.core.stage import Block, Query, Source
from aisle.explain.facts import Claim, Facts
from aisle.explain.phrases import Phrases, cut, phrases
from aisle.retrieval.counters import Counters
from aisle.retrieval.left_out import LeavesOut
from aisle.text.normalise import normalise
from aisle.text.segment import language, words

MOST = 2
"""Reasons an item."""
MOST_WORDS = 4
_WORD = re.compile(r"\w+")
Highlights = Mapping[str, Sequence[Span]]


@dataclass(frozen=True)
class Explainer:
    """Words for one bundle's pages. ``language`` is the shop's own, empty where it names none: then its titles decide."""

    catalogue: Catalogue
    counters: Counters
    sources: Mapping[str, Source]
    language: str = ""

    def reasons(
        self, block: Block, number: int, candidates: Candidates, page: Page, shown: NDArray[np.int64], found: Sequence[Highlights],
        weights: Mapping[str, float],
    ) -> list[list[Reason]]:  # fmt: skip
        """One list for each of the ``shown`` ``(n,)`` rows of request ``number``, none empty; ``found`` are the highlights of each,
        ``weights`` the sources' shares of the recall side."""
        request, query = block.requests[number], block.queries[number]
        say = phrases(self.spoken(request, query))
        said: dict[tuple[object, ...], Reason] = {}
        facts = Facts(block, number, candidates, shown, self.catalogue, self.counters, self.sources, self._able, weights, page.moved)
        result = []
        for place, row in enumerate(shown.tolist()):
            item = int(candidates.item[row])
            matched = self._matched(query, candidates, row, item, found[place]) if query else []
            claims = [*matched, *islice(facts.specific(place), MOST - len(matched))] or [facts.general(place)]
            reasons = []
            for claim in claims:
                key = claim.key
                if key not in said:
                    said[key] = self._reason(claim, say)
                reasons.append(said[key])
            result.append(reasons)
        return result

    def spoken(self, request: Request, query: Query | None) -> str:
        """The language of the words: the request's, else the query's, else the shop's."""
        return request.language or (query.language if query else "") or self.language or self._titles

    @cached_property
    def _able(self) -> dict[str, LeavesOut]:
        return {name: cast(LeavesOut, source) for name, source in self.sources.items() if hasattr(source, "without")}

    @cached_property
    def _titles(self) -> str:
        titles = self.catalogue.text("title")
        sample = [titles[row] for row in range(0, len(titles), max(1, len(titles) // 100))]
        return "zh" if 2 * sum(language(title) == "zh" for title in sample) > len(sample) else "en"

    def _matched(self, query: Query, candidates: Candidates, row: int, item: int, found: Highlights) -> list[Claim]:
        """What the query has to do with the item: words that stand in it, else its meaning, else its letters."""
        named = self._words(item, query, found)
        if named:
            return [Claim("matched_words", {"words": "\n".join(named)})]
        text = {"query": query.raw}
        for source, code in (("dense", "matched_meaning"), ("late_interaction", "matched_meaning"), ("lexical", "matched_letters")):
            if source in candidates.columns and np.isfinite(candidates[f"{source}_rank"][row]):
                return [Claim(code, text)]
        return []

    def _words(self, item: int, query: Query, found: Highlights) -> list[str]:
        named: dict[str, str] = {}
        shown = self.catalogue.item(item)
        for attribute, spans in found.items():
            text = str(shown[attribute])
            for start, end in spans:
                word = text[start:end]
                named.setdefault(word.lower(), word)
                if len(named) == MOST_WORDS:
                    return list(named.values())
        if named:
            return list(named.values())
        wanted = set(query.tokens)
        texts = (text for name, text in shown.items() if name in self.catalogue.texts and name not in found and isinstance(text, str))
        held = {word: None for text in texts for word in _WORD.findall(text) if wanted.intersection(words(normalise(word)))}
        return list(held)[:MOST_WORDS]

    def _reason(self, claim: Claim, say: Phrases) -> Reason:
        text = say(_key(claim, say), **self._filled(claim, say))
        return Reason(claim.code, text, tuple(self.catalogue.ids[row] for row in claim.items))

    def _filled(self, claim: Claim, say: Phrases) -> dict[str, str | int]:
        values: dict[str, str | int] = {}
        for name, value in claim.values.items():
            if isinstance(value, float):
                values[name] = say.date(value) if name == "moment" else int(value)
            elif name == "did":
                key, date = f"did/{value}", say.date(cast(float, claim.values["moment"]))
                values[name] = say(f"{key}/on", date=date) if date else say(key)
            elif name == "words":
                values[name] = say.joined(value.split("\n"))
            else:
                values[name] = say.quoted(value) if name == "query" else cut(value)
        if claim.items:
            values["title"] = say.quoted(self._title(claim.items[0], say.language))
        return values

    def _title(self, item: int, spoken: str) -> str:
        return self.catalogue.text(f"title_{spoken}").get(item) or self.catalogue.text("title")[item] or self.catalogue.ids[item]


def _key(claim: Claim, say: Phrases) -> str:
    """The template that says all that is known: with days, a date, a number of times, a deed, a week, a category, or bare."""
    code, values = claim.code, cast(Mapping[str, Any], claim.values)
    moment = values.get("moment", nan)
    dated = moment - moment == 0  # neither NaN nor infinite
    tails = (
        dated and values.get("days", 0.0) >= 2 and f"{code}/days",
        dated and f"{code}/on",
        not dated and values.get("count", 0.0) >= 2 and f"{code}/times",
        "did" in values and f"{code}/did",
        "week" in values and f"{code}/week",
        values.get("value") and f"{code}/in",
    )
    return next((key for key in tails if key and key in say), code) if values else code
