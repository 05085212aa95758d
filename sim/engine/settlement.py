"""A payment settles when, and only when, its system is open and the debited account covers it, in its turn.

Most payments never wait. Their submissions are sorted beforehand and drained in a plain loop up to the next
event of the simulation; only what depends on money (a treasury, or a payment that waited and so reaches its
next system late) becomes an event. SimPy keeps those events and the clock.

Order at one instant: money delivered to a treasury, then submissions by payment number, then decisions of
treasuries.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import simpy

from sim.engine.ledger import Ledger
from sim.engine.treasury import Deal, Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.routes import Transfers
    from sim.world.build import World

#: How often a progress display is told the time, over the whole run.
_TICKS = 200


class Phase(IntEnum):
    """What comes first among the things that happen at one instant."""

    DELIVERY = 0
    SUBMISSION = 1
    TREASURY = 2


class Action(NamedTuple):
    """Something to do at an instant; sorts by phase, then payment, account or desk, then transfer."""

    phase: Phase
    order: int
    subject: int
    amount: int = 0


class Settlement:
    """Settles the transfers of a run.

    After `run`, `settled` and `arrival` hold instants by transfer number: of settlement (−1 where it did not
    happen before the end), and of submission (as planned, unless the payment had waited before).
    """

    def __init__(
        self,
        world: World,
        transfers: Transfers,
        rearrive: Callable[[int, int, int], int],
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """`rearrive(transfer, settled_at, next_transfer)` says when a late payment is submitted next."""
        self.ledger = Ledger(world.network.accounts)
        self._end = world.window.end
        self._env = simpy.Environment(initial_time=world.window.start)
        self._agenda: list[Action] = []
        self._rearrive = rearrive
        # Lists, since single elements of arrays are slow to read.
        self._payment: list[int] = transfers.payment.tolist()
        self._debit: list[int] = transfers.debit.tolist()
        self._credit: list[int] = transfers.credit.tolist()
        self._amount: list[int] = transfers.amount.tolist()
        self._following: list[int] = transfers.following.tolist()
        self._planned: list[int] = transfers.arrival.tolist()
        self.arrival = self._planned.copy()
        self.settled = [-1] * len(transfers)
        # Transfers of payments that waited before: their planned arrival no longer holds.
        self._late = bytearray(len(transfers))
        self._next = 0
        self._queues: list[deque[int]] = [deque() for _ in range(len(world.network.accounts))]
        hours = world.network.system_hours
        self._desks = [Desk(plan, hours[plan.system]) for plan in world.network.funding]
        for number in range(len(self._desks)):
            self._await_decision(number)
        if progress is not None:
            self._report(progress, max((self._end - world.window.start) // _TICKS, 1))

    def run(self) -> None:
        """Simulate until the end of the run; what has not settled by then stays in its queue."""
        while True:
            instant = self._env.peek()
            self._drain(min(instant, self._end))
            # Draining may itself have caused an earlier event.
            instant = self._env.peek()
            if instant >= self._end:
                if self._next == len(self._planned) or self._planned[self._next] >= self._end:
                    return
                continue
            self._happen(int(instant))

    def _drain(self, bound: float) -> None:
        """Submit the planned transfers that arrive before `bound`, and before any event that they cause."""
        planned, late, count = self._planned, self._late, len(self._planned)
        while self._next < count:
            number = self._next
            at = planned[number]
            if at >= bound:
                return
            self._next += 1
            if not late[number] and self._submit(number, at):
                bound = min(bound, self._env.peek())

    def _happen(self, at: int) -> None:
        """Do everything that is due at the instant of the next event, in order."""
        while True:
            while self._env.peek() == at:
                self._env.step()
            planned = self._planned_action(at)
            if planned is not None and not (self._agenda and self._agenda[0] < planned):
                self._next += 1
                if not self._late[planned.subject]:
                    self._submit(planned.subject, at)
            elif self._agenda:
                self._act(heappop(self._agenda), at)
            else:
                return

    def _planned_action(self, at: int) -> Action | None:
        """The next planned submission, if it is due now; looked at late, for it may yet become void."""
        number = self._next
        if number == len(self._planned) or self._planned[number] != at:
            return None
        return Action(Phase.SUBMISSION, self._payment[number], number)

    def _act(self, action: Action, at: int) -> None:
        match action.phase:
            case Phase.SUBMISSION:
                self._submit(action.subject, at)
            case Phase.DELIVERY:
                self._deliver(self._desks[action.subject], Deal(action.order, action.amount), at)
            case Phase.TREASURY:
                self._decide(action.subject, at)

    def _schedule(self, at: int, action: Action) -> None:
        """Have SimPy put `action` on the agenda of the instant `at`."""
        timeout = self._env.timeout(at - self._env.now, value=action)
        timeout.callbacks.append(lambda event: heappush(self._agenda, event.value))

    def _submit(self, number: int, at: int) -> bool:
        """Settle a transfer or put it at the end of its account's queue; whether an event may be new."""
        debit = self._debit[number]
        if self._queues[debit] or not self.ledger.covers(debit, self._amount[number]):
            self._queues[debit].append(number)
            following = self._following[number]
            while following >= 0:
                self._late[following] = True
                following = self._following[following]
            return False
        eventful = self._post(number, at)
        credit = self._credit[number]
        if self._queues[credit]:
            self._release(credit, at)
            return True
        return eventful

    def _post(self, number: int, at: int) -> bool:
        """Move the money of one transfer; whether that called for an event."""
        self.ledger.settle(number, self._debit[number], self._credit[number], self._amount[number], at)
        self.settled[number] = at
        following = self._following[number]
        if following < 0 or not self._late[following]:
            return False
        again = self._rearrive(number, at, following)
        self.arrival[following] = again
        if again < self._end:
            self._schedule(again, Action(Phase.SUBMISSION, self._payment[following], following))
        return True

    def _release(self, account: int, at: int) -> None:
        """Settle from the head of the account's queue while it is covered, and so on where the money goes."""
        credited = deque([account])
        while credited:
            debit = credited.popleft()
            queue = self._queues[debit]
            while queue and self.ledger.covers(debit, self._amount[queue[0]]):
                number = queue.popleft()
                self._post(number, at)
                if self._queues[self._credit[number]]:
                    credited.append(self._credit[number])

    def _await_decision(self, number: int) -> None:
        at = self._desks[number].next_decision()
        if at < self._end:
            self._schedule(at, Action(Phase.TREASURY, number, number))

    def _decide(self, number: int, at: int) -> None:
        desk = self._desks[number]
        for deal in desk.decide(self.ledger.balance.__getitem__, self._waiting):
            if deal.amount < 0:
                self.ledger.move(deal.account, desk.market, -deal.amount, at)
            elif (arrives := desk.delivery(at)) < self._end:
                self._schedule(arrives, Action(Phase.DELIVERY, deal.account, number, deal.amount))
        self._await_decision(number)

    def _waiting(self, account: int) -> int:
        return sum(self._amount[number] for number in self._queues[account])

    def _deliver(self, desk: Desk, deal: Deal, at: int) -> None:
        desk.receive(deal)
        self.ledger.move(desk.market, deal.account, deal.amount, at)
        self._release(deal.account, at)

    def _report(self, progress: Callable[[int], None], interval: int) -> None:
        """Tell the progress display the time now and then; nothing else depends on these events."""
        progress(int(self._env.now))
        if self._env.now + interval < self._end:
            timeout = self._env.timeout(interval)
            timeout.callbacks.append(lambda _: self._report(progress, interval))
