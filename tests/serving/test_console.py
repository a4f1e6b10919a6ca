"""The console: figures, live requests, why an item is here and another one is not, reports, bundles; for who may administer the shop."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aisle.core.errors import StageError
from aisle.data.rules.order import RULES
from aisle.explain.phrases import FOLDER
from aisle.serving import words
from aisle.serving.access import Gate
from aisle.serving.app import create_app
from aisle.serving.console_insight import StateInsight
from aisle.serving.engine import BundleInfo
from aisle.serving.live import Live
from aisle.serving.telemetry import Telemetry
from aisle.state.folder import State
from tests.serving.conftest import HOST, NOW
from tests.serving.fakes import FakeKeys, FakeStore
from tests.serving.insight import Explaining, FakeInsight, note
from tests.serving.seen import Seen, see

HOSTILE = "\"><script>alert(1)</script>\u202e\u200b'{{7*7}}&amp;🧨"
PLACES = ["", "/requests", "/queries", "/trace", "/trace?query=red", "/report", "/quality", "/bundles", "/compare", "/catalogue"]


@pytest.fixture
def engine() -> Explaining:
    return Explaining()


@pytest.fixture
def insight() -> FakeInsight:
    return FakeInsight()


@pytest.fixture
def client(live: Live, insight: FakeInsight) -> Iterator[TestClient]:
    with TestClient(create_app(live, Telemetry(io.StringIO(), b"salt"), "Toys", insight=insight), base_url=HOST) as one:
        yield one


def look(client: TestClient, address: str, status: int = 200) -> Seen:
    return see(client, f"/console{address}", status)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("place", PLACES)
def test_every_page_is_well_formed_and_light_in_both_languages(client: TestClient, place: str, language: str):
    seen = look(client, f"{place}{'&' if '?' in place else '?'}lang={language}")
    assert sum(tag == "h1" for tag, _ in seen.tags) == 1
    assert len([attrs for _, attrs in seen.tags if attrs.get("aria-current") == "page"]) == 1
    fields = [attrs for tag, attrs in seen.tags if tag in ("input", "select", "textarea") and attrs.get("type") != "hidden"]
    assert len(seen.all("label")) >= len(fields)


@pytest.mark.parametrize("place", PLACES)
def test_every_link_of_the_console_leads_somewhere(client: TestClient, place: str):
    for link in set(look(client, place).links()) - {"#content"}:
        assert client.get(link, headers={"Accept": "text/html"}).status_code == 200, link


@pytest.mark.parametrize("place", PLACES)
def test_a_server_that_keeps_nothing_has_a_console_too(live: Live, place: str):
    client = TestClient(create_app(live, Telemetry(io.StringIO(), b"salt"), "Toys"), base_url=HOST)
    see(client, f"/console{place}")


def test_the_overview_tells_speed_degradation_and_what_is_stored(client: TestClient):
    text = look(client, "").text
    assert "12,345" in text
    assert "5.0 %" in " ".join(text.split())
    assert "search" in text and "home" in text


def test_requests_can_be_filtered_and_come_in_by_themselves(client: TestClient):
    assert "red lamp" in look(client, "/requests").text
    assert "red lamp" not in look(client, "/requests?surface=home").text
    assert "red lamp" not in look(client, "/requests?query=kettle").text
    part = client.get("/console/requests?part=rows&query=RED").text
    assert part.count("<tr>") == 1
    assert "<html" not in part


def test_queries_that_found_or_pleased_nobody_lead_to_their_trace(client: TestClient):
    seen = look(client, "/queries")
    assert {"/console/trace?surface=search&query=zeppelin", "/console/trace?surface=search&query=lamp%20of%20red"} <= set(seen.links())


def test_a_note_is_shown_and_asked_again_as_of_then(client: TestClient, engine: Explaining):
    seen = look(client, "/trace?id=r2")
    assert "As it was served" in seen.text
    assert "dense" in seen.text
    asked = engine.asked[-1]
    assert (asked.surface, asked.items, asked.as_of, asked.explain, asked.request_id) == ("similar", ("A1",), NOW - 2, True, "aside")
    look(client, "/trace?id=r0")
    assert engine.asked[-1].filters["brand"].any_of == ("Lumen",)
    assert "no note of a request nope" in look(client, "/trace?id=nope").text


def test_a_note_shows_the_stages_that_ran_then_with_counts_and_times_and_what_was_left_out(client: TestClient):
    text = " ".join(look(client, "/trace?id=r2").text.split())
    for said in (
        "item_knn1.501,073",
        "rank3.2524",
        "dense: too slow",
        "filters removed 17",
        "3 in one block",
        "A00.5000lexical matched_words",
    ):
        assert said in text, said
    chinese = look(client, "/trace?id=r2&lang=zh").text
    assert "一组共3个" in chinese
    assert "in one block" not in look(client, "/trace?id=r0").text, "a note of an earlier version says nothing of stages"


def test_a_trace_tells_why_an_item_is_here_and_another_one_is_not(client: TestClient):
    text = " ".join(look(client, "/trace?query=red+lamp&why=A7,+nope").text.split())
    parts = ("lexical", "+1.500", "-0.250", "all others", "sum+1.250", "× 0.50", "12.50 %", "number 3", "literal", "A9")
    for said in ("A7not proposed", *parts):
        assert said in text, said
    assert "These items are on the page" in look(client, "/trace?query=red+lamp&why=A0").text


UNASKABLE = [
    "surface=similar&query=x", "surface=nonsense&query=x", "query=x&filters={", "query=x&filters=[1]", "query=x&sort=sideways",
    "items=" + "x" * 990, "query=x&when=nan", "user=%00",
]  # fmt: skip


@pytest.mark.parametrize("query", UNASKABLE)
def test_what_cannot_be_asked_is_said(client: TestClient, query: str):
    look(client, f"/trace?{query}")


def test_the_report_may_do_nothing_but_be_read(client: TestClient):
    (frame,) = look(client, "/report").all("iframe")
    assert frame["sandbox"] == ""
    page = client.get(frame["src"])
    assert "Better" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "sandbox" in page.headers["content-security-policy"]
    assert client.get("/console/report.html?bundle=../../etc", headers={"Accept": "text/html"}).status_code == 404
    assert "has no report" in look(client, "/report?bundle=toy-2").text


def test_data_quality_shows_files_rules_and_what_was_set_aside(client: TestClient):
    text = look(client, "/quality").text
    for said in ("items.csv", "not a number", "more than a day ahead", "One column is empty."):
        assert said in text
    assert "no data report" in look(client, "/quality?bundle=toy-2").text
    assert "等级拒绝" in look(client, "/quality?lang=zh").text


def test_every_rule_of_cleaning_is_told_in_both_languages():
    english, chinese = words.strings()["en"], words.strings()["zh"]
    assert {name: says for name, says in english.items() if name.startswith("c_rule_")} == {f"c_rule_{one.name}": one.says for one in RULES}
    assert all(chinese[f"c_rule_{one.name}"] != one.says for one in RULES)


def test_nothing_is_rolled_back_where_there_is_one_bundle(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    assert "Roll back" in look(client, "/bundles").text
    monkeypatch.setattr(FakeStore, "list", lambda self: [BundleInfo("toy-1", active=True)])
    assert "Roll back" not in look(client, "/bundles").text


def test_bundles_are_activated_and_rolled_back(client: TestClient, live: Live):
    assert client.post("/console/activate", data={"bundle": "toy-2"}).url.path == "/console/bundles"
    assert live.engine.bundle_id == "toy-2"
    client.post("/console/rollback")
    assert live.engine.bundle_id == "toy-1"


@pytest.mark.parametrize("bundle", ["torn", "empty", "nope", "", "../x"])
def test_a_bundle_that_is_refused_says_why_and_changes_nothing(
    client: TestClient, live: Live, bundle: str, monkeypatch: pytest.MonkeyPatch
):
    answer = client.post("/console/activate", data={"bundle": bundle}, headers={"Accept": "text/html"})
    if bundle in ("torn", "empty"):
        assert answer.status_code == 409
        assert 'role="alert"' in answer.text
        assert live.engine.bundle_id == "toy-1"
    else:
        assert "Traceback" not in answer.text


def test_two_bundles_stand_side_by_side(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    other = Explaining("toy-2")
    other.items = dict(reversed(other.items.items()))
    del other.items["A0"]
    monkeypatch.setattr(FakeStore, "open", lambda self, name: other)
    answer = client.post("/console/compare", data={"left": "toy-1", "right": "toy-2", "queries": "red\n red \n\n@42\nzeppelin"})
    seen = Seen(answer.text)
    assert answer.text.count('class="versus"') == 3
    assert "83 %" in seen.text
    assert "only here" in seen.text
    assert "↑" in seen.text and "↓" in seen.text


@pytest.mark.parametrize("right", ["torn", "nope", ""])
def test_a_bundle_that_cannot_be_opened_cannot_be_compared(client: TestClient, right: str):
    page = client.post("/console/compare", data={"left": "toy-1", "right": right, "queries": "red"}).text
    assert ('role="alert"' in page) == (right == "torn")


def test_changes_of_the_catalogue_are_counted_and_listed(client: TestClient):
    text = " ".join(look(client, "/catalogue").text.split())
    for said in ("Items deleted1", "full feed of 2 items", "price 9.5", "title ∅", "created_at 2023-11-14 22:13:20"):
        assert said in text, said


def test_hostile_words_stay_words_everywhere(client: TestClient, insight: FakeInsight, engine: Explaining):
    insight.notes = [note(0, query=HOSTILE, seeds=[HOSTILE], surface=HOSTILE, request_id="r0", skipped=[HOSTILE], degraded=True)]
    insight.files, insight.row = {HOSTILE: {"read": 1, "kept": 0, "repaired": 0, "rejected": 1}}, {HOSTILE: HOSTILE}
    engine.items["A0"] = {"item_id": "A0", "title": HOSTILE, "category": HOSTILE}
    for place in PLACES:
        look(client, place)
    for name in ("id", "surface", "query", "user", "items", "why", "when", "bundle", "lang"):
        for place in ("/trace", "/requests", "/quality", "/report"):
            answer = client.get(f"/console{place}", params={name: HOSTILE})
            assert "<script>" not in answer.text and ">49" not in answer.text
    assert "<script>" not in client.post("/console/compare", data={"left": HOSTILE, "right": HOSTILE, "queries": HOSTILE}).text


def test_a_fault_of_the_engine_is_a_page(client: TestClient, engine: Explaining):
    engine.error = StageError("secret")
    assert "secret" not in look(client, "/trace?query=x", 500).text


def keyed(live: Live, key: str) -> TestClient:
    app = create_app(live, Telemetry(io.StringIO(), b"salt"), "Toys", Gate(FakeKeys()), insight=FakeInsight())
    return TestClient(app, base_url=HOST, headers={"Authorization": f"Bearer {key}"} if key else {}, follow_redirects=False)


def test_only_who_may_administer_sees_the_console(live: Live):
    assert keyed(live, "admin").get("/console/requests").status_code == 200
    assert keyed(live, "read+events").get("/console").status_code == 403
    assert keyed(live, "read+events").post("/console/rollback").status_code == 403
    answer = keyed(live, "").get("/console/queries", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fconsole%2Fqueries")


def test_another_site_cannot_switch_bundles(client: TestClient, live: Live):
    assert client.post("/console/activate", data={"bundle": "toy-2"}, headers={"Origin": "https://evil.test"}).status_code == 403
    assert live.engine.bundle_id == "toy-1"


def test_insight_reads_a_state_folder_and_the_bundles_beside_it(tmp_path: Path):
    bundle = tmp_path / "bundles" / "one"
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(json.dumps({"state_sequence": 1}), encoding="utf-8")
    (bundle / "quality.json").write_text('{"files": {}}', encoding="utf-8")
    (bundle / "report.html").write_text("<p>fine</p>", encoding="utf-8")
    with State.open(tmp_path / "state") as state:
        insight = StateInsight(state, tmp_path / "bundles")
        state.items.put([{"item_id": "old", "title": "known to the bundle"}])
        state.items.put([{"item_id": "a", "title": "x"}, {"item_id": "a", "title": "y"}, {"item_id": "b", "title": "z"}])
        state.items.delete("b")
        state.served.note({**note(0), "user_id": "u"})
        assert (insight.counts()["events"], insight.counts()["sequence"]) == (0, 5)
        overlay = insight.overlay("one", 2)
        assert (overlay.counts["changed"], overlay.counts["deleted"], overlay.counts["feeds"]) == (1, 1, 0)
        assert [change.sequence for change in overlay.newest] == [5, 4]
        assert [found["request_id"] for found in insight.recent(9)] == ["r0"]
        assert insight.get("r0") is not None
        assert len(insight.times(NOW - 1)) == 1
        assert next(iter(insight.no_click_queries(9))).query == "red lamp"
        assert (list(insight.no_result_queries(9)), list(insight.set_aside(9))) == ([], [])
        assert insight.quality("one") == {"files": {}}
        assert insight.report("one") == "<p>fine</p>"
        for name in ("", "..", "../state", "none", "one/../one"):
            assert insight.report(name) is None
            assert insight.quality(name) is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_stage_at_which_an_item_is_lost_has_a_name_in_the_console(language: str):
    stages = {
        key.removeprefix("lost/") for key in json.loads((FOLDER / f"{language}.json").read_text("utf-8")) if key.startswith("lost/")
    } - {"at", "silent"}
    assert "near" in stages
    assert not {stage for stage in stages if f"c_lost_{stage}" not in words.strings()[language]}
