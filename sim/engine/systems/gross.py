"""A gross system settles each payment on its own, at once and finally, if the account covers it in its turn."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from sim.engine.agenda import Phase
from sim.engine.changes import OFFSETTING, PACE, RENEWAL, UNHELD, Needs
from sim.engine.netting import multilateral
from sim.engine.systems.base import KINDS
from sim.engine.systems.bounds import Bounded, Change
from sim.engine.systems.offsetting import Offsetting
from sim.engine.systems.queues import QUEUES
from sim.engine.systems.snapshot import Snapshot
from sim.engine.systems.together import Together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from sim.engine.floor import Floor
    from sim.engine.systems.base import Setup
    from sim.engine.systems.queues import Queue
    from sim.world.systems import SystemPlan

#: What lets go whom the bounds did not.
_TURNS: Final = {Change.RENEWAL: RENEWAL, Change.RELEASE: UNHELD, Change.PACE: PACE}


class Gross:
    """Real-time gross settlement, book transfers of correspondents, and positions in a clearing account.

    One queue per account, tried again at every credit; where the queue has come to a stand, offsetting may
    settle several payments together.
    """

    def __init__(self, plan: SystemPlan, setup: Setup, floor: Floor) -> None:
        self._floor = floor
        self._setup = setup
        discipline = QUEUES[plan.stated["queue"]]
        # By account number of the whole run, since the hot path looks up by it.
        self._queues: dict[int, Queue] = {account: discipline(floor) for account in setup.accounts}
        self._bounded = Bounded(setup, floor) if setup.bounds else None
        cover = floor.ledger.available if self._bounded is None else self._bounded.cover
        self._together = Together(self._queues, floor, cover)
        self._offsetting = Offsetting(plan.offsetting, plan.stated["queue"], self, setup, floor)
        self._covers = floor.covers if self._bounded is None else self._bounded.covers
        self._turn_awaited = -1
        self._in_line = plan.stated["queue"] != "bypass"
        #: What has changed for accounts on which somebody waits, until they have been looked at.
        self._changed: dict[int, list[int]] = {}

    def submit(self, number: int, at: int) -> None:
        """See `System`."""
        floor = self._floor
        if self._bounded is not None:
            self._turn(at)
        payer = floor.debit[number]
        queue = self._queues[payer]
        if (not queue or queue.admits(number)) and self._covers(number):
            self._post(number, at)
            if self._together.count:
                self._together.paid(payer, floor.amount[number])
                self._release_payee(number, at)
        else:
            queue.push(number)
            self._together.joined(number)
            if self._bounded is not None and self._bounded.joined(number):
                self._together.credited(payer)
            floor.hold(number)
            self._await_turn()
            self._offsetting.entered(at)

    def credited(self, account: int, at: int, changes: Sequence[int]) -> None:
        """See `System`."""
        if self._queues[account]:
            self._changed.setdefault(account, []).extend(changes)
        self._turn(at)
        if account in self._changed:
            self._release([account], at)

    def emptied(self) -> None:
        """See `System`."""
        self._together.forget()

    def withdraw(self, accounts: frozenset[int], _at: int) -> list[int]:
        """See `System`."""
        changed = []
        for account, queue in self._queues.items():
            gone = dict.fromkeys(number for number in queue if self._floor.touches(number, accounts))
            if gone:
                for number in gone:
                    self._leave(number)
                queue.remove(gone)
                changed.append(account)
        self._together.forget()
        return changed

    def act(self, at: int) -> None:
        """A run of offsetting, or a change of bounds that was waited for."""
        self._turn(at)
        self._await_turn()
        self._offsetting.tick(at)

    def waiting(self, account: int) -> int:
        """See `System`."""
        return self._together.owed[account]

    def held(self, account: int) -> int:
        """See `System`."""
        bounded = self._bounded
        if bounded is None:
            return 0
        return sum(self._floor.amount[number] for number in self._queues[account] if bounded.is_held(number))

    def _note(self, account: int, change: int) -> None:
        """Something has changed for an account, which is to be looked at by `_release`."""
        if self._queues[account]:
            self._changed.setdefault(account, []).append(change)

    def _release_payee(self, number: int, at: int) -> None:
        """Settle what the payee of the transfer that was posted last can now pay."""
        payee = self._floor.credit[number]
        if self._queues[payee]:
            self._changed[payee] = [self._floor.ledger.latest]
            self._release([payee], at)

    def _release(self, changed: list[int], at: int) -> None:
        """Settle what changed accounts now cover, and so on where the money goes."""
        floor, together, queues = self._floor, self._together, self._queues
        for account in changed:  # which grows on the way
            changes = self._changed.pop(account, None)
            if changes is None:
                # Nobody waits there, or nothing has changed since it was looked at.
                continue
            queue, needs = queues[account], None
            while queue and (number := queue.pop(self._covers, floor.ledger.available(account))) is not None:
                if len(changes) == 1:
                    floor.queued[number] = changes[0]
                else:
                    needs = needs or Needs(changes, self, floor, self._bounded, in_line=self._in_line)
                    floor.queued[number] = needs.of(number)
                self._leave(number)
                self._post(number, at)
                payee = floor.credit[number]
                if queues[payee]:
                    self._changed.setdefault(payee, []).append(floor.ledger.latest)
                    changed.append(payee)
            if queue:
                together.credited(account)

    def solvable(self) -> bool:
        """Whether waiting transfers could settle together; other bounds are looked at where cover allows it."""
        if not self._together.solvable():
            return False
        if self._bounded is None or not self._bounded.beside_cover:
            return True
        snapshot = self.snapshot()
        return bool(multilateral(snapshot.queue, snapshot.available, snapshot.limits).any())

    def _leave(self, number: int) -> None:
        """A transfer that waited leaves its queue."""
        self._together.left(number)
        if self._bounded is not None and self._bounded.left(number):
            self._together.forget()

    def _post(self, number: int, at: int) -> None:
        """Settle a transfer that is covered."""
        self._floor.post(number, at)
        if self._bounded is not None:
            self._bounded.settled(number)

    def _turn(self, at: int) -> None:
        """When bounds have changed, what waited for that may settle."""
        bounded = self._bounded
        while bounded is not None and bounded.next_turn <= at:
            turn = bounded.turn()
            if not self._together.count:
                continue
            self._together.forget()
            # All of them, for one may have been credited at this very instant, which then comes after this.
            waiting = [account for account, queue in self._queues.items() if queue]
            for account in waiting:
                self._changed.setdefault(account, []).insert(0, _TURNS[turn.change])
            self._release(waiting, at)
            if turn.share is not None:
                self._keep_pace(bounded, turn.share, at)
            if turn.account >= 0:
                self._want(turn.account, at)

    def _keep_pace(self, bounded: Bounded, share: Fraction, at: int) -> None:
        """Banks that hold back send as much as a throughput rule asks for, one after the other, as far as covered.

        What they send may enable others, or themselves, to send more; and who is not held back goes on at once
        when it stands first.
        """
        floor, together = self._floor, self._together
        last = -1
        while last != together.count:
            last = together.count
            for account in bounded.holding():
                queue, waiting = self._queues[account], together.count
                while queue and bounded.behind(account, share, together.owed[account]):
                    number = queue.pop(bounded.covers_unheld, floor.ledger.available(account))
                    if number is None:
                        break
                    floor.queued[number] = PACE
                    self._leave(number)
                    self._post(number, at)
                    self._release_payee(number, at)
                if together.count < waiting:
                    self._note(account, PACE)
                    self._release([account], at)

    def _want(self, account: int, at: int) -> None:
        """Who held back and still lacks money, asks those who lend."""
        if self._queues[account]:
            self._floor.want(account, at)

    def _await_turn(self) -> None:
        """If anybody waits, have bounds change in time with the release of what that allows."""
        bounded = self._bounded
        if bounded is not None and self._together.count and self._turn_awaited != bounded.next_turn:
            self._turn_awaited = bounded.next_turn
            self._floor.agenda.schedule(bounded.next_turn, Phase.NETTING, self.act, self._setup.number)

    @property
    def count(self) -> int:
        """How many transfers wait."""
        return self._together.count

    def snapshot(self) -> Snapshot:
        """Every waiting transfer, account by account, each account's in the order of its queue."""
        return Snapshot(self._floor, self._setup, chain.from_iterable(self._queues.values()), self._bounded)

    def settle_together(self, numbers: list[int], at: int) -> None:
        """Settle waiting transfers at once, and then what that lets settle."""
        debit, credit = self._floor.debit, self._floor.credit
        first = self._floor.ledger.latest + 1
        self._floor.post_together(numbers, at)
        self._floor.queued.update(dict.fromkeys(numbers, OFFSETTING))
        if self._bounded is not None:
            for number in numbers:
                self._bounded.settled(number)
        mine: dict[int, set[int]] = {}
        for number in numbers:
            self._leave(number)
            mine.setdefault(debit[number], set()).add(number)
        for account, gone in mine.items():
            self._queues[account].remove(gone)
            self._note(account, OFFSETTING)
        for posting, number in enumerate(numbers, first):
            self._note(credit[number], posting)
        self._release(list(dict.fromkeys(side[k] for k in numbers for side in (debit, credit))), at)


KINDS.add(Gross, "rtgs", "correspondent", "clearing")
