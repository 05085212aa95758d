"""Where settlement takes place: the ledger, what is requested in the run, and the clock.

Order at one instant: failures of banks, then links whose accounts were credited, then money delivered to treasuries,
then loans received or due, then payers at the market, then analysts who take up the next case, then submissions by
priority and payment number, then netting cycles, then draws on facilities, then decisions of treasuries, then the
end of sessions, then payees at the market.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

import simpy

from sim.core.clock import NEVER
from sim.engine.ledger import Ledger
from sim.engine.loans import LoanBook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.engine.requests import Requests
    from sim.world.build import World


#: Instead of a following transfer: somebody wants to know when this one, the last of its payment, settles.
_WATCHED: Final = -2


class Phase(IntEnum):
    """What comes first among the things that happen at one instant."""

    FAILURE = 0
    LINK = 1
    DELIVERY = 2
    LOAN = 3
    EXCHANGE = 4
    REVIEW = 5
    SUBMISSION = 6
    NETTING = 7
    DRAWING = 8
    TREASURY = 9
    CLOSING = 10
    SALE = 11


class Action(NamedTuple):
    """Something to do at an instant; sorts by phase, then by falling priority, then by the rest.

    `order` is the payment, account, system or desk concerned, `subject` the number that the doer understands.
    """

    phase: Phase
    haste: int
    order: int
    subject: int
    amount: int = 0


class Floor:
    """State that all systems share.

    Requests are known by number; their columns are lists, since single elements of arrays are slow to read.
    `journey` is who asks, `payment` the number of the payment that makes it, at whichever attempt.
    `settled` and `arrival` hold instants of settlement (−1: not yet) and of submission; what is reviewed has
    settled when the review ends.
    """

    def __init__(self, world: World, requests: Requests, rearrive: Callable[[int, int, int], int]) -> None:
        """`rearrive(request, met_at, next_request)` says when a late payment asks for something next."""
        self.ledger = Ledger(world.network.accounts)
        self.loans = LoanBook(self.ledger)
        self.end = world.window.end
        self.journey: list[int] = requests.journey.tolist()
        self.payment: list[int] = world.journeys.payment[requests.journey].tolist()
        self.facility: list[int] = requests.facility.tolist()
        self.debit: list[int] = requests.debit.tolist()
        self.credit: list[int] = requests.credit.tolist()
        self.amount: list[int] = requests.amount.tolist()
        self.haste: list[int] = requests.haste.tolist()
        #: The counter-movement of a transfer in a link; −1 elsewhere.
        self.counter: list[int] = requests.counter.tolist()
        self.arrival: list[int] = requests.arrival.tolist()
        self.planned = self.arrival[: requests.submitted]
        self.settled = [-1] * len(self.journey)
        #: Requests of payments that waited before: their planned arrival no longer holds.
        self.late = bytearray((requests.arrival >= NEVER).tobytes())
        #: When a request was accepted for a netting cycle, and when that takes place; for a review, its beginning.
        self.cycles: dict[int, tuple[int, int]] = {}
        #: Transfers in the order in which they came to wait.
        self.queued: list[int] = []
        #: Whether an event was scheduled since this was last set to false.
        self.eventful = False
        #: Told the account and the instant when a transfer has to wait, where anybody lends on demand.
        self.wanting: Callable[[int, int], None] | None = None
        self._following: list[int] = requests.following.tolist()
        self._part: list[int] = requests.part.tolist()
        self._parts: list[int] = requests.parts.tolist()
        self._rearrive = rearrive
        self._watchers: dict[int, Callable[[int, int], None]] = {}
        self._world = world
        self._env = simpy.Environment(initial_time=world.window.start)
        self._agenda: list[Action] = []

    @property
    def next_event(self) -> float:
        """Instant of the next event, infinite if there is none."""
        return self._env.peek()

    def schedule(self, at: int, action: Action) -> None:
        """Have SimPy put `action` on the agenda of the instant `at`, unless the run is over by then."""
        if at < self.end:
            self.eventful = True
            timeout = self._env.timeout(at - self._env.now, value=action)
            timeout.callbacks.append(lambda event: heappush(self._agenda, event.value))

    def remind(self, interval: int, told: Callable[[int], None]) -> None:
        """Tell the time now and then; nothing else depends on these events."""
        told(int(self._env.now))
        if self._env.now + interval < self.end:
            timeout = self._env.timeout(interval)
            timeout.callbacks.append(lambda _: self.remind(interval, told))

    def due(self, at: int) -> Action | None:
        """The first action of the instant `at`, still on the agenda; None if there is none left."""
        while self._env.peek() == at:
            self._env.step()
        return self._agenda[0] if self._agenda else None

    def take(self) -> Action:
        """Take the first action off the agenda."""
        return heappop(self._agenda)

    def covers(self, number: int) -> bool:
        """Whether the debited account covers a transfer."""
        return self.ledger.covers(self.debit[number], self.amount[number])

    def touches(self, number: int, accounts: frozenset[int]) -> bool:
        """Whether a transfer, or its counter-movement, debits or credits one of the accounts."""
        if self.debit[number] in accounts or self.credit[number] in accounts:
            return True
        return self.counter[number] >= 0 and self.touches(self.counter[number], accounts)

    def void(self, number: int) -> None:
        """What was planned for a payment after a request does not hold."""
        following = self._following[number]
        while following >= 0:
            for part in self.parts(following):
                self.late[part] = True
            following = self._following[following]

    def hold(self, number: int) -> None:
        """A submitted transfer has to wait for money: what was planned for its payment from here on is void."""
        self.void(number)
        self.queued.append(number)
        if self.wanting is not None:
            self.wanting(self.debit[number], self.arrival[number])
            if self.counter[number] >= 0:
                self.wanting(self.debit[self.counter[number]], self.arrival[number])

    def counter_value(self, number: int, at: int) -> int:
        """What the payment of a transfer is exchanged for in the currency of its counter-movement.

        What the user states, or the value at mid of the instant; at least one minor unit.
        """
        payments, accounts = self._world.payments, self._world.network.accounts
        journey = self.journey[number]
        if payments.counter_amount is not None and payments.counter_amount[journey] >= 0:
            return int(payments.counter_amount[journey])
        fx = self._world.fx
        currency = fx.index(accounts.currency[self.debit[self.counter[number]]])
        own = int(payments.currency[journey])
        return max(int(fx.convert(self.amount[number], own, currency, at)), 1)

    def note_cycle(self, number: int, accepted_at: int, cycle_at: int) -> None:
        """A transfer was accepted for the cycle at `cycle_at`: until then it waits for netting, not for money."""
        self.cycles.setdefault(number, (accepted_at, cycle_at))

    def post(self, number: int, at: int) -> None:
        """Settle a transfer that is covered."""
        self.ledger.settle(number, self.debit[number], self.credit[number], self.amount[number], at)
        self.finish(number, at)

    def post_together(self, numbers: Sequence[int], at: int) -> None:
        """Settle transfers that are covered together, though perhaps not one by one."""
        with self.ledger.together():
            for number in numbers:
                self.ledger.settle(number, self.debit[number], self.credit[number], self.amount[number], at)
        for number in numbers:
            self.finish(number, at)

    def finish(self, number: int, at: int) -> None:
        """A request is met at an instant, perhaps one to come: its payment goes on."""
        self.settled[number] = at
        following = self._following[number]
        if following >= 0:
            if self.late[following] and self._complete(number):
                self.arrive(following, self._rearrive(number, at, following))
        elif following == _WATCHED and self._complete(number):
            self._watchers[number](number, at)

    def _complete(self, number: int) -> bool:
        """Whether all parts of a transfer have settled."""
        first = number - self._part[number]
        return -1 not in self.settled[first : first + self._parts[number]]

    def watch(self, number: int, told: Callable[[int, int], None]) -> None:
        """Tell somebody a number and the instant when a transfer settles that is the last of its payment.

        `number` is that of its first part; the one told is that of the part that settled last.
        """
        for part in self.parts(number):
            self._following[part] = _WATCHED
            self._watchers[part] = told

    def arrive(self, number: int, at: int) -> None:
        """A transfer that could not be planned is submitted, with all its parts, at an instant that is known now."""
        for part in self.parts(number):
            self.arrival[part] = at
            self.schedule(at, Action(Phase.SUBMISSION, self.haste[part], self.payment[part], part))

    def parts(self, number: int) -> range:
        """The numbers of a transfer's parts, given the first."""
        return range(number, number + self._parts[number])
