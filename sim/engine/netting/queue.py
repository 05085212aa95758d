"""A payment waits behind the earlier payments of its own bank, and never behind those of another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sim.core.currency import Amounts

#: The value of a queue stays below this, so that sums over it, and differences of two, are exact in int64.
MOST: Final = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """Waiting payments in queue order, one row each: banks by number, amounts in minor units.

    Refused with ValueError: columns that differ in length or are not int64, a negative bank number, a bank
    that pays itself, an amount that is not positive, a total of 2⁶² or more.
    """

    payer: NDArray[np.int64]
    payee: NDArray[np.int64]
    amount: Amounts

    def __post_init__(self) -> None:
        """Refuse what is not a queue."""
        columns = (self.payer, self.payee, self.amount)
        if any(column.ndim != 1 or column.dtype != np.int64 for column in columns):
            raise ValueError("payer, payee and amount must be one-dimensional arrays of int64")
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1:
            raise ValueError(f"payer, payee and amount differ in length: {lengths}")
        _refuse((self.payer < 0) | (self.payee < 0), "has a bank with a negative number")
        _refuse(self.payer == self.payee, "is from a bank to itself; it needs no settlement")
        _refuse(self.amount <= 0, "has an amount that is not positive")
        # A float is near enough to find a total that int64 may not hold; Python's integers decide.
        if self.amount.sum(dtype=np.float64) > MOST / 2 and sum(self.amount.tolist()) >= MOST:
            raise ValueError(f"the payments add up to {MOST} minor units or more; sums would not be exact")

    def __len__(self) -> int:
        return len(self.amount)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Queue:
        """The chosen payments, by mask or by row numbers, in the order in which they are given."""
        return Queue(self.payer[rows], self.payee[rows], self.amount[rows])

    def value(self, rows: NDArray[np.bool_]) -> int:
        """Sum of the chosen payments, in minor units."""
        return int(self.amount[rows].sum())

    def sent(self, n: int) -> Amounts:
        """What each of `n` banks is to pay."""
        return totals(self.payer, self.amount, n)

    def received(self, n: int) -> Amounts:
        """What each of `n` banks is to be paid."""
        return totals(self.payee, self.amount, n)


def totals(banks: NDArray[np.int64], amount: Amounts, n: int) -> Amounts:
    """Sum of the amounts by bank, exact (np.bincount would add floats)."""
    found = np.zeros(n, dtype=np.int64)
    np.add.at(found, banks, amount)
    return found


def check(queue: Queue, available: Amounts) -> None:
    """ValueError if a bank of the queue is unknown, or if a bank is beyond its overdraft limit already."""
    if available.ndim != 1 or available.dtype != np.int64:
        raise ValueError("available must be a one-dimensional array of int64")
    if len(available) and available.min() < 0:
        bank = int(available.argmin())
        raise ValueError(f"bank {bank} is {-int(available[bank])} beyond its overdraft limit")
    check_banks(queue, len(available))


def check_banks(queue: Queue, n: int) -> None:
    """ValueError if the queue names a bank that is not among `n`."""
    _refuse((queue.payer >= n) | (queue.payee >= n), f"has a bank that is not among the {n} given")


def _refuse(wrong: NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        raise ValueError(f"payment {int(wrong.argmax())} {what}")


class BankQueues:
    """The queue of each bank: the payments of bank i stand at `ends[i] … ends[i + 1] − 1`.

    Lists, since single elements of arrays are slow to read.
    """

    def __init__(self, queue: Queue, n: int) -> None:
        self._order = np.argsort(queue.payer, kind="stable")
        self._payer = queue.payer[self._order]
        self.ends: list[int] = np.searchsorted(self._payer, np.arange(n + 1)).tolist()
        self.payee: list[int] = queue.payee[self._order].tolist()
        self.amount: list[int] = queue.amount[self._order].tolist()

    def row(self, position: int) -> int:
        """The queue's row at a position."""
        return int(self._order[position])

    def before(self, position: list[int]) -> NDArray[np.bool_]:
        """Mask over the queue's rows: those that stand before the position given for their bank."""
        mask = np.empty(len(self._order), dtype=np.bool_)
        limit = np.array(position, dtype=np.int64)
        mask[self._order] = np.arange(len(mask)) < limit[self._payer]
        return mask


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Limits by number: their bank, and what is left of them, which may be negative as long as nothing is taken.

    A limit is net: a payment takes its amount from limits of its payer and gives it back to limits of its payee.
    What is left of a limit must not end below zero if anything is taken from it. Since only later payments of the
    same bank use up its limits, sets that keep the order of queues still have a largest one.

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
