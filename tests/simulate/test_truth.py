"""What is true of the simulated shop shows in its log, and only there: bias, repeats, prices, launches, attackers, accessories."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.simulate import truth as truths
from aisle.simulate.choice import click_chance
from aisle.simulate.goods import DAYS, START
from aisle.simulate.words import words
from tests.simulate.reading import rows


def numbered(names: tuple[str, ...]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def shown(shop: Path) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Rows of the log that are impressions, their ranks, and whether each was clicked."""
    log = rows(shop / "events.csv")
    clicked = {(row["request_id"], row["item_id"]) for row in log if row["type"] == "click" and row["rank"]}
    at = [number for number, row in enumerate(log) if row["type"] == "impression"]
    rank = np.array([int(log[number]["rank"]) for number in at])
    return at, rank, np.array([(log[number]["request_id"], log[number]["item_id"]) in clicked for number in at])


def purchases(shop: Path, truth: truths.Truth) -> tuple[np.ndarray, np.ndarray]:
    """Users and items of the purchases by people who were logged in, in order of time."""
    users, items = numbered(truth.users), numbered(truth.items)
    log = [row for row in rows(shop / "events.csv") if row["type"] == "purchase" and row["user_id"]]
    return np.array([users[row["user_id"]] for row in log]), np.array([items[row["item_id"]] for row in log])


def test_clicks_follow_the_stated_propensities_at_every_rank(shop: Path, truth: truths.Truth) -> None:
    at, rank, clicked = shown(shop)
    chance = click_chance(truth.relevance[at], rank)
    for place in range(len(truth.examined)):
        here = rank == place
        error = 4 * np.sqrt((chance[here] * (1 - chance[here])).sum()) / here.sum()
        assert abs(clicked[here].mean() - chance[here].mean()) < error


def test_the_top_is_clicked_more_even_where_the_order_is_random(shop: Path, truth: truths.Truth) -> None:
    at, rank, clicked = shown(shop)
    random = np.asarray(truth.explored[at])
    relevance = np.asarray(truth.relevance[at])
    top, low = (random & (rank == 0)), (random & (rank >= 3))
    assert abs(relevance[top].mean() - relevance[low].mean()) < 0.06
    assert clicked[top].mean() > 1.5 * clicked[low].mean()
    ordered = ~random
    assert relevance[ordered & (rank == 0)].mean() > relevance[ordered & (rank == 3)].mean() + 0.03


def test_the_share_of_shuffled_pages_is_as_stated(shop: Path, truth: truths.Truth) -> None:
    log = rows(shop / "events.csv")
    pages = {log[number]["request_id"]: bool(truth.explored[number]) for number in range(len(log)) if log[number]["type"] == "impression"}
    assert np.mean(list(pages.values())) == pytest.approx(truth.explored_share, abs=0.03)


def test_relevance_is_known_exactly_where_something_was_shown(shop: Path, truth: truths.Truth) -> None:
    impression = np.array([row["type"] == "impression" for row in rows(shop / "events.csv")])
    assert (~np.isnan(truth.relevance) == impression).all()
    assert not truth.explored[~impression].any()


def test_consumables_are_bought_again_and_lasting_things_hardly(shop: Path, truth: truths.Truth) -> None:
    user, item = purchases(shop, truth)
    lasts = np.array([kind.period == 0 for kind in words().kinds])[truth.goods.kind[item]]
    pairs: set[tuple[int, int]] = set()
    again = np.zeros(len(user), bool)
    for number, pair in enumerate(zip(user.tolist(), item.tolist(), strict=True)):
        again[number] = pair in pairs
        pairs.add(pair)
    assert 0.15 < again.mean() < 0.5
    assert again[lasts].mean() < 0.15
    assert again[~lasts].mean() > 0.3


def test_people_buy_by_price_brand_and_interest(shop: Path, truth: truths.Truth) -> None:
    user, item = purchases(shop, truth)
    goods, who = truth.goods, truth.shoppers
    assert np.corrcoef(who.budget[user], goods.dearness[item])[0, 1] > 0.15
    favourite = (who.brand_taste[user] == goods.brand[item]).mean()
    by_chance = (who.brand_taste[np.random.default_rng(0).permutation(user)] == goods.brand[item]).mean()
    assert favourite > 1.5 * by_chance
    cared = (who.interests[user] == goods.kind[item][:, None, None]).any((1, 2)).mean()
    assert 0.4 < cared < 0.95


def test_accessories_follow_the_product(shop: Path, truth: truths.Truth) -> None:
    user, item = purchases(shop, truth)
    story: dict[int, list[int]] = defaultdict(list)
    for one, bought in zip(user.tolist(), truth.goods.kind[item].tolist(), strict=True):
        story[one].append(bought)
    steps = Counter(step for kinds in story.values() for step in pairwise(kinds))
    extra = {(main, part) for main, kind in enumerate(words().kinds) for part in kind.accessories}
    forward = sum(steps[main, part] for main, part in extra)
    backward = sum(steps[part, main] for main, part in extra)
    assert forward > 1.5 * backward


def test_nothing_happens_to_an_item_before_its_launch(shop: Path) -> None:
    launched = {row["item_id"]: row["created_at"] for row in rows(shop / "items.csv")}
    log = [row for row in rows(shop / "events.csv") if row["item_id"]]
    assert all(row["timestamp"][:10] >= launched[row["item_id"]] for row in log)
    late = {item for item, day in launched.items() if str(START) < day < str(START + DAYS)}
    assert 0.1 < len(late) / len(launched) < 0.4
    assert late & {row["item_id"] for row in log}


def test_nothing_is_shown_while_out_of_stock(shop: Path, truth: truths.Truth) -> None:
    items, goods = numbered(truth.items), truth.goods
    for row in rows(shop / "events.csv"):
        if row["type"] == "impression":
            item = items[row["item_id"]]
            day = (np.datetime64(row["timestamp"][:19]) - START).astype("timedelta64[s]").astype(float) / 86_400
            # a block of days keeps the stock that it opened with
            assert not goods.out_from[item] + 4 < day < goods.out_until[item]


def test_stock_in_the_file_is_that_of_the_last_day(shop: Path, truth: truths.Truth) -> None:
    stock = [row["in_stock"] == "true" for row in rows(shop / "items.csv")]
    assert (np.array(stock) == truth.goods.sold(DAYS - 0.01)).all()
    assert 0 < stock.count(False) < 0.15 * len(stock)


def test_every_attacker_is_labelled_and_no_honest_shopper_is_accused(shop: Path, truth: truths.Truth) -> None:
    label = {row["user_id"]: row["label"] for row in rows(shop / "labels.csv")}
    guilty = {truth.users[number] for number in np.flatnonzero(truth.shoppers.attacker)}
    assert guilty == {user for user, known in label.items() if known == "1"}
    assert list(label.values()).count("0") > len(guilty)


def test_attackers_are_few_and_busy(shop: Path, truth: truths.Truth) -> None:
    guilty = {truth.users[number] for number in np.flatnonzero(truth.shoppers.attacker)}
    made = Counter(row["user_id"] for row in rows(shop / "events.csv") if row["user_id"])
    assert 0.005 < sum(made[user] for user in guilty) / made.total() < 0.04
    assert not any(row["type"] == "purchase" and row["user_id"] in guilty for row in rows(shop / "events.csv"))


def test_a_folder_without_truth_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no truth"):
        truths.load(tmp_path)
