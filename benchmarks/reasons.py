"""Are reasons specific, and are they true? A user's copy without the named cause is asked again, and one without another event.

Copies of users are made through the running server's own `/v1/events`, so that every score is really computed again.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.figures import WORK, Figure, Lines
from benchmarks.folders import Folder, read
from benchmarks.logs import is_purchase
from benchmarks.workload import fresh, packed, serving

Step = tuple[str, str]
"""When, and which item."""
Histories = Mapping[str, Sequence[Step]]
Ask = Callable[[str, object], Any]
LENGTHS = range(3, 41)
"""Different items of a history that is copied: with fewer there is no other event to remove."""
START = datetime(2025, 1, 1)


def retail_histories(folder: Folder) -> Histories:
    """Purchases of each customer in the raw invoices."""
    found: dict[str, list[Step]] = {}
    for row in filter(is_purchase, read(folder.out / "online_retail.csv.gz")):
        found.setdefault(row["CustomerID"], []).append((row["InvoiceDate"], row["StockCode"]))
    return found


def ordered_histories(folder: Folder) -> Histories:
    """A log without a clock: its order becomes minutes."""
    found: dict[str, list[Step]] = {}
    with (folder.out / "events.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            moment = START + timedelta(minutes=int(row["order"]))
            found.setdefault(row["user_id"], []).append((moment.isoformat(sep=" "), row["item_id"]))
    return found


SHOPS: Mapping[str, Callable[[Folder], Histories]] = {"online_retail_cut": retail_histories, "amazon_beauty": ordered_histories}


@dataclass
class Trial:
    """Counts what was shown and what removing did. ``codes`` counts the first reason of each item shown."""

    ask: Ask
    dice: Random
    shown: int = 0
    unexplained: int = 0
    specific: list[bool] = field(default_factory=list)
    lowered: list[bool] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)

    def one(self, user: str, steps: Sequence[Step]) -> None:
        """Copy the user, look at the page, then take one shown item's cause away."""
        whole = self._copy(f"{user}-whole", steps)
        items = self.ask("/v1/recommend", {"surface": "home", "user_id": whole, "limit": 10})["items"]
        self.shown += len(items)
        owned = {item for _, item in steps}
        causes = {}
        for item in items:
            reasons = item.get("reasons") or []
            self.unexplained += not reasons
            self.specific.append(any(is_specific(reason["code"]) for reason in reasons))
            self.codes[reasons[0]["code"] if reasons else "none"] = self.codes.get(reasons[0]["code"] if reasons else "none", 0) + 1
            named = next((set(reason["items"]) & owned for reason in reasons if set(reason.get("items") or ()) & owned), None)
            if named and owned - named:
                causes[item["item_id"]] = named
        if causes:
            item = self.dice.choice(sorted(causes))
            self._remove(user, steps, item, causes[item])

    def _remove(self, user: str, steps: Sequence[Step], item: str, cause: set[str]) -> None:
        other = self.dice.choice([at for at, (_, owned) in enumerate(steps) if owned not in cause])
        without = self._copy(f"{user}-without", [step for step in steps if step[1] not in cause])
        beside = self._copy(f"{user}-beside", [step for at, step in enumerate(steps) if at != other])
        self.lowered.append(self._score(without, item) < self._score(beside, item))

    def _score(self, user: str, item: str) -> float:
        return float(self.ask("/v1/rank", {"items": [item], "user_id": user})["items"][0]["score"])

    def _copy(self, name: str, steps: Sequence[Step]) -> str:
        rows = [
            {"event_id": f"{name}-{at}", "type": "purchase", "user_id": name, "item_id": item, "timestamp": when}
            for at, (when, item) in enumerate(steps)
        ]
        told = self.ask("/v1/events", rows)
        if told["stored"] != len(rows):
            sys.exit(f"{len(rows)} events were sent and {told['stored']} stored: {told}")
        return name


def is_specific(code: str) -> bool:
    """Anything that says more than that many people like it, or that the shop has it."""
    return not code.startswith(("popular", "trending", "listed"))


def reason_figures(users: int = 300) -> list[Figure]:
    """Both shops, as `make results` trained them."""
    lines = Lines("reasons")
    return [figure for name in SHOPS for figure in _shop(lines, name, users)]


def _shop(lines: Lines, name: str, users: int) -> list[Figure]:
    folder = Folder(WORK / name)
    if not (folder.out / "bundles" / "CURRENT").exists():
        sys.exit(f"There is no bundle to ask: run make results ONLY={name} first.")
    histories = {user: steps for user, steps in SHOPS[name](folder).items() if len({item for _, item in steps}) in LENGTHS}
    dice = Random(7)
    with serving(folder.out / "bundles", state=fresh(f"reasons-{name}")) as server:
        trial = Trial(poster(server.address), dice)
        for user in dice.sample(sorted(histories), min(users, len(histories))):
            trial.one(user, histories[user])
    return told(lines, name, trial)


def told(lines: Lines, name: str, trial: Trial) -> list[Figure]:
    """The counts as shares."""
    codes = ", ".join(f"{code} {count}" for code, count in sorted(trial.codes.items(), key=lambda pair: -pair[1]))
    return [
        lines.one(f"{name}: specific", sum(trial.specific) / max(1, trial.shown), f"first reasons: {codes}", trial.shown),
        lines.one(f"{name}: without a reason", trial.unexplained / max(1, trial.shown), "", trial.shown),
        lines.one(
            f"{name}: the cause lowers more",
            sum(trial.lowered) / len(trial.lowered) if trial.lowered else float("nan"),
            "the item's score for a copy of the user without the named cause, below that for a copy without another event",
            len(trial.lowered),
        ),
    ]


def poster(address: str) -> Ask:
    """Posts JSON to a server."""

    def ask(route: str, body: object) -> Any:
        sent = Request(address + route, packed(body), {"Content-Type": "application/json"})
        with urlopen(sent, timeout=30) as answer:
            return json.load(answer)

    return ask
