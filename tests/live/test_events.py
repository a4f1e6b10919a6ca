"""What a visitor does counts in the very next answer of any process: in profiles at once, in counts from the next full hour on."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.answer import Json
from aisle.core.events import Dataset
from aisle.live import LiveShop
from aisle.retrieval.counters import HOUR
from aisle.testing import toys
from aisle.testing.state import MemoryState
from tests.live.toy import LANTERN, NOW, ask, bundle, ids, live, put, recent, search, shop, tell


def two() -> tuple[LiveShop, LiveShop]:
    """Two processes beside one state."""
    state = MemoryState()
    return live(state), live(state)


@pytest.mark.parametrize("kind", ["click", "favourite", "cart", "purchase", "rating"])
def test_what_one_process_was_told_counts_in_the_next_answer_of_another(kind: str) -> None:
    here, there = two()
    before = ids(ask(there, user_id="new"))
    tell(here, kind, "shoe_run", user_id="new")
    assert recent(there, "new") == ["shoe_run"]
    after = ask(there, user_id="new")
    assert ids(after) != before
    assert any("item_knn" in item.scores for item in after.items)


def test_a_purchase_owns_a_return_gives_back_a_dismissal_hides() -> None:
    here, there = two()
    tell(here, "purchase", "shoe_run", user_id="new")
    assert "shoe_run" not in ids(ask(there, user_id="new"))
    tell(here, "return", "shoe_run", NOW + 1, user_id="new")
    assert "shoe_run" in ids(ask(there, as_of=NOW + 2, user_id="new"))
    tell(here, "dismiss", "shoe_run", NOW + 3, user_id="new")
    assert "shoe_run" not in ids(ask(there, as_of=NOW + 4, user_id="new"))
    for sort in ("popular", "newest", "price"):
        assert "shoe_run" not in ids(ask(there, "search", NOW + 4, user_id="new", sort=sort)), "nor in a list that names nothing"
    assert "shoe_run" in search(there, "running shoes", user_id="new", as_of=NOW + 4), "but who asks for it by name finds it"


def test_facts_of_the_bundle_and_of_the_log_are_one_profile_in_order_of_time() -> None:
    engine = live()
    known = shop().profile("u0")
    assert known is not None
    tell(engine, "click", "cup_steel", NOW, user_id="u0", timestamp=toys.START + 0.5 * toys.DAY)
    tell(engine, "click", "shoe_hike", NOW, user_id="u0")
    profile = engine.profile("u0")
    assert profile is not None and profile["events"] == known["events"] + 2  # type: ignore[operator]
    assert recent(engine, "u0")[0] == "shoe_hike" and recent(engine, "u0")[-1] == "cup_steel"


def test_an_answer_as_of_a_moment_knows_nothing_of_later() -> None:
    engine = live()
    tell(engine, "purchase", "shoe_run", NOW, user_id="new")
    assert "shoe_run" in ids(ask(engine, as_of=NOW - 1, user_id="new"))
    assert "shoe_run" not in ids(ask(engine, as_of=NOW, user_id="new"))


def test_what_the_bundle_was_trained_with_counts_once() -> None:
    state = MemoryState()
    first = live(state)
    tell(first, "click", "shoe_run", user_id="u0")
    then = state.newest()
    trained = live(state, after=then)
    assert trained.profile("u0") == shop().profile("u0")
    tell(trained, "click", "shoe_hike", NOW + 1, user_id="u0")
    known, now = shop().profile("u0"), trained.profile("u0")
    assert known is not None and now is not None and now["events"] == known["events"] + 1  # type: ignore[operator]
    assert recent(trained, "u0")[0] == "shoe_hike"


def test_a_session_has_a_profile_and_belongs_to_who_logs_in() -> None:
    here, there = two()
    tell(here, "click", "cup_tea", session_id="s")
    before, after = ask(there, session_id="nobody"), ask(there, session_id="s")
    assert ids(before) != ids(after)
    assert recent(there, "new") == []
    tell(here, "click", "pot_tea", NOW + 1, user_id="new", session_id="s")
    assert recent(there, "new") == ["pot_tea", "cup_tea"]
    tell(here, "click", "lamp_red", NOW + 2, session_id="s")
    assert recent(there, "new") == ["lamp_red", "pot_tea", "cup_tea"]


def test_who_does_not_consent_is_not_joined() -> None:
    engine = live()
    tell(engine, "click", "cup_tea", session_id="s")
    tell(engine, "click", "pot_tea", NOW + 1, user_id="new", session_id="s", consent=False)
    assert recent(engine, "new") == ["pot_tea"]


def test_a_request_with_user_and_session_uses_the_session_only_when_the_user_claimed_it() -> None:
    engine = live()
    tell(engine, "purchase", "shoe_run", session_id="s")
    assert "shoe_run" in ids(ask(engine, user_id="new", session_id="s"))
    tell(engine, "click", "pot_tea", NOW + 1, user_id="new", session_id="s")
    assert "shoe_run" not in ids(ask(engine, as_of=NOW + 2, user_id="new", session_id="s"))
    assert "shoe_run" in ids(ask(engine, as_of=NOW + 2, user_id="other", session_id="s"))


def test_a_session_that_the_bundle_knows_is_joined_when_it_is_claimed_later() -> None:
    data = toys.bilingual()
    happened = [(f"session:s{number}", item, 5.0, "purchase") for number, item in enumerate(("cup_tea", "pot_tea"))]
    anonymous = bundle(Dataset(data.catalogue, toys.log(data.catalogue, happened)))
    engine = live(base=anonymous)
    assert "cup_tea" not in ids(ask(engine, session_id="s0"))
    tell(engine, "click", "lamp_red", user_id="new", session_id="s0")
    tell(engine, "click", "lamp_red", NOW + 1, user_id="late", session_id="s0")
    assert recent(engine, "new") == ["lamp_red", "cup_tea"] and recent(engine, "late") == ["lamp_red"]
    assert engine.forget("new", NOW + 2)
    tell(engine, "click", "lamp_red", NOW + 3, user_id="new", session_id="s0")
    assert recent(engine, "new") == ["lamp_red"], "the session's facts were forgotten with the user"


def test_who_is_forgotten_is_a_stranger_to_every_process_and_begins_anew() -> None:
    here, there = two()
    tell(here, "purchase", "shoe_run", user_id="u0", session_id="s")
    assert there.profile("u0") is not None and "u0" in there.users(24)
    assert here.forget("u0", NOW)
    for engine in (here, there):
        assert engine.profile("u0") is None and engine.export("u0") is None and "u0" not in engine.users(24)
        assert ids(ask(engine, user_id="u0")) == ids(ask(engine, user_id="nobody"))
        assert ids(ask(engine, session_id="s")) == ids(ask(engine, session_id="nobody"))
    assert not here.forget("u0", NOW + 1) and not here.forget("nobody", NOW + 1)
    tell(there, "click", "lamp_red", NOW + 2, user_id="u0")
    assert recent(here, "u0") == ["lamp_red"]


def test_a_user_of_whom_the_bundle_alone_knows_is_forgotten_too() -> None:
    engine = live()
    assert engine.forget("u3", NOW) and engine.profile("u3") is None


def test_a_bundle_trained_after_the_forgetting_may_speak_again() -> None:
    state = MemoryState()
    live(state).forget("u0", NOW)
    assert live(state, after=state.newest()).profile("u0") == shop().profile("u0")


def test_an_event_of_an_item_that_is_not_there_yet_counts_once_it_comes() -> None:
    here, there = two()
    tell(here, "purchase", "lantern", user_id="new")
    before = there.profile("new")
    assert before is not None and before["events"] == 1 and before["recent"] == before["owned"] == []
    put(here, LANTERN)
    profile = there.profile("new")
    assert profile is not None and profile["owned"] == ["lantern"]
    assert profile["tastes"] == {"category": {"Home > Lanterns": 1.0}, "brand": {"Hua": 1.0}}


def test_searches_alone_make_someone_known_who_wants_nothing_yet() -> None:
    engine = live()
    tell(engine, "query", None, user_id="new", query="red lamp")
    assert engine.profile("new") == {"user_id": "new", "events": 0, "recent": [], "owned": [], "dismissed": [], "tastes": {}}
    assert engine.profile("nobody") is None and engine.export("nobody") is None


def test_an_export_holds_everything_once_as_it_can_be_sent_again() -> None:
    data = toys.bilingual()
    state = MemoryState()
    engine = live(state)
    tell(engine, "click", "shoe_run", user_id="u0", dwell_ms=1200)
    tell(engine, "query", None, NOW + 1, user_id="u0", query="red lamp")
    mine = int((data.events.user == list(data.events.users).index("u0")).sum())
    told = engine.export("u0")
    assert told is not None and told["user_id"] == "u0" and told["profile"] == engine.profile("u0")
    events = told["events"]
    assert isinstance(events, list) and len(events) == mine + 2
    again = live(MemoryState()).record(events, NOW + 2)
    assert again["stored"] == mine + 2, again
    assert {"type": "click", "user_id": "u0", "item_id": "shoe_run", "dwell_ms": 1200.0}.items() <= events[-2].items()
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    files = Dataset(data.catalogue, toys.log(data.catalogue, [("u0", "shoe_run", 40.0, "click")]))
    both = live(state, bundle(files), after=state.newest()).export("u0")
    assert both is not None and len(both["events"]) == 2, "what log and bundle both hold is told once"  # type: ignore[arg-type]


def test_in_a_log_without_a_clock_what_comes_stands_behind_everything() -> None:
    engine = live(base=bundle(toys.checkerboard(clock=False)))
    assert np.isnan(engine.newest)
    tell(engine, "purchase", "i3", user_id="u0")
    tell(engine, "click", "i5", NOW + 1, user_id="u0")
    assert recent(engine, "u0")[:2] == ["i5", "i3"]
    assert "i3" not in ids(ask(engine, as_of=NOW, user_id="u0"))
    assert ask(engine, as_of=float("nan"), user_id="u0").items


def popularity(engine: LiveShop, as_of: float, item: str = "shoe_hike") -> float:
    page = {one.item_id: one.scores.get("popularity", 0.0) for one in ask(engine, as_of=as_of, user_id="nobody").items}
    return page.get(item, 0.0)


def test_events_count_for_everybody_from_the_next_full_hour_on() -> None:
    here, there = two()
    hour = NOW + HOUR - NOW % HOUR
    before = popularity(there, hour + 5 * HOUR)
    for number in range(40):
        tell(here, "purchase", "shoe_hike", hour + 10, user_id=f"n{number}")
    assert popularity(there, hour + 20) < before + 1, "not in the hour in which they happened"
    now, later = popularity(there, hour + HOUR), popularity(live(here._state), hour + HOUR)
    assert now > before + 30 and later == pytest.approx(now)
    assert popularity(there, hour + 20) < before + 1, "nor for who asks about that hour afterwards"


def test_counts_are_made_anew_once_an_hour() -> None:
    engine = live()
    tell(engine, "purchase", "shoe_hike", NOW, user_id="a")
    popularity(engine, NOW + HOUR)
    made = engine.present.at(NOW + HOUR).shop.pipeline.counters
    tell(engine, "purchase", "shoe_hike", NOW + HOUR, user_id="b", timestamp=NOW)
    assert engine.present.at(NOW + HOUR + 60).shop.pipeline.counters is made, "a late event waits for the next hour"
    assert engine.present.at(NOW + 2 * HOUR).shop.pipeline.counters is not made


def test_a_new_item_becomes_popular_like_any_other() -> None:
    engine = live()
    for number in range(60):
        tell(engine, "purchase", "lantern", NOW, user_id=f"n{number}")
    put(engine, LANTERN)
    page = ask(engine, as_of=NOW + 2 * HOUR, user_id="nobody")
    assert ids(page)[0] == "lantern" and page.items[0].scores["popularity"] > 50


def test_counts_from_before_an_item_came_are_its_own_when_it_comes() -> None:
    engine = live()
    for number in range(60):
        tell(engine, "purchase", "lantern", NOW, user_id=f"n{number}")
    popularity(engine, NOW + HOUR)
    put(engine, LANTERN)
    assert popularity(engine, NOW + 2 * HOUR, "lantern") > 50


def test_a_bad_row_never_stops_a_good_one() -> None:
    engine = live()
    rows: list[Json] = [{"type": "click", "user_id": "new", "item_id": "lamp_red"}, {"type": "click"}, 7]
    told = engine.record(rows, NOW)
    assert told["stored"] == 1 and [one["row"] for one in told["rejected"]] == [1, 2]  # type: ignore[union-attr, call-overload, index]
    assert recent(engine, "new") == ["lamp_red"]
    assert engine.record(rows[:1], NOW)["duplicate"] == 1


def test_a_shop_in_which_nothing_happened_yet_starts_with_the_first_click() -> None:
    data = toys.bilingual()
    engine = live(base=bundle(data.known(np.zeros(len(data.events), bool))))
    tell(engine, "click", "lamp_red", user_id="new")
    assert recent(engine, "new") == ["lamp_red"]
    assert "lamp_red" in ids(ask(engine, as_of=NOW + HOUR, user_id="nobody"))
    assert search(engine, "red lamp")[0] == "lamp_red"


def test_the_newest_event_is_that_of_the_bundle_or_of_the_log() -> None:
    engine = live()
    assert engine.newest == shop().newest
    tell(engine, "click", "lamp_red", NOW, user_id="new")
    assert engine.newest == NOW
