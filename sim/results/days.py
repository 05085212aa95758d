"""A system's business day is a working day of its hours, from its first session to the end of its last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.calendars import Days
from sim.core.clock import NEVER, Seconds
from sim.results.instants import instants
from sim.scenario.topology import books, zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours
    from sim.world.world import DrawnWorld


@dataclass(frozen=True, slots=True, eq=False)
class BusinessDays:
    """The business days of one system that a run touches, in order, numbered from 0.

    `opens_at` and `closes_at` are UTC seconds, `zone` is that of the hours, `counted` marks the days that overlap
    the period.
    """

    date: Days
    opens_at: Seconds
    closes_at: Seconds
    counted: NDArray[np.bool_]
    zone: ZoneInfo
    _session_start: Seconds
    _session_day: NDArray[np.int64]

    def __len__(self) -> int:
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


def business_days(world: DrawnWorld) -> dict[str, BusinessDays]:
    """The business days of each system that overlap the run; the day of a system that is out is as long as ever."""
    window, network = world.window, world.network
    run, period = (window.start, window.end), (window.period_start, window.period_end)
    kept = books(world.scenario)
    return {
        name: _days(hours.scheduled, run, period, zone_of(world.scenario, name))
        for name, hours in zip(network.systems, network.system_hours, strict=True)
        if name in kept
    }


def _days(hours: OpeningHours, run: tuple[int, int], period: tuple[int, int], zone: ZoneInfo) -> BusinessDays:
    date, number = np.unique(hours.value_dates, return_inverse=True)
    opens_at, closes_at = np.full(len(date), NEVER), np.full(len(date), -NEVER)
    np.minimum.at(opens_at, number, hours.starts)
    np.maximum.at(closes_at, number, hours.ends)
    touched = _overlaps(opens_at, closes_at, run)
    renumbered = np.where(touched, np.cumsum(touched) - 1, -1)[number]
    opens_at, closes_at = opens_at[touched], closes_at[touched]
    return BusinessDays(
        date=date[touched],
        opens_at=opens_at,
        closes_at=closes_at,
        counted=_overlaps(opens_at, closes_at, period),
        zone=zone,
        _session_start=hours.starts[renumbered >= 0],
        _session_day=renumbered[renumbered >= 0],
    )


def _overlaps(opens_at: Seconds, closes_at: Seconds, span: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray((opens_at < span[1]) & (closes_at > span[0]))
