"""Firms live on their own currency: what counts is when how much of it comes in and goes out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.clock import NEVER, from_instant, local_instant
from sim.results.columns import instant, label, money, names
from sim.results.derived.hedges import forwards
from sim.results.derived.trade import TRADE, trade
from sim.results.registry import derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.results.run import Run

    #: Firms, instants, and what they receive in their own currency.
    Moves = tuple[NDArray[np.int64], Seconds, Amounts]


@derived(
    label("side", "the economy"),
    instant("at", "the local beginning of the month, or of the period in its first one"),
    label("currency", "the functional currency of these firms"),
    money("cash_flow", "what they received less what they paid"),
    needs=TRADE,
)
def cash_flows(run: Run) -> dict[str, Any]:
    """One row per side, functional currency and month of the period: cash that its firms received less what they paid.

    Of an obligation in the firm's own currency, the payer pays when it orders the payment that is not given up (the last
    attempt), and the payee receives at the credit. Of one in a foreign currency counts what was really paid or received
    at each exchange, also when a currency that came back is sold again, and of a forward its result when it is closed.
    A month is one of the zone of the period; what happens before or after the period is in none.
    """
    rows, (start, end) = trade(run), run.period
    firms, at, amount = (np.concatenate(column) for column in zip(*_moves(run), strict=True))
    begins = months(run)
    within = (at >= start) & (at < end)
    firms, at, amount = firms[within], at[within], amount[within]
    held = np.stack([rows.side[firms], rows.functional_currency[firms]])
    known = np.unique(np.stack([rows.side, rows.functional_currency]), axis=1)
    total = np.zeros((known.shape[1], len(begins)), dtype=np.int64)
    month = np.searchsorted(begins, at, side="right") - 1
    for number, holder in enumerate(known.T):
        mine = (held == holder[:, None]).all(axis=0)
        np.add.at(total[number], month[mine], amount[mine])
    side, currency = (np.repeat(column, len(begins)) for column in known)
    return {
        "side": names(list(run.scenario.sides), side),
        "at": np.tile(begins, known.shape[1]),
        "currency": names(run.fx.currencies, currency),
        "cash_flow": total.ravel(),
    }


def months(run: Run) -> Seconds:
    """The start of the period, and the local beginnings of the months that begin within it."""
    start, end = run.period
    zone = run.window.zone
    found, day = [start], from_instant(start, zone).date()
    while True:
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        begins = local_instant(day, 0, zone)
        if begins >= end:
            return np.array(found, dtype=np.int64)
        found.append(begins)


def _moves(run: Run) -> list[Moves]:
    rows = trade(run)
    found: list[Moves] = []
    for by_payee, sign in ((False, -1), (True, 1)):
        firms, deals = rows.firm(by_payee=by_payee), rows.deals
        own = rows.functional_currency[firms] == rows.currency
        at = rows.credited_at if by_payee else rows.instructed_again_at
        moved = own & (at < NEVER) & (by_payee | (rows.cancelled_at == NEVER))
        found.append((firms[moved], at[moved], sign * rows.amount[moved]))
        mine = deals.by_payee == by_payee
        found.append((firms[deals.obligation[mine]], deals.at[mine], sign * deals.realised_value[mine]))
    back, hedges = rows.sold_back, forwards(run)
    found.append((rows.payer[back.obligation], back.at, back.realised_value))
    closed = hedges.closed_at < NEVER
    found.append((hedges.firm[closed], hedges.closed_at[closed], hedges.result[closed]))
    return found
