"""A deferred net system gathers payments and settles only what each participant owes or is owed on balance."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.core.currency import UNLIMITED
from sim.engine.agenda import Phase
from sim.engine.changes import CYCLE
from sim.engine.ledger import Loan
from sim.engine.netting import loss_shares, multilateral, net_positions
from sim.engine.systems.base import KINDS
from sim.engine.systems.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.core.currency import Amounts
    from sim.engine.agenda import Agenda
    from sim.engine.floor import Floor
    from sim.engine.netting import Queue
    from sim.engine.systems.base import Setup
    from sim.world.systems import SystemPlan


class Cycles:
    """The cycles of one system, which only take place if anybody waits for them."""

    def __init__(self, setup: Setup, agenda: Agenda, net: Callable[[int], None]) -> None:
        """`net(at)` is what happens at a cycle."""
        self._instants = setup.cycles
        self._system = setup.number
        self._agenda = agenda
        self._net = net
        self._awaited = -1
        self._last = -1

    def takes_place(self, at: int) -> None:
        """The cycle of this instant is under way; whoever comes now waits for the next one."""
        self._last = at

    def after(self, at: int) -> int:
        """Instant of the first cycle that takes in what is submitted at `at`; NEVER if none is left.

        Submissions come before the cycle of their instant, unless they follow from one that took place then.
        """
        place = bisect_right(self._instants, max(at - 1, self._last))
        return self._instants[place] if place < len(self._instants) else NEVER

    def await_next(self, at: int) -> int:
        """Have the next cycle take place, and return its instant."""
        instant = self.after(at)
        if instant > self._awaited and instant < NEVER:
            self._awaited = instant
            self._agenda.schedule(instant, Phase.NETTING, self._net, self._system)
        return instant


class DeferredNet:
    """Payments are accepted within net debit caps and settle together at the next cycle.

    A participant that cannot cover its net debit at the cycle either has its newest payments put off to the
    next cycle (`unwind`), or is lent what it lacks by the other participants (`pool`), in proportion to their
    accounts' cover, as far as that goes; what still cannot be covered is put off. The pool is paid back at the
    next cycle, before payments are looked at: the oldest loan first, as far as the borrower's account covers.
    """

    def __init__(self, plan: SystemPlan, setup: Setup, floor: Floor) -> None:
        self._floor = floor
        self._setup = setup
        self._pool = plan.stated["shortfall"] == "pool"
        self._cycles = Cycles(setup, floor.agenda, self._net)
        self._accepted: list[int] = []
        self._refused: dict[int, deque[int]] = {account: deque() for account in setup.accounts}
        self._owed = dict.fromkeys(setup.accounts, 0)
        #: Numbers of the loans of the pool that are not paid back.
        self._lent: list[int] = []

    def submit(self, number: int, at: int) -> None:
        """See `System`."""
        self._floor.hold(number)
        debit = self._floor.debit[number]
        if self._refused[debit] or not self._within_cap(number):
            self._refused[debit].append(number)
        else:
            self._accept(number, at)
            self._readmit(self._floor.credit[number], at)
        self._cycles.await_next(at)

    def credited(self, account: int, at: int, changes: Sequence[int]) -> None:
        """See `System`: money does not loosen a cap, and cycles look at it when they take place."""

    def emptied(self) -> None:
        """See `System`."""

    def withdraw(self, accounts: frozenset[int], at: int) -> list[int]:
        """See `System`: caps may then allow what they refused."""
        touches = self._floor.touches
        self._accepted = [number for number in self._accepted if not touches(number, accounts)]
        for account, refused in self._refused.items():
            self._refused[account] = deque(number for number in refused if not touches(number, accounts))
        self._reckon(at)
        return []

    def _net(self, at: int) -> None:
        """The cycle."""
        self._cycles.takes_place(at)
        self._pay_back(at)
        snapshot = Snapshot(self._floor, self._setup, self._accepted)
        lent = self._lendable(snapshot) if self._pool else np.zeros((len(snapshot.available),) * 2, np.int64)
        # Putting off the newest payments of whoever is short, again and again, leaves the set that this settles.
        kept = multilateral(snapshot.queue, snapshot.available + lent.sum(axis=0) - lent.sum(axis=1))
        settled = snapshot.chosen(kept)
        self._lend(snapshot.queue[kept], snapshot.available, lent, at)
        if settled:
            self._floor.post_together(settled, at)
            self._floor.queued.update(dict.fromkeys(settled, CYCLE))
        gone = set(settled)
        self._accepted = [number for number in self._accepted if number not in gone]
        self._reckon(at)
        if self._accepted or any(self._refused.values()) or self._lent:
            self._cycles.await_next(at)

    def waiting(self, account: int) -> int:
        """See `System`: the net debit of the coming cycle."""
        refused = sum(self._floor.amount[number] for number in self._refused[account])
        return max(self._owed[account], 0) + refused

    def held(self, _account: int) -> int:
        """See `System`: nobody holds back here."""
        return 0

    def _reckon(self, at: int) -> None:
        """Add up anew what everybody owes, and accept what caps then allow."""
        self._owed = dict.fromkeys(self._setup.accounts, 0)
        for number in self._accepted:
            self._owe(number)
        for account in self._setup.accounts:
            self._readmit(account, at)

    def _within_cap(self, number: int) -> bool:
        debit = self._floor.debit[number]
        cap = self._setup.caps.get(debit)
        return cap is None or self._owed[debit] + self._floor.amount[number] <= cap

    def _accept(self, number: int, at: int) -> None:
        self._accepted.append(number)
        self._owe(number)
        self._floor.note_cycle(number, at, self._cycles.after(at))

    def _owe(self, number: int) -> None:
        amount = self._floor.amount[number]
        self._owed[self._floor.debit[number]] += amount
        self._owed[self._floor.credit[number]] -= amount

    def _readmit(self, account: int, at: int) -> None:
        """Accept refused payments that caps now allow, and so on where they go."""
        credited = deque([account])
        while credited:
            refused = self._refused[credited.popleft()]
            while refused and self._within_cap(refused[0]):
                number = refused.popleft()
                self._accept(number, at)
                credited.append(self._floor.credit[number])

    def _lendable(self, snapshot: Snapshot) -> Amounts:
        """What each bank (row) could lend to each other one (column) if all payments were to settle.

        Those with cover to spare lend what others lack, in proportion to it; never more than they have now.
        """
        left = snapshot.available + net_positions(snapshot.queue, len(snapshot.available))
        lacking, spare = np.maximum(-left, 0), np.maximum(np.minimum(left, snapshot.available), 0)
        # The market, which has no limit, is no participant.
        spare[snapshot.available >= -UNLIMITED // 2] = 0
        lent = np.zeros((len(left), len(left)), dtype=np.int64)
        for bank in np.flatnonzero(lacking):
            lent[:, bank] = loss_shares(min(int(lacking[bank]), int(spare.sum())), spare)
            spare = spare - lent[:, bank]
        return lent

    def _lend(self, settling: Queue, available: Amounts, lendable: Amounts, at: int) -> None:
        """Lend what the payments that do settle need; nobody borrows for payments that are put off after all."""
        accounts, floor = self._setup.accounts, self._floor
        lacking = np.maximum(-available - net_positions(settling, len(available)), 0)
        for bank in np.flatnonzero(lacking):
            lent = loss_shares(int(lacking[bank]), lendable[:, bank])
            for lender in np.flatnonzero(lent):
                amount = int(lent[lender])
                loan = Loan(accounts[lender], accounts[bank], at, amount, 0.0, pool=self._setup.number)
                number = floor.loans.enter(loan)
                floor.loans.receive(number, at)
                self._lent.append(number)

    def _pay_back(self, at: int) -> None:
        """Pay loans back, the oldest first, as far as borrowers' accounts cover them."""
        rests = [self._floor.loans.repay(number, at, rate=0.0) for number in self._lent]
        self._lent = [rest for rest in rests if rest is not None]


KINDS.add(DeferredNet, "dns")
