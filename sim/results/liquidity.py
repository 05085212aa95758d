"""How much money the accounts needed, from the postings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import DAY
from sim.results.instants import instants, seconds
from sim.results.promises import running_balances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.world.build import World


def balances_table(world: World, accounts: pd.DataFrame, postings: pd.DataFrame) -> pd.DataFrame:
    """Closing and lowest balance of every account and local day from the start of the run to its end.

    `date` is the local midnight (zone of the period) that begins the day, minor units of the currency.
    """
    start, end = world.window.start, world.window.end
    days = np.arange(start, end, DAY, dtype=np.int64)
    day = (seconds(postings["posted_at"]) - start) // DAY
    running = running_balances(
        accounts["opening_balance"].to_numpy(),
        postings["debit_account"].cat.codes.to_numpy(),
        postings["credit_account"].cat.codes.to_numpy(),
        postings["amount"].to_numpy(),
        postings["batch"].to_numpy(),
    )
    parts = []
    for number, (balances, posting) in enumerate(running):
        opening = int(accounts["opening_balance"].iloc[number])
        closing, lowest = _by_day(opening, balances, day[posting], len(days))
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
    opening: int, balances: NDArray[np.int64], day: NDArray[np.int64], days: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Closing and lowest balance of each day, given the balance after each posting and its day."""
    last = np.searchsorted(day, np.arange(days), side="right")
    closing = np.concatenate([[opening], balances])[last]
    lowest = np.concatenate([[opening], closing[:-1]])
    np.minimum.at(lowest, day, balances)
    return closing, lowest


def liquidity_used(accounts: pd.DataFrame, balances: pd.DataFrame) -> pd.Series:
    """Largest fall below the opening balance by account, max(0, opening − lowest), in minor units."""
    lowest = balances.groupby("account", observed=True)["lowest_balance"].min()
    opening = accounts.set_index("account")["opening_balance"]
    return (opening - lowest.reindex(opening.index)).clip(lower=0)
