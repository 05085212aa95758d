"""A firm is exposed from the invoice until it has exchanged the foreign currency, and not a moment longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import DAY, NEVER, Seconds
from sim.core.currency import Amounts
from sim.core.rates import exchanged_before, part_value
from sim.results.book import FirmBooks, open_book
from sim.results.columns import firm_sides, names, payment_ids
from sim.results.fx_causes import changes
from sim.results.hedges import results_by_bearer
from sim.results.instants import instants
from sim.results.spans import KINDS, Spans, by_obligation, cancelled_at, net_open_position, outstanding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.world.world import DrawnWorld


#: Days to the due date up to which an obligation counts in each bucket; `overdue` once the due date has passed.
BUCKETS: Final = {"overdue": 0, "7d": 7, "30d": 30, "90d": 90, "later": None}


def grid(world: DrawnWorld) -> Seconds:
    """When exposure is told: daily from the start of the period to its end, both included."""
    window = world.window
    return np.arange(window.period_start, window.period_end + 1, DAY, dtype=np.int64)


def exposure_table(world: DrawnWorld, records: Records, book: FirmBooks | None = None) -> pd.DataFrame:
    """What makes up the net open position by day, side and currency.

    Minor units of the currency; `net_open_position` = receivable − payable + cash + forwards, and the same at mid
    in the scenario's reporting currency. A firm's own functional currency is no exposure. An obligation counts in
    `[invoiced_at, converted_at)`, part by part: a payee's as receivable until the credit and as cash from then
    on. Forwards bought are positive, those sold negative. `book` is that of the same run, if it is open already.
    """
    book = book or open_book(world, records)
    reporting = world.fx.index(world.scenario.reporting_currency)
    parts = []
    for head, at, currency, mine in _groups(world, book):
        totals = {
            name: outstanding(mine.since[here], mine.until[here], mine.amount[here], at)
            for name, here in zip(KINDS, (mine.kind == kind for kind in range(len(KINDS))), strict=True)
        }
        net = net_open_position(totals)
        value = world.fx.convert(net, currency, reporting, at)
        parts.append(head.assign(**totals, net_open_position=net, net_open_position_reporting=value))
    return pd.concat(parts, ignore_index=True)


def maturities_table(world: DrawnWorld, book: FirmBooks) -> pd.DataFrame:
    """Receivables and payables by time left to the due date, by day, side and currency.

    Minor units, and the same at mid in the reporting currency. `overdue`: the due date has passed; `7d`: at most 7
    days are left; `30d`, `90d`: more than in the bucket before and at most 30 or 90; `later`: more. Over the
    buckets they add up to those of `exposure`.
    """
    parts = []
    reporting = world.fx.index(world.scenario.reporting_currency)
    for head, at, currency, mine in _groups(world, book):
        # An obligation is in a bucket from the instant at which so many days are left.
        enters = mine.due_at + 1
        leaves = np.full(len(mine.until), NEVER)
        for bucket, days in BUCKETS.items():
            if bucket != "overdue":
                leaves = enters
                enters = np.full(len(leaves), -NEVER) if days is None else mine.due_at - days * DAY
            since, until = np.maximum(mine.since, enters), np.minimum(mine.until, leaves)
            totals = {
                name: outstanding(since[here], until[here], mine.amount[here], at)
                for name, here in zip(KINDS[:2], (mine.kind == 0, mine.kind == 1), strict=True)
            }
            values = {
                f"{name}_reporting": world.fx.convert(total, currency, reporting, at)
                for name, total in totals.items()
            }
            parts.append(head.assign(bucket=bucket, **totals, **values))
    table = pd.concat(parts, ignore_index=True)
    table["bucket"] = pd.Categorical(table["bucket"], categories=pd.Index(list(BUCKETS), dtype="str"))
    return table


def _groups(world: DrawnWorld, book: FirmBooks) -> Iterator[tuple[pd.DataFrame, Seconds, int, Spans]]:
    """Of each side's foreign currencies: instant, side and currency as columns; the instants; number; spans.

    At least one group, so that a table has its columns when nobody trades; that one has no rows.
    """
    sides, side_names = firm_sides(world), list(world.scenario.sides)
    held = sides[book.spans.firm]
    groups = [
        (side, int(currency))
        for side, name in enumerate(side_names)
        for currency in np.unique(world.obligations.currency)
        if currency != world.fx.index(world.scenario.sides[name].functional_currency)
    ]
    for side, currency in groups or [(-1, -1)]:
        at = grid(world) if groups else grid(world)[:0]
        head = pd.DataFrame(
            {
                "at": instants(at),
                "side": names(side_names, np.full(len(at), side)),
                "currency": names(world.fx.currencies, np.full(len(at), currency)),
            }
        )
        mine = (held == side) & (book.spans.currency == currency)
        yield head, at, currency, Spans(*(column[mine] for column in book.spans))


def bearers(world: DrawnWorld) -> list[tuple[str, NDArray[np.int64], int]]:
    """The two parties of every obligation: name, firm numbers, and the sign of what they hold of it."""
    return [("payer", world.obligations.payer, -1), ("payee", world.obligations.payee, 1)]


def fx_results_table(world: DrawnWorld, records: Records, book: FirmBooks | None = None) -> pd.DataFrame:
    """What exchange rates gained or cost each bearer of each obligation whose payment was ordered, by cause.

    Minor units of the bearer's functional currency, gains positive. With V(t) the rounded value of the amount
    at mid at t, c the instant of exchange, o = min(instructed, c) that of the order, d = min(due, o), r that of the
    last attempt if it came before c (o otherwise), and s = 1 for a receivable, −1 for a payable:

    - `contract`    = s · (V(d) − V(invoiced)),
    - `instruction` = s · (V(o) − V(d)),
    - `returned`    = s · (V(r) − V(o)) + s · (final value − realised value),
    - `clearing`    = s · (V(c) − V(r)),
    - `spread`      = s · (realised value − V(c)),
    - `hedge`       = sum of `result` of the obligation's and bearer's rows of `hedges`.

    All but the last are differences, so they add up to s · (final value − V(invoiced)) exactly; `total` is that
    and the hedge. The final value is the realised one, unless the payment was cancelled and nothing is owed any
    more: then it is V(invoiced) + realised value − what the currency was sold for again, so that `total` is
    what the exchange there and back has cost. What is exchanged in parts has the sum of its parts, each worth
    what it adds to those before it. Where something has not been exchanged by the end of the run, `realised`
    is false and it is exchanged at mid at the last instant, or when the payment was cancelled. `book` is that of
    the same run, if it is open already.
    """
    book = book or open_book(world, records)
    parts = [_bearer_results(world, records, book, name, firms, sign) for name, firms, sign in bearers(world)]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["obligation_id", "bearer"], kind="stable", ignore_index=True)


class _Exchanged(NamedTuple):
    """Sums over the parts of each obligation, by obligation number; `at` is the last part's instant.

    `worth` holds the valuations after the first, by column.
    """

    worth: dict[str, Amounts]
    at: Seconds
    realised: NDArray[np.bool_]


def _bearer_results(
    world: DrawnWorld, records: Records, book: FirmBooks, name: str, firms: NDArray[np.int64], sign: int
) -> pd.DataFrame:
    obligations, fx = world.obligations, world.fx
    functional = world.functional_currency[firms]
    payment = np.full(len(obligations), -1, dtype=np.int64)
    known = np.flatnonzero(world.payments.obligation >= 0)
    payment[world.payments.obligation[known]] = known
    foreign = (functional != obligations.currency) & (payment >= 0)
    rows = np.flatnonzero(foreign)
    amount, currency, target = obligations.amount[rows], obligations.currency[rows], functional[rows]
    booked = fx.convert(amount, currency, target, obligations.invoiced_at[rows])
    done = _exchanged(world, records, foreign, functional, by_payee=name == "payee")
    values = {"booked_value": booked} | {column: value[rows] for column, value in done.worth.items()}
    undone = _undone(world, records, functional, done, by_payee=name == "payee")
    values["final_value"] = values["realised_value"] + np.where(
        undone.cancelled[rows], booked - undone.proceeds[rows], 0
    )
    realised, at = (done.realised & undone.over)[rows], np.maximum(done.at, undone.at)[rows]
    hedge = results_by_bearer(book.forwards, rows, by_payee=name == "payee")
    sides = firm_sides(world)
    return pd.DataFrame(
        {
            "obligation_id": rows,
            "payment_id": payment_ids(world, payment[rows]),
            "bearer": names(["payer", "payee"], np.full(len(rows), 0 if name == "payer" else 1)),
            "firm": names(world.firms.labels, firms[rows]),
            "side": names(list(world.scenario.sides), sides[firms[rows]]),
            "currency": names(fx.currencies, currency),
            "amount": amount,
            "functional_currency": names(fx.currencies, target),
            **values,
            **{cause: sign * change for cause, change in changes(values).items()},
            "hedge": hedge,
            "total": sign * (values["final_value"] - booked) + hedge,
            "realised": realised,
            "converted_at": instants(np.where(realised, at, NEVER)),
        }
    )


def _exchanged(
    world: DrawnWorld,
    records: Records,
    chosen: NDArray[np.bool_],
    functional: NDArray[np.int64],
    *,
    by_payee: bool,
) -> _Exchanged:
    """What the parts of the obligations `chosen` add up to, the rest exchanged at mid when nothing more happens."""
    obligations, deals = world.obligations, records.conversions
    mine = np.flatnonzero((deals.by_payee == by_payee) & chosen[deals.obligation])
    dealt = _summed(deals.obligation[mine], deals.amount[mine], len(obligations))
    rest = np.flatnonzero(chosen & (dealt < obligations.amount))
    number = np.concatenate([deals.obligation[mine], rest])
    before = np.concatenate(
        [exchanged_before(deals.obligation, deals.by_payee, deals.amount)[mine], dealt[rest]]
    )
    amount = np.concatenate([deals.amount[mine], (obligations.amount - dealt)[rest]])
    last = np.minimum(cancelled_at(world, records), world.window.end - 1)
    at = np.concatenate([deals.at[mine], last[rest]])

    def value(part: slice, at: Seconds) -> Amounts:
        currencies = obligations.currency[number[part]], functional[number[part]]
        return part_value(world.fx, before[part], amount[part], *currencies, at[part])

    at_end = value(slice(len(mine), None), at)
    first, again = (
        by_obligation(world, instructed)[number]
        for instructed in (world.payments.instructed_at, records.instructed_at)
    )
    # What was exchanged before the last attempt was not held up by what happened before that.
    again = np.where(again <= at, again, first)
    due, instructed, again, _ = in_turn(obligations.due_at[number], first, again, at)
    parts = {
        "due_value": value(slice(None), due),
        "instructed_value": value(slice(None), instructed),
        "instructed_again_value": value(slice(None), again),
        "mid_value": np.concatenate([deals.mid_amount[mine], at_end]),
        "realised_value": np.concatenate([deals.counter_amount[mine], at_end]),
    }
    return _Exchanged(
        worth={name: _summed(number, column, len(obligations)) for name, column in parts.items()},
        at=_latest(number, at, len(obligations)),
        realised=dealt == obligations.amount,
    )


def in_turn(*instants: Seconds) -> NDArray[np.int64]:
    """Instants, a row of each: none later than those after it, as what was done is not done again later."""
    return np.minimum.accumulate(np.stack(instants)[::-1], axis=0)[::-1]


class _Undone(NamedTuple):
    """What became of obligations whose payment was `cancelled`, by obligation number.

    `proceeds` is what was got for the amount in the end: by the payer, who sells what came back, or nothing more
    than what it was worth to the payee by then. `over` is false while something is still to be sold.
    """

    cancelled: NDArray[np.bool_]
    proceeds: Amounts
    over: NDArray[np.bool_]
    at: Seconds


def _undone(
    world: DrawnWorld, records: Records, functional: NDArray[np.int64], done: _Exchanged, *, by_payee: bool
) -> _Undone:
    obligations, deals = world.obligations, records.sold_back
    count, cancelled = len(obligations), cancelled_at(world, records) < NEVER
    if by_payee:
        return _Undone(
            cancelled, done.worth["realised_value"], np.ones(count, np.bool_), np.zeros(count, np.int64)
        )
    sold = _summed(deals.obligation, deals.amount, count)
    rest = np.flatnonzero(cancelled & (sold < obligations.amount))
    left = part_value(
        world.fx,
        sold[rest],
        (obligations.amount - sold)[rest],
        obligations.currency[rest],
        functional[rest],
        np.full(len(rest), world.window.end - 1),
    )
    proceeds = _summed(deals.obligation, deals.counter_amount, count) + _summed(rest, left, count)
    over = ~cancelled | (sold == obligations.amount)
    return _Undone(cancelled, proceeds, over, _latest(deals.obligation, deals.at, count))


def _summed(number: NDArray[np.int64], amount: Amounts, count: int) -> Amounts:
    """Sums by number, exact in whole units."""
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, number, amount)
    return total


def _latest(number: NDArray[np.int64], at: Seconds, count: int) -> Seconds:
    latest = np.zeros(count, dtype=np.int64)
    np.maximum.at(latest, number, at)
    return latest
