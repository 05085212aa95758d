"""A firm is exposed from the invoice until it has exchanged the foreign currency, and not a moment longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import DAY, NEVER, Seconds
from sim.core.currency import Amounts
from sim.engine.portions import exchanged_before, part_value
from sim.results.instants import instants
from sim.results.tables import firm_sides, names, payment_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.world.build import World


def bearers(world: World) -> list[tuple[str, NDArray[np.int64], int]]:
    """The two parties of every obligation: name, firm numbers, and the sign of what they hold of it."""
    return [("payer", world.obligations.payer, -1), ("payee", world.obligations.payee, 1)]


def grid(world: World) -> Seconds:
    """When exposure is told: daily from the start of the period to its end, both included."""
    window = world.window
    return np.arange(window.period_start, window.period_end + 1, DAY, dtype=np.int64)


def exposure_table(world: World, records: Records) -> pd.DataFrame:
    """Receivables, payables and net open position by day, side and currency.

    Minor units of the currency; `net_open_position` = receivable − payable, and the same at mid in the
    scenario's reporting currency. A firm's own functional currency is no exposure. An obligation counts in
    `[invoiced_at, converted_at)`, part by part.
    """
    at = grid(world)
    sides, side_names = firm_sides(world), list(world.scenario.sides)
    parts = []
    for side, side_name in enumerate(side_names):
        functional = world.fx.index(world.scenario.sides[side_name].functional_currency)
        for currency in np.unique(world.obligations.currency):
            if currency == functional:
                continue
            columns = {}
            for name, firms, _ in bearers(world):
                mine = (sides[firms] == side) & (world.obligations.currency == currency)
                columns[name] = _outstanding(world, records, mine, at, by_payee=name == "payee")
            parts.append(_part(world, at, side, int(currency), columns["payee"], columns["payer"]))
    return pd.concat(parts, ignore_index=True) if parts else _part(world, at[:0], 0, 0, at[:0], at[:0])


def _outstanding(
    world: World, records: Records, mine: NDArray[np.bool_], at: Seconds, *, by_payee: bool
) -> Amounts:
    """What a party of the obligations `mine` has not exchanged at each instant, exactly."""
    deals, change = records.conversions, np.zeros(len(at) + 1, dtype=np.int64)
    gone = (deals.by_payee == by_payee) & mine[deals.obligation]
    since = world.obligations.invoiced_at[mine]
    np.add.at(change, np.searchsorted(at, since, side="left"), world.obligations.amount[mine])
    np.subtract.at(change, np.searchsorted(at, deals.at[gone], side="left"), deals.amount[gone])
    return np.cumsum(change)[:-1]


def _part(
    world: World, at: Seconds, side: int, currency: int, receivable: Amounts, payable: Amounts
) -> pd.DataFrame:
    reporting = world.fx.index(world.scenario.reporting_currency)
    net = receivable - payable
    return pd.DataFrame(
        {
            "at": instants(at),
            "side": names(list(world.scenario.sides), np.full(len(at), side)),
            "currency": names(world.fx.currencies, np.full(len(at), currency)),
            "receivable": receivable,
            "payable": payable,
            "net_open_position": net,
            "net_open_position_reporting": world.fx.convert(net, currency, reporting, at),
        }
    )


def fx_results_table(world: World, records: Records) -> pd.DataFrame:
    """What exchange rates gained or cost each bearer of each obligation that fell due, by cause.

    Minor units of the bearer's functional currency, gains positive. With V(t) the rounded value of the amount
    at mid at t, c the instant of exchange, and s = 1 for a receivable, −1 for a payable:

    - `contract` = s · (V(min(due, c)) − V(invoiced)),
    - `clearing` = s · (V(c) − V(min(due, c))),
    - `spread`   = s · (realised value − V(c)),
    - `hedge`    = 0 (there are no hedges).

    The parts are differences, so they add up to `total` = s · (realised value − V(invoiced)) exactly. What is
    exchanged in parts has the sum of its parts, each worth what it adds to those before it. Where something
    has not been exchanged by the end of the run, `realised` is false and it is exchanged at mid at the last
    instant.
    """
    parts = [_bearer_results(world, records, name, firms, sign) for name, firms, sign in bearers(world)]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["obligation_id", "bearer"], kind="stable", ignore_index=True)


class _Exchanged(NamedTuple):
    """Sums over the parts of each obligation, by obligation number; `at` is the last part's instant."""

    due: Amounts
    mid: Amounts
    actual: Amounts
    at: Seconds
    realised: NDArray[np.bool_]


def _bearer_results(
    world: World, records: Records, name: str, firms: NDArray[np.int64], sign: int
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
    due, mid, actual, at, realised = (column[rows] for column in done)
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
            "booked_value": booked,
            "due_value": due,
            "mid_value": mid,
            "realised_value": actual,
            "contract": sign * (due - booked),
            "clearing": sign * (mid - due),
            "spread": sign * (actual - mid),
            "hedge": np.zeros(len(rows), dtype=np.int64),
            "total": sign * (actual - booked),
            "realised": realised,
            "converted_at": instants(np.where(realised, at, NEVER)),
        }
    )


def _exchanged(
    world: World,
    records: Records,
    chosen: NDArray[np.bool_],
    functional: NDArray[np.int64],
    *,
    by_payee: bool,
) -> _Exchanged:
    """What the parts of the obligations `chosen` add up to, the rest exchanged at mid at the end of the run."""
    obligations, deals = world.obligations, records.conversions
    mine = np.flatnonzero((deals.by_payee == by_payee) & chosen[deals.obligation])
    dealt = _summed(deals.obligation[mine], deals.amount[mine], len(obligations))
    rest = np.flatnonzero(chosen & (dealt < obligations.amount))
    number = np.concatenate([deals.obligation[mine], rest])
    before = np.concatenate([exchanged_before(deals)[mine], dealt[rest]])
    amount = np.concatenate([deals.amount[mine], (obligations.amount - dealt)[rest]])
    at = np.concatenate([deals.at[mine], np.full(len(rest), world.window.end - 1)])

    def value(part: slice, at: Seconds) -> Amounts:
        currencies = obligations.currency[number[part]], functional[number[part]]
        return part_value(world.fx, before[part], amount[part], *currencies, at[part])

    at_end = value(slice(len(mine), None), at)
    parts = {
        "due": value(slice(None), np.minimum(obligations.due_at[number], at)),
        "mid": np.concatenate([deals.mid_amount[mine], at_end]),
        "actual": np.concatenate([deals.counter_amount[mine], at_end]),
    }
    return _Exchanged(
        **{name: _summed(number, column, len(obligations)) for name, column in parts.items()},
        at=_latest(number, at, len(obligations)),
        realised=dealt == obligations.amount,
    )


def _summed(number: NDArray[np.int64], amount: Amounts, count: int) -> Amounts:
    """Sums by number, exact in whole units."""
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, number, amount)
    return total


def _latest(number: NDArray[np.int64], at: Seconds, count: int) -> Seconds:
    latest = np.zeros(count, dtype=np.int64)
    np.maximum.at(latest, number, at)
    return latest
