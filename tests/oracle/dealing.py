"""What firms pay on the way: the price of the currency that they exchange, and what steps cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import simpy

from oracle.markets import Found, Markets
from oracle.rates import Rates
from oracle.story import Charge, Deal
from oracle.turns import Turn
from sim.core.currency import minor_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.world.groups import GroupPlan

    from oracle.markets import Fill
    from oracle.stage import Stage
    from oracle.story import Payment
    from sim.scenario.model.network import Fee

    Process = Iterator[simpy.Event]


class _Part(NamedTuple):
    """A part of an obligation that was exchanged at a market; or matched, without a fill."""

    at: int
    payment: int
    obligation: int
    by_payee: bool
    amount: int
    fill: Fill | None


class _Lot(NamedTuple):
    """Foreign cash, from the credit of a payment on; `fee` is what a sale of it costs, at a step of an attempt."""

    at: int
    payment: Payment
    place: int
    amount: int


class Dealing:
    """Orders of all firms in the course of time, the foreign cash that they keep, and charges.

    Payers turn to the market before anything is asked of systems and desks at that instant, payees after everything.
    """

    def __init__(self, stage: Stage, payments: list[Payment]) -> None:
        self._stage = stage
        self._world = stage.world
        self._rates = Rates(stage.world.fx)
        self._markets = Markets(stage.world, self._rates)
        self._parts: list[_Part] = []
        self._back: list[_Part] = []
        self.charges: list[Charge] = []
        self._cash: dict[tuple[int, str], list[_Lot]] = {}
        #: What became of payers' orders, by obligation, and the part that was paid in cash.
        self._bought: dict[int, simpy.Event] = {}
        self._matched: Counter[int] = Counter()
        self._payment_of = {payment.obligation: payment for payment in payments}
        self._order_early()
        for group, plan in enumerate(stage.world.groups):
            for at in plan.sold_at:
                stage.env.process(self._cash_sale(group, at))

    def exchanges(self, payment: Payment, firm: int) -> bool:
        """Whether a payment is not in the currency in which a firm keeps its books."""
        return self._own(firm) != payment.currency

    # Payers.

    def buy(self, payment: Payment, place: int, fee: Fee | None) -> Iterator[simpy.Event]:
        """The payer's currency: what became of its order, which may have been given before."""
        came_at = self._stage.env.now
        if payment.obligation not in self._bought:
            self._stage.env.process(self._order(payment.obligation, came_at))
        found: Found = yield self._bought_event(payment.obligation)
        owed = payment.amount - self._matched[payment.obligation]
        if fee is not None and owed:
            self._charge(payment, came_at, place, fee, owed)
        return found

    def _bought_event(self, obligation: int) -> simpy.Event:
        return self._bought.setdefault(obligation, self._stage.env.event())

    def _order_early(self) -> None:
        """Who buys on the due date or at the invoice; those before the run begins are the first of all."""
        rows = self._world.obligations
        early: list[tuple[int, ...]] = []
        for obligation, payer in enumerate(rows.payer.tolist()):
            currency = self._world.fx.currencies[rows.currency[obligation]]
            buys = self._group(payer).buys
            if buys == "on_instruction" or self._own(payer) == currency:
                continue
            payment = self._payment_of.get(obligation)
            at = int(rows.invoiced_at[obligation])
            if buys == "on_due":
                at = int(rows.due_at[obligation])
                at = at if payment is None else min(at, payment.first_instructed_at)
            early.append((at, *self._key(obligation)))
        for at, *_, obligation in sorted(early):
            if at < self._stage.env.now:
                self._give_order(obligation, at)
            else:
                self._bought_event(obligation)
                self._stage.env.process(self._order(obligation, at))

    def _order(self, obligation: int, at: int) -> Process:
        yield from self._stage.turns.at(at, Turn.EXCHANGE, *self._key(obligation))
        self._give_order(obligation, at)

    def _key(self, obligation: int) -> tuple[int, int, int]:
        """Of those who turn to the market at an instant, the first payment goes first, then who has none."""
        payment = self._payment_of.get(obligation)
        return payment is None, -1 if payment is None else payment.number, obligation

    def _give_order(self, obligation: int, at: int) -> None:
        """Pay with the oldest cash, and buy the rest."""
        rows = self._world.obligations
        payer, amount = int(rows.payer[obligation]), int(rows.amount[obligation])
        currency = self._world.fx.currencies[rows.currency[obligation]]
        for lot in self._spend(payer, currency, amount, at):
            self._part(obligation, at, lot.amount, None, by_payee=False)
            self._part(lot.payment.obligation, at, lot.amount, None, by_payee=True)
            self._matched[obligation] += lot.amount
        found = Found(at, at, at, [], lambda *_: Counter())
        if amount > self._matched[obligation]:
            found = self._markets.order(payer, currency, amount - self._matched[obligation], at, sells=False)
        for fill in found.fills:
            self._part(obligation, fill.at, fill.amount, fill, by_payee=False)
        self._bought_event(obligation).succeed(found)

    def sell_back(self, payment: Payment) -> Process:
        """The payer sells what it bought in vain."""
        if self.exchanges(payment, payment.payer):
            now = self._stage.env.now
            yield self._stage.turns.take(Turn.SALE, payment.number)
            payer = payment.payer
            for fill in self._markets.order(payer, payment.currency, payment.amount, now, sells=True).fills:
                self._back.append(
                    _Part(fill.at, payment.number, payment.obligation, False, fill.amount, fill)
                )

    # Payees.

    def credit(self, payment: Payment, place: int) -> Process:
        """What has to be sold at once is sold, the rest becomes cash."""
        group, now = self._group(payment.payee), self._stage.env.now
        sold = round(group.surrendered * payment.amount) if group.cash else payment.amount
        if sold < payment.amount:
            lots = self._cash.setdefault((payment.payee, payment.currency), [])
            lots.append(_Lot(now, payment, place, payment.amount - sold))
            lots.sort(key=lambda lot: (lot.at, lot.payment.number))
        if sold:
            yield self._stage.turns.take(Turn.SALE, payment.number)
            self._sell(_Lot(now, payment, place, sold))

    def _sell(self, lot: _Lot) -> None:
        payment, payee = lot.payment, lot.payment.payee
        for fill in self._markets.order(payee, payment.currency, lot.amount, lot.at, sells=True).fills:
            self._part(payment.obligation, fill.at, fill.amount, fill, by_payee=True)
        fee = payment.route.steps[lot.place].fee
        if fee is not None:
            self._charge(payment, lot.at, lot.place, fee, lot.amount)

    def _cash_sale(self, group: int, at: int) -> Process:
        """Firms of a group sell all the cash that they have."""
        yield from self._stage.turns.at(at, Turn.CASH_SALE, group)
        sold = [
            lot._replace(at=at)
            for firm, currency in sorted(self._cash)
            if self._world.firms.group[firm] == group
            for lot in self._spend(firm, currency, None, at + 1)
        ]
        for lot in sorted(sold, key=lambda lot: lot.payment.number):
            self._sell(lot)

    def _spend(self, firm: int, currency: str, amount: int | None, before: int) -> list[_Lot]:
        """The oldest of the cash that was there before an instant: so much of it, or all."""
        spent, kept = [], []
        for lot in self._cash.get((firm, currency), []):
            part = lot.amount if amount is None else min(amount, lot.amount)
            part = part if lot.at < before else 0
            if part:
                spent.append(lot._replace(amount=part))
                amount = None if amount is None else amount - part
            if part < lot.amount:
                kept.append(lot._replace(amount=lot.amount - part))
        if spent:
            self._cash[firm, currency] = kept
        return spent

    # What is told of it.

    def charge(self, payment: Payment, at: int, step: int, fee: Fee) -> None:
        """Somebody owes a fee for the whole payment."""
        self._charge(payment, at, step, fee, payment.amount)

    def _charge(self, payment: Payment, at: int, step: int, fee: Fee, amount: int) -> None:
        """Unless it is asked of other sides."""
        firm = payment.payer if fee.bearer == "payer" else payment.payee
        if fee.sides is not None and self._side_name(firm) not in fee.sides:
            return
        scale = 10 ** minor_digits(fee.currency)
        value = self._rates.convert(amount, payment.currency, fee.currency, at)
        due = float(fee.flat) * scale + float(fee.share) * value
        due = max(due, float(fee.minimum) * scale)
        if fee.maximum is not None:
            due = min(due, float(fee.maximum) * scale)
        self.charges.append(Charge(at, payment.number, payment.attempt, step, firm, round(due)))

    def deals(self) -> list[Deal]:
        """All that was exchanged, but for what was sold back."""
        return self._told(self._parts)

    def sold_back(self) -> list[Deal]:
        """What payers sold that had come back to them for good."""
        return self._told(self._back)

    def _part(self, obligation: int, at: int, amount: int, fill: Fill | None, *, by_payee: bool) -> None:
        payment = self._payment_of.get(obligation)
        number = -1 if payment is None else payment.number
        self._parts.append(_Part(at, number, obligation, by_payee, amount, fill))

    def _told(self, parts: list[_Part]) -> list[Deal]:
        """Each part is worth what it adds, in whole units, to those of the same obligation before it."""
        before: Counter[tuple[int, bool]] = Counter()
        told = []
        for part in sorted(parts, key=lambda part: part[:4]):
            rows = self._world.obligations
            firm = int((rows.payee if part.by_payee else rows.payer)[part.obligation])
            pair = self._world.fx.currencies[rows.currency[part.obligation]], self._own(firm)
            exchanged = before[part.obligation, part.by_payee]
            before[part.obligation, part.by_payee] += part.amount

            def worth(
                factor: float, part: _Part = part, pair: tuple[str, str] = pair, since: int = exchanged
            ) -> int:
                until = self._rates.convert(since + part.amount, *pair, part.at, factor)
                return until - self._rates.convert(since, *pair, part.at, factor)

            way = None if part.fill is None else part.fill.way
            places = (-1, -1, -1) if way is None else (way.market, way.vehicle, way.vehicle_market)
            price = 1.0 if part.fill is None or way is None else way.price(part.fill)
            of = (part.at, part.payment, part.obligation, part.by_payee, part.fill is None)
            told.append(Deal(*of, *places, part.amount, worth(price), worth(1.0)))
        return told

    def _group(self, firm: int) -> GroupPlan:
        return self._world.groups[self._world.firms.group[firm]]

    def _own(self, firm: int) -> str:
        return self._world.fx.currencies[self._group(firm).currency]

    def _side_name(self, firm: int) -> str:
        return list(self._world.scenario.sides)[self._group(firm).side]
