"""`aisle train --update`: the next bundle from the active one and what came since, in a small part of a training's time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

import numpy as np

from aisle.arrange.rules_file import read_rules
from aisle.bundle import Bundle, Json, Store, verify
from aisle.core.errors import InputError, RefusedError
from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.core.threads import one_thread
from aisle.retrieval.sequences import TYPE_WEIGHT
from aisle.settings import Settings, load
from aisle.state.folder import State
from aisle.tracking import Tracker
from aisle.training.carry import Carried
from aisle.training.evaluate import asked
from aisle.training.job import work_folder
from aisle.training.run import read_data
from aisle.training.trial import FEWEST, Compared, compare, half_way
from aisle.training.update_bundle import Card, Full, Made, write

SHARE = 0.1
"""Of the seconds of the full training an update may take so many."""
FLOOR = 5.0
"""Seconds that sources may take in any case: where a training took half a minute, nobody waits for an update."""
OTHER = ("read and clean", "index words", "compare scores before and after the refit")
"""Parts of a training that every update has too."""
LEAST = 20
"""Events of interest since the bundle below which nothing is learned from them."""
DECIDING = ("kind", "seed", "ranking", "tuned", "retrieval", "encoder", "evaluation", "pictures")
"""Settings that decided what the bundle learned."""


def update(folder: Path, store: Path | None = None, quiet: bool = False, state: Path | None = None) -> Bundle:
    """Make the next bundle of ``store`` (default ``folder/bundles``) from its active one and activate it.

    Sources learn up to the middle of what came since and are compared on the rest with the bundle as it runs; only if they are not surely
    worse do they learn all of it. Rankers, fusion, calibration and the encoder are kept. Where too little came to tell, what was learned
    stays as it is and the facts (catalogue, words, vectors, counts, profiles) are brought up to date; where nothing came, the active bundle
    is given back. Raises `RefusedError` where the comparison was lost, and `AisleError` for anything else that the user can mend: then
    the active bundle stays. Nothing is kept of an interrupted run; the same command begins again.
    """
    one_thread()
    store = store or folder / "bundles"
    held, place = Store.at(store)
    parent = verify(place)
    settings = load(folder)
    _check_settings(settings, parent)
    full = Full.behind(parent)
    with Tracker(work_folder(held.folder) / "update.jsonl", quiet) as tracker:
        with tracker.part("read and clean"):
            data, quality, sequence = read_data(folder, settings, state)
            rules = read_rules(folder, data.catalogue)
        since = _since(parent, data)
        _check_state(parent, full, sequence, state)
        if data.fingerprint == _data_of(parent).get("fingerprint"):
            tracker.say(f"Nothing came since {parent.bundle_id}, which stays active.")
            return parent
        with tracker.part("carry over the bundle"):
            carried = Carried.of(parent, data, settings, rules)
        sources, card = _learn(parent, carried, since, full, tracker)
        bundle = write(held, parent, Made(carried, sources, card, quality, sequence), tracker)
        tracker.say(card.text(tracker.elapsed))
        return bundle


def _learn(parent: Bundle, carried: Carried, since: float, full: Full, tracker: Tracker) -> tuple[dict[str, Source], Card]:
    """The sources that take the place of the bundle's, and the card. Raises `RefusedError` where the comparison was lost."""
    data, seed = carried.data, carried.settings.seed
    later = data.events.time > since
    new = int((later & (TYPE_WEIGHT[data.events.type] > 0) & (data.events.item >= 0)).sum())
    names = carried.affordable(full.seconds, max(FLOOR, SHARE * 60 * full.minutes - sum(full.seconds.get(part, 0.0) for part in OTHER)))
    kept = dict.fromkeys((name for name in carried.learned if name not in names), "kept: too dear")

    def card(tests: Sequence[Compared], why: str) -> Card:
        made = {} if why else {name: carried.how(name) for name in names} | kept
        return Card(parent.bundle_id, since, int(later.sum()), carried.texts, made, tests, why, full)

    if new < LEAST:
        return {}, card((), f"{new} events of interest are too few to learn from.")
    if not names:
        return {}, card((), "Every source that learns takes too long for an update.")
    cut = half_way(data.events, since)
    requests = [one for one in asked(data, data.events.time > cut, carried.settings) if _reads(carried, one.task, names)]
    if all(len(one) < FEWEST for one in requests):
        return {}, card((), f"{max(map(len, requests), default=0)} later requests are too few to tell whether an update is worse.")
    with tracker.part("learn up to the middle of what came"):
        trial = {name: carried.again(name, data.known(data.events.time <= cut), since) for name in names}
    with tracker.part("compare on the rest"):
        tests = compare(carried.pipeline({}), carried.pipeline(trial), names, requests, seed)
    if lost := [one for one in tests if one.worse]:
        raise RefusedError(
            f"The update is worse than {parent.bundle_id}, which stays active: {'; '.join(one.text for one in lost)}.",
            "Train again in full when shoppers have changed; `aisle check` shows whether the new rows are as they should be.",
        )
    found = {}
    for name in names:
        with tracker.part(f"learn {name} from all"):
            found[name] = carried.again(name, data, since)
    return found, card(tests, "")


