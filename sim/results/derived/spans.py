"""What firms hold or owe in foreign currency is open from one instant to another; positions are sums of such spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.core.clock import NEVER, Seconds
from sim.core.currency import Amounts
from sim.results.derived.trade import trade
from sim.results.registry import shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sim.results.derived.trade import Trade
    from sim.results.run import Run

#: What a position is made of, in the order of the columns that tell it.
KINDS = ("receivable", "payable", "cash", "forwards")


class Portions(NamedTuple):
    """One row per part of an obligation that a bearer exchanged at one instant, and one for the rest.

    In order of obligation, payer before payee, instant; `exchanged_at` is NEVER for what was not exchanged.
    `open_until` is that, or when the payment was cancelled, if that was earlier. Amounts of the rows of an
    obligation and bearer add up to the obligation's.
    """

    obligation: NDArray[np.int64]
    by_payee: NDArray[np.bool_]
    firm: NDArray[np.int64]
    amount: Amounts
    exchanged_at: Seconds
    open_until: Seconds


class Spans(NamedTuple):
    """One row per amount of foreign currency that counts in a firm's position in `[since, until)`.

    `kind` is the place in `KINDS`; forwards sold are negative. `due_at` is the obligation's.
    """

    firm: NDArray[np.int64]
    currency: NDArray[np.int64]
    kind: NDArray[np.int64]
    amount: Amounts
    since: Seconds
    until: Seconds
    due_at: Seconds


@shared
def portions(run: Run) -> Portions:
    """How each bearer of an obligation in foreign currency came to exchange it, part by part."""
    rows = trade(run)
    found = []
    for by_payee in (False, True):
        firms, mine = rows.firm(by_payee=by_payee), rows.deals.by_payee == by_payee
        foreign = rows.functional_currency[firms] != rows.currency
        dealt = rows.deals.obligation[mine]
        rest = rows.amount.copy()
        np.subtract.at(rest, dealt, rows.deals.amount[mine])
        left = np.flatnonzero(foreign & (rest > 0))
        which = np.concatenate([dealt, left])
        at = np.concatenate([rows.deals.at[mine], np.full(len(left), NEVER)])
        amount = np.concatenate([rows.deals.amount[mine], rest[left]])
        until = np.minimum(at, rows.cancelled_at[which])
        found.append(Portions(which, np.full(len(which), by_payee), firms[which], amount, at, until))
    columns: tuple[Any, ...] = tuple(np.concatenate(parts) for parts in zip(*found, strict=True))
    told = Portions(*columns)
    order = np.lexsort((told.exchanged_at, told.by_payee, told.obligation))
    return Portions(*(column[order] for column in columns))


def open_spans(rows: Trade, parts: Portions) -> Spans:
    """Receivables, payables and cash of all firms, without forwards.

    A payable is open until the currency for it is bought or taken from cash; a receivable until it is credited,
    and cash from then on until it is sold or spent. What is sold before the credit is open no more. Where a payment
    is cancelled nothing is owed any more, and what the payer had bought for it is cash until it is sold back.
    """
    invoiced, due = rows.invoiced_at[parts.obligation], rows.due_at[parts.obligation]
    credited = rows.credited_at[parts.obligation]
    until = parts.open_until
    payable, receivable = np.flatnonzero(~parts.by_payee), np.flatnonzero(parts.by_payee)
    cash = receivable[credited[receivable] < until[receivable]]
    until_credit = np.minimum(until, credited)

    def of(kind: str, chosen: NDArray[np.intp], since: Seconds, until: Seconds) -> Spans:
        return Spans(
            firm=parts.firm[chosen],
            currency=rows.currency[parts.obligation[chosen]],
            kind=np.full(len(chosen), KINDS.index(kind)),
            amount=parts.amount[chosen],
            since=since[chosen],
            until=until[chosen],
            due_at=due[chosen],
        )

    return joined(
        of("receivable", receivable, invoiced, until_credit),
        of("payable", payable, invoiced, until),
        of("cash", cash, credited, until),
        _came_back(rows),
    )


def _came_back(rows: Trade) -> Spans:
    """What payers hold after a cancellation: until each part is sold, and the rest on to the end."""
    deals, since = rows.sold_back, rows.cancelled_at
    foreign = rows.functional_currency[rows.payer] != rows.currency
    left = np.where(foreign & (since < NEVER), rows.amount, 0)
    np.subtract.at(left, deals.obligation, deals.amount)
    rest = np.flatnonzero(left)
    number = np.concatenate([deals.obligation, rest])
    return Spans(
        firm=rows.payer[number],
        currency=rows.currency[number],
        kind=np.full(len(number), KINDS.index("cash")),
        amount=np.concatenate([deals.amount, left[rest]]),
        since=since[number],
        until=np.concatenate([deals.at, np.full(len(rest), NEVER)]),
        due_at=rows.due_at[number],
    )


def joined(*many: Spans) -> Spans:
    """All rows of several lists of spans."""
    return Spans(*(np.concatenate(columns) for columns in zip(*many, strict=True)))


def outstanding(since: Seconds, until: Seconds, amount: Amounts, at: Seconds) -> Amounts:
    """Sum of the amounts open at each instant of `at`, which are sorted; exactly."""
    change = np.zeros(len(at) + 1, dtype=np.int64)
    np.add.at(change, np.searchsorted(at, since, side="left"), amount)
    np.subtract.at(change, np.searchsorted(at, np.maximum(until, since), side="left"), amount)
    return np.cumsum(change)[:-1]


def net_open_position(totals: Mapping[str, Amounts]) -> Amounts:
    """Receivables − payables + cash + forwards bought − forwards sold, of totals by kind."""
    return totals["receivable"] - totals["payable"] + totals["cash"] + totals["forwards"]
