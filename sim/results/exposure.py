"""A firm is exposed from the invoice until it has exchanged the foreign currency, and not a moment longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import DAY, NEVER, Seconds
from sim.results.instants import instants
from sim.results.tables import firm_sides, names, payment_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.engine.records import Records
    from sim.world.build import World


def bearers(world: World) -> list[tuple[str, NDArray[np.int64], int]]:
    """The two parties of every obligation: name, firm numbers, and the sign of what they hold of it."""
    return [("payer", world.obligations.payer, -1), ("payee", world.obligations.payee, 1)]


def converted_at(world: World, records: Records, *, by_payee: bool) -> Seconds:
    """Instant of the party's deal by obligation number, NEVER where there was none."""
    found = np.full(len(world.obligations), NEVER)
    rows = records.conversions
    mine = rows.by_payee == by_payee
    found[world.payments.obligation[rows.payment[mine]]] = rows.at[mine]
    return found


def grid(world: World) -> Seconds:
    """When exposure is told: daily from the start of the period to its end, both included."""
    window = world.window
    return np.arange(window.period_start, window.period_end + 1, DAY, dtype=np.int64)


def exposure_table(world: World, records: Records) -> pd.DataFrame:
    """Receivables, payables and net open position by day, side and currency.

    Minor units of the currency; `net_open_position` = receivable − payable, and the same at mid in the
    scenario's reporting currency. A firm's own functional currency is no exposure. An obligation counts in
    `[invoiced_at, converted_at)`.
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
                rows = np.flatnonzero((sides[firms] == side) & (world.obligations.currency == currency))
                until = converted_at(world, records, by_payee=name == "payee")[rows]
                columns[name] = _outstanding(
                    world.obligations.invoiced_at[rows], until, world.obligations.amount[rows], at
                )
            parts.append(_part(world, at, side, int(currency), columns["payee"], columns["payer"]))
    return pd.concat(parts, ignore_index=True) if parts else _part(world, at[:0], 0, 0, at[:0], at[:0])


def _outstanding(since: Seconds, until: Seconds, amount: Amounts, at: Seconds) -> Amounts:
    """Sum of the amounts open at each instant, exactly."""
    change = np.zeros(len(at) + 1, dtype=np.int64)
    np.add.at(change, np.searchsorted(at, since, side="left"), amount)
    np.subtract.at(change, np.searchsorted(at, until, side="left"), amount)
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
    at mid at t, and s = 1 for a receivable, −1 for a payable:

    - `contract` = s · (V(due) − V(invoiced)),
    - `clearing` = s · (V(converted) − V(due)),
    - `spread`   = s · (realised value − V(converted)),
    - `hedge`    = 0 (there are no hedges).

    The parts are differences, so they add up to `total` = s · (realised value − V(invoiced)) exactly. Where
    the conversion has not happened by the end of the run, `realised` is false and V(converted) and the
    realised value are those at mid at its last instant.
    """
    parts = [_bearer_results(world, records, name, firms, sign) for name, firms, sign in bearers(world)]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["obligation_id", "bearer"], kind="stable", ignore_index=True)


def _bearer_results(
    world: World, records: Records, name: str, firms: NDArray[np.int64], sign: int
) -> pd.DataFrame:
    obligations, fx = world.obligations, world.fx
    functional = world.functional_currency[firms]
    payment = np.full(len(obligations), -1, dtype=np.int64)
    known = np.flatnonzero(world.payments.obligation >= 0)
    payment[world.payments.obligation[known]] = known
    rows = np.flatnonzero((functional != obligations.currency) & (payment >= 0))
    deal = np.full(len(obligations), -1, dtype=np.int64)
    mine = np.flatnonzero(records.conversions.by_payee == (name == "payee"))
    deal[world.payments.obligation[records.conversions.payment[mine]]] = mine
    deal = deal[rows]
    realised = deal >= 0
    amount, currency, target = obligations.amount[rows], obligations.currency[rows], functional[rows]

    def value(at: Seconds) -> Amounts:
        return fx.convert(amount, currency, target, at)

    booked, due = value(obligations.invoiced_at[rows]), value(obligations.due_at[rows])
    mid = value(np.full(len(rows), world.window.end - 1))
    actual = mid.copy()
    mid[realised] = records.conversions.mid_amount[deal[realised]]
    actual[realised] = records.conversions.counter_amount[deal[realised]]
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
        }
    )
