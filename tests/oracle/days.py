"""Why something is shut: on which local day it is, looked up one day at a time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from datetime import date

    from oracle.sessions import Sessions
    from sim.scenario.model.timing import HoursChoice
    from sim.world.world import DrawnWorld

_SATURDAY = 5


class LocalDays:
    """The days of some hours: in their zone, worked as their calendar says, or as the timeline has it."""

    def __init__(self, choice: HoursChoice, world: DrawnWorld) -> None:
        declared = world.scenario.hours.get(choice) if isinstance(choice, str) else choice
        self._name = choice if isinstance(choice, str) else None
        self._calendar = "always" if declared is None else declared.calendar
        self._zone = world.window.zone if declared is None else ZoneInfo(declared.zone)
        self._world = world

    def reason(self, at: int) -> str:
        """Why it is shut at an instant at which it is."""
        day = datetime.fromtimestamp(at, self._zone).date()
        if self._is_worked(day):
            return "closed_hours"
        return "closed_weekend" if day.weekday() >= _SATURDAY else "closed_holiday"

    def midnight(self, at: int) -> int:
        """The local midnight after an instant."""
        day = datetime.fromtimestamp(at, self._zone).date() + timedelta(days=1)
        return int(datetime.combine(day, time(), tzinfo=self._zone).timestamp())

    def _is_worked(self, day: date) -> bool:
        calendar = self._calendar
        for entry in self._world.scenario.timeline if self._name is not None else ():
            if entry.kind == "service_days" and self._name in entry.hours and day in entry.days:
                return True
            if entry.kind == "hours" and entry.hours == self._name and entry.calendar is not None:
                begun = entry.from_ is None or entry.from_.date() <= day
                if begun and (entry.to is None or day < entry.to.date()):
                    calendar = entry.calendar
        return bool(self._world.openings.days(calendar).is_working(np.array([day], dtype="datetime64[D]"))[0])


def shut(since: int, until: int, parts: list[Sessions]) -> Counter[str]:
    """The seconds of a stretch in which not all parts are open, by reason: that of the one that opens last.

    Of several that open together it is the first; each part as if there were no outages.
    """
    found: Counter[str] = Counter()
    parts = [part.schedule for part in parts]
    now = since
    while now < until:
        opens = [part.opening(now) for part in parts]
        turns = [until, *(at for at in opens if at is not None and at > now)]
        turns += [part.closing(now) for part, at in zip(parts, opens, strict=True) if at == now]
        if any(at != now for at in opens):
            latest = max(until if at is None else at for at in opens)
            last = next(
                p for p, at in zip(parts, opens, strict=True) if (until if at is None else at) >= latest
            )
            assert last.days is not None
            turns.append(last.days.midnight(now))
            found[last.days.reason(now)] += min(turns) - now
        now = min(turns)
    return found
