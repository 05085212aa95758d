"""The facts of a run as tables that an outsider can read: names for numbers, instants in UTC, minor units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.core.causes import CAUSES
from sim.core.clock import NEVER
from sim.core.currency import to_minor
from sim.core.releasers import RELEASERS
from sim.results.clearing import clearings_table
from sim.results.columns import firm_sides, looked_up, names, optional, payment_ids
from sim.results.deals import conversions_table, fees_table
from sim.results.instants import instants
from sim.results.standstills import STATES, standstills
from sim.scenario.demands import origins
from sim.scenario.model.credit import Loan, Project
from sim.scenario.model.steps import moves
from sim.scenario.topology import books
from sim.world.schedules import term_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.scenario.demands import Origin
    from sim.world.world import DrawnWorld


#: How a payment stands at the end of the run; `returned` is one that came back, or is on its way, for another try.
STATUSES: Final = ("settled", "pending", "returned", "cancelled")
#: Which way money moved for a payment.
WAYS: Final = ("payment", "return")


def fact_tables(world: DrawnWorld, records: Records) -> dict[str, pd.DataFrame]:
    """Every fact of the run by table name; what the measures are computed from."""
    return {
        "firms": _firms(world),
        "accounts": _accounts(world, records),
        "obligations": _obligations(world),
        "payments": _payments(world, records),
        "conversions": conversions_table(world, records),
        "fees": fees_table(world, records),
        "transfers": _transfers(world, records),
        "postings": _postings(world, records),
        "systems": _systems(world, records),
        "offsettings": _offsettings(world, records),
        "shifts": _shifts(world, records),
        "clearings": clearings_table(world, records),
        "fx": _fx(world),
    }


def _firms(world: DrawnWorld) -> pd.DataFrame:
    firms = world.firms
    return pd.DataFrame(
        {
            "firm": firms.labels,
            "group": names(firms.groups, firms.group),
            "side": names(list(world.scenario.sides), firm_sides(world)),
            "city": pd.Categorical(firms.city),
            "bank": names(world.network.banks, firms.bank),
            "functional_currency": names(world.fx.currencies, world.functional_currency),
            "size": firms.size,
        }
    )


def _accounts(world: DrawnWorld, records: Records) -> pd.DataFrame:
    accounts = world.network.accounts
    return pd.DataFrame(
        {
            "account": accounts.labels,
            "holder": accounts.holder,
            "servicer": pd.Series(accounts.servicer, dtype="str"),
            "system": accounts.system,
            "currency": accounts.currency,
            "floor": accounts.lowest,
            **_prices(world),
            "opening_balance": accounts.opening,
            "closing_balance": records.closing,
        }
    )


def _prices(world: DrawnWorld) -> dict[str, NDArray[Any]]:
    """By account: what it may overdraw free of charge (minor units), and rates per year of credit and holding."""
    count, kept = len(world.network.accounts), books(world.scenario)
    credit = np.zeros(count, dtype=np.int64)
    rates = {name: np.zeros(count) for name in ("intraday_rate", "overnight_rate", "holding_rate")}
    for number, account in enumerate(world.scenario.accounts):
        system, used = kept[account.system], account.intraday_credit
        credit[number] = to_minor(account.credit, system.currency)
        held = system.holding_rate if account.holding_rate is None else account.holding_rate
        rates["holding_rate"][number] = float(held)
        if used is not None:
            rates["intraday_rate"][number] = float(used.rate)
            overnight = used.rate if used.overnight_rate is None else used.overnight_rate
            rates["overnight_rate"][number] = float(overnight)
    return {"credit": credit, **rates}


def _obligations(world: DrawnWorld) -> pd.DataFrame:
    rows, sides = world.obligations, firm_sides(world)
    side_names = list(world.scenario.sides)
    sources = origins(world.scenario)
    kinds = ("trade", "loan", "project")
    kind = [kinds.index(_kind(source)) for source in sources.values()]
    known = [term_names(source) for source in sources.values()]
    terms = list(dict.fromkeys(name for found in known for name in found))
    # A term number counts within its flow; the table needs one list of names for all of them.
    width = max((len(found) for found in known), default=1)
    lookup = np.zeros((max(len(known), 1), width), dtype=np.int64)
    for number, found in enumerate(known):
        lookup[number, : len(found)] = [terms.index(name) for name in found]
    return pd.DataFrame(
        {
            "obligation_id": np.arange(len(rows)),
            "flow": names(list(sources), rows.flow),
            "kind": names(kinds, np.array(kind, dtype=np.int64)[rows.flow]),
            "term": names(terms, lookup[rows.flow, rows.term]),
            "payer": names(world.firms.labels, rows.payer),
            "payee": names(world.firms.labels, rows.payee),
            "payer_side": names(side_names, sides[rows.payer]),
            "payee_side": names(side_names, sides[rows.payee]),
            "currency": names(world.fx.currencies, rows.currency),
            "amount": rows.amount,
            "invoiced_at": instants(rows.invoiced_at),
            "due_at": instants(rows.due_at),
        }
    )


def _kind(source: Origin) -> str:
    match source:
        case Loan():
            return "loan"
        case Project():
            return "project"
        case _:
            return "trade"


def _payments(world: DrawnWorld, records: Records) -> pd.DataFrame:
    rows, obligations, window = world.payments, world.obligations, world.window
    payer, payee = (
        looked_up(obligations.payer, rows.obligation),
        looked_up(obligations.payee, rows.obligation),
    )
    sides, side_names = firm_sides(world), list(world.scenario.sides)
    routes = world.routes
    last_system = [[step.system for step in route.steps if moves(step)][-1] for route in routes.values()]
    numbers = np.array([world.network.systems.index(name) for name in last_system], dtype=np.int64)
    labels = world.firms.labels
    table = {
        "payment_id": payment_ids(world, np.arange(len(rows))),
        "obligation_id": optional(rows.obligation),
        "flow": names(list(origins(world.scenario)), looked_up(obligations.flow, rows.obligation)),
        "route": names(list(routes), rows.route),
        "system": names(world.network.systems, numbers[rows.route]),
        "payer": names(labels, payer),
        "payee": names(labels, payee),
        "payer_side": names(side_names, looked_up(sides, payer)),
        "payee_side": names(side_names, looked_up(sides, payee)),
        "payer_bank": names(world.network.banks, rows.payer_bank),
        "payee_bank": names(world.network.banks, rows.payee_bank),
        "currency": names(world.fx.currencies, rows.currency),
        "amount": rows.amount,
        "priority": rows.priority,
        "due_at": instants(rows.due_at),
        "instructed_at": instants(rows.instructed_at),
        "settled_at": instants(records.settled_at),
        "credited_at": instants(records.credited_at),
        "attempts": records.attempts,
        "status": names(STATUSES, _status(records)),
        "counted": (rows.due_at >= window.period_start) & (rows.due_at < window.period_end),
    }
    table |= {f"{cause}_seconds": records.delays[:, k] for k, cause in enumerate(CAUSES)}
    return pd.DataFrame(table)


def _status(records: Records) -> NDArray[np.int64]:
    ended = [records.credited_at < NEVER, records.cancelled_at < NEVER, records.sent_back]
    return np.select(
        ended, [STATUSES.index(name) for name in ("settled", "cancelled", "returned")], default=1
    )


def _transfers(world: DrawnWorld, records: Records) -> pd.DataFrame:
    rows, accounts = records.submissions, world.network.accounts
    system = np.array(accounts.system_number, dtype=np.int64)
    return pd.DataFrame(
        {
            "payment_id": payment_ids(world, rows.payment),
            **_way(world, rows.journey),
            "step": rows.step,
            "part": rows.part,
            "system": names(world.network.systems, system[rows.debit]),
            "link": names(
                world.network.systems, np.where(system[rows.debit] == rows.system, -1, rows.system)
            ),
            "debit_account": names(accounts.labels, rows.debit),
            "credit_account": names(accounts.labels, rows.credit),
            "amount": rows.amount,
            "submitted_at": instants(rows.submitted_at),
            "settled_at": instants(rows.settled_at),
            "queue_entry": optional(rows.queue_entry),
            "released_by": names(RELEASERS, rows.released_by),
            "released_by_posting": optional(rows.released_by_posting),
        }
    )


def _systems(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """The systems that keep accounts; what moves through a link counts in the systems that it moves money in."""
    kept = books(world.scenario)
    found = [standstills(world, records, name) for name in kept]
    return pd.DataFrame(
        {
            "system": list(kept),
            "kind": [system.kind for system in kept.values()],
            "currency": [system.currency for system in kept.values()],
            **{f"{state}s": [one.episodes[state] for one in found] for state in STATES},
            **{f"{state}_seconds": [one.seconds[state] for one in found] for state in STATES},
        }
    )


def _offsettings(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """Runs of offsetting; the gap is how far the value settled may stay below the optimum, as a share of it."""
    rows = records.offsets
    whole = {
        name: np.array([getattr(row, name) for row in rows], dtype=np.int64)
        for name in (
            "system",
            "at",
            "queued_payments",
            "queued_value",
            "settled_payments",
            "settled_value",
            "bound",
        )
    }
    bound, settled = whole.pop("bound"), whole["settled_value"]
    gap = np.full(len(rows), np.nan)
    np.divide(bound - settled, bound, out=gap, where=bound > 0)
    gap[bound == 0] = 0
    system, at = whole.pop("system"), whole.pop("at")
    return pd.DataFrame(
        {
            "system": pd.Series([world.network.systems[number] for number in system], dtype="str"),
            "offset_at": instants(at),
            "kind": pd.Series([row.kind for row in rows], dtype="str"),
            **whole,
            "bound": optional(bound),
            "gap": gap,
            "status": pd.Series([row.status or None for row in rows], dtype="str"),
        }
    )


def _postings(world: DrawnWorld, records: Records) -> pd.DataFrame:
    rows, accounts = records.journal, world.network.accounts
    labels = accounts.labels
    codes = sorted(set(accounts.currency))
    currency = np.array([codes.index(code) for code in accounts.currency], dtype=np.int64)
    return pd.DataFrame(
        {
            "posting_id": np.arange(len(rows.at)),
            "batch": rows.batch,
            "posted_at": instants(rows.at),
            "payment_id": payment_ids(world, rows.payment),
            **_way(world, rows.journey),
            "step": optional(rows.step),
            "part": optional(rows.part),
            "debit_account": names(labels, rows.debit),
            "credit_account": names(labels, rows.credit),
            "currency": names(codes, currency[rows.debit]),
            "amount": rows.amount,
        }
    )


def _way(world: DrawnWorld, journey: NDArray[np.int64]) -> dict[str, Any]:
    """Which attempt at a payment moved money, and whether there or back; nothing for −1."""
    journeys = world.journeys
    back = (journeys.back_from >= 0).astype(np.int64)
    return {
        "attempt": optional(looked_up(journeys.attempt, journey)),
        "kind": names(WAYS, looked_up(back, journey)),
    }


def _shifts(world: DrawnWorld, records: Records) -> pd.DataFrame:
    rows, accounts = records.shifts, world.network.accounts
    return pd.DataFrame(
        {
            "at": instants(rows.at),
            "account": names(accounts.labels, rows.account),
            "currency": pd.Series([accounts.currency[k] for k in rows.account.tolist()], dtype="str"),
            "amount": rows.amount,
            "moved": rows.moved,
        }
    )


def _fx(world: DrawnWorld) -> pd.DataFrame:
    fx = world.fx
    days, width = fx.per_usd.shape
    return pd.DataFrame(
        {
            "valid_from": instants(np.repeat(fx.day_starts, width)),
            "currency": names(fx.currencies, np.tile(np.arange(width), days)),
            "per_usd": fx.per_usd.ravel(),
        }
    )
