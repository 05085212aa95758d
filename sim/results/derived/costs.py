"""Liquidity costs its holder something whether it is held, borrowed or bought, and payments have to earn it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import NEVER, Seconds
from sim.core.currency import Amounts, interest
from sim.results.columns import codes, instant, label, money, names, places, seconds
from sim.results.days import business_days, local_days
from sim.results.derived.balances import running_balances
from sim.results.registry import derived
from sim.scenario.model.facilities import Facility
from sim.scenario.model.kinds import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.results.days import BusinessDays
    from sim.results.derived.balances import Running
    from sim.results.run import Run

#: What a balance costs its holder, and all that liquidity costs, in the order in which it is told.
_OF_BALANCES: Final = ("holding", "intraday_credit", "overnight_credit")
COMPONENTS: Final = (*_OF_BALANCES, *kinds(Facility), "top_ups", "funding")


class _Costs(NamedTuple):
    """Rows of the table: account numbers and component, instants of valuation, currency and amounts."""

    account: NDArray[np.int64]
    component: str
    valued_at: Seconds
    currency: str
    amount: Amounts


@derived(
    label("component", "what costs: " + ", ".join(f"`{component}`" for component in COMPONENTS)),
    label("system", "the system of the account"),
    label("account", "whose liquidity it is"),
    instant(
        "valued_at",
        "whose rates value it: the start of the local day, the loan's or the funding's first instant in the period, the deal",
    ),
    label("currency", "the currency of the cost"),
    money("amount", "the cost"),
    needs=("accounts", "postings", "borrowings", "funding", "sessions"),
)
def liquidity_costs(run: Run) -> dict[str, Any]:
    """One row per cost of liquidity in the period; those that round to nothing are left out.

    Rates are per year of 365 days, and seconds are counted. The rates of an account stand in `accounts`.

    | component | formula, halves to the even minor unit | rounded once per |
    | --- | --- | --- |
    | `holding` | Σ max(balance, 0) · seconds · `holding_rate` / year | account and local day |
    | `intraday_credit` | Σ max(−balance − `credit`, 0) · seconds within a day of the system · `intraday_rate` / year | account and local day |
    | `overnight_credit` | the same for the seconds between two days of the system, at `overnight_rate` | account and local day |
    | the kind of a facility | Σ amount · seconds of the period from `received_at` to `repaid_at` · `rate` / year (table `borrowings`) | loan |
    | `top_ups` | `realised_value` − `mid_value` of what was bought, the opposite of what was sold (table `funding`, by `dealt_at`) | deal |
    | `funding` | amount · seconds of the period from `delivered_at` to `charged_until` · `rate` / year (table `funding`, kind `session`) | row |

    `interest` in `borrowings` is the same for the whole time of a loan, up to the end of the run. A pool lends free of
    charge.
    """
    parts = (*_of_balances(run), *_of_loans(run), *_of_deals(run), *_of_funding(run))
    rows = [row for row in parts if row.amount.any()]
    lengths = [len(row.amount) for row in rows]
    known = sorted({row.currency for row in rows})

    def repeated(numbers: list[int]) -> NDArray[np.int64]:
        return np.repeat(np.array(numbers, dtype=np.int64), lengths)

    empty: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    accounts = run["accounts"]
    account = np.concatenate(empty + [row.account for row in rows])
    amount = np.concatenate(empty + [row.amount for row in rows])
    systems = list(run.scenario.systems)
    system = np.array([systems.index(name) for name in accounts["system"]], dtype=np.int64)[account]
    some = np.flatnonzero(amount)
    component = repeated([COMPONENTS.index(row.component) for row in rows])
    currency = repeated([known.index(row.currency) for row in rows])
    return {
        "component": names(COMPONENTS, component[some]),
        "system": names(systems, system[some]),
        "account": names(accounts["account"], account[some]),
        "valued_at": np.concatenate(empty + [row.valued_at for row in rows])[some],
        "currency": names(known, currency[some]),
        "amount": amount[some],
    }


def _of_balances(run: Run) -> Iterator[_Costs]:
    """Holding and credit: each local day's integral of a balance over time, at its rate."""
    accounts, postings, days = run["accounts"], run["postings"], business_days(run)
    posted_at = seconds(postings["posted_at"])
    running = running_balances(
        accounts["opening_balance"].to_numpy(),
        codes(postings["debit_account"]),
        codes(postings["credit_account"]),
        postings["amount"].to_numpy(),
        postings["batch"].to_numpy(),
    )
    edges = _local_edges(run)
    for number, (row, course) in enumerate(zip(accounts.to_dict("records"), running, strict=True)):
        priced = (row["holding_rate"], row["intraday_rate"], row["overnight_rate"])
        if not any(priced):
            continue
        stretches = _stretches(edges, days[row["system"]], int(row["opening_balance"]), course, posted_at)
        used = np.maximum(-stretches.balance - int(row["credit"]), 0)
        amounts = (
            np.maximum(stretches.balance, 0),
            np.where(stretches.within_day, used, 0),
            np.where(stretches.within_day, 0, used),
        )
        for component, rate, amount in zip(_OF_BALANCES, priced, amounts, strict=True):
            if rate and amount.any():
                held = np.bincount(stretches.day, weights=amount * stretches.lasting.astype(np.float64))
                cost = interest(held.astype(np.float64), rate)
                valued_at = edges[: len(cost)]
                yield _Costs(np.full(len(cost), number), component, valued_at, str(row["currency"]), cost)


