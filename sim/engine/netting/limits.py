"""A bank may bound more than its balance: what it pays to another bank or to many, and out of what it reserves.

Each bound is a purse beside the bank's balance. A payment takes its amount from purses of its payer and brings it
to purses of its payee; a purse that anything is taken from must not end below zero. Since only later payments of the
same bank empty its purses, sets that keep the order of queues still have a largest one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.engine.netting.queue import Lines, totals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.engine.netting.queue import Queue


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Purses by number: their bank, and what is left in them, which may be negative as long as nothing is taken.

    `takes` and `brings` have one row per payment of a queue and any number of columns: purses that its payer
    takes from and that it brings its amount to, −1 for none.
    """

    owner: NDArray[np.int64]
    left: Amounts
    takes: NDArray[np.int64]
    brings: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Limits:
        """The bounds of the chosen payments."""
        return replace(self, takes=self.takes[rows], brings=self.brings[rows])

    def taken(self, queue: Queue) -> Amounts:
        """What the queue would take from each purse."""
        return self._sums(self.takes, queue)

    def brought(self, queue: Queue) -> Amounts:
        """What the queue would bring to each purse."""
        return self._sums(self.brings, queue)

    def after(self, queue: Queue) -> Limits:
        """What is left after the whole queue has settled."""
        return replace(self, left=self.left - self.taken(queue) + self.brought(queue))

    def exceeded(self, queue: Queue) -> NDArray[np.bool_]:
        """Purses that would end below zero, and that something is taken from, if the whole queue settled."""
        used = np.zeros(len(self.left), dtype=np.bool_)
        used[self.takes[self.takes >= 0]] = True
        return used & (self.after(queue).left < 0)

    def _sums(self, purses: NDArray[np.int64], queue: Queue) -> Amounts:
        columns = [
            totals(column[column >= 0], queue.amount[column >= 0], len(self.left)) for column in purses.T
        ]
        return (
            np.sum(columns, axis=0, dtype=np.int64) if columns else np.zeros(len(self.left), dtype=np.int64)
        )


class Purses:
    """Balances and bounds of all banks, as they stand while payments are chosen or given up.

    Balances come first, so that the purse of bank i is number i.
    """

    def __init__(self, queue: Queue, available: Amounts, limits: Limits) -> None:
        n = len(available)
        self._left: list[int] = [*available.tolist(), *limits.left.tolist()]
        self._users = [0] * len(self._left)
        self._of_bank: list[list[int]] = [[bank] for bank in range(n)]
        for purse, bank in enumerate(limits.owner.tolist(), start=n):
            self._of_bank[bank].append(purse)
        self._amount: list[int] = queue.amount.tolist()
        self._takes = _purses(queue.payer, limits.takes, n)
        self._brings = _purses(queue.payee, limits.brings, n)

    def settle(self, row: int) -> None:
        """Choose a payment."""
        self._move(row, 1)

    def give_up(self, row: int) -> None:
        """Choose it no longer."""
        self._move(row, -1)

    def cover(self, row: int) -> bool:
        """Whether a payment could be made with what is there."""
        return all(self._left[purse] >= self._amount[row] for purse in self._takes[row])

    def short(self, bank: int) -> bool:
        """Whether a purse of the bank that something is taken from is below zero."""
        return any(self._left[purse] < 0 and self._users[purse] for purse in self._of_bank[bank])

    def _move(self, row: int, sign: int) -> None:
        amount = sign * self._amount[row]
        for purse in self._takes[row]:
            self._left[purse] -= amount
            self._users[purse] += sign
        for purse in self._brings[row]:
            self._left[purse] += amount


def _purses(banks: NDArray[np.int64], more: NDArray[np.int64], n: int) -> list[list[int]]:
    columns = np.column_stack([banks, np.where(more >= 0, more + n, -1)]).tolist()
    return [[purse for purse in row if purse >= 0] for row in columns]


def singly_within(queue: Queue, available: Amounts, limits: Limits) -> NDArray[np.bool_]:
    """As `singly`, within limits."""
    lines, purses = Lines(queue, len(available)), Purses(queue, available, limits)
    head, end = lines.ends[:-1], lines.ends[1:]
    work = list(range(len(available)))
    while work:
        bank = work.pop()
        while head[bank] < end[bank] and purses.cover(lines.row(head[bank])):
            purses.settle(lines.row(head[bank]))
            work.append(lines.payee[head[bank]])
            head[bank] += 1
    return lines.before(head)


def multilateral_within(queue: Queue, available: Amounts, limits: Limits) -> NDArray[np.bool_]:
    """As `multilateral`, within limits."""
    lines, purses = Lines(queue, len(available)), Purses(queue, available, limits)
    for row in range(len(queue)):
        purses.settle(row)
    first, end = lines.ends[:-1], lines.ends[1:]
    work = list(range(len(available)))
    while work:
        bank = work.pop()
        while end[bank] > first[bank] and purses.short(bank):
            end[bank] -= 1
            purses.give_up(lines.row(end[bank]))
            work.append(lines.payee[end[bank]])
    return lines.before(end)
