"""The report: true to its numbers in plain words, whole without the network, safe with hostile names, honest about what is missing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from aisle.evaluation import words
from aisle.evaluation.calibration import reliability
from aisle.evaluation.classification import classification_report
from aisle.evaluation.report import lines, missing, story
from aisle.evaluation.report_html import render, write
from aisle.evaluation.results import Ablation, Comparison, Evaluation, Figure, Measured, Part, PlanRow, Slice

VOID = {"meta", "link", "br", "img", "input", "hr", "path", "rect", "circle", "polyline"}


def shop(p: float = 0.001, difference: float = 0.1, **more: object) -> Evaluation:
    """Fused finds 40 of 100 on the home page, popularity 30."""
    hr = {"fused": Measured(0.4, 0.38, 0.42, 900), "popularity": Measured(0.4 - difference, 0.28, 0.32, 900)}
    models = {name: {"home/hr@10": number, "home/ndcg@10": Measured(number.value / 2, 0.1, 0.3, 900)} for name, number in hr.items()}
    tests = []
    for metric, scale in (("hr@10", 1.0), ("ndcg@10", 0.5)):
        middle, low, high = (scale * (difference + shift) for shift in (0.0, -0.02, 0.02))
        tests.append(Comparison("fused", "popularity", f"home/{metric}", middle, low, high, p, p, p, 900, 0.03))
    data = {"fingerprint": "abc", "counts": {"items": 3}}
    plain: dict[str, object] = {"protocol": {"seed": 7}, "data": data, "models": models, "comparisons": tests}
    return Evaluation(**{**plain, **more})  # type: ignore[arg-type]


class Page(HTMLParser):
    """Checks that tags nest and collects text and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def full() -> Evaluation:
    random = np.random.default_rng(0)
    p = random.random(400)
    y = (random.random(400) < p).astype(float)
    reports = {"test": classification_report(y.astype(int), (p > 0.5).astype(int), ["no", "click"])}
    parts = [
        Part("Click-through rate", "σ⟨θ, x⟩", "", [Figure("fused", "home/ndcg@10", None, Measured(0.2, 0.1, 0.3))], reports),
        Part("User profile", text="No events: nothing to profile."),
    ]
    group = Slice(12, {"fused": {"home/ndcg@10": Measured(0.1, 0.0, 0.2, 12)}}, "only 12 requests")
    return shop(
        slices={"home/users with no events": group},
        calibration={"home": reliability(y, p, "click")},
        parts=parts,
        ablation=[Ablation("markov", "home/ndcg@10", 0.19, 0.01, 0.002, 0.018, 0.01)],
        plan=[PlanRow("sasrec", False, why="does not fit into the time given")],
        notes=["Repeat purchase wins on home: serve it."],
    )


def test_the_first_screen_says_how_many_more_and_how_sure() -> None:
    told = story(shop())
    assert told.headline == "With Aisle, 40 of 100 visits find a wanted product among the first ten. With best sellers, 30."
    assert told.cards[0].verdict == "better"
    assert told.cards[0].sentence == "10.0 more per 100 visits than best sellers, the strongest alternative (8.0 to 12.0)."
    assert told.better == ["Home page, per 100 visits: 10.0 more than best sellers (8.0 to 12.0)."]
    assert told.level == []


def test_an_undecided_comparison_is_not_sold_as_a_win() -> None:
    told = story(shop(p=0.4, difference=0.01))
    assert told.headline.startswith("Not surely better than best sellers")
    assert told.cards[0].sentence == "Level with best sellers: 900 visits cannot show a difference below 3.0."
    assert told.better == []
    assert told.level == ["Home page: not told apart from best sellers, +1.0 per 100 visits (−1.0 to +3.0)."]


