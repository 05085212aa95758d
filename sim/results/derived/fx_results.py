"""Who gained and who lost by exchange rates, and to what every minor unit of it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import NEVER, Seconds
from sim.core.currency import Amounts, minor_digits
from sim.core.rates import exchanged_before, part_value
from sim.results.columns import flag, ident, instant, instants, label, money, names, places, whole
from sim.results.derived.fx_causes import FX_CAUSES, changes
from sim.results.derived.hedges import forwards, results_by_bearer
from sim.results.derived.trade import TRADE, trade
from sim.results.registry import derived, shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.results.derived.trade import Trade
    from sim.results.run import Run

#: Upper limits of the classes of size, in major units of the reporting currency at the due date.
SIZES: Final = {"below 10k": 1e4, "10k to 100k": 1e5, "100k to 1m": 1e6, "1m and more": np.inf}
#: What the results are told by, beside the side of the firm that bears them.
DIMENSIONS: Final = ("side", "flow", "group", "size", "route", "currency")
TOLD: Final = (*FX_CAUSES, "total")

_OWN: Final = "functional_currency"
_MEANINGS: Final = {
    "contract": "from the invoice to the due date",
    "instruction": "from the due date to a later order",
    "returned": "what a return did to the rate, and what it left of an exchange for nothing",
    "clearing": "from the order to the exchange",
    "spread": "what the market asked beside mid",
    "hedge": "the results of its forwards",
    "total": "the sum of all causes",
}


@derived(
    ident("obligation_id", "the obligation"),
    ident("payment_id", "its payment"),
    label("bearer", "who bears the result: `payer` or `payee`"),
    label("firm", "that firm"),
    label("side", "its economy"),
    label("currency", "the currency of the obligation"),
    money("amount", "what is owed"),
    label("functional_currency", "the firm's own currency"),
    money("booked_value", "the amount at mid on invoice", of=_OWN),
    money("due_value", "at mid when due, or when ordered if that was earlier", of=_OWN),
    money("instructed_value", "at mid of the order, or of the exchange if that was earlier", of=_OWN),
    money("instructed_again_value", "at mid of the last order, if that came before the exchange", of=_OWN),
    money("mid_value", "at mid of the exchange", of=_OWN),
    money("realised_value", "what was really paid or received", of=_OWN),
    money(
        "final_value", "what is left of that in the end; the same unless the payment was cancelled", of=_OWN
    ),
    *(money(cause, _MEANINGS[cause], of=_OWN) for cause in TOLD),
    flag("realised", "all of it was exchanged by the end of the run"),
    instant("converted_at", "when the last part was exchanged; missing if not all was"),
    needs=TRADE,
)
def fx_results(run: Run) -> pd.DataFrame:
    """One row per bearer of each obligation in a foreign currency whose payment was ordered, gains positive.

    For a party whose functional currency is not the invoice's, let V(t) be the rounded value of the amount in the
    functional currency at mid, c the instant of exchange, o = min(instructed, c) that of the order, d = min(due, o), r
    that of the last attempt if that came before c (o otherwise), s = +1 for the payee and −1 for the payer. Then

        contract    = s · (V(d) − V(invoiced))
        instruction = s · (V(o) − V(d))
        returned    = s · (V(r) − V(o)) + s · (final value − amount really paid or received)
        clearing    = s · (V(c) − V(r))
        spread      = s · (amount really paid or received − V(c))
        hedge       = sum of `result` of the obligation's and party's rows of `hedges`

    All but the hedge add up to s · (final value − V(invoiced)), `total` is that and the hedge. The final value is what
    was really paid or received, unless the payment was cancelled, so that nothing is owed: then it is V(invoiced) + what
    was paid − what the currency was sold for again, and `total` is what the exchange there and back has cost; a payee,
    who exchanged nothing, ends at V(invoiced) and has no result. Of such a payee c is the instant at which the money was
    back (`returned_at` of the payment's last row in `returns`), so that `clearing` ends and `returned` takes back what
    the claim was worth at that date's mid; `realised` is false and `converted_at` missing. What a payer has not sold
    again by the end of the run is valued at the mid of the last instant. An order on the due date or before it has no
    `instruction`: what an early one avoids is not told, since it never came about. A payer converts when its payment
    reaches the market, or earlier where its group's `exchange` says so, a payee after the credit. What is not converted
    by the end of the run has `realised` false and is valued at the mid of the last instant.

    An obligation may be exchanged in parts, each a row of `conversions`; the formulas are applied to each part and
    summed.
    """
    rows = trade(run)
    parts = [_of_bearer(run, rows, by_payee=by_payee) for by_payee in (False, True)]
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["obligation_id", "bearer"], kind="stable", ignore_index=True)
    return table.assign(obligation_id=run["obligations"]["obligation_id"].array[table["obligation_id"]])


class _Exchanged(NamedTuple):
    """Sums over the parts of each obligation, by obligation number; `at` is the last part's instant.

    `worth` holds the valuations after the first, by column.
    """

    worth: dict[str, Amounts]
    at: Seconds
    realised: NDArray[np.bool_]


def _of_bearer(run: Run, rows: Trade, *, by_payee: bool) -> pd.DataFrame:
    fx, firms, sign = run.fx, rows.firm(by_payee=by_payee), 1 if by_payee else -1
    functional = rows.functional_currency[firms]
    foreign = (functional != rows.currency) & (rows.payment >= 0)
    chosen = np.flatnonzero(foreign)
    amount, currency, target = rows.amount[chosen], rows.currency[chosen], functional[chosen]
    booked = fx.convert(amount, currency, target, rows.invoiced_at[chosen])
    done = _exchanged(run, rows, foreign, functional, by_payee=by_payee)
    values = {"booked_value": booked} | {column: value[chosen] for column, value in done.worth.items()}
    undone = _undone(run, rows, functional, done, by_payee=by_payee)
    values["final_value"] = values["realised_value"] + np.where(
        undone.cancelled[chosen], booked - undone.proceeds[chosen], 0
    )
    realised, at = (done.realised & undone.over)[chosen], np.maximum(done.at, undone.at)[chosen]
    hedge = results_by_bearer(forwards(run), chosen, by_payee=by_payee)
    return pd.DataFrame(
        {
            "obligation_id": chosen,
            "payment_id": run["payments"]["payment_id"].array[rows.payment[chosen]],
            "bearer": names(["payer", "payee"], np.full(len(chosen), int(by_payee))),
            "firm": names(run["firms"]["firm"], firms[chosen]),
            "side": names(list(run.scenario.sides), rows.side[firms[chosen]]),
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
    run: Run, rows: Trade, chosen: NDArray[np.bool_], functional: NDArray[np.int64], *, by_payee: bool
) -> _Exchanged:
    """What the parts of the obligations `chosen` add up to, the rest exchanged at mid when nothing more happens."""
    deals = rows.deals
    mine = np.flatnonzero((deals.by_payee == by_payee) & chosen[deals.obligation])
    dealt = _summed(deals.obligation[mine], deals.amount[mine], len(rows))
    rest = np.flatnonzero(chosen & (dealt < rows.amount))
    number = np.concatenate([deals.obligation[mine], rest])
    earlier = exchanged_before(deals.obligation, deals.by_payee, deals.amount)
    before = np.concatenate([earlier[mine], dealt[rest]])
    amount = np.concatenate([deals.amount[mine], (rows.amount - dealt)[rest]])
    last = np.minimum(rows.cancelled_at, run.window.end - 1)
    at = np.concatenate([deals.at[mine], last[rest]])

    def value(part: slice, at: Seconds) -> Amounts:
        currencies = rows.currency[number[part]], functional[number[part]]
        return part_value(run.fx, before[part], amount[part], *currencies, at[part])

    at_end = value(slice(len(mine), None), at)
    first, again = rows.instructed_at[number], rows.instructed_again_at[number]
    # What was exchanged before the last attempt was not held up by what happened before that.
    again = np.where(again <= at, again, first)
    due, instructed, again, _ = _in_turn(rows.due_at[number], first, again, at)
    parts = {
        "due_value": value(slice(None), due),
        "instructed_value": value(slice(None), instructed),
        "instructed_again_value": value(slice(None), again),
        "mid_value": np.concatenate([deals.mid_value[mine], at_end]),
        "realised_value": np.concatenate([deals.realised_value[mine], at_end]),
    }
    return _Exchanged(
        worth={name: _summed(number, column, len(rows)) for name, column in parts.items()},
        at=_latest(number, at, len(rows)),
        realised=dealt == rows.amount,
    )


def _in_turn(*at: Seconds) -> NDArray[np.int64]:
    """Instants, a row of each: none later than those after it, as what was done is not done again later."""
    return np.minimum.accumulate(np.stack(at)[::-1], axis=0)[::-1]


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
    run: Run, rows: Trade, functional: NDArray[np.int64], done: _Exchanged, *, by_payee: bool
) -> _Undone:
    deals, count, cancelled = rows.sold_back, len(rows), rows.cancelled_at < NEVER
    if by_payee:
        return _Undone(
            cancelled, done.worth["realised_value"], np.ones(count, np.bool_), np.zeros(count, np.int64)
        )
    sold = _summed(deals.obligation, deals.amount, count)
    rest = np.flatnonzero(cancelled & (sold < rows.amount))
    left = part_value(
        run.fx,
        sold[rest],
        (rows.amount - sold)[rest],
        rows.currency[rest],
        functional[rest],
        np.full(len(rest), run.window.end - 1),
    )
    proceeds = _summed(deals.obligation, deals.realised_value, count) + _summed(rest, left, count)
    over = ~cancelled | (sold == rows.amount)
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


@derived(
    label(
        "dimension",
        "what the results are told by: `side`, `flow`, `group` of the firm, `size`, `route`, `currency`",
    ),
    label("value", "which of those"),
    label("side", "the economy of the firms that bear them"),
    whole("results", "how many rows of `fx_results` they are", "results"),
    money("value_due", "their obligations at mid when due", of="reporting"),
    *(money(cause, _MEANINGS[cause], of="reporting") for cause in TOLD),
    needs=("fx", "firms", "payments", "fx_results"),
)
def fx_result_by(run: Run) -> pd.DataFrame:
    """One row per dimension, value and side: realised FX results of obligations due in the period, gains positive.

    Each result is valued at mid at its last exchange; sizes are those of the obligation at mid when due. Over the values
    of a dimension all columns add up to the same.
    """
    results, parts = counted_results(run), []
    for dimension in DIMENSIONS:
        keys = [results[dimension].rename("value"), results["side"].rename("of")]
        grouped = results.groupby(keys, sort=True, observed=True)
        part = grouped[["value_due", *TOLD]].sum()
        part.insert(0, "results", grouped.size())
        part.index.names = ["value", "side"]
        part = part.reset_index().assign(dimension=dimension)
        parts.append(part.astype({"value": "str", "side": "str"}))
    table = pd.concat(parts, ignore_index=True)
    return table[["dimension", "value", "side", "results", "value_due", *TOLD]]


@shared
def counted_results(run: Run) -> pd.DataFrame:
    """Realised rows of `fx_results` of payments due in the period, their causes in the reporting currency."""
    payments, firms = run["payments"], run["firms"]
    counted = payments[payments["counted"]].set_index("payment_id")
    results = run["fx_results"]
    results = results[results["realised"] & results["payment_id"].isin(counted.index)].copy()
    of = counted.loc[results["payment_id"]]
    for cause in TOLD:
        results[cause] = run.value(results[cause], results["functional_currency"], results["converted_at"])
    due = of["due_at"].set_axis(results.index)
    results["value_due"] = run.value(results["amount"], results["currency"], due)
    results["flow"] = of["flow"].array
    results["route"] = of["route"].array
    results["group"] = firms["group"].array[places(firms["firm"], results["firm"])]
    limits = np.array(list(SIZES.values())[:-1]) * 10 ** minor_digits(run.currency)
    results["size"] = names(list(SIZES), np.searchsorted(limits, results["value_due"], side="right"))
    return results
