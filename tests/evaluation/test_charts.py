"""Pictures: in proportion, well-formed, safe, and silent where there is nothing to draw."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from aisle.evaluation import charts
from aisle.evaluation.calibration import reliability

NAN = float("nan")


def widths(svg: str) -> list[float]:
    return [float(found) for found in re.findall(r'width="([\d.]+)"', svg)]


def test_a_bar_is_as_long_as_its_value() -> None:
    assert widths(charts.bar(0.25, top=0.5)) == [50.0]
    assert widths(charts.bar(0.25, top=1.0)) == [25.0]
    assert widths(charts.bar(3.0, top=1.0)) == [100.0]


def test_ours_is_marked_and_bounds_are_drawn_where_known() -> None:
    assert "strong" in charts.bar(0.2, strong=True)
    assert "M10.00 5H30.00" in charts.bar(0.2, 0.1, 0.3)
    assert "whisker" not in charts.bar(0.2)


@pytest.mark.parametrize(
    "svg", [charts.bar(NAN), charts.bar(0.5, top=0.0), charts.interval(NAN, NAN, NAN, 0, 1), charts.interval(1, 1, 1, 0, 0)]
)
def test_nothing_to_draw_is_an_empty_picture_that_says_so(svg: str) -> None:
    assert 'aria-label="no value"' in svg
    assert "path" not in svg


@pytest.mark.parametrize(
    ("value", "low", "high", "kind"), [(2, 1, 3, "gain"), (-2, -3, -1, "loss"), (0.5, -1, 2, "unsure"), (0.5, NAN, NAN, "unsure")]
)
def test_an_interval_shows_whether_zero_is_outside(value: float, low: float, high: float, kind: str) -> None:
    assert f"dot {kind}" in charts.interval(value, low, high, -4, 4)


def test_a_scale_holds_zero_and_every_bound() -> None:
    low, high = charts.scale([0.2, 0.5, NAN])
    assert low < 0
    assert high > 0.5
    assert charts.scale([]) == (-0.06, 0.06)


def test_every_picture_is_well_formed() -> None:
    random = np.random.default_rng(0)
    p = random.random(500) * 0.04
    table = reliability((random.random(500) < p).astype(float), p, "click")
    for svg in (charts.bar(0.3, 0.2, 0.4), charts.interval(0.3, 0.2, 0.4, 0, 1), charts.reliability(table)):
        ElementTree.fromstring(svg)


def test_the_curve_has_a_point_a_bin_inside_its_square() -> None:
    random = np.random.default_rng(1)
    p = random.random(3_000)
    table = reliability((random.random(3_000) < p).astype(float), p)
    svg = charts.reliability(table)
    points = [(float(x), float(y)) for x, y in re.findall(r'<circle class="point" cx="([\d.]+)" cy="([\d.-]+)"', svg)]
    assert len(points) == len(table.bins)
    assert all(charts.EDGE <= x <= charts.EDGE + charts.SIDE and 0 <= y <= charts.SIDE for x, y in points)
    assert all(abs((x - charts.EDGE) + y - charts.SIDE) < 40 for x, y in points)  # near the diagonal
