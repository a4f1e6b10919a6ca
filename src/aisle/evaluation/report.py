"""The report's first screen in plain words: what became better over what a shop has, by how much, what did not, what data is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from aisle.evaluation import words
from aisle.evaluation.results import Comparison, Evaluation, Json, Measured

MAIN = "fused"
PLAIN = ("hr@10", "ndcg@10")
"""The metrics the first screen can speak of, the plainest first."""


@dataclass(frozen=True)
class Row:
    """One model of a card, beside the main one's."""

    model: str
    name: str
    measured: Measured
    main: bool


@dataclass(frozen=True)
class Card:
    """One task on the first screen: its numbers for Aisle and for each baseline, best first, and the verdict on the strongest baseline."""

    task: str
    title: str
    question: str
    metric: str
    rows: Sequence[Row]
    verdict: str
    sentence: str


@dataclass(frozen=True)
class Story:
    """The first screen."""

    headline: str
    cards: Sequence[Card]
    better: Sequence[str]
    level: Sequence[str]
    missing: Sequence[str]


def story(evaluation: Evaluation, quality: Mapping[str, Json] | None = None) -> Story:
    """Tell ``evaluation`` to a shop owner; ``quality`` is `check --json`'s object, absent where it is not at hand."""
    cards = [card for task in tasks(evaluation) if (card := _card(evaluation, task)) is not None]
    sure = [said for c in _against_baselines(evaluation) if c.verdict == "better" and (said := _said(evaluation, c))]
    unsure = [said for c in _against_baselines(evaluation) if c.verdict != "better" and (said := _said(evaluation, c))]
    return Story(_headline(cards), cards, sure, [*unsure, *_weak_slices(evaluation)], missing(evaluation, quality))


def tasks(evaluation: Evaluation) -> list[str]:
    """The tasks of the report in their order; one task without a name in its metrics is ``""``."""
    found = [name.rpartition("/")[0] for numbers in evaluation.models.values() for name in numbers]
    return list(dict.fromkeys(found))


def task_words(evaluation: Evaluation, task: str) -> tuple[str, str, str]:
    """As `words.task`; a single task's name is read from the protocol."""
    asked = evaluation.protocol.get("requests")
    if not task and isinstance(asked, Mapping) and len(asked) == 1:
        return words.task(next(iter(asked)))
    return words.task(task)


def _card(evaluation: Evaluation, task: str) -> Card | None:
    front = f"{task}/" if task else ""
    main = evaluation.models.get(MAIN, {})
    metric = next((front + name for name in PLAIN if front + name in main and isfinite(main[front + name].value)), None)
    if metric is None:
        return None
    title, things, hit = task_words(evaluation, task)
    held = {name: evaluation.models[name][metric] for name in (MAIN, *words.BASELINES) if metric in evaluation.models.get(name, {})}
    rows = [Row(name, words.model(name), number, name == MAIN) for name, number in held.items()]
    rows.sort(key=lambda row: (-row.measured.value, not row.main))
    question = f"Of 100 {things}, how many {hit} among the first ten" if "hr@" in metric else "How near the top the wanted products stand"
    verdict, sentence = _verdict(evaluation, metric, rows, things)
    return Card(task, title, question, metric, rows, verdict, sentence)


def _verdict(evaluation: Evaluation, metric: str, rows: Sequence[Row], things: str) -> tuple[str, str]:
    """How Aisle stands to the strongest baseline."""
    rivals = [row for row in rows if not row.main]
    if not rivals:
        return "alone", "There is nothing to compare with."
    rival = rivals[0]
    test = next((c for c in evaluation.comparisons if c.metric == metric and c.b == rival.model), None)
    if test is None:
        return "untested", f"The strongest alternative is {rival.name}; the difference was not tested."
    how = _difference(test, things)
    if test.verdict == "better":
        return "better", f"{how} than with {rival.name}, the strongest alternative."
    if test.verdict == "worse":
        return "worse", f"{how} than with {rival.name}: use {rival.name} here."
    least = _amount(test.detectable, metric)
    return "undecided", f"Level with {rival.name}: with {test.n:,} {things} a difference below {least} cannot be seen."


def _difference(test: Comparison, things: str) -> str:
    amount = _amount(abs(test.difference), test.metric)
    low, high = _amount(test.low, test.metric, True), _amount(test.high, test.metric, True)
    word = "more" if test.difference > 0 else "fewer"
    unit = f" {word} per 100 {things}" if "hr@" in test.metric else (" higher" if test.difference > 0 else " lower")
    return f"{amount}{unit} (95 % interval {low} to {high})"


