"""The page on the HTTP API is true: it names every route with its scope, and every code that an error can have."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path

from aisle.serving.access import scope_of
from aisle.serving.app import create_app
from aisle.serving.live import Live
from aisle.serving.telemetry import Telemetry
from tests.serving.fakes import FakeEngine

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\w+) \| `([^`]+)` \| `?(\w+)`? \|", re.MULTILINE)


def codes() -> set[str]:
    """Every code that the edge writes: the second word of a refusal or of a field's error, and those that errors carry themselves."""
    found = {"bad_request", "bad_bundle", "failed", "not_found", "method_not_allowed"}
    for path in (ROOT / "src" / "aisle" / "serving").glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("RefusedError", "FieldError", "problem") and len(call.args) > 1:
                code = call.args[1]
                found |= {code.value} if isinstance(code, ast.Constant) and isinstance(code.value, str) else set()
    return found


def test_every_route_stands_in_the_page_with_its_scope():
    app = create_app(Live(FakeEngine(), lambda: 0.0), Telemetry(io.StringIO(), b"salt"))
    there = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    told = {(method, path): scope for method, path, scope in ROW.findall(PAGE)}
    assert set(told) == there
    wrong = {place: scope for place, scope in told.items() if scope != ("none" if place[1] == "/healthz" else scope_of(*place))}
    assert wrong == {}


def test_every_code_stands_in_the_page():
    assert [code for code in sorted(codes()) if f"`{code}`" not in PAGE] == []
