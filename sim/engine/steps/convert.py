"""A firm that pays or is paid in a foreign currency deals at a market, half the spread away from mid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER
from sim.engine.records import Conversions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.scenario.model.network import Convert
    from sim.world.build import World
    from sim.world.roles import Roles


class _Desk(NamedTuple):
    """Where firms of one functional currency deal in one foreign currency."""

    market: int
    hours: OpeningHours
    delivery: int
    half_spread: float


class ConvertStep:
    """Firms wait for the market's opening, deal, and have the currency after its delivery time."""

    def __init__(self, declared: Convert, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        del roles, draws  # every step is made alike
        self._by_payee = declared.by == "payee"
        self._world = world
        self._desks: dict[tuple[int, int], _Desk] = {}

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`; a payee's sale takes place after the credit and delays nothing."""
        world = self._world
        obligations = world.obligations
        parties = obligations.payee if self._by_payee else obligations.payer
        firms = parties[world.payments.obligation[rows]]
        out = at.copy()
        groups = world.firms.group[firms]
        currencies = world.payments.currency[rows]
        functional = world.functional_currency[firms]
        foreign = np.flatnonzero(functional != currencies)
        keys = groups[foreign] * len(world.fx.currencies) + currencies[foreign]
        for key in np.unique(keys):
            mine = foreign[keys == key]
            group, currency = divmod(int(key), len(world.fx.currencies))
            desk = self._desk(group, currency)
            deal = desk.hours.next_open(at[mine])
            out[mine] = np.where(deal < NEVER, deal + desk.delivery, NEVER)
            if log is not None:
                if not self._by_payee:
                    log.delays.spend_shut(rows[mine], at[mine], deal, desk.hours)
                    log.delays.spend(rows[mine], deal, out[mine], "fx")
                self._report(rows[mine], firms[mine], deal, desk, log)
        return out

    def exchanges(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether there is anything to exchange: the payment is not in the firm's functional currency."""
        parties = self._world.obligations.payee if self._by_payee else self._world.obligations.payer
        firms = parties[self._world.payments.obligation[rows]]
        return np.not_equal(self._world.functional_currency[firms], self._world.payments.currency[rows])

    def _desk(self, group: int, currency: int) -> _Desk:
        if (group, currency) not in self._desks:
            self._desks[group, currency] = self._find_desk(group, currency)
        return self._desks[group, currency]

    def _find_desk(self, group: int, currency: int) -> _Desk:
        scenario = self._world.scenario
        side = scenario.sides[scenario.firms[self._world.firms.groups[group]].side]
        wanted = {self._world.fx.currencies[currency], side.functional_currency}
        numbers = {name: number for number, name in enumerate(scenario.markets)}
        for name in side.markets:
            market = scenario.markets[name]
            for pair, quote in market.pairs.items():
                if set(pair.split("/")) == wanted:
                    hours = self._world.openings.hours(market.hours, ("market", name))
                    return _Desk(numbers[name], hours, market.delivery, float(quote.spread_bps) / 20_000)
        raise AssertionError("the checks of the scenario leave no pair without a market")

    def _report(self, rows: Rows, firms: NDArray[np.int64], deal: Seconds, desk: _Desk, log: Log) -> None:
        done = deal < log.end
        rows, firms, deal = rows[done], firms[done], deal[done]
        fx, payments = self._world.fx, self._world.payments
        currency, amount = payments.currency[rows], payments.amount[rows]
        functional = self._world.functional_currency[firms]
        # The payer buys above mid, the payee sells below it.
        factor = 1.0 - desk.half_spread if self._by_payee else 1.0 + desk.half_spread
        log.convert(
            Conversions(
                payment=rows,
                obligation=payments.obligation[rows],
                by_payee=np.full(len(rows), self._by_payee),
                firm=firms,
                matched=np.zeros(len(rows), dtype=np.bool_),
                market=np.full(len(rows), desk.market, dtype=np.int64),
                vehicle=np.full(len(rows), -1, dtype=np.int64),
                vehicle_market=np.full(len(rows), -1, dtype=np.int64),
                at=deal,
                currency=currency,
                amount=amount,
                functional_currency=functional,
                counter_amount=fx.convert(amount, currency, functional, deal, factor=factor),
                mid_amount=fx.convert(amount, currency, functional, deal),
            )
        )
