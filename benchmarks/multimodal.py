"""Behaviour, profile, text and pictures: what each adds, and pictures early (features), late (a source) or both.

``python -m benchmarks.multimodal [simulated amazon_beauty]``. Everything is left out of one set of candidates and learned again, as the
report's ablation does it; windows as in training: sources on 1, ranker on 2, α on 3, figures on 4.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Source
from aisle.data.dataset import load_dataset
from aisle.data.windows import cut
from aisle.evaluation.intervals import bootstrap
from aisle.evaluation.significance import holm, paired
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.retrieval.dense import Content
from aisle.retrieval.pictures import Pictures
from aisle.retrieval.vectors import item_texts
from aisle.settings import load
from aisle.simulate.choice import Context, Taste
from aisle.simulate.truth import Truth
from aisle.simulate.truth import load as load_truth
from aisle.simulate.words import words
from aisle.text.ngram import NgramEncoder
from aisle.tracking import Tracker
from aisle.training.ablation import GROUPS, LOOK, PROFILE
from aisle.training.budget import Budget
from aisle.training.candidates import frame
from aisle.training.choose import quality
from aisle.training.frames import Frame
from aisle.training.job import Job, plain_stacks
from aisle.training.judge import fused
from aisle.training.learn import Recipe, learn
from aisle.training.parts import Parts
from aisle.training.tasks import replays
from benchmarks.figures import WORK, Figure, Lines, aisle, show
from benchmarks.folders import Folder, builders, raw_data

Floats = NDArray[np.float64]
ITEMS, EVENTS = 800, 120_000
SIZES = {2: 1_500, 3: 1_000, 4: 4_000}
FEWER = {2: 400, 3: 250, 4: 600}
"""Requests of each window, at most; fewer where the log is large."""
BEHAVIOUR = ("popularity", "repeat", "item_knn", "markov", "als", "trending", "new")
METRIC = "ndcg@10"
RANKER = "lambdamart"
TASK = "home_new"
"""Visits in which something was taken that its shopper had not: what is bought again is known without a look at it."""


@dataclass(frozen=True)
class Arm:
    """One way to put modalities together: the sources, the groups of features that the ranker reads beside the sources' own, and the arm
    that it is compared with."""

    sources: tuple[str, ...]
    groups: tuple[str, ...] = ()
    against: str = ""


TEXT = (*BEHAVIOUR, "content")
ARMS = {
    "behaviour": Arm(BEHAVIOUR),
    "behaviour + profile": Arm(BEHAVIOUR, (PROFILE,), "behaviour"),
    "behaviour + profile + text": Arm(TEXT, (PROFILE,), "behaviour + profile"),
    "all, pictures early": Arm(TEXT, (PROFILE, LOOK), "behaviour + profile + text"),
    "all, pictures late": Arm((*TEXT, "pictures"), (PROFILE,), "behaviour + profile + text"),
    "all, pictures early and late": Arm((*TEXT, "pictures"), (PROFILE, LOOK), "behaviour + profile + text"),
    "behaviour + profile + pictures, no text": Arm((*BEHAVIOUR, "pictures"), (PROFILE, LOOK), "behaviour + profile"),
}


def simulated_figures() -> list[Figure]:
    """A simulated shop, with pictures."""
    return shop_figures(Lines("multimodal"), "simulated", simulated())


def amazon_figures() -> list[Figure]:
    """Amazon Beauty, which has no pictures: the first three arms."""
    return shop_figures(Lines("multimodal_amazon"), "amazon_beauty", amazon(), FEWER, ("als", "trending", "new"))


def simulated() -> Path:
    """A shop whose pictures are drawn: the outline of the type, in the item's colour, on a ground tinted by the style."""
    folder = WORK / "multimodal"
    shutil.rmtree(folder, ignore_errors=True)
    aisle("simulate", str(folder), "--items", str(ITEMS), "--events", str(EVENTS))
    return folder


def amazon() -> Path:
    """Purchases in order, titles, no picture."""
    folder = Folder(WORK / "multimodal_amazon")
    builders()["amazon_beauty"](raw_data(), folder)
    return folder.out


def shop_figures(lines: Lines, name: str, place: Path, sizes: Mapping[int, int] = SIZES, without: Sequence[str] = ()) -> list[Figure]:
    """Every arm on the shop, without some sources, and what the truth says of pictures where it is known."""
    job = job_of(place)
    figures = []
    if "pictures" in job.text:
        visible, tint = seen_in_pictures(load_truth(place))
        figures.append(lines.one(f"{name}: share of liking that is visible", visible, VISIBLE))
        figures.append(lines.one(f"{name}: share of liking by style, the tint of the ground", tint, VISIBLE))
    sources = {one: job.source(one, False) for one in (*BEHAVIOUR, *job.text) if one not in without}
    stacks = plain_stacks(list(sources))
    pipeline = job.pipeline(sources, False, stacks)
    stack, asked = stacks[TASK], replays(job)[TASK]
    chosen = {window: asked[window].sample(most, job.settings.seed) for window, most in sizes.items()}
    frames = {2: frame(pipeline, stack, chosen[2], stack.sources)}
    frames |= {window: frame(pipeline, stack, chosen[window], stack.sources, names=frames[2].names) for window in (3, 4)}
    return [*figures, *task_figures(lines, f"{name}: {TASK}", stack, frames, job.settings.seed)]


