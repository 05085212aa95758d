"""A step takes payments in at some instants and lets them out at later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.world.draws import durations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.scenario.model.timing import Durations
    from sim.world.build import World
    from sim.world.roles import Roles

    Rows = NDArray[np.int64]


class Step(Protocol):
    """One element of a route. A step that contends for money ends where another part says (`settle`)."""

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """Instants at which the payments `rows`, arriving at `at`, leave if they wait for nobody.

        Where a log is given, delays by cause, deals and charges go into it. An arrival of NEVER leaves at
        NEVER and reports nothing.
        """
        ...


class OfficeWork:
    """Work of a bank's back office: it goes on in the bank's hours and rests outside of them."""

    def __init__(self, world: World, roles: Roles, role: str, work: Durations, draw: str) -> None:
        self._roles = roles
        self._role = role
        self._work = work
        self._uniform = world.payments.draws[draw]

    def plan(self, rows: Rows, at: Seconds, log: Log | None, cause: str) -> Seconds:
        """As `Step.plan`, with the time at work under `cause`."""
        work = durations(self._work, self._uniform[rows])
        return work_in_office(self._roles, self._role, rows, at, work, log, cause)


def work_in_office(
    roles: Roles, role: str, rows: Rows, at: Seconds, work: Seconds, log: Log | None, cause: str
) -> Seconds:
    """Instants at which so many seconds of `work` that come in at `at` are done in the hours of a bank."""
    out = np.empty_like(at)
    for places, hours in roles.by_hours(role, rows):
        out[places] = hours.advance(at[places], work[places])
        if log is not None:
            log.delays.spend_working(rows[places], at[places], work[places], cause, hours)
    return out
