"""The life of one payment: where it was from when to when, why, and what let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from sim.core.causes import REASONS
from sim.errors import NoPaymentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.results.run import Run


class Posting(NamedTuple):
    """A movement of money to an account, in minor units; `payment` is None for money that is not a payment's."""

    at: pd.Timestamp
    debit_account: str
    amount: int
    payment: object


class Wait(NamedTuple):
    """What a payment met in a system; amounts in minor units of the account's `currency`.

    `balance` is what stood on the account as the payment came, after everything else of that instant if it had to wait.
    `ahead` payments, of `ahead_amount` in all, stood before it in the queue of the account. `released_by` is None where
    it did not wait; `money` is the posting that brought what was lacking, `balance_then` what stood there just before.
    """

    system: str
    account: str
    currency: str
    amount: int
    submitted_at: pd.Timestamp
    settled_at: pd.Timestamp | None
    balance: int
    ahead: int
    ahead_amount: int
    released_by: str | None
    money: Posting | None
    balance_then: int | None


class Stay(NamedTuple):
    """A row of the table `steps` with what happened in it; `seconds` by reason, those that are not 0.

    `step` is the kind of the route's step, None for an attempt that came back.
    """

    attempt: int
    place: str
    system: str | None
    step: str | None
    began_at: pd.Timestamp
    ended_at: pd.Timestamp
    seconds: dict[str, int]
    waits: tuple[Wait, ...]
    happened: tuple[tuple[pd.Timestamp, str, str], ...]
    """Instants within it, what happened then, and for which day, where or by whom: it was `accepted` for a value date,
    or has `missed` it; was `dealt`, `taken_up`, `sent_back` or `returned`."""


class Life(NamedTuple):
    """A payment, a row of the table `payments` by name, and its stays in their order."""

    payment: dict[str, Any]
    stays: tuple[Stay, ...]


def life(run: Run, name: str) -> Life:
    """The life of the payment of that `payment_id` or `obligation_id`; `NoPaymentError` if there is none."""
    payments = run["payments"]
    called = payments["payment_id"].astype("str") == name
    found = np.flatnonzero(called | (payments["obligation_id"] == name).fillna(value=False))
    if not len(found):
        raise NoPaymentError(name, len(payments), [str(one) for one in payments["payment_id"].iloc[[0, -1]]])
    payment = {str(key): value for key, value in payments.iloc[int(found[0])].items()}
    return Life(payment, tuple(_stays(run, payment)))


def slowest(run: Run, count: int) -> list[str]:
    """The `payment_id` of the payments with the longest delays, the longest first."""
    payments = run["payments"]
    delay = payments["credited_at"].fillna(run.end) - payments["instructed_at"]
    order = np.argsort(-delay.dt.total_seconds().to_numpy(), kind="stable")[:count]
    return [str(payments["payment_id"].iloc[place]) for place in order.tolist()]


def _mine(run: Run, table: str, payment: dict[str, Any]) -> pd.DataFrame:
    rows = run[table]
    mine: pd.DataFrame = rows[rows["payment_id"] == payment["payment_id"]]
    return mine


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def _stays(run: Run, payment: dict[str, Any]) -> Iterator[Stay]:
    transfers = _mine(run, "transfers", payment)
    steps = (
        [step.kind for step in run.scenario.routes[str(payment["route"])].steps]
        if _routed(run, payment)
        else []
    )
    for row in _records(_mine(run, "steps", payment)):
        number = row["step"]
        back = pd.isna(number)
        asked = transfers[
            (transfers["kind"] == "payment")
            & (transfers["attempt"] == row["attempt"])
            & (transfers["step"] == (-1 if back else number))
        ]
        here = row["place"] == "system"
        yield Stay(
            attempt=int(row["attempt"]),
            place=str(row["place"]),
            system=None if pd.isna(row["system"]) else str(row["system"]),
            step=None if back else (steps[int(number)] if steps else "settle"),
            began_at=row["began_at"],
            ended_at=row["ended_at"],
            seconds={name: n for name in REASONS if (n := int(row[f"{name}_seconds"]))},
            waits=tuple(_wait(run, one) for one in _records(asked)) if here else (),
            happened=tuple(sorted(_happened(run, payment, row))),
        )


def _routed(run: Run, payment: dict[str, Any]) -> bool:
    """Whether the payment has a declared route, and does not go straight to a system."""
    return str(payment["route"]) in run.scenario.routes


