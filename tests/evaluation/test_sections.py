"""The report's later sections on the page: numbers, refusals and pictures where there are any, a reason where there are none."""

from __future__ import annotations

import numpy as np

from aisle.evaluation import charts
from aisle.evaluation.drift import Drift, Point, Shift
from aisle.evaluation.members import Fusion, Member, Method, Pair, Value
from aisle.evaluation.off_policy import Estimate, OffPolicy
from aisle.evaluation.report_html import render
from aisle.evaluation.results import Evaluation
from tests.evaluation.test_report import Page


def later(name: str = "als") -> Evaluation:
    """One task with everything; ``name`` stands wherever a name can."""
    value = Value(0.31, 0.3, 0.32)
    page = Fusion(
        "ndcg@10",
        400,
        value,
        [Member(name, value, 0.25, 1.5)],
        [Pair(name, "b", 0.8, value), Pair(name, "c", 0.1)],
        [f"Remove {name}."],
        [
            Method("gate", value, Value(0.29, 0.27, 0.33), {name: 0.75, "b": 0.25, "c": 0.001}, 0.04, True),
            Method("segments", value, value, {}),
        ],
    )
    estimates = {
        "position_based_dr": Estimate(1.25, 1.2, 1.3, 0.05, 0.01, 0.09, 812.0),
        "item_position_ips": Estimate(refused=f"no support for {name}"),
    }
    asked = OffPolicy(120, (1.2, 1.1, 1.3), estimates, "stated by the log", (1.0, 0.5), "as shown 1.200 clicks a page")
    shifts = [Shift(name, 1, 2, 9, 9, 0.3, 0.0, 0.001, 0.002, "moved far"), Shift(name, 1, 3, 9, 9, np.nan, 0.0, verdict="no data")]
    points = [Point(name, 0, 5, age, 40, 0.3, 0.2, 0.4) for age in (1.0, 5.0)]
    return Evaluation(
        {}, {}, {}, fusion={"home": page}, off_policy={"home": asked, "search": OffPolicy(text="log impressions")},
        drift=Drift(shifts, {"home": points}, "days", "Windows follow each other in time."),
    )  # fmt: skip


def test_every_later_section_is_on_the_page_with_its_numbers() -> None:
    html = render(later())
    page = Page(html)
    assert {"fusion", "logged", "drift"} <= set(page.ids)
    for expected in (
        "Remove als.", "0.310", "als + b", "0.800", "as shown", "1.25", "+0.050", "812", "no support for als",
        "Stands aside: log impressions.", "stated by the log", "1 → 2", "0.300", "moved far", "no data",
        "Windows follow each other in time.",
    ):  # fmt: skip
        assert expected in page.text, expected
    assert 'class="lines"' in html and "5 days" in html
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_every_way_to_fuse_is_there_and_the_served_one_is_marked() -> None:
    html = render(later())
    page = Page(html)
    for expected in ("weights by what the request is like", "0.290", "0.270–0.330", "als 0.750; b 0.250", "0.040", "way to fuse"):
        assert expected in page.text, expected
    assert "c 0.001" not in page.text, "what weighs nearly nothing is left out"
    row = html[html.rindex("<tr", 0, html.index("<code>gate</code>")) :]
    assert row.startswith('<tr class="main"')


def test_a_report_without_them_shows_none_of_them() -> None:
    page = Page(render(Evaluation({}, {}, {})))
    assert not {"fusion", "logged", "drift"} & set(page.ids)


def test_hostile_names_stay_text_here_too() -> None:
    html = render(later("<img src=x onerror=alert(1)>"))
    assert "img" not in Page(html).tags and "&lt;img" in html


def test_they_are_in_the_json_with_nothing_for_what_is_missing() -> None:
    told = later().to_json()
    assert told["off_policy"]["search"]["estimates"] == {}  # type: ignore[call-overload,index]
    assert told["off_policy"]["home"]["estimates"]["item_position_ips"]["value"] is None  # type: ignore[call-overload,index]
    assert told["drift"]["shifts"][0]["verdict"] == "moved far"  # type: ignore[call-overload,index]
    assert told["fusion"]["home"]["pairs"][1]["together"]["value"] is None  # type: ignore[call-overload,index]


def test_a_line_of_one_point_or_of_noughts_is_drawn_too() -> None:
    assert "circle" in charts.lines({"a": [(3.0, 0.5, 0.4, 0.6)]}, "days", "x")
    assert "nan" not in charts.lines({"a": [(0.0, 0.0, 0.0, 0.0), (1.0, 0.0, np.nan, np.nan)]}, "days", "x")
