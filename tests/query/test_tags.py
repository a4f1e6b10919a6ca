"""Brand, colour, size and model in words: what the columns teach, what is found that no list holds, what gains nothing is not used."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.query.attributes import Attributes, placed
from aisle.query.reader import Reader
from aisle.query.tags import Tagger, marks, runs
from aisle.query.tags_train import Learned, Text, answers, counts, f1, label, learn_tags, made_up
from aisle.query.traits import gaps_of, traits
from aisle.query.understand import understand
from tests.query.branded import shop

pytest.importorskip("pycrfsuite", reason="the training extra is not installed")


@pytest.fixture(scope="module")
def held() -> Catalogue:
    return shop()


@pytest.fixture(scope="module")
def learned(held: Catalogue) -> Learned:
    return learn_tags(held)


@pytest.fixture(scope="module")
def known(held: Catalogue) -> Attributes:
    return Attributes().fit(held)


def tagger_of(learned: Learned) -> Tagger:
    assert learned.tagger is not None
    return learned.tagger


def test_titles_say_where_their_own_items_values_stand() -> None:
    keys = {("navy", "blue"): "colour", ("blue",): "finish", ("lamp",): "category"}
    found = label("acme navy blue lamps", keys)
    assert found.labels == ("O", "B-colour", "I-colour", "B-category"), "the longest first, a category in any number"
    assert found.entities == {("colour", "navy blue"), ("category", "lamps")}
    assert list(runs(("I-brand", "I-brand", "B-brand", "O", "I-size"))) == [("brand", 0, 2), ("brand", 2, 1), ("size", 4, 1)]


def test_made_up_queries_keep_values_whole() -> None:
    random = np.random.default_rng(1)
    text = Text(("acme", "navy", "blue", "lamp"), ("B-brand", "B-colour", "I-colour", "O"), (" ",) * 4)
    for _ in range(50):
        query = made_up(text, random)
        assert 1 <= len(query.tokens) <= 4 and query.entities <= text.entities
        assert query.tokens.count("navy") == query.tokens.count("blue")


def test_made_up_queries_keep_what_joins_the_parts_of_a_value() -> None:
    text = label("acme mj-777 补水面膜", {("mj", "777"): "model"})
    assert text.gaps == (" ", " ", "-", " ", "", "", "")
    for query in (made_up(text, np.random.default_rng(seed)) for seed in range(50)):
        codes = [place for place, token in enumerate(query.tokens) if token == "777"]
        assert all(query.gaps[place] == "-" for place in codes) and query.gaps[0] == " ", query
        both = [place for place in range(1, len(query.tokens)) if {*query.tokens[place - 1 : place + 1]} <= {*"补水面膜"}]
        assert all(query.gaps[place] == "" for place in both), query


def test_what_joins_two_tokens_is_seen() -> None:
    text = "fs/dx lens, b-22"
    found = placed(text)
    gaps = gaps_of(text, found)
    tokens = [token for token, _ in found]
    seen = dict(zip(tokens, traits(tokens, ["O"] * len(tokens), gaps), strict=True))
    assert "g=/" in seen["dx"] and "g=," in seen["b"] and "g=-" in seen["22"]
    assert "c=Ea-0" in seen["22"], "a code is seen as a whole"
    assert not any(trait.startswith("w=") for trait in seen["b"]), "no Chinese, no Chinese words"


def test_titles_that_name_nothing_teach_too() -> None:
    random = np.random.default_rng(5)
    names = ["".join(random.choice(list("abdegiklmnorstuz"), 7)) for _ in range(1_200)]
    brands = [name if place % 2 else None for place, name in enumerate(names)]
    titles = [f"{name} - {'lamp' if brand else 'dvd'}" for name, brand in zip(names, brands, strict=True)]
    columns = {"title": Strings.of(titles), "brand": Strings.of(brands)}
    said = learn_tags(Catalogue(Strings.of(names), columns, {})).said["title"]
    right, found, wanted = counts(said["tagger"], said["truth"]).sum(axis=0)
    assert wanted > 40 and right / found > 0.95 and right / wanted > 0.95, "a film's name stands where a lamp's brand does"


def test_what_the_columns_teach_is_found_better_than_by_lookup_where_it_neither_taught_nor_chose(learned: Learned) -> None:
    scores = {
        name: [f1(counts(learned.said["title"][way], learned.said["title"]["truth"], name)) for way in ("tagger", "lookup")]
        for name in learned.names
    }
    assert set(learned.names) == {"brand", "colour", "size", "model"}
    assert scores["brand"][0] > 0.95 > scores["brand"][1], "the lookup takes the machine's brand for the case's"
    assert scores["model"][0] > 0.95 and scores["model"][1] == 0, "no list holds a model that only one item has"
    assert tagger_of(learned).kept == {"brand", "model"}, "what is looked up as well is looked up"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("korix red lamp", {"colour": "Red", "brand": "Korix"}),
        ("zumbrel red lamp by-777k", {"colour": "Red", "brand": "zumbrel", "model": "by-777k"}),
        ("korix black bag for marlo machines", {"colour": "Black", "brand": "Korix"}),
        ("", {}),
        ("???", {}),
    ],
)
def test_a_reader_says_what_is_tagged_and_looks_up_the_rest(
    learned: Learned, known: Attributes, query: str, named: dict[str, object]
) -> None:
    assert Reader(known, tags=learned.tagger)(understand(query), None).attributes == named


def test_the_path_is_the_likeliest_of_all(learned: Learned, known: Attributes) -> None:
    tagger, tokens, gaps = tagger_of(learned), ["korix", "navy", "blue"], [" ", " ", "-"]
    state = tagger._scores(traits(tokens, marks(tokens, known), gaps))
    labels = range(len(tagger.labels))
    total = {
        (a, b, c): state[0, a] + state[1, b] + state[2, c] + tagger.move[a, b] + tagger.move[b, c]
        for a in labels
        for b in labels
        for c in labels
    }
    assert [tagger.labels[place] for place in max(total, key=lambda path: total[path])] == tagger.tag(tokens, known, gaps)


def test_chinese_titles_teach_the_same(tmp_path: Path) -> None:
    chinese = shop(chinese=True)
    learned = learn_tags(chinese)
    found = {name: f1(counts(learned.said["title"]["tagger"], learned.said["title"]["truth"], name)) for name in ("brand", "model")}
    assert min(found.values()) > 0.95
    assert tagger_of(learned).find("zumbrel红色台灯 by-777k", Attributes().fit(chinese))["model"] == "by-777k"


def test_a_saved_reader_tags_the_same(learned: Learned, known: Attributes, tmp_path: Path) -> None:
    Reader(known, tags=learned.tagger).save(tmp_path)
    opened = Reader.load(tmp_path)
    for text in ("zumbrel red lamp by-777k", "korix navy blue desk 30 cm"):
        assert opened(understand(text), None) == Reader(known, tags=learned.tagger)(understand(text), None)


def test_where_the_lookup_finds_all_there_is_nothing_is_tagged() -> None:
    plain = shop(case=False)
    few = {name: column for name, column in plain.texts.items() if name in ("title", "colour")}
    learned = learn_tags(Catalogue(plain.ids, few, {}))
    assert learned.names == ["colour"] and learned.tagger is None


def test_a_shop_without_such_columns_says_so() -> None:
    titles = {"title": Strings.of(f"thing {row}" for row in range(200))}
    assert "no attribute's values stand in" in learn_tags(Catalogue(Strings.of(map(str, range(200))), titles, {})).why
    assert learn_tags(Catalogue(Strings.of([]), {}, {})).tagger is None


def test_answers_count_only_the_attributes_that_are_asked_for(learned: Learned, known: Attributes) -> None:
    said = answers(tagger_of(learned), known, [Text(("korix", "red"), ("B-brand", "B-colour"), (" ", " "))], ["brand"])
    assert said["truth"] == said["lookup"] == [frozenset({("brand", "korix")})]


def test_a_query_is_tagged_within_two_milliseconds(learned: Learned, known: Attributes) -> None:
    tagger, took = tagger_of(learned), []
    for _ in range(50):
        begun = perf_counter()
        tagger.find("korix navy blue desk bx-123k 30 cm", known)
        took.append(perf_counter() - begun)
    assert sorted(took)[25] < 0.002
    begun = perf_counter()
    tagger.find("红色台灯" * 100, known)
    assert perf_counter() - begun < 0.1
