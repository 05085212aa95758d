"""Payments that no bank could make alone may settle together, for each brings what another needs.

Three rules that keep the order of each bank's queue, from the weakest to the strongest: one payment at a
time (`singly`), two banks at a time (`bilateral`), all banks at once (`multilateral`). Everywhere `available`
is what each bank can pay out, its balance and its overdraft limit together, and the answer is a mask over the queue's
rows. Without `limits` nothing else bounds what a bank sends.
"""

from __future__ import annotations

from collections import defaultdict, deque
from heapq import heappop, heappush
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from sim.engine.netting.queue import BankQueues, check, check_banks, headroom

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.engine.netting.queue import Headroom, Limits, Queue


def singly(queue: Queue, available: Amounts, limits: Limits | None = None) -> NDArray[np.bool_]:
    """What settles one by one: a payment at the head of its bank's queue that the bank covers, until none is.

    The answer does not depend on whose turn it is. A bank's cover falls only by its own payments, whose order
    is fixed, so a covered head stays covered until it settles, whatever others do first.
    """
    check(queue, available)
    queues, within = BankQueues(queue, len(available)), headroom(queue, limits)
    payee, amount = queues.payee, queues.amount
    left: list[int] = available.tolist()
    head, end = queues.ends[:-1], queues.ends[1:]
    work = list(range(len(left)))
    while work:
        bank = work.pop()
        while head[bank] < end[bank] and amount[head[bank]] <= left[bank]:
            position = head[bank]
            if within is not None and not within.choose_within(queues.row(position)):
                break
            left[bank] -= amount[position]
            left[payee[position]] += amount[position]
            work.append(payee[position])
            head[bank] += 1
    return queues.before(head)


def multilateral(queue: Queue, available: Amounts, limits: Limits | None = None) -> NDArray[np.bool_]:
    """The largest set, by value and by count, of which each bank's part is a prefix of its queue.

    It is unique: two such sets that leave nobody short have a union that leaves nobody short. Hence a bank
    that is short although all others pay must give up its last payment, and it does not matter which of the
    banks in deficit does so first (Danmarks Nationalbank, Kronos; MAS, Project Ubin, 2017).
    """
    check(queue, available)
    n = len(available)
    queues, within = BankQueues(queue, n), headroom(queue, limits, range(len(queue)))
    payee, amount = queues.payee, queues.amount
    sent = queue.sent(n)
    # More than a bank owes it cannot use; without the excess the sums stay within int64.
    left: list[int] = (np.minimum(available, sent) - sent + queue.received(n)).tolist()
    end = queues.ends[1:]
    work = [bank for bank in range(n) if left[bank] < 0 or (within is not None and within.exceeded(bank))]
    while work:
        bank = work.pop()
        cover, last = left[bank], end[bank]
        while cover < 0 or (within is not None and within.exceeded(bank)):
            last -= 1
            cover += amount[last]
            other = payee[last]
            before = left[other]
            left[other] = before - amount[last]
            if 0 <= before < amount[last]:
                work.append(other)
            if within is not None:
                within.give_up(queues.row(last))
                if within.exceeded(other):
                    work.append(other)
        left[bank], end[bank] = cover, last
    return queues.before(end)


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
    within = headroom(queue, limits)
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
        net = _trim((one, there, left[one]), (other, back, left[other]), waiting.amount, within)
        if not (there and back):
            continue
        settled[there], settled[back] = True, True
        left[one] -= net
        left[other] += net
        waiting.leave(one, other, len(there))
        waiting.leave(other, one, len(back))
        # A bank whose cover fell can offset nothing new, unless another payee came to the head of its queue, or
        # what was short was a limit.
        for bank in (one, other) if not by_pair or within is not None else (other,) if net > 0 else (one,):
            for found in waiting.pairs(bank) - queued:
                heappush(work, found)
                queued.add(found)
    return settled


def _trim(
    one: tuple[int, list[int], int],
    other: tuple[int, list[int], int],
    amount: list[int],
    within: Headroom | None,
) -> int:
    """Shorten two runs to the largest prefixes whose net both banks cover; returns the first bank's net.

    Of each bank: its number, its run, and its cover. If one of the runs is left empty, nothing of them is chosen.
    """
    bank, there, cover = one
    partner, back, partner_cover = other
    net = sum([amount[row] for row in there]) - sum([amount[row] for row in back])
    if within is not None:
        for row in [*there, *back]:
            within.choose(row)
    while True:
        if net > cover or (within is not None and there and within.exceeded(bank)):
            row = there.pop()
            net -= amount[row]
        elif -net > partner_cover or (within is not None and back and within.exceeded(partner)):
            row = back.pop()
            net += amount[row]
        else:
            break
        if within is not None:
            within.give_up(row)
    if within is not None and not (there and back):
        for row in [*there, *back]:
            within.give_up(row)
    return net


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


def net_positions(queue: Queue, n: int) -> Amounts:
    """Received − sent by each of `n` banks if everything settles; the positions add up to zero."""
    check_banks(queue, n)
    return queue.received(n) - queue.sent(n)


def loss_shares(shortfall: int, weights: NDArray[np.int64]) -> Amounts:
    """Split a loss in proportion to `weights`, in whole minor units that add up to it exactly.

    Each share is rounded down; the units left over go to the largest remainders, the first of equal ones
    (Hamilton's method). ValueError for a negative loss or weight, and for a loss that nobody can bear.
    """
    if shortfall < 0 or (len(weights) and weights.min() < 0):
        raise ValueError("neither a loss nor a weight can be negative")
    # Python's integers: a product of a loss and a weight may pass int64.
    parts = [shortfall * weight for weight in weights.tolist()]
    total = sum(weights.tolist())
    if total == 0:
        if shortfall:
            raise ValueError(f"a loss of {shortfall} needs at least one survivor with a positive weight")
        return np.zeros(len(weights), dtype=np.int64)
    shares = [part // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: -(parts[place] % total))
    for place in by_remainder[: shortfall - sum(shares)]:
        shares[place] += 1
    return np.array(shares, dtype=np.int64)
