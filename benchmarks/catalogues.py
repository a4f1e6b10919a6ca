"""The real shops that are a catalogue with queries: Home Depot, two Chinese ones (pieces of titles), Best Buy, banking questions."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from random import Random

from benchmarks.folders import Folder, Json, Pair, Row, lines, read, relevant

RELEVANT_FROM, LOWEST_GRADE = 2.33, 1.0
OFTEN = 100
"""A piece that stands in more titles than this cannot single one out."""

TITLES_TRIED = 300
HAN = re.compile(r"[\u4e00-\u9fff]+")


def is_test(query: str) -> bool:
    """The development split of this project: by query, never by row."""
    return int(hashlib.sha256(("dev:" + query.lower()).encode()).hexdigest(), 16) % 5 == 0


def homedepot(raw: Path, folder: Folder) -> None:
    """All titles; the judgements of four queries in five to learn from, the rest (with something relevant) as requests."""
    source = raw / "homedepot"
    folder.table("items", ("item_id", "title"), ((row["product_uid"], row["product_title"]) for row in read(source / "products.csv.gz")))
    rows = list(read(source / "judgements.csv.gz"))
    learnt = ((row["search_term"], row["product_uid"], row["relevance"], "train") for row in rows if not is_test(row["search_term"]))
    folder.table("judgements", ("query", "item_id", "grade", "split"), learnt)
    folder.settings(f'name = "Home Depot"\n\n[evaluation]\nrelevant_from = {RELEVANT_FROM}')
    folder.protocol("search", _judged(row for row in rows if is_test(row["search_term"])))


def _judged(rows: Iterator[Row]) -> Iterator[Pair]:
    grades: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        grades[row["search_term"]][row["product_uid"]] = float(row["relevance"])
    for query, judged in sorted(grades.items()):
        if max(judged.values()) >= RELEVANT_FROM:
            shifted = {item: round(grade - LOWEST_GRADE, 4) for item, grade in judged.items()}
            truth: Json = {"grades": shifted, "relevant_from": round(RELEVANT_FROM - LOWEST_GRADE, 4)}
            yield {"surface": "search", "query": query, "limit": 100}, truth


def tmall_beauty(raw: Path, folder: Folder) -> None:
    """Each item as its newest snapshot; the shop is its brand, sales and comments are attributes."""
    newest: dict[str, Row] = {}
    for row in read(raw / "tmall_beauty" / "tmall_beauty_1111.csv.gz"):
        held = newest.get(row["id"])
        if held is None or _day(row) >= _day(held):
            newest[row["id"]] = row
    columns = ("item_id", "title", "brand", "price", "currency", "language", "sale_count", "comment_count")
    items = ((r["id"], r["title"], r["店名"], r["price"], "CNY", "zh", r["sale_count"], r["comment_count"]) for r in newest.values())
    folder.table("items", columns, items)
    folder.settings('name = "天猫美妆"\nlanguage = "zh"')
    _pieces(folder, {item: row["title"] for item, row in newest.items()})


def _day(row: Row) -> tuple[int, ...]:
    return tuple(int(part) for part in row["update_time"].split("/"))


def ecommerce_ner_zh(raw: Path, folder: Folder) -> None:
    """Taobao titles as items, and their tagged spans (`tags.jsonl`, the test part left out)."""
    titles: dict[str, str] = {}
    tags: list[Json] = []
    for part in ("train", "dev", "test"):
        for number, (text, spans) in enumerate(_tagged(raw / "ecommerce_ner_zh" / f"{part}.txt.gz")):
            titles[f"{part}-{number}"] = text
            if part != "test":
                tags.append({"text": text, "spans": spans})
    folder.table("items", ("item_id", "title", "language"), ((item, title, "zh") for item, title in titles.items()))
    folder.settings('name = "淘宝标题"\nlanguage = "zh"')
    folder.lines("tags", tags)
    _pieces(folder, titles)


def _tagged(path: Path) -> Iterator[tuple[str, list[Json]]]:
    """Each title of a file with one character and its tag a line, titles parted by blank lines."""
    for blank, block in groupby(lines(path), key=lambda line: not line.strip()):
        if blank:
            continue
        pairs = [(line.rsplit(" ", 1)[0] or " ", line.rsplit(" ", 1)[-1]) for line in block]
        spans: list[Json] = []
        for place, (_, tag) in enumerate(pairs):
            if tag.startswith("B-"):
                spans.append({"start": place, "end": place + 1, "tag": tag[2:]})
            elif tag.startswith("I-") and spans:
                spans[-1]["end"] = place + 1
        yield "".join(character for character, _ in pairs), spans


def _pieces(folder: Folder, titles: Mapping[str, str]) -> None:
    """Pieces of 2 to 4 Chinese characters cut anywhere: a rare one must find its title, a common one only titles that hold it."""
    plain = {item: unicodedata.normalize("NFKC", title).lower() for item, title in titles.items()}
    dice = Random(7)
    rare: list[Pair] = []
    common: list[Pair] = []
    for item in dice.sample(sorted(plain), len(plain)):
        piece = _cut(plain[item], dice)
        if not piece:
            continue
        query: Json = {"surface": "search", "query": piece, "limit": 100}
        if sum(piece in title for title in plain.values()) > OFTEN:
            common.append((query, {"contains": piece}))
        else:
            rare.append((query, relevant({item})))
        if len(rare) >= TITLES_TRIED:
            break
    folder.protocol("pieces", rare)
    folder.protocol("common_pieces", common)


def _cut(title: str, dice: Random) -> str:
    size = dice.randint(2, 4)
    starts = [run.start() + at for run in HAN.finditer(title) for at in range(len(run.group()) - size + 1)]
    if not starts:
        return ""
    start = dice.choice(starts)
    return title[start : start + size]


def bestbuy_catalogue(raw: Path, folder: Folder) -> None:
    """The raw catalogue, mapped; three words in a row of a name must find the product."""
    path = raw / "bestbuy_catalogue" / "products.csv.gz"
    folder.copy(path)
    mapping = 'item_id = "upc", title = "name", brand = "manufacturer", description = "long_description"'
    folder.settings(f'name = "Best Buy"\n\n[[sources]]\nfile = "{path.name}"\ntable = "items"\ncolumns = {{ {mapping} }}')
    dice = Random(7)
    names = [(row["upc"], row["name"].split()) for row in read(path)]
    folder.protocol("three_words", (_three_words(upc, words, dice) for upc, words in dice.sample(names, 500) if len(words) >= 3))


def _three_words(upc: str, words: list[str], dice: Random) -> Pair:
    start = dice.randint(0, len(words) - 3)
    return {"surface": "search", "query": " ".join(words[start : start + 3]), "limit": 100}, relevant({upc})


def banking77(raw: Path, folder: Folder) -> None:
    """Intents as items, the official training questions as examples and judgements; a test question must find its intent."""
    train, test = (list(read(raw / "banking77" / f"{part}.csv.gz")) for part in ("train", "test"))
    intents = sorted({row["category"] for row in train})
    folder.table("items", ("item_id", "title"), ((intent, intent.replace("_", " ").rstrip("?")) for intent in intents))
    folder.table("examples", ("text", "intent"), ((row["text"], row["category"]) for row in train))
    folder.table("judgements", ("query", "item_id", "grade", "split"), ((row["text"], row["category"], 1, "train") for row in train))
    folder.settings('name = "Banking questions"\n\n[evaluation]\nrelevant_from = 1')
    folder.protocol("intents", (({"surface": "search", "query": r["text"], "limit": 77}, relevant({r["category"]})) for r in test))