def _reads(carried: Carried, task: str, names: Sequence[str]) -> bool:
    """Whether any of these sources has a say in a task."""
    return task in carried.stacks and bool(set(carried.stacks[task].sources) & set(names))


def _data_of(parent: Bundle) -> Mapping[str, Json]:
    found = parent.manifest.get("data")
    return found if isinstance(found, dict) else {}


def _since(parent: Bundle, data: Dataset) -> float:
    """Up to when the bundle's sources learned. Raises `InputError` where the log has no clock or ends before what the bundle knows."""
    newest, made = parent.manifest.get("newest_event"), parent.manifest.get("update")
    if not isinstance(newest, int | float) or not data.events.clock:
        raise InputError("A log without a clock does not tell what came since.", "Train in full: aisle train DIR.")
    if isnan(data.until) or data.until < newest:
        ends = "has no event" if isnan(data.until) else f"ends on {_day(data.until)}"
        raise InputError(
            f"The log {ends}, before the newest event of {parent.bundle_id}, {_day(newest)}.", "Give the folder that holds what came since."
        )
    learned = made.get("learned_until") if isinstance(made, dict) else None
    return float(learned if isinstance(learned, int | float) else newest)


def _check_settings(settings: Settings, parent: Bundle) -> None:
    """Raises `InputError` where aisle.toml now says otherwise what the bundle learned by."""
    held = Settings.model_validate(parent.manifest["settings"])
    changed = [name for name in DECIDING if getattr(held, name) != getattr(settings, name)]
    if changed:
        what = f"aisle.toml says otherwise than {parent.bundle_id} was trained with: {', '.join(changed)}."
        raise InputError(what, "An update keeps what those decided. Train in full: aisle train DIR.")


def _check_state(parent: Bundle, full: Full, sequence: int | None, state: Path | None) -> None:
    """Raises `InputError` where a log that the bundle learned from is not read, or where only a full training forgets."""
    if sequence is None or state is None:
        if parent.manifest.get("state_sequence") is not None:
            raise InputError(f"{parent.bundle_id} learned from a running shop's log too.", "Name its folder: --state S.")
        return
    with State.open(state, make=False) as opened:
        forgotten = opened.log.forgotten_since(full.state_sequence or 0)
    if forgotten:
        what = f"Somebody was forgotten since {full.bundle} was trained, and an update goes on from what that learned."
        raise InputError(what, "Train in full, which forgets: aisle train DIR --state S.")


def _day(seconds: float) -> str:
    return np.datetime_as_string(np.datetime64(int(seconds), "s"), unit="m").replace("T", " ") + " UTC"