def test_a_loss_is_said_and_the_winner_recommended() -> None:
    told = story(shop(difference=-0.1))
    assert told.cards[0].verdict == "worse"
    assert "best sellers is what to serve here" in told.cards[0].sentence
    assert told.headline == "Best sellers does better: 50 of 100 visits find a wanted product among the first ten, against 40 with Aisle."
    assert told.cards[0].rows[0].model == "popularity"
    assert "does better" in told.level[0]


def test_a_baseline_that_never_differs_is_said_to_be_the_same() -> None:
    tests = [Comparison("fused", "popularity", f"home/{metric}", 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 900, 0.0) for metric in ("hr@10", "ndcg@10")]
    told = story(shop(difference=0.0, comparisons=tests))
    assert told.cards[0].sentence == "The same as best sellers: in none of 900 visits does one find more than the other."
    assert told.level == ["Home page: the same as best sellers in all 900 visits."]
    assert "0.0" not in told.cards[0].sentence


def test_a_group_where_a_baseline_wins_is_named_only_when_large_and_sure() -> None:
    strong = {"fused": {"home/ndcg@10": Measured(0.1, 0.05, 0.15)}, "repeat": {"home/ndcg@10": Measured(0.4, 0.3, 0.5)}}
    near = {"fused": {"home/ndcg@10": Measured(0.1, 0.05, 0.35)}, "repeat": {"home/ndcg@10": Measured(0.4, 0.3, 0.5)}}
    groups = {"home/loyal": Slice(80, strong), "home/few": Slice(5, strong, "only 5 requests"), "home/near": Slice(80, near)}
    said = story(shop(slices=groups)).level
    assert len(said) == 1
    assert "loyal: what the shopper bought before does better (0.400 to 0.100)" in said[0]


def test_what_is_missing_is_told_with_what_to_log() -> None:
    said = " ".join(missing(full(), {"remarks": ["12 events name no user."]}))
    for expected in ("User profile: No events", "No queries", "No purchases", "12 events name no user."):
        assert expected in said
    assert "No impressions" not in said  # a calibration curve is there
    assert "No impressions" in " ".join(missing(shop()))


def test_too_few_cases_are_told_on_the_first_screen() -> None:
    few = shop(models={"fused": {"hr@10": Measured(0.4, 0.1, 0.7, 7, "only 7 requests with a relevant item")}}, comparisons=[])
    assert any("only 7 requests" in said for said in missing(few))
    assert story(few).cards[0].verdict == "alone"


def test_a_shop_without_any_request_still_gets_a_page() -> None:
    nothing = Evaluation({}, {}, {})
    assert "nothing to measure" in story(nothing).headline
    Page(render(nothing))


def test_a_single_task_takes_its_name_from_the_protocol() -> None:
    one = Evaluation({"requests": {"search": {"test": 5}}}, {}, {"fused": {"ndcg@10": Measured(0.5, 0.4, 0.6)}})
    assert story(one).cards[0].title == "Search"
    assert not any("No queries" in said for said in missing(one))


def test_the_page_holds_every_section_and_its_numbers() -> None:
    page = Page(render(full(), {"files": {"events.csv": {"read": 1200, "kept": 1100, "repaired": 60, "rejected": 40}}}, "Harbour Gifts"))
    assert {"models", "parts", "ablation", "slices", "calibration", "plan", "protocol", "data"} <= set(page.ids)
    for expected in (
        "Harbour Gifts", "0.400", "0.380–0.420", "home", "σ⟨θ, x⟩", "Classification report, test", "markov", "+0.010", "too few",
        "does not fit into the time given", "Repeat purchase wins", "1,200", "No events: nothing to profile.",
    ):  # fmt: skip
        assert expected in page.text, expected


