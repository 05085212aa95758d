"""Money moves between two accounts of one system when it is open and the debited account covers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER, Seconds
from sim.engine.requests import Asked
from sim.engine.steps.base import KINDS, Contended, without_exchange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engine.records import Log, Waits
    from sim.engine.steps.base import Rows
    from sim.world.roles import Roles
    from sim.world.steps import StepPlan
    from sim.world.world import World


class SettleStep(Contended):
    """Payments arrive at a system when it is open; how long they wait there, the engine finds out."""

    def __init__(self, plan: StepPlan, world: World, roles: Roles) -> None:
        if plan.move is None:
            raise TypeError("only a step that moves money settles")
        self._move = plan.move
        self.system = plan.move.system
        self._hours = world.network.system_hours[self.system]
        self._cycles = np.array(world.network.cycles[self.system], dtype=np.int64)
        self._planned = np.array(world.network.scheduled_cycles[self.system], dtype=np.int64)
        self._roles = roles
        self._frozen_at = world.network.frozen_at
        self._freezes = bool(np.any(self._frozen_at < NEVER))

    def asked(self, number: int, rows: Rows, arrival: Seconds) -> Asked:
        """See `Contended`; nothing where one bank pays itself."""
        debit, credit = self._roles.accounts(self._move, rows)
        moving = np.flatnonzero(debit != credit)
        payment = rows[moving]
        none = np.full(len(moving), -1)
        counter = self._roles.counter_accounts(self._move, payment) if self._move.linked else (none, none)
        return Asked(
            journey=payment,
            step=np.full(len(moving), number),
            system=np.full(len(moving), self.system),
            desk=none,
            debit=debit[moving],
            credit=credit[moving],
            counter_debit=counter[0],
            counter_credit=counter[1],
            arrival=arrival[moving],
        )

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`: who does not wait has settled as soon as it is submitted."""
        return self.enter(rows, at, log)

    def enter(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Contended`: payments are submitted while the system is open."""
        moving, stopped = self._moving(rows), self.stopped_at(rows)
        opens = np.where(moving, self._hours.next_open(at), at)
        # Nobody accepts what would touch a frozen account.
        arrival = np.where(stopped <= opens, NEVER, opens)
        if log is not None:
            mine, since, until = rows[moving], at[moving], arrival[moving]
            log.delays.spend_shut(mine, since, until, self._hours, stopped[moving])
        return arrival

    def wait(self, _number: int, rows: Rows, arrival: Seconds, waits: Waits, log: Log) -> Seconds:
        """See `Contended`: they leave as they settle.

        With cover a payment would have settled at once, so money is the cause of its wait; in a system with
        cycles it would still have waited for the first cycle after its acceptance: that part is netting's.
        """
        settled, accepted, cycle = (column[rows] for column in waits)
        out = np.where(settled < 0, arrival, settled)
        # What waits for a bank that fails, or in its account, stays there because of that.
        waited = np.minimum(out, np.maximum(self.stopped_at(rows), arrival))
        accepted = np.clip(accepted, arrival, waited)
        cycle = np.clip(cycle, accepted, waited)
        due = self._scheduled(accepted, cycle)
        moving = self._moving(rows)
        passed = [instants[moving] for instants in (arrival, accepted, due, cycle, waited, out)]
        reasons = ("liquidity", "netting", "outage", "liquidity", "outage")
        for since, until, reason in zip(passed[:-1], passed[1:], reasons, strict=True):
            log.delays.spend(rows[moving], since, until, reason)
        return out

    def _moving(self, rows: Rows) -> NDArray[np.bool_]:
        """Which payments move at all: not those of a bank that pays itself."""
        debit, credit = self._roles.accounts(self._move, rows)
        return np.not_equal(debit, credit)

    def stopped_at(self, rows: Rows) -> Seconds:
        """When an account of each payment is frozen; NEVER where none is, or where nothing moves."""
        if not self._freezes:
            return np.full(len(rows), NEVER)
        debit, credit = self._roles.accounts(self._move, rows)
        touched = [debit, credit]
        if self._move.linked:
            touched += self._roles.counter_accounts(self._move, rows)
        frozen = np.minimum.reduce([self._frozen_at[accounts] for accounts in touched])
        return np.where(debit == credit, NEVER, frozen)

    def _scheduled(self, accepted: Seconds, cycle: Seconds) -> Seconds:
        """Instants at which the cycles would have taken place if the system had not been out."""
        if self._hours.schedule is None:
            return cycle
        # Whoever is accepted at the instant of a cycle and not in it came after it.
        missed = np.isin(accepted, self._cycles) & (cycle > accepted)
        place = np.where(
            missed,
            np.searchsorted(self._planned, accepted, side="right"),
            np.searchsorted(self._planned, accepted, side="left"),
        )
        return np.asarray(np.clip(np.append(self._planned, NEVER)[place], accepted, cycle))


KINDS.add(without_exchange(SettleStep), "settle")
