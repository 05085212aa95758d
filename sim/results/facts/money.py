"""Who holds money where, and every movement of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.core.causes import STANDSTILLS
from sim.core.clock import NEVER
from sim.core.currency import to_minor
from sim.core.releasers import RELEASERS
from sim.results.columns import (
    ident,
    instant,
    label,
    looked_up,
    money,
    names,
    optional,
    real,
    seconds_of,
    text,
    whole,
)
from sim.results.facts.source import fact, money_of, system_of
from sim.results.facts.standstills import standstills
from sim.scenario.topology import books

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.world.world import DrawnWorld

#: Which way money moved for a payment.
WAYS: Final = ("payment", "return")


@fact(
    text("account", "the account, `holder@system`"),
    text("holder", "whose money it is"),
    text("servicer", "who keeps it; missing for the market's"),
    text("system", "the system that it belongs to"),
    text("currency", "its currency"),
    money("floor", "the lowest balance that it may have; that of an account without a limit is −2⁶²"),
    money("credit", "what may be overdrawn free of charge"),
    real("intraday_rate", "the price of more than that within a day of the system", "share per year"),
    real("overnight_rate", "the price of it between two days", "share per year"),
    real("holding_rate", "what a balance above zero costs its holder", "share per year"),
    money("opening_balance", "what stood on it as the run began"),
    money("closing_balance", "what stood on it at the end"),
)
def accounts(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per account, with its limit and its prices."""
    found = world.network.accounts
    return {
        "account": found.labels,
        "holder": found.holder,
        "servicer": found.servicer,
        "system": found.system,
        "currency": found.currency,
        "floor": found.lowest,
        **_prices(world),
        "opening_balance": found.opening,
        "closing_balance": records.closing,
    }


def _prices(world: DrawnWorld) -> dict[str, NDArray[Any]]:
    count, kept = len(world.network.accounts), books(world.scenario)
    credit = np.zeros(count, dtype=np.int64)
    rates = {name: np.zeros(count) for name in ("intraday_rate", "overnight_rate", "holding_rate")}
    for place, account in enumerate(world.scenario.accounts):
        system, used = kept[account.system], account.intraday_credit
        credit[place] = to_minor(account.credit, system.currency)
        held = system.holding_rate if account.holding_rate is None else account.holding_rate
        rates["holding_rate"][place] = float(held)
        if used is not None:
            rates["intraday_rate"][place] = float(used.rate)
            overnight = used.rate if used.overnight_rate is None else used.overnight_rate
            rates["overnight_rate"][place] = float(overnight)
    return {"credit": credit, **rates}


_OF_A_PAYMENT: Final = (
    whole("attempt", "which of the payment's orders it was"),
    label("kind", "`payment`, or `return` of one that was sent back"),
)


