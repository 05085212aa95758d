"""What is sent back moves over the same accounts in reverse, and is put right by the payer's bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engine.steps.base import OfficeWork, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.world.roles import Roles
    from sim.world.steps import RoutePlan, StepPlan
    from sim.world.world import World


class CorrectionStep(Step):
    """The payer's bank corrects a payment that came back, before it is instructed again."""

    def __init__(self, plan: StepPlan, world: World, roles: Roles) -> None:
        none = np.zeros(len(world.payments), dtype=np.int64)
        self._office = OfficeWork(roles, "payer_bank", plan.seconds.get("correction", none))

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        return self._office.plan(rows, at, log, "returned")


class HeldStep(Step):
    """A payer whose payment came back still has the currency that it bought, and buys none again."""

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        del rows, log
        return at


def reversed_settlement(route: RoutePlan, step: int) -> Iterator[tuple[int, StepPlan]]:
    """How money comes back from a step: the settlements before it, the last one first, with their places."""
    for number in range(step - 1, -1, -1):
        plan = route.steps[number]
        if plan.move is not None:
            yield number, plan._replace(move=plan.move.back, fee=None)
