"""A gross system settles each payment on its own, at once and finally, if the account covers it in its turn."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sim.engine.systems.offsetting import Offsetting
from sim.engine.systems.queues import QUEUES
from sim.engine.systems.standstill import Standstill
from sim.engine.systems.together import Together

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        self._queues: dict[int, Queue] = {account: discipline(floor) for account in place.accounts}
        self._together = Together(self._queues, floor)
        self._offsetting = Offsetting(declared.offsetting, declared.queue, self._together, place, floor)
        self.standstill = Standstill()

    def submit(self, number: int, at: int) -> None:
        """See `System`."""
        floor = self._floor
        payer = floor.debit[number]
        queue = self._queues[payer]
        if (not queue or queue.admits(number)) and floor.covers(number):
            floor.post(number, at)
            if self._together.count:
                self._together.paid(payer, floor.amount[number])
                self._release([floor.credit[number]], at)
                self.standstill.over()
                self._look()
        else:
            queue.push(number)
            self._together.joined(number)
            floor.hold(number)
            self._offsetting.entered(at, self._settle_together, self._waiting_numbers)
            if floor.settled[number] < 0:
                self._look()

    def credited(self, account: int, at: int) -> None:
        """See `System`."""
        if self._queues[account]:
            if self._release([account], at):
                self.standstill.over()
            self._look()

    def emptied(self) -> None:
        """See `System`."""
        self._together.forget()
        self._look()

    def net(self, at: int) -> None:
        """See `System`."""
        self._offsetting.tick(at, self._settle_together, self._waiting_numbers)

    def waiting(self, account: int) -> int:
        """See `System`."""
        return self._together.owed[account]

    def _release(self, credited: list[int], at: int) -> bool:
        """Settle what the accounts now cover, and so on where the money goes; tells whether anything did."""
        floor, together, queues = self._floor, self._together, self._queues
        before = together.count
        for account in credited:  # which grows on the way
            queue = queues[account]
            while queue and (number := queue.pop(floor.covers, floor.ledger.available(account))) is not None:
                together.left(number)
                floor.post(number, at)
                if queues[floor.credit[number]]:
                    credited.append(floor.credit[number])
            if queue:
                together.credited(account)
        return together.count < before

    def _look(self) -> None:
        """Count the standstill that the queues are in, if anybody waits."""
        if self._together.count:
            self.standstill.found(locked=not self._together.solvable())

    def _waiting_numbers(self) -> Iterator[int]:
        """Every waiting transfer, account by account, each account's in the order of its queue."""
        return chain.from_iterable(self._queues.values())

    def _settle_together(self, numbers: list[int], at: int) -> None:
        """Settle waiting transfers at once, and then what that lets settle."""
        debit, credit, together = self._floor.debit, self._floor.credit, self._together
        self._floor.post_together(numbers, at)
        mine: dict[int, set[int]] = {}
        for number in numbers:
            together.left(number)
            mine.setdefault(debit[number], set()).add(number)
        for account, gone in mine.items():
            self._queues[account].remove(gone)
        self._release(list(dict.fromkeys(side[k] for k in numbers for side in (debit, credit))), at)
        self.standstill.over()
        self._look()