@fact(
    ident("payment_id", "the payment", source="payment", of="payment"),
    *_OF_A_PAYMENT,
    whole("step", "the step of the route"),
    whole("part", "which part of a payment that was split"),
    label("system", "the system in which money moves", of="system"),
    label(
        "link", "the link that settles it together with another movement; missing if none does", of="system"
    ),
    label("debit_account", "from which account", of="account", source="debit"),
    label("credit_account", "to which account", of="account", source="credit"),
    money("amount", "how much, in the account's currency", of="currency of the accounts"),
    instant("submitted_at", "when the system was asked"),
    instant("settled_at", "when it moved; missing if it has not"),
    whole(
        "queue_entry",
        "its place in the order in which all movements of the run came to wait; missing if it did not",
    ),
    label("released_by", "the last change without which it would still wait; missing if it did not wait"),
    whole("released_by_posting", "of a `credit` or `grant`, the posting that brought the money"),
)
def transfers(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per movement that a payment asked a system for, by instant of submission.

    Of one that waited and settled, `released_by` tells the last change that it needed: `credit` (a payment brought the
    money, or room within a limit), `grant` (other money did: a treasury, a loan, a grant, squaring), `offsetting`,
    `cycle`, `opening`, `renewal` (limits and reservations of a new day), `unheld` (its bank holds back no more), `pace`
    (a throughput rule) or `failure` (of a bank whose payment stood before it). Of a credit or grant,
    `released_by_posting` is the posting without which, and without those after it, there would have been no cover.
    """
    rows = records.submissions
    system = system_of(world, rows.debit)
    return {
        **rows._asdict(),
        **_way(world, rows.journey),
        "system": system,
        "link": np.where(system == rows.system, -1, rows.system),
        "queue_entry": optional(rows.queue_entry),
        "released_by": names(RELEASERS, rows.released_by),
        "released_by_posting": optional(rows.released_by_posting),
    }


@fact(
    ident("posting_id", "the movement"),
    whole("batch", "movements of one batch took effect together"),
    instant("posted_at", "when", source="at"),
    ident("payment_id", "the payment; missing for other money", source="payment", of="payment"),
    *_OF_A_PAYMENT,
    whole("step", "the step of the route"),
    whole("part", "which part of a payment that was split"),
    label("debit_account", "from which account", of="account", source="debit"),
    label("credit_account", "to which account", of="account", source="credit"),
    label("currency", "its currency", of="money"),
    money("amount", "how much"),
)
def postings(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per movement between two accounts, in the order in which they were made.

    They are the whole truth about money: with the opening balances they give every balance at every instant.
    """
    rows = records.journal
    return {
        **rows._asdict(),
        **_way(world, rows.journey),
        "posting_id": np.arange(len(rows.at)),
        "step": optional(rows.step),
        "part": optional(rows.part),
        "currency": money_of(world, rows.debit),
    }


def _way(world: DrawnWorld, journey: NDArray[np.int64]) -> dict[str, Any]:
    """Which attempt at a payment moved money, and whether there or back; nothing for −1."""
    journeys = world.journeys
    back = (journeys.back_from >= 0).astype(np.int64)
    return {
        "attempt": optional(looked_up(journeys.attempt, journey)),
        "kind": names(WAYS, looked_up(back, journey)),
    }


@fact(
    text("system", "the system"),
    text("kind", "its kind"),
    text("currency", "its currency"),
    *(
        whole(f"{state}s", f"how often it fell into a {state}, in the whole run", "episodes")
        for state in STANDSTILLS
    ),
    *(
        seconds_of(f"{state}_seconds", f"how long it was open in a {state}, in the whole run")
        for state in STANDSTILLS
    ),
)
def systems(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per system that keeps accounts; what a link moves counts in the systems in which it moves money."""
    kept = books(world.scenario)
    found = [standstills(world, records, name) for name in kept]
    return {
        "system": list(kept),
        "kind": [system.kind for system in kept.values()],
        "currency": [system.currency for system in kept.values()],
        **{f"{state}s": [one.episodes[state] for one in found] for state in STANDSTILLS},
        **{f"{state}_seconds": [one.seconds[state] for one in found] for state in STANDSTILLS},
    }


@fact(
    text("system", "the system"),
    instant("offset_at", "when"),
    text("kind", "how it looked for what can settle together"),
    whole("queued_payments", "what waited", "payments"),
    money("queued_value", "the value of it", of="currency of the system"),
    whole("settled_payments", "what settled", "payments"),
    money("settled_value", "the value of it", of="currency of the system"),
    money(
        "bound",
        "the most value that any set could have settled, as far as that was proved",
        of="currency of the system",
    ),
    real("gap", "how far the value settled may stay below the optimum, (bound − settled) / bound", "share"),
    text(
        "status",
        "why a search for the optimum ended: `optimal`, `tolerance`, `time_limit`, `failed`; missing for other kinds",
    ),
)
def offsettings(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per run of offsetting that settled something, and per search for the optimum.

    `optimal` has no gap; `tolerance` one that floating point does not resolve; with `time_limit` the search was ended,
    with `failed` the solver gave up. A run never settles less than `multilateral` would.
    """
    rows, systems = records.offsets, world.network.systems
    whole = {
        name: np.array([getattr(row, name) for row in rows], dtype=np.int64)
        for name in ("queued_payments", "queued_value", "settled_payments", "settled_value")
    }
    bound, settled = np.array([row.bound for row in rows], dtype=np.int64), whole["settled_value"]
    gap = np.full(len(rows), np.nan)
    np.divide(bound - settled, bound, out=gap, where=bound > 0)
    gap[bound == 0] = 0
    return {
        "system": [systems[row.system] for row in rows],
        "offset_at": np.array([row.at for row in rows], dtype=np.int64),
        "kind": [row.kind for row in rows],
        **whole,
        "bound": optional(bound),
        "gap": gap,
        "status": [row.status or None for row in rows],
    }


@fact(
    instant("at", "when"),
    label("account", "whose", of="account"),
    text("currency", "the account's currency"),
    money("amount", "what was to be granted, or withdrawn if negative"),
    money("moved", "what was"),
)
def shifts(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per grant of money from outside, or withdrawal of it, that the timeline asks for."""
    rows, kept = records.shifts, world.network.accounts
    return {**rows._asdict(), "currency": [kept.currency[k] for k in rows.account.tolist()]}


@fact(
    text("system", "the clearing account"),
    instant("settled_at", "when"),
    text("debtor", "who pays"),
    text("creditor", "who is paid"),
    text("currency", "the unit of account"),
    money("amount", "what is squared"),
    text("settled_in", "the currency of the payment"),
    money("settled_amount", "what is paid: the value of the amount at mid", of="settled_in"),
)
def clearings(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per payment with which a debtor squares a position in a clearing account."""
    rows, kept, fx = records.clearings, world.network.accounts, world.fx
    systems = [world.network.systems[place] for place in rows.system.tolist()]
    declared = [world.scenario.systems[system].squaring for system in systems]
    squared = [squaring for squaring in declared if squaring is not None]
    currency = [squaring.currency for squaring in squared]
    settled_in = [squaring.settled_in or squaring.currency for squaring in squared]
    own, other = (np.array([fx.index(code) for code in codes], np.int64) for codes in (currency, settled_in))
    return {
        "system": systems,
        "settled_at": rows.at,
        "debtor": [kept.holder[place] for place in rows.debtor.tolist()],
        "creditor": [kept.holder[place] for place in rows.creditor.tolist()],
        "currency": currency,
        "amount": rows.amount,
        "settled_in": settled_in,
        "settled_amount": fx.convert(rows.amount, own, other, rows.at),
    }


@fact(
    label("bank", "whose failure froze it"),
    text("account", "the account"),
    text("currency", "its currency"),
    instant("frozen_at", "since when"),
    money("balance", "what stands on it"),
    money("pending_out", "what was submitted to its system from it and has not settled"),
    money("pending_in", "what was submitted to its system to it and has not settled"),
)
def frozen(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per account that the failure of a bank has frozen."""
    network, kept, rows = world.network, world.network.accounts, records.submissions
    numbers = np.flatnonzero(network.frozen_at < world.window.end)
    failed = dict(zip(network.banks, network.failed_at.tolist(), strict=True))
    parties = [[bank for bank in (kept.holder[k], kept.servicer[k]) if bank in failed] for k in numbers]
    waiting = rows.settled_at >= NEVER
    stuck = {}
    for side, account in (("pending_out", rows.debit), ("pending_in", rows.credit)):
        total = np.zeros(len(kept), dtype=np.int64)
        np.add.at(total, account[waiting], rows.amount[waiting])
        stuck[side] = total[numbers]
    return {
        "bank": pd.Categorical(
            [min(found, key=failed.__getitem__) for found in parties], categories=list(network.banks)
        ),
        "account": [kept.labels[k] for k in numbers],
        "currency": [kept.currency[k] for k in numbers],
        "frozen_at": network.frozen_at[numbers],
        "balance": records.closing[numbers],
        **stuck,
    }
