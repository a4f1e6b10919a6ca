"""The present state of a running shop: brought up to the log before each answer, and replaced whole."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from time import perf_counter, sleep

import numpy as np

from aisle.assemble import lexical, over
from aisle.core.catalogue import Catalogue
from aisle.live.changes import changed
from aisle.live.facts import LiveHistory
from aisle.live.tally import Tally
from aisle.pipeline import Pipeline
from aisle.retrieval.dense import Nearest
from aisle.retrieval.overlay import Step
from aisle.retrieval.vectors import ItemVectors, item_texts, reworded
from aisle.shop import Shop
from aisle.state.protocols import ItemChange, Kept

AT_ONCE, PORTION = 256, 256
"""Changes of items that the next answer waits for; more are taken in beside the answers, in portions: each costs what came before it."""
SOON, BATCH = 4, 256
"""Texts that the next answer waits for until they are encoded, and texts encoded at once beside it, enough to find some of like length:
only words find an item till then."""
NOTHING = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Now:
    """The shop as of a sequence of the log, and its history. Nothing here ever changes, so that no answer sees half of a change."""

    sequence: int
    shop: Shop
    history: LiveHistory

    @property
    def catalogue(self) -> Catalogue:
        """The items as they stand."""
        return self.shop.pipeline.catalogue


class Present:
    """What answers now. ``after`` is the sequence up to which the bundle knows the log.

    A change of items that was acknowledged is in the next answer of every process. More than `AT_ONCE` of them at a time (a full feed) are
    taken in beside the answers, in the order of the log: the process that stored them acknowledges when its own answers have them all,
    others follow in seconds, and what is changed behind a feed meanwhile waits in line.
    """

    def __init__(self, shop: Shop, state: Kept, after: int) -> None:
        self._bundle, self._state, self._after = shop.pipeline.history, state, after
        self._tally, self._lock, self._filling = Tally(state.log, after), Lock(), Lock()
        self._behind = self._working = self._closed = False
        self._asked = 0
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="overlay")
        self._work: Future[None] | None = None
        history = LiveHistory(self._bundle, shop.pipeline.catalogue, state.log, after)
        self._now = Now(after, renewed(shop, replace(shop.pipeline, history=history)), history)
        self._tally.read_all(state.newest())
        self.fill(rest=0.0)

    def at(self, as_of: float | None = None) -> Now:
        """The state with everything that was acknowledged when this was called; counted for a request at ``as_of``, where one is named."""
        self._asked += 1
        now, newest = self._now, self._state.newest()
        due = as_of is not None and self._tally.due(as_of, newest)
        if (newest == now.sequence and not due) or self._behind:
            return now
        with self._lock:
            changes = self._state.items.changes(self._now.sequence, AT_ONCE + 1)
            self._behind = len(changes) > AT_ONCE
            if self._behind:
                self._later()
            else:
                self._take(newest, changes, as_of)
            return self._now

    def fill(self, rest: float = 1.0) -> None:
        """Take in every change of items, however many, one thread at a time. Where there were answers meanwhile, they have the processor to
        themselves for ``rest`` times the time taken."""
        with self._filling:
            asked, begun = self._asked, perf_counter()
            while self._portion() and not self._closed:
                if self._asked != asked:
                    sleep(rest * (perf_counter() - begun))
                asked, begun = self._asked, perf_counter()

    def _portion(self) -> bool:
        """Take in some changes, while answers go on with what there is; whether there may be more."""
        with self._lock:
            try:
                newest = self._state.newest()
                changes = self._state.items.changes(self._now.sequence, PORTION)
                more = len(changes) == PORTION
                self._behind = self._behind or more
                self._take(changes[-1].sequence if more else newest, changes)
            except BaseException:
                self._behind = False  # the next answer tries again
                raise
            self._behind = more
        return more

    def settle(self) -> None:
        """Wait until what is done beside the answers is done."""
        self.at()
        while self._working and self._work is not None:
            self._work.result()

    def close(self) -> None:
        """Leave undone what is done beside the answers: the next process does it."""
        self._closed = True

    def recount(self) -> None:
        """Someone was forgotten: from the next full hour on the counts hold nothing of it; in other processes from the next bundle on."""
        anew = Tally(self._state.log, self._after)
        anew.read_all(self._state.newest())
        with self._lock:
            self._tally = anew

    def newest_event(self) -> float:
        """UTC seconds of the newest event since the bundle, NaN for none."""
        with self._lock:
            self._tally.read_all(self._state.newest())
            return self._tally.newest

    def _take(self, newest: int, changes: Sequence[ItemChange], as_of: float | None = None) -> None:
        """The next state, if it is another one than this; counted for a request at ``as_of``."""
        now = self._now
        sequence = max(newest, changes[-1].sequence) if changes else newest
        self._tally.read(newest)
        catalogue, rewritten = now.catalogue, NOTHING
        if changes:
            after = changed(now.catalogue, changes)
            catalogue, rewritten = after, after.rewritten
            self._tally.meet(after.ids[row] for row in range(len(now.catalogue), len(after)))
        counted = None
        if as_of is not None and self._tally.due(as_of, newest):
            self._tally.read_all(newest)
            counted = self._tally.counters(catalogue, self._bundle.clock, as_of)
        if not changes and counted is None:
            self._now = replace(now, sequence=sequence)
            return
        stale = reworded(now.catalogue, catalogue, rewritten)
        soon = vectors_of(now.shop.pipeline) if 0 < len(stale) <= SOON else ()
        made = {vectors.made_from: vectors.encode(catalogue, stale) for vectors in soon}
        self._apply(Step(catalogue, rewritten, made, counted, stale), sequence)
        self._later()

    def _apply(self, step: Step, sequence: int) -> None:
        now = self._now
        known = step.catalogue is now.catalogue
        history = now.history if known else LiveHistory(self._bundle, step.catalogue, self._state.log, self._after)
        self._now = Now(sequence, renewed(now.shop, over(now.shop.pipeline, step, history)), history)

    def _later(self) -> None:
        """Do what remains in a thread beside the answers, unless one is at it. Needs the lock."""
        if not self._working and (self._behind or self._remains()):
            self._working = True
            self._work = self._beside.submit(self._catch_up)

    def _remains(self) -> bool:
        return any(len(vectors.waiting) for vectors in vectors_of(self._now.shop.pipeline))

    def _catch_up(self) -> None:
        try:
            while True:
                self.fill()
                with self._lock:
                    if self._closed or not self._remains():
                        self._working = False
                        return
                for vectors in vectors_of(self._now.shop.pipeline):
                    self._encode(vectors)
        except BaseException:
            self._working = self._behind = False
            raise

    def _encode(self, vectors: ItemVectors) -> None:
        """Encode some of the texts that wait; one that was written again meanwhile waits on."""
        catalogue, rows = self._now.catalogue, vectors.waiting[:BATCH]
        if not len(rows):
            return
        read, made = item_texts(catalogue, rows), vectors.encode(catalogue, rows)
        with self._lock:
            now = self._now
            texts = zip(rows.tolist(), read, item_texts(now.catalogue, rows), strict=True)
            fresh = {row: made[row] for row, then, present in texts if then == present}
            self._apply(Step(now.catalogue, NOTHING, {vectors.made_from: fresh}), now.sequence)


def vectors_of(pipeline: Pipeline) -> list[ItemVectors]:
    """The vectors that the sources by meaning read, each once."""
    found = {id(source.vectors_): source.vectors_ for source in pipeline.sources.values() if isinstance(source, Nearest)}
    return list(found.values())


def renewed(shop: Shop, pipeline: Pipeline) -> Shop:
    """``shop`` with another pipeline."""
    later = copy(shop)
    for name in [name for name in vars(later) if isinstance(getattr(Shop, name, None), cached_property)]:
        del vars(later)[name]
    later.pipeline, later.matching = pipeline, lexical(pipeline.sources)
    return later
