"""An instruction travels day and night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.steps.base import KINDS, without_exchange
from sim.world.draws import durations

if TYPE_CHECKING:
    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.scenario.model.steps import Message
    from sim.world.build import World
    from sim.world.roles import Roles


class MessageStep:
    """Transit takes a drawn time."""

    def __init__(self, declared: Message, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        del roles  # every step is made alike
        self._time = declared.time
        self._uniform = world.payments.draws[draws[0]]

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        out = np.where(at < NEVER, at + durations(self._time, self._uniform[rows]), NEVER)
        if log is not None:
            log.delays.spend(rows, at, out, "processing")
        return out


KINDS.add(without_exchange(MessageStep), "message")
