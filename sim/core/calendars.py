"""A day is a working day or not; which one differs by country and is moved by decree."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holidays import HolidayBase

Days = NDArray[np.datetime64]
Flags = NDArray[np.bool_]

_ONE_DAY: Final = np.timedelta64(1, "D")
_SATURDAY: Final = 5
_SUNDAY: Final = 6

#: Common names of a calendar that the holidays package files under another code. Its days of the US are those
#: of federal offices, which are shut on the Friday before a holiday on a Saturday; banks keep the Federal Reserve's.
_OTHER_NAMES: Final = {"TARGET": "XECB", "TARGET2": "XECB", "US": "XFED", "USA": "XFED"}

#: What to ask the package for where its default list of holidays is not that of banks. Hong Kong's general
#: holidays (Cap. 149) are filed as "optional", its default list being the shorter one of employment
#: law (Cap. 57); British payment systems keep the bank holidays of England.
_BANKS_OF: Final[dict[str, dict[str, Any]]] = {"HK": {"categories": ("optional",)}, "GB": {"subdiv": "ENG"}}

#: Where public holidays, with the days moved by decree, are the days on which banks are shut.
_KEPT_BY_BANKS: Final = frozenset({"BY", "CN", "RU", *_BANKS_OF})

_BANK: Final = "bank"
_HALF_DAY: Final = re.compile(r"\((?:from .*|afternoon)\)")


@dataclass(frozen=True, slots=True, eq=False)
class WorkingDays:
    """Which of the consecutive calendar days from `first` on are working days.

    `flags` holds one truth value per day, at least one, and is copied. `provisional_from` is the first
    day whose moved working days are not yet published, None if all of them are. Every question about
    a day outside the table, or whose answer lies outside, is refused with ValueError. Arrays of days
    are `datetime64[D]`; answers have their shape.
    """

    first: date
    flags: Flags
    provisional_from: date | None = None
    _ordinals: NDArray[np.int64] = field(init=False, repr=False)  # positions of the working days
    _before: NDArray[np.int64] = field(init=False, repr=False)  # working days before each position, and all

    def __post_init__(self) -> None:
        flags = np.array(self.flags, dtype=np.bool_)
        if flags.ndim != 1 or flags.size == 0:
            raise ValueError("a table of working days needs one flag per day and at least one day")
        flags.setflags(write=False)
        object.__setattr__(self, "flags", flags)
        object.__setattr__(self, "_ordinals", np.flatnonzero(flags).astype(np.int64))
        object.__setattr__(self, "_before", np.concatenate(([0], np.cumsum(flags))).astype(np.int64))

    @property
    def last(self) -> date:
        """The last day of the table."""
        return self.first + timedelta(days=len(self.flags) - 1)

    def is_working(self, days: Days) -> Flags:
        """True for each working day among `days`."""
        return np.asarray(self.flags[self._positions(days)])

    def following(self, days: Days) -> Days:
        """Each day itself if it is a working day, otherwise the next working day."""
        return self.add(days, 0)

    def add(self, days: Days, n: NDArray[np.integer] | int) -> Days:
        """The `n`-th working day after `following(days)`; `n` is not negative and broadcasts."""
        if np.any(np.less(n, 0)):
            raise ValueError("working days are added forwards only; the number must not be negative")
        ranks = self._before[self._positions(days)] + n
        if np.any(ranks >= len(self._ordinals)):
            raise ValueError(f"the working day asked for lies after {self.last}, the end of the calendar")
        return np.asarray(np.datetime64(self.first, "D") + self._ordinals[ranks] * _ONE_DAY)

    def count(self, first: date, last: date) -> int:
        """Working days from `first` to `last`, both included; `first` must not lie after `last`."""
        if first > last:
            raise ValueError(f"cannot count from {first} back to {last}")
        low, high = self._positions(np.array([first, last], dtype="datetime64[D]"))
        return int(self._before[high + 1] - self._before[low])

    def days(self) -> Days:
        """All days of the table in order, whether they are worked or not."""
        return np.asarray(np.datetime64(self.first, "D") + np.arange(len(self.flags)))

    def dates(self) -> Days:
        """All working days of the table in order."""
        return np.asarray(np.datetime64(self.first, "D") + self._ordinals * _ONE_DAY)

    def _positions(self, days: Days) -> NDArray[np.int64]:
        wanted = np.asarray(days).astype("datetime64[D]")
        positions = (wanted - np.datetime64(self.first, "D")).astype(np.int64)
        outside = (positions < 0) | (positions >= len(self.flags))  # NaT is the smallest integer
        if np.any(outside):
            stray = wanted[outside].flat[0]
            raise ValueError(f"{stray} lies outside of the calendar {self.first} to {self.last}")
        return np.asarray(positions)


def every_day(first: date, last: date) -> WorkingDays:
    """All days from `first` to `last`, both included, are working days."""
    return WorkingDays(first, np.ones(len(_days(first, last)), dtype=np.bool_))


def weekdays(first: date, last: date) -> WorkingDays:
    """Mondays to Fridays from `first` to `last`, both included."""
    return WorkingDays(first, np.is_busday(_days(first, last)))


# Asked for again by every replication of a study.
@lru_cache(maxsize=64)
def country_days(country: str, first: date, last: date) -> WorkingDays:
    """The working days from `first` to `last` of a country, or of a financial market or payment system.

    These are the weekdays that are no holiday plus the weekend days made working days by decree.
    `country` is an ISO 3166 code (`BY`, `CN`, `HK`) or a market code of the holidays package (`ECB`, `FED`,
    `NYSE`); `meaning` tells what its holidays are. Half holidays are working days. Another text, or a range
    that the package does not know, is refused with ValueError.
    """
    table = _days(first, last)
    found = _holidays(resolve(country), range(first.year, last.year + 1))
    if first.year < found.start_year or last.year > found.end_year:
        raise ValueError(f"holidays of {country} are known from {found.start_year} to {found.end_year} only")
    flags = [_is_bank_day(found, day) for day in table.tolist()]
    return WorkingDays(first, np.array(flags), _undecreed_from(found, last))


def meaning(country: str) -> str:
    """What the working days of a country or market are, in words; ValueError for a code that is unknown."""
    code = resolve(country)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", code.name)
    if code.is_market:
        return f"working days of {name} ({code.code})"
    if code.code in _KEPT_BY_BANKS:
        return f"days on which banks work in {name}"
    if _BANK in _holidays(code).supported_categories:
        return f"weekdays without public or bank holidays of {name}"
    return f"weekdays without nationwide public holidays of {name}; its banks may keep other days"


def is_of_banks(country: str) -> bool:
    """Whether the holidays of a country or market are more than its public ones, which banks need not keep."""
    code = resolve(country)
    known = code.is_market or code.code in _KEPT_BY_BANKS
    return known or _BANK in _holidays(code).supported_categories


def close_codes(country: str) -> list[str]:
    """Calendar codes whose code or English name resembles `country`, the likeliest first."""
    from holidays.registry import COUNTRIES, FINANCIAL  # noqa: PLC0415  as above

    meant: dict[str, str] = {name.lower(): name for name in _OTHER_NAMES}
    for key, (_, code, *others) in (COUNTRIES | FINANCIAL).items():
        meant |= {key.replace("_", " "): code, code.lower(): code}
        meant |= {other.lower(): other for other in others}
    matches = get_close_matches(country.strip().lower(), meant, n=3, cutoff=0.65)
    return list(dict.fromkeys(meant[match] for match in matches))


def joint(*days: WorkingDays) -> WorkingDays:
    """Days that are working days in all the tables, over the days that all of them cover.

    ValueError if there is no table or no such day.
    """
    if not days:
        raise ValueError("a joint calendar needs at least one calendar")
    first, last = max(table.first for table in days), min(table.last for table in days)
    span = _days(first, last)
    flags = np.logical_and.reduce([table.is_working(span) for table in days])
    unsure = [table.provisional_from for table in days if table.provisional_from is not None]
    provisional_from = min((day for day in unsure if day <= last), default=None)
    return WorkingDays(first, flags, provisional_from)


def amended(days: WorkingDays, closed: Iterable[date] = (), opened: Iterable[date] = ()) -> WorkingDays:
    """The table with some days closed and some opened, whatever they were before.

    Days outside of the table change nothing, so one list serves runs of any length. A day in both
    lists is refused with ValueError.
    """
    shut, open_ = set(closed), set(opened)
    if both := sorted(shut & open_):
        raise ValueError(f"{both[0]} is declared closed and opened; remove it from one of the lists")
    flags = days.flags.copy()
    flags[_offsets(days, shut)] = False
    flags[_offsets(days, open_)] = True
    return WorkingDays(days.first, flags, days.provisional_from)


def replaced(days: WorkingDays, other: WorkingDays, first: date, end: date | None) -> WorkingDays:
    """The table with the days of `other`, which covers the same ones, from `first` on and before `end` (None: all)."""
    flags = days.flags.copy()
    low = max((first - days.first).days, 0)
    high = len(flags) if end is None else max((end - days.first).days, low)
    flags[low:high] = other.flags[low:high]
    return WorkingDays(days.first, flags, days.provisional_from)


def difference_from_weekdays(days: WorkingDays) -> tuple[list[date], list[date]]:
    """Closed weekdays (Monday to Friday) and open weekend days, each in order.

    With the first and last day, they say all that `from_exceptions` needs to rebuild the table.
    """
    table = _days(days.first, days.last)
    plain = np.is_busday(table)
    return table[plain & ~days.flags].tolist(), table[~plain & days.flags].tolist()


def from_exceptions(
    first: date,
    last: date,
    closed_weekdays: Iterable[date],
    open_weekends: Iterable[date],
    provisional_from: date | None = None,
) -> WorkingDays:
    """The table that `difference_from_weekdays` took apart; ValueError for a day of the wrong kind."""
    shut, open_ = list(closed_weekdays), list(open_weekends)
    for day in shut:
        if day.weekday() >= _SATURDAY:
            raise ValueError(f"{day} is no weekday, so it cannot be a closed weekday")
    for day in open_:
        if day.weekday() < _SATURDAY:
            raise ValueError(f"{day} is no weekend day, so it cannot be an open weekend")
    plain = amended(weekdays(first, last), shut, open_)
    return WorkingDays(first, plain.flags, provisional_from)


def _days(first: date, last: date) -> Days:
    if first > last:
        raise ValueError(f"a calendar cannot run from {first} back to {last}")
    return np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + _ONE_DAY)


def _offsets(days: WorkingDays, chosen: set[date]) -> list[int]:
    return [(day - days.first).days for day in chosen if days.first <= day <= days.last]


def weeks_of(days: Days) -> NDArray[np.int64]:
    """Number of the week of each day; weeks begin on Mondays, and day 0, 1 January 1970, was a Thursday."""
    return np.asarray((days.astype("datetime64[D]").astype(np.int64) + 3) // 7)


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or the last one of a month that is too short."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


class Code(NamedTuple):
    """What the holidays package calls a country or a financial market."""

    code: str
    name: str
    is_market: bool


def resolve(country: str) -> Code:
    """The code that the holidays package prefers for a country or market; ValueError if it knows none."""
    from holidays.registry import COUNTRIES, FINANCIAL  # noqa: PLC0415  as in country_days

    wanted = _OTHER_NAMES.get(country, country)
    for registry, is_market in ((COUNTRIES, False), (FINANCIAL, True)):
        for name, code, *others in registry.values():
            if wanted == code or wanted in others:
                return Code(code, name, is_market)
    hint = " or ".join(repr(code) for code in close_codes(country))
    meant = f"did you mean {hint}?" if hint else "use an ISO 3166 code such as BY, CN or RU"
    raise ValueError(f"{country!r} is no calendar known to the holidays package; {meant}")


def _holidays(of: Code, years: Iterable[int] = ()) -> HolidayBase:
    """The holidays of a country or market in some years, those of its banks where the package has them."""
    import holidays  # noqa: PLC0415  a slow import that most runs do not need

    if of.is_market:
        return holidays.financial_holidays(of.code, years=years)
    options = _BANKS_OF.get(of.code, {})
    found = holidays.country_holidays(of.code, years=years, **options)
    if options or _BANK not in found.supported_categories:
        return found
    categories = (found.default_category, _BANK)
    found = holidays.country_holidays(of.code, years=years, categories=categories, language="en_US")
    for day, name in list(found.items()):
        if all(_HALF_DAY.search(part) for part in name.split("; ")):
            found.pop(day)
    return found


def _is_bank_day(found: HolidayBase, day: date) -> bool:
    """Whether banks work: the package's own answer, but for Saturdays of a six-day week."""
    if day.weekday() == _SATURDAY and set(found.weekend) == {_SUNDAY}:
        return False
    return bool(found.is_working_day(day))


def _undecreed_from(found: HolidayBase, last: date) -> date | None:
    """The first of January after the last decree known to the package, if the table reaches it.

    The package keeps a year's decrees under that year in `special_public_holidays`. None for a place
    that moves no working days.
    """
    if not getattr(found, "has_substituted_holidays", False):
        return None
    start = date(max(found.special_public_holidays) + 1, 1, 1)
    return start if start <= last else None
