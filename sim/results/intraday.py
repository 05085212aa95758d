"""What a bank needs to pay within the day, as the Basel Committee's monitoring tools ask (BCBS 248, April 2013).

Payments alone make a need: what a treasury buys, a central bank lends or zero balancing takes is a source, not a use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import NEVER
from sim.core.currency import minor_digits
from sim.results.columns import optional
from sim.results.instants import seconds
from sim.results.measure import Measure
from sim.results.promises import running_balances
from sim.results.swings import extremes, swings
from sim.results.system_days import limited, submitted
from sim.results.valuation import Valuation
from sim.scenario.topology import MARKET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.results.days import BusinessDays

    Table = Mapping[str, pd.DataFrame]
    Numbers = NDArray[np.int64]

_MONEY = "major units of the account's currency"
#: How many of the worst days the tools ask for.
_WORST = 3


def intraday_table(tables: Table, days: Mapping[str, BusinessDays], end: int) -> pd.DataFrame:
    """One row per account of a bank and business day of its system, in minor units of its currency.

    - `available`: balance and credit line when the day opens; none for a servicer's own position, which no
      limit holds;
    - `net_debit_peak`, `net_credit_peak`: how far payments sent exceeded those received, or the reverse, at
      the worst and the best instant of the day, as numbers not below zero;
    - `sent`, `received`: value of the payments that settled;
    - `time_specific`: value submitted of payments that fall due this day, later than they were instructed, and
      `time_specific_late` that part of it which had not settled when it fell due;
    - `on_behalf`: value sent from the accounts that the bank keeps for others in this system;
    - `customer_credit`, `customer_credit_peak`: credit lines of those accounts, and the largest use of them
      all together at one instant.
    """
    parts = [_of_system(tables, str(name), days[str(name)], end) for name in tables["systems"]["system"]]
    return pd.concat(parts, ignore_index=True).astype({"account": "category"})


def _of_system(tables: Table, system: str, days: BusinessDays, end: int) -> pd.DataFrame:
    accounts = tables["accounts"]
    shown = (accounts["system"] == system).to_numpy() & (accounts["holder"] != MARKET).to_numpy()
    numbers = np.flatnonzero(shown)
    postings = tables["postings"]
    postings = postings[
        shown[postings["debit_account"].cat.codes] | shown[postings["credit_account"].cat.codes]
    ]
    payments = postings[postings["payment_id"].notna().to_numpy()]
    shape, posted_at = (len(days), len(accounts)), seconds(payments["posted_at"])
    moved = swings(
        shape,
        days.of(posted_at),
        payments["debit_account"].cat.codes.to_numpy().astype(np.int64),
        payments["credit_account"].cat.codes.to_numpy().astype(np.int64),
        payments["amount"].to_numpy(),
        posted_at,
    )
    available = _opening_balances(accounts, postings, days) - accounts["floor"].to_numpy()
    available[:, ~limited(accounts)] = -1
    due, late = _time_specific(tables, system, days, end)
    columns = {
        "net_debit_peak": -moved.lowest,
        "net_credit_peak": moved.highest,
        "sent": moved.sent,
        "received": moved.received,
        "time_specific": due,
        "time_specific_late": late,
        **_for_customers(tables, system, days, moved.sent),
    }
    return pd.DataFrame(
        {
            "account": np.tile(accounts["account"].to_numpy()[numbers], len(days)),
            "business_day": np.repeat(days.date.astype("datetime64[ms]"), len(numbers)),
            "counted": np.repeat(days.counted, len(numbers)),
            "available": optional(available[:, numbers].ravel()),
            **{name: values[:, numbers].ravel() for name, values in columns.items()},
        }
    )


def _opening_balances(accounts: pd.DataFrame, postings: pd.DataFrame, days: BusinessDays) -> Amounts:
    """Balances when each day opens, by day and account; what moves at that very instant comes after."""
    change = np.zeros((len(days) + 1, len(accounts)), dtype=np.int64)
    until = np.searchsorted(days.opens_at, seconds(postings["posted_at"]), side="right")
    np.add.at(change, (until, postings["credit_account"].cat.codes.to_numpy()), postings["amount"].to_numpy())
    np.subtract.at(
        change, (until, postings["debit_account"].cat.codes.to_numpy()), postings["amount"].to_numpy()
    )
    return np.asarray(accounts["opening_balance"].to_numpy() + np.cumsum(change, axis=0)[:-1])


def _time_specific(tables: Table, system: str, days: BusinessDays, end: int) -> tuple[Amounts, Amounts]:
    """Value with a time to settle by, and what of it missed that time, by day and paying account."""
    due, late = (np.zeros((len(days), len(tables["accounts"])), dtype=np.int64) for _ in range(2))
    payments = tables["payments"]
    # A firm that orders early has no time of day in mind.
    stated = payments["obligation_id"].isna() & (payments["due_at"] > payments["instructed_at"])
    timed = payments[stated.to_numpy()]
    if len(timed):
        transfers = tables["transfers"]
        mine = transfers[(transfers["system"] == system).to_numpy()]
        place = pd.Index(timed["payment_id"]).get_indexer(mine["payment_id"])
        rows, due_at = submitted(tables, system, days), np.append(seconds(timed["due_at"]), NEVER)[place]
        # What falls due at the closing of a day belongs to that day.
        day = days.of(np.where(due_at < NEVER, due_at - 1, NEVER))
        for into, chosen in (
            (due, day >= 0),
            (late, (day >= 0) & (due_at < end) & (rows.settled_at > due_at)),
        ):
            np.add.at(into, (day[chosen], rows.debit[chosen]), rows.amount[chosen])
    return due, late


def _for_customers(tables: Table, system: str, days: BusinessDays, sent: Amounts) -> dict[str, Amounts]:
    """What servicers pay for others and lend to them, by day and the servicer's own account."""
    accounts = tables["accounts"]
    names = ("on_behalf", "customer_credit", "customer_credit_peak")
    found = {name: np.zeros_like(sent) for name in names}
    mine = (accounts["system"] == system).to_numpy()
    for servicer in accounts.loc[mine, "servicer"].dropna().unique():
        kept = mine & (accounts["servicer"] == servicer).to_numpy()
        own = np.flatnonzero(kept & (accounts["holder"] == servicer).to_numpy())
        customers = np.flatnonzero(kept & (accounts["holder"] != servicer).to_numpy())
        lines = -accounts["floor"].to_numpy()[customers]
        found["on_behalf"][:, own] = sent[:, customers].sum(axis=1)[:, None]
        found["customer_credit"][:, own] = lines.sum()
        if lines.any():
            found["customer_credit_peak"][:, own] = _credit_drawn(tables, customers, days)[:, None]
    return found


