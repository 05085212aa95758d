"""A payment system is judged by the day: what was asked of it, what that would have taken, and what waited."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import NEVER, Seconds
from sim.core.currency import UNLIMITED, Amounts
from sim.results.columns import codes, flag, instant, instants, label, local_date, money, seconds
from sim.results.days import Swings, business_days, extremes, swings
from sim.results.registry import derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.results.days import BusinessDays
    from sim.results.run import Run

    Numbers = NDArray[np.int64]


class Submitted(NamedTuple):
    """Movements asked of one system in order of submission; accounts by their row in `accounts`.

    `day` numbers the business day of submission; `settled_at` is NEVER where it did not happen.
    """

    day: Numbers
    debit: Numbers
    credit: Numbers
    amount: Amounts
    submitted_at: Seconds
    settled_at: Seconds


def submitted(run: Run, system: str, *, links: bool = True) -> Submitted:
    """Everything that was asked of a system in the run, with the movements of links or without."""
    transfers, days = run["transfers"], business_days(run)[system]
    if not links:
        transfers = transfers[transfers["link"].isna()]
    mine = transfers[(transfers["system"] == system).to_numpy()]
    entered = seconds(mine["submitted_at"])
    return Submitted(
        day=days.of(entered),
        debit=codes(mine["debit_account"]),
        credit=codes(mine["credit_account"]),
        amount=mine["amount"].to_numpy(),
        submitted_at=entered,
        settled_at=seconds(mine["settled_at"]),
    )


def limited(accounts: pd.DataFrame) -> NDArray[np.bool_]:
    """Accounts that can run dry: not servicers' own positions, and not the market's."""
    return np.asarray(accounts["floor"].to_numpy() > UNLIMITED)


def asked(rows: Submitted, days: BusinessDays, accounts: pd.DataFrame) -> Swings:
    """The swings of all accounts, had every movement settled on submission."""
    shape = (len(days), len(accounts))
    return swings(shape, rows.day, rows.debit, rows.credit, rows.amount, rows.submitted_at)


_CURRENCY = "currency of the system"


@derived(
    label("system", "the system"),
    local_date("business_day", "the working day of its hours"),
    instant("opens_at", "when its first session begins"),
    instant("closes_at", "when its last session ends, also past midnight"),
    flag("counted", "it overlaps the period"),
    money("submitted", "value submitted on the day", of=_CURRENCY),
    money("settled", "that part of it which settled before the day was over", of=_CURRENCY),
    money("liquidity_upper_bound", "what it takes if each movement settles on submission", of=_CURRENCY),
    money("liquidity_lower_bound", "what it takes if all settle together at the end", of=_CURRENCY),
    money("net_value", "the latter over all accounts, those without a limit among them", of=_CURRENCY),
    money("queue_peak_value", "the most that waited at one instant until the next day opens", of=_CURRENCY),
    money(
        "available_lowest",
        "the least that all accounts together, with their lines, had to spend meanwhile",
        of=_CURRENCY,
    ),
    needs=("accounts", "transfers", "postings", "sessions"),
)
def system_days(run: Run) -> pd.DataFrame:
    """One row per system and business day that the run touches.

    The bounds are those of accounts that can run dry: all but servicers' own positions in their own books and the
    market's.
    """
    return pd.concat([_of_system(run, system) for system in business_days(run)], ignore_index=True).astype(
        {"system": "category"}
    )


def _of_system(run: Run, system: str) -> pd.DataFrame:
    accounts, days = run["accounts"], business_days(run)[system]
    rows, dry = submitted(run, system), limited(accounts)
    if_at_once = asked(rows, days, accounts)
    in_time = rows.settled_at <= days.closes_at[rows.day]
    return pd.DataFrame(
        {
            "system": system,
            "business_day": days.date.astype("datetime64[ms]"),
            "opens_at": instants(days.opens_at),
            "closes_at": instants(days.closes_at),
            "counted": days.counted,
            "submitted": if_at_once.sent.sum(axis=1),
            "settled": _by_day(rows.day[in_time], rows.amount[in_time], len(days)),
            "liquidity_upper_bound": -if_at_once.lowest[:, dry].sum(axis=1),
            "liquidity_lower_bound": np.maximum(-if_at_once.net[:, dry], 0).sum(axis=1),
            "net_value": np.maximum(-if_at_once.net, 0).sum(axis=1),
            "queue_peak_value": extremes(*_queue_changes(rows), days.opens_at, 0)[1],
            "available_lowest": _available_lowest(run, system, days),
        }
    )


def _queue_changes(rows: Submitted) -> tuple[Seconds, Amounts]:
    """When the value that waits in a system changes, and by how much, in order of time."""
    waited = rows.settled_at > rows.submitted_at
    at = np.concatenate([rows.submitted_at[waited], rows.settled_at[waited]])
    change = np.concatenate([rows.amount[waited], -rows.amount[waited]])
    order = np.argsort(at, kind="stable")
    order = order[at[order] < NEVER]
    return at[order], change[order]


def _available_lowest(run: Run, system: str, days: BusinessDays) -> Amounts:
    """The least that the accounts that can run dry have to spend together, by day."""
    accounts, postings = run["accounts"], run["postings"]
    mine = limited(accounts) & (accounts["system"] == system).to_numpy()
    gained = mine[codes(postings["credit_account"])].astype(np.int64)
    lost = mine[codes(postings["debit_account"])].astype(np.int64)
    moved = np.flatnonzero(gained != lost)
    rows = postings.iloc[moved]
    change = (gained - lost)[moved] * rows["amount"].to_numpy()
    before = int(accounts.loc[mine, "opening_balance"].sum() - accounts.loc[mine, "floor"].sum())
    return extremes(seconds(rows["posted_at"]), change, days.opens_at, before)[0]


def _by_day(day: Numbers, amount: Amounts, count: int) -> Amounts:
    found = np.zeros(count, dtype=np.int64)
    np.add.at(found, day, amount)
    return found
