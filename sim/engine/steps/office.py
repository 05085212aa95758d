"""Banks at work on a payment: taking up the order, reviewing it, crediting the payee."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engine.steps.base import OfficeWork

if TYPE_CHECKING:
    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.scenario.model.network import Originate, Post, Screen
    from sim.world.build import World
    from sim.world.roles import Roles


class OriginateStep:
    """The payer's bank takes the order up before its cut-off, or at the next opening, and works on it."""

    def __init__(self, declared: Originate, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        self._accepts = None if declared.accepts is None else world.openings.hours(declared.accepts)
        self._office = OfficeWork(world, roles, "payer_bank", declared.work, draws[0])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        taken_up = at if self._accepts is None else self._accepts.next_open(at)
        if log is not None:
            log.delays.spend(rows, at, taken_up, "closed")
        return self._office.plan(rows, taken_up, log, "processing")


class ScreenStep:
    """A drawn part of the payments waits for a reviewer's working time; the rest passes at once."""

    def __init__(self, declared: Screen, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        self._probability = float(declared.probability)
        self._review = world.payments.draws[draws[0]]
        self._office = OfficeWork(world, roles, declared.at, declared.work, draws[1])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        out = at.copy()
        reviewed = np.flatnonzero(self._review[rows] < self._probability)
        out[reviewed] = self._office.plan(rows[reviewed], at[reviewed], log, "screening")
        return out


class PostStep:
    """The payee's bank credits its client within its own hours."""

    def __init__(self, declared: Post, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        self._office = OfficeWork(world, roles, "payee_bank", declared.work, draws[0])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        return self._office.plan(rows, at, log, "processing")
