"""Liquidity costs its holder something whether it is held, borrowed or bought, and payments have to earn it.

The table of costs has one row per account, component and local day of the period, or per loan, or per deal of a
treasury; its amounts are whole minor units, so that measures are sums over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import DAY, Seconds
from sim.core.currency import Amounts, minor_digits
from sim.results.columns import names
from sim.results.instants import instants, seconds
from sim.results.interest import interest
from sim.results.measure import Measure
from sim.results.promises import running_balances
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours
    from sim.results.promises import Running
    from sim.world.world import World

#: What liquidity costs, in the order of the measure.
COMPONENTS: Final = ("holding", "intraday_credit", "overnight_credit", "repo", "swap_line", "top_ups")

_BPS: Final = 10_000


class Costs(NamedTuple):
    """Rows of the table of costs: account numbers and component, instants of valuation, currency and amounts."""

    account: NDArray[np.int64]
    component: str
    valued_at: Seconds
    currency: str
    amount: Amounts


def costs_table(world: World, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What liquidity cost in the period, by account and component, in minor units of the row's currency.

    `valued_at` is the instant whose rates value a cost in another currency: the start of the local day, the
    first instant of a loan within the period, or the deal. Costs that round to nothing are left out.
    """
    rows = [
        *_of_balances(world, tables["accounts"], tables["postings"]),
        *_of_loans(world, tables["borrowings"]),
        *_of_deals(world, tables["funding"]),
    ]
    lengths = [len(row.amount) for row in rows]
    codes = sorted({row.currency for row in rows})

    def repeated(numbers: list[int]) -> NDArray[np.int64]:
        return np.repeat(np.array(numbers, dtype=np.int64), lengths)

    empty: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    accounts = world.network.accounts
    account = np.concatenate(empty + [row.account for row in rows])
    system = np.array(accounts.system_number, dtype=np.int64)[account]
    table = pd.DataFrame(
        {
            "component": names(COMPONENTS, repeated([COMPONENTS.index(row.component) for row in rows])),
            "system": names(world.network.systems, system),
            "account": names(accounts.labels, account),
            "valued_at": instants(np.concatenate(empty + [row.valued_at for row in rows])),
            "currency": names(codes, repeated([codes.index(row.currency) for row in rows])),
            "amount": np.concatenate(empty + [row.amount for row in rows]),
        }
    )
    return table[table["amount"] != 0].reset_index(drop=True)


def _of_balances(world: World, accounts: pd.DataFrame, postings: pd.DataFrame) -> Iterator[Costs]:
    """Holding and credit: each local day's integral of a balance over time, at its rate."""
    posted_at = seconds(postings["posted_at"])
    running = running_balances(
        accounts["opening_balance"].to_numpy(),
        postings["debit_account"].cat.codes.to_numpy(),
        postings["credit_account"].cat.codes.to_numpy(),
        postings["amount"].to_numpy(),
        postings["batch"].to_numpy(),
    )
    for number, (row, course) in enumerate(zip(accounts.to_dict("records"), running, strict=True)):
        priced = (row["holding_rate"], row["intraday_rate"], row["overnight_rate"])
        if not any(priced):
            continue
        hours = world.network.system_hours[world.network.accounts.system_number[number]]
        stretches = _stretches(world, hours, int(row["opening_balance"]), course, posted_at)
        used = np.maximum(-stretches.balance - int(row["credit"]), 0)
        amounts = (
            np.maximum(stretches.balance, 0),
            np.where(stretches.within_day, used, 0),
            np.where(stretches.within_day, 0, used),
        )
        for component, rate, amount in zip(COMPONENTS[:3], priced, amounts, strict=True):
            if rate and amount.any():
                held = np.bincount(stretches.day, weights=amount * stretches.lasting.astype(np.float64))
                cost = interest(held.astype(np.float64), rate)
                valued_at = world.window.period_start + DAY * np.arange(len(cost), dtype=np.int64)
                yield Costs(np.full(len(cost), number), component, valued_at, str(row["currency"]), cost)


