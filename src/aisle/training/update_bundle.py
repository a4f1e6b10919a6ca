"""What an update did, and the bundle that it writes: the parent's report and plan, with what is new and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from pydantic import BaseModel

from aisle.assemble import save
from aisle.bundle import Bundle, Json, Store
from aisle.core.errors import BundleError
from aisle.core.stage import Source
from aisle.data.report import Quality
from aisle.query.complete import Completer
from aisle.text.handed_on import carried_on
from aisle.tracking import Tracker
from aisle.training.carry import Carried
from aisle.training.trial import Compared


class Full(BaseModel):
    """The full training that a line of updates goes back to."""

    bundle: str
    minutes: float
    seconds: dict[str, float]
    state_sequence: int | None = None
    updates: int = 0

    @classmethod
    def behind(cls, bundle: Bundle) -> Full:
        """The full training behind a bundle: its own, or the one that its updates go back to."""
        manifest = bundle.manifest
        made = manifest.get("update")
        if isinstance(made, dict):
            return cls.model_validate(made["full"])
        return cls.model_validate(
            {"bundle": bundle.bundle_id, **{name: manifest.get(name) for name in ("minutes", "seconds", "state_sequence")}}
        )


@dataclass(frozen=True)
class Card:
    """What an update did: what became of each of the ``sources``, the comparison's ``tests``, ``why`` none learned ("" where one did)."""

    parent: str
    since: float
    events: int
    texts: int
    sources: Mapping[str, str]
    tests: Sequence[Compared]
    why: str
    full: Full

    def text(self, seconds: float) -> str:
        """In words."""
        share = seconds / max(1.0, 60 * self.full.minutes)
        made = ", ".join(f"{name} {how}" for name, how in self.sources.items())
        tested = "; ".join(one.text for one in self.tests)
        learned = f"{self.why} Facts alone were brought up to date" if self.why else f"{made}; {tested}"
        return (
            f"Updated from {self.parent}: {self.events:,} events since, {self.texts:,} texts encoded. {learned}. It took"
            f" {seconds:.0f} s, {share:.0%} of the full training's time ({self.full.bundle}), of which it is update number"
            f" {self.full.updates + 1}."
        )


@dataclass(frozen=True)
class Made:
    """All that goes into the bundle: ``sources`` take the place of those carried over; the log was read up to ``sequence``."""

    carried: Carried
    sources: Mapping[str, Source]
    card: Card
    quality: Quality
    sequence: int | None


def write(store: Store, parent: Bundle, made: Made, tracker: Tracker) -> Bundle:
    """The bundle, activated. Raises `BundleError` where another one became active meanwhile: then it is written and waits."""
    moment, data, quality = datetime.now(UTC), made.carried.data, made.quality.to_json()
    name = f"{moment:%Y%m%d-%H%M%S}-{data.fingerprint[:6]}"
    with tracker.part("write the bundle"):
        with store.write(name, _manifest(parent, made, moment, tracker)) as folder:
            save(made.carried.pipeline(made.sources), folder)
            Completer().fit(data).save(folder / "completions")
            _report(parent, folder, made.card.text(tracker.elapsed))
            carried_on(parent.folder, folder)
            (folder / "quality.json").write_text(json.dumps(quality, ensure_ascii=False), encoding="utf-8")
        if store.current() != parent.bundle_id:
            what = f"{store.current()} became active while {parent.bundle_id} was updated, so {name} was written but not activated."
            raise BundleError(what, f"If you want it: aisle bundles activate {store.folder} {name}")
        return store.activate(name)


def _manifest(parent: Bundle, made: Made, moment: datetime, tracker: Tracker) -> dict[str, Json]:
    """The parent's plan, with what is new: where it comes from, and what became of each part."""
    data, card, kept = made.carried.data, made.card, {name: parent.manifest[name] for name in ("kind", "name", "windows", "plan")}
    full = card.full.model_copy(update={"updates": card.full.updates + 1})
    return {
        **kept,
        "created_at": moment.isoformat(timespec="seconds"),
        "data": {"fingerprint": data.fingerprint, "items": len(data.catalogue), "events": len(data.events)},
        "settings": made.carried.settings.model_dump(mode="json"),
        "newest_event": data.until,
        "state_sequence": made.sequence,
        "minutes": round(tracker.elapsed / 60, 2),
        "seconds": {name: round(took, 1) for name, took in tracker.seconds.items()},
        "parent": parent.bundle_id,
        "update": {
            "since": card.since,
            "learned_until": card.since if card.why else data.until,
            "events": card.events,
            "texts": card.texts,
            "sources": dict(card.sources),
            "tests": [one.to_json() for one in card.tests],
            "why_not_learned": card.why,
            "full": full.model_dump(),
        },
    }


def _report(parent: Bundle, folder: Path, said: str) -> None:
    """The report of the full training, which rankers and fusion still are of, with what was done since in front."""
    report = json.loads((parent.folder / "report.json").read_text(encoding="utf-8"))
    report["notes"] = [said, *report.get("notes", [])]
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
    page = (parent.folder / "report.html").read_text(encoding="utf-8")
    (folder / "report.html").write_text(page.replace("</header>", f'</header>\n<p class="wrap">{escape(said)}</p>', 1), encoding="utf-8")
