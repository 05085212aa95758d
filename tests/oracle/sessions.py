"""Opening hours as a list of sessions, asked about one instant at a time."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.core.hours import OpeningHours


class Sessions:
    """The table of sessions of a facility, each half-open."""

    def __init__(self, hours: OpeningHours) -> None:
        self._opens = hours.starts.tolist()
        self._closes = hours.ends.tolist()

    def opening(self, at: int) -> int | None:
        """The first open instant not before `at`; None if there is none."""
        session = bisect_right(self._closes, at)
        return max(at, self._opens[session]) if session < len(self._opens) else None

    def closing(self, at: int) -> int:
        """When the session closes in which `at` lies."""
        return self._closes[bisect_right(self._closes, at)]
