"""What a bank needs to pay within the day, as the Basel Committee's monitoring tools ask (BCBS 248, April 2013)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import NEVER
from sim.results.columns import codes, flag, label, local_date, money, optional, seconds
from sim.results.days import business_days, extremes, swings
from sim.results.derived.balances import balances_by_instant
from sim.results.derived.system_days import limited, submitted
from sim.results.registry import derived
from sim.scenario.topology import MARKET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.results.days import BusinessDays
    from sim.results.run import Run

    Numbers = NDArray[np.int64]

_CURRENCY = "currency of the account"


@derived(
    label("account", "the account"),
    local_date("business_day", "the business day of its system"),
    flag("counted", "the day overlaps the period"),
    money(
        "available", "balance and credit line when the day opens; missing where no limit holds", of=_CURRENCY
    ),
    money(
        "net_debit_peak",
        "by how much payments sent exceeded those received at the worst instant",
        of=_CURRENCY,
    ),
    money("net_credit_peak", "the reverse, at the best instant", of=_CURRENCY),
    money("sent", "payments sent that settled", of=_CURRENCY),
    money("received", "payments received that settled", of=_CURRENCY),
    money(
        "time_specific",
        "submitted value of payments that fall due this day, later than they were instructed",
        of=_CURRENCY,
    ),
    money("time_specific_late", "that part of it which had not settled when it fell due", of=_CURRENCY),
    money(
        "on_behalf",
        "value sent from the accounts that the bank keeps for others in this system",
        of=_CURRENCY,
    ),
    money("customer_credit", "credit lines of those accounts", of=_CURRENCY),
    money("customer_credit_peak", "the largest use of them all together at one instant", of=_CURRENCY),
    needs=("accounts", "payments", "transfers", "postings", "sessions"),
)
def intraday(run: Run) -> pd.DataFrame:
    """One row per account of a bank and business day of its system: what it needed within the day.

    Payments alone make a need: what a treasury buys, a lender lends or zero balancing takes is a source of money and
    does not count as received. Payments of one second count as one step. A firm's order before its due date names no time
    of day; only payments of the user's own are time-specific. A closing belongs to the day that closes.
    """
    return pd.concat([_of_system(run, system) for system in business_days(run)], ignore_index=True).astype(
        {"account": "category"}
    )


def _of_system(run: Run, system: str) -> pd.DataFrame:
    days, end = business_days(run)[system], run.window.end
    accounts = run["accounts"]
    shown = (accounts["system"] == system).to_numpy() & (accounts["holder"] != MARKET).to_numpy()
    numbers = np.flatnonzero(shown)
    postings = run["postings"]
    postings = postings[shown[codes(postings["debit_account"])] | shown[codes(postings["credit_account"])]]
    payments = postings[postings["payment_id"].notna().to_numpy()]
    shape, posted_at = (len(days), len(accounts)), seconds(payments["posted_at"])
    moved = swings(
        shape,
        days.of(posted_at),
        codes(payments["debit_account"]),
        codes(payments["credit_account"]),
        payments["amount"].to_numpy(),
        posted_at,
    )
    available = _opening_balances(accounts, postings, days) - accounts["floor"].to_numpy()
    available[:, ~limited(accounts)] = -1
    due, late = _time_specific(run, system, days, end)
    columns = {
        "net_debit_peak": -moved.lowest,
        "net_credit_peak": moved.highest,
        "sent": moved.sent,
        "received": moved.received,
        "time_specific": due,
        "time_specific_late": late,
        **_for_customers(run, system, days, moved.sent),
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
    np.add.at(change, (until, codes(postings["credit_account"])), postings["amount"].to_numpy())
    np.subtract.at(change, (until, codes(postings["debit_account"])), postings["amount"].to_numpy())
    return np.asarray(accounts["opening_balance"].to_numpy() + np.cumsum(change, axis=0)[:-1])


def _time_specific(run: Run, system: str, days: BusinessDays, end: int) -> tuple[Amounts, Amounts]:
    """Value with a time to settle by, and what of it missed that time, by day and paying account."""
    due, late = (np.zeros((len(days), len(run["accounts"])), dtype=np.int64) for _ in range(2))
    payments, transfers = run["payments"], run["transfers"]
    # A firm that orders early has no time of day in mind.
    stated = payments["obligation_id"].isna() & (payments["due_at"] > payments["instructed_at"])
    timed = payments[stated.to_numpy()]
    if len(timed):
        mine = transfers[(transfers["system"] == system).to_numpy()]
        place = pd.Index(timed["payment_id"]).get_indexer(mine["payment_id"])
        rows, due_at = submitted(run, system), np.append(seconds(timed["due_at"]), NEVER)[place]
        # What falls due at the closing of a day belongs to that day.
        day = days.of(np.where(due_at < NEVER, due_at - 1, NEVER))
        for into, chosen in (
            (due, day >= 0),
            (late, (day >= 0) & (due_at < end) & (rows.settled_at > due_at)),
        ):
            np.add.at(into, (day[chosen], rows.debit[chosen]), rows.amount[chosen])
    return due, late


def _for_customers(run: Run, system: str, days: BusinessDays, sent: Amounts) -> dict[str, Amounts]:
    """What servicers pay for others and lend to them, by day and the servicer's own account."""
    accounts = run["accounts"]
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
            found["customer_credit_peak"][:, own] = _credit_drawn(run, customers, days)[:, None]
    return found


def _credit_drawn(run: Run, customers: Numbers, days: BusinessDays) -> Amounts:
    """The largest sum of overdrafts of some accounts at one instant, by day."""
    postings, opening = run["postings"], run["accounts"]["opening_balance"].to_numpy()
    running = balances_by_instant(run)
    drawn = [np.maximum(-np.append(opening[account], running[account].balance), 0) for account in customers]
    posting = np.concatenate([running[account].posting for account in customers])
    change = np.concatenate([np.diff(amounts) for amounts in drawn])
    order = np.argsort(posting, kind="stable")
    rows = postings.iloc[posting[order]]
    before = int(sum(amounts[0] for amounts in drawn))
    return extremes(seconds(rows["posted_at"]), change[order], days.opens_at, before)[1]