def _happened(
    run: Run, payment: dict[str, Any], row: dict[str, Any]
) -> Iterator[tuple[pd.Timestamp, str, str]]:
    attempt, place = row["attempt"], row["place"]
    if attempt == payment["attempts"] and pd.notna(payment["value_date"]):
        yield from _valued(payment, row)
    if place == "market":
        deals = _mine(run, "conversions", payment)
        for deal in deals[deals["bearer"] == "payer"].to_dict("records"):
            yield (
                deal["converted_at"],
                "dealt",
                str(deal["market"] if deal["kind"] == "market" else deal["kind"]),
            )
    if place == "review":
        cases = _mine(run, "reviews", payment)
        cases = cases[
            (cases["attempt"] == attempt) & (cases["step"] == row["step"]) & cases["began_at"].notna()
        ]
        for case in cases.to_dict("records"):
            yield case["began_at"], "taken_up", str(case["desk"])
    if place == "back":
        failed = _mine(run, "returns", payment)
        for one in failed[failed["attempt"] == attempt].to_dict("records"):
            yield one["sent_back_at"], "sent_back", str(one["bank"])
            if pd.notna(one["returned_at"]):
                yield one["returned_at"], "returned", str(payment["payer_bank"])


def _valued(payment: dict[str, Any], row: dict[str, Any]) -> Iterator[tuple[pd.Timestamp, str, str]]:
    """That the last attempt was accepted for a value date, and that it has missed it."""
    value_date = f"{payment['value_date']:%Y-%m-%d}"
    if row["place"] == "payer_bank" and row["step"] == 0:
        yield payment["accepted_at"], "accepted", value_date
    if row["place"] == "cut_off" and payment["value_missed"]:
        yield row["began_at"], "missed", value_date


def _wait(run: Run, transfer: dict[str, Any]) -> Wait:
    account, submitted, settled = (
        str(transfer["debit_account"]),
        transfer["submitted_at"],
        transfer["settled_at"],
    )
    postings = run["postings"]
    touching = postings[(postings["debit_account"] == account) | (postings["credit_account"] == account)]
    own = (touching["payment_id"] == transfer["payment_id"]) & (touching["debit_account"] == account)
    own &= (touching["attempt"] == transfer["attempt"]) & (touching["step"] == transfer["step"])
    own &= (touching["kind"] == "payment") & (touching["part"] == transfer["part"])
    waited = pd.notna(transfer["queue_entry"])
    before = (touching["posted_at"] <= submitted) & ~own
    if not waited and own.any():
        before &= touching["posting_id"] < touching.loc[own, "posting_id"].iloc[0]
    money, then = None, None
    if pd.notna(transfer["released_by_posting"]):
        row = postings[postings["posting_id"] == transfer["released_by_posting"]].iloc[0]
        money = Posting(
            row["posted_at"],
            str(row["debit_account"]),
            int(row["amount"]),
            None if pd.isna(row["payment_id"]) else row["payment_id"],
        )
        then = _balance(run, account, touching[touching["posting_id"] < row["posting_id"]])
    ahead = _ahead(run, transfer) if waited else pd.Series([], dtype="int64")
    return Wait(
        system=str(transfer["system"]),
        account=account,
        currency=_currency(run, account),
        amount=int(transfer["amount"]),
        submitted_at=submitted,
        settled_at=None if pd.isna(settled) else settled,
        balance=_balance(run, account, touching[before]),
        ahead=len(ahead),
        ahead_amount=int(ahead.sum()),
        released_by=None if pd.isna(transfer["released_by"]) else str(transfer["released_by"]),
        money=money,
        balance_then=then,
    )


def _ahead(run: Run, transfer: dict[str, Any]) -> pd.Series[int]:
    """The amounts that stood before a transfer in the queue of its account when it came."""
    transfers, submitted = run["transfers"], transfer["submitted_at"]
    before = transfers[
        (transfers["debit_account"] == transfer["debit_account"])
        & (transfers["queue_entry"] < transfer["queue_entry"])
        & (transfers["submitted_at"] <= submitted)
    ]
    amounts: pd.Series[int] = before.loc[~(before["settled_at"] <= submitted), "amount"]
    return amounts


def _balance(run: Run, account: str, postings: pd.DataFrame) -> int:
    accounts = run["accounts"]
    opening = int(accounts.loc[accounts["account"] == account, "opening_balance"].iloc[0])
    amounts = postings["amount"]
    came = int(amounts[postings["credit_account"] == account].sum())
    return opening + came - int(amounts[postings["debit_account"] == account].sum())


def _currency(run: Run, account: str) -> str:
    accounts = run["accounts"]
    return str(accounts.loc[accounts["account"] == account, "currency"].iloc[0])
