"""A gross system settles each payment on its own, at once and finally, if the account covers it in its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.systems.base import Snapshot
from sim.engine.systems.offsetting import Offsetting
from sim.engine.systems.queues import QUEUES
from sim.engine.systems.standstill import Standstill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.engine.floor import Floor
    from sim.engine.systems.base import Place
    from sim.engine.systems.queues import Queue
    from sim.scenario.model.settlement import Correspondent, Rtgs


class Gross:
    """Real-time gross settlement, and book transfers of correspondents.

    One queue per account, tried again at every credit; where the queue has come to a stand, offsetting may
    settle several payments together.
    """

    def __init__(self, declared: Rtgs | Correspondent, place: Place, floor: Floor) -> None:
        self._floor = floor
        self._place = place
        discipline = QUEUES[declared.queue]
        # By account number of the whole run, since the hot path looks up by it.
        self._queues: dict[int, Queue] = {account: discipline(floor.haste) for account in place.accounts}
        self._offsetting = Offsetting(declared.offsetting, declared.queue, place, floor)
        self._fifo = declared.queue == "fifo"
        self.standstill = Standstill()
        self._count = 0
        #: Value that waiting payments would take from an account, and bring to it.
        self._owed = dict.fromkeys(place.accounts, 0)
        self._promised = dict.fromkeys(place.accounts, 0)

    def submit(self, number: int, at: int) -> None:
        """See `System`."""
        floor = self._floor
        queue = self._queues[floor.debit[number]]
        if (not queue or queue.admits(number)) and floor.covers(number):
            floor.post(number, at)
            if self._count:
                self._look_again(self._release([floor.credit[number]], at))
        else:
            queue.push(number)
            self._count += 1
            self._owed[floor.debit[number]] += floor.amount[number]
            self._promised[floor.credit[number]] += floor.amount[number]
            floor.hold(number)
            self._offsetting.entered(at, self._settle_together, self._waiting_numbers)
            if floor.settled[number] < 0:
                self._look([floor.debit[number]], joined=True)

    def credited(self, account: int, at: int) -> None:
        """See `System`."""
        if self._count:
            self._look_again(self._release([account], at))

    def emptied(self) -> None:
        """See `System`."""
        self._look_everywhere()

    def net(self, at: int) -> None:
        """See `System`."""
        self._offsetting.tick(at, self._settle_together, self._waiting_numbers)

    def waiting(self, account: int) -> int:
        """See `System`."""
        return sum(self._floor.amount[number] for number in self._queues[account])

    def _release(self, accounts: Iterable[int], at: int) -> list[int]:
        """Settle what the accounts now cover, and so on where the money goes; returns all that got some."""
        floor = self._floor
        credited = list(accounts)
        for account in credited:  # which grows on the way
            queue = self._queues[account]
            while (number := queue.pop(floor.covers)) is not None:
                self._left(number)
                floor.post(number, at)
                if self._queues[floor.credit[number]]:
                    credited.append(floor.credit[number])
        return credited

    def _look_again(self, credited: list[int]) -> None:
        """Something has settled: whatever stood still is over, and what is left may stand still anew."""
        self.standstill.over()
        self._look(credited, joined=False)

    def _look(self, accounts: list[int], *, joined: bool) -> None:
        """Count the standstill after a change at `accounts`: a payment joined a queue, or money came in."""
        if not self._fifo:
            self._look_everywhere()
        elif self.standstill.solvable:
            self.standstill.found(locked=False)
        elif any(self._may_pay(account, joined=joined) for account in accounts):
            self._look_everywhere()
        elif self._count:
            self.standstill.found(locked=True)

    def _look_everywhere(self) -> None:
        """Count the standstill that the queues are in, if anybody waits."""
        if self._count:
            self.standstill.look(Snapshot(self._floor, self._place, self._waiting_numbers()))

    def _may_pay(self, account: int, *, joined: bool) -> bool:
        """Whether the account could pay together with others, as far as a glance at it tells.

        Where nothing could settle together before the change, what can now includes the changed account; if
        a payment joined its line, that one, and so the whole line before it.
        """
        queue = self._queues[account]
        if not queue or not self._promised[account]:
            return False
        least = self._owed[account] if joined else self._floor.amount[next(iter(queue))]
        return self._floor.ledger.available(account) + self._promised[account] >= least

    def _left(self, number: int) -> None:
        """A payment leaves its queue."""
        self._count -= 1
        self._owed[self._floor.debit[number]] -= self._floor.amount[number]
        self._promised[self._floor.credit[number]] -= self._floor.amount[number]
        self.standstill.left(number)

    def _waiting_numbers(self) -> Iterator[int]:
        """Every waiting transfer, account by account, each account's in the order of its queue."""
        for queue in self._queues.values():
            yield from queue

    def _settle_together(self, numbers: list[int], at: int) -> None:
        floor = self._floor
        floor.post_together(numbers, at)
        settled = set(numbers)
        for number in numbers:
            self._left(number)
        for account in dict.fromkeys(floor.debit[number] for number in numbers):
            self._queues[account].remove(settled)
        both = (self._floor.debit, self._floor.credit)
        self._release(dict.fromkeys(side[number] for number in numbers for side in both), at)
        # What settled together may have been chosen across queues: nothing known before holds.
        self.standstill.over()
        self._look_everywhere()
