"""Inputs that went wrong on their way, and what the command line must say to each of them.

Every case has a kind and a number, and the same number makes the same case:
`PYTHONPATH=tests python -m fuzz scenario 17` repeats one, `… scenario 0-99` a hundred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fuzz import folders, own, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: What each kind of case does in an empty folder of its own; it returns what went wrong.
KINDS: Final[dict[str, Callable[[int, Path], list[str]]]] = {
    "scenario": scenarios.faults,
    "csv": own.csv_faults,
    "parquet": own.parquet_faults,
    "folder": folders.faults,
}
