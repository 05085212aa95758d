"""What no single declaration can see: whether the parts of a scenario fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from sim.scenario.check.accounts import check_accounts, check_deliveries, check_liquidity, check_systems
from sim.scenario.check.bounds import check_bounds
from sim.scenario.check.finding import Finding
from sim.scenario.check.flows import (
    check_flows,
    check_hedges,
    check_origins,
    check_own_payments,
    check_rates,
    check_vehicles,
)
from sim.scenario.check.hours import check_auctions, check_calendars
from sim.scenario.check.routes import check_routes, check_screening
from sim.scenario.check.timeline import check_dates, check_detours, check_quotes
from sim.scenario.model import Scenario
from sim.scenario.partial import sound_findings

__all__ = ["CHECKS", "Finding", "check"]


def check(scenario: Scenario) -> list[Finding]:
    """Everything that does not fit together, in the order of the declarations."""
    return list(sound_findings(CHECKS, scenario))


#: Each for itself, for one may ask for a section that is wrong and then tells nothing.
CHECKS: Final[tuple[Callable[[Scenario], Iterable[Finding]], ...]] = (
    check_calendars,
    check_rates,
    check_systems,
    check_own_payments,
    check_origins,
    check_accounts,
    check_deliveries,
    check_quotes,
    check_bounds,
    check_liquidity,
    check_screening,
    check_routes,
    check_vehicles,
    check_auctions,
    check_flows,
    check_dates,
    check_hedges,
    check_detours,
)
