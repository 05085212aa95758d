"""Where settlement takes place: the ledger, the agenda, and what is requested in the run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.clock import NEVER
from sim.engine.agenda import Agenda, Phase
from sim.engine.changes import NOTHING
from sim.engine.ledger import Ledger, LoanBook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sim.engine.records import FundingMove, Offset, SquaringPayment, TreasuryDeal
    from sim.engine.requests import Requests
    from sim.engine.systems.base import Facility
    from sim.world.world import World


class Floor:
    """What systems, desks and actors share: requests, the agenda on which all put what they will do, and money.

    Requests are known by number; their columns are lists, since single elements of arrays are slow to read.
    `journey` is who asks, `payment` the number of the payment that makes it, at whichever attempt.
    `settled` and `arrival` hold instants of settlement (−1: not yet) and of submission; what is reviewed has
    settled when the review ends.
    """

    def __init__(self, world: World, requests: Requests, rearrive: Callable[[int, int, int], int]) -> None:
        """`rearrive(request, met_at, next_request)` says when a late payment asks for something next."""
        self.ledger = Ledger(world.network.accounts)
        self.loans = LoanBook(self.ledger)
        self.agenda = Agenda(world.window.start, world.window.end)
        self.requests = requests
        #: The facility that takes in each request.
        nobody: Any = None
        self.takers: list[Facility] = [nobody] * requests.rows
        self.journey: list[int] = requests.journey.tolist()
        self.payment: list[int] = world.journeys.payment[requests.journey].tolist()
        self.debit: list[int] = requests.debit.tolist()
        self.credit: list[int] = requests.credit.tolist()
        self.amount: list[int] = requests.amount.tolist()
        self.priority: list[int] = requests.priority.tolist()
        #: The counter-movement of a transfer in a link; −1 elsewhere.
        self.counter: list[int] = requests.counter.tolist()
        self.arrival: list[int] = requests.arrival.tolist()
        self.planned = self.arrival[: requests.submitted]
        self.settled = [-1] * len(self.journey)
        #: Requests of payments that waited before: their planned arrival no longer holds. They are marked and passed
        #: over, for the plan is one sorted list, and to take one out of it would move all those behind it.
        self.late = bytearray((requests.arrival >= NEVER).tobytes())
        #: When a request was accepted for a netting cycle, and when that takes place; for a review, its beginning.
        self.cycles: dict[int, tuple[int, int]] = {}
        #: Transfers in the order in which they came to wait, and by which change each was let go, see `Changes`.
        self.queued: dict[int, int] = {}
        #: What actors did beside settling payments, in order of time.
        self.deals: list[TreasuryDeal] = []
        self.funded: list[FundingMove] = []
        self.shifts: list[tuple[int, int, int, int]] = []
        self.squarings: list[SquaringPayment] = []
        self.offsets: list[Offset] = []
        self._following: list[int] = requests.following.tolist()
        self._part: list[int] = requests.part.tolist()
        self._parts: list[int] = requests.parts.tolist()
        self._rearrive = rearrive
        self._watchers: dict[int, Callable[[int, int], None]] = {}
        self._wanted: Callable[[int, int], None] | None = None
        self._world = world

    def serve(self, facilities: Sequence[Facility], asked: NDArray[np.int64]) -> None:
        """Have facilities take in the requests for which `asked` holds their number, and not −1."""
        # A list: arrays of objects hide cycles from the collector, and a run would never be let go.
        for number in np.flatnonzero(asked >= 0).tolist():
            self.takers[number] = facilities[asked[number]]

    def covers(self, number: int) -> bool:
        """Whether the debited account covers a transfer."""
        return self.ledger.covers(self.debit[number], self.amount[number])

    def brought(self, posting: int) -> int:
        """How much money a posting moved."""
        transfer = self.ledger.transfer(posting)
        return self.amount[transfer] if transfer >= 0 else self.ledger.other_amount(posting)

    def touches(self, number: int, accounts: frozenset[int]) -> bool:
        """Whether a transfer, or its counter-movement, debits or credits one of the accounts."""
        if self.debit[number] in accounts or self.credit[number] in accounts:
            return True
        return self.counter[number] >= 0 and self.touches(self.counter[number], accounts)

    def void(self, number: int) -> None:
        """What was planned for a payment after a request does not hold; `finish` finds out when it asks for it."""
        following = self._following[number]
        while following >= 0:
            for part in self.parts(following):
                self.late[part] = True
            following = self._following[following]

    def hold(self, number: int) -> None:
        """A submitted transfer has to wait for money: what was planned for its payment from here on is void."""
        self.void(number)
        self.queued[number] = NOTHING
        if self._wanted is not None:
            self.want(self.debit[number], self.arrival[number])
            if self.counter[number] >= 0:
                self.want(self.debit[self.counter[number]], self.arrival[number])

    def want(self, account: int, at: int) -> None:
        """Payments may lack money on an account: whoever lends on demand is told."""
        if self._wanted is not None:
            self._wanted(account, at)

    def on_want(self, told: Callable[[int, int], None]) -> None:
        """Have `told(account, at)` called when payments may lack money."""
        self._wanted = told

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
            # Whoever never waited is submitted as planned, without an event.
            if self.late[following] and self._complete(number):
                self.arrive(following, self._rearrive(number, at, following))
        elif number in self._watchers and self._complete(number):
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
            self._watchers[part] = told

    def arrive(self, number: int, at: int) -> None:
        """A transfer that could not be planned is submitted, with all its parts, at an instant that is known now."""
        for part in self.parts(number):
            self.arrival[part] = at
            order = -self.priority[part], self.payment[part], part
            self.agenda.schedule(at, Phase.SUBMISSION, partial(self.submit, part), *order)

    def submit(self, number: int, at: int) -> None:
        """Have a request taken in."""
        self.takers[number].submit(number, at)

    def parts(self, number: int) -> range:
        """The numbers of a transfer's parts, given the first."""
        return range(number, number + self._parts[number])
