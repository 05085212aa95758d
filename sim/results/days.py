"""Days, local ones and those of a system, and how far amounts rise and fall within them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import NEVER, from_instant, local_instant, local_instants
from sim.results.columns import instants, seconds
from sim.results.registry import shared
from sim.scenario.topology import books, zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.core.calendars import Days
    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.results.run import Run
    from sim.scenario.window import Window

    Numbers = NDArray[np.int64]


def local_days(window: Window) -> tuple[list[date], Seconds]:
    """The local days of the period, and the midnights around them: one more than there are days."""
    return days_between(window.period_start, window.period_end, window.zone)


def days_between(start: int, end: int, zone: ZoneInfo) -> tuple[list[date], Seconds]:
    """The local days that `[start, end)` touches, and the midnights around them: one more than there are days."""
    first, last = from_instant(start, zone).date(), from_instant(end - 1, zone).date()
    days = [first + timedelta(days=k) for k in range((last - first).days + 2)]
    return days[:-1], local_instants(np.array(days, dtype="datetime64[D]"), 0, zone)


def midnights(dates: pd.Series[pd.Timestamp], zone: ZoneInfo) -> Seconds:
    """The instant with which each date begins in a zone."""
    known = {day: local_instant(day.date(), 0, zone) for day in dates.unique()}
    return np.array([known[day] for day in dates], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class BusinessDays:
    """The business days of one system that a run touches, in order, numbered from 0.

    Each is a working day of the system's hours, from its first session to the end of its last. `opens_at` and
    `closes_at` are UTC seconds, `zone` is that of the hours, `counted` marks the days that overlap the period.
    """

    date: Days
    opens_at: Seconds
    closes_at: Seconds
    counted: NDArray[np.bool_]
    zone: ZoneInfo
    _session_start: Seconds
    _session_day: NDArray[np.int64]

    def __len__(self) -> int:
        """How many days there are."""
        return len(self.date)

    def of(self, at: Seconds) -> NDArray[np.int64]:
        """Number of the day whose session was the last to open by `at`; −1 before the first one."""
        session = np.searchsorted(self._session_start, at, side="right") - 1
        day = np.append(self._session_day, -1)[session]
        return np.asarray(np.where(at < NEVER, day, -1))

    def since_midnight(self, at: Seconds, day: NDArray[np.int64]) -> Seconds:
        """Wall-clock seconds from the local midnight that begins each day's date to each instant."""
        clock = pd.DatetimeIndex(instants(at)).tz_convert(self.zone).tz_localize(None)
        midnight = self.date[day].astype("datetime64[s]")
        return np.asarray((clock.to_numpy().astype("datetime64[s]") - midnight).astype(np.int64))


@shared
def business_days(run: Run) -> dict[str, BusinessDays]:
    """The business days of each system that keeps accounts, from the table `sessions`."""
    table = run["sessions"]
    return {
        str(system): _business_days(table[table["system"] == system], run, str(system))
        for system in books(run.scenario)
    }


def _business_days(sessions: pd.DataFrame, run: Run, system: str) -> BusinessDays:
    starts, ends = seconds(sessions["opens_at"]), seconds(sessions["closes_at"])
    dates = sessions["business_day"].to_numpy().astype("datetime64[D]")
    day, number = np.unique(dates, return_inverse=True)
    opens_at, closes_at = np.full(len(day), NEVER), np.full(len(day), -NEVER)
    np.minimum.at(opens_at, number, starts)
    np.maximum.at(closes_at, number, ends)
    start, end = run.period
    return BusinessDays(
        date=day,
        opens_at=opens_at,
        closes_at=closes_at,
        counted=np.asarray((opens_at < end) & (closes_at > start)),
        zone=zone_of(run.scenario, system),
        _session_start=starts,
        _session_day=number,
    )


class Swings(NamedTuple):
    """Per day (rows) and account (columns), in minor units, from movements that begin each day at zero.

    `lowest` and `highest` are the extremes of received − sent so far, the zero at the beginning among them.
    """

    sent: Amounts
    received: Amounts
    lowest: Amounts
    highest: Amounts

    @property
    def net(self) -> Amounts:
        """Received − sent over the whole day."""
        return self.received - self.sent


def swings(
    shape: tuple[int, int], day: Numbers, debit: Numbers, credit: Numbers, amount: Amounts, at: Numbers
) -> Swings:
    """The swings of movements given in order of the instants `at`; what is seen is what an instant leaves behind."""
    sent, received, lowest, highest = (np.zeros(shape, dtype=np.int64) for _ in range(4))
    np.add.at(sent, (day, debit), amount)
    np.add.at(received, (day, credit), amount)
    if len(amount):
        days, accounts = np.concatenate([day, day]), np.concatenate([debit, credit])
        place = np.concatenate([np.arange(len(amount))] * 2)
        order = np.lexsort((place, accounts, days))
        days, accounts, at = days[order], accounts[order], at[place[order]]
        change = np.concatenate([-amount, amount])[order]
        ends = np.append((days[1:] != days[:-1]) | (accounts[1:] != accounts[:-1]), True)
        first = np.flatnonzero(np.append(True, ends[:-1]))
        total = np.cumsum(change)
        position = total - np.repeat(total[first] - change[first], np.diff(np.append(first, len(total))))
        # Between the movements of an instant nothing is seen; zero changes no extreme.
        seen = np.where(ends | np.append(at[1:] != at[:-1], True), position, 0)
        where = (days[first], accounts[first])
        lowest[where] = np.minimum(np.minimum.reduceat(seen, first), 0)
        highest[where] = np.maximum(np.maximum.reduceat(seen, first), 0)
    return Swings(sent, received, lowest, highest)


def extremes(at: Numbers, change: Amounts, starts: Numbers, before: int) -> tuple[Amounts, Amounts]:
    """Lowest and highest value within each interval from one of `starts` to the next, the start included.

    The value is `before` at first and changes at each of the instants `at`, which are in order. Only what all
    changes of an instant leave behind is seen; what a start changes belongs to what it begins.
    """
    last = np.append(at[1:] != at[:-1], True)[: len(at)]
    value, at = (before + np.cumsum(change))[last], at[last]
    lowest = np.concatenate([[before], value])[np.searchsorted(at, starts, side="right")]
    highest = lowest.copy()
    interval = np.searchsorted(starts, at, side="right") - 1
    within = interval >= 0
    np.minimum.at(lowest, interval[within], value[within])
    np.maximum.at(highest, interval[within], value[within])
    return lowest, highest
