"""Files of payments are read some rows at a time, as texts by column; a text means one value exactly, or is wrong."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sim.core.clock import DAY, HOUR, MINUTE, Seconds, local_instant, to_instant
from sim.core.currency import minor_digits
from sim.core.size import format_size
from sim.errors import Problem
from sim.scenario.model.base import nearest

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo


#: A column of texts without nulls; pyarrow has no types.
Texts = Any
Flags = NDArray[np.bool_]

#: Amounts beyond this could not be added up over a run in 64 bits.
MOST_MINOR: Final = 10**17
#: Amounts of so many digits in minor units fit 64 bits, so that they can be compared with the most.
_LONGEST: Final = len(str(MOST_MINOR))

_LONGEST_SHOWN: Final = 60
_EPOCH: Final = date(1970, 1, 1)

_CLOCK: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_TIME: Final = (
    rf"^(?P<minute>[12][0-9]{{3}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK})"
    rf"(?::(?P<second>[0-5][0-9])(?:\.(?P<fraction>[0-9]{{1,9}}))?)?(?P<offset>Z|[+-]{_CLOCK})?$"
)
_AMOUNT: Final = r"^(?P<sign>[+-]?)(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]+))?$"
_WHOLE: Final = "^[+-]?[0-9]{1,18}$"
_MISSING: Final = r"(?i)^\s*(?:|[+-]?nan|[+-]?inf(?:inity)?|null|none|nat|#?n/a|<na>)\s*$"
#: An amount as people write it, and as no two countries do alike.
_GROUPED: Final = re.compile(r"[+-]?[0-9]+(?:[.,'’\u00a0\u202f ][0-9]+)+")
#: Stands in for a text that is no time, where a column is computed with as a whole.
_ANY_MINUTE: Final = "2000-01-01T00:00"


class Fault(NamedTuple):
    """Texts that are wrong in one way, and how it is said of one of them."""

    wrong: Flags
    words: Callable[[str], str]


class Reading(NamedTuple):
    """What texts mean, and what is wrong with the others, whose values mean nothing; no text has two faults."""

    values: NDArray[np.int64]
    faults: tuple[Fault, ...]


def shown(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """The text in quotes, on one line and cut to a bearable length."""
    return repr(text if len(text) <= longest else f"{text[:longest]}…")


def instants(texts: Texts, zone: ZoneInfo) -> Reading:
    """UTC seconds of times such as `2024-03-04T09:10`, local to `zone` unless they have an offset.

    Refused are other forms, fractions of a second, local times that clocks skip, and those that they show
    twice.
    """
    found = pc.extract_regex(texts, _TIME)
    unlike = np.asarray(found.is_null())
    minute, second, fraction, offset = (_part(found, k) for k in range(4))
    split = np.asarray(pc.not_equal(pc.utf8_rtrim(fraction, "0"), ""))
    at, exists = _wall_clock(pc.if_else(pa.array(unlike), _ANY_MINUTE, minute))
    at += np.asarray(pc.utf8_lpad(second, 1, "0").cast(pa.int64()))
    offset = offset.dictionary_encode()
    shifts = np.array([_shift(text) for text in offset.dictionary.to_pylist()], dtype=np.int64)
    placed = np.asarray(pc.not_equal(offset.cast(pa.string()), "")) | unlike | ~exists
    at -= shifts[np.asarray(offset.indices)]
    first, last = at.copy(), at.copy()
    first[~placed], last[~placed] = _from_local(at[~placed], zone)
    sound = ~unlike & ~split & exists
    return Reading(
        first,
        (
            Fault(unlike, lambda text: f"{shown(text)} is not a time such as 2024-03-04T09:10:00"),
            Fault(
                split,
                lambda text: f"{shown(text)} has a fraction of a second; times are whole seconds",
            ),
            Fault(
                ~unlike & ~split & ~exists,
                lambda text: f"{shown(text)} is a day that does not exist",
            ),
            # A skipped time is read with the offset before the change first, which makes it the later instant.
            Fault(
                sound & (first > last),
                lambda text: f"{shown(text)} does not exist in {zone.key}: clocks are put forward over it",
            ),
            Fault(
                sound & (first < last),
                lambda text: (
                    f"{shown(text)} comes twice in {zone.key}: add the offset that is meant, such as +02:00"
                ),
            ),
        ),
    )


def _part(found: Any, number: int) -> Texts:  # noqa: ANN401  # pyarrow has no types
    """One group of a pattern; empty where it, or the pattern, matches nothing."""
    return pc.fill_null(pc.struct_field(found, number), "")


def _wall_clock(minutes: Texts) -> tuple[Seconds, Flags]:
    """Seconds of `2024-03-04T09:10` as if it were UTC, and whether the day exists."""
    fixed = minutes.cast(pa.binary()).cast(pa.binary(len(_ANY_MINUTE)))
    signs = np.frombuffer(fixed.buffers()[1], np.uint8)[: len(fixed) * len(_ANY_MINUTE)]
    digits = signs.reshape(len(fixed), -1).astype(np.int64) - ord("0")
    year, month, day, hour, minute = (
        sum(digits[:, k] * 10 ** (end - 1 - k) for k in range(begin, end))
        for begin, end in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16))
    )
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    exists = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == months)  # noqa: PLR2004
    return days.astype(np.int64) * DAY + hour * HOUR + minute * MINUTE, exists


def _shift(offset: str) -> int:
    """Seconds of an offset such as `+08:00`."""
    if offset in ("", "Z"):
        return 0
    hours, minutes = offset[1:].split(":")
    return (int(hours) * HOUR + int(minutes) * MINUTE) * (-1 if offset[0] == "-" else 1)


def _from_local(local: Seconds, zone: ZoneInfo) -> tuple[Seconds, Seconds]:
    """UTC seconds of local ones, by the offset before a change of clocks and by that after it."""
    days, which = np.unique(local // DAY, return_inverse=True)
    ahead = np.array([[_ahead(zone, int(day) + k) for k in (-1, 0, 1, 2)] for day in days], dtype=np.int64)
    ahead = ahead.reshape(-1, 4)
    first = local - ahead[which, 1]
    last = first.copy()
    # Clocks may change at, or back to before, midnight: the days around are looked at as well.
    unsteady = np.flatnonzero((ahead != ahead[:, :1]).any(axis=1)[which])
    clocks, which = np.unique(local[unsteady], return_inverse=True)
    both = np.array([_both(int(clock), zone) for clock in clocks], dtype=np.int64).reshape(-1, 2)
    first[unsteady], last[unsteady] = both[which].T
    return first, last


@lru_cache(maxsize=2**17)
def _ahead(zone: ZoneInfo, day: int) -> int:
    """By how many seconds clocks are ahead of UTC at the midnight with which a day begins."""
    return day * DAY - local_instant(_EPOCH + timedelta(days=day), 0, zone)


def _both(local: int, zone: ZoneInfo) -> tuple[int, int]:
    clock = datetime.fromtimestamp(local, UTC).replace(tzinfo=None)
    return to_instant(clock, zone), to_instant(clock.replace(fold=1), zone)


def amounts(texts: Texts, currency: str) -> Reading:
    """Minor units of amounts in major units, such as `12.34`.

    Refused is what is no plain decimal number, not above zero, or not a whole number of minor units.
    """
    digits = minor_digits(currency)
    found = pc.extract_regex(texts, _AMOUNT)
    unlike = np.asarray(found.is_null())
    whole, fraction = pc.utf8_ltrim(_part(found, 1), "0"), pc.utf8_rtrim(_part(found, 2), "0")
    length, decimals = np.asarray(pc.utf8_length(whole)), np.asarray(pc.utf8_length(fraction))
    nothing = np.asarray(pc.equal(_part(found, 0), "-")) | (length + decimals == 0)
    long = length + digits > _LONGEST
    small = pa.array(~long & (decimals <= digits))
    units, rest = (
        np.asarray(pc.utf8_lpad(pc.if_else(small, part, "0"), 1, "0").cast(pa.int64()))
        for part in (whole, fraction)
    )
    minor = units * 10**digits + rest * 10 ** np.clip(digits - decimals, 0, digits)
    long |= minor > MOST_MINOR
    precise = decimals > digits
    return Reading(
        minor,
        (
            Fault(unlike, _no_amount),
            Fault(~unlike & nothing, lambda text: f"an amount is more than zero, not {shown(text)}"),
            Fault(
                ~unlike & ~nothing & precise,
                lambda text: f"{shown(text)} has more than {digits} decimals, the most {currency} has",
            ),
            Fault(
                ~unlike & ~nothing & ~precise & long,
                lambda text: f"{shown(text)} {currency} is more than this simulator can count",
            ),
        ),
    )


def _no_amount(text: str) -> str:
    hint = "; decimals follow a point, and thousands are not set apart" if _GROUPED.fullmatch(text) else ""
    return f"{shown(text)} is not an amount such as 1234.56{hint}"


def whole_numbers(texts: Texts) -> Reading:
    """The values of up to 18 digits, perhaps with a sign."""
    unlike = ~np.asarray(pc.match_substring_regex(texts, _WHOLE))
    numbers = pc.if_else(pa.array(unlike), "0", pc.utf8_ltrim(texts, "+"))
    return Reading(
        np.asarray(numbers.cast(pa.int64())),
        (Fault(unlike, lambda text: f"{shown(text)} is not a whole number of up to 18 digits"),),
    )


def missing(texts: Texts) -> Flags:
    """The texts that say nothing: blank, or one of the words that programs write for a missing value."""
    return np.asarray(pc.match_substring_regex(texts, _MISSING))


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
