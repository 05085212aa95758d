"""What firms owe one another, whatever it is for, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.world.schedules import draw_schedules
from sim.world.trade import Basis, Obligations, TradeDraws, draw_trade

if TYPE_CHECKING:
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.world.timing import Openings
    from sim.world.trade import FirmTable


def draw_obligations(
    scenario: Scenario, replication: int, openings: Openings, firms: FirmTable, fx: FxPaths
) -> Obligations:
    """The obligations of all flows, loans and projects that can matter to the run.

    Left out are those due before the run starts, and those both invoiced and due after its end. `flow`
    numbers them in this order.
    """
    window = openings.window
    basis = Basis(scenario, replication, openings, firms, fx)
    rows = list(enumerate([*draw_trade(basis), *draw_schedules(basis)]))
    if not rows:
        empty = np.zeros(0, dtype=np.int64)
        return Obligations(*([empty] * 9))
    flow = np.concatenate([np.full(len(draws.amount), number, dtype=np.int64) for number, draws in rows])
    merged = TradeDraws(
        *(np.concatenate(columns) for columns in zip(*(draws for _, draws in rows), strict=True))
    )
    kept = (merged.due_at >= window.start) & (
        (merged.due_at < window.end) | (merged.invoiced_at < window.period_end)
    )
    order = np.flatnonzero(kept)
    order = order[np.lexsort((merged.draw[order], flow[order], merged.invoiced_at[order]))]
    return Obligations(
        flow=flow[order],
        draw=merged.draw[order],
        term=merged.term[order],
        payer=merged.payer[order],
        payee=merged.payee[order],
        currency=merged.currency[order],
        amount=merged.amount[order],
        invoiced_at=merged.invoiced_at[order],
        due_at=merged.due_at[order],
    )
