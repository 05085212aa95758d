"""Sizes that the library's texts tell are numbers of its runs, which the page of headline numbers tells by version."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from sizes import Described, Numbers, Size, sizes_in

from sim.scenario import library

ROOT = Path(__file__).parents[1]


@cache
def script() -> Any:  # noqa: ANN401 - a module
    """The script that makes and reads the numbers."""
    spec = spec_from_file_location("headlines", ROOT / "scripts/headlines.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["headlines"] = module
    spec.loader.exec_module(module)
    return module


@cache
def numbers() -> Numbers:
    return Numbers.from_rows(row for row in script().read() if row.version == script().version())


def wrong(text: str, scenario: Described) -> list[Size]:
    """Sizes of a text that neither runs nor inputs tell."""
    names = scenario.compared(numbers().of)
    return [size for size in sizes_in(text) if not numbers().tell(size, names) and not scenario.states(size)]


@pytest.mark.parametrize("name", library.names())
def test_sizes_in_descriptions_are_those_of_runs(name: str) -> None:
    scenario = Described(name)
    assert not wrong(scenario.text, scenario)


def test_sizes_on_the_librarys_page_are_those_of_runs() -> None:
    text = (library.folder() / "README.md").read_text("utf-8")
    names = [name for name in library.names() if name.rpartition("/")[2] in text]
    sizes = list(sizes_in(text))
    assert sizes
    assert [size for size in sizes if not numbers().tell(size, names)] == []


def test_every_scenario_was_run_with_every_seed() -> None:
    told = {(row.scenario, row.seed) for row in script().read() if row.version == script().version()}
    assert told == set(script().runs())


def test_the_page_is_what_the_numbers_say() -> None:
    assert script().PAGE.read_text("utf-8") == script().page(script().read())


def test_a_run_tells_the_numbers_that_stand_there() -> None:
    name = "mechanisms/scarce-bypass"
    assert sorted(script().numbers_of(name, 2)) == [
        row for row in script().read() if row[:3] == (script().version(), name, 2)
    ]


def test_a_size_takes_the_unit_and_the_seeds_that_follow() -> None:
    text = (
        "With seed 1 the delay falls from 52.3 to 43.1 hours (by 8.9 to 9.6 with seeds 1 to 3), 0.06 per cent of it "
        "from 9 to 19 February 2024, when 12 banks rest: 3 of them at 11:00."
    )
    assert list(sizes_in(text)) == [
        Size("52.3", "hours", (1,)),
        Size("43.1", "hours", (1,)),
        Size("8.9", "hours", (1, 2, 3)),
        Size("9.6", "hours", (1, 2, 3)),
        Size("0.06", "per cent", (1,)),
    ]


def test_a_wrong_size_is_found() -> None:
    rows = [
        ("1", "baseline", 1, "delay.mean", "hours", 49.34),
        ("1", "baseline", 2, "delay.mean", "hours", 49.64),
        ("1", "faster", 1, "delay.mean", "hours", 46.21),
        ("1", "faster", 2, "delay.mean", "hours", 46.49),
        ("1", "baseline", 3, "delay.mean", "hours", 50.02),
        ("1", "faster", 3, "delay.mean", "hours", 46.91),
    ]
    told = Numbers.from_rows(rows)
    both = ("baseline", "faster")
    right = (
        "It falls from 49.3 to 46.2 hours (from 49.6 to 46.5 with seed 2, by 3.1 to 3.2 with seeds 1 and 2)."
    )
    assert all(told.tell(size, both) for size in sizes_in(right))
    for size in ("49.4", "46.3", "3.3", "3.14"):
        assert not told.tell(Size(size, "hours", (1, 2)), both)
    # Of another scenario, or in another unit, it would be no less wrong.
    assert not told.tell(Size("46.2", "hours"), ["baseline"])
    assert not told.tell(Size("49.3", "million"), both)
    # Nor of another seed, or within the bounds of three.
    assert not told.tell(Size("49.6", "hours"), both)
    assert not told.tell(Size("49.6", "hours", (1, 2, 3)), both)
