"""What firms pay on the way: half the spread where they exchange, and what steps cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.rates import Rates
from oracle.story import Charge, Deal
from sim.core.currency import minor_digits

if TYPE_CHECKING:
    from oracle.story import Payment
    from sim.scenario.model.network import Fee, Market, Side
    from sim.world.world import DrawnWorld


class Dealing:
    """Deals and charges of a run; `sold_back` are payers' sales of what came back to them for good."""

    def __init__(self, world: DrawnWorld) -> None:
        self._world = world
        self._rates = Rates(world.fx)
        self.deals: list[Deal] = []
        self.sold_back: list[Deal] = []
        self.charges: list[Charge] = []

    def place(self, firm: int, currency: str) -> tuple[str, Market] | None:
        """The first of a firm's markets where a currency trades against its own; None if it is its own."""
        side = self._side(firm)
        if side.functional_currency == currency:
            return None
        pair = sorted((currency, side.functional_currency))
        for name in side.markets:
            market = self._world.scenario.markets[name]
            if any(sorted(traded.split("/")) == pair for traded in market.pairs):
                return name, market
        raise AssertionError(currency)

    def buy(self, payment: Payment, at: int) -> None:
        """The payer buys what it pays, half the spread above mid."""
        self.deals.append(self._deal(payment, at, 1, by_payee=False))

    def sell(self, payment: Payment, at: int) -> None:
        """The payee sells what it was paid, half the spread below mid."""
        self.deals.append(self._deal(payment, at, -1, by_payee=True))

    def sell_back(self, payment: Payment, at: int) -> None:
        """The payer sells what it bought in vain."""
        self.sold_back.append(self._deal(payment, at, -1, by_payee=False))

    def charge(self, payment: Payment, at: int, step: int, fee: Fee) -> None:
        """Somebody owes a fee, unless it is asked of other sides."""
        firm = payment.payer if fee.bearer == "payer" else payment.payee
        if fee.sides is not None and self._side_name(firm) not in fee.sides:
            return
        scale = 10 ** minor_digits(fee.currency)
        value = self._rates.convert(payment.amount, payment.currency, fee.currency, at)
        due = float(fee.flat) * scale + float(fee.share) * value
        due = max(due, float(fee.minimum) * scale)
        if fee.maximum is not None:
            due = min(due, float(fee.maximum) * scale)
        self.charges.append(Charge(at, payment.number, payment.attempt, step, firm, round(due)))

    def _deal(self, payment: Payment, at: int, direction: int, *, by_payee: bool) -> Deal:
        firm = payment.payee if by_payee else payment.payer
        found = self.place(firm, payment.currency)
        assert found is not None
        name, market = found
        own = self._side(firm).functional_currency
        pair = sorted((payment.currency, own))
        (quote,) = (quote for traded, quote in market.pairs.items() if sorted(traded.split("/")) == pair)
        factor = 1 + direction * float(quote.spread_bps) / 20_000
        return Deal(
            at,
            payment.number,
            by_payee,
            list(self._world.scenario.markets).index(name),
            self._rates.convert(payment.amount, payment.currency, own, at, factor),
            self._rates.convert(payment.amount, payment.currency, own, at),
        )

    def _side(self, firm: int) -> Side:
        return self._world.scenario.sides[self._side_name(firm)]

    def _side_name(self, firm: int) -> str:
        group = self._world.firms.groups[self._world.firms.group[firm]]
        return self._world.scenario.firms[group].side
