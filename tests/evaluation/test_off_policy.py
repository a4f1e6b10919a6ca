"""Off-policy estimates: right on pages worked by hand, true to a simulated shop where the plain average is not, refused without support."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from aisle.evaluation.off_policy import (
    Estimate,
    Pages,
    doubly_robust,
    doubly_robust_by_look,
    effective,
    ips,
    looked,
    matched,
    refusal,
    reordered,
    snips,
    spread,
)
from aisle.evaluation.propensity import examination, resampled, shares
from aisle.simulate import truth as truths
from aisle.simulate.choice import click_chance
from aisle.simulate.shop import simulate


def two_pages() -> Pages:
    """Two pages of two; the new order turns the second around. Clicked: the first of the first page, the second of the second."""
    rows = [(0, 0, 0, 1.0), (0, 1, 1, 0.0), (1, 0, 1, 0.0), (1, 1, 0, 1.0)]
    page, rank, new, clicked = (np.array(column) for column in zip(*rows, strict=True))
    return Pages(page, rank, new, clicked.astype(float), np.array([0, 1]))


@pytest.fixture(autouse=True)
def few_are_enough(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "by_hand" in request.node.name:
        monkeypatch.setattr("aisle.evaluation.off_policy.LEAST", 0.0)


def test_item_position_weights_by_hand() -> None:
    """Places by coin: only the first page's items stay, each worth two."""
    pages = two_pages()
    weights = matched(pages, np.full(4, 0.5))
    assert weights.tolist() == [2, 2, 0, 0]
    assert ips(pages, weights).value == 1.0  # one click of weight 2 over two pages
    assert snips(pages, weights).value == 1.0  # rate 2 / 4 of weight, two items a page
    assert effective(weights) == 2.0


def test_position_weights_by_hand() -> None:
    """The second rank is looked at half as often, so a click there is worth two at the top: (1 + 2) / 2 pages."""
    pages = two_pages()
    weights = looked(pages, np.array([1.0, 0.5]))
    assert weights.tolist() == [1, 1, 0.5, 2]
    found = ips(pages, weights)
    assert (found.value, found.difference) == (1.5, 0.5)


def test_a_right_model_needs_no_right_weights_by_hand() -> None:
    pages = two_pages()
    assert doubly_robust(pages, np.full(4, 9.0), (pages.clicked, np.array([1.0, 0, 0, 1.0]))).value == 1.0


def test_right_weights_need_no_right_model_by_hand() -> None:
    """Whatever the model guesses, a thing shown once counts as its click does; one shown at both ranks by its looks on the whole.

    Shown on top, not clicked, and below, clicked, the new order turns both: seen .75 on average. Its parts are
    .5 g + .5/.75 (0 - g) and g + 1/.75 (1 - .5 g), together 4/3 + g/6 over two pages.
    """
    pages, curve = two_pages(), np.array([1.0, 0.5])
    for guess in (0.0, 0.3, 0.9):
        once = doubly_robust_by_look(pages, curve, np.full(4, guess), np.arange(4))
        assert once.value == pytest.approx(ips(pages, looked(pages, curve)).value)
    twice = Pages(np.array([0, 1]), np.array([0, 1]), np.array([1, 0]), np.array([0.0, 1.0]), np.array([0, 1]))
    assert doubly_robust_by_look(twice, curve, np.full(2, 0.6), np.zeros(2, int)).value == pytest.approx(2 / 3 + 0.6 / 12)


def test_ranks_deeper_than_the_curve_count_as_its_last() -> None:
    pages = Pages(np.zeros(2, int), np.array([0, 7]), np.array([7, 0]), np.ones(2), np.zeros(1, int))
    assert looked(pages, np.array([1.0, 0.25])).tolist() == [0.25, 4.0]


@pytest.mark.parametrize("propensity", [0.0, np.nan], ids=["zero", "unknown"])
def test_without_a_propensity_there_is_no_estimate_but_a_reason(propensity: float) -> None:
    found = ips(two_pages(), matched(two_pages(), np.array([0.5, 0.5, 0.5, propensity])))
    assert np.isnan(found.value) and found.refused == "the logged propensity of 25% of what was shown is unknown or zero"


def test_too_small_an_effective_sample_and_untried_places_are_refused() -> None:
    few = np.concatenate([np.full(49, 1.0), np.zeros(900)])
    assert "effective sample size" in refusal(few) and refusal(np.full(51, 1.0)) == ""
    assert refusal(np.full(99, 1.0), unsupported=0.2) == "the log never tried 20% of the places that the new order gives"
    assert refusal(np.zeros(0)) == "nothing was shown"
    for refused in (snips(two_pages(), np.ones(4)), doubly_robust(two_pages(), np.ones(4), (np.ones(4), np.ones(4)))):
        assert "only 4 shown products" in refused.refused


def test_a_page_keeps_its_places_and_deals_them_out_by_score() -> None:
    page, rank = np.array([0, 0, 0, 1, 1]), np.array([2, 5, 0, 0, 1])
    score = np.array([3.0, 1.0, np.nan, 1.0, 1.0])
    assert reordered(page, rank, score).tolist() == [0, 2, 5, 0, 1]


