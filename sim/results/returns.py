"""What is sent back was under way for nothing, and has to be paid for a second time in patience."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sim.core.clock import DAY
from sim.core.currency import minor_digits
from sim.results.columns import names, payment_ids
from sim.results.instants import instants
from sim.results.measure import Measure
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.engine.records import Records
    from sim.world.world import DrawnWorld

    Tables = Mapping[str, pd.DataFrame]


def returns_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """One row per attempt that was sent back, by instant: by whom, when the money was back, and what followed.

    `instructed_at` is that of the attempt that failed.
    """
    rows, payments = records.returns, world.payments
    return pd.DataFrame(
        {
            "payment_id": payment_ids(world, rows.payment),
            "attempt": rows.attempt,
            "step": rows.step,
            "bank": names(world.network.banks, rows.bank),
            "currency": names(world.fx.currencies, payments.currency[rows.payment]),
            "amount": payments.amount[rows.payment],
            "instructed_at": instants(rows.instructed_at),
            "sent_back_at": instants(rows.sent_back_at),
            "returned_at": instants(rows.returned_at),
            "instructed_again_at": instants(rows.instructed_again_at),
        }
    )


def return_measures(tables: Tables, currency: str, end: pd.Timestamp) -> dict[str, Measure]:
    """What came back of the payments due in the period.

    - `returned_share` = value of those that were sent back at least once / value due; `cancelled_share` the same of
      those that were given up;
    - `return_time`: mean days from the sending back until the money was there, of what was there by the end;
    - `returned_value_days` = Σ value · days from the instruction of an attempt that failed until the money was back,
      or until `end`: what was under way for nothing. Values at mid on the due date.
    """
    payments, returns = tables["payments"], tables["returns"]
    scale = 10 ** minor_digits(currency)
    due = payments[payments["counted"]].set_index("payment_id")
    worth = Valuation(tables["fx"], currency).of(due["amount"], due["currency"], due["due_at"]) / scale
    total = float(worth.sum())
    failed = returns[returns["payment_id"].isin(due.index)]
    took = (failed["returned_at"] - failed["sent_back_at"]).dt.total_seconds() / DAY
    away = (failed["returned_at"].fillna(end) - failed["instructed_at"]).dt.total_seconds() / DAY
    shares = {
        "returned_share": worth[due.index.isin(failed["payment_id"])],
        "cancelled_share": worth[(due["status"] == "cancelled").to_numpy()],
    }
    return {
        **{
            name: Measure(float(v.sum()) / total if total else 0.0, "share of value")
            for name, v in shares.items()
        },
        "return_time": Measure(float(took.mean()) if took.notna().any() else 0.0, "days"),
        "returned_value_days": Measure(
            float((worth.reindex(failed["payment_id"]).to_numpy() * away.to_numpy()).sum()),
            f"{currency} · days",
        ),
    }
