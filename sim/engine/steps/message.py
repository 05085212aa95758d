"""An instruction travels day and night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.steps.base import KINDS, Step, without_exchange

if TYPE_CHECKING:
    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.world.roles import Roles
    from sim.world.steps import StepPlan
    from sim.world.world import World


class MessageStep(Step):
    """Transit takes a drawn time."""

    def __init__(self, plan: StepPlan, world: World, roles: Roles) -> None:
        del world, roles  # every step is made alike
        self._time = plan.seconds["time"]

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        out = np.where(at < NEVER, at + self._time[rows], NEVER)
        if log is not None:
            log.delays.spend(rows, at, out, "processing")
        return out


KINDS.add(without_exchange(MessageStep), "message")
