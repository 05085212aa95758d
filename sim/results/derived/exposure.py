"""A firm is exposed from the invoice until it has exchanged the foreign currency, and not a moment longer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.core.clock import DAY, NEVER, Seconds, from_instant, to_instant
from sim.results.columns import instant, instants, label, money, names
from sim.results.derived.hedges import forward_spans, forwards
from sim.results.derived.spans import (
    KINDS,
    Spans,
    joined,
    net_open_position,
    open_spans,
    outstanding,
    portions,
)
from sim.results.derived.trade import TRADE, trade
from sim.results.registry import derived, shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.results.run import Run

#: Days to the due date up to which an obligation counts in each bucket; `overdue` once the due date has passed.
BUCKETS: Final = {"overdue": 0, "7d": 7, "30d": 30, "90d": 90, "later": None}

_PARTS: Final = (
    money("receivable", "what is owed to them and not credited"),
    money("payable", "what they owe and have not exchanged or taken from cash"),
    money("cash", "what they were credited and have neither sold nor spent"),
    money("forwards", "bought forward, less sold"),
    money("net_open_position", "receivable − payable + cash + forwards"),
)


@shared
def spans(run: Run) -> Spans:
    """What all firms are owed and owe in foreign currency, and the forwards behind part of it."""
    rows = trade(run)
    return joined(open_spans(rows, portions(run)), forward_spans(rows, forwards(run)))


@derived(
    instant("at", "a local midnight of the period"),
    label("side", "the economy"),
    label("currency", "the foreign currency"),
    *_PARTS,
    money("net_open_position_reporting", "the position at mid", of="reporting"),
    needs=TRADE,
)
def exposure(run: Run) -> pd.DataFrame:
    """One row per day, side and currency: what makes up the net open position of its firms.

    A firm is exposed to an obligation in a foreign currency from `invoiced_at` until it has converted, part by part. A
    payable counts until the currency for it is bought or taken from cash; a receivable until it is credited, then as
    cash until that is sold or spent (what is sold before the credit counts no more). A firm's own functional currency
    is no exposure. Days are the local midnights of the period, both ends included.
    """
    reporting = run.fx.index(run.currency)
    parts = []
    for head, at, currency, mine in _groups(run):
        totals = {
            name: outstanding(mine.since[here], mine.until[here], mine.amount[here], at)
            for name, here in zip(KINDS, (mine.kind == kind for kind in range(len(KINDS))), strict=True)
        }
        net = net_open_position(totals)
        value = run.fx.convert(net, currency, reporting, at)
        parts.append(head.assign(**totals, net_open_position=net, net_open_position_reporting=value))
    return pd.concat(parts, ignore_index=True)


@derived(
    instant("at", "a local midnight of the period"),
    label("side", "the economy"),
    label("currency", "the foreign currency"),
    label(
        "bucket",
        "the time left to the due date: `overdue`, `7d`, `30d`, `90d` (each beyond the one before), `later`",
    ),
    money("receivable", "what is owed to them"),
    money("payable", "what they owe"),
    money("receivable_reporting", "the same at mid", of="reporting"),
    money("payable_reporting", "the same at mid", of="reporting"),
    needs=TRADE,
)
def maturities(run: Run) -> pd.DataFrame:
    """One row per day, side, currency and time left: receivables and payables by what is left to their due date.

    `overdue`: the due date has passed; `7d`: at most 7 days are left; `30d`, `90d`: more than in the bucket before and
    at most 30 or 90; `later`: more. Over the buckets they add up to those of `exposure`.
    """
    reporting, parts = run.fx.index(run.currency), []
    for head, at, currency, mine in _groups(run):
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
                f"{name}_reporting": run.fx.convert(total, currency, reporting, at)
                for name, total in totals.items()
            }
            parts.append(head.assign(bucket=bucket, **totals, **values))
    table = pd.concat(parts, ignore_index=True)
    table["bucket"] = pd.Categorical(table["bucket"], categories=pd.Index(list(BUCKETS), dtype="str"))
    return table


def _groups(run: Run) -> Iterator[tuple[pd.DataFrame, Seconds, int, Spans]]:
    """Of each side's foreign currencies: instant, side and currency as columns; the instants; number; spans.

    At least one group, so that a table has its columns when nobody trades; that one has no rows.
    """
    rows, fx, all_spans = trade(run), run.fx, spans(run)
    sides = list(run.scenario.sides)
    held = rows.side[all_spans.firm]
    groups = [
        (side, int(currency))
        for side, declared in enumerate(run.scenario.sides.values())
        for currency in np.unique(rows.currency)
        if currency != fx.index(declared.functional_currency)
    ]
    at = daily(run) if groups else daily(run)[:0]
    for side, currency in groups or [(-1, -1)]:
        head = pd.DataFrame(
            {
                "at": instants(at),
                "side": names(sides, np.full(len(at), side)),
                "currency": names(fx.currencies, np.full(len(at), currency)),
            }
        )
        mine = np.flatnonzero((held == side) & (all_spans.currency == currency))
        yield head, at, currency, Spans(*(column[mine] for column in all_spans))


def daily(run: Run) -> Seconds:
    """When exposure is told: daily at one local time from the start of the period to its end, both included."""
    start, end = run.period
    first = from_instant(start, run.window.zone).replace(tzinfo=None)
    count = (end - start) // DAY + 2
    at = [to_instant(first + timedelta(days=k), run.window.zone) for k in range(count)]
    return np.array([instant for instant in at if instant <= end], dtype=np.int64)


@derived(
    instant("at", "from when on it holds"),
    label("firm", "the firm"),
    label("currency", "the foreign currency"),
    *_PARTS,
    needs=TRADE,
)
def positions(run: Run) -> dict[str, Any]:
    """One row per firm, currency and instant at which its position changed, with what it was from then on.

    By firm, currency, instant, up to the end of the run; before a firm's first row of a currency it is zero.
    """
    found, end = spans(run), run.window.end
    firm, currency, kind = (np.tile(column, 2) for column in (found.firm, found.currency, found.kind))
    at = np.concatenate([found.since, found.until])
    change = np.concatenate([found.amount, -found.amount])
    # A span of no length would tell two changes that cancel out.
    real = np.flatnonzero((at < end) & np.tile(found.since < found.until, 2))
    order = real[np.lexsort((at[real], currency[real], firm[real]))]
    firm, currency, kind, at, change = (column[order] for column in (firm, currency, kind, at, change))
    holder = firm * len(run.fx.currencies) + currency
    last = _ends(holder, at)
    first_of_holder = np.flatnonzero(np.concatenate([[True], holder[1:] != holder[:-1]])[: len(holder)])
    lengths = np.diff(np.append(first_of_holder, len(holder)))
    totals = {}
    for number, name in enumerate(KINDS):
        running = np.cumsum(np.where(kind == number, change, 0))
        before = np.concatenate([[0], running])[first_of_holder]
        totals[name] = (running - np.repeat(before, lengths))[last]
    return {
        "at": at[last],
        "firm": names(run["firms"]["firm"], firm[last]),
        "currency": names(run.fx.currencies, currency[last]),
        **totals,
        "net_open_position": net_open_position(totals),
    }


def _ends(holder: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The last of the rows of one holder and instant."""
    differs = (holder[1:] != holder[:-1]) | (at[1:] != at[:-1])
    return np.flatnonzero(np.append(differs, True)[: len(holder)])
