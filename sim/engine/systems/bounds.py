"""In a gross system a bank may limit what it sends, net of what it receives, and reserve money for urgent payments.

Limits are TARGET2's in kind: towards one bank, or towards all without a limit of their own; but urgent payments
are no exception. A reservation is used up by urgent payments. Both begin anew on each day of the system's hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.netting import Limits

if TYPE_CHECKING:
    from sim.engine.floor import Floor
    from sim.engine.systems.base import Place


class Bounded:
    """What is left of limits and reservations, as payments settle."""

    def __init__(self, place: Place, floor: Floor) -> None:
        self._floor = floor
        self._bounds = place.bounds
        # Room within a limit, by payer and the bank towards which it holds (the payer itself: all others).
        self._room: dict[tuple[int, int], int] = {}
        self._reserved: dict[int, int] = {}
        hours = place.hours
        first = np.append(True, hours.value_dates[1:] != hours.value_dates[:-1])
        self._openings = iter([*hours.starts[first].tolist(), NEVER])
        self._fill()
        self.next_day = next(self._openings)

    def renew(self, at: int) -> bool:
        """Begin anew if another day has come; tells whether it has."""
        if at < self.next_day:
            return False
        while self.next_day <= at:
            self.next_day = next(self._openings)
        self._fill()
        return True

    def covers(self, number: int) -> bool:
        """Whether balance, limits and reservation of the payer allow a transfer."""
        floor = self._floor
        payer, amount = floor.debit[number], floor.amount[number]
        limit = self._limit(payer, floor.credit[number])
        if not floor.covers(number) or (limit is not None and self._room[limit] < amount):
            return False
        return self._urgent(number) or floor.ledger.available(payer) - self._reserved.get(payer, 0) >= amount

    def settled(self, number: int) -> None:
        """A transfer has settled."""
        floor = self._floor
        payer, payee, amount = floor.debit[number], floor.credit[number], floor.amount[number]
        for limit, change in ((self._limit(payer, payee), -amount), (self._limit(payee, payer), amount)):
            if limit is not None:
                self._room[limit] += change
        if payer in self._reserved and self._urgent(number):
            self._reserved[payer] = max(self._reserved[payer] - amount, 0)

    def limits(self, numbers: list[int], index: dict[int, int]) -> Limits:
        """The bounds of these transfers, for banks numbered by `index`."""
        floor = self._floor
        purse = {limit: k for k, limit in enumerate(self._room)}
        unreserved = {account: len(purse) + k for k, account in enumerate(self._reserved)}
        takes, brings = [], []
        for number in numbers:
            payer, payee = floor.debit[number], floor.credit[number]
            there, back = self._limit(payer, payee), self._limit(payee, payer)
            usual = -1 if self._urgent(number) else unreserved.get(payer, -1)
            takes.append((-1 if there is None else purse[there], usual))
            brings.append((-1 if back is None else purse[back], unreserved.get(payee, -1)))
        left = [*self._room.values()]
        left += [floor.ledger.available(account) - kept for account, kept in self._reserved.items()]
        owners = [index[account] for account, _ in self._room] + [
            index[account] for account in self._reserved
        ]
        return Limits(
            owner=np.array(owners, dtype=np.int64),
            left=np.array(left, dtype=np.int64),
            takes=np.array(takes, dtype=np.int64).reshape(-1, 2),
            brings=np.array(brings, dtype=np.int64).reshape(-1, 2),
        )

    def _urgent(self, number: int) -> bool:
        """Whether a transfer has a priority of 1 or more."""
        return self._floor.haste[number] < 0

    def _fill(self) -> None:
        for account, bounds in self._bounds.items():
            for other, amount in bounds.bilateral.items():
                self._room[account, other] = amount
            if bounds.multilateral is not None:
                self._room[account, account] = bounds.multilateral
            if bounds.reserved:
                self._reserved[account] = bounds.reserved

    def _limit(self, payer: int, payee: int) -> tuple[int, int] | None:
        """The limit that holds for what `payer` sends to `payee`."""
        for limit in ((payer, payee), (payer, payer)):
            if limit in self._room:
                return limit
        return None
