"""A bank may limit more than its overdraft: what it sends to another bank or to many, and what it keeps in reserve.

A limit is net: a payment takes its amount from limits of its payer and gives it back to limits of its payee. What is
left of a limit must not end below zero if anything is taken from it. Since only later payments of the same bank use up
its limits, sets that keep the order of queues still have a largest one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.engine.netting.queue import totals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.engine.netting.queue import Queue


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Limits by number: their bank, and what is left of them, which may be negative as long as nothing is taken.

    `takes` and `brings` have one row per payment of a queue and any number of columns: limits that its payer
    takes from and that it brings its amount back to, −1 for none.
    """

    owner: NDArray[np.int64]
    left: Amounts
    takes: NDArray[np.int64]
    brings: NDArray[np.int64]

    @classmethod
    def none(cls, payments: int) -> Limits:
        """No limits on any of so many payments."""
        empty, untouched = np.zeros(0, dtype=np.int64), np.zeros((payments, 0), dtype=np.int64)
        return cls(empty, empty, untouched, untouched)

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return len(self.left) > 0

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Limits:
        """The same limits for the chosen payments."""
        return replace(self, takes=self.takes[rows], brings=self.brings[rows])

    def exceeded(self, queue: Queue) -> NDArray[np.bool_]:
        """Limits that would end below zero, and that something is taken from, if the whole queue settled."""
        used = np.zeros(len(self.left), dtype=np.bool_)
        used[self.takes[self.takes >= 0]] = True
        left = self.left.copy()
        for limits, sign in ((self.takes, -1), (self.brings, 1)):
            for column in limits.T:
                left += sign * totals(column[column >= 0], queue.amount[column >= 0], len(left))
        return used & (left < 0)


class Headroom:
    """What is left of the limits of all banks, as it stands while payments are chosen or given up."""

    def __init__(self, queue: Queue, limits: Limits) -> None:
        self._left: list[int] = limits.left.tolist()
        #: How many of the chosen payments take from each limit.
        self._users = [0] * len(self._left)
        self._of_bank: defaultdict[int, list[int]] = defaultdict(list)
        for limit, bank in enumerate(limits.owner.tolist()):
            self._of_bank[bank].append(limit)
        self._amount: list[int] = queue.amount.tolist()
        self._takes = _numbers(limits.takes)
        self._brings = _numbers(limits.brings)

    def choose(self, row: int) -> None:
        """Choose a payment."""
        self._move(row, 1)

    def give_up(self, row: int) -> None:
        """Choose it no longer."""
        self._move(row, -1)

    def choose_within(self, row: int) -> bool:
        """Choose a payment if what is left allows it; returns whether it does."""
        allowed = all(self._left[limit] >= self._amount[row] for limit in self._takes[row])
        if allowed:
            self.choose(row)
        return allowed

    def exceeded(self, bank: int) -> bool:
        """Whether a limit of the bank that something is taken from is below zero."""
        return any(self._left[limit] < 0 and self._users[limit] for limit in self._of_bank[bank])

    def _move(self, row: int, sign: int) -> None:
        amount = sign * self._amount[row]
        for limit in self._takes[row]:
            self._left[limit] -= amount
            self._users[limit] += sign
        for limit in self._brings[row]:
            self._left[limit] += amount


def headroom(queue: Queue, limits: Limits | None, chosen: Iterable[int] = ()) -> Headroom | None:
    """What the limits of a queue leave when some rows are chosen.

    None without limits, so that a loop over payments that nothing limits passes over it at once.
    """
    if not limits:
        return None
    left = Headroom(queue, limits)
    for row in chosen:
        left.choose(row)
    return left


def _numbers(limits: NDArray[np.int64]) -> list[list[int]]:
    return [[limit for limit in row if limit >= 0] for row in limits.tolist()]
