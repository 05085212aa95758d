"""Where settlement takes place: the ledger, the transfers of the run, and the clock.

Order at one instant: failures of banks, then money delivered to treasuries, then loans received or due, then payers at
the market, then submissions by priority and payment number, then netting cycles, then draws on facilities, then
decisions of treasuries, then the end of sessions, then payees at the market.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

import simpy

from sim.engine.ledger import Ledger
from sim.engine.loans import LoanBook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.engine.routes import Transfers
    from sim.world.build import World


#: Instead of a following transfer: somebody wants to know when this one, the last of its payment, settles.
_WATCHED: Final = -2


class Phase(IntEnum):
    """What comes first among the things that happen at one instant."""

    FAILURE = 0
    DELIVERY = 1
    LOAN = 2
    EXCHANGE = 3
    SUBMISSION = 4
    NETTING = 5
    DRAWING = 6
    TREASURY = 7
    CLOSING = 8
    SALE = 9


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

    Transfers are known by number; their columns are lists, since single elements of arrays are slow to read.
    `settled` and `arrival` hold instants of settlement (−1: not yet) and of submission.
    """

    def __init__(self, world: World, transfers: Transfers, rearrive: Callable[[int, int, int], int]) -> None:
        """`rearrive(transfer, settled_at, next_transfer)` says when a late payment is submitted next."""
        self.ledger = Ledger(world.network.accounts)
        self.loans = LoanBook(self.ledger)
        self.end = world.window.end
        self.payment: list[int] = transfers.payment.tolist()
        self.debit: list[int] = transfers.debit.tolist()
        self.credit: list[int] = transfers.credit.tolist()
        self.amount: list[int] = transfers.amount.tolist()
        self.haste: list[int] = transfers.haste.tolist()
        self.planned: list[int] = transfers.arrival.tolist()
        self.arrival = self.planned.copy()
        self.settled = [-1] * len(self.payment)
        #: Transfers of payments that waited before: their planned arrival no longer holds.
        self.late = bytearray(len(self.payment))
        #: When a transfer was accepted for a netting cycle, and when that takes place, by transfer.
        self.cycles: dict[int, tuple[int, int]] = {}
        #: Whether an event was scheduled since this was last set to false.
        self.eventful = False
        #: Told the account and the instant when a transfer has to wait, where anybody lends on demand.
        self.wanting: Callable[[int, int], None] | None = None
        self._following: list[int] = transfers.following.tolist()
        self._rearrive = rearrive
        self._watchers: dict[int, Callable[[int, int], None]] = {}
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
        """Whether a transfer debits or credits one of the accounts."""
        return self.debit[number] in accounts or self.credit[number] in accounts

    def hold(self, number: int) -> None:
        """A submitted transfer has to wait: what was planned for its payment from here on is void."""
        following = self._following[number]
        while following >= 0:
            self.late[following] = True
            following = self._following[following]
        if self.wanting is not None:
            self.wanting(self.debit[number], self.arrival[number])

    def note_cycle(self, number: int, accepted_at: int, cycle_at: int) -> None:
        """A transfer was accepted for the cycle at `cycle_at`: until then it waits for netting, not for money."""
        self.cycles.setdefault(number, (accepted_at, cycle_at))

    def post(self, number: int, at: int) -> None:
        """Settle a transfer that is covered."""
        self.ledger.settle(number, self.debit[number], self.credit[number], self.amount[number], at)
        self._finish(number, at)

    def post_together(self, numbers: Sequence[int], at: int) -> None:
        """Settle transfers that are covered together, though perhaps not one by one."""
        with self.ledger.together():
            for number in numbers:
                self.ledger.settle(number, self.debit[number], self.credit[number], self.amount[number], at)
        for number in numbers:
            self._finish(number, at)

    def _finish(self, number: int, at: int) -> None:
        self.settled[number] = at
        following = self._following[number]
        if following >= 0:
            if self.late[following]:
                self.arrive(following, self._rearrive(number, at, following))
        elif following == _WATCHED:
            self._watchers[number](number, at)

    def watch(self, number: int, told: Callable[[int, int], None]) -> None:
        """Tell somebody the number and the instant when a transfer settles that is the last of its payment."""
        self._following[number] = _WATCHED
        self._watchers[number] = told

    def arrive(self, number: int, at: int) -> None:
        """A transfer that could not be planned is submitted at an instant that is known now."""
        self.arrival[number] = at
        self.schedule(at, Action(Phase.SUBMISSION, self.haste[number], self.payment[number], number))
