"""htmx is the file that its notice names, and asks and draws only what the pages' policy allows."""

from __future__ import annotations

import base64
import hashlib
import json

from starlette.testclient import TestClient

from aisle.serving.pages_draw import STATIC
from tests.serving.seen import HTMX, see

NOTICE = (STATIC / "htmx-LICENSE.txt").read_text(encoding="utf-8")
CODE = (STATIC / "htmx.min.js").read_bytes()


def test_the_file_is_the_one_that_the_notice_names():
    named, digest = NOTICE.splitlines()[:2]
    assert digest == "sha384-" + base64.b64encode(hashlib.sha384(CODE).digest()).decode()
    assert f'this.version="{named.split()[1]}"'.encode() in CODE


def test_its_licence_lies_beside_it(client: TestClient):
    assert "Zero-Clause BSD" in NOTICE
    assert client.get("/static/htmx-LICENSE.txt").text == NOTICE


def test_it_writes_no_style_keeps_no_history_and_draws_no_error(client: TestClient):
    for page in ("/", "/console"):
        (config,) = see(client, page).all("meta", name="htmx-config")
        assert json.loads(config["content"]) == {"history": False, "includeIndicatorCSS": False, "noSwap": [204, 304, "4xx", "5xx"]}


def test_every_button_that_htmx_sends_is_one_of_a_form_that_works_without_it(client: TestClient):
    client.post("/do/add", data={"item": "|A0"})
    for page in ("/", "/search?q=red", "/item/A0", "/basket", "/you"):
        sent = [attrs for attrs in see(client, page).all("button") if "hx-post" in attrs]
        assert sent, page
        for attrs in sent:
            assert attrs["hx-post"] == attrs.get("formaction", "/do/theme"), attrs


def test_where_a_whole_page_is_wanted_a_form_leads_to_it(client: TestClient):
    client.post("/do/add", data={"item": "|A0"})
    answer = client.post("/do/remove", data={"item": "|A0", "back": "/basket"}, headers={**HTMX, "HX-Request-Type": "full"})
    assert answer.url.path == "/basket"
    assert "Your basket is empty" in answer.text
    assert "<span>Removed</span>" in answer.text
