"""Who trades, what they owe each other, and what became of the payments that discharge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.core.causes import PLACES, REASONS
from sim.core.clock import NEVER
from sim.engine.records import Conversions, joined_rows, some_rows
from sim.results.columns import (
    flag,
    ident,
    instant,
    label,
    local_date,
    looked_up,
    money,
    names,
    optional,
    real,
    seconds_of,
    text,
    whole,
)
from sim.results.facts.source import fact, firm_sides
from sim.scenario.demands import origins
from sim.scenario.model.steps import moves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.world.world import DrawnWorld

#: How a payment stands at the end of the run; `returned` is one that came back, or is on its way, for another try.
STATUSES: Final = ("settled", "pending", "returned", "cancelled")


@fact(
    text("firm", "the firm"),
    label("group", "the group that it was declared in", of="group"),
    label("side", "the economy that it belongs to", of="side"),
    label("city", "where it is"),
    label("bank", "its bank", of="bank"),
    label("functional_currency", "the currency in which it counts", of="currency"),
    real("size", "its weight in the trade of its group", "relative"),
)
def firms(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per firm."""
    del records
    found = world.firms
    return {
        "firm": found.labels,
        "group": found.group,
        "side": firm_sides(world),
        "city": pd.Categorical(found.city),
        "bank": found.bank,
        "functional_currency": world.functional_currency,
        "size": found.size,
    }


