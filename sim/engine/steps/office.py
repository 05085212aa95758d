"""Back offices at work on a payment: taking up the order, correcting it, crediting the payee."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.steps.base import KINDS, OfficeWork, Step, without_exchange

if TYPE_CHECKING:
    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.world.roles import Roles
    from sim.world.steps import StepPlan
    from sim.world.world import World


class OriginateStep(Step):
    """The payer's bank takes the order up before its cut-off, or at the next opening, and works on it."""

    def __init__(self, plan: StepPlan, world: World, roles: Roles) -> None:
        del world  # every step is made alike
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
                    log.delays.spend_shut(rows[places], at[places], taken_up[places], hours)
        return self._office.plan(rows, taken_up, log, "processing")


class PostStep(Step):
    """The payee's bank credits its client within its own hours."""

    def __init__(self, plan: StepPlan, world: World, roles: Roles) -> None:
        del world  # every step is made alike
        self._office = OfficeWork(roles, "payee_bank", plan.seconds["work"])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        return self._office.plan(rows, at, log, "processing")


KINDS.add(without_exchange(OriginateStep), "originate")
KINDS.add(without_exchange(PostStep), "post")
