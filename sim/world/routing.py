"""A payment takes one of the routes that can carry its currency between its two sides, by their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.scenario.topology import Passenger, Topology
from sim.world.draws import choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.world.trade import FirmTable, Obligations

    Sides = tuple[NDArray[np.int64], NDArray[np.int64]]


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
    sides, banks = list(scenario.sides), list(scenario.banks)
    chosen = np.full(len(rows), -1, dtype=np.int64)
    columns = (
        obligations.currency[rows],
        firms.bank[obligations.payer[rows]],
        firms.bank[obligations.payee[rows]],
        *sides_of(scenario, firms, obligations, rows),
    )
    for (currency, payer_bank, payee_bank, one, other), mine in alike(*columns):
        passenger = Passenger(
            fx.currencies[currency], banks[payer_bank], banks[payee_bank], (sides[one], sides[other])
        )
        fitting = topology.candidates(passenger)
        chosen[mine] = by_weight(scenario, fitting, uniform[mine])
    return chosen


def alike(*columns: NDArray[np.int64]) -> Iterator[tuple[list[int], NDArray[np.int64]]]:
    """Rows that are equal in all columns of numbers from 0 on: what they have in common, and where they are."""
    if not len(columns[0]):
        return
    sizes = [int(column.max()) + 1 for column in columns]
    keys = np.ravel_multi_index(columns, sizes)
    order = np.argsort(keys, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        yield [int(column[rows[0]]) for column in columns], rows


def by_weight(scenario: Scenario, names: list[str], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of one of these routes for each draw."""
    numbers = {name: number for number, name in enumerate(scenario.routes)}
    options = np.array([numbers[name] for name in names], dtype=np.int64)
    return options[choose([scenario.routes[name].weight for name in names], uniform)]


def sides_of(
    scenario: Scenario, firms: FirmTable, obligations: Obligations, rows: NDArray[np.int64]
) -> Sides:
    """Numbers of the payer's and the payee's side of the obligations `rows`."""
    sides = list(scenario.sides)
    of_group = np.array([sides.index(group.side) for group in scenario.firms.values()], dtype=np.int64)
    of_firm = of_group[firms.group]
    return of_firm[obligations.payer[rows]], of_firm[obligations.payee[rows]]
