"""Everything random is drawn and every date is resolved: the world is a complete and frozen input to the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.history import History
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.window import Window
    from sim.world.journeys import Journeys
    from sim.world.markets import GroupPlan, Markets
    from sim.world.network import Network
    from sim.world.payments import Payments
    from sim.world.steps import RoutePlan
    from sim.world.timing import Openings
    from sim.world.trade import FirmTable, Obligations


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class World:
    """All that the engine reads: what is declared stands here in numbers, in seconds and in minor units."""

    window: Window
    fx: FxPaths
    network: Network
    firms: FirmTable
    groups: tuple[GroupPlan, ...]
    """By number of the group of firms."""
    markets: Markets
    obligations: Obligations
    payments: Payments
    journeys: Journeys
    route_plans: tuple[RoutePlan, ...]
    """By number of the route: what its steps mean to the journeys."""

    @property
    def travelling(self) -> World:
        """The world as seen by whoever moves payments: each time that one is on its way is one of its own."""
        return replace(self, payments=self.journeys.payments)

    @property
    def functional_currency(self) -> NDArray[np.int64]:
        """Currency number by firm number."""
        return np.array([group.currency for group in self.groups], dtype=np.int64)[self.firms.group]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnWorld(World):
    """A world and what it was drawn from, for those who tell what happened in it by its names."""

    scenario: Scenario
    replication: int
    history: History
    """What rates were observed to be, from which value at risk is told."""
    openings: Openings
    routes: dict[str, Route]
    warnings: tuple[str, ...]