def _local_edges(run: Run) -> Seconds:
    """The start of the period, the local midnights within it, and its end."""
    start, end = run.period
    _, midnights = local_days(run.window)
    return np.concatenate([[start], midnights[(midnights > start) & (midnights < end)], [end]])


def _of_loans(run: Run) -> Iterator[_Costs]:
    """Interest on what facilities lent, for the time within the period; a pool lends free of charge."""
    for (kind, currency), rows in run["borrowings"].groupby(["kind", "currency"], observed=True):
        if kind == "pool":
            continue
        since, until = (np.clip(seconds(rows[at]), *run.period) for at in ("received_at", "repaid_at"))
        money_seconds = rows["amount"].to_numpy() * (until - since).astype(np.float64)
        cost = interest(money_seconds, rows["rate"].to_numpy())
        yield _Costs(_account(run, rows), str(kind), since, str(currency), cost)


def _of_deals(run: Run) -> Iterator[_Costs]:
    """What the market's spread cost a treasury, at the deals made in the period."""
    funding, (start, end) = run["funding"], run.period
    dealt_at = seconds(funding["dealt_at"])
    inside = (dealt_at >= start) & (dealt_at < end)
    for against, rows in funding[inside & funding["against"].notna()].groupby("against", observed=True):
        away = (rows["realised_value"] - rows["mid_value"]).to_numpy(dtype=np.int64)
        cost = np.where(rows["amount"] > 0, away, -away)
        yield _Costs(_account(run, rows), "top_ups", seconds(rows["dealt_at"]), str(against), cost)


def _of_funding(run: Run) -> Iterator[_Costs]:
    """What accounts are charged for the money that they were given for a session, as long as that lasts."""
    funding = run["funding"]
    moved = funding[funding["kind"] == "session"]
    since, until = (np.clip(seconds(moved[at]), *run.period) for at in ("delivered_at", "charged_until"))
    cost = interest(moved["amount"].to_numpy() * (until - since).astype(np.float64), moved["rate"].to_numpy())
    account = _account(run, moved)
    currency = run["accounts"]["currency"].to_numpy()[account]
    for code in sorted(set(currency)):
        mine = currency == code
        yield _Costs(account[mine], "funding", since[mine], str(code), cost[mine])


def _account(run: Run, rows: pd.DataFrame) -> NDArray[np.int64]:
    return places(run["accounts"]["account"], rows["account"])


class _Stretches(NamedTuple):
    """Stretches of the period in which nothing changes: neither the balance, nor local or system's day."""

    day: NDArray[np.int64]
    lasting: Seconds
    balance: Amounts
    within_day: NDArray[np.bool_]


def _stretches(
    local: Seconds, days: BusinessDays, opening: int, course: Running, posted_at: Seconds
) -> _Stretches:
    begins = days.opens_at
    # A day ends, at the latest, as the next one begins.
    ends = np.minimum(days.closes_at, np.append(begins[1:], NEVER))
    changed = posted_at[course.posting]
    edges = np.concatenate([local, changed, begins, ends])
    edges = np.unique(edges[(edges >= local[0]) & (edges <= local[-1])])
    since = edges[:-1]
    return _Stretches(
        day=np.searchsorted(local, since, side="right") - 1,
        lasting=np.diff(edges),
        balance=np.concatenate([[opening], course.balance])[np.searchsorted(changed, since, side="right")],
        within_day=np.searchsorted(begins, since, side="right") > np.searchsorted(ends, since, side="right"),
    )
