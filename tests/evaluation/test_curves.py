"""The curves of the report: read off the JSON lines, thinned to what a page can hold, drawn from their least to their greatest value."""

from __future__ import annotations

from aisle.evaluation.charts import curve
from aisle.evaluation.curves import MOST, Curve, curves, thinned
from aisle.evaluation.report_html import render
from aisle.evaluation.results import Evaluation
from aisle.tracking.lines import Record

LEARNED = {step: {"loss": 4.0 / step, "per_second": 100.0, "memory_mb": 900.0} for step in range(1, 5)}


def test_speed_and_memory_stay_out_so_that_two_trainings_have_equal_reports() -> None:
    found = curves(Record({"fit sasrec": {**LEARNED, 4: {"loss": 1.0, "development": 0.5}}}))
    assert found["fit sasrec"].lines == {"loss": [(1.0, 4.0), (2.0, 2.0), (3.0, 4.0 / 3), (4.0, 1.0)], "development": [(4.0, 0.5)]}


def test_a_range_test_goes_over_the_rate_and_a_part_of_one_point_is_no_curve() -> None:
    ranged = {1: {"loss": 5.0, "rate": 1e-6}, 2: {"loss": 3.0, "rate": 1e-4}}
    found = curves(Record({"encoder: range of rates": ranged, "short": {1: {"loss": 1.0}}}))
    assert found == {"encoder: range of rates": Curve({"loss": [(1e-6, 5.0), (1e-4, 3.0)]}, "rate")}


def test_long_lines_become_means_of_neighbours_and_keep_their_end() -> None:
    line = [(float(step), 2.0 * step) for step in range(1_001)]
    found = thinned(line)
    assert len(found) == MOST and found[-1] == (1_000.0, 2_000.0)
    assert all(abs(value - 2 * step) < 1e-6 for step, value in found), "means of a straight line lie on it"
    assert thinned(line[:5]) == line[:5]


def test_a_curve_reaches_from_corner_to_corner() -> None:
    drawn = str(curve([(1, 4.0), (2, 2.0), (3, 0.0)], "loss"))
    assert 'points="52.0,0.0 173.0,60.0 294.0,120.0"' in drawn
    rising = str(curve([(1e-6, 1.0), (1e-4, 1.0), (1e-2, 1.0)], "loss", log=True))
    assert 'points="52.0,0.0 173.0,0.0 294.0,0.0"' in rising, "factors are equal steps; a level line is drawn too"


def test_the_report_shows_each_part_with_its_captions() -> None:
    page = render(Evaluation({}, {}, {}, training=curves(Record({"fit <sasrec>": LEARNED}))))
    assert '<section id="training">' in page and "fit &lt;sasrec&gt;, over steps" in page and "<figcaption>loss</figcaption>" in page
    assert 'id="training"' not in render(Evaluation({}, {}, {}))
