"""Payment versus payment: one currency moves only if the other one does, at the same instant."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sim.engine.agenda import Phase
from sim.engine.changes import FAILURE, NOTHING, OPENING, Changes
from sim.engine.systems.base import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.engine.floor import Floor
    from sim.engine.systems.base import Setup
    from sim.world.systems import SystemPlan


class Link:
    """Settles payments together with their counter-movements, while both legs are open.

    What waits is queued on both accounts that it debits. Money that comes to one of them serves the queue
    of its own system first; what that leaves is the link's, at once if both legs are open, otherwise when they
    open together next.
    """

    def __init__(self, plan: SystemPlan, setup: Setup, floor: Floor) -> None:
        self._floor = floor
        self._setup = setup
        self._fifo = plan.stated["queue"] == "fifo"
        self._queues: dict[int, deque[int]] = {account: deque() for account in setup.accounts}
        #: Accounts that got money since the queues were last tried, in order, how, and when they will be tried.
        self._credited: dict[int, list[int]] = {}
        self._awaited = -1

    def submit(self, number: int, at: int) -> None:
        """See `System`: the counter-value is that of this instant."""
        floor = self._floor
        floor.amount[floor.counter[number]] = floor.counter_value(number, at)
        queues = [self._queues[account] for account in self._debited(number)]
        if not (self._fifo and any(queues)) and self._covers(number):
            self._post(number, at)
            return
        for account, queue in zip(self._debited(number), queues, strict=True):
            queue.append(number)
            floor.ledger.listen(account, self._hear)
        floor.hold(number)

    def credited(self, account: int, at: int, changes: Sequence[int]) -> None:
        """See `System`: a link keeps no accounts; it hears of credits by listening."""

    def emptied(self) -> None:
        """See `System`."""

    def withdraw(self, accounts: frozenset[int], at: int) -> list[int]:
        """See `System`: those behind are looked at as if money had come."""
        gone = [
            number
            for account, queue in self._queues.items()
            for number in queue
            if self._floor.debit[number] == account and self._floor.touches(number, accounts)
        ]
        for number in gone:
            self._leave(number)
            for account in self._debited(number):
                self._change(account, at, FAILURE)
        return []

    def _look(self, at: int) -> None:
        """Settle whatever can settle now that accounts were credited."""
        self._awaited = -1
        credited, self._credited = self._credited, {}
        self._release(credited, at)

    def waiting(self, account: int) -> int:
        """See `System`."""
        floor = self._floor
        return sum(
            floor.amount[number if floor.debit[number] == account else floor.counter[number]]
            for number in self._queues.get(account, ())
        )

    def held(self, _account: int) -> int:
        """See `System`: nobody holds back here."""
        return 0

    def _hear(self, account: int, at: int) -> None:
        """An account in question was credited by the latest posting: look at it when both legs are open."""
        self._change(account, at, self._floor.ledger.latest)

    def _change(self, account: int, at: int, change: int) -> None:
        if self._awaited < at:
            self._awaited = self._setup.hours.opens_at(at)
            self._floor.agenda.schedule(self._awaited, Phase.LINK, self._look, self._setup.number)
        changes = self._credited.setdefault(account, [])
        if self._awaited > at:
            # What came while the link is shut is there when it opens.
            change = OPENING
        if change < 0:
            changes.clear()
        changes.append(change)

    def _release(self, credited: dict[int, list[int]], at: int) -> None:
        """Settle what the accounts now cover, and so on for whom that lets forward."""
        changed = list(credited)
        #: What let those go who stood before others on an account.
        before: dict[int, int] = {}
        for account in changed:  # which grows on the way
            while (number := self._next(account)) is not None:
                change = self._needed(number, credited, before)
                self._floor.queued[number] = change
                before.update(dict.fromkeys(self._debited(number), change))
                self._leave(number)
                self._post(number, at)
                # Behind it, others may now be first on the other account, too.
                changed += self._debited(number)

    def _needed(self, number: int, credited: dict[int, list[int]], before: dict[int, int]) -> int:
        """The last change that a payment needed on either account, or, in line, those before it did."""
        floor, found, last = self._floor, NOTHING, NOTHING
        for movement in (number, floor.counter[number]):
            account = floor.debit[movement]
            # What links have moved since they were called is heard, but has not been looked at.
            changes = [*credited.get(account, ()), *self._credited.get(account, ())]
            spare = floor.ledger.available(account) - floor.amount[movement]
            found = max(found, Changes(changes, floor.brought).needed(spare))
            last = max(last, *changes[-1:], NOTHING)
            if self._fifo:
                found = max(found, before.get(account, NOTHING))
        return last if found == NOTHING else found

    def _leave(self, number: int) -> None:
        """A payment leaves the queues in which it stands."""
        for account in self._debited(number):
            self._queues[account].remove(number)
            if not self._queues[account]:
                self._floor.ledger.leave(account, self._hear)

    def _next(self, account: int) -> int | None:
        """The first in an account's queue that may settle, None if nobody may."""
        queue = self._queues[account]
        for number in list(queue)[:1] if self._fifo else queue:
            first = all(self._queues[debited][0] == number for debited in self._debited(number))
            if (first or not self._fifo) and self._covers(number):
                return number
        return None

    def _debited(self, number: int) -> tuple[int, int]:
        """The accounts that pay, one in each leg."""
        return self._floor.debit[number], self._floor.debit[self._floor.counter[number]]

    def _covers(self, number: int) -> bool:
        return self._floor.covers(number) and self._floor.covers(self._floor.counter[number])

    def _post(self, number: int, at: int) -> None:
        """Settle both movements, then let the queues of the legs have what came in."""
        floor = self._floor
        both = (number, floor.counter[number])
        first = floor.ledger.latest + 1
        floor.post_together(both, at)
        for posting, movement in enumerate(both, first):
            leg = self._setup.legs[floor.debit[movement]]
            leg.credited(floor.credit[movement], at, [posting])
            leg.emptied()


KINDS.add(Link, "pvp")