def _amount(value: float, metric: str, sign: bool = False) -> str:
    if "hr@" not in metric:
        return words.number(value, sign)
    return f"{100 * value:{'+' if sign else ''}.1f}" if isfinite(value) else "–"


def _headline(cards: Sequence[Card]) -> str:
    if not cards:
        return "There was nothing to measure in this data."
    card = max(cards, key=lambda one: (one.verdict == "better", "hr@" in one.metric))
    ours = next(row for row in card.rows if row.main)
    rivals = [row for row in card.rows if not row.main]
    if "hr@" not in card.metric or not rivals:
        return f"{card.title}: {card.sentence}"
    said = f"{_amount(ours.measured.value, card.metric)} of 100 {words.task(card.task)[1]} {words.task(card.task)[2]} among the first ten."
    name = rivals[0].name
    return f"{said} {name[0].upper()}{name[1:]} alone: {_amount(rivals[0].measured.value, card.metric)}."


def _against_baselines(evaluation: Evaluation) -> list[Comparison]:
    """One comparison a task and baseline, on the plainest metric tested."""
    found: dict[tuple[str, str], Comparison] = {}
    for name in reversed(PLAIN):
        for c in evaluation.comparisons:
            if c.b in words.BASELINES and c.a == MAIN and c.metric.rpartition("/")[2] == name:
                found[c.metric.rpartition("/")[0], c.b] = c
    return list(found.values())


def _said(evaluation: Evaluation, c: Comparison) -> str:
    title, things, _ = task_words(evaluation, c.metric.rpartition("/")[0])
    if c.verdict == "undecided":
        seen, low, high = (_amount(value, c.metric, True) for value in (c.difference, c.low, c.high))
        return f"{title}: not told apart from {words.model(c.b)} ({seen}, {low} to {high})."
    return f"{title}: {_difference(c, things)} than {words.model(c.b)}."


def _weak_slices(evaluation: Evaluation) -> list[str]:
    """Groups of at least 30 requests where a baseline's interval lies wholly above Aisle's."""
    said = []
    for name, group in evaluation.slices.items():
        ours = group.models.get(MAIN, {})
        for metric, number in ours.items():
            for rival in words.BASELINES:
                other = group.models.get(rival, {}).get(metric)
                if other is not None and not group.remark and other.low > number.high:
                    task, _, part = name.rpartition("/")
                    said.append(
                        f"{task_words(evaluation, task)[0]}, {part}: {words.model(rival)} does better"
                        f" ({words.number(other.value)} to {words.number(number.value)})."
                    )
    return said


def missing(evaluation: Evaluation, quality: Mapping[str, Json] | None = None) -> list[str]:
    """What the data lacks and what it would allow, and what was too little to judge."""
    said = [f"{part.title}: {part.text}" for part in evaluation.parts if not part.figures and not part.reports and part.text]
    names = {name.rpartition("/")[2] for numbers in evaluation.models.values() for name in numbers}
    found = tasks(evaluation)
    if not any("search" in task for task in [*found, *_asked(evaluation)]):
        said.append("No queries and no judgements: search could not be measured. Log what shoppers type and which product they open.")
    if "conversion@10" not in names:
        said.append("No purchases among the wanted products: conversion and revenue could not be measured.")
    elif not any(isfinite(numbers[n].value) for numbers in evaluation.models.values() for n in numbers if n.endswith("revenue@10")):
        said.append("Purchases carry no price: revenue could not be measured.")
    if not evaluation.calibration and "auc" not in names:
        said.append("No impressions: a click cannot be told from a product nobody saw, so no probability is given. Log what was shown.")
    few = sorted({number.remark for number in evaluation.models.get(MAIN, {}).values() if number.remark})
    said += [f"Too little to be sure: {remark}." for remark in few]
    remarks = (quality or {}).get("remarks")
    return [*said, *(str(remark) for remark in remarks)] if isinstance(remarks, list) else said


def _asked(evaluation: Evaluation) -> list[str]:
    asked = evaluation.protocol.get("requests")
    return list(asked) if isinstance(asked, Mapping) else []


def lines(evaluation: Evaluation) -> list[str]:
    """The first screen as text for a terminal: the headline, a line a task, what did not improve."""
    told = story(evaluation)
    cards = [f"{card.title}: {card.sentence}" for card in told.cards]
    return [told.headline, *cards, *(f"Not better: {said}" for said in told.level)]
