"""A training's curves as JSON lines in its working folder: written at once, read again for the report. The format: docs/tracking.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from aisle.tracking.run import Json

Points = Mapping[int, Mapping[str, float]]


class JsonLines:
    """The sink that is always there. A training that is taken up goes on in the same file."""

    def __init__(self, path: Path) -> None:
        self.path, self.begun = path, perf_counter()
        path.parent.mkdir(parents=True, exist_ok=True)

    def point(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """A line of kind ``point``, or ``begin`` where there are no values."""
        self._write({"kind": "point" if values else "begin", "part": part, "step": step, **values, **self._when()})

    def fact(self, name: str, value: Json) -> None:
        """A line of kind ``fact``."""
        self._write({"kind": "fact", "name": name, "value": value, **self._when()})

    def close(self) -> None:
        """Every line is on disk already."""

    def _when(self) -> dict[str, Json]:
        return {"at": round(perf_counter() - self.begun, 3)}

    def _write(self, line: Mapping[str, Json]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


@dataclass
class Record:
    """What such a file says: the points of each part by step, and the facts, of each the newest."""

    parts: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)


def read(path: Path) -> Record:
    """All lines that are whole; a part that began again at a step keeps what was told up to it. No file: nothing."""
    record = Record()
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            told = json.loads(line)
        except ValueError:  # a kill cuts the last line short
            continue
        if told["kind"] == "fact":
            record.facts[told["name"]] = told["value"]
            continue
        steps = record.parts.setdefault(told["part"], {})
        if told["kind"] == "begin":
            record.parts[told["part"]] = {step: values for step, values in steps.items() if step <= told["step"] and told["step"]}
        else:
            values = {name: value for name, value in told.items() if name not in ("kind", "part", "step", "at")}
            steps.setdefault(told["step"], {}).update(values)
    return record