def test_examination_is_read_off_things_shown_at_both_ranks() -> None:
    """Thing 0 is clicked 8 of 10 times on top and 4 of 10 below, thing 1 (always below) never teaches anything: one half."""
    group = np.repeat([0, 0, 1], [20, 20, 30])
    rank = np.repeat([0, 1, 1], [20, 20, 30])
    clicked = np.concatenate([np.repeat([1.0, 0.0], [16, 4]), np.repeat([1.0, 0.0], [8, 12]), np.repeat([1.0, 0.0], [15, 15])])
    assert examination(group, rank, clicked).tolist() == pytest.approx([1.0, 0.5], abs=1e-3)
    assert len(examination(group, rank, np.zeros(70))) == 0
    assert len(resampled(group, rank, clicked, np.arange(70))) == 20


def test_shares_of_places_are_of_the_same_thing() -> None:
    group, rank = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 3])
    assert shares(group, rank, rank).tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1])
    assert shares(group, rank, np.array([3, 1, 1, 3])).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1])


@dataclass(frozen=True)
class Known:
    """A simulated shop's impressions with their truth; ``explored``: on a page in random order."""

    page: np.ndarray
    rank: np.ndarray
    pair: np.ndarray
    clicked: np.ndarray
    relevance: np.ndarray
    explored: np.ndarray

    def ask(self, score: np.ndarray, rows: np.ndarray) -> tuple[Pages, float]:
        """The pages of ``rows`` under another order, and what it would truly have got a page."""
        page = np.unique(self.page[rows], return_inverse=True)[1]
        new = reordered(page, self.rank[rows], score[rows])
        count = int(page.max()) + 1
        worth = float(click_chance(self.relevance[rows], new).sum() / count)
        return Pages(page, self.rank[rows], new, self.clicked[rows], np.arange(count)), worth


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """400 items, 80,000 events."""
    folder = tmp_path_factory.mktemp("shop")
    simulate(folder, 400, 80_000, 5, pictures=False)
    truth = truths.load(folder)
    with (folder / Path("events.csv")).open(encoding="utf-8", newline="") as file:
        log = list(csv.DictReader(file))
    taken = {(row["request_id"], row["item_id"]) for row in log if row["type"] == "click" and row["rank"]}
    at = [number for number, row in enumerate(log) if row["type"] == "impression"]
    rows = [log[number] for number in at]
    return Known(
        np.unique([row["request_id"] for row in rows], return_inverse=True)[1],
        np.array([int(row["rank"]) for row in rows]),
        np.unique([f"{row['query']}\t{row['item_id']}" if row["query"] else row["request_id"] for row in rows], return_inverse=True)[1],
        np.array([(row["request_id"], row["item_id"]) in taken for row in rows], float),
        np.asarray(truth.relevance[at], float),
        np.asarray(truth.explored[at]),
    )


def covers(found: Estimate, worth: float) -> bool:
    return found.low <= worth <= found.high


def test_on_shuffled_pages_the_estimates_hold_the_true_worth_of_another_order_and_the_plain_average_does_not(known: Known) -> None:
    """The worst order there is: what suits least stands first. The shuffle's propensities are known: one over the page's length."""
    pages, worth = known.ask(-known.relevance, known.explored)
    length = np.bincount(pages.page)[pages.page]
    weights = matched(pages, 1 / length)
    rate = np.full(len(length), pages.clicked.mean())
    found = {"ips": ips(pages, weights), "snips": snips(pages, weights), "dr": doubly_robust(pages, weights, (rate, rate))}
    assert not covers(pages.logged, worth)
    assert {name: covers(one, worth) for name, one in found.items()} == {"ips": True, "snips": True, "dr": True}
    assert found["snips"].high - found["snips"].low < found["ips"].high - found["ips"].low, "the mean weight's noise is taken out"


def test_propensities_read_from_the_log_alone_find_what_a_shuffle_would_have_cost(known: Known) -> None:
    """Learned on the first half of the pages, asked of the second: the shop's order is better than chance."""
    late = known.page > np.median(known.page)
    curve = examination(known.pair[~late], known.rank[~late], known.clicked[~late])
    mean = np.full(len(curve), known.relevance.mean())
    assert np.abs(curve - click_chance(mean, np.arange(len(curve))) / click_chance(mean, np.zeros(1, int))).max() < 0.08
    pages, worth = known.ask(np.random.default_rng(1).random(len(known.rank)), late)
    weights = looked(pages, curve)
    assert not covers(pages.logged, worth)
    users = known.page[~late]
    curves = resampled(known.pair[~late], known.rank[~late], known.clicked[~late], users)
    assert covers(ips(pages, weights, spread(pages, [looked(pages, one) * pages.clicked for one in curves])), worth)
    guess = np.random.default_rng(2).random(len(pages.page))
    assert covers(doubly_robust_by_look(pages, curve, guess, np.unique(known.pair[late], return_inverse=True)[1], curves), worth)