@fact(
    ident(
        "obligation_id",
        "the obligation: flow, month and number, or loan or project, number of the contract and of the due",
        source="obligation",
        of="obligation",
    ),
    label("flow", "the flow, loan or project that it comes from"),
    label("kind", "`trade`, `loan` or `project`"),
    label("term", "the payment term, or the part of a loan or project"),
    label("payer", "who owes", of="firm"),
    label("payee", "who is owed", of="firm"),
    label("payer_side", "the payer's economy", of="side"),
    label("payee_side", "the payee's economy", of="side"),
    label("currency", "the currency of the invoice", of="currency"),
    money("amount", "what is owed"),
    instant("invoiced_at", "when it arose"),
    instant("due_at", "when it is to be paid"),
)
def obligations(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per obligation of the run, in order of invoicing, those due after its end among them.

    An obligation has the same name in every run in which it occurs, whatever stretch of time that run simulates.
    """
    del records
    rows, sides = world.obligations, firm_sides(world)
    sources, scenario = origins(world.scenario), world.scenario
    kinds = ("trade", "loan", "project")
    sections = (scenario.flows, scenario.loans, scenario.projects)
    kind = np.repeat(range(len(kinds)), [len(section) for section in sections])
    known = [source.term_names for source in sources.values()]
    terms = list(dict.fromkeys(name for found in known for name in found))
    # A term number counts within its flow; the table needs one list of names for all of them.
    width = max((len(found) for found in known), default=1)
    lookup = np.zeros((max(len(known), 1), width), dtype=np.int64)
    for place, found in enumerate(known):
        lookup[place, : len(found)] = [terms.index(name) for name in found]
    return {
        "obligation": np.arange(len(rows)),
        "flow": names(list(sources), rows.flow),
        "kind": names(kinds, looked_up(kind, rows.flow)),
        "term": names(terms, np.where(rows.flow < 0, -1, lookup[rows.flow, rows.term])),
        "payer": rows.payer,
        "payee": rows.payee,
        "payer_side": sides[rows.payer],
        "payee_side": sides[rows.payee],
        "currency": rows.currency,
        "amount": rows.amount,
        "invoiced_at": rows.invoiced_at,
        "due_at": rows.due_at,
    }


@fact(
    ident("payment_id", "the payment", of="payment"),
    ident(
        "obligation_id",
        "what it discharges; missing for payments of the user's own",
        source="obligation",
        of="obligation",
    ),
    label("flow", "the flow, loan or project that it comes from"),
    label("route", "the way that it took", of="route"),
    label("system", "the last system on that way", of="system"),
    label("payer", "who pays", of="firm"),
    label("payee", "who is paid", of="firm"),
    label("payer_side", "the payer's economy", of="side"),
    label("payee_side", "the payee's economy", of="side"),
    label("payer_bank", "the payer's bank", of="bank"),
    label("payee_bank", "the payee's bank", of="bank"),
    label("currency", "its currency", of="currency"),
    money("amount", "what is paid"),
    whole("priority", "its rank in queues that look at it: higher goes first, 1 or more is urgent"),
    instant("due_at", "when it is due"),
    instant("instructed_at", "when it was ordered for the first time"),
    instant(
        "accepted_at", "when the payer's bank took it in; missing where the route promises no value date"
    ),
    local_date("value_date", "the day for which it was accepted, in the calendar of the cut-off's zone"),
    flag("value_missed", "it was ready to settle only after the end of the business day of its value date"),
    flag("same_day", "it was promised for the day of its acceptance"),
    flag("automatic", "the payee's bank credits it without hands; known once it comes to that"),
    instant("settled_at", "when it moved in the last system on its way; missing if it has not"),
    instant("credited_at", "when the payee had the money; missing if it has not"),
    whole("attempts", "how often it was ordered"),
    label("status", "`settled`, `pending`, `returned` (sent back, and to be ordered again) or `cancelled`"),
    flag("counted", "it fell due within the period"),
)
def payments(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per payment that was ordered in the run."""
    rows, obligations, window = world.payments, world.obligations, world.window
    payer, payee = (looked_up(column, rows.obligation) for column in (obligations.payer, obligations.payee))
    sides = firm_sides(world)
    last_system = [
        [step.system for step in route.steps if moves(step)][-1] for route in world.routes.values()
    ]
    numbers = np.array([world.network.systems.index(name) for name in last_system], dtype=np.int64)
    return {
        "payment_id": np.arange(len(rows)),
        "obligation": rows.obligation,
        "flow": names(list(origins(world.scenario)), looked_up(obligations.flow, rows.obligation)),
        "route": rows.route,
        "system": numbers[rows.route],
        "payer": payer,
        "payee": payee,
        "payer_side": looked_up(sides, payer),
        "payee_side": looked_up(sides, payee),
        "payer_bank": rows.payer_bank,
        "payee_bank": rows.payee_bank,
        "currency": rows.currency,
        "amount": rows.amount,
        "priority": rows.priority,
        "due_at": rows.due_at,
        "instructed_at": rows.instructed_at,
        "accepted_at": records.accepted_at,
        "value_date": records.value_date,
        "value_missed": records.value_missed,
        "same_day": records.same_day,
        "automatic": records.automatic,
        "settled_at": records.settled_at,
        "credited_at": records.credited_at,
        "attempts": records.attempts,
        "status": names(STATUSES, _status(records)),
        "counted": (rows.due_at >= window.period_start) & (rows.due_at < window.period_end),
    }


def _status(records: Records) -> NDArray[np.int64]:
    ended = [records.credited_at < NEVER, records.cancelled_at < NEVER, records.sent_back]
    return np.select(
        ended, [STATUSES.index(name) for name in ("settled", "cancelled", "returned")], default=1
    )


@fact(
    ident("payment_id", "the payment", source="payment", of="payment"),
    whole("attempt", "which of its orders it was"),
    whole("step", "the step of the route; missing for an attempt that came back"),
    label("place", "where it was: " + ", ".join(f"`{place}`" for place in PLACES)),
    label("system", "which system, where it was in one", of="system"),
    instant("began_at", "when it came there"),
    instant("ended_at", "when it went on, or the end of the run"),
    *(seconds_of(f"{reason}_seconds", f"how long by reason: {word}") for reason, word in REASONS.items()),
)
def steps(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per payment, attempt, step of its route and place, in this order; per attempt that came back, only one.

    The rows of a payment follow one upon the other without a gap, from `instructed_at` to `credited_at` or to the end
    of the run, and the seconds of all reasons add up to the length of a row. A payment that only passes a step (where
    there is nothing to exchange, nobody reviews it, or one bank would pay itself) has no row there, nor has what
    follows the credit; one that comes and goes on at once has a row of no length. An attempt that came back lasts until
    the next instruction, or to the end.
    """
    del world
    rows = records.stays
    return {
        **rows._asdict(),
        "step": optional(rows.step),
        "place": names(PLACES, rows.place),
        **{f"{reason}_seconds": rows.seconds[:, number] for number, reason in enumerate(REASONS)},
    }


@fact(
    ident("payment_id", "the payment", source="payment", of="payment"),
    whole("attempt", "which of its orders it was"),
    whole("step", "the step of the route at which it was sent back"),
    label("bank", "who sent it back", of="bank"),
    label("currency", "its currency", of="currency"),
    money("amount", "what it pays"),
    instant("instructed_at", "when the attempt that failed was ordered"),
    instant("sent_back_at", "when it was sent back"),
    instant("returned_at", "when the money was with the payer's bank again; missing if it was not in time"),
    instant("instructed_again_at", "when it was ordered once more; missing if it was not"),
)
def returns(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per attempt that was sent back, by instant: by whom, when the money was back, and what followed."""
    rows, paid = records.returns, world.payments
    return {
        **rows._asdict(),
        "currency": paid.currency[rows.payment],
        "amount": paid.amount[rows.payment],
    }


@fact(
    ident(
        "payment_id", "the payment; missing where none was ordered in the run", source="payment", of="payment"
    ),
    ident("obligation_id", "what was exchanged for", source="obligation", of="obligation"),
    label("bearer", "whose exchange it is: `payer` or `payee`", of="bearer", source="by_payee"),
    label("firm", "that firm", of="firm"),
    label("side", "its economy", of="side"),
    label(
        "kind", "`market`, `matched` with foreign cash of the firm's own, or `sold_back` after a cancellation"
    ),
    label("market", "where it was dealt; missing if it was matched", of="market"),
    label("vehicle", "the currency that it was crossed through; missing if it was not", of="currency"),
    label("vehicle_market", "where the second deal of a cross was made", of="market"),
    instant("converted_at", "when it was dealt", source="at"),
    label("currency", "the currency of the obligation", of="currency"),
    money("amount", "how much of it"),
    label("functional_currency", "the firm's own currency", of="currency"),
    money("mid_value", "what that was worth at mid", of="functional_currency", source="mid_amount"),
    money(
        "realised_value",
        "what was really paid or received for it",
        of="functional_currency",
        source="counter_amount",
    ),
)
def conversions(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per part of an obligation that a bearer exchanged at one instant, and per part that was sold back.

    By instant. Of an amount of which b was exchanged before by the same bearer, a part a is worth V(b + a) − V(b), with
    V rounded to whole minor units: so parts at one rate add up exactly to the whole.
    """
    rows, sold_back = records.conversions, records.sold_back
    kind = np.concatenate([rows.matched.astype(np.int64), np.full(len(sold_back.at), 2)])
    rows = joined_rows(Conversions, [rows, sold_back])
    order = np.argsort(rows.at, kind="stable")
    rows, kind = some_rows(rows, order), kind[order]
    return {
        **rows._asdict(),
        "by_payee": rows.by_payee.astype(np.int64),
        "side": firm_sides(world)[rows.firm],
        "kind": names(["market", "matched", "sold_back"], kind),
    }


@fact(
    ident("payment_id", "the payment", source="payment", of="payment"),
    whole("attempt", "which of its orders it was"),
    whole("step", "the step of the route that asked for it"),
    label("kind", "the kind of that step"),
    label("firm", "who was charged", of="firm"),
    instant("charged_at", "when", source="at"),
    label("currency", "the currency of the charge", of="currency"),
    money("amount", "the charge"),
)
def fees(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per charge."""
    rows, routes = records.fees, list(world.routes.values())
    kinds = sorted({step.kind for route in routes for step in route.steps})
    width = max((len(route.steps) for route in routes), default=1)
    lookup = np.zeros((max(len(routes), 1), width), dtype=np.int64)
    for place, route in enumerate(routes):
        lookup[place, : len(route.steps)] = [kinds.index(step.kind) for step in route.steps]
    kind = names(kinds, lookup[world.payments.route[rows.payment], rows.step])
    return {**rows._asdict(), "kind": kind}


@fact(
    ident("payment_id", "the payment", source="payment", of="payment"),
    whole("attempt", "which of its orders it was"),
    whole("step", "the step of the route"),
    label("bank", "whose desk it came to", of="bank"),
    label("desk", "that desk", of="desk", source="bank"),
    instant("arrived_at", "when the case came"),
    instant("began_at", "when somebody took it up; missing if nobody did"),
    instant("ended_at", "when it was decided; missing if it was not"),
    seconds_of("work_seconds", "the work that it takes, in the desk's hours", source="work"),
    flag("sent_back", "the desk sent the payment back"),
)
def reviews(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per review by a person, by instant of arrival."""
    del world
    return records.reviews._asdict()
