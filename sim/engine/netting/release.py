"""Payments that no bank could make alone may settle together, for each brings what another needs.

Three rules that keep the order of each bank's queue, from the weakest to the strongest: one payment at a
time (`singly`), two banks at a time (`bilateral`), all banks at once (`multilateral`). Everywhere `available`
is what each bank can pay out, its balance above its floor, and the answer is a mask over the queue's rows.
"""

from __future__ import annotations

from collections import defaultdict, deque
from heapq import heappop, heappush
from itertools import chain, takewhile
from typing import TYPE_CHECKING

import numpy as np

from sim.engine.netting.limits import Purses, multilateral_within, singly_within
from sim.engine.netting.queue import Lines, check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.engine.netting.limits import Limits
    from sim.engine.netting.queue import Queue


def singly(queue: Queue, available: Amounts, limits: Limits | None = None) -> NDArray[np.bool_]:
    """What settles one by one: a payment at the head of its bank's queue that the bank covers, until none is.

    The answer does not depend on whose turn it is. A bank's cover falls only by its own payments, whose order
    is fixed, so a covered head stays covered until it settles, whatever others do first.
    """
    check(queue, available)
    if limits is not None:
        return singly_within(queue, available, limits)
    lines = Lines(queue, len(available))
    left: list[int] = available.tolist()
    head, end = lines.ends[:-1], lines.ends[1:]
    work = list(range(len(left)))
    while work:
        bank = work.pop()
        while head[bank] < end[bank] and lines.amount[head[bank]] <= left[bank]:
            position = head[bank]
            left[bank] -= lines.amount[position]
            left[lines.payee[position]] += lines.amount[position]
            work.append(lines.payee[position])
            head[bank] += 1
    return lines.before(head)


def multilateral(queue: Queue, available: Amounts, limits: Limits | None = None) -> NDArray[np.bool_]:
    """The largest set, by value and by count, of which each bank's part is a prefix of its queue.

    It is unique: two such sets that leave nobody short have a union that leaves nobody short. Hence a bank
    that is short although all others pay must give up its last payment, and it does not matter which of the
    banks in deficit does so first (Danmarks Nationalbank, Kronos; MAS, Project Ubin, 2017).
    """
    check(queue, available)
    if limits is not None:
        return multilateral_within(queue, available, limits)
    n = len(available)
    lines = Lines(queue, n)
    payee, amount = lines.payee, lines.amount
    sent = queue.sent(n)
    # More than a bank owes it cannot use; without the excess the sums stay within int64.
    left: list[int] = (np.minimum(available, sent) - sent + queue.received(n)).tolist()
    end = lines.ends[1:]
    work = [bank for bank in range(n) if left[bank] < 0]
    while work:
        bank = work.pop()
        cover, last = left[bank], end[bank]
        while cover < 0:
            last -= 1
            cover += amount[last]
            other = payee[last]
            before = left[other]
            left[other] = before - amount[last]
            if 0 <= before < amount[last]:
                work.append(other)
        left[bank], end[bank] = cover, last
    return lines.before(end)


def bilateral(
    queue: Queue, available: Amounts, *, by_pair: bool, limits: Limits | None = None
) -> NDArray[np.bool_]:
    """Offset opposite payments of two banks, pair after pair, until no pair can offset more.

    A pair offsets the largest prefixes of what the two owe each other whose net both can cover, provided that
    both pay. With `by_pair` a payment waits only behind earlier ones to the same payee; otherwise behind all
    of its bank's, so that only the run at the head of the queue that goes to the partner can take part.

    Cover used by one pair is missing in the next, so the order of pairs matters: always the pair whose
    earliest payment in the queue came first, among those that can offset.
    """
    check(queue, available)
    purses = None if limits is None else Purses(queue, available, limits)
    left: list[int] = available.tolist()
    waiting = _Waiting(queue, by_pair=by_pair)
    settled = np.zeros(len(queue), dtype=np.bool_)
    work = sorted({pair for bank in range(len(left)) for pair in waiting.pairs(bank)})
    queued = set(work)
    while work:
        pair = heappop(work)
        queued.remove(pair)
        _, one, other = pair
        there, back = waiting.run(one, other), waiting.run(other, one)
        if purses is None:
            net = _trim(there, back, left[one], left[other], waiting.amount)
        else:
            net = _trim_within(purses, {one: there, other: back}, waiting.amount)
        if not (there and back):
            continue
        settled[there], settled[back] = True, True
        left[one] -= net
        left[other] += net
        waiting.leave(one, other, len(there))
        waiting.leave(other, one, len(back))
        # A bank whose cover fell can offset nothing new, unless another payee came to the head of its queue, or
        # what was short was another purse.
        for bank in (one, other) if not by_pair or purses else (other,) if net > 0 else (one,):
            for found in waiting.pairs(bank) - queued:
                heappush(work, found)
                queued.add(found)
    return settled


