"""Whatever a user's files hold, a command does what they say or refuses them in plain words.

No traceback, no other exit code than 0 or 2, a place for every fault of a scenario, nothing that a terminal obeys,
at most 20 s and 2 GB, and what is found valid runs. Each fault is told with the kind and number of its case;
`PYTHONPATH=tests python -m fuzz KIND NUMBER [FOLDER]` repeats one and keeps its files.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Final

import pytest
from fuzz import KINDS, trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Cases for `make test`, and how many blocks of how many more are for `make long`.
FEW: Final = {"scenario": 4, "csv": 8, "parquet": 8, "folder": 6}
MANY: Final = {"scenario": (8, 25), "csv": (4, 75), "parquet": (4, 75), "folder": (6, 30)}


def faults(kind: str, numbers: range, folder: Path) -> list[str]:
    """What is wrong with how these cases are treated."""
    found = []
    for number in numbers:
        own = folder / str(number)
        own.mkdir()
        found += [f"{kind} {number}: {fault}" for fault in KINDS[kind](number, own)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_wrong_is_told_in_plain_words(kind: str, tmp_path: Path) -> None:
    found = faults(kind, range(FEW[kind]), tmp_path)
    assert not found, "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "block"), [(kind, block) for kind in KINDS for block in range(MANY[kind][0])]
)
def test_whatever_else_is_wrong_is_told_in_plain_words(kind: str, block: int, tmp_path: Path) -> None:
    size = MANY[kind][1]
    found = faults(kind, range(1000 + block * size, 1000 + (block + 1) * size), tmp_path)
    assert not found, "\n".join(found)


# The judge itself.


def _raises() -> None:
    raise KeyError("x")


def _exits() -> None:
    sys.exit(1)


def _never_ends() -> None:
    while True:
        pass


def _takes_memory() -> None:
    bytearray(b"x") * 300_000_000


def _warns() -> None:
    warnings.warn("divide by zero", RuntimeWarning, stacklevel=1)


def _clears_the_screen() -> None:
    print("\x1b[2J")  # noqa: T201 - as the command line prints


def _says_nothing() -> None:
    sys.exit(2)


SEEN: Final = {
    _raises: "KeyError: 'x'",
    _exits: "exit code 1",
    _never_ends: "of processor time",
    _takes_memory: "GB of memory",
    _warns: "a raw warning: RuntimeWarning: divide by zero",
    _clears_the_screen: "control character U+001B",
    _says_nothing: "without a word",
}


@pytest.mark.parametrize(("does", "fault"), SEEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_command_that_breaks_a_rule_is_seen(
    does: Callable[[], None], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.cli.main", does)
    if does is _never_ends:
        monkeypatch.setattr(trial, "SECONDS", 0.2)
    monkeypatch.setattr(trial, "MEMORY", 200_000_000)
    assert fault in trial.command("list").fault


def test_a_refusal_without_a_place_is_seen() -> None:
    placed = "case.yaml:3:1: perod: unknown key\n--set a=1: a: unknown key\npayments.csv:3: amount: not one\n"
    assert not trial.unplaced(trial.Told(2, "", placed, ""))
    assert trial.unplaced(trial.Told(2, "", placed + "this cannot be\n", ""))
