"""Steps at which no payment waits for another: back offices at work, an instruction under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.steps.base import KINDS, OfficeWork, Step, without_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.world.roles import Roles
    from sim.world.steps import RoutePlan, StepPlan
    from sim.world.world import World


class OriginateStep(Step):
    """The payer's bank takes the order up before its cut-off, or at the next opening, and works on it."""

    def __init__(self, plan: StepPlan, _world: World, roles: Roles) -> None:
        #: When each bank takes orders up, which an outage of it closes; None for any time.
        self._accepts = plan.hours.get("accepts")
        self._roles = roles
        self._office = OfficeWork(roles, "payer_bank", plan.seconds["work"])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        taken_up = at.copy()
        if self._accepts is not None:
            for places, hours in self._roles.by_hours("payer_bank", rows, self._accepts):
                taken_up[places] = hours.next_open(at[places])
                if log is not None:
                    mine, since, until = rows[places], at[places], taken_up[places]
                    stopped = self._roles.failed_at("payer_bank", mine)
                    log.delays.spend_shut(mine, since, until, hours, stopped, "cut_off")
        return self._office.plan(rows, taken_up, log)


class PostStep(Step):
    """The payee's bank credits its client: some payments without hands, the others within its own hours."""

    def __init__(self, plan: StepPlan, _world: World, roles: Roles) -> None:
        self._office = OfficeWork(roles, "payee_bank", plan.seconds["work"])
        self._automatic = plan.whether.get("automatic")
        if self._automatic is not None:
            took, hours = plan.seconds["automatic_time"], plan.hours["automatic_hours"]
            self._machine = OfficeWork(roles, "payee_bank", took, hours)

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        if self._automatic is None:
            return self._office.plan(rows, at, log)
        out, automatic = np.empty_like(at), self._automatic[rows]
        if log is not None:
            log.automatic[rows[automatic & (at < log.end)]] = True
        for who, mine in ((self._machine, automatic), (self._office, ~automatic)):
            out[mine] = who.plan(rows[mine], at[mine], log)
        return out


KINDS.add(without_exchange(OriginateStep), "originate")
KINDS.add(without_exchange(PostStep), "post")


class MessageStep(Step):
    """Transit takes a drawn time."""

    def __init__(self, plan: StepPlan, _world: World, _roles: Roles) -> None:
        self._time = plan.seconds["time"]

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        out = np.where(at < NEVER, at + self._time[rows], NEVER)
        if log is not None:
            log.delays.spend(rows, at, out, "work")
        return out


KINDS.add(without_exchange(MessageStep), "message")


class CorrectionStep(Step):
    """The payer's bank corrects a payment that came back, before it is instructed again."""

    def __init__(self, plan: StepPlan, world: World, roles: Roles) -> None:
        none = np.zeros(len(world.payments), dtype=np.int64)
        self._office = OfficeWork(roles, "payer_bank", plan.seconds.get("correction", none))

    def plan(self, rows: Rows, at: Seconds, _log: Log | None) -> Seconds:
        """See `Step`; all the time of an attempt that came back is told at once."""
        return self._office.plan(rows, at, None)


class HeldStep(Step):
    """A payer whose payment came back still has the currency that it bought, and buys none again."""

    def plan(self, _rows: Rows, at: Seconds, _log: Log | None) -> Seconds:
        """See `Step`."""
        return at


def reversed_settlement(route: RoutePlan, step: int) -> Iterator[tuple[int, StepPlan]]:
    """How money comes back from a step: the settlements before it, the last one first, with their places."""
    for number in range(step - 1, -1, -1):
        plan = route.steps[number]
        if plan.move is not None:
            yield number, plan._replace(move=plan.move.back, fee=None)
