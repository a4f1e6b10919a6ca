"""What loops tell: to whoever listens, under the name of their part; what people typed reaches private sinks alone."""

from __future__ import annotations

from aisle.tracking.run import Pace, Run, begin, fact, listening, memory_mb, part, point, told, tracked
from tests.tracking.heard import Heard


def test_without_a_listener_telling_does_nothing() -> None:
    with part("fit"):
        begin()
        point(1, loss=1.0)
        fact("data", 1)
        told("other", 1, {"loss": 1.0})
    assert not listening()


def test_a_loop_is_heard_under_the_name_of_its_part_and_the_parts_around_it() -> None:
    heard = Heard()
    with tracked(Run([heard])):
        assert listening()
        point(1, loss=4.0)
        with part("search clicks"), part("dcn"):
            begin()
            point(1, loss=2.0, rate=float("nan"))
        point(2, loss=3.0)
    assert heard.points == [
        ("training", 1, {"loss": 4.0}),
        ("search clicks: dcn", 0, {}),
        ("search clicks: dcn", 1, {"loss": 2.0}),
        ("training", 2, {"loss": 3.0}),
    ], "what is not finite is left out"
    assert heard.closed and not listening()


def test_what_people_typed_reaches_private_sinks_alone() -> None:
    outside, inside = Heard(), Heard()
    with tracked(Run([outside], [inside])):
        fact("settings", {"seed": 7})
        fact("changed_examples", [{"query": "red lamp"}], private=True)
    assert inside.facts.keys() == {"settings", "changed_examples"}
    assert outside.facts == {"settings": {"seed": 7}}


def test_a_run_within_another_tells_that_one_too() -> None:
    outer, kept, inner = Heard(), Heard(), Heard()
    with tracked(Run([outer], [kept])):
        with tracked(Run([inner])):
            point(1, loss=1.0)
            fact("changed_examples", 1, private=True)
        point(2, loss=2.0)
    assert [step for _, step, _ in inner.points] == [1] and inner.closed
    assert [step for _, step, _ in outer.points] == [1, 2], "whoever wraps a whole training hears all of it"
    assert kept.facts == {"changed_examples": 1} and not outer.facts and not inner.facts


def test_the_pace_counts_anew_after_each_look() -> None:
    pace = Pace()
    pace.add(10)
    assert pace.look() > 0
    assert pace.look() != pace.look(), "nothing was done since: NaN, not 0"
    assert memory_mb() > 10
