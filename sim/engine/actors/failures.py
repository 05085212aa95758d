"""A bank that fails stands still: nothing leaves its accounts or those in its books, and nothing comes to them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sim.engine.agenda import Phase
from sim.engine.changes import FAILURE, OPENING

if TYPE_CHECKING:
    from sim.engine.floor import Floor
    from sim.engine.systems.opened import Systems
    from sim.world.world import World


class Failures:
    """Freezes accounts when their time has come."""

    def __init__(self, world: World, floor: Floor, systems: Systems) -> None:
        self._floor = floor
        self._systems = systems
        self._frozen_at: list[int] = world.network.frozen_at.tolist()
        for bank, at in enumerate(world.network.failed_at.tolist()):
            floor.agenda.schedule(max(at, world.window.start), Phase.FAILURE, self._fail, bank)

    def _fail(self, at: int) -> None:
        """What waits for a frozen account or on it leaves the queues, to the benefit of those behind."""
        ledger = self._floor.ledger
        accounts = frozenset(number for number, since in enumerate(self._frozen_at) if since <= at)
        for account in sorted(accounts - ledger.frozen):
            ledger.freeze(account)
        for system, hours in zip(self._systems.every, self._systems.hours, strict=True):
            for account in system.withdraw(accounts, at):
                # Those behind go on when the system is open, which may be now.
                opens = hours.opens_at(at)
                change = FAILURE if opens == at else OPENING
                go_on = partial(self._systems.credited, account, changes=[change])
                self._floor.agenda.schedule(opens, Phase.FAILURE, go_on, account)
