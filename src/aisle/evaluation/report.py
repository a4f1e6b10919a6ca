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
NOTHING = "There was nothing to measure in this data."


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
    level = [*_level(evaluation), *_weak_slices(evaluation)]
    return Story(_headline(evaluation, cards), cards, _better(evaluation), level, missing(evaluation, quality))


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
    title, things, asked = task_words(evaluation, task)
    held = {name: evaluation.models[name][metric] for name in (MAIN, *words.BASELINES) if metric in evaluation.models.get(name, {})}
    rows = [Row(name, words.model(name), number, name == MAIN) for name, number in held.items()]
    rows.sort(key=lambda row: (-row.measured.value, not row.main))
    question = f"Of 100 {asked}" if "hr@" in metric else "How near the top the wanted products stand, 1 is perfect"
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
    unit = f" {'more' if test.difference > 0 else 'fewer'} per 100 {things}" if "hr@" in metric else " in ndcg@10"
    if test.verdict == "better":
        return "better", f"{_difference(test)}{unit} than {rival.name}, the strongest alternative {_range(test)}."
    if test.verdict == "worse":
        return "worse", f"{_difference(test)}{unit} than {rival.name} {_range(test)}: {rival.name} is what to serve here."
    if _same(test):
        return "undecided", f"The same as {rival.name}: in none of {test.n:,} {things} does one find more than the other."
    least = _amount(test.detectable, metric)
    return "undecided", f"Level with {rival.name}: {test.n:,} {things} cannot show a difference below {least}."


def _same(test: Comparison) -> bool:
    """Not one request differs."""
    return test.difference == test.low == test.high == 0


def _difference(test: Comparison) -> str:
    """Without a sign where words tell the direction."""
    return _amount(abs(test.difference), test.metric) if "hr@" in test.metric else _amount(test.difference, test.metric, True)


def _range(test: Comparison) -> str:
    ends = sorted((test.low, test.high), key=abs) if test.low * test.high > 0 and "hr@" in test.metric else [test.low, test.high]
    signed = not (test.low * test.high > 0 and "hr@" in test.metric)
    low, high = (_amount(end if signed else abs(end), test.metric, signed) for end in ends)
    return f"({low} to {high})"


def _amount(value: float, metric: str, sign: bool = False) -> str:
    if "hr@" not in metric:
        return words.number(value, sign)
    return words.minus(f"{100 * value:{'+' if sign else ''}.1f}") if isfinite(value) else "–"


def _headline(evaluation: Evaluation, cards: Sequence[Card]) -> str:
    """The clearest win, or the first task where there is none."""
    if not cards:
        return NOTHING
    card = max(cards, key=lambda one: (one.verdict == "better", "hr@" in one.metric))
    ours, rivals = next(row for row in card.rows if row.main), [row for row in card.rows if not row.main]
    if "hr@" not in card.metric or not rivals:
        return f"{card.title}: {card.sentence}"
    a, b = (f"{100 * row.measured.value:.0f}" for row in (ours, rivals[0]))
    things = task_words(evaluation, card.task)[1]
    if card.verdict == "worse":
        rival = rivals[0].name[0].upper() + rivals[0].name[1:]
        return f"{rival} does better: {b} of 100 {things} find a wanted product among the first ten, against {a} with Aisle."
    if card.verdict != "better":
        return f"Not surely better than {rivals[0].name}: {a} of 100 {things} find a wanted product among the first ten, against {b}."
    return f"With Aisle, {a} of 100 {things} find a wanted product among the first ten. With {rivals[0].name}, {b}."


def _against_baselines(evaluation: Evaluation) -> list[Comparison]:
    """One comparison a task and baseline, on the plainest metric tested."""
    found: dict[tuple[str, str], Comparison] = {}
    for name in reversed(PLAIN):
        for c in evaluation.comparisons:
            if c.b in words.BASELINES and c.a == MAIN and c.metric.rpartition("/")[2] == name:
                found[c.metric.rpartition("/")[0], c.b] = c
    return list(found.values())


def _better(evaluation: Evaluation) -> list[str]:
    """A line a task: by how much Aisle beats each baseline that it beats for sure."""
    won = [c for c in _against_baselines(evaluation) if c.verdict == "better"]
    said = []
    for task in dict.fromkeys(c.metric.rpartition("/")[0] for c in won):
        mine = sorted((c for c in won if c.metric.rpartition("/")[0] == task), key=lambda c: c.difference)
        title, things, _ = task_words(evaluation, task)
        front = f"{title}, per 100 {things}" if "hr@" in mine[0].metric else f"{title}, ndcg@10"
        said.append(f"{front}: {words.listing([f'{_difference(c)} more than {words.model(c.b)} {_range(c)}' for c in mine])}.")
    return said


def _level(evaluation: Evaluation) -> list[str]:
    """A line a baseline that Aisle does not beat for sure."""
    said = []
    for c in _against_baselines(evaluation):
        title, things, _ = task_words(evaluation, c.metric.rpartition("/")[0])
        unit = f" per 100 {things}" if "hr@" in c.metric else " in ndcg@10"
        if _same(c):
            said.append(f"{title}: the same as {words.model(c.b)} in all {c.n:,} {things}.")
        elif c.verdict == "undecided":
            said.append(f"{title}: not told apart from {words.model(c.b)}, {_amount(c.difference, c.metric, True)}{unit} {_range(c)}.")
        if c.verdict == "worse":
            said.append(f"{title}: {words.model(c.b)} does better, {_amount(c.difference, c.metric, True)}{unit} {_range(c)}. Serve that.")
    return said


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
