"""Every second between instruction and credit has exactly one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.causes import CAUSES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours


def _column(cause: str) -> int:
    """The column of a cause; TypeError for a word that is none."""
    if cause not in CAUSES:
        raise TypeError(
            f"{cause!r} is no cause of delay; those that are have their words in sim/core/causes.py"
        )
    return CAUSES.index(cause)


class Delays:
    """Seconds per payment and cause, cut off at the instant until which payments are followed.

    Callers hand over adjoining intervals, so that the causes of a payment add up to the time it took.
    """

    def __init__(self, payments: int, end: int) -> None:
        self.seconds: NDArray[np.int64] = np.zeros((payments, len(CAUSES)), dtype=np.int64)
        self._end = end

    def spend(self, rows: NDArray[np.int64], since: Seconds, until: Seconds, cause: str) -> None:
        """Count `[since, until)` of each payment in `rows` (no row twice) under `cause`."""
        since, until = np.minimum(since, self._end), np.minimum(until, self._end)
        self.seconds[rows, _column(cause)] += until - since

    def spend_shut(
        self, rows: NDArray[np.int64], since: Seconds, until: Seconds, hours: OpeningHours
    ) -> None:
        """Count a wait for `hours` to open: what it would have been without outages, and the rest as `outage`."""
        due = until if hours.schedule is None else np.minimum(hours.schedule.next_open(since), until)
        self.spend(rows, since, due, "closed")
        self.spend(rows, due, until, "outage")

    def spend_working(
        self, rows: NDArray[np.int64], since: Seconds, work: Seconds, cause: str, hours: OpeningHours
    ) -> None:
        """Count `work` from `since` on in `hours`: open seconds under `cause`, the others under `closed`.

        What it ends later because of outages is `outage`.
        """
        schedule = hours.scheduled
        due = schedule.advance(since, work)
        self.spend_in_hours(rows, since, due, cause, schedule)
        if hours.schedule is not None:
            self.spend(rows, due, hours.advance(since, work), "outage")

    def spend_in_hours(
        self, rows: NDArray[np.int64], since: Seconds, until: Seconds, cause: str, hours: OpeningHours
    ) -> None:
        """Count a wait within and between sessions: open seconds under `cause`, the others under `closed`.

        Those in which only an outage kept it shut are `outage`.
        """
        since, until = np.minimum(since, self._end), np.minimum(until, self._end)
        scheduled = hours.scheduled.open_seconds(since, until)
        working = hours.open_seconds(since, until)
        self.seconds[rows, _column(cause)] += working
        self.seconds[rows, _column("outage")] += scheduled - working
        self.seconds[rows, _column("closed")] += until - since - scheduled
