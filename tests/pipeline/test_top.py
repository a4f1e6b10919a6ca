"""The top of a search page read again: only the first, only where it was asked for, the same in any company, told in the explanation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.assemble import opened, save
from aisle.core.answer import Answer, to_json
from aisle.core.request import Request
from aisle.settings import Settings
from tests.pipeline.readers import Broken, Telling, top
from tests.pipeline.toy import pipeline, request, shop


def asked(query: str = "lamp", **fields: object) -> Request:
    return request("search", query=query, **fields)


def one(made: object, asking: Request) -> Answer:
    (answer,) = shop(made).answer([asking])  # type: ignore[arg-type]
    return answer


def scores(answer: Answer) -> dict[str, float]:
    return {item.item_id: float(item.score or 0) for item in answer.items}


def test_without_it_answers_are_the_same_to_the_byte() -> None:
    plain = pipeline()
    asking = [asked(), asked("tea cup", explain=True), asked(sort="price"), request(user_id="u0")]
    told = [[json.dumps({**to_json(one), "took_ms": 0, "trace": []}) for one in shop(made).answer(asking)] for made in (plain, pipeline())]
    assert told[0] == told[1]
    assert '"cross"' not in "".join(told[0])


def test_what_it_says_decides_among_the_first() -> None:
    before = one(pipeline(), asked())
    floor = Telling("floor")
    after = one(replace(pipeline(), top=top(floor, weight=1.0)), asked())
    assert {item.item_id for item in before.items} == {item.item_id for item in after.items}
    assert after.items[0].item_id == "lamp_floor"
    assert after.items[0].scores["cross"] > 0.99 > after.items[1].scores["cross"]
    assert all("lamp" in text for _, text in floor.asked) and {query for query, _ in floor.asked} == {"lamp"}


def test_only_the_first_are_read_and_those_behind_them_keep_their_score() -> None:
    plain = scores(one(pipeline(), asked()))
    best = max(plain.values())
    reader = Telling()
    answer = one(replace(pipeline(), top=top(reader, first=1)), asked())
    assert len(reader.asked) == 1
    read = [item for item in answer.items if "cross" in item.scores]
    assert [plain[item.item_id] for item in read] == [best]
    assert all(item.score == plain[item.item_id] for item in answer.items if "cross" not in item.scores)


@pytest.mark.parametrize(
    "asking",
    [asked(sort="price"), asked(sort="newest"), request(user_id="u0"), request("rank", query="lamp", items=("lamp_red", "cup_tea"))],
    ids=["by price", "by age", "home", "rank"],
)
def test_another_order_and_other_surfaces_are_left_alone(asking: Request) -> None:
    reader = Telling()
    answer = one(replace(pipeline(), top=top(reader)), asking)
    assert not reader.asked and not answer.skipped
    assert scores(answer) == scores(one(pipeline(), asking))


def test_a_block_answers_as_each_request_alone() -> None:
    made = replace(pipeline(), top=top(Telling("floor")))
    asking = [asked("lamp"), asked("tea cup"), asked("floor lamp"), asked("cream", sort="price")]
    together = [scores(answer) for answer in shop(made).answer(asking)]
    assert together == [scores(one(made, each)) for each in asking]


def test_one_that_fails_is_left_out_and_named() -> None:
    plain = one(pipeline(), asked())
    answer = one(replace(pipeline(), top=top(Broken())), asked())
    assert answer.skipped == ("cross",) and answer.degraded
    assert scores(answer) == scores(plain)


def test_the_stage_is_traced_and_its_part_of_the_score_adds_up() -> None:
    stage = top(Telling("floor"), first=2, weight=0.3)
    answer = one(replace(pipeline(), top=stage), asked(explain=True))
    plain = scores(one(pipeline(), asked()))
    assert "cross" in [step.name for step in answer.trace]
    told = {item["item_id"]: item for item in to_json(answer)["items"]}  # type: ignore[index,call-overload,union-attr]
    assert sum("cross" in item["explanation"] for item in told.values()) == 2  # type: ignore[operator,index,call-overload]
    for name, item in told.items():
        said = item["explanation"]  # type: ignore[index,call-overload]
        if "cross" not in said:  # type: ignore[operator]
            assert item["score"] == plain[name]  # type: ignore[index,call-overload]
            continue
        side = said["cross"]  # type: ignore[index,call-overload]
        assert side["base"] + sum(side["contributions"].values()) == side["score"]  # type: ignore[index,call-overload,operator,union-attr]
        chance = float(stage.calibrator.apply(np.array([side["score"]]))[0])  # type: ignore[index,call-overload]
        z = said["rer"]["score"]  # type: ignore[index,call-overload]
        assert 0.7 * z + said["weight"] * chance == pytest.approx(item["score"], abs=1e-5)  # type: ignore[index,call-overload,operator]


def test_a_bundle_keeps_it_and_one_without_has_none(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    from aisle.text.cross import Cross
    from aisle.text.cross_export_train import export_cross
    from aisle.text.cross_model_train import open_cross
    from tests.text.tiny import tiny_model

    model = open_cross(tiny_model(tmp_path / "plain", ["lamp", "red", "blue", "floor", "desk", "wooden"], dropout=0.0))
    torch_head = model.net.head.weight
    torch_head.data.mul_(20)  # a head that has learned nothing says nearly nothing, which no copy can agree with
    model.save(tmp_path / "model")
    texts = ["red lamp", "blue lamp", "floor", "desk", "wooden floor lamp", "red desk"]
    export_cross(tmp_path / "model", tmp_path / "cross", ["lamp"] * 6, texts, 32, quantise=False)
    made = replace(pipeline(), top=top(Cross(tmp_path / "cross")))
    save(made, tmp_path / "bundle")
    again = opened(tmp_path / "bundle", Settings())
    assert scores(one(again, asked())) == scores(one(made, asked()))
    assert any("cross" in item.scores for item in one(again, asked()).items)
    save(pipeline(), tmp_path / "without")
    assert opened(tmp_path / "without", Settings()).top is None
