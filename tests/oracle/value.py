"""On which day what a bank accepts has value, worked out one day at a time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from sim.scenario.model.network import Route
    from sim.scenario.model.value import ValueDate
    from sim.world.world import DrawnWorld

_SATURDAY = 5


class Promise:
    """What one side's payers are promised on a route."""

    def __init__(self, world: DrawnWorld, route: Route, stated: ValueDate) -> None:
        self._stated, self._openings = stated, world.openings
        choice = stated.cutoff
        hours = world.scenario.hours.get(choice) if isinstance(choice, str) else choice
        self._zone = world.window.zone if hours is None else ZoneInfo(hours.zone)
        self._calendars = [world.openings.days(name) for name in stated.calendars]
        self._last = min(calendar.last for calendar in self._calendars)
        self._cutoff = world.openings.hours(choice)
        settle = next(step for step in route.steps if step.kind == "settle")
        linked = world.scenario.systems[settle.system].linked
        first = world.scenario.systems[linked[0] if linked else settle.system]
        table = world.openings.hours(first.hours)
        self._business: dict[date, tuple[int, int]] = {}
        for opens, closes, day in zip(
            *(c.tolist() for c in (table.starts, table.ends, table.value_dates)), strict=True
        ):
            known = self._business.get(day, (opens, closes))
            self._business[day] = min(known[0], opens), max(known[1], closes)

    def value_date(self, at: int) -> tuple[date | None, bool]:
        """The day for which it is accepted at an instant, None after the calendars end; and whether it is the same."""
        today = datetime.fromtimestamp(at, self._zone).date()
        ends = zip(self._cutoff.value_dates.tolist(), self._cutoff.ends.tolist(), strict=True)
        in_time = any(day == today and at <= end for day, end in ends)
        if in_time and self._stated.days == 0 and self._is_joint(today):
            return today, True
        number = max(self._stated.days, 1) if in_time else self._stated.late
        return next((day for n, day in enumerate(self._joint_after(today), 1) if n == number), None), False

    def released(self, value_date: date | None, at: int) -> tuple[int | None, bool]:
        """When it may settle, and whether it is ready too late for its day."""
        if value_date is None:
            return None, False
        opens, closes = self._business_day(value_date)
        if closes is None or at < closes:
            return (None if opens is None else max(opens, at)), False
        for day in self._joint_after(value_date):
            opens, closes = self._business_day(day)
            if closes is None or closes > at:
                return (None if opens is None else max(opens, at)), True
        return None, True

    def shut(self, since: int, until: int) -> Counter[str]:
        """The reasons of a wait for a value date."""
        found: Counter[str] = Counter()
        while since < until:
            day = datetime.fromtimestamp(since, self._zone).date()
            midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=self._zone)
            ends = min(until, int(midnight.timestamp()))
            rest = "closed_weekend" if day.weekday() >= _SATURDAY else "closed_holiday"
            found["closed_hours" if self._is_joint(day) else rest] += ends - since
            since = ends
        return found

    def _is_joint(self, day: date) -> bool:
        asked = np.array([day], dtype="datetime64[D]")
        return all(bool(calendar.is_working(asked)[0]) for calendar in self._calendars)

    def _joint_after(self, day: date) -> Iterator[date]:
        while (day := day + timedelta(days=1)) <= self._last:
            if self._is_joint(day):
                yield day

    def _business_day(self, day: date) -> tuple[int | None, int | None]:
        later = [known for known in self._business if known >= day]
        return self._business[min(later)] if later else (None, None)
