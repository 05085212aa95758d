"""A payment asks a system to move money (at once, in parts, or in two legs together), and a desk to review it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import Seconds
from sim.core.currency import Amounts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.world.world import World

Numbers = NDArray[np.int64]

_NO_LIMIT = np.iinfo(np.int64).max


class Asked(NamedTuple):
    """What payments on their journeys ask of one step: accounts, and the instants if nobody waits.

    They are asked of a `system`, or of the `desk` of a bank, by its number; the other one is −1. A desk moves nothing:
    its accounts are −1. The counter-accounts are debited and credited with the counter-value in a link; elsewhere
    they are −1.
    """

    journey: Numbers
    step: Numbers
    system: Numbers
    desk: Numbers
    debit: Numbers
    credit: Numbers
    counter_debit: Numbers
    counter_credit: Numbers
    arrival: Seconds

    def chosen(self, rows: NDArray[np.intp]) -> Asked:
        """Some of the rows, or each as often as it is named."""
        return Asked(*(column[rows] for column in self))


class Requests(NamedTuple):
    """One row per movement or review: first those that are submitted, in order, then the counter-movements of links.

    `arrival` is the instant of submission if nobody waits; of those who come together, a higher `priority` goes first.
    The `parts` of a payment that is split stand next to each other, numbered
    by `part`, and are submitted together. `following` is the first row of the same journey at its next step, or
    −1. `counter` is the row of the counter-movement, or −1; its amount is known when the payment is submitted.
    """

    journey: Numbers
    step: Numbers
    part: Numbers
    parts: Numbers
    system: Numbers
    desk: Numbers
    debit: Numbers
    credit: Numbers
    amount: Amounts
    priority: Numbers
    arrival: Seconds
    following: Numbers
    counter: Numbers

    @property
    def rows(self) -> int:
        """How many movements and reviews there are."""
        return len(self.journey)

    @property
    def submitted(self) -> int:
        """How many rows are submitted; the others are counter-movements."""
        return self.rows - int(np.count_nonzero(self.counter >= 0))

    @property
    def first_part(self) -> Numbers:
        """The row of each movement's first part; for a counter-movement, of what it answers to."""
        first = np.arange(self.rows) - self.part
        linked = np.flatnonzero(self.counter >= 0)
        first[self.counter[linked]] = linked
        return first

    def ends(self, journeys: int) -> tuple[Numbers, Numbers]:
        """The first and the last row of each of so many journeys, −1 for one that asks for nothing.

        Of what is split or linked, the first part stands for all of it.
        """
        whole = np.flatnonzero(self.first_part == np.arange(self.rows))
        in_order = whole[np.lexsort((self.step[whole], self.journey[whole]))]
        first, last = np.full(journeys, -1, dtype=np.int64), np.full(journeys, -1, dtype=np.int64)
        first[self.journey[in_order[::-1]]] = in_order[::-1]
        last[self.journey[in_order]] = in_order
        return first, last


def plan_requests(world: World, chunks: Iterable[Asked]) -> Requests:
    """Everything that is asked for in the run, by planned arrival, then priority, journey, step and part."""
    nothing = Asked(*[np.zeros(0, dtype=np.int64)] * len(Asked._fields))
    asked = Asked(*(np.concatenate(columns) for columns in zip(nothing, *chunks, strict=True)))
    urgent_first = -world.payments.priority[asked.journey]
    asked = asked.chosen(np.lexsort((asked.step, asked.journey, urgent_first, asked.arrival)))
    return _with_counters(*_divided(asked, world))


def _divided(asked: Asked, world: World) -> tuple[Requests, Asked]:
    """A row for each part: as many as the system needs for the amount, all but the last of the largest size."""
    limits = [_NO_LIMIT if most is None else most for most in world.network.split_above]
    # What no system is asked for (−1) is not divided: it takes the last.
    largest = np.array([*limits, _NO_LIMIT], dtype=np.int64)[asked.system]
    amount = world.payments.amount[asked.journey]
    parts = -(-amount // largest)
    first = np.cumsum(parts) - parts
    of = np.repeat(np.arange(len(parts)), parts)
    part, rows = np.arange(len(of)) - first[of], asked.chosen(of)
    following = _following(asked)
    requests = Requests(
        journey=rows.journey,
        step=rows.step,
        part=part,
        parts=parts[of],
        system=rows.system,
        desk=rows.desk,
        debit=rows.debit,
        credit=rows.credit,
        amount=np.where(part < parts[of] - 1, largest[of], (amount - (parts - 1) * largest)[of]),
        priority=world.payments.priority[rows.journey],
        arrival=rows.arrival,
        following=np.where(following < 0, -1, first[following])[of],
        counter=np.full(len(of), -1),
    )
    return requests, rows


def _following(asked: Asked) -> Numbers:
    """Row of the next step of the same payment, −1 after its last."""
    by_journey = np.lexsort((asked.step, asked.journey))
    following = np.full(len(by_journey), -1, dtype=np.int64)
    journey = asked.journey[by_journey]
    same = journey[:-1] == journey[1:]
    following[by_journey[:-1][same]] = by_journey[1:][same]
    return following


def _with_counters(submitted: Requests, asked: Asked) -> Requests:
    """The counter-movements below what they answer to; their amounts are not known yet."""
    linked = np.flatnonzero(asked.counter_debit >= 0)
    if not len(linked):
        return submitted
    none = np.full(len(linked), -1)
    answers = Requests(*(column[linked] for column in submitted))._replace(
        debit=asked.counter_debit[linked],
        credit=asked.counter_credit[linked],
        amount=np.zeros(len(linked), dtype=np.int64),
        following=none,
    )
    counter = submitted.counter.copy()
    counter[linked] = submitted.rows + np.arange(len(linked))
    submitted = submitted._replace(counter=counter)
    return Requests(*(np.concatenate(both) for both in zip(submitted, answers, strict=True)))
