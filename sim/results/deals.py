"""What firms exchanged on the way of their payments, and what they were charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.engine.records import Conversions, joined_rows, some_rows
from sim.results.columns import firm_sides, names, payment_ids
from sim.results.instants import instants

if TYPE_CHECKING:
    from sim.engine.records import Records
    from sim.world.world import DrawnWorld


def conversions_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """Every part of an obligation that a bearer exchanged, and what was sold back; see `Conversions`."""
    rows, sold_back = records.conversions, records.sold_back
    kind = np.concatenate([rows.matched.astype(np.int64), np.full(len(sold_back.at), 2)])
    rows = joined_rows(Conversions, [rows, sold_back])
    order = np.argsort(rows.at, kind="stable")
    rows, kind = some_rows(rows, order), kind[order]
    side_names, markets = list(world.scenario.sides), list(world.scenario.markets)
    currencies = world.fx.currencies
    return pd.DataFrame(
        {
            "payment_id": payment_ids(world, rows.payment),
            "obligation_id": rows.obligation,
            "bearer": names(["payer", "payee"], rows.by_payee.astype(np.int64)),
            "firm": names(world.firms.labels, rows.firm),
            "side": names(side_names, firm_sides(world)[rows.firm]),
            "kind": names(["market", "matched", "sold_back"], kind),
            "market": names(markets, rows.market),
            "vehicle": names(currencies, rows.vehicle),
            "vehicle_market": names(markets, rows.vehicle_market),
            "converted_at": instants(rows.at),
            "currency": names(currencies, rows.currency),
            "amount": rows.amount,
            "functional_currency": names(currencies, rows.functional_currency),
            "mid_value": rows.mid_amount,
            "realised_value": rows.counter_amount,
        }
    )


def fees_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """Every charge; see `Fees`."""
    rows = records.fees
    kinds = sorted({step.kind for route in world.routes.values() for step in route.steps})
    width = max((len(route.steps) for route in world.routes.values()), default=1)
    lookup = np.zeros((max(len(world.routes), 1), width), dtype=np.int64)
    for number, route in enumerate(world.routes.values()):
        lookup[number, : len(route.steps)] = [kinds.index(step.kind) for step in route.steps]
    return pd.DataFrame(
        {
            "payment_id": payment_ids(world, rows.payment),
            "attempt": rows.attempt,
            "step": rows.step,
            "kind": names(kinds, lookup[world.payments.route[rows.payment], rows.step]),
            "firm": names(world.firms.labels, rows.firm),
            "charged_at": instants(rows.at),
            "currency": names(world.fx.currencies, rows.currency),
            "amount": rows.amount,
        }
    )
