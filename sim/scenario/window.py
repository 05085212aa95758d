"""The stretch of time that a scenario simulates, and the part of it that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from sim.core.clock import DAY, from_instant, local_instant, to_instant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.scenario.model import Scenario
    from sim.scenario.model.credit import Loan, Project

#: No payer is shut for longer, so that nothing falls due so much later than agreed.
_LONGEST_BREAK: Final = timedelta(days=31)
#: Work begun before the end has somewhere to end, and the last day of a year its next one.
_MARGIN: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Window:
    """Instants in UTC seconds: `agreed_from` ≤ `trade_start` ≤ `start` ≤ `period_start` < `period_end` ≤ `end`.

    Payments are simulated in `[start, end)` and measured if due in `[period_start, period_end)`. Trade is invoiced
    from `trade_start` on, early enough that those with the longest terms are open at `start`; `agreed_from` is when
    the oldest loan or project was agreed, too. Nothing agreed before the end of the period falls due after `last_due`.
    """

    agreed_from: int
    trade_start: int
    last_due: int
    start: int
    period_start: int
    period_end: int
    end: int
    zone: ZoneInfo

    @property
    def first_day(self) -> date:
        """Local date on which the oldest obligation was agreed."""
        return from_instant(self.agreed_from, self.zone).date()

    @property
    def last_day(self) -> date:
        """Local date of the last instant of the run."""
        return from_instant(self.end, self.zone).date()

    def concerns(self, invoiced_at: Seconds, due_at: Seconds) -> NDArray[np.bool_]:
        """Which obligations the run is about: not those due before it, nor those both agreed and due too late for it.

        That is agreed after the period, and due after the end of the run.
        """
        late = (due_at >= self.end) & (invoiced_at >= self.period_end)
        return np.asarray((due_at >= self.start) & ~late & (invoiced_at >= self.agreed_from))

    def years(self) -> range:
        """The years in which trade is invoiced, counted from 1970."""
        # A session may begin a day before its working day, or end a day after it.
        first, last = (
            from_instant(at, self.zone).year - 1970 for at in (self.trade_start - 2 * DAY, self.end + 2 * DAY)
        )
        return range(first, last + 1)

    def tables(self) -> tuple[date, date]:
        """First and last day for which calendars and opening hours have to be known, with some to spare.

        Whole years, because trade is spread over the sessions of a year; so each is the same in every run.
        """
        years, last = self.years(), from_instant(self.last_due, self.zone).year
        return date(1970 + years[0], 1, 1) - _LONGEST_BREAK, date(
            max(1970 + years[-1], last), 12, 31
        ) + _MARGIN


def window(scenario: Scenario) -> Window:
    """The window of a scenario."""
    zone = ZoneInfo(scenario.period.zone)
    start = to_instant(scenario.period.start, zone)
    end = to_instant(scenario.period.end, zone)
    longest = max((t.days[1] for flow in scenario.flows.values() for t in flow.terms.values()), default=0)
    spare = int(_LONGEST_BREAK.total_seconds()) if scenario.flows else 0
    trade_start = start - scenario.run_in - longest * DAY - spare
    contracts: list[Loan | Project] = [*scenario.loans.values(), *scenario.projects.values()]
    spans = [[local_instant(day, 0, zone) for day in contract.span()] for contract in contracts]
    return Window(
        agreed_from=min([trade_start, *(first for first, _ in spans)]),
        trade_start=trade_start,
        last_due=max([end + longest * DAY + spare, *(last for first, last in spans if first < end)]),
        start=start - scenario.run_in,
        period_start=start,
        period_end=end,
        end=end + scenario.horizon,
        zone=zone,
    )