def _trim(there: list[int], back: list[int], cover: int, other_cover: int, amount: list[int]) -> int:
    """Shorten two runs to the largest prefixes whose net both banks cover; returns the first bank's net."""
    net = sum([amount[row] for row in there]) - sum([amount[row] for row in back])
    while not -other_cover <= net <= cover:
        if net > 0:
            net -= amount[there.pop()]
        else:
            net += amount[back.pop()]
    return net


def _trim_within(purses: Purses, runs: dict[int, list[int]], amount: list[int]) -> int:
    """As `_trim`, with the runs by payer, within limits; what is left of them is settled in the purses."""
    one, other = runs
    for row in chain(*runs.values()):
        purses.settle(row)
    while short := [bank for bank, run in runs.items() if run and purses.short(bank)]:
        purses.give_up(runs[short[0]].pop())
    if not all(runs.values()):
        for row in chain(*runs.values()):
            purses.give_up(row)
    return sum([amount[row] for row in runs[one]]) - sum([amount[row] for row in runs[other]])


class _Waiting:
    """The payments not yet offset, in one lane per payer, or one per payer and payee."""

    def __init__(self, queue: Queue, *, by_pair: bool) -> None:
        payer: list[int] = queue.payer.tolist()
        self.amount: list[int] = queue.amount.tolist()
        self._payee: list[int] = queue.payee.tolist()
        self._by_pair = by_pair
        self._lanes: dict[tuple[int, int], deque[int]] = defaultdict(deque)
        self._earliest: dict[tuple[int, int], int] = {}
        # Whom each bank could pay next.
        self._next: dict[int, set[int]] = defaultdict(set)
        for row, (one, other) in enumerate(zip(payer, self._payee, strict=True)):
            lane = self._lanes[self._lane(one, other)]
            if not lane:
                self._next[one].add(other)
            lane.append(row)
            self._earliest.setdefault((min(one, other), max(one, other)), row)

    def pairs(self, bank: int) -> set[tuple[int, int, int]]:
        """Pairs of `bank` and a partner that could both pay next: earliest row, lower and higher number."""
        pairs = (
            (min(bank, other), max(bank, other)) for other in self._next[bank] if bank in self._next[other]
        )
        return {(self._earliest[pair], *pair) for pair in pairs}

    def run(self, payer: int, payee: int) -> list[int]:
        """Rows that `payer` can send to `payee` before anything else has to leave."""
        lane = self._lanes[self._lane(payer, payee)]
        if self._by_pair:
            return list(lane)
        return list(takewhile(lambda row: self._payee[row] == payee, lane))

    def leave(self, payer: int, payee: int, count: int) -> None:
        """Take the first `count` payments out of the lane."""
        lane = self._lanes[self._lane(payer, payee)]
        for _ in range(count):
            lane.popleft()
        self._next[payer].discard(payee)
        if lane:
            self._next[payer].add(self._payee[lane[0]])

    def _lane(self, payer: int, payee: int) -> tuple[int, int]:
        return (payer, payee if self._by_pair else payer)


def has_gridlock(queue: Queue, available: Amounts, limits: Limits | None = None) -> bool:
    """Whether nothing can settle alone, and yet something can settle together in queue order."""
    return not singly(queue, available, limits).any() and bool(multilateral(queue, available, limits).any())


def is_deadlock(queue: Queue, available: Amounts, limits: Limits | None = None) -> bool:
    """Whether payments wait of which, in queue order, nothing can settle without new money."""
    return len(queue) > 0 and not multilateral(queue, available, limits).any()
