"""How much money the accounts needed, from the postings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from sim.core.clock import DAY, to_instant
from sim.core.currency import minor_digits
from sim.results.instants import instants, seconds
from sim.results.promises import running_balances
from sim.results.swings import extremes
from sim.results.system_days import limited
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.results.results import Results
    from sim.world.world import World


def balances_table(world: World, accounts: pd.DataFrame, postings: pd.DataFrame) -> pd.DataFrame:
    """Closing and lowest balance of every account and local day from the start of the run to its end.

    `date` is the local midnight (zone of the period) that begins the day, minor units of the currency.
    """
    start, end = world.window.start, world.window.end
    days = np.arange(start, end, DAY, dtype=np.int64)
    posted_at = seconds(postings["posted_at"])
    running = running_balances(
        accounts["opening_balance"].to_numpy(),
        postings["debit_account"].cat.codes.to_numpy(),
        postings["credit_account"].cat.codes.to_numpy(),
        postings["amount"].to_numpy(),
        posted_at,
    )
    parts = []
    for number, (balances, posting) in enumerate(running):
        opening = int(accounts["opening_balance"].iloc[number])
        closing, lowest = _by_day(opening, balances, posted_at[posting], days)
        parts.append(
            pd.DataFrame(
                {
                    "account": accounts["account"].iloc[number],
                    "date": instants(days),
                    "closing_balance": closing,
                    "lowest_balance": lowest,
                }
            )
        )
    if not parts:
        columns = {
            "account": [],
            "date": instants(days[:0]),
            "closing_balance": days[:0],
            "lowest_balance": days[:0],
        }
        return pd.DataFrame(columns)
    return pd.concat(parts, ignore_index=True).astype({"account": "category"})


def _by_day(
    opening: int, balances: NDArray[np.int64], at: Seconds, days: Seconds
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Closing and lowest balance of each day, given its midnight, from the balance after each instant."""
    last = np.searchsorted(at, days + DAY, side="left")
    closing = np.concatenate([[opening], balances])[last]
    lowest = extremes(at, np.diff(balances, prepend=opening), days, opening)[0]
    return closing, lowest


def liquidity_used(accounts: pd.DataFrame, balances: pd.DataFrame) -> pd.Series:
    """Largest fall below the opening balance by account, max(0, opening − lowest), in minor units."""
    lowest = balances.groupby("account", observed=True)["lowest_balance"].min()
    opening = accounts.set_index("account")["opening_balance"]
    return (opening - lowest.reindex(opening.index)).clip(lower=0)


def busiest_systems(results: Results, most: int) -> list[str]:
    """The systems with the largest value a day at mid, largest first, among those in which money can run out."""
    values = results.measures["value_per_day"].value
    systems, accounts = results.systems.set_index("system"), results.accounts
    short = set(accounts.loc[limited(accounts), "system"])
    names = [name for name, value in values.items() if value and name in short]
    codes = systems.loc[names, "currency"]
    minor = pd.Series([round(values[name] * 10 ** minor_digits(codes[name])) for name in names], index=names)
    period = results.scenario.period
    start = pd.Timestamp(to_instant(period.start, ZoneInfo(period.zone)), unit="s", tz="UTC")
    value = Valuation(results.fx, results.scenario.reporting_currency).of(
        minor.astype(np.int64), codes, pd.Series(start, index=names)
    )
    return [str(name) for name in value.sort_values(ascending=False, kind="stable").index[:most]]


def course_of_day(
    results: Results, system: str, opens_at: pd.Timestamp, closes_at: pd.Timestamp
) -> pd.DataFrame:
    """What each account that can run dry could spend, and what waited, from one instant to another.

    A row per instant at which something changed, the first at `opens_at` and the last at `closes_at`; a column
    per account (`balance` + credit line), and `waiting`, in minor units. Values hold until the next row.
    """
    accounts, postings, transfers = results.accounts, results.postings, results.transfers
    mine = accounts[limited(accounts) & (accounts["system"] == system).to_numpy()]
    names = mine["account"].tolist()
    rows = transfers[(transfers["system"] == system).to_numpy()]
    waited = rows[(rows["settled_at"].isna() | (rows["settled_at"] > rows["submitted_at"])).to_numpy()]
    debits = postings[postings["debit_account"].isin(names).to_numpy()]
    credits_ = postings[postings["credit_account"].isin(names).to_numpy()]
    changes = pd.concat(
        [
            _changes(
                pd.Series(opens_at, index=mine.index),
                mine["account"],
                mine["opening_balance"] - mine["floor"],
            ),
            _changes(debits["posted_at"], debits["debit_account"], -debits["amount"]),
            _changes(credits_["posted_at"], credits_["credit_account"], credits_["amount"]),
            _changes(waited["submitted_at"], "waiting", waited["amount"]),
            _changes(waited["settled_at"], "waiting", -waited["amount"]),
        ]
    )
    changes = changes[(changes["at"] <= closes_at).to_numpy()]
    # What happened before the opening is all there at the opening.
    changes["at"] = changes["at"].where(changes["at"] > opens_at, opens_at)
    course = changes.pivot_table(index="at", columns="name", values="change", aggfunc="sum", fill_value=0)
    course = course.reindex(columns=[*names, "waiting"], fill_value=0).cumsum()
    return course.reindex(course.index.union([opens_at, closes_at])).ffill().astype(np.int64)


def _changes(at: pd.Series[pd.Timestamp], name: pd.Series[str] | str, change: pd.Series[int]) -> pd.DataFrame:
    found = pd.DataFrame({"at": at, "name": name, "change": change})
    return found.astype({"name": "str", "at": "datetime64[s, UTC]"})
