"""The stretch of time that a scenario simulates, and the part of it that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sim.core.clock import DAY, from_instant, to_instant

if TYPE_CHECKING:
    from datetime import date

    from sim.scenario.model import Scenario


@dataclass(frozen=True, slots=True)
class Window:
    """Instants in UTC seconds: `trade_start` ≤ `start` ≤ `period_start` < `period_end` ≤ `end`.

    Payments are simulated in `[start, end)` and measured if due in `[period_start, period_end)`; obligations
    are invoiced from `trade_start` on, early enough that those with the longest terms are open at `start`.
    """

    trade_start: int
    start: int
    period_start: int
    period_end: int
    end: int
    zone: ZoneInfo

    @property
    def first_day(self) -> date:
        """Local date of the first instant for which anything is drawn."""
        return from_instant(self.trade_start, self.zone).date()

    @property
    def last_day(self) -> date:
        """Local date of the last instant of the run."""
        return from_instant(self.end, self.zone).date()


def window(scenario: Scenario) -> Window:
    """The window of a scenario."""
    zone = ZoneInfo(scenario.period.zone)
    start = to_instant(scenario.period.start, zone)
    end = to_instant(scenario.period.end, zone)
    longest = max((t.days[1] for flow in scenario.flows.values() for t in flow.terms.values()), default=0)
    return Window(
        trade_start=start - scenario.run_in - longest * DAY,
        start=start - scenario.run_in,
        period_start=start,
        period_end=end,
        end=end + scenario.horizon,
        zone=zone,
    )
