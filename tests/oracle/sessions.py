"""Opening hours as a list of sessions, asked about one instant at a time."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from oracle.days import shut

if TYPE_CHECKING:
    from collections import Counter
    from datetime import date

    from oracle.days import LocalDays
    from sim.core.hours import OpeningHours


class Sessions:
    """The table of sessions of a facility, each half-open."""

    def __init__(
        self, hours: OpeningHours, days: LocalDays | None = None, parts: list[Sessions] | None = None
    ) -> None:
        """`days` are the local days of the hours; a link has none, but the `parts` that have to be open together."""
        self.days = days
        self._parts = parts
        self._opens = hours.starts.tolist()
        self._closes = hours.ends.tolist()
        self._days = hours.value_dates.tolist()
        starts = zip(self._opens, self._days, strict=True)
        #: When each working day begins.
        self.first_openings = sorted({day: opens for opens, day in reversed(list(starts))}.values())
        #: The sessions as they would be without outages.
        self.schedule = self if hours.schedule is None else Sessions(hours.schedule, days, parts)

    def opening(self, at: int) -> int | None:
        """The first open instant not before `at`; None if there is none."""
        session = bisect_right(self._closes, at)
        return max(at, self._opens[session]) if session < len(self._opens) else None

    def shut(self, since: int, until: int) -> Counter[str]:
        """How long it is shut between two instants, outages apart, by reason."""
        return shut(since, until, self._parts or [self])

    def opened(self, at: int) -> int:
        """When the session opened in which `at` lies."""
        return self._opens[bisect_right(self._closes, at)]

    def day(self, at: int) -> date | None:
        """The working day in whose session `at` lies, or a later one that has begun; None if hours have no days."""
        days: list[date | None] = self._days[: bisect_right(self._closes, at) + 1]
        return None if None in days else max(days)

    def next_day(self, at: int) -> int | None:
        """When the next working day would begin without outages; None if there is none."""
        days = self.schedule.first_openings
        return next((opens for opens in days if opens > at), None)

    def closing(self, at: int) -> int:
        """When the session closes in which `at` lies."""
        return self._closes[bisect_right(self._closes, at)]

    def opens_from(self, at: int) -> list[int]:
        """Every opening from an instant on."""
        return [opens for opens in self._opens if opens >= at]

    def open_seconds(self, since: int, until: int) -> int:
        """How long it is open between two instants."""
        sessions = zip(self._opens, self._closes, strict=True)
        return sum(max(0, min(closes, until) - max(opens, since)) for opens, closes in sessions)

    def done(self, at: int, work: int) -> int | None:
        """When work that begins at the first open instant from `at` on is done; None if the sessions end first."""
        opens = self.opening(at)
        while opens is not None and work > self.closing(opens) - opens:
            work -= self.closing(opens) - opens
            opens = self.opening(self.closing(opens))
        return None if opens is None else opens + work
