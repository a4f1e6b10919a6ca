"""Writes the simulated shop's tables beside the log: items, users, judgements, labels, examples, tags, relations, aisle.toml."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.simulate import queries as asking
from aisle.simulate.goods import DAYS, START, Goods
from aisle.simulate.grades import Grader
from aisle.simulate.queries import FORMS, Pool
from aisle.simulate.shoppers import Shoppers
from aisle.simulate.texts import description, saying, title
from aisle.simulate.words import Words

_ITEM_COLUMNS = (
    "item_id", "title", "title_en", "title_zh", "description", "category", "brand", "price", "currency", "created_at", "language",
    "parent_id", "colour", "size", "material", "in_stock", "image",
)  # fmt: skip
_MOST_JUDGED = 60
"""Items judged per query and grade; grade 0 gets a sixth of it."""


def table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write one CSV file with Unix line ends; gives the number of rows."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def date(day: float) -> str:
    """ISO date of ``day``."""
    return str(START + int(np.floor(day)))


def items(folder: Path, words: Words, goods: Goods, ids: Sequence[str], images: Sequence[str], rng: np.random.Generator) -> None:
    """Write ``items.csv``; ``images`` names the pictures. A tenth has no title in the other language, a few have no brand or description:
    missing, as in real shops."""
    stock = goods.sold(DAYS - 0.01).tolist()
    rows = ((*_item(words, goods, row, rng), "true" if stock[row] else "false", images[row]) for row in range(len(goods)))
    table(folder / "items.csv", _ITEM_COLUMNS, ((ids[row], *cells) for row, cells in enumerate(rows)))


def _item(words: Words, goods: Goods, row: int, rng: np.random.Generator) -> list[object]:
    said, chinese = saying(words, goods, row), bool(goods.chinese[row])
    titles = [title(said, False), title(said, True)]
    lacks = rng.random(4) < (0.1, 0.05, 0.02, 0.1)
    first = titles[chinese]
    if lacks[0]:
        titles[not chinese] = ""
    entry = words.kinds[goods.kind[row]]
    path = " > ".join((*entry.category, entry.name[0]))
    text = description(words, said, chinese, rng)
    return [
        first, titles[0], titles[1], "" if lacks[1] else text, path, "" if lacks[2] else said.brand[0], f"{goods.price[row]:.2f}", "USD",
        date(goods.created[row]), "zh" if chinese else "en", f"F{goods.parent[row]:06d}", said.colour[0], said.size[0],
        "" if lacks[3] else said.material[0],
    ]  # fmt: skip


def users(folder: Path, words: Words, shoppers: Shoppers, ids: Sequence[str], rng: np.random.Generator) -> None:
    """Write ``users.csv``: language, age band, city, joining day; nothing that only the truth knows."""
    city = rng.integers(0, len(words.cities), len(shoppers))
    rows = (
        (
            ids[u],
            "zh" if shoppers.chinese[u] else "en",
            words.stages[shoppers.stage[u]].age,
            words.cities[city[u]],
            date(max(shoppers.joined[u], -1)),
        )
        for u in range(len(shoppers))
    )
    table(folder / "users.csv", ("user_id", "language", "age_band", "city", "joined_at"), rows)


def labels(folder: Path, shoppers: Shoppers, ids: Sequence[str], rng: np.random.Generator) -> int:
    """Write ``labels.csv``: every attacker, and four in ten of the honest."""
    known = (shoppers.attacker > 0) | (rng.random(len(shoppers)) < 0.4)
    return table(
        folder / "labels.csv", ("user_id", "label"), ((ids[u], int(shoppers.attacker[u] > 0)) for u in np.flatnonzero(known).tolist())
    )


def relations(folder: Path, shoppers: Shoppers, ids: Sequence[str], rng: np.random.Generator) -> None:
    """Write ``relations.csv``: attackers share machines, some honest people invited a friend."""
    pairs = list(pairwise(np.flatnonzero(shoppers.attacker).tolist()))
    good = np.flatnonzero(shoppers.attacker == 0)
    friends = rng.permutation(good)[: len(good) // 10 * 2].reshape(-1, 2)
    pairs += [(int(a), int(b)) for a, b in friends]
    table(folder / "relations.csv", ("user_id", "other_user_id"), ((ids[a], ids[b]) for a, b in pairs))


def judgements(folder: Path, pool: Pool, grader: Grader, ids: Sequence[str], wanted: int, rng: np.random.Generator) -> int:
    """Write ``judgements.csv`` for ``wanted`` queries, split 60/20/20 by query; gives the number of rows. Pieces are left out: they may
    mean more than was meant."""
    clear = np.flatnonzero(pool.form != FORMS.index("piece"))
    chosen = rng.permutation(clear)[:wanted]
    split = np.array(["train", "train", "train", "dev", "test"])[np.arange(len(chosen)) % 5]
    rows = (
        (pool.texts[query], ids[item], int(grade), split[place])
        for place, query in enumerate(chosen)
        for item, grade in _judged(grader.all(int(query)), rng)
    )
    return table(folder / "judgements.csv", ("query", "item_id", "grade", "split"), rows)


def _judged(grades: NDArray[np.uint8], rng: np.random.Generator) -> list[tuple[int, int]]:
    if not (grades >= 2).any():
        return []
    found: list[tuple[int, int]] = []
    for grade, most in ((3, _MOST_JUDGED), (2, _MOST_JUDGED), (1, _MOST_JUDGED), (0, _MOST_JUDGED // 6)):
        found += [(int(item), grade) for item in np.sort(rng.permutation(np.flatnonzero(grades == grade))[:most])]
    return found


def talk(folder: Path, words: Words, pool: Pool, rng: np.random.Generator) -> None:
    """Write ``examples.csv`` (what people write to a shop, by intent) and ``tags.jsonl`` (queries with their words marked)."""
    rows = sorted({(_fill(words, line, rng), intent) for intent, lines in words.talk.items() for line in lines for _ in range(8)})
    table(folder / "examples.csv", ("text", "intent"), [rows[i] for i in rng.permutation(len(rows))])
    plain = np.flatnonzero((pool.form == 0) & ((pool.wish >= 0).sum(1) > 0))[:600]
    with (folder / "tags.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for query in plain.tolist():
            file.write(json.dumps(_tagged(words, pool, query), ensure_ascii=False) + "\n")


def _fill(words: Words, line: str, rng: np.random.Generator) -> str:
    entry = words.kinds[rng.integers(len(words.kinds))]
    return line.format(en=entry.name[0].lower(), zh=entry.name[1])


def _tagged(words: Words, pool: Pool, query: int) -> dict[str, object]:
    text, wish = pool.texts[query], pool.wish[query].tolist()
    meaning = asking.Meaning(int(pool.kind[query]), (wish[0], wish[1], wish[2], wish[3]), bool(pool.chinese[query]))
    spans = []
    for tag, _, word in asking.parts(words, meaning):
        said = word[meaning.chinese].lower()
        spans.append({"start": text.index(said), "end": text.index(said) + len(said), "tag": tag})
    return {"text": text, "spans": sorted(spans, key=lambda span: int(str(span["start"])))}


def settings(folder: Path) -> None:
    """Write the smallest ``aisle.toml`` that says what this folder is."""
    (folder / "aisle.toml").write_text('kind = "shop"\nname = "Simulated shop"\n', encoding="utf-8", newline="\n")
