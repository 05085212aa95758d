"""The stretch of time that a scenario simulates, and the part of it that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sim.core.clock import DAY, from_instant, local_instant, to_instant

if TYPE_CHECKING:
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

    def tables(self) -> tuple[date, date]:
        """First and last day for which calendars and opening hours have to be known, with some to spare.

        Whole years, because trade is spread over the sessions of a year; so each is the same in every run.
        """
        first = from_instant(self.trade_start, self.zone).year
        last = from_instant(max(self.end, self.last_due), self.zone).year
        return date(first, 1, 1) - _LONGEST_BREAK, date(last, 12, 31) + _MARGIN


def window(scenario: Scenario) -> Window:
    """The window of a scenario."""
    zone = ZoneInfo(scenario.period.zone)
    start = to_instant(scenario.period.start, zone)
    end = to_instant(scenario.period.end, zone)
    longest = max((t.days[1] for flow in scenario.flows.values() for t in flow.terms.values()), default=0)
    spare = int(_LONGEST_BREAK.total_seconds())
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
