"""A week of rates ends on the last of its days on which every currency was observed."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.history import observations

if TYPE_CHECKING:
    from sim.core.calendars import Days

Floats = NDArray[np.float64]

#: 1970-01-01 was a Thursday.
_MONDAYS_OFFSET = 3


class Weeks(NamedTuple):
    """Weekly log changes of rates per USD: `moves` [weeks, currencies], the week that ends on `ends[k]`."""

    currencies: tuple[str, ...]
    ends: Days
    moves: Floats

    def __len__(self) -> int:
        """Number of weeks."""
        return len(self.moves)


@cache
def weekly_moves(currencies: tuple[str, ...], first: date, last: date) -> Weeks:
    """Changes between consecutive weeks, Monday to Sunday, with a day on which all `currencies` were observed.

    Where a week has no such day, there is no change into it nor out of it. From one end to the next are
    five to nine days, and seven nearly always. There may be no week.
    """
    seen = [observations(code).within(first, last) for code in currencies]
    common = seen[0].days
    for series in seen[1:]:
        common = np.intersect1d(common, series.days)
    week = (common.astype(np.int64) + _MONDAYS_OFFSET) // 7
    ends = common[np.append(week[1:] != week[:-1], True)] if len(common) else common
    levels = np.column_stack([np.log(series.per_usd[np.searchsorted(series.days, ends)]) for series in seen])
    number = (ends.astype(np.int64) + _MONDAYS_OFFSET) // 7
    consecutive = np.diff(number) == 1
    weeks = Weeks(currencies, ends[1:][consecutive], np.diff(levels, axis=0)[consecutive])
    for array in (weeks.ends, weeks.moves):
        array.setflags(write=False)
    return weeks
