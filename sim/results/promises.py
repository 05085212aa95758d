"""What a run promises: money is conserved, every second has a place and a reason, every minor unit of FX one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.core.causes import PLACES, REASONS
from sim.errors import PromiseError
from sim.results.columns import codes, seconds
from sim.results.derived.balances import running_balances
from sim.results.derived.fx_causes import FX_CAUSES, changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray


#: What tells the movements of a payment apart: the attempt, there or back, and the step of the route.
_WAY: Final = ("attempt", "kind", "step")
#: Legs of a link.
_BOTH: Final = 2


#: What the promises are checked on.
NEEDS: Final = (
    "accounts",
    "conversions",
    "fx_results",
    "payments",
    "postings",
    "returns",
    "steps",
    "transfers",
)


def check_promises(tables: Mapping[str, pd.DataFrame], end: pd.Timestamp) -> None:
    """Raise `PromiseError`, naming the first row at fault, unless every promise holds in the tables alone.

    `end` is the instant until which payments were followed.
    """
    _every_second_has_a_place_and_a_reason(tables["payments"], tables["steps"], end)
    _returns_take_their_time(tables["payments"], tables["steps"], tables["returns"], end)
    _every_minor_unit_has_a_cause(tables["fx_results"])
    _only_what_is_cancelled_is_undone(tables["fx_results"], tables["payments"], tables["conversions"])
    _each_transfer_is_posted_once(tables["postings"])
    _both_legs_or_none(tables["transfers"], tables["postings"])
    _parts_add_up(tables["transfers"], tables["payments"])
    _money_is_conserved(tables["accounts"], tables["postings"])


def _every_second_has_a_place_and_a_reason(
    payments: pd.DataFrame, steps: pd.DataFrame, end: pd.Timestamp
) -> None:
    """The rows of a payment follow one upon the other over all its delay, and reasons fill each of them."""
    began, ended = seconds(steps["began_at"]), seconds(steps["ended_at"])
    reasons = [steps[f"{reason}_seconds"].to_numpy() for reason in REASONS]
    _no_step(steps, ended < began, "its row ends before it begins")
    _no_step(steps, np.minimum.reduce(reasons) < 0, "a reason has less than no time")
    _no_step(steps, np.add.reduce(reasons) != ended - began, "its reasons do not add up to its length")
    placed = (steps["place"] == "system") == steps["system"].notna()
    placed &= steps["place"].isin([*PLACES]) & ((steps["place"] == "back") == steps["step"].isna())
    _no_step(steps, ~placed.to_numpy(), "the place does not go with the system, or with the step")
    back = (steps["place"] == "back").to_numpy()
    returned = steps["returned_seconds"].to_numpy() == ended - began
    _no_step(steps, back & ~returned, "it came back, and has another reason than that")
    payment = steps["payment_id"].to_numpy()
    first = np.append(True, payment[1:] != payment[:-1])[: len(payment)]
    gap = np.append(False, began[1:] != ended[:-1])[: len(payment)]
    _no_step(steps, ~first & gap, "it does not begin where the row before it ends")
    last = np.append(first[1:], True)[: len(payment)]
    told = payments.set_index("payment_id")[["instructed_at", "credited_at"]].fillna({"credited_at": end})
    stray = ~steps["payment_id"].isin(told.index)
    _no_payment(steps.loc[stray, "payment_id"].to_list(), "it has steps and is none of the payments")
    for what, rows, at in (("instructed_at", first, "began_at"), ("credited_at", last, "ended_at")):
        found = steps.loc[rows].set_index("payment_id")[at]
        _no_payment(found.index[found.index.duplicated()], "its rows do not stand together")
        # What takes no time at all may have passed everywhere.
        reached = found.reindex(told.index).fillna(told["instructed_at"])
        _no_payment(
            told.index[reached != told[what]],
            "its rows do not reach from the instruction to the credit, or to the end",
        )


def _no_step(steps: pd.DataFrame, wrong: NDArray[np.bool_], what: str) -> None:
    found = np.flatnonzero(wrong)
    if len(found):
        row = steps.iloc[int(found[0])]
        where = (
            "an attempt that came back" if row["place"] == "back" else f"step {row['step']}, {row['place']}"
        )
        raise PromiseError(f"payment {row['payment_id']}, {where}: {what}")


def _no_payment(wrong: Sequence[Any] | pd.Index[Any], what: str) -> None:
    if len(wrong):
        raise PromiseError(f"payment {wrong[0]}: {what}")


def _returns_take_their_time(
    payments: pd.DataFrame, steps: pd.DataFrame, returns: pd.DataFrame, end: pd.Timestamp
) -> None:
    """`back` lasts from the first instruction to that of the last attempt, or on if that was sent back, too."""
    last = returns.drop_duplicates("payment_id", keep="last").set_index("payment_id")["instructed_again_at"]
    since = payments.set_index("payment_id")["instructed_at"].reindex(last.index)
    lost = (last.fillna(end) - since).dt.total_seconds()
    told = steps.loc[steps["returned_seconds"] > 0].groupby("payment_id")["returned_seconds"].sum()
    both = lost.index.union(told.index)
    wrong = lost.reindex(both, fill_value=0) != told.reindex(both, fill_value=0)
    if wrong.any():
        payment = both[wrong.to_numpy()][0]
        raise PromiseError(
            f"payment {payment}: {told.get(payment, 0)} s are lost to returns, "
            f"by the table of these it was {lost.get(payment, 0):.0f} s"
        )


def _every_minor_unit_has_a_cause(results: pd.DataFrame) -> None:
    told = results[list(FX_CAUSES)].sum(axis=1)
    sign = np.where(results["bearer"] == "payee", 1, -1)
    differs = told != results["total"]
    for cause, change in changes(results).items():
        differs |= results[cause] != sign * change
    wrong = np.flatnonzero(differs)
    if len(wrong):
        row = results.iloc[int(wrong[0])]
        raise PromiseError(
            f"obligation {row['obligation_id']}, {row['bearer']}: the FX result is {row['total']}, "
            f"its causes add up to {told.iloc[int(wrong[0])]}"
        )


def _only_what_is_cancelled_is_undone(
    results: pd.DataFrame, payments: pd.DataFrame, deals: pd.DataFrame
) -> None:
    """The final value is the realised one; of a cancelled payment, less what selling back brought over the booked.

    A payee, to whom nothing was paid, ends at the booked value. What is still to be sold is not looked at.
    """
    cancelled = results["payment_id"].isin(payments.loc[payments["status"] == "cancelled", "payment_id"])
    back = deals[deals["kind"] == "sold_back"].groupby("payment_id")["realised_value"].sum()
    bought = (results["bearer"] == "payer").to_numpy()
    sold = back.reindex(results["payment_id"], fill_value=0).to_numpy(dtype=np.int64)
    brought = np.where(bought, sold, results["realised_value"])
    undone = np.where(cancelled, results["booked_value"] - brought, 0)
    known = (~cancelled | results["realised"]).to_numpy() | ~bought
    differs = results["final_value"] != results["realised_value"] + undone
    wrong = np.flatnonzero(known & differs.to_numpy())
    if len(wrong):
        row = results.iloc[int(wrong[0])]
        raise PromiseError(
            f"obligation {row['obligation_id']}, {row['bearer']}: its final value is {row['final_value']}, "
            f"that of the exchange {row['realised_value']}"
        )


def _each_transfer_is_posted_once(postings: pd.DataFrame) -> None:
    of_payments = postings[postings["payment_id"].notna()]
    # A payment has one posting per step, part and leg, each way; only if split or linked is there more than one.
    twice = of_payments.duplicated(["payment_id", *_WAY, "part", "currency"])
    if twice.any():
        row = of_payments[twice].iloc[0]
        raise PromiseError(f"payment {row['payment_id']}: step {row['step']} was posted twice")


def _both_legs_or_none(transfers: pd.DataFrame, postings: pd.DataFrame) -> None:
    """What goes through a link moves in two systems in one batch, or in none."""
    linked = transfers[transfers["link"].notna()]
    if not len(linked):
        return
    keys = ["payment_id", *_WAY]
    leg = [*keys, "debit_account", "credit_account", "amount"]
    told = linked.groupby(keys, observed=True).agg(
        legs=("system", "nunique"), settled=("settled_at", "count")
    )
    moved = postings.merge(linked[[*leg, "settled_at"]], on=leg)
    prompt = moved[moved["posted_at"] == moved["settled_at"]]
    posted = prompt.groupby(keys, observed=True).agg(
        legs=("currency", "nunique"), batches=("batch", "nunique")
    )
    posted = posted.reindex(told.index, fill_value=0)
    whole = (told["legs"] == _BOTH) & posted["legs"].isin([0, _BOTH])
    whole &= (posted["legs"] == told["settled"]) & (posted["batches"] <= 1)
    if not whole.all():
        payment, *_, step = whole.index[int((~whole).to_numpy().argmax())]
        raise PromiseError(f"payment {payment}: step {step} moved one leg without the other")


def _parts_add_up(transfers: pd.DataFrame, payments: pd.DataFrame) -> None:
    """The parts of a payment that was split are together what it pays."""
    keys = ["payment_id", *_WAY]
    split = transfers.loc[transfers["part"] > 0, keys].drop_duplicates()
    several = transfers.merge(split, on=keys)
    total = several.groupby(keys, observed=True)["amount"].sum().reset_index()
    amount = payments.set_index("payment_id")["amount"].reindex(total["payment_id"]).to_numpy()
    wrong = np.flatnonzero(total["amount"].to_numpy() != amount)
    if len(wrong):
        row = total.iloc[int(wrong[0])]
        raise PromiseError(f"payment {row['payment_id']}: the parts of step {row['step']} are not its amount")


def _money_is_conserved(accounts: pd.DataFrame, postings: pd.DataFrame) -> None:
    """Replay the postings: no account passes its limit, and all end at the ledger's closing balances."""
    debit, credit = codes(postings["debit_account"]), codes(postings["credit_account"])
    amount = postings["amount"].to_numpy()
    currency = accounts["currency"].to_numpy()
    across = np.flatnonzero(currency[debit] != currency[credit])
    if len(across) or (amount <= 0).any():
        raise PromiseError("a posting joins two currencies or moves nothing")
    opening = accounts["opening_balance"].to_numpy()
    batch = postings["batch"].to_numpy()
    for number, (running, _) in enumerate(running_balances(opening, debit, credit, amount, batch)):
        account = accounts.iloc[number]
        if len(running) and running.min() < account["floor"]:
            raise PromiseError(f"account {account['account']}: its balance passed its limit")
        closing = running[-1] if len(running) else opening[number]
        if closing != account["closing_balance"]:
            raise PromiseError(f"account {account['account']}: postings and closing balance differ")
    for code, group in accounts.groupby("currency"):
        if group["opening_balance"].sum() != group["closing_balance"].sum():
            raise PromiseError(f"money in {code} was not conserved")
