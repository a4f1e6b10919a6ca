"""What is true of the simulated shop shows in its log, and only there: bias, repeats, prices, launches, attackers, accessories."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.evaluation.propensity import examination, resampled
from aisle.simulate import truth as truths
from aisle.simulate.choice import click_chance
from aisle.simulate.goods import DAYS, START
from aisle.simulate.pages import fashion
from aisle.simulate.words import STYLES, words
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


@pytest.mark.parametrize(("searching", "whose", "ranks"), [(True, "query", 8), (False, "user_id", 6)])
def test_how_much_places_are_clicked_is_estimated_as_the_truth_has_it(
    shop: Path, truth: truths.Truth, searching: bool, whose: str, ranks: int
) -> None:
    """The truth is known of what no log tells: how often the very things that were shown would be clicked at every rank. From 2,000
    clicks the estimate is off by .10 at most and .045 on average, within three of its standard errors, and puts the ranks in their order.
    It is none of being looked at alone: nobody trusts a low rank, so the same thing is clicked there up to .12 more seldom than that."""
    at, rank, clicked = shown(shop)
    log = rows(shop / "events.csv")
    kept = np.array([bool(log[number]["query"]) == searching for number in at])
    at, rank, clicked = [number for number, one in zip(at, kept, strict=True) if one], rank[kept], clicked[kept].astype(float)
    users = np.array([log[number]["user_id"] or log[number]["session_id"] for number in at])
    owner = np.array([log[number][whose] or log[number]["session_id"] for number in at])
    group = np.unique([f"{one} / {log[number]['item_id']}" for one, number in zip(owner, at, strict=True)], return_inverse=True)[1]
    everywhere = np.array([click_chance(np.asarray(truth.relevance[at], float), np.full(len(at), place)).sum() for place in range(8)])
    wanted = (everywhere / everywhere[0])[:ranks]
    found, several = examination(group, rank, clicked), resampled(group, rank, clicked, users)
    assert len(found) == ranks
    off, error = np.abs(found - wanted)[:-1], np.std(several, axis=0)[:-1]
    assert off.max() < 0.105 and off.mean() < 0.05, (found, wanted)
    assert (off[1:] <= 3 * error[1:]).all() and (error < 0.1).all(), (off, error)
    assert (np.diff(found) < 0).all(), "the last stands for all deeper ones and is still the least"
    beyond = np.asarray(truth.examined)[:ranks] - wanted
    assert (beyond[1:] > 0).all() and beyond.max() < 0.12, beyond


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


def days(shop: Path, kind: str) -> np.ndarray:
    """Days since the first one of all events of a type, in order."""
    stamps = [row["timestamp"][:19] for row in rows(shop / "events.csv") if row["type"] == kind and row["user_id"]]
    return (np.array(stamps, "datetime64[s]") - START).astype("timedelta64[s]").astype(float) / 86_400


def test_interests_change_with_the_life_of_a_shopper(shop: Path, truth: truths.Truth) -> None:
    user, item = purchases(shop, truth)
    who, kind = truth.shoppers, truth.goods.kind[item][:, None]
    late = (days(shop, "purchase") > who.turn[user]).astype(int)
    moved = (np.sort(who.interests[:, 0], 1) != np.sort(who.interests[:, 1], 1)).any(1)[user]
    now, then = (who.interests[user, half] for half in (late, 1 - late))
    assert moved.mean() > 0.5
    assert (now == kind).any(1)[moved].mean() > 1.2 * (then == kind).any(1)[moved].mean()


def test_the_thrifty_buy_less_above_their_means(shop: Path, truth: truths.Truth) -> None:
    user, item = purchases(shop, truth)
    who = truth.shoppers
    beyond = truth.goods.dearness[item] - who.budget[user] > 0.5
    thrifty = who.sensitivity[user] > np.median(who.sensitivity)
    assert beyond[thrifty].mean() < 0.9 * beyond[~thrifty].mean()


def test_types_have_their_season(shop: Path, truth: truths.Truth) -> None:
    _, item = purchases(shop, truth)
    season = np.array([kind.season for kind in words().kinds])[truth.goods.kind[item]]
    month = (START + days(shop, "purchase").astype(int)).astype("datetime64[M]").astype(int) % 12 + 1
    away = np.minimum((month - season) % 12, (season - month) % 12)[season > 0]
    assert (away <= 2).sum() > 1.5 * (away >= 4).sum()


def test_fashion_drifts(shop: Path, truth: truths.Truth) -> None:
    items = numbered(truth.items)
    log = [row for row in rows(shop / "events.csv") if row["type"] == "impression" and row["user_id"]]
    style = truth.goods.style[[items[row["item_id"]] for row in log]]
    quarter = (days(shop, "impression") // (DAYS / 8)).astype(int)
    share = np.array([[(style[quarter == part] == one).mean() for one in range(STYLES)] for part in range(8)])
    trend = np.array([fashion((part + 0.5) * DAYS / 8) for part in range(8)])
    likeness = [np.corrcoef(share[:, one], trend[:, one])[0, 1] for one in range(STYLES)]
    assert np.mean(likeness) > 0.5


def test_a_session_is_one_visit_of_one_person(shop: Path, truth: truths.Truth) -> None:
    guilty = {truth.users[number] for number in np.flatnonzero(truth.shoppers.attacker)}
    people: dict[str, set[str]] = defaultdict(set)
    visited: dict[str, set[str]] = defaultdict(set)
    for row in rows(shop / "events.csv"):
        if row["session_id"] and row["user_id"] not in guilty:
            people[row["session_id"]].add(row["user_id"])
            visited[row["session_id"]].add(row["timestamp"][:10])
    assert len(people) > 1_000
    assert all(len(users) == 1 for users in people.values())
    assert all(len(dates) == 1 for dates in visited.values())
    assert 0.05 < np.mean(["" in users for users in people.values()]) < 0.3, "some never log in"


def test_what_is_true_stands_in_no_file_of_the_shop(shop: Path) -> None:
    hidden = {"quality", "fame", "dearness", "relevance", "explored", "attacker", "budget", "sensitivity", "propensity"}
    for path in shop.glob("*.csv"):
        assert not hidden & set(path.read_text(encoding="utf-8").split("\n", 1)[0].split(","))


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
