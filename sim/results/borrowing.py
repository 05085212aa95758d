"""What banks borrowed and what their treasuries dealt, as an outsider reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import NEVER, Seconds
from sim.core.currency import minor_digits
from sim.results.columns import names, optional
from sim.results.instants import instants, seconds
from sim.results.interest import interest
from sim.results.measure import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engine.records import Funding, Records
    from sim.world.world import DrawnWorld


def borrowings_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """One row per loan, in the order of the draws; amounts in minor units of the account's currency.

    Of a facility, or of the pool of a system. From `received_at` to `repaid_at` the account owed `amount`. What
    it could not repay then, `carried_over`, went on into another row; `rolled` counts how often. `interest` is
    that of the row, ACT/365, up to the end of the run where nothing was repaid by then.
    """
    rows, end, scenario = records.loans, world.window.end, world.scenario
    accounts, currencies = world.network.accounts, sorted(set(world.network.accounts.currency))
    kinds = [facility.kind for facility in scenario.facilities.values()]
    kind = np.array([*map(["repo", "swap_line", "pool"].index, kinds), *[2] * len(scenario.systems)])
    currency = np.array([currencies.index(code) for code in accounts.currency], dtype=np.int64)
    facility = np.where(rows.pool < 0, rows.facility, len(kinds) + rows.pool)
    lasting = np.minimum(rows.repaid_at, end) - np.minimum(rows.received_at, end)
    return pd.DataFrame(
        {
            "loan_id": np.arange(len(rows.amount)),
            "facility": names([*scenario.facilities, *scenario.systems], facility),
            "kind": names(["repo", "swap_line", "pool"], kind[facility]),
            "lender": names(accounts.labels, rows.lender),
            "account": names(accounts.labels, rows.account),
            "currency": names(currencies, currency[rows.account]),
            "drawn_at": instants(rows.drawn_at),
            "received_at": instants(_in_time(rows.received_at, end)),
            "repaid_at": instants(_in_time(rows.repaid_at, end)),
            "amount": rows.amount,
            "carried_over": rows.carried_over,
            "rolled": rows.rolled,
            "rate": rows.rate,
            "interest": interest(rows.amount.astype(np.float64) * lasting, rows.rate),
        }
    )


def funding_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """One row per deal of a treasury, in the order of the decisions; `amount` positive if money was bought.

    `mid_value` and `realised_value` are what it paid or was paid, at mid and really, in minor units of
    `against`; there are none where the treasury has no market. What was sold left the account at the decision.
    """
    rows, plans = records.funding, world.network.funding
    accounts, currencies = world.network.accounts, world.fx.currencies
    treasuries = list(world.scenario.treasuries)
    treasury = np.array([treasuries.index(plan.treasury) for plan in plans], dtype=np.int64)
    against = np.array(
        [-1 if plan.dealing is None else currencies.index(plan.dealing.against) for plan in plans],
        dtype=np.int64,
    )[rows.plan]
    return pd.DataFrame(
        {
            "treasury": names(treasuries, treasury[rows.plan]),
            "account": names(accounts.labels, rows.account),
            "decided_at": instants(rows.decided_at),
            "dealt_at": instants(rows.dealt_at),
            "delivered_at": instants(_in_time(rows.delivered_at, world.window.end)),
            "amount": rows.amount,
            "against": names(currencies, against),
            "mid_value": optional(_values(world, rows, against, priced=False)),
            "realised_value": optional(_values(world, rows, against, priced=True)),
        }
    )


def facility_use(loans: pd.DataFrame) -> dict[str, Measure]:
    """By facility or pool, over the whole run: loans, what was drawn, the most outstanding, and rollovers."""
    found: dict[str, dict[str, float]] = {}
    for (name, currency), rows in loans.groupby(["facility", "currency"], observed=True):
        scale = 10.0 ** minor_digits(str(currency))
        fresh = rows["rolled"] == 0
        at = np.concatenate([seconds(rows["received_at"]), seconds(rows["repaid_at"])])
        change = np.concatenate([rows["amount"], -rows["amount"]])
        # At one instant, what is repaid leaves before what is lent comes in.
        course = np.cumsum(change[np.lexsort((change, at))][np.sort(at) < NEVER])
        found[str(name)] = {
            "loans": int(fresh.sum()),
            "drawn": float(rows.loc[fresh, "amount"].sum()) / scale,
            "peak": float(course.max(initial=0)) / scale,
            "rolled": int((~fresh).sum()),
        }
    return {"facility_use": Measure(found, "loans; major units of the system's currency; loans")}


def _values(
    world: DrawnWorld, rows: Funding, against: NDArray[np.int64], *, priced: bool
) -> NDArray[np.int64]:
    """Value of each deal, with the market's half spread or without; −1 where there is no market."""
    found = np.full(len(rows.amount), -1, dtype=np.int64)
    dealt = np.flatnonzero(against >= 0)
    dealings = [plan.dealing for plan in world.network.funding]
    half = np.array([0.0 if dealing is None else dealing.half_spread for dealing in dealings])
    sign = np.sign(rows.amount[dealt])
    factor = 1.0 + sign * half[rows.plan[dealt]] if priced else 1.0
    currency = np.array([world.fx.index(code) for code in world.network.accounts.currency], dtype=np.int64)
    found[dealt] = world.fx.convert(
        np.abs(rows.amount[dealt]),
        currency[rows.account[dealt]],
        against[dealt],
        rows.dealt_at[dealt],
        factor=factor,
    )
    return found


def _in_time(at: Seconds, end: int) -> Seconds:
    """Instants before the end of the run, NEVER for the others."""
    return np.where(at < end, at, NEVER)
