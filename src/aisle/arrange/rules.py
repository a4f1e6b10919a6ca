"""The shop's own hand: `rules.toml` pins, boosts, buries and blocks items, by query, category and date. Never what a filter forbids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan, nan
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block, Query


@dataclass(frozen=True)
class Rule:
    """One rule. ``words``: the query must have exactly these words (``exact``) or at least these; empty: any request, also without a query.

    ``since`` and ``until`` are UTC seconds, NaN for no bound. ``at`` counts from 1; ``factor`` multiplies the size of the score.
    """

    number: int
    action: str
    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    exact: bool = True
    surfaces: tuple[str, ...] = ()
    at: int = 1
    factor: float = 2.0
    since: float = nan
    until: float = nan

    def applies(self, request: Request, query: Query | None) -> bool:
        """Whether the request is of a kind and time that the rule speaks of. At an unknown time a dated rule blocks, and does no more."""
        if request.surface not in self.surfaces or not self._in_time(request.as_of):
            return False
        if not self.words:
            return True
        typed = set(query.tokens) if query else set()
        return set(self.words) == typed if self.exact else set(self.words) <= typed

    def _in_time(self, now: float) -> bool:
        if isnan(self.since) and isnan(self.until):
            return True
        if isnan(now):
            return self.action == "block"
        return not (now < self.since or now >= self.until)


class Rules:
    """The rules over a catalogue's rows; an item that the catalogue no longer holds is passed over."""

    def __init__(self, catalogue: Catalogue, rules: Sequence[Rule] = ()) -> None:
        self.catalogue, self.rules = catalogue, tuple(rules)
        self._mask: dict[int, NDArray[np.bool_]] = {}

    def of(self, action: str, request: Request, query: Query | None) -> list[Rule]:
        """The rules of one action that apply to a request, in the order of the file."""
        return [rule for rule in self.rules if rule.action == action and rule.applies(request, query)]

    def pinned(self, block: Block) -> list[NDArray[np.int32]] | None:
        """Each request's pinned items, so that they are scored though no source proposed them; None without any."""
        if not any(rule.action == "pin" for rule in self.rules):
            return None
        return [np.unique(self.rows(self.of("pin", *pair))) for pair in zip(block.requests, block.queries, strict=True)]

    def rows(self, rules: Iterable[Rule]) -> NDArray[np.int32]:
        """The rows of the items that rules name one by one, in their order."""
        found = self.catalogue.rows(item for rule in rules for item in rule.items)
        return found[found >= 0]

    def mask(self, rule: Rule) -> NDArray[np.bool_]:
        """``(items,) bool``: the items that a rule speaks of, named or by category."""
        if rule.number not in self._mask:
            mask = self.catalogue.labels("category").having(rule.categories) if rule.categories else np.zeros(len(self.catalogue), bool)
            mask[self.rows([rule])] = True
            self._mask[rule.number] = mask
        return self._mask[rule.number]

    def any(self, rules: Sequence[Rule], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """``(k,) bool``: the items that any of ``rules`` speaks of."""
        found = np.zeros(len(items), bool)
        for rule in rules:
            found |= self.mask(rule)[items]
        return found

    def factors(self, rules: Sequence[Rule], items: NDArray[np.int32]) -> NDArray[np.float64]:
        """``(k,) float64``: the product of the boosts of each item."""
        found = np.ones(len(items))
        for rule in rules:
            found[self.mask(rule)[items]] *= rule.factor
        return found

    def save(self, folder: Path) -> None:
        """Write ``rules.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        state = [asdict(rule) | {name: None for name in ("since", "until") if isnan(getattr(rule, name))} for rule in self.rules]
        (folder / "rules.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Rules:
        """Open what `save` wrote; a bundle of before there were rules has none."""
        path = folder / "rules.json"
        if not path.exists():
            return cls(catalogue)
        state = json.loads(path.read_text(encoding="utf-8"))
        return cls(catalogue, [_rule({name: nan if value is None else value for name, value in one.items()}) for one in state])


class Blocked:
    """The filter of the rules that block: what they name is not shown, on any surface."""

    name = "rules"

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def allowed(self, block: Block) -> Allowed:
        everything = Allowed.everything(len(self.rules.catalogue), len(block))
        own = [self._own(request, query) for request, query in zip(block.requests, block.queries, strict=True)]
        return Allowed(everything.shared, own, everything.excluded)

    def _own(self, request: Request, query: Query | None) -> NDArray[np.bool_] | None:
        rules = self.rules.of("block", request, query)
        return ~self.rules.any(rules, np.arange(len(self.rules.catalogue), dtype=np.int32)) if rules else None


def _rule(state: Mapping[str, object]) -> Rule:
    lists = {name: tuple(cast(Sequence[str], value)) for name, value in state.items() if isinstance(value, list)}
    return Rule(**{**state, **lists})  # type: ignore[arg-type]
