"""Back offices at work on a payment: taking up the order, correcting it, crediting the payee."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engine.steps.base import KINDS, OfficeWork, without_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.scenario.model.steps import Originate, Post
    from sim.world.build import World
    from sim.world.roles import Roles


class OriginateStep:
    """The payer's bank takes the order up before its cut-off, or at the next opening, and works on it."""

    def __init__(self, declared: Originate, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        self._accepts = declared.accepts
        self._world = world
        self._roles = roles
        self._office = OfficeWork(world, roles, "payer_bank", declared.work, draws[0])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        taken_up = at.copy()
        for places, window in self._windows(rows):
            taken_up[places] = window.next_open(at[places])
            if log is not None:
                log.delays.spend_shut(rows[places], at[places], taken_up[places], window)
        return self._office.plan(rows, taken_up, log, "processing")

    def _windows(self, rows: Rows) -> Iterator[tuple[NDArray[np.int64], OpeningHours]]:
        """Positions within `rows`, together with the order window of their bank, which an outage of it closes."""
        if self._accepts is None:
            return
        banks = self._roles.banks("payer_bank", rows)
        rest = np.ones(len(rows), dtype=np.bool_)
        for number, name in enumerate(self._world.network.banks):
            if self._world.openings.gaps(("bank", name)):
                rest &= banks != number
                hours = self._world.openings.hours(self._accepts, ("bank", name))
                yield np.flatnonzero(banks == number), hours
        yield np.flatnonzero(rest), self._world.openings.hours(self._accepts)


class PostStep:
    """The payee's bank credits its client within its own hours."""

    def __init__(self, declared: Post, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        self._office = OfficeWork(world, roles, "payee_bank", declared.work, draws[0])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        return self._office.plan(rows, at, log, "processing")


KINDS.add(without_exchange(OriginateStep), "originate")
KINDS.add(without_exchange(PostStep), "post")
