"""When firms of a group exchange currency, and which one they keep their books in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sim.core.clock import local_instant
from sim.core.kinds import complete
from sim.scenario.model.kinds import kinds
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.model.trade import WEEKDAYS, Selling
from sim.world.markets import local_dates

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.trade import Keep, OnCredit, Weekly
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
                cash=sells.keeps,
                surrendered=float(sells.surrender_share),
                sold_at=tuple(SALES[sells.kind](sells, window)),
            )
        )
    return tuple(found)


def _weekly(declared: Weekly, window: Window) -> list[int]:
    """When foreign cash is sold, from the start of the run to its end."""
    zone, at = ZoneInfo(declared.zone), seconds_after_midnight(declared.at)
    days = local_dates(window.start, window.end, zone)
    found = [local_instant(day, at, zone) for day in days if WEEKDAYS[day.weekday()] == declared.weekday]
    return [instant for instant in found if window.start <= instant < window.end]


def _never(declared: OnCredit | Keep, window: Window) -> list[int]:
    del declared, window
    return []


#: When foreign cash is sold, by the `kind` of selling.
SALES: Final[dict[str, Callable[[Any, Window], list[int]]]] = {
    "on_credit": _never,
    "weekly": _weekly,
    "keep": _never,
}
complete(kinds(Selling), SALES, of="way of selling", what="times of sale in the world")
