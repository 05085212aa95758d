"""A firm that pays or is paid in a foreign currency deals at a market, half the spread away from mid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.records import Conversions
from sim.engine.steps.base import KINDS, Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.engine.markets.exchange import Exchange
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.world.markets import QuotePlan
    from sim.world.roles import Roles
    from sim.world.steps import StepPlan
    from sim.world.world import World


class ConvertStep(Step):
    """Firms wait for the market's opening, deal, and have the currency after its delivery time.

    Where nobody's deal depends on another's this is told here, for all payments at once; the `exchange` knows
    the rest.
    """

    def __init__(self, exchange: Exchange, plan: StepPlan, world: World, _roles: Roles) -> None:
        self.by_payee = plan.exchanging == "payee"
        self._exchange = exchange
        self._elsewhere = exchange.payees if self.by_payee else exchange.payers
        self._choices = exchange.choices[self.by_payee]
        self._world = world

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`; a payee's sale takes place after the credit and delays nothing."""
        world = self._world
        obligation = world.payments.obligation[rows]
        parties = world.obligations.payee if self.by_payee else world.obligations.payer
        firms, choice = parties[obligation], self._choices.of[obligation]
        out = at.copy()
        elsewhere = self._elsewhere[obligation]
        here = (choice >= 0) & ~elsewhere
        for number in np.unique(choice[here]).tolist():
            mine = np.flatnonzero(here & (choice == number))
            quote = self._quote(*self._choices.every[number])
            market = world.markets.every[quote.market]
            deal = market.hours.next_open(at[mine])
            out[mine] = np.where(deal < NEVER, deal + market.delivery, NEVER)
            if log is not None:
                if not self.by_payee:
                    log.delays.spend_shut(rows[mine], at[mine], deal, market.hours, np.full(len(deal), NEVER))
                    log.delays.spend(rows[mine], deal, out[mine], "currency")
                self._report(rows[mine], firms[mine], deal, quote, log)
        there = np.flatnonzero(elsewhere)
        if len(there) and not self.by_payee:
            out[there] = self._wait(rows[there], at[there], log)
        elif len(there) and log is not None:
            self._exchange.credited(rows[there], at[there])
        return out

    def _wait(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """When payments have their currency that is dealt elsewhere: until the opening they wait for that."""
        obligation = self._world.payments.obligation[rows]
        scheduled, opened, ready = self._exchange.waits[obligation].T
        out = np.asarray(np.maximum(at, ready))
        if log is not None:
            opened = np.clip(opened, at, out)
            scheduled = np.clip(scheduled, at, opened)
            awaited = self._exchange.awaited[obligation]
            for number in np.unique(awaited[awaited >= 0]).tolist():
                mine = awaited == number
                hours = self._exchange.hours[number]
                log.delays.spend_closed(rows[mine], at[mine], scheduled[mine], hours)
            log.delays.spend(rows, scheduled, opened, "outage")
            log.delays.spend(rows, opened, out, "currency")
        return out

    def charged(self, rows: Rows, at: Seconds, amount: Amounts) -> tuple[Rows, Seconds, Amounts]:
        """See `Step`: what is exchanged, by order at a market."""
        here = self.exchanges(rows)
        elsewhere = self._elsewhere[self._world.payments.obligation[rows]]
        if not elsewhere.any():
            return rows[here], at[here], amount[here]
        if not self.by_payee:
            amount = amount - self._exchange.matched[self._world.payments.obligation[rows]]
            here &= amount > 0
            return rows[here], at[here], amount[here]
        here &= ~elsewhere
        sales = self._exchange.sales_of(rows[elsewhere], at[elsewhere])
        parts = zip((rows[here], at[here], amount[here]), sales, strict=True)
        payment, instant, sold = (np.concatenate(columns) for columns in parts)
        return payment, instant, sold

    def exchanges(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether there is anything to exchange: the payment is not in the firm's functional currency."""
        return np.greater_equal(self._choices.of[self._world.payments.obligation[rows]], 0)

    def _quote(self, group: int, first: int, currency: int) -> QuotePlan:
        """The only quote at which firms of a group that turn to a market first deal in a currency."""
        markets = self._world.markets
        (way,) = markets.ways[self._world.groups[group].side, first, currency]
        (leg,) = way.legs
        return markets.quotes[leg.quote]

    def _report(
        self, rows: Rows, firms: NDArray[np.int64], deal: Seconds, quote: QuotePlan, log: Log
    ) -> None:
        done = deal < log.end
        rows, firms, deal = rows[done], firms[done], deal[done]
        fx, payments = self._world.fx, self._world.payments
        currency, amount = payments.currency[rows], payments.amount[rows]
        functional = self._world.functional_currency[firms]
        # The payer buys above mid, the payee sells below it.
        half = quote.half_spreads(self._world.markets.every[quote.market].hours.value_date(deal))
        factor = 1.0 - half if self.by_payee else 1.0 + half
        log.convert(
            Conversions(
                payment=rows,
                obligation=payments.obligation[rows],
                by_payee=np.full(len(rows), self.by_payee),
                firm=firms,
                matched=np.zeros(len(rows), dtype=np.bool_),
                market=np.full(len(rows), quote.market, dtype=np.int64),
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


KINDS.add(ConvertStep, "convert")
