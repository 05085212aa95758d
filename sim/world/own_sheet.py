"""Files of payments are read some rows at a time, as texts by column; what is wrong with them is collected."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from sim.core.size import format_size
from sim.errors import Problem
from sim.scenario.model.base import nearest
from sim.world.own_cells import Flags, Texts

if TYPE_CHECKING:
    from collections.abc import Callable

#: Lines, or rows, of a file by number.
Lines = Sequence[int] | NDArray[np.int64]

NEEDED: Final = ("payment_id", "instructed_at", "payer_bank", "payee_bank", "amount")
OPTIONAL: Final = ("currency", "priority", "due_at", "route", "system", "counter_amount")
KNOWN: Final = frozenset((*NEEDED, *OPTIONAL))

#: Problems that are told one by one.
MOST_TOLD: Final = 100
#: A table of more columns is none of payments, and is not looked at.
MOST_COLUMNS: Final = 1_000
#: Bytes that a payment takes while a file is read, beside its id.
ROW_BYTES: Final = 130

_LONGEST_COMPARED: Final = 60
#: Among more names, looking for the one that was meant takes too long.
_MOST_COMPARED: Final = 1_000
_MOST_KEPT: Final = 10 * MOST_TOLD


def too_large(needed: float, most: int) -> str:
    """What is said of a file that would need so many bytes when read."""
    return (
        f"reading it would need about {format_size(needed)}, more than the {format_size(most)} that "
        "--max-input allows"
    )


class Sheet(NamedTuple):
    """Some rows of a file that follow each other, as texts by column."""

    names: Sequence[str]
    """Names of the columns of the file, as often as they stand there."""
    texts: Mapping[str, Texts]
    """The columns that payments have, of equal length; nothing is an empty text."""
    lines: Lines
    """Line of each row, where it begins."""
    heading: int = 1
    """Line of the names."""
    reached: int = 0
    """Lines or rows of the file up to here, those included that are left out."""
    share: float = 0.0
    """How much of the file that is; 0 as long as it says little about the rest."""
    floats: Mapping[str, NDArray[np.floating]] = MappingProxyType({})
    """The values of columns that hold binary floats."""

    def text(self, column: str, row: int) -> str:
        """One text of a column that the sheet has."""
        return str(self.texts[column][row].as_py())

    def stated(self, column: str) -> Flags:
        """The rows that say something in a column, which the sheet may not have."""
        if column not in self.texts:
            return np.zeros(len(self.lines), dtype=np.bool_)
        return np.asarray(pc.not_equal(self.texts[column], ""))


class _Finding(NamedTuple):
    line: int
    column: str
    message: str
    suggestion: str | None


class Findings:
    """What is wrong with a file; the first `MOST_TOLD` by line are told, the others only counted.

    `unit` is what the rows of the file are counted in, `line` or `row`; line 0 is the file as a whole.
    """

    def __init__(self, file: str, unit: str) -> None:
        self.count = 0
        self._file = file
        self._mark = "" if unit == "line" else f"{unit} "
        self._found: list[_Finding] = []
        # What lies further down can only be counted.
        self._last = sys.maxsize
        self.unit = unit

    def add(self, line: int, column: str, message: str, suggestion: str | None = None) -> None:
        """Take up one finding."""
        self.count += 1
        self._keep(_Finding(line, column, message, suggestion))

    def blame(
        self,
        sheet: Sheet,
        column: str,
        bad: Flags,
        message: Callable[[int], str],
        known: Sequence[str] = (),
    ) -> None:
        """Say of rows what is wrong with a column; `known` are the names that could be meant instead."""
        rows = np.flatnonzero(bad)
        self.count += len(rows)
        for row in rows[:MOST_TOLD].tolist():
            line = int(sheet.lines[row])
            if line > self._last:
                break
            meant = None
            if 0 < len(known) <= _MOST_COMPARED:
                meant = nearest(sheet.text(column, row)[:_LONGEST_COMPARED], list(known))
            self._keep(_Finding(line, column, message(row), meant))

    def problems(self) -> list[Problem]:
        """All of them, in the order of the lines."""
        self._cut()
        told = [
            Problem(f"{self._file}:{self._mark}{line}" if line else self._file, column, message, suggestion)
            for line, column, message, suggestion in self._found
        ]
        more = self.count - len(told)
        return [*told, Problem(self._file, "", f"and {more:,} more like these")] if more else told

    def _keep(self, finding: _Finding) -> None:
        if finding.line <= self._last:
            self._found.append(finding)
            if len(self._found) > _MOST_KEPT:
                self._cut()

    def _cut(self) -> None:
        # Ids are compared last, and told first.
        self._found.sort(key=lambda found: (found.line, found.column != "payment_id"))
        del self._found[MOST_TOLD:]
        if len(self._found) == MOST_TOLD:
            self._last = self._found[-1].line
