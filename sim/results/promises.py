"""What a run promises: money is conserved, and every second and every minor unit has one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engine.causes import CAUSES
from sim.errors import PromiseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


def check_promises(tables: Mapping[str, pd.DataFrame], end: pd.Timestamp) -> None:
    """Raise `PromiseError`, naming the first row at fault, unless every promise holds in the tables alone.

    `end` is the instant until which payments were followed.
    """
    _every_second_has_a_cause(tables["payments"], end)
    _every_minor_unit_has_a_cause(tables["fx_results"])
    _each_transfer_is_posted_once(tables["postings"])
    _money_is_conserved(tables["accounts"], tables["postings"])


def _every_second_has_a_cause(payments: pd.DataFrame, end: pd.Timestamp) -> None:
    causes = payments[[f"{cause}_seconds" for cause in CAUSES]]
    elapsed = payments["credited_at"].fillna(end) - payments["instructed_at"]
    told = causes.sum(axis=1)
    wrong = np.flatnonzero((told != elapsed.dt.total_seconds()) | (causes < 0).any(axis=1))
    if len(wrong):
        row = int(wrong[0])
        raise PromiseError(
            f"payment {row}: its delay is {elapsed.iloc[row].total_seconds():.0f} s, "
            f"its causes add up to {told.iloc[row]} s"
        )


def _every_minor_unit_has_a_cause(results: pd.DataFrame) -> None:
    told = results[["contract", "clearing", "spread", "hedge"]].sum(axis=1)
    change = results["realised_value"] - results["booked_value"]
    sign = np.where(results["bearer"] == "payee", 1, -1)
    wrong = np.flatnonzero((told != results["total"]) | (results["total"] != sign * change))
    if len(wrong):
        row = results.iloc[int(wrong[0])]
        raise PromiseError(
            f"obligation {row['obligation_id']}, {row['bearer']}: the FX result is {row['total']}, "
            f"its causes add up to {told.iloc[int(wrong[0])]}"
        )


def _each_transfer_is_posted_once(postings: pd.DataFrame) -> None:
    of_payments = postings[postings["payment_id"].notna()]
    twice = of_payments.duplicated(["payment_id", "step"])
    if twice.any():
        row = of_payments[twice].iloc[0]
        raise PromiseError(f"payment {row['payment_id']}: step {row['step']} was posted twice")


def _money_is_conserved(accounts: pd.DataFrame, postings: pd.DataFrame) -> None:
    """Replay the postings: no account passes its limit, and all end at the ledger's closing balances."""
    debit = postings["debit_account"].cat.codes.to_numpy()
    credit = postings["credit_account"].cat.codes.to_numpy()
    amount = postings["amount"].to_numpy()
    currency = accounts["currency"].to_numpy()
    across = np.flatnonzero(currency[debit] != currency[credit])
    if len(across) or (amount <= 0).any():
        raise PromiseError("a posting joins two currencies or moves nothing")
    opening = accounts["opening_balance"].to_numpy()
    for number, running in running_balances(opening, debit, credit, amount):
        account = accounts.iloc[number]
        if len(running) and running.min() < account["floor"]:
            raise PromiseError(f"account {account['account']}: its balance passed its limit")
        closing = running[-1] if len(running) else opening[number]
        if closing != account["closing_balance"]:
            raise PromiseError(f"account {account['account']}: postings and closing balance differ")
    for code, group in accounts.groupby("currency"):
        if group["opening_balance"].sum() != group["closing_balance"].sum():
            raise PromiseError(f"money in {code} was not conserved")


def running_balances(
    opening: np.ndarray, debit: np.ndarray, credit: np.ndarray, amount: np.ndarray
) -> list[tuple[int, np.ndarray]]:
    """Balance of each account after each posting that touches it, in order of posting."""
    account = np.concatenate([debit, credit])
    change = np.concatenate([-amount, amount])
    order = np.lexsort((np.concatenate([np.arange(len(debit))] * 2), account))
    bounds = np.searchsorted(account[order], np.arange(len(opening) + 1))
    return [
        (number, opening[number] + np.cumsum(change[order[bounds[number] : bounds[number + 1]]]))
        for number in range(len(opening))
    ]
