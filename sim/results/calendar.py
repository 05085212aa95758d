"""Payments pile up while a country rests: how many are under way each night, and when each side has holidays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import from_instant, local_instant
from sim.results.instants import instants

if TYPE_CHECKING:
    from sim.core.clock import Seconds
    from sim.engine.records import Records
    from sim.world.world import DrawnWorld


def local_days(world: DrawnWorld) -> tuple[list[date], Seconds]:
    """The local days of the period, and the midnights around them: one more than there are days."""
    window = world.window
    first = from_instant(window.period_start, window.zone).date()
    last = from_instant(window.period_end - 1, window.zone).date()
    days = [first + timedelta(days=k) for k in range((last - first).days + 2)]
    return days[:-1], np.array([local_instant(day, 0, window.zone) for day in days], dtype=np.int64)


def in_flight_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """For each local day of the period, payments instructed before its last midnight and not over by then.

    A payment is over when it is credited or cancelled. An order at that midnight is the next day's; a credit counts.
    """
    days, midnights = local_days(world)
    at = midnights[1:]
    begun, done = world.payments.instructed_at, np.minimum(records.credited_at, records.cancelled_at)
    # What takes no time is never under way, at midnight neither.
    lasting = begun < done
    begun, done = np.sort(begun[lasting]), np.sort(done[lasting])
    return pd.DataFrame(
        {
            "date": np.array(days, dtype="datetime64[ms]"),
            "at": instants(at),
            "payments": np.searchsorted(begun, at, side="left") - np.searchsorted(done, at, side="right"),
        }
    )


def holidays_table(world: DrawnWorld) -> pd.DataFrame:
    """The stretches of days without work that hold a weekday, by side, from the start of the run to its end."""
    window, openings = world.window, world.openings
    rows = []
    for name, side in world.scenario.sides.items():
        hours = world.scenario.hours.get(side.hours) if isinstance(side.hours, str) else side.hours
        working = openings.days("always" if hours is None else hours.calendar)
        dates = np.arange(np.datetime64(working.first, "D"), np.datetime64(working.last, "D") + 1)
        rest = np.flatnonzero(~working.flags)
        for stretch in np.split(rest, np.flatnonzero(np.diff(rest) > 1) + 1):
            inside = dates[stretch]
            if (
                np.is_busday(inside).any()
                and inside[-1] >= np.datetime64(from_instant(window.start, window.zone).date())
                and inside[0] <= np.datetime64(window.last_day)
            ):
                rows.append((name, inside[0], inside[-1]))
    columns = {
        "side": pd.Categorical([row[0] for row in rows], categories=list(world.scenario.sides)),
        "first_date": np.array([row[1] for row in rows], dtype="datetime64[ms]"),
        "last_date": np.array([row[2] for row in rows], dtype="datetime64[ms]"),
    }
    return pd.DataFrame(columns)