def _credit_drawn(tables: Table, customers: Numbers, days: BusinessDays) -> Amounts:
    """The largest sum of overdrafts of some accounts at one instant, by day."""
    postings, opening = tables["postings"], tables["accounts"]["opening_balance"].to_numpy()
    running = running_balances(
        opening,
        postings["debit_account"].cat.codes.to_numpy(),
        postings["credit_account"].cat.codes.to_numpy(),
        postings["amount"].to_numpy(),
        seconds(postings["posted_at"]),
    )
    drawn = [np.maximum(-np.append(opening[account], running[account].balance), 0) for account in customers]
    posting = np.concatenate([running[account].posting for account in customers])
    change = np.concatenate([np.diff(amounts) for amounts in drawn])
    order = np.argsort(posting, kind="stable")
    rows = postings.iloc[posting[order]]
    before = int(sum(amounts[0] for amounts in drawn))
    return extremes(seconds(rows["posted_at"]), change[order], days.opens_at, before)[1]


def intraday_measures(tables: Table, currency: str, start: pd.Timestamp) -> dict[str, Measure]:
    """The monitoring tools by account over the business days of the period; formulas in docs/measures.md.

    The sum of all accounts is in the reporting `currency` at mid at the `start` of the period.
    """
    accounts, rows = tables["accounts"], tables["intraday"]
    rows = rows[rows["counted"].to_numpy()]
    scale = dict(
        zip(accounts["account"], (10.0 ** minor_digits(c) for c in accounts["currency"]), strict=True)
    )
    own = accounts["holder"] == accounts["servicer"]
    holders = accounts.loc[~own & (accounts["holder"] != MARKET), "account"]
    servicers = accounts.loc[own, "account"]
    by_account = {str(name): group for name, group in rows.groupby("account", observed=True)}

    def worst(column: str, names: pd.Series, *, least: bool = False) -> dict[str, dict[str, float | None]]:
        return {
            name: _worst(by_account[name][column] / scale[name] if name in by_account else None, least=least)
            for name in names
        }

    timed = {name for name, group in by_account.items() if group["time_specific"].any()}
    obligations = worst("time_specific", holders[holders.isin(timed)])
    for name, told in obligations.items():
        told["late"] = float(by_account[name]["time_specific_late"].sum()) / scale[name]
    lending = {name for name, group in by_account.items() if group["customer_credit"].any()}
    credit = worst("customer_credit_peak", servicers[servicers.isin(lending)])
    for name, told in credit.items():
        told["lines"] = float(by_account[name]["customer_credit"].max()) / scale[name]
    usage = worst("net_debit_peak", holders)
    return {
        "intraday_liquidity_usage": Measure(usage, _MONEY),
        "intraday_liquidity_usage_total": Measure(_total(tables, usage, currency, start), currency),
        "intraday_liquidity_available": Measure(worst("available", holders, least=True), _MONEY),
        "payments_sent": Measure(worst("sent", holders), f"{_MONEY} a day"),
        "payments_received": Measure(worst("received", holders), f"{_MONEY} a day"),
        "time_specific_obligations": Measure(obligations, f"{_MONEY} a day; late in all"),
        "correspondent_payments": Measure(worst("on_behalf", servicers), f"{_MONEY} a day"),
        "customer_credit": Measure(credit, _MONEY),
    }


def _total(
    tables: Table, usage: Mapping[str, Mapping[str, float | None]], currency: str, start: pd.Timestamp
) -> float:
    """Σ over accounts of their mean day, valued at one instant, in major units."""
    accounts = tables["accounts"].set_index("account").loc[list(usage)]
    digits = accounts["currency"].map(minor_digits)
    means = np.array([told["mean"] or 0.0 for told in usage.values()])
    minor = pd.Series(np.rint(means * 10.0**digits).astype(np.int64), index=accounts.index)
    value = Valuation(tables["fx"], currency)
    total = int(value.of(minor, accounts["currency"], pd.Series(start, index=accounts.index)).sum())
    return total / 10.0 ** minor_digits(currency)


def _worst(by_day: pd.Series | None, *, least: bool) -> dict[str, float | None]:
    """The worst day, the mean of the three worst, and the mean of all days."""
    word = "smallest" if least else "largest"
    names = (word, f"mean_of_three_{word}", "mean")
    if by_day is None:
        return dict.fromkeys(names)
    values = np.sort(by_day.to_numpy(dtype=np.float64))
    ordered = values if least else values[::-1]
    return dict(
        zip(names, (float(ordered[0]), float(ordered[:_WORST].mean()), float(values.mean())), strict=True)
    )
