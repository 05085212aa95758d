"""A payment takes one of the routes that can carry its currency between its two sides, by their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.scenario.topology import Topology
from sim.world.draws import choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.scenario.model import Scenario
    from sim.world.fx import FxPaths
    from sim.world.trade import FirmTable, Obligations


def choose_routes(
    scenario: Scenario,
    fx: FxPaths,
    firms: FirmTable,
    obligations: Obligations,
    rows: NDArray[np.int64],
    uniform: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Route number of the payments of the obligations `rows`, each by its uniform draw."""
    topology = Topology(scenario)
    numbers = {name: number for number, name in enumerate(scenario.routes)}
    sides = list(scenario.sides)
    side_of_group = np.array([sides.index(group.side) for group in scenario.firms.values()], dtype=np.int64)
    side_of_firm = side_of_group[firms.group]
    payer, payee = side_of_firm[obligations.payer[rows]], side_of_firm[obligations.payee[rows]]
    currency = obligations.currency[rows]
    chosen = np.full(len(rows), -1, dtype=np.int64)
    keys = (payer * len(sides) + payee) * len(fx.currencies) + currency
    for key in np.unique(keys):
        between, code = divmod(int(key), len(fx.currencies))
        one, other = divmod(between, len(sides))
        fitting = topology.candidates(fx.currencies[code], sides[one], sides[other])
        mine = np.flatnonzero(keys == key)
        weights = [scenario.routes[name].weight for name in fitting]
        options = np.array([numbers[name] for name in fitting], dtype=np.int64)
        chosen[mine] = options[choose(weights, uniform[mine])]
    return chosen
