"""A hub of models on this machine's loopback, with as much of the real one's protocol as fetching asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Handler(BaseHTTPRequestHandler):
    models: ClassVar[dict[str, Path]]
    asked: ClassVar[list[str]]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the screen."""

    def _answer(self, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.asked.append(path)
        parts = path.strip("/").split("/")
        told = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if told else parts[:2])
        rest = parts[4:] if told else parts[2:]
        if name not in self.models:
            return self._send(404, b"", body, {"X-Error-Code": "RepoNotFound"})
        if len(rest) > 1 and rest[1] not in (COMMIT, "main"):
            return self._send(404, b"", body, {"X-Error-Code": "RevisionNotFound"})
        folder = self.models[name]
        files = sorted(one for one in folder.rglob("*") if one.is_file())
        if told and rest[:1] == ["tree"]:
            tree = [
                {"type": "file", "path": one.relative_to(folder).as_posix(), "size": one.stat().st_size, "oid": _etag(one)} for one in files
            ]
            return self._send(200, json.dumps(tree).encode(), body, {"Content-Type": "application/json"})
        if told:
            names = [{"rfilename": one.relative_to(folder).as_posix()} for one in files]
            facts = {"id": name, "modelId": name, "sha": COMMIT, "siblings": names, "private": False, "tags": []}
            return self._send(200, json.dumps(facts).encode(), body, {"Content-Type": "application/json"})
        wanted = folder.joinpath(*rest[2:])
        if not wanted.is_file():
            return self._send(404, b"", body, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        return self._send(200, wanted.read_bytes(), body, {"ETag": f'"{_etag(wanted)}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, content: bytes, body: bool, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


def _etag(path: Path) -> str:
    return sha1(path.read_bytes()).hexdigest()


@contextmanager
def serving(models: dict[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Its address while it hands out ``models``, name to folder, and the list of the paths that it is asked for."""
    handler = type("Handler", (_Handler,), {"models": models, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler.asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
