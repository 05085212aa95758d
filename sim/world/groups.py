"""When firms of a group exchange currency, and which one they keep their books in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from sim.core.clock import local_instant
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.model.trade import WEEKDAYS, OnCredit, Weekly
from sim.world.markets import local_dates

if TYPE_CHECKING:
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.window import Window


class GroupPlan(NamedTuple):
    """What firms of a group have in common; side and functional `currency` by number.

    `buys` is the occasion of a payer's order. A payee sells all that it is credited at once or, where firms keep
    `cash`, the `surrendered` share of it, and what is left at the instants `sold_at`.
    """

    side: int
    currency: int
    buys: str
    cash: bool
    surrendered: float
    sold_at: tuple[int, ...]


def group_plans(scenario: Scenario, window: Window, fx: FxPaths) -> tuple[GroupPlan, ...]:
    """One plan for each group of firms, in their order."""
    sides, found = list(scenario.sides), []
    for declared in scenario.firms.values():
        sells = declared.exchange.sells
        found.append(
            GroupPlan(
                side=sides.index(declared.side),
                currency=fx.index(scenario.sides[declared.side].functional_currency),
                buys=declared.exchange.buys,
                cash=not isinstance(sells, OnCredit),
                surrendered=1.0 if isinstance(sells, OnCredit) else float(sells.surrender_share),
                sold_at=tuple(_weekly(sells, window)) if isinstance(sells, Weekly) else (),
            )
        )
    return tuple(found)


def _weekly(declared: Weekly, window: Window) -> list[int]:
    """When foreign cash is sold, from the start of the run to its end."""
    zone, at = ZoneInfo(declared.zone), seconds_after_midnight(declared.at)
    days = local_dates(window.start, window.end, zone)
    found = [local_instant(day, at, zone) for day in days if WEEKDAYS[day.weekday()] == declared.weekday]
    return [instant for instant in found if window.start <= instant < window.end]
