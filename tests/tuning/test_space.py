"""The search space: every number exists, has its default on the grid, and may be written into aisle.toml."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import pytest

from aisle.core.errors import SettingsError
from aisle.ranking.boosted import Boosted
from aisle.retrieval.registry import SOURCES
from aisle.settings import Settings, Tuned, load
from aisle.tuning.space import GRIDS, TREES, applied, default, space

EVERY = [(part, name) for part, grids in GRIDS.items() for name in grids]


@pytest.mark.parametrize(("part", "name"), EVERY)
def test_each_number_is_an_argument_whose_default_is_a_step_of_a_rising_grid(part: str, name: str) -> None:
    kind = Boosted if part == TREES else SOURCES[part]
    assert name in signature(kind).parameters
    grid = GRIDS[part][name]
    assert default(part, name) in grid and list(grid) == sorted(set(grid))


def test_what_may_be_written_is_what_may_be_tuned_at_every_step() -> None:
    assert {(part, name) for part, section in Tuned() for name in type(section).model_fields} == set(EVERY)
    for part, name in EVERY:
        for step in GRIDS[part][name]:
            assert Tuned.model_validate({part: {name: step}}).of(part) == {name: step}


def test_the_space_is_small() -> None:
    assert 8 <= len(space(Settings(), GRIDS, True)) == len(EVERY) <= 15


def test_a_value_of_the_settings_off_the_grid_is_a_step_and_where_the_search_starts() -> None:
    found = {one.name: one for one in space(Settings.model_validate({"tuned": {"markov": {"decay": 0.66}}}), {"markov"}, True)}
    decay = found["markov.decay"]
    assert decay.today == 0.66 and decay.grid[decay.place] == 0.66 and 0.6 in decay.grid


def test_numbers_that_do_nothing_without_a_clock_are_left_alone() -> None:
    names = {one.name for one in space(Settings(), GRIDS, False)}
    assert not names & {"popularity.half_life", "repeat.half_life"} and "markov.decay" in names


def test_the_programs_own_numbers_are_left_to_the_program_and_others_stay() -> None:
    settings = Settings.model_validate({"tuned": {"ease": {"decay": 0.5}, "markov": {"decay": 0.4}}})
    made = applied(settings, {"markov.decay": 0.6, "item_knn.shrink": 30.0})
    assert made.tuned.of("item_knn") == {"shrink": 30.0} and made.tuned.of("ease") == {"decay": 0.5}
    assert made.tuned.of("markov") == {} == made.tuned.of("trees") and settings.tuned.of("markov") == {"decay": 0.4}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tuned.markov]\ndecy = 0.4\n", "unknown setting `tuned.markov.decy`. Did you mean `decay`"),
        ("[tuned.item_kn]\ndecay = 0.4\n", "unknown setting `tuned.item_kn`. Did you mean `item_knn`"),
        ("[tuned.markov]\ndecay = 1.5\n", "tuned.markov.decay"),
        ("[tuned.popularity]\nhalf_life = 14\n", "tuned.popularity.half_life"),
    ],
)
def test_a_number_that_does_not_exist_or_cannot_be_is_an_error_with_its_name(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "aisle.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load(tmp_path)
    assert told in str(error.value)
