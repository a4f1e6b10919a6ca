"""`aisle batch`: a file of requests in, a file of answers out, line by line in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import orjson

from aisle.core.answer import Json, completions_json, to_json
from aisle.core.errors import InputError, RequestError
from aisle.core.request import Request
from aisle.serving.parse import parse, parse_complete
from aisle.shop import Shop

CHUNK = 2_048
Line = dict[str, Json]


def batch(shop: Shop, requests: Path, out: Path, advance: Callable[[int], None] = lambda _: None) -> int:
    """Answer every line of ``requests`` into ``out``; returns how many could not be understood.

    Such a line's answer is ``{"error": {"line", "code", "detail"}}``. An empty line is answered so too, so that line numbers agree. The
    answers appear under their name only when all are written. Raises `InputError` when a file cannot be read or written.
    """
    fresh = out.with_name(out.name + ".part")
    bad = 0
    try:
        with requests.open("rb") as source, fresh.open("wb") as target:
            for first, lines in _chunks(source):
                answers = _answers(shop, first, lines)
                bad += sum("error" in answer for answer in answers)
                target.writelines(orjson.dumps(answer) + b"\n" for answer in answers)
                advance(len(lines))
        fresh.replace(out)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}.", "Check the path and the room on the disk.") from None
    finally:
        fresh.unlink(missing_ok=True)
    return bad


def _chunks(source: Iterator[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    first = 1
    while lines := list(islice(source, CHUNK)):
        yield first, lines
        first += len(lines)


def _answers(shop: Shop, first: int, lines: list[bytes]) -> list[Line]:
    read = [_read(shop, number, line) for number, line in enumerate(lines, first)]
    answers = iter(_answer(shop, [one for one in read if isinstance(one, Request)]))
    return [next(answers) if isinstance(one, Request) else one for one in read]


def _read(shop: Shop, number: int, line: bytes) -> Request | Line:
    """A request to answer with the others, or a finished answer: completions, or what is wrong with the line."""
    try:
        body = orjson.loads(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
        if isinstance(body, dict) and body.get("surface") == "complete":
            prefix = parse_complete(body)
            return completions_json(shop.complete(prefix.text, prefix.limit))
        return parse(body, "", shop.newest, f"line-{number}")
    except orjson.JSONDecodeError as error:
        return _problem(number, "broken_json", f"Line {number} is not JSON: {error}.")
    except RequestError as error:
        return _problem(number, error.code, f"Line {number}: {error}")


def _answer(shop: Shop, requests: list[Request]) -> list[Line]:
    """All answers; where one request breaks its block, each is asked alone and the bad ones say why."""
    try:
        return [to_json(answer) for answer in shop.answer(requests)]
    except RequestError:
        return [_alone(shop, request) for request in requests]


def _alone(shop: Shop, request: Request) -> Line:
    try:
        return to_json(shop.answer([request])[0])
    except RequestError as error:
        return {"request_id": request.request_id, **_problem(0, error.code, str(error))}


def _problem(number: int, code: str, detail: str) -> Line:
    where: Line = {"line": number} if number else {}
    return {"error": {**where, "code": code, "detail": detail}}
