"""Obligations, and what their parties exchanged for them, as columns of numbers: all exposure is computed from these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import NEVER, Seconds
from sim.core.currency import Amounts
from sim.results.columns import codes, places, places_of_texts, seconds
from sim.results.registry import shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.results.run import Run

#: The tables that all of this is read from.
TRADE: tuple[str, ...] = ("fx", "firms", "obligations", "payments", "returns", "conversions")


class Deals(NamedTuple):
    """One row per part of an obligation that a bearer exchanged, in the order of `conversions`."""

    obligation: NDArray[np.int64]
    by_payee: NDArray[np.bool_]
    at: Seconds
    amount: Amounts
    mid_value: Amounts
    realised_value: Amounts


class Trade(NamedTuple):
    """Firms, obligations and deals, all by number: of firms the row in `firms`, of currencies that in the rates.

    What concerns the payment of an obligation is NEVER, and `payment` −1, where none was ordered. `instructed_at` is
    its first order, `instructed_again_at` the last one, `cancelled_at` when the money of one that was given up was
    back.
    """

    side: NDArray[np.int64]
    """By firm, as the next two."""
    group: NDArray[np.int64]
    functional_currency: NDArray[np.int64]
    payer: NDArray[np.int64]
    """By obligation, as all that follow."""
    payee: NDArray[np.int64]
    currency: NDArray[np.int64]
    amount: Amounts
    invoiced_at: Seconds
    due_at: Seconds
    payment: NDArray[np.int64]
    instructed_at: Seconds
    instructed_again_at: Seconds
    credited_at: Seconds
    cancelled_at: Seconds
    deals: Deals
    """What was exchanged, at a market or by matching."""
    sold_back: Deals
    """What payers whose payment was cancelled sold again."""

    def __len__(self) -> int:
        """How many obligations there are."""
        return len(self.amount)

    def firm(self, *, by_payee: bool) -> NDArray[np.int64]:
        """The payers of all obligations, or the payees."""
        return self.payee if by_payee else self.payer


@shared
def trade(run: Run) -> Trade:
    """The trade of a run."""
    firms, rows, payments = run["firms"], run["obligations"], run["payments"]
    deals, currencies = run["conversions"], run.fx.currencies
    sold_back = (deals["kind"] == "sold_back").to_numpy()
    count = len(rows)
    payment = np.full(count, -1, dtype=np.int64)
    ids = rows["obligation_id"]
    obligation = places_of_texts(ids, payments["obligation_id"])
    known = np.flatnonzero(obligation >= 0)
    payment[obligation[known]] = known

    def of_payment(at: Seconds) -> Seconds:
        return np.append(at, NEVER)[payment]

    instructed = seconds(payments["instructed_at"])
    again, cancelled = _after_returns(run, instructed)
    return Trade(
        side=_places(list(run.scenario.sides), firms["side"]),
        group=_places(list(run.scenario.firms), firms["group"]),
        functional_currency=_places(currencies, firms["functional_currency"]),
        payer=places(firms["firm"], rows["payer"]),
        payee=places(firms["firm"], rows["payee"]),
        currency=_places(currencies, rows["currency"]),
        amount=rows["amount"].to_numpy(),
        invoiced_at=seconds(rows["invoiced_at"]),
        due_at=seconds(rows["due_at"]),
        payment=payment,
        instructed_at=of_payment(instructed),
        instructed_again_at=of_payment(again),
        credited_at=of_payment(seconds(payments["credited_at"])),
        cancelled_at=of_payment(cancelled),
        deals=_deals(deals[~sold_back], ids),
        sold_back=_deals(deals[sold_back], ids),
    )


def _after_returns(run: Run, instructed: Seconds) -> tuple[Seconds, Seconds]:
    """By row of `payments`: the instant of the last order, and when the money of a cancelled one was back."""
    payments, returns = run["payments"], run["returns"]
    row = pd.Index(payments["payment_id"]).get_indexer(returns["payment_id"])
    again, back = instructed.copy(), np.full(len(payments), NEVER)
    ordered = np.flatnonzero(returns["instructed_again_at"].notna())
    # Attempts are in order of time, so the last one written is the last one made.
    again[row[ordered]] = seconds(returns["instructed_again_at"])[ordered]
    back[row] = seconds(returns["returned_at"])
    return again, np.where(payments["status"] == "cancelled", back, NEVER)


def cancelled_at(run: Run) -> Seconds:
    """By row of `payments`: when the money of a cancelled one was back, NEVER for the others."""
    return _after_returns(run, seconds(run["payments"]["instructed_at"]))[1]


def _places(known: Sequence[str], column: pd.Series[str]) -> NDArray[np.int64]:
    return places(pd.Series(list(known), dtype="str"), column)


def _deals(rows: pd.DataFrame, obligations: pd.Series[str]) -> Deals:
    return Deals(
        obligation=places_of_texts(obligations, rows["obligation_id"]),
        by_payee=codes(rows["bearer"]) == 1,
        at=seconds(rows["converted_at"]),
        amount=rows["amount"].to_numpy(),
        mid_value=rows["mid_value"].to_numpy(),
        realised_value=rows["realised_value"].to_numpy(),
    )
