"""What the payer's bank accepts has a value date, and settles from the opening of that business day on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.steps.base import Contended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Log, Waits
    from sim.engine.requests import Asked
    from sim.engine.steps.base import Rows
    from sim.engine.steps.settle import SettleStep
    from sim.world.roles import Roles
    from sim.world.value_dates import Promises, ValuePlan


class ValueDates:
    """The value dates of the journeys on one walk; those that are promised none come and go as if it was not there."""

    def __init__(self, promises: Promises, roles: Roles) -> None:
        self._promises = promises
        #: The step that waits for the value date.
        self.step = promises.step
        self._roles = roles
        #: By journey, the number of the day in its plan; −1 before it is accepted.
        self._day = np.full(len(promises.of), -1, dtype=np.int64)

    def accept(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """When the payer's bank accepts what comes at `at`: when it is open; from then on the value date is known."""
        out = at.copy()
        for plan, mine in self._by_plan(rows):
            for places, hours in self._roles.by_hours("payer_bank", rows[mine]):
                here = mine[places]
                out[here] = hours.next_open(at[here])
                if log is not None:
                    stopped = self._roles.failed_at("payer_bank", rows[here])
                    log.delays.spend_shut(rows[here], at[here], out[here], hours, stopped, "payer_bank")
            day, same_day = plan.promised(out[mine])
            self._day[rows[mine]] = day
            if log is not None:
                log.accept(rows[mine], out[mine], plan.dates[day], same_day)
        return out

    def hold(self, rows: Rows, at: Seconds, stopped: Seconds, log: Log | None) -> Seconds:
        """When what is ready at `at` may settle; NEVER where something it needs is `stopped` before."""
        out = at.copy()
        for plan, mine in self._by_plan(rows):
            ready, ends = at[mine], stopped[mine]
            released, missed = plan.released(self._day[rows[mine]], ready)
            out[mine] = np.where((released > ready) & (ends <= released), NEVER, released)
            if log is not None:
                due = np.minimum(released, np.maximum(ready, ends))
                log.delays.spend_closed(rows[mine], ready, due, plan.shut, "cut_off")
                log.delays.spend(rows[mine], due, out[mine], "outage", "cut_off")
                log.miss(rows[mine[missed]], ready[missed])
        return out

    def _by_plan(self, rows: Rows) -> Iterator[tuple[ValuePlan, NDArray[np.int64]]]:
        of = self._promises.of[rows]
        for number, plan in enumerate(self._promises.plans):
            mine = np.flatnonzero(of == number)
            if len(mine):
                yield plan, mine


class ValuedStep(Contended):
    """The first settlement of a route: it is asked for on the value date, and then as ever."""

    def __init__(self, step: SettleStep, value: ValueDates) -> None:
        self._step = step
        self._value = value

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`: who does not wait has settled as soon as it is submitted."""
        return self.enter(rows, at, log)

    def enter(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Contended`."""
        return self._step.enter(rows, self._value.hold(rows, at, self._step.stopped_at(rows), log), log)

    def asked(self, number: int, rows: Rows, arrival: Seconds) -> Asked:
        """See `Contended`."""
        return self._step.asked(number, rows, arrival)

    def wait(self, number: int, rows: Rows, arrival: Seconds, waits: Waits, log: Log) -> Seconds:
        """See `Contended`."""
        return self._step.wait(number, rows, arrival, waits, log)
