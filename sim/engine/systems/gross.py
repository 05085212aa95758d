"""A gross system settles each payment on its own, at once and finally, if the account covers it in its turn."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sim.engine.systems.base import Snapshot
from sim.engine.systems.offsetting import Offsetting
from sim.engine.systems.queues import QUEUES
from sim.engine.systems.standstill import Standstill

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
        self._queues: dict[int, Queue] = {account: discipline(floor.haste) for account in place.accounts}
        self._offsetting = Offsetting(declared.offsetting, declared.queue, place, floor)
        self.standstill = Standstill()
        self._count = 0
        #: How many waiting payments would bring money to an account.
        self._promised = dict.fromkeys(place.accounts, 0)

    def submit(self, number: int, at: int) -> None:
        """See `System`."""
        floor = self._floor
        queue = self._queues[floor.debit[number]]
        if (not queue or queue.admits(number)) and floor.covers(number):
            floor.post(number, at)
            if self._count:
                self._release(floor.credit[number], at)
                self._look_again()
        else:
            queue.push(number)
            self._count += 1
            self._promised[floor.credit[number]] += 1
            floor.hold(number)
            self._offsetting.entered(at, self._settle_together, self._waiting_numbers)
            if not self.standstill.solvable:
                self._look()

    def credited(self, account: int, at: int) -> None:
        """See `System`."""
        if self._count:
            self._release(account, at)
            self._look_again()

    def net(self, at: int) -> None:
        """See `System`."""
        self._offsetting.tick(at, self._settle_together, self._waiting_numbers)

    def waiting(self, account: int) -> int:
        """See `System`."""
        return sum(self._floor.amount[number] for number in self._queues[account])

    def _release(self, account: int, at: int) -> None:
        """Settle what the account now covers, and so on where the money goes."""
        floor = self._floor
        credited = deque([account])
        while credited:
            queue = self._queues[credited.popleft()]
            while (number := queue.pop(floor.covers)) is not None:
                self._left(number)
                floor.post(number, at)
                if self._queues[floor.credit[number]]:
                    credited.append(floor.credit[number])

    def _look_again(self) -> None:
        """Something has settled: whatever stood still is over, and what is left may stand still anew."""
        self.standstill.over()
        self._look()

    def _look(self) -> None:
        if not self._count:
            return
        # Who pays together with others is also paid by one of them; without such a bank there is nothing to try.
        if any(queue and self._promised[account] for account, queue in self._queues.items()):
            self.standstill.look(Snapshot(self._floor, self._place, self._waiting_numbers()))
        else:
            self.standstill.found(locked=True)

    def _left(self, number: int) -> None:
        """A payment leaves its queue."""
        self._count -= 1
        self._promised[self._floor.credit[number]] -= 1

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
        for account in dict.fromkeys(floor.credit[number] for number in numbers):
            self._release(account, at)
        self._look_again()
