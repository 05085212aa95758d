"""A market deals in its hours; an auction deals at its instants and gathers orders in between."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from sim.core.clock import from_instant, local_instant
from sim.core.hours import OpeningHours
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.model.trade import WEEKDAYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sim.scenario.model import Scenario
    from sim.scenario.model.trade import Weekly
    from sim.world.timing import Openings, Window


def dealing_hours(name: str, scenario: Scenario, openings: Openings) -> OpeningHours:
    """When a market deals: its sessions, or sessions of one second in which auctions take place."""
    market, whose = scenario.markets[name], ("market", name)
    if market.kind == "continuous":
        return openings.hours(market.hours, whose)
    hours = openings.hours(market.hours)
    declared = scenario.hours.get(market.hours) if isinstance(market.hours, str) else market.hours
    zone = openings.window.zone if declared is None else ZoneInfo(declared.zone)
    times = [seconds_after_midnight(text) for text in market.at]
    found = {
        instant: session
        for session, (start, end) in enumerate(zip(hours.starts.tolist(), hours.ends.tolist(), strict=True))
        for day in _dates(start, end, zone)
        for instant in (local_instant(day, at, zone) for at in times)
        if start <= instant < end
    }
    instants = np.array(sorted(found), dtype=np.int64)
    sessions = np.array([found[instant] for instant in sorted(found)], dtype=np.int64)
    auctions = OpeningHours(instants, instants + 1, hours.value_dates[sessions])
    return auctions.without(openings.gaps(whose))


def weekly_instants(declared: Weekly, window: Window) -> list[int]:
    """When foreign cash is sold, from the start of the run to its end."""
    zone, at = ZoneInfo(declared.zone), seconds_after_midnight(declared.at)
    days = _dates(window.start, window.end, zone)
    found = [local_instant(day, at, zone) for day in days if WEEKDAYS[day.weekday()] == declared.weekday]
    return [instant for instant in found if window.start <= instant < window.end]


def _dates(start: int, end: int, zone: ZoneInfo) -> Iterator[date]:
    """Local dates from one instant to another."""
    day, last = from_instant(start, zone).date(), from_instant(end, zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