def _of_loans(world: World, loans: pd.DataFrame) -> Iterator[Costs]:
    """Interest on what facilities lent, for the time within the period; a pool lends free of charge."""
    start, end = world.window.period_start, world.window.period_end
    for (kind, currency), rows in loans.groupby(["kind", "currency"], observed=True):
        if kind == "pool":
            continue
        since = np.clip(seconds(rows["received_at"]), start, end)
        until = np.clip(seconds(rows["repaid_at"]), start, end)
        money_seconds = rows["amount"].to_numpy() * (until - since).astype(np.float64)
        cost = interest(money_seconds, rows["rate"].to_numpy())
        yield Costs(
            rows["account"].cat.codes.to_numpy().astype(np.int64), str(kind), since, str(currency), cost
        )


def _of_deals(world: World, funding: pd.DataFrame) -> Iterator[Costs]:
    """What the market's spread cost a treasury, at the deals made in the period."""
    dealt_at = seconds(funding["dealt_at"])
    inside = (dealt_at >= world.window.period_start) & (dealt_at < world.window.period_end)
    for against, rows in funding[inside & funding["against"].notna()].groupby("against", observed=True):
        away = (rows["realised_value"] - rows["mid_value"]).to_numpy(dtype=np.int64)
        cost = np.where(rows["amount"] > 0, away, -away)
        account = rows["account"].cat.codes.to_numpy().astype(np.int64)
        yield Costs(account, "top_ups", seconds(rows["dealt_at"]), str(against), cost)


class _Stretches(NamedTuple):
    """Stretches of the period in which nothing changes: neither the balance, nor local or system's day."""

    day: NDArray[np.int64]
    lasting: Seconds
    balance: Amounts
    within_day: NDArray[np.bool_]


def _stretches(
    world: World, hours: OpeningHours, opening: int, course: Running, posted_at: Seconds
) -> _Stretches:
    start, end = world.window.period_start, world.window.period_end
    begins, ends = hours.scheduled.days()
    changed = posted_at[course.posting]
    edges = np.concatenate([np.arange(start, end, DAY), [end], changed, begins, ends])
    edges = np.unique(edges[(edges >= start) & (edges <= end)])
    since = edges[:-1]
    return _Stretches(
        day=(since - start) // DAY,
        lasting=np.diff(edges),
        balance=np.concatenate([[opening], course.balance])[np.searchsorted(changed, since, side="right")],
        within_day=np.searchsorted(begins, since, side="right") > np.searchsorted(ends, since, side="right"),
    )


def cost_measures(
    tables: Mapping[str, pd.DataFrame], found: Mapping[str, Measure], currency: str
) -> dict[str, Measure]:
    """The cost of liquidity by component and by system, and a payment's whole cost in basis points.

    `found` holds `value`, `fees` and `fx_result`. The formulas stand in docs/measures.md.
    """
    costs = tables["liquidity_costs"]
    scale = 10 ** minor_digits(currency)
    value = Valuation(tables["fx"], currency).of(costs["amount"], costs["currency"], costs["valued_at"])
    by_system = {
        str(system): _by_component(costs.loc[rows.index], rows, scale)
        for system, rows in value.groupby(costs["system"], observed=True)
    }
    in_all = _by_component(costs, value, scale)
    paid = found["value"].value
    parts = {
        "fees": found["fees"].value,
        "spread": -sum(side.get("spread", 0.0) for side in found["fx_result"].value.values()),
        "liquidity": in_all["total"],
    }
    bps = {name: float(_BPS * part / paid) if paid else 0.0 for name, part in parts.items()}
    return {
        "liquidity_cost": Measure(in_all, currency),
        "liquidity_cost_by_system": Measure(by_system, currency),
        "payment_cost_bps": Measure(bps | {"total": sum(bps.values())}, "basis points of value"),
    }


def _by_component(costs: pd.DataFrame, value: pd.Series[int], scale: int) -> dict[str, float]:
    """Sum of the values by component, and of all."""
    sums = value.groupby(costs["component"], observed=True).sum()
    found = {component: float(sums.get(component, 0)) / scale for component in COMPONENTS}
    return found | {"total": float(value.sum()) / scale}
