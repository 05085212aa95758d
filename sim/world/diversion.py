"""A payment whose way is closed when it is instructed takes another one, if the scenario lists one that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.scenario.detours import closures, detours
from sim.scenario.model.timeline import Closure
from sim.scenario.topology import Passenger, Topology
from sim.world.effects import gives_effect_to
from sim.world.routing import alike, by_weight

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.world.payments import Payments
    from sim.world.routing import Sides


@gives_effect_to(Closure)
def divert(
    scenario: Scenario,
    payments: Payments,
    banks: tuple[str, ...],
    sides: Sides | None,
    fx: FxPaths,
    zone: ZoneInfo,
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
    for _, entry in closures(scenario):
        since, until = entry.span(zone)
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
        for kind, same in alike(*(column[rows] for column in columns)):
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
                chosen[mine] = by_weight(scenario, fitting, payments.draws["route"][mine])
    return chosen
