"""`aisle batch`: a file of requests in, a file of answers out, line by line in the same order."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path

import orjson

from aisle.core.answer import Json, completions_json, to_json
from aisle.core.errors import InputError, RequestError
from aisle.core.request import Request
from aisle.core.threads import cores
from aisle.opening import open_shop
from aisle.serving.parse import parse, parse_complete
from aisle.shop import Shop

CHUNK = 1_024
AHEAD = 3
"""Parts of the file that are handed to each process before the first is waited for."""
Line = dict[str, Json]
Chunk = tuple[int, list[bytes]]
"""The number of the first line, counted from 1, and the lines."""


def batch(store: Path, requests: Path, out: Path, advance: Callable[[int], None] = lambda _: None, processes: int | None = None) -> int:
    """Answer every line of ``requests`` into ``out`` by the bundle in ``store``; returns how many could not be understood.

    Such a line's answer is ``{"error": {"line", "code", "detail"}}``. An empty line is answered so too, so that line numbers agree. The
    answers appear under their name only when all are written. A long file is shared among ``processes`` (absent: one a core). Raises
    `InputError` when a file cannot be read or written, `BundleError` as `open_shop`.
    """
    shop = open_shop(store)
    fresh = out.with_name(out.name + ".part")
    bad = 0
    try:
        with requests.open("rb") as source, fresh.open("wb") as target:
            for answered in _answered(store, shop, _chunks(source), processes or cores()):
                target.write(answered.text)
                bad += answered.bad
                advance(answered.lines)
        fresh.replace(out)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}.", "Check the path and the room on the disk.") from None
    finally:
        fresh.unlink(missing_ok=True)
    return bad


@dataclass(frozen=True)
class Answered:
    """Some lines' answers as they are written, how many lines, how many of them could not be understood."""

    text: bytes
    lines: int
    bad: int


def _answered(store: Path, shop: Shop, chunks: Iterator[Chunk], processes: int) -> Iterator[Answered]:
    """In the order of the lines: here where they are few, else by processes that each open the bundle, whose arrays they share."""
    first = list(islice(chunks, 2))
    if len(first) < 2 or processes < 2:
        yield from (_answer_chunk(shop, *chunk) for chunk in chain(first, chunks))
        return
    waiting: deque[Future[Answered]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn"), _open, (store,)) as pool:
        try:
            for chunk in chain(first, chunks):
                waiting.append(pool.submit(_answer_there, *chunk))
                if len(waiting) > AHEAD * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise InputError(
                "A process that answered was ended from outside.", "Give the machine more memory, or split the file."
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_opened: list[Shop] = []
"""The shop of a process that answers for another."""


def _open(store: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the one that asked ends the others
    _opened.append(open_shop(store))


def _answer_there(first: int, lines: list[bytes]) -> Answered:
    return _answer_chunk(_opened[0], first, lines)


def _answer_chunk(shop: Shop, first: int, lines: list[bytes]) -> Answered:
    answers = _answers(shop, first, lines)
    return Answered(b"".join(orjson.dumps(answer) + b"\n" for answer in answers), len(lines), sum("error" in answer for answer in answers))


def _chunks(source: Iterator[bytes]) -> Iterator[Chunk]:
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
