"""What banks borrowed, and what their treasuries bought and sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.core.clock import NEVER
from sim.core.currency import interest
from sim.results.columns import ident, instant, label, money, names, optional, real, whole
from sim.results.facts.source import fact, money_of
from sim.scenario.model.facilities import Facility
from sim.scenario.model.kinds import alternatives, kinds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Funding, Records
    from sim.world.world import DrawnWorld

#: What banks borrow from.
_LENDERS: Final = (*kinds(Facility), "pool")


@fact(
    ident("loan_id", "the loan"),
    label("facility", "the facility, or the system in whose pool the money was"),
    label("kind", alternatives([f"`{lender}`" for lender in _LENDERS])),
    label("lender", "the account that lends", of="account"),
    label("account", "the account that borrows", of="account"),
    label("currency", "its currency", of="money"),
    instant("drawn_at", "when it was asked for"),
    instant("received_at", "when the money came; missing if it did not"),
    instant(
        "repaid_at",
        "when it was due back and paid, or went over into another loan; missing if that lies beyond the run",
    ),
    money("amount", "what was lent"),
    money("carried_over", "what of it could not be repaid and went on as another loan"),
    whole("rolled", "how often that has happened to it before"),
    real("rate", "its interest", "share per year"),
    money("interest", "what is owed for it, ACT/365, up to the end of the run if it lasts longer"),
)
def borrowings(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per loan, in the order of the draws."""
    rows, end, scenario = records.loans, world.window.end, world.scenario
    kinds = [facility.kind for facility in scenario.facilities.values()]
    kind = np.array([*map(_LENDERS.index, kinds), *[_LENDERS.index("pool")] * len(scenario.systems)])
    facility = np.where(rows.pool < 0, rows.facility, len(kinds) + rows.pool)
    lasting = np.minimum(rows.repaid_at, end) - np.minimum(rows.received_at, end)
    return {
        **rows._asdict(),
        "loan_id": np.arange(len(rows.amount)),
        "facility": names([*scenario.facilities, *scenario.systems], facility),
        "kind": names(_LENDERS, kind[facility]),
        "currency": money_of(world, rows.account),
        "received_at": _in_time(rows.received_at, end),
        "repaid_at": _in_time(rows.repaid_at, end),
        "interest": interest(rows.amount.astype(np.float64) * lasting, rows.rate),
    }


@fact(
    label("treasury", "whose"),
    label("account", "the account that it keeps funded", of="account"),
    instant("decided_at", "when it saw what was needed; what is sold leaves the account then"),
    instant("dealt_at", "when it dealt"),
    instant("delivered_at", "when the money came or went; missing if that lies beyond the run"),
    money("amount", "what it bought, or sold if negative", of="currency of the account"),
    label(
        "against",
        "the currency that it paid with or was paid in; missing where it has no market",
        of="currency",
    ),
    money("mid_value", "what that was worth at mid", of="against"),
    money("realised_value", "what it really paid or was paid", of="against"),
)
def funding(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per deal of a treasury, in the order of the decisions."""
    rows, plans = records.funding, world.network.funding
    treasuries, known = list(world.scenario.treasuries), world.fx.currencies
    treasury = np.array([treasuries.index(plan.treasury) for plan in plans], dtype=np.int64)
    dealt = [-1 if plan.dealing is None else known.index(plan.dealing.against) for plan in plans]
    against = np.array(dealt, dtype=np.int64)[rows.plan]
    return {
        **rows._asdict(),
        "treasury": names(treasuries, treasury[rows.plan]),
        "delivered_at": _in_time(rows.delivered_at, world.window.end),
        "against": against,
        "mid_value": optional(_values(world, rows, against, priced=False)),
        "realised_value": optional(_values(world, rows, against, priced=True)),
    }


def _values(
    world: DrawnWorld, rows: Funding, against: NDArray[np.int64], *, priced: bool
) -> NDArray[np.int64]:
    """Value of each deal, with the market's half spread or without; −1 where there is no market."""
    found = np.full(len(rows.amount), -1, dtype=np.int64)
    dealt = np.flatnonzero(against >= 0)
    dealings = [plan.dealing for plan in world.network.funding]
    half = np.array([0.0 if dealing is None else dealing.half_spread for dealing in dealings])
    sign = np.sign(rows.amount[dealt])
    factor = 1.0 + sign * half[rows.plan[dealt]] if priced else 1.0
    currency = np.array([world.fx.index(code) for code in world.network.accounts.currency], dtype=np.int64)
    found[dealt] = world.fx.convert(
        np.abs(rows.amount[dealt]),
        currency[rows.account[dealt]],
        against[dealt],
        rows.dealt_at[dealt],
        factor=factor,
    )
    return found


def _in_time(at: Seconds, end: int) -> Seconds:
    """Instants before the end of the run, NEVER for the others."""
    return np.where(at < end, at, NEVER)
