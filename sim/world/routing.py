"""A payment takes one of the routes that can carry it, by weight; while that one is closed, another of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.scenario.topology import Passenger, Topology, detours
from sim.world.draws import choose
from sim.world.timeline import ClosedWay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.world.payments import Payments
    from sim.world.timeline import Timeline
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
    for (currency, payer_bank, payee_bank, one, other), mine in _alike(*columns):
        passenger = Passenger(
            fx.currencies[currency], banks[payer_bank], banks[payee_bank], (sides[one], sides[other])
        )
        fitting = topology.candidates(passenger)
        chosen[mine] = _by_weight(scenario, fitting, uniform[mine])
    return chosen


def divert(
    scenario: Scenario,
    payments: Payments,
    banks: tuple[str, ...],
    sides: Sides | None,
    fx: FxPaths,
    timeline: Timeline,
) -> NDArray[np.int64]:
    """Route number of each payment, with another one for those instructed while theirs is closed to them.

    `sides` holds the numbers of the parties' sides by payment, None if they have none. Each choice between
    several routes uses the payment's draw for its route.
    """
    chosen, names = payments.route.copy(), list(scenario.routes)
    topology = Topology(scenario)
    side_names = list(scenario.sides)
    none = np.zeros(len(payments), dtype=np.int64)
    payer_side, payee_side = (none, none) if sides is None else sides
    for since, until, entry in timeline.of(ClosedWay):
        # A payment of one's own that goes straight to a system has no route that could be closed.
        rows = np.flatnonzero(
            (payments.instructed_at >= since)
            & (payments.instructed_at < until)
            & (payments.route < len(names))
        )
        columns = (
            payments.route,
            payments.currency,
            payments.payer_bank,
            payments.payee_bank,
            payer_side,
            payee_side,
        )
        for kind, same in _alike(*(column[rows] for column in columns)):
            route, currency, payer_bank, payee_bank, one, other = kind
            passenger = Passenger(
                fx.currencies[currency],
                banks[payer_bank],
                banks[payee_bank],
                None if sides is None else (side_names[one], side_names[other]),
            )
            if not entry.closes(names[route], passenger, topology):
                continue
            fitting = detours(entry, passenger, topology)
            mine = rows[same]
            # Payments of one's own that no listed route can carry keep theirs.
            if entry.choice == "order" or not fitting:
                chosen[mine] = names.index(fitting[0]) if fitting else route
            else:
                chosen[mine] = _by_weight(scenario, fitting, payments.draws["route"][mine])
    return chosen


def _alike(*columns: NDArray[np.int64]) -> Iterator[tuple[list[int], NDArray[np.int64]]]:
    """Rows that are equal in all columns of numbers from 0 on: what they have in common, and where they are."""
    if not len(columns[0]):
        return
    sizes = [int(column.max()) + 1 for column in columns]
    keys = np.ravel_multi_index(columns, sizes)
    order = np.argsort(keys, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        yield [int(column[rows[0]]) for column in columns], rows


def _by_weight(scenario: Scenario, names: list[str], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
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


def sides_of_payers(
    scenario: Scenario,
    banks: tuple[str, ...],
    firms: FirmTable,
    obligations: Obligations,
    payments: Payments,
) -> NDArray[np.int64]:
    """The number of the payer's side by payment: of payments of one's own that of its bank; −1 where it has none."""
    declared = (scenario.banks.get(name) for name in banks)
    sides = {name: number for number, name in enumerate(scenario.sides)}
    of_bank = [-1 if bank is None or bank.side is None else sides[bank.side] for bank in declared]
    found = np.array(of_bank, dtype=np.int64)[payments.payer_bank]
    owed = payments.obligation >= 0
    found[owed], _ = sides_of(scenario, firms, obligations, payments.obligation[owed])
    return found
