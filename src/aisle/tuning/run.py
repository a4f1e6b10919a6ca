"""`aisle tune`: read, cut window 4 off, search for better numbers in the time given, prove the best ones, propose. Read top to bottom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.core.threads import one_thread
from aisle.data.dataset import load_dataset
from aisle.data.windows import cut
from aisle.retrieval.ease import LARGEST
from aisle.settings import Settings, Tuned, load
from aisle.tracking import Tracker
from aisle.tracking.boards import check
from aisle.tracking.boards import opened as opened_run
from aisle.tracking.run import part, tracked
from aisle.training.budget import COST, FLOOR, Budget
from aisle.training.candidates import Advance
from aisle.training.follow import introduce
from aisle.training.job import Job, work_folder
from aisle.training.parts import Parts
from aisle.tuning.bench import Bench
from aisle.tuning.outcome import Outcome, outcome
from aisle.tuning.proof import Proof, after, prove
from aisle.tuning.proposal import write
from aisle.tuning.requests import asked, before_test
from aisle.tuning.search import Search, opened
from aisle.tuning.space import GRIDS, TREES, space

OTHERS = ("markov", "markov_first", "trending", "new", "als", "ease")
"""Sources beside the floor that a trial may have, by value per cost. Those that read meaning or learn for minutes (dense, content, SASRec)
stay out: they have no numbers here, and no time for many trials."""
TRIED, ONCE = 30, 6
"""A source whose fit takes less than this part of the time is tuned; up to the second it is fitted once, as it is."""
VERSION = 1
"""Goes up when trials of an older program must not be taken up."""


@dataclass(frozen=True)
class Sources:
    """The sources of every trial, and those of them whose numbers are tried."""

    names: tuple[str, ...]
    tried: tuple[str, ...]


def tune(folder: Path, minutes: float = 30.0, quiet: bool = False, budget: Budget | None = None) -> Outcome:
    """Search for ``minutes`` and prove the best on requests that the search did not use. Window 4 is never looked at.

    Trials lie in ``folder/bundles/.work/tune``: a second run on the same data and settings goes on, several at once share them.
    Raises `AisleError` for anything the user can mend, too little data among it.
    """
    one_thread()
    budget, settings = budget or Budget(minutes), load(folder)
    check(settings.tracking.to)
    work = work_folder(folder / "bundles") / "tune"
    with Tracker(work / "run.jsonl", quiet) as tracker:
        with tracker.part("read and clean"):
            data, _ = load_dataset(folder, settings)
        search, bench = prepare(data, settings, budget, tracker, work)
        before = len(search.finished)
        name = search.study.study_name
        with (
            tracked(opened_run(settings.tracking, work / "tracking", name)),
            part("trials"),
            tracker.part("try settings", round(budget.whole)) as advance,
        ):
            introduce(data, settings)
            searched(search, advance)
        with tracker.part("prove the best"):
            proof = _proved(search, bench)
    return outcome(search, bench.asked, proof, before)


def prepare(data: Dataset, settings: Settings, budget: Budget, tracker: Tracker, work: Path) -> tuple[Search, Bench]:
    """The search over a shop of which window 4 is cut off, and the bench that it measures by."""
    if not len(data.catalogue):
        raise InputError("No item could be read.", "See rejected.csv for the reasons.")
    fingerprint = data.fingerprint
    data, windows = before_test(data, cut(data.events, data.judgements))
    job = Job(data, windows, settings, budget, tracker, Parts(work / "parts", {}, tracker), {})
    found = asked(job)
    sources = choose(settings, 60 * budget.minutes, len(data.catalogue), len(data.events), found)
    bench = Bench(job, found, sources.names)
    numbers = space(settings, {*sources.tried, TREES}, data.events.clock)
    key = [VERSION, fingerprint, settings.model_dump(mode="json"), sources.names, [(one.name, one.grid) for one in numbers]]
    study = opened(work, sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()[:12], settings.seed)
    return Search(study, bench, numbers, settings, budget), bench


def choose(settings: Settings, given: float, items: int, events: int, tasks: Mapping[str, object]) -> Sources:
    """The sources that ``given`` seconds allow on two idle cores; where only searches are asked for, words are all that is read."""
    names, tried = [], []
    for name in dict.fromkeys([*FLOOR, *OTHERS]):
        seconds = COST[name](items, events) if name in COST else 0.0
        on = settings.retrieval.get(name, True) and not (name == "ease" and items > LARGEST)
        if on and (name in FLOOR or seconds <= given / ONCE):
            names.append(name)
            if name in GRIDS and seconds <= given / TRIED:
                tried.append(name)
    if set(tasks) == {"search"}:
        names, tried = [name for name in names if name in ("lexical", "popularity")], []
    return Sources(tuple(names), tuple(tried))


def searched(search: Search, advance: Advance) -> None:
    """The search with a bar of seconds."""
    shown, begun = 0, search.budget.clock()

    def more() -> None:
        nonlocal shown
        passed = int(search.budget.clock() - begun)
        advance(passed - shown)
        shown = passed

    search.run(more)


def _proved(search: Search, bench: Bench) -> Proof | None:
    """The comparison of the best with today's, None where nothing is better."""
    first, best = search.first, search.best
    if first is None or best is None or first.number == best.number:
        return None
    sides = [(search.settings_of(one.params), search.learned.get(one.number, {})) for one in (first, best)]
    proof = prove(bench, sides[0], sides[1], search.settings.seed)
    return after(proof, search.looked(best.number))


def keep(folder: Path, found: Outcome) -> Path | None:
    """Write what was found into ``aisle.toml`` when it is proved, else nothing."""
    return write(folder, Tuned.model_validate(found.tuned)) if found.significant else None
