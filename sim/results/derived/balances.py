"""How much money stood on accounts, and how much of it was needed, from the postings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from sim.core.currency import Amounts
from sim.results.columns import codes, label, local_date, money, names, seconds
from sim.results.days import days_between, extremes, midnights
from sim.results.registry import derived, shared
from sim.scenario.topology import home_currencies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.results.run import Run


class Running(NamedTuple):
    """An account's balance after all postings of a step that touch it, and the last of these."""

    balance: Amounts
    posting: NDArray[np.int64]


def running_balances(
    opening: Amounts,
    debit: NDArray[np.int64],
    credit: NDArray[np.int64],
    amount: Amounts,
    step: NDArray[np.int64],
) -> list[Running]:
    """How each account went on; a step is what is looked at as one: a batch of postings, or all of an instant."""
    account = np.concatenate([debit, credit])
    change = np.concatenate([-amount, amount])
    posting = np.concatenate([np.arange(len(debit))] * 2)
    order = np.lexsort((posting, account))
    bounds = np.searchsorted(account[order], np.arange(len(opening) + 1))
    found = []
    for number in range(len(opening)):
        mine = order[bounds[number] : bounds[number + 1]]
        together = step[posting[mine]]
        last = np.flatnonzero(np.append(together[1:] != together[:-1], True)) if len(mine) else mine
        found.append(Running(opening[number] + np.cumsum(change[mine])[last], posting[mine][last]))
    return found


@shared
def balances_by_instant(run: Run) -> list[Running]:
    """How each account went on from instant to instant, in the order of `accounts`."""
    accounts, postings = run["accounts"], run["postings"]
    return running_balances(
        accounts["opening_balance"].to_numpy(),
        codes(postings["debit_account"]),
        codes(postings["credit_account"]),
        postings["amount"].to_numpy(),
        seconds(postings["posted_at"]),
    )


@derived(
    label("account", "the account"),
    local_date("date", "the local day (zone of the period)"),
    money("closing_balance", "what stood on it when the day ended", of="currency of the account"),
    money("lowest_balance", "the least that stood on it within the day", of="currency of the account"),
    needs=("accounts", "postings"),
)
def balances(run: Run) -> dict[str, Any]:
    """One row per account and local day from the start of the run to its end."""
    accounts, posted_at = run["accounts"], seconds(run["postings"]["posted_at"])
    days, midnights = days_between(run.window.start, run.window.end, run.window.zone)
    closing, lowest = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for opening, (balance, posting) in zip(
        accounts["opening_balance"].tolist(), balances_by_instant(run), strict=True
    ):
        at = posted_at[posting]
        closing.append(np.append(opening, balance)[np.searchsorted(at, midnights[1:], side="left")])
        lowest.append(extremes(at, np.diff(balance, prepend=opening), midnights[:-1], opening)[0])
    return {
        "account": accounts["account"].repeat(len(days)).astype("category"),
        "date": np.tile(np.array(days, dtype="datetime64[D]"), len(accounts)),
        "closing_balance": np.concatenate(closing),
        "lowest_balance": np.concatenate(lowest),
    }


@derived(
    local_date("date", "the local day (zone of the period)"),
    label("bank", "the bank"),
    label("currency", "the foreign currency"),
    money("balance", "what it has on all accounts that others keep for it, when the day ends"),
    money("balance_reporting", "the same at that day's mid", of="reporting"),
    needs=("fx", "accounts", "balances"),
)
def bank_positions(run: Run) -> pd.DataFrame:
    """One row per bank, currency other than its side's, and local day.

    A servicer's own position, which is what it owes its account holders, is left out. A bank without a side has no
    currency of its own that is known, and no row.
    """
    accounts, home, rows = run["accounts"], home_currencies(run.scenario), run["balances"]
    chosen = [
        servicer != holder and home.get(holder, currency) != currency
        for holder, servicer, currency in zip(
            accounts["holder"], accounts["servicer"], accounts["currency"], strict=True
        )
    ]
    foreign = accounts[np.array(chosen, dtype=np.bool_)]
    rows = rows[rows["account"].isin(foreign["account"])]
    of = foreign.iloc[pd.Index(foreign["account"]).get_indexer(rows["account"].astype(str))]
    known, banks = sorted(set(foreign["currency"])), list(dict.fromkeys(foreign["holder"]))
    table = pd.DataFrame(
        {
            "date": rows["date"].reset_index(drop=True),
            "bank": names(banks, pd.Index(banks).get_indexer(of["holder"]).astype(np.int64)),
            "currency": names(known, pd.Index(known).get_indexer(of["currency"]).astype(np.int64)),
            "balance": rows["closing_balance"].to_numpy(dtype=np.int64),
        }
    )
    total = table.groupby(["bank", "currency", "date"], observed=True)["balance"].sum().reset_index()
    midnight = midnights(total["date"], run.window.zone)
    total["balance_reporting"] = run.value(total["balance"], total["currency"], midnight)
    return total[["date", "bank", "currency", "balance", "balance_reporting"]]
