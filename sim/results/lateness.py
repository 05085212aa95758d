"""A payee waits from the due date on, whether its payer orders late or the payment is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.results.measure import Measure
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.scenario.model import Scenario


def lateness_measure(
    tables: Mapping[str, pd.DataFrame], scenario: Scenario, period: tuple[int, int], end: pd.Timestamp
) -> dict[str, Measure]:
    """How late payees have the money of obligations due in the period, by their side; no obligations, no measure.

    Days late are those from the local date of `due_at` to that of `credited_at`, or of the `end` of the run where
    there is none, and not fewer than 0. `late_share`, `late_value_share`: obligations with at least one day, by
    number and by value at `due_at`; `mean_days`, `value_weighted_days`: over all, punctual ones included.
    """
    due = _due_obligations(tables, period)
    if not len(due):
        return {}
    value = Valuation(tables["fx"], scenario.reporting_currency)
    due["value"] = value.of(due["amount"], due["currency"], due["due_at"])
    dates = [
        column.dt.tz_convert(scenario.period.zone).dt.tz_localize(None).dt.normalize()
        for column in (due["due_at"], due["credited_at"].fillna(end))
    ]
    due["days"] = np.maximum((dates[1] - dates[0]).dt.days, 0)
    found = {}
    for side, rows in due.groupby("payee_side", observed=True):
        late, total = rows["days"] > 0, float(rows["value"].sum())
        found[str(side)] = {
            "late_share": float(late.mean()),
            "late_value_share": float(rows.loc[late, "value"].sum()) / total if total else 0.0,
            "mean_days": float(rows["days"].mean()),
            "value_weighted_days": float((rows["value"] * rows["days"]).sum()) / total if total else 0.0,
        }
    return {"lateness": Measure(found, "shares; days")}


def _due_obligations(tables: Mapping[str, pd.DataFrame], period: tuple[int, int]) -> pd.DataFrame:
    """Obligations due in the period, also those whose payment was not ordered, with the credit."""
    obligations = tables["obligations"]
    start, until = (pd.Timestamp(at, unit="s", tz="UTC") for at in period)
    due = obligations[(obligations["due_at"] >= start) & (obligations["due_at"] < until)]
    credited = tables["payments"].dropna(subset="obligation_id").set_index("obligation_id")["credited_at"]
    return due.assign(credited_at=credited.reindex(due["obligation_id"]).array)
