"""What is still to happen: whoever wants to act later puts a call of its own on the agenda.

Order at one instant is explicit: by `Phase`, then by the numbers that whoever schedules states (a payment after its
priority, an account, a system), and of equals the one scheduled first.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeAlias

import simpy

if TYPE_CHECKING:
    from collections.abc import Callable

Do: TypeAlias = "Callable[[int], object]"
#: Phase, order and serial number of a call, and the call itself, which is never compared.
Entry: TypeAlias = "tuple[Phase, tuple[int, ...], int, Do]"


class Phase(IntEnum):
    """What comes first among the things that happen at one instant."""

    FAILURE = 0
    """Banks fail, and those who waited behind their payments go on."""
    LINK = 1
    """Links look at accounts that were credited."""
    DELIVERY = 2
    """Money that treasuries bought arrives; money is granted and withdrawn from outside; accounts are funded."""
    LOAN = 3
    """Loans are received and fall due."""
    EXCHANGE = 4
    """Payers turn to the market."""
    REVIEW = 5
    """Analysts take up the next case."""
    SUBMISSION = 6
    """Payments ask for what they need, by priority and number."""
    NETTING = 7
    """Cycles, offsetting, and changes of bounds that somebody waits for."""
    DRAWING = 8
    """Banks draw on facilities."""
    TREASURY = 9
    """Treasuries decide."""
    CLOSING = 10
    """Sessions end, and clearing accounts are squared."""
    FUNDING = 11
    """Accounts are funded out of what their sources got at the instant, or at an opening that ends a session."""
    SALE = 12
    """Payees turn to the market with what they were credited, payers with what they need no more."""
    CASH_SALE = 13
    """Payees sell the foreign cash that they kept."""


class Agenda:
    """SimPy carries the instants to come; what is due at the present one lies in a heap."""

    def __init__(self, start: int, end: int) -> None:
        """Nothing happens at `end` or later."""
        self.start = start
        self.end = end
        #: Whether anything was scheduled since this was last set to false.
        self.eventful = False
        self._env = simpy.Environment(initial_time=start)
        self._due: list[Entry] = []
        self._scheduled = 0

    @property
    def next_event(self) -> float:
        """Instant of the next event, infinite if there is none."""
        return self._env.peek()

    def schedule(self, at: int, phase: Phase, do: Do, *order: int) -> None:
        """Have `do(at)` called at an instant, perhaps the present one, unless the run is over by then.

        Of two in one phase the one with the smaller `order` comes first, compared as tuples are: an order that is
        the beginning of another one comes before it.
        """
        if at < self.end:
            self.eventful = True
            self._scheduled += 1
            entry: Entry = (phase, order, self._scheduled, do)
            timeout = self._env.timeout(at - self._env.now)
            timeout.callbacks.append(lambda _: heappush(self._due, entry))

    def remind(self, interval: int, told: Callable[[int], None]) -> None:
        """Tell the time now and then; nothing else depends on these events."""
        told(int(self._env.now))
        if self._env.now + interval < self.end:
            timeout = self._env.timeout(interval)
            timeout.callbacks.append(lambda _: self.remind(interval, told))

    def due(self, at: int) -> Entry | None:
        """The first call of the instant `at` that is still on the agenda; None if there is none left."""
        while self._env.peek() == at:
            self._env.step()
        return self._due[0] if self._due else None

    def take(self) -> Do:
        """Take the first call off the agenda."""
        return heappop(self._due)[-1]
