"""What a bank needs during a day is how far its payments have taken it below where it began."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.currency import Amounts

    Numbers = NDArray[np.int64]


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
    shape: tuple[int, int], day: Numbers, debit: Numbers, credit: Numbers, amount: Amounts, batch: Numbers
) -> Swings:
    """The swings of movements given in their order; those of one `batch` take effect together."""
    sent, received, lowest, highest = (np.zeros(shape, dtype=np.int64) for _ in range(4))
    np.add.at(sent, (day, debit), amount)
    np.add.at(received, (day, credit), amount)
    if len(amount):
        days, accounts = np.concatenate([day, day]), np.concatenate([debit, credit])
        place = np.concatenate([np.arange(len(amount))] * 2)
        order = np.lexsort((place, accounts, days))
        days, accounts, batch = days[order], accounts[order], batch[place[order]]
        change = np.concatenate([-amount, amount])[order]
        ends = np.append((days[1:] != days[:-1]) | (accounts[1:] != accounts[:-1]), True)
        first = np.flatnonzero(np.append(True, ends[:-1]))
        total = np.cumsum(change)
        position = total - np.repeat(total[first] - change[first], np.diff(np.append(first, len(total))))
        # Between the movements of a batch nothing is seen; zero changes no extreme.
        seen = np.where(ends | np.append(batch[1:] != batch[:-1], True), position, 0)
        where = (days[first], accounts[first])
        lowest[where] = np.minimum(np.minimum.reduceat(seen, first), 0)
        highest[where] = np.maximum(np.maximum.reduceat(seen, first), 0)
    return Swings(sent, received, lowest, highest)


def extremes(
    at: Numbers, change: Amounts, starts: Numbers, before: int, batch: Numbers | None = None
) -> tuple[Amounts, Amounts]:
    """Lowest and highest value within each interval from one of `starts` to the next.

    The value is `before` at first and changes at each of the instants `at`, which are in order; changes of one
    `batch` (by default, of one instant) take effect together. A change at a start belongs to what it begins.
    """
    together = at if batch is None else batch
    last = np.append(together[1:] != together[:-1], True)[: len(at)]
    value, at = (before + np.cumsum(change))[last], at[last]
    lowest = np.concatenate([[before], value])[np.searchsorted(at, starts, side="left")]
    highest = lowest.copy()
    interval = np.searchsorted(starts, at, side="right") - 1
    within = interval >= 0
    np.minimum.at(lowest, interval[within], value[within])
    np.maximum.at(highest, interval[within], value[within])
    return lowest, highest
