"""A deferred net system gathers payments and settles only what each participant owes or is owed on balance."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from sim.engine.netting import loss_shares, net_positions, unwind
from sim.engine.systems.base import Snapshot
from sim.engine.systems.cycles import Cycles
from sim.engine.systems.standstill import Standstill

if TYPE_CHECKING:
    from sim.engine.floor import Floor
    from sim.engine.systems.base import Place
    from sim.scenario.model.settlement import Dns


class DeferredNet:
    """Payments are accepted within net debit caps and settle together at the next cycle.

    A participant that cannot cover its net debit at the cycle either has its newest payments put off to the
    next cycle (`unwind`), or is lent what it lacks by the other participants (`pool`), in proportion to their
    accounts' cover, as far as that goes; what still cannot be covered is put off.
    """

    def __init__(self, declared: Dns, place: Place, floor: Floor) -> None:
        self._floor = floor
        self._place = place
        self._pool = declared.shortfall == "pool"
        self.standstill = Standstill()
        self._cycles = Cycles(place.cycles, place, floor)
        self._accepted: list[int] = []
        self._refused: dict[int, deque[int]] = {account: deque() for account in place.accounts}
        self._owed = dict.fromkeys(place.accounts, 0)

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

    def credited(self, account: int, at: int) -> None:
        """See `System`: money does not loosen a cap, and cycles look at it when they take place."""

    def emptied(self) -> None:
        """See `System`."""

    def net(self, at: int) -> None:
        """See `System`: the cycle."""
        self._cycles.takes_place(at)
        snapshot = Snapshot(self._floor, self._place, self._accepted)
        if self._pool:
            self._lend(snapshot, at)
            snapshot = Snapshot(self._floor, self._place, self._accepted)
        settled = snapshot.chosen(unwind(snapshot.queue, snapshot.available))
        if settled:
            self._floor.post_together(settled, at)
        gone = set(settled)
        self._accepted = [number for number in self._accepted if number not in gone]
        self._owed = dict.fromkeys(self._place.accounts, 0)
        for number in self._accepted:
            self._owe(number)
        for account in self._place.accounts:
            self._readmit(account, at)
        if self._accepted or any(self._refused.values()):
            self._cycles.await_next(at)

    def waiting(self, account: int) -> int:
        """See `System`: the net debit of the coming cycle."""
        refused = sum(self._floor.amount[number] for number in self._refused[account])
        return max(self._owed[account], 0) + refused

    def _within_cap(self, number: int) -> bool:
        debit = self._floor.debit[number]
        cap = self._place.caps.get(debit)
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

    def _lend(self, snapshot: Snapshot, at: int) -> None:
        """Let those with cover to spare lend what others lack, as far as it goes; nobody pays back here."""
        left = snapshot.available + net_positions(snapshot.queue, len(snapshot.available))
        lacking, spare = np.maximum(-left, 0), np.maximum(np.minimum(left, snapshot.available), 0)
        for bank in np.flatnonzero(lacking):
            lent = loss_shares(min(int(lacking[bank]), int(spare.sum())), spare) if spare.any() else spare
            for lender in np.flatnonzero(lent):
                accounts = self._place.accounts
                self._floor.ledger.move(accounts[lender], accounts[bank], int(lent[lender]), at)
            spare = spare - lent
