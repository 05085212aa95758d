"""What banks borrowed, what their treasuries bought and sold, and what funded their accounts for a session."""

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


#: Who funds an account: a treasury by a deal, or another account as a session begins, which gets back what is left.
_FUNDERS: Final = ("deal", "session", "back")


@fact(
    label("kind", alternatives([f"`{kind}`" for kind in _FUNDERS])),
    label("treasury", "whose deal it is; missing for money between accounts"),
    label("account", "the account that is kept funded", of="account"),
    label(
        "source_account",
        "the account that paid, or got back what was left; missing for a deal",
        of="account",
        source="source",
    ),
    instant("decided_at", "when it was seen what was needed; what is sold leaves the account then"),
    instant("dealt_at", "when it was dealt or moved"),
    instant("delivered_at", "when the money came or went; missing if that lies beyond the run"),
    money(
        "amount", "what was bought, or sold if negative; moved, or moved back", of="currency of the account"
    ),
    label(
        "against",
        "the currency that it paid with or was paid in; missing where it has no market",
        of="currency",
    ),
    money("mid_value", "what that was worth at mid", of="against"),
    money("realised_value", "what it really paid or was paid", of="against"),
    real("rate", "what the money moved costs until `charged_until`; 0 for a deal", "share per year"),
    instant("charged_until", "the end of the session that was funded; missing for all but `session`"),
)
def funding(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per deal of a treasury, and per movement between an account and the one from which it is funded.

    | kind | what happened |
    | --- | --- |
    | `deal` | a treasury bought or sold |
    | `session` | an account got what it lacked as a session began, or the rest of it later |
    | `back` | what was left at the end of a session went back |

    Rows are in the order of the decisions, those of one instant by kind.
    """
    deals, moved = _deals(world, records), _moved(world, records)
    joined = {name: np.concatenate([deals[name], moved[name]]) for name in deals}
    order = np.argsort(joined["decided_at"], kind="stable")
    found: dict[str, Any] = {name: column[order] for name, column in joined.items()}
    treasuries = list(world.scenario.treasuries)
    return {
        **found,
        "kind": names(_FUNDERS, found["kind"]),
        "treasury": names(treasuries, found["treasury"]),
        "mid_value": optional(found["mid_value"]),
        "realised_value": optional(found["realised_value"]),
    }


def _moved(world: DrawnWorld, records: Records) -> dict[str, NDArray[Any]]:
    """What moved between accounts as sessions began and ended, in numbers."""
    rows, plans = records.session_funding, world.network.session_funding
    plan = {funding.account: number for number, funding in enumerate(plans)}
    of = np.array([plan[account] for account in rows.account.tolist()], dtype=np.int64)
    ends = np.full(len(of), NEVER)
    for number, funding in enumerate(plans):
        mine = np.flatnonzero((of == number) & (rows.amount > 0))
        later = np.searchsorted(funding.ends, rows.at[mine], side="right")
        ends[mine] = np.append(np.array(funding.ends, dtype=np.int64), world.window.end)[later]
    nothing = np.full(len(of), -1)
    back = rows.amount < 0
    return {
        "kind": np.where(back, _FUNDERS.index("back"), _FUNDERS.index("session")),
        "treasury": nothing,
        "account": rows.account,
        "source": rows.source,
        "decided_at": rows.at,
        "dealt_at": rows.at,
        "delivered_at": rows.at,
        "amount": rows.amount,
        "against": nothing,
        "mid_value": nothing,
        "realised_value": nothing,
        "rate": np.where(back, 0.0, np.array([funding.rate for funding in plans] + [0.0])[of]),
        "charged_until": np.where(back, NEVER, np.minimum(ends, world.window.end)),
    }


def _deals(world: DrawnWorld, records: Records) -> dict[str, NDArray[Any]]:
    """What treasuries bought and sold, in numbers."""
    rows, plans = records.funding, world.network.funding
    treasuries, known = list(world.scenario.treasuries), world.fx.currencies
    treasury = np.array([treasuries.index(plan.treasury) for plan in plans], dtype=np.int64)
    dealt = [-1 if plan.dealing is None else known.index(plan.dealing.against) for plan in plans]
    against = np.array(dealt, dtype=np.int64)[rows.plan]
    count = len(rows.amount)
    return {
        "kind": np.full(count, _FUNDERS.index("deal")),
        "treasury": treasury[rows.plan],
        "account": rows.account,
        "source": np.full(count, -1),
        "decided_at": rows.decided_at,
        "dealt_at": rows.dealt_at,
        "delivered_at": _in_time(rows.delivered_at, world.window.end),
        "amount": rows.amount,
        "against": against,
        "mid_value": _values(world, rows, against, priced=False),
        "realised_value": _values(world, rows, against, priced=True),
        "rate": np.zeros(count),
        "charged_until": np.full(count, NEVER),
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
