"""Whoever waits for money pays for the time, whether anybody asks for it or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import DAY, NEVER, Seconds
from sim.core.currency import INTEREST_YEAR_DAYS, round_half_even, to_minor
from sim.results.columns import flag, ident, instant, instants, money, seconds
from sim.results.derived.trade import cancelled_at
from sim.results.registry import derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.results.run import Run
    from sim.scenario.model.price import DelayPrice


@derived(
    ident("payment_id", "the payment"),
    instant("began_at", "from when on it costs: the order, or the due date if that is later"),
    instant(
        "ended_at", "until when: the credit, the money's return if it was given up, or the end of the run"
    ),
    flag("at_least", "it goes on after the end of the run"),
    money("value", "what is paid, at mid of `began_at`", of="reporting"),
    money("cost", "what the delay costs", of="reporting"),
    needs=("fx", "payments", "returns"),
)
def delay_costs(run: Run) -> pd.DataFrame:
    """One row per payment, if the scenario states a `delay_price`.

    With t = `ended_at` − `began_at`, not below 0, `cost` = `value` · t · rate / (365 · 86,400 s); or, of a price per
    period, `amount` or `share` · `value`, times the periods that have begun. Halves to the even minor unit. What falls due
    after the run costs nothing in it.
    """
    payments, price = run["payments"], run.scenario.delay_price
    if price is None:
        payments = payments[:0]
    end = run.window.end
    began = np.maximum(seconds(payments["instructed_at"]), seconds(payments["due_at"]))
    credited = seconds(payments["credited_at"])
    over = np.where(credited < NEVER, credited, cancelled_at(run)[: len(payments)])
    until: Seconds = np.maximum(np.minimum(over, end), began)
    value = run.value(payments["amount"], payments["currency"], np.minimum(began, end - 1))
    cost = np.zeros(len(payments), dtype=np.int64)
    if price is not None:
        worth = np.asarray(value, dtype=np.int64)
        cost = _cost(run, price, payments, worth, np.asarray(until - began, dtype=np.int64))
    return pd.DataFrame(
        {
            "payment_id": payments["payment_id"],
            "began_at": instants(began),
            "ended_at": instants(until),
            "at_least": (over >= end) & (began < end),
            "value": value.to_numpy(),
            "cost": cost,
        }
    )


def _cost(
    run: Run, price: DelayPrice, payments: pd.DataFrame, value: NDArray[np.int64], lasted: Seconds
) -> NDArray[np.int64]:
    if price.every is None:
        return round_half_even(value * (lasted / (INTEREST_YEAR_DAYS * DAY)) * _rates(price, payments))
    periods = -(-lasted // price.every)
    if price.amount is not None:
        return periods * to_minor(price.amount, run.currency)
    return round_half_even(value * float(price.share or 0) * periods)


def _rates(price: DelayPrice, payments: pd.DataFrame) -> NDArray[np.float64]:
    """The price per year of each payment."""
    known = payments[["flow", "priority"]].astype({"flow": "str"}).drop_duplicates()
    rates = [
        float(price.yearly(None if pd.isna(flow) else str(flow), int(priority)))
        for flow, priority in known.itertuples(index=False)
    ]
    keys = payments[["flow", "priority"]].astype({"flow": "str"})
    found = keys.merge(known.assign(rate=rates), how="left", on=["flow", "priority"])
    return found["rate"].to_numpy(dtype=np.float64)