def test_a_headed_part_shows_development_beside_test() -> None:
    dev, test = Measured(0.11, 0.1, 0.2), Measured(0.35, 0.3, 0.4)
    figures = [Figure("als", "home/mrr", dev, test), Figure("als", "home/hr@10", dev, test)]
    html = render(shop(parts=[Part("Recall", "", "", [*figures, Figure("markov", "home/mrr", None, Measured(0.31, 0.3, 0.4))])]))
    rows = re.findall(r"<tr>\s*<th scope=\"row\"><code>(als|markov)</code>(.*?)</tr>", html, re.S)
    assert [name for name, _ in rows] == ["als", "markov"]
    assert 'best">0.350<small>0.300–0.400</small><small>dev 0.110</small>' in rows[0][1]
    assert "0.310" in rows[1][1]
    assert "dev –" in rows[1][1]


def test_links_inside_the_page_lead_somewhere() -> None:
    page = Page(render(full()))
    assert page.links
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_the_page_needs_nothing_from_outside_and_runs_no_script() -> None:
    html = render(full())
    assert "script" not in Page(html).tags
    assert not re.search(r"https?://|url\(|@import", html)
    assert "default-src 'none'" in html
    assert "prefers-color-scheme: dark" in html


def test_hostile_names_stay_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    bad = shop(
        models={evil: {f"{evil}/hr@10": Measured(0.5, 0.4, 0.6)}, "fused": {f"{evil}/hr@10": Measured(0.5, 0.4, 0.6)}},
        comparisons=[Comparison("fused", evil, f"{evil}/ndcg@10", 0.1, 0.05, 0.2, 0.01)],
        slices={f"category {evil}": Slice(40, {"fused": {"ndcg@10": Measured(0.5)}})},
        notes=[evil],
        calibration={evil: reliability(np.array([0.0, 1.0]), np.array([0.1, 0.9]), evil)},
        ablation=[Ablation(evil, "ndcg@10", 0.1, 0.1)],
        plan=[PlanRow(evil, True, why=evil)],
        protocol={evil: evil},
    )
    html = render(bad, {"files": {evil: {"read": 1, "kept": 1, "repaired": 0, "rejected": 0}}, "remarks": [evil]}, evil)
    assert "img" not in Page(html).tags
    assert "&lt;img" in html


def test_the_best_is_bold_and_what_is_level_is_marked() -> None:
    html = render(shop(p=0.4, difference=0.01))
    assert re.search(r'<td class="num best">0\.400', html)
    assert "≈" in re.findall(r'<tr>\s*<th scope="row"><code>popularity.*?</tr>', html, re.S)[0]
    sure = render(shop())
    assert "≈" not in re.findall(r'<tr>\s*<th scope="row"><code>popularity.*?</tr>', sure, re.S)[0]


def test_for_a_loss_the_smallest_is_best() -> None:
    clicks = Evaluation({}, {}, {"fused": {"logloss": Measured(0.3, 0.2, 0.4)}, "popularity": {"logloss": Measured(0.6, 0.5, 0.7)}})
    assert re.search(r'<td class="num best">0\.300', render(clicks))


def test_it_is_written_as_utf8(tmp_path: Path) -> None:
    write(full(), tmp_path / "report.html", title="礼品店")
    assert "礼品店" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_terminal_gets_the_same_story() -> None:
    assert lines(shop())[0] == story(shop()).headline
    assert any("Not better" in line for line in lines(shop(p=0.4, difference=0.01)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"), ("", "–"), (True, "yes"), (12345, "12,345"), (12345.0, "12,345"), (0.25, "0.250"),
        ([1, 2], "1, 2"), ([], "–"), ({"a_b": 3}, "a b 3"),
    ],
)  # fmt: skip
def test_facts_are_written_for_people(value: words.Json, expected: str) -> None:
    assert words.fact(value) == expected


def test_nested_facts_become_lines() -> None:
    facts = {"seed": 7, "requests": {"home": {"test": 5, "fit": 9}}}
    assert list(words.flat(facts)) == [("seed", "7"), ("requests · home", "test 5, fit 9")]


def test_an_unknown_model_task_or_metric_keeps_its_name() -> None:
    assert words.model("my_model") == "my model"
    assert words.task("new_surface")[0] == "New surface"
    assert words.metric("home/niceness@3") == ""
