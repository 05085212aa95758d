"""A payment whose way is closed takes another one, of those that the scenario lists for the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sim.scenario.demands import demands, passengers
from sim.scenario.finding import Finding
from sim.scenario.model.steps import Settle
from sim.scenario.model.timeline import ClosedRoute, LostCorrespondent
from sim.scenario.passage import obstacles
from sim.scenario.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.topology import Passenger

    Closure: TypeAlias = ClosedRoute | LostCorrespondent


def closures(scenario: Scenario) -> Iterator[tuple[int, Closure]]:
    """The entries of the timeline that close a way, with their numbers."""
    for number, entry in enumerate(scenario.timeline):
        if isinstance(entry, ClosedRoute | LostCorrespondent):
            yield number, entry


def closes(entry: Closure, route: str, passenger: Passenger, topology: Topology) -> bool:
    """Whether `entry` closes `route` to a payment."""
    if isinstance(entry, ClosedRoute):
        return entry.route == route
    return _kept_by(entry.bank, route, passenger, topology)


def detours(entry: Closure, passenger: Passenger, topology: Topology) -> list[str]:
    """The listed routes that a payment can pass, in their order; by weight, those of none left out."""
    scenario = topology.scenario
    return [
        name
        for name in entry.fallback
        if not closes(entry, name, passenger, topology)
        and (entry.choice == "order" or scenario.routes[name].weight > 0)
        and topology.carries(scenario.routes[name], passenger)
        and not any(obstacles(topology, scenario.routes[name], passenger))
    ]


def check_detours(scenario: Scenario) -> Iterator[Finding]:
    """Each closure that leaves some payments without a way."""
    topology = Topology(scenario)
    for number, entry in closures(scenario):
        stranded = {
            f"{demand.currency} from {passenger.payer_bank!r} to {passenger.payee_bank!r}"
            for demand in demands(scenario)
            for passenger in passengers(demand, scenario)
            for route in topology.candidates(passenger)
            if closes(entry, route, passenger, topology) and not detours(entry, passenger, topology)
        }
        if stranded:
            first, *others = sorted(stranded)
            more = f" (and {len(others)} more such payments)" if others else ""
            yield Finding(("timeline", number, "fallback"), f"none of these routes can carry {first}{more}")


def _kept_by(bank: str, route: str, passenger: Passenger, topology: Topology) -> bool:
    """Whether a route books in accounts that `bank` keeps."""
    scenario = topology.scenario
    for step in scenario.routes[route].steps:
        if isinstance(step, Settle) and scenario.systems[step.system].serviced:
            for role in (step.debit, step.credit):
                holder = topology.in_role(
                    role, passenger.payer_bank, passenger.payee_bank, scenario.routes[route]
                )
                if holder is not None and topology.servicer(holder, step.system) == bank:
                    return True
    return False
