"""A step takes payments in at some instants and lets them out at later ones."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from sim.core.kinds import Halves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.core.hours import OpeningHours
    from sim.engine.markets.exchange import Exchange
    from sim.engine.records import Log, Waits
    from sim.engine.requests import Asked
    from sim.engine.steps.screen import Case
    from sim.world.roles import Roles

    Rows = NDArray[np.int64]


class Step(Protocol):
    """One element of a route; a kind inherits what it does not do, and says what it does."""

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """Instants at which the payments `rows`, arriving at `at`, leave if they wait for nobody.

        Where a log is given, stays, deals and charges go into it. An arrival of NEVER leaves at
        NEVER and reports nothing.
        """
        ...

    def contended(self) -> Contended | None:
        """The step itself, if payments may have to wait for each other at it."""
        return None

    def charged(self, rows: Rows, at: Seconds, amount: Amounts) -> tuple[Rows, Seconds, Amounts]:
        """What a fee is charged on, of payments that arrive: payment, instant and amount of each."""
        return rows, at, amount

    def case(self, row: int, at: int) -> Case | None:
        """What a payment that comes at an instant is to the people at a desk; None if it just passes."""
        del row, at
        return None


class Contended(Step, Protocol):
    """A step at which payments may have to wait for each other, in a system or at a desk."""

    def contended(self) -> Contended:
        """See `Step`."""
        return self

    def enter(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """Instants at which payments that come at `at` ask for what they need; see `Step` for the log."""
        ...

    def asked(self, number: int, rows: Rows, arrival: Seconds) -> Asked:
        """What they ask for, as step `number` of their route; nothing for those that need not."""
        ...

    def wait(self, number: int, rows: Rows, arrival: Seconds, waits: Waits, log: Log) -> Seconds:
        """Report the time from then on, and return the instants at which they leave; NEVER for those that do not."""
        ...


#: Who makes a step, by the `kind` of its declaration: called with the exchange that all routes share, the plan of
#: the step, the world, and the roles on the route.
KINDS: Final[Halves[Callable[..., Step]]] = Halves("kind of step", "a step of the engine")


def without_exchange(make: Callable[..., Step]) -> Callable[..., Step]:
    """Who makes a step in which nobody exchanges anything."""

    def made(exchange: Exchange, *others: Any) -> Step:  # noqa: ANN401 - as `KINDS` says
        del exchange
        return make(*others)

    return update_wrapper(made, make, updated=())


class OfficeWork:
    """Work of a bank's back office: it goes on in the bank's hours and rests outside of them."""

    def __init__(
        self, roles: Roles, role: str, work: Seconds, hours: Sequence[OpeningHours] | None = None
    ) -> None:
        """`work` is by journey; `hours` are by bank, by default those of its office."""
        self._roles = roles
        self._role = role
        self._work = work
        self._hours = hours

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        work = self._work[rows]
        out = np.empty_like(at)
        for places, hours in self._roles.by_hours(self._role, rows, self._hours):
            if log is not None:
                stopped = self._roles.failed_at(self._role, rows[places])
                log.delays.spend_working(rows[places], at[places], work[places], hours, stopped)
            out[places] = hours.advance(at[places], work[places])
        return out
