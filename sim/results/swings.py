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
    shape: tuple[int, int], day: Numbers, debit: Numbers, credit: Numbers, amount: Amounts, at: Numbers
) -> Swings:
    """The swings of movements given in order of the instants `at`; what is seen is what an instant leaves behind."""
    sent, received, lowest, highest = (np.zeros(shape, dtype=np.int64) for _ in range(4))
    np.add.at(sent, (day, debit), amount)
    np.add.at(received, (day, credit), amount)
    if len(amount):
        days, accounts = np.concatenate([day, day]), np.concatenate([debit, credit])
        place = np.concatenate([np.arange(len(amount))] * 2)
        order = np.lexsort((place, accounts, days))
        days, accounts, at = days[order], accounts[order], at[place[order]]
        change = np.concatenate([-amount, amount])[order]
        ends = np.append((days[1:] != days[:-1]) | (accounts[1:] != accounts[:-1]), True)
        first = np.flatnonzero(np.append(True, ends[:-1]))
        total = np.cumsum(change)
        position = total - np.repeat(total[first] - change[first], np.diff(np.append(first, len(total))))
        # Between the movements of an instant nothing is seen; zero changes no extreme.
        seen = np.where(ends | np.append(at[1:] != at[:-1], True), position, 0)
        where = (days[first], accounts[first])
        lowest[where] = np.minimum(np.minimum.reduceat(seen, first), 0)
        highest[where] = np.maximum(np.maximum.reduceat(seen, first), 0)
    return Swings(sent, received, lowest, highest)


def extremes(at: Numbers, change: Amounts, starts: Numbers, before: int) -> tuple[Amounts, Amounts]:
    """Lowest and highest value within each interval from one of `starts` to the next, the start included.

    The value is `before` at first and changes at each of the instants `at`, which are in order. Only what all
    changes of an instant leave behind is seen; what a start changes belongs to what it begins.
    """
    last = np.append(at[1:] != at[:-1], True)[: len(at)]
    value, at = (before + np.cumsum(change))[last], at[last]
    lowest = np.concatenate([[before], value])[np.searchsorted(at, starts, side="right")]
    highest = lowest.copy()
    interval = np.searchsorted(starts, at, side="right") - 1
    within = interval >= 0
    np.minimum.at(lowest, interval[within], value[within])
    np.maximum.at(highest, interval[within], value[within])
    return lowest, highest
