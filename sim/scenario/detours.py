"""A payment whose way is closed takes another one, of those that the scenario lists for the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sim.scenario.model.settlement import Correspondent
from sim.scenario.model.steps import Settle
from sim.scenario.model.timeline import ClosedRoute, LostCorrespondent
from sim.scenario.passage import obstacles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.topology import Passenger, Topology

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


def _kept_by(bank: str, route: str, passenger: Passenger, topology: Topology) -> bool:
    """Whether a route books in accounts that `bank` keeps."""
    scenario = topology.scenario
    for step in scenario.routes[route].steps:
        if isinstance(step, Settle) and isinstance(scenario.systems[step.system], Correspondent):
            for role in (step.debit, step.credit):
                holder = topology.in_role(
                    role, passenger.payer_bank, passenger.payee_bank, scenario.routes[route]
                )
                if holder is not None and topology.servicer(holder, step.system) == bank:
                    return True
    return False
