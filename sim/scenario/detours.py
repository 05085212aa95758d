"""A payment whose way is closed takes another one, of those that the scenario lists for the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.model.timeline import Closure, numbered
from sim.scenario.passage import obstacles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.topology import Passenger, Topology


def closures(scenario: Scenario) -> Iterator[tuple[int, Closure]]:
    """The entries of the timeline that close a way, with their numbers."""
    return numbered(scenario.timeline, Closure)  # type: ignore[type-abstract]


def detours(entry: Closure, passenger: Passenger, topology: Topology) -> list[str]:
    """The listed routes that a payment can pass, in their order; by weight, those of none left out."""
    scenario = topology.scenario
    return [
        name
        for name in entry.fallback
        if not entry.closes(name, passenger, topology)
        and (entry.choice == "order" or scenario.routes[name].weight > 0)
        and topology.carries(scenario.routes[name], passenger)
        and not any(obstacles(topology, scenario.routes[name], passenger))
    ]
