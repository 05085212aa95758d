"""Every second between instruction and credit has exactly one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours

#: The causes, in the order of their columns.
CAUSES: Final = (
    "processing",
    "closed",
    "screening",
    "fx",
    "liquidity",
    "netting",
    "outage",
    "returned",
)


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
        self.seconds[rows, CAUSES.index(cause)] += until - since

    def spend_in(
        self, rows: NDArray[np.int64], since: Seconds, until: Seconds, cause: str, hours: OpeningHours
    ) -> None:
        """Count what `[since, until)` has of open hours under `cause`, and the rest under `closed`."""
        since, until = np.minimum(since, self._end), np.minimum(until, self._end)
        working = hours.open_seconds(since, until)
        self.seconds[rows, CAUSES.index(cause)] += working
        self.seconds[rows, CAUSES.index("closed")] += until - since - working