def job_of(place: Path) -> Job:
    """A run with the sources that read the catalogue fitted: texts by letter n-grams, pictures by colour and shape."""
    settings = load(place)
    data, _ = load_dataset(place, settings)
    text: dict[str, Source] = {"content": Content(NgramEncoder().fit(item_texts(data.catalogue))).fit(data)}
    pictures = Pictures().fit(data)
    if pictures.vectors_.made.pictures:
        text["pictures"] = pictures
    work = WORK / "multimodal_parts" / place.name
    shutil.rmtree(work, ignore_errors=True)
    return Job(data, cut(data.events, data.judgements), settings, Budget(1e6), Tracker(quiet=True), Parts(work, {"new": True}), text)


def task_figures(lines: Lines, title: str, stack: Stack, frames: Mapping[int, Frame], seed: int) -> list[Figure]:
    """NDCG@10 of every arm that the shop can have, and each against the arm that it adds to, p after Holm."""
    arms = {
        name: arm for name, arm in ARMS.items() if "pictures" in stack.sources or ("pictures" not in arm.sources and LOOK not in arm.groups)
    }
    found = {name: of_arm(arm, stack, frames, seed) for name, arm in arms.items()}
    counts = ", ".join(f"{len(frames[window].replay):,}" for window in (2, 3, 4))
    note = f"{METRIC} on window 4; {counts} requests of windows 2, 3, 4; intervals by users; sources: {', '.join(stack.sources)}"
    figures = []
    for name, values in found.items():
        one = bootstrap(values[:, None], frames[4].replay.users, seed=seed)
        held = {"value": float(one.value[0]), "low": float(one.low[0]), "high": float(one.high[0]), "n": float(one.n[0])}
        figures.append(lines.held(f"{title}: {name}", held, note))
    pairs = [(name, arm.against) for name, arm in arms.items() if arm.against]
    if "all, pictures late" in arms:
        pairs.append(("all, pictures early", "all, pictures late"))
    return [*figures, *compared(lines, title, pairs, found, frames[4].replay.users, seed)]


def compared(
    lines: Lines, title: str, pairs: Sequence[tuple[str, str]], found: Mapping[str, Floats], users: NDArray[np.int32], seed: int
) -> list[Figure]:
    """The pairs' differences on the same requests."""
    test = paired(np.stack([found[a] - found[b] for a, b in pairs], axis=1), users, seed=seed)
    adjusted, between = holm(test.p), test.difference
    figures = []
    for place, (a, b) in enumerate(pairs):
        held = {"value": float(between.value[place]), "low": float(between.low[place]), "high": float(between.high[place])}
        said = f"p = {adjusted[place]:.4f} of {len(pairs)} (sign-flip over users, Holm); {test.detectable[place]:.4f} would be seen"
        figures.append(lines.held(f"{title}: {a} - {b}", held | {"n": float(between.n[place])}, said))
    return figures


def of_arm(arm: Arm, stack: Stack, frames: Mapping[int, Frame], seed: int) -> Floats:
    """``(requests,) float64``: NDCG@10 of window 4 by what this arm may know, learned anew."""
    sources = tuple(name for name in stack.sources if name in arm.sources)
    gone = tuple(start for group in (PROFILE, LOOK) if group not in arm.groups for start in GROUPS[group])
    less = {window: one.only(sources).without(gone) if gone else one.only(sources) for window, one in frames.items()}
    begins = replace(stack, sources=sources, recall=Recall(sources))
    learned = learn(begins, less[2], less[3], Recipe(None, seed, only=(RANKER,), compete=False))
    return quality(less[4], fused(learned, less[4]))


VISIBLE = "of the variance of true utility among items of the type wanted, 500 shoppers; titles say colour and style too, in words"


def seen_in_pictures(truth: Truth, asked: int = 500) -> tuple[float, float]:
    """How much of what makes a shopper prefer one item to another of its type can be seen: colour and style together, and style alone."""
    dice = np.random.default_rng(7)
    goods, people, kinds = truth.goods, truth.shoppers, words().kinds
    plain = {"colour": replace(goods, colour=np.full(len(goods), -1, np.int32))}
    plain["both"] = replace(plain["colour"], style=np.zeros(len(goods), np.int32))
    consumable = np.array([kind.period > 0 for kind in kinds])
    whole, seen, tint = 0.0, 0.0, 0.0
    for user in dice.permutation(len(people))[:asked]:
        kind = int(goods.kind[dice.integers(len(goods))])
        item = np.flatnonzero(goods.kind == kind).astype(np.int32)[None]
        context = _alone(int(user), kind)
        grade = np.zeros(item.shape, np.uint8)
        utility = Taste(goods, people, consumable).utility(context, item, grade)[0]
        less = {name: Taste(one, people, consumable).utility(context, item, grade)[0] for name, one in plain.items()}
        whole += float(utility.var())
        seen += float((utility - less["both"]).var())
        tint += float((less["colour"] - less["both"]).var())
    return seen / whole, tint / whole


def _alone(user: int, kind: int) -> Context:
    """Somebody who wants one type and owns nothing."""
    none = np.full((1, 1), -1, np.int32)
    return Context(np.array([user], np.int32), np.array([kind], np.int32), none, np.zeros(1, bool), none, none[0], none)


PARTS: dict[str, Callable[[], list[Figure]]] = {"simulated": simulated_figures, "amazon_beauty": amazon_figures}

if __name__ == "__main__":
    show([figure for name in sys.argv[1:] or PARTS for figure in PARTS[name]()])
