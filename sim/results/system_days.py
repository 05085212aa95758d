"""A payment system is judged by the day: what was asked of it, what that would have taken, and what waited."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import NEVER, Seconds
from sim.core.currency import UNLIMITED, Amounts
from sim.results.instants import instants, seconds
from sim.results.swings import Swings, extremes, swings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sim.results.days import BusinessDays

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


def submitted(tables: Mapping[str, pd.DataFrame], system: str, days: BusinessDays) -> Submitted:
    """Everything that was asked of a system in the run."""
    transfers = tables["transfers"]
    mine = transfers[(transfers["system"] == system).to_numpy()]
    entered = seconds(mine["submitted_at"])
    return Submitted(
        day=days.of(entered),
        debit=mine["debit_account"].cat.codes.to_numpy().astype(np.int64),
        credit=mine["credit_account"].cat.codes.to_numpy().astype(np.int64),
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


def system_days_table(tables: Mapping[str, pd.DataFrame], days: Mapping[str, BusinessDays]) -> pd.DataFrame:
    """One row per system and business day of the run, in minor units of the system's currency.

    `submitted` and `settled` are the value submitted on the day, and that part of it which settled before the
    day was over; `liquidity_upper_bound`, `liquidity_lower_bound` and `net_value` are what that value takes if
    each movement settles on submission, or all together at the end, of accounts that can run dry, and of all.
    `queue_peak_value` is the largest value that waited at one instant from the day's opening to the next one's,
    and `available_lowest` the least that all accounts together, credit lines included, had to spend meanwhile.
    """
    parts = [_of_system(tables, str(system), days[str(system)]) for system in tables["systems"]["system"]]
    return pd.concat(parts, ignore_index=True).astype({"system": "category"})


def _of_system(tables: Mapping[str, pd.DataFrame], system: str, days: BusinessDays) -> pd.DataFrame:
    accounts = tables["accounts"]
    rows, dry = submitted(tables, system, days), limited(accounts)
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
            "available_lowest": _available_lowest(tables, system, days),
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


def _available_lowest(tables: Mapping[str, pd.DataFrame], system: str, days: BusinessDays) -> Amounts:
    """The least that the accounts that can run dry have to spend together, by day."""
    accounts, postings = tables["accounts"], tables["postings"]
    mine = limited(accounts) & (accounts["system"] == system).to_numpy()
    gained = mine[postings["credit_account"].cat.codes].astype(np.int64)
    lost = mine[postings["debit_account"].cat.codes].astype(np.int64)
    moved = np.flatnonzero(gained != lost)
    rows = postings.iloc[moved]
    change = (gained - lost)[moved] * rows["amount"].to_numpy()
    before = int(accounts.loc[mine, "opening_balance"].sum() - accounts.loc[mine, "floor"].sum())
    return extremes(seconds(rows["posted_at"]), change, days.opens_at, before)[0]


def _by_day(day: Numbers, amount: Amounts, count: int) -> Amounts:
    found = np.zeros(count, dtype=np.int64)
    np.add.at(found, day, amount)
    return found
