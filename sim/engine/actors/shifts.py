"""Money is granted to accounts from outside, or withdrawn, on dates that no treasury chose."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.engine.agenda import Phase

if TYPE_CHECKING:
    from sim.engine.floor import Floor
    from sim.engine.systems.opened import Systems
    from sim.world.network import Network


class Shifts:
    """Does what the timeline says, as far as accounts cover it; what is frozen stays as it is."""

    def __init__(self, network: Network, floor: Floor, systems: Systems) -> None:
        self._accounts = network.accounts
        self._floor = floor
        self._systems = systems
        for at, account, amount in network.shifts:
            # On one account these come before what treasuries have bought, whose order has more to it.
            floor.agenda.schedule(at, Phase.DELIVERY, partial(self._shift, account, amount), account)

    def _shift(self, account: int, amount: int, at: int) -> None:
        if account in self._floor.ledger.frozen:
            moved = 0
        elif amount > 0:
            moved = self._grant(account, amount, at)
        else:
            moved = -self._withdraw(account, -amount, at)
        self._floor.shifts.append((at, account, amount, moved))

    def _grant(self, account: int, amount: int, at: int) -> int:
        posting = self._floor.ledger.move(self._market(account), account, amount, at)
        self._systems.credited(account, at, [posting])
        return amount

    def _withdraw(self, account: int, amount: int, at: int) -> int:
        """As much as the account covers."""
        amount = min(amount, max(self._floor.ledger.available(account), 0))
        if amount:
            self._floor.ledger.move(account, self._market(account), amount, at)
            self._systems.emptied(account)
        return amount

    def _market(self, account: int) -> int:
        return self._accounts.market(self._accounts.system[account])
