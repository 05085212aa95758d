"""Money moves between two accounts of one system when it is open and the debited account covers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Roles, Rows
    from sim.scenario.model.network import Settle
    from sim.world.build import World


class SettleStep:
    """Payments arrive at a system when it is open; how long they wait there, the engine finds out."""

    def __init__(self, declared: Settle, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        del draws  # every step is made alike
        self.system = world.network.systems.index(declared.system)
        self._hours = world.network.system_hours[self.system]
        self._roles = roles
        self._declared = declared
        self._numbers = world.network.account_numbers(declared.system)

    def accounts(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the debited and the credited account; nothing moves if they are the same."""
        debit = self._numbers[self._roles.banks(self._declared.debit, rows)]
        credit = self._numbers[self._roles.banks(self._declared.credit, rows)]
        return debit, credit

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`: the instants of submission, which are those of settlement if nobody waits."""
        debit, credit = self.accounts(rows)
        arrival = np.where(debit == credit, at, self._hours.next_open(at))
        if log is not None:
            log.delays.spend(rows, at, arrival, "closed")
        return arrival

    def wait(self, rows: Rows, arrival: Seconds, settled: Seconds, log: Log) -> None:
        """Report the time in the queue: with cover it would have settled at once, so money is the cause."""
        log.delays.spend(rows, arrival, settled, "liquidity")
