"""Real project folders from the raw data sets: `python -m benchmarks.folders NAME OUT` (raw data: $AISLE_DATA, else ../shared/data).

Beside the folder OUT lies `OUT.truth/`, which no training reads: for each protocol `PROTOCOL.requests.jsonl` for `aisle batch`
and `PROTOCOL.truth.jsonl`, line for line what `benchmarks.measure` compares the answers with:
`{"grades": {item_id: grade shifted to start at 0}, "relevant_from": g}`, or `{"contains": piece}` where each answer must hold a piece.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

Row = dict[str, str]
Json = dict[str, object]
Pair = tuple[Json, Json]
ROOT = Path(__file__).resolve().parents[1]


def raw_data() -> Path:
    """Where the raw data sets lie; ends the program with a message where they are not."""
    folder = Path(os.environ.get("AISLE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        sys.exit(f"The raw data is not here: {folder} does not exist. Name its folder: AISLE_DATA=/path/to/data")
    return folder


def read(path: Path) -> Iterator[Row]:
    """The rows of a gzipped CSV file, its first line their names."""
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def lines(path: Path) -> Iterator[str]:
    """The lines of a gzipped text file, without their ends."""
    with gzip.open(path, "rt", encoding="utf-8") as text:
        for line in text:
            yield line.rstrip("\r\n")


class Folder:
    """A project folder in the making, and its truth beside it."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.truth = out.with_name(out.name + ".truth")
        self.out.mkdir(parents=True, exist_ok=True)

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write ``name.csv``; None becomes an empty field."""
        with (self.out / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)

    def raw(self, name: str, rows: Iterable[Row]) -> None:
        """Write rows as they came, gzipped, for a folder that maps a user's own file; the same rows make the same bytes."""
        with (self.out / name).open("wb") as file, gzip.GzipFile("", "wb", 5, file, mtime=0) as packed:
            text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
            stream = iter(rows)
            first = next(stream)
            writer = csv.DictWriter(text, list(first), lineterminator="\n")
            writer.writeheader()
            writer.writerow(first)
            writer.writerows(stream)
            text.close()

    def lines(self, name: str, rows: Iterable[Json]) -> None:
        """Write ``name.jsonl``."""
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (self.out / f"{name}.jsonl").write_text(text, encoding="utf-8")

    def copy(self, path: Path) -> None:
        """The user's own file as it is."""
        (self.out / path.name).write_bytes(path.read_bytes())

    def settings(self, text: str) -> None:
        """Write ``aisle.toml``."""
        (self.out / "aisle.toml").write_text(text.strip() + "\n", encoding="utf-8")

    def protocol(self, name: str, pairs: Iterable[Pair]) -> None:
        """Write one protocol's requests and truth, line for line."""
        self.truth.mkdir(exist_ok=True)
        pairs = list(pairs)
        for part, kind in enumerate(("requests", "truth")):
            text = "".join(json.dumps(pair[part], ensure_ascii=False) + "\n" for pair in pairs)
            (self.truth / f"{name}.{kind}.jsonl").write_text(text, encoding="utf-8")


def relevant(items: Iterable[str]) -> Json:
    """The truth where each of ``items`` is right and no other."""
    return {"grades": dict.fromkeys(sorted(items), 1.0), "relevant_from": 1.0}


def builders() -> Mapping[str, Callable[[Path, Folder], None]]:
    """Each real shop's name and what builds its folder from the raw data."""
    from benchmarks import catalogues, logs

    return {
        "online_retail": logs.online_retail,
        "online_retail_cut": logs.online_retail_cut,
        "amazon_beauty": logs.amazon_beauty,
        "completejourney": logs.completejourney,
        "homedepot": catalogues.homedepot,
        "tmall_beauty": catalogues.tmall_beauty,
        "ecommerce_ner_zh": catalogues.ecommerce_ner_zh,
        "bestbuy_catalogue": catalogues.bestbuy_catalogue,
        "banking77": catalogues.banking77,
    }


def main(arguments: Sequence[str]) -> None:
    """Build one folder."""
    known = builders()
    if len(arguments) != 2 or arguments[0] not in known:
        sys.exit(f"usage: python -m benchmarks.folders NAME OUT\nNAME is one of: {', '.join(known)}")
    name, out = arguments
    folder = Folder(Path(out))
    known[name](raw_data(), folder)
    protocols = sorted(path.name.removesuffix(".truth.jsonl") for path in folder.truth.glob("*.truth.jsonl"))
    sys.stderr.write(f"{name}: {folder.out}" + (f", truth in {folder.truth} ({', '.join(protocols)})\n" if protocols else "\n"))


if __name__ == "__main__":
    main(sys.argv[1:])
