"""First come, first served: an order has what is left at the best price, and waits for the rest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER
from sim.core.rates import exchanged_before, part_value
from sim.engine.markets.ways import Way, Ways
from sim.engine.records import Conversions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.core.hours import OpeningHours
    from sim.engine.markets.ways import Fill
    from sim.engine.records import Log
    from sim.world.markets import GroupPlan, Markets
    from sim.world.world import World


class Orders(NamedTuple):
    """Orders of payers by obligation, in order of arrival; `payment` is −1 where none is ordered in the run."""

    obligation: NDArray[np.int64]
    payment: NDArray[np.int64]
    at: Seconds

    def sorted(self) -> Orders:
        """By instant, then payment, those without one last, then obligation."""
        last = self.payment < 0
        order = np.lexsort((self.obligation, self.payment, last, self.at))
        return Orders(*(column[order] for column in self))

    def before(self, end: int) -> Orders:
        """Those given before an instant."""
        return Orders(*(column[self.at < end] for column in self))


class Sale(NamedTuple):
    """An order of a payee, by the number of the payment's journey."""

    at: int
    payment: int
    amount: int
    back: bool = False
    """Whether it is a payer's instead, whose payment was cancelled."""


class _Row(NamedTuple):
    """A part that was exchanged: at a market, or (`fill` is None) matched with what the firm owed or was owed."""

    obligation: int
    by_payee: bool
    at: int
    amount: int
    fill: Fill | None


class Choices(NamedTuple):
    """Where the firms of one end of obligations may turn to: group of the firm, its first market, and the currency.

    `of` tells which of `every` is that of an obligation, by number; −1 where the firm has nothing to exchange.
    """

    every: list[tuple[int, int, int]]
    of: NDArray[np.int64]

    @classmethod
    def told(cls, world: World, *, by_payee: bool) -> Choices:
        """The choices of the payees, or of the payers, of all obligations."""
        obligations, markets = world.obligations, world.firms.market
        firms = obligations.payee if by_payee else obligations.payer
        foreign = np.flatnonzero(world.functional_currency[firms] != obligations.currency)
        # A firm without a market of its own has −1.
        columns = world.firms.group[firms], markets[firms] + 1, obligations.currency
        sizes = len(world.groups), int(markets.max(initial=-1)) + 2, len(world.fx.currencies)
        of = np.full(len(obligations), -1)
        every, of[foreign] = np.unique(
            np.ravel_multi_index([column[foreign] for column in columns], sizes), return_inverse=True
        )
        group, first, currency = (column.tolist() for column in np.unravel_index(every, sizes))
        return cls([(g, f - 1, c) for g, f, c in zip(group, first, currency, strict=True)], of)


class Exchange:
    """The obligations whose exchange depends on others, on an early date or on cash, and what became of them.

    Whatever else is exchanged (on the payment's way, at a market without limits) costs nothing here: see
    `ConvertStep`. For each obligation, `waits` holds the instants at which the payer's market would first have
    been open without outages, at which it was, and at which all the currency was there; `matched` is what was
    paid out of foreign cash.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._ways = Ways(world)
        count = len(world.obligations)
        #: By end of an obligation, of which true is its payee.
        self.choices = {by_payee: Choices.told(world, by_payee=by_payee) for by_payee in (False, True)}
        self.payers, self.payees = (self._concerned(by_payee=by_payee) for by_payee in (False, True))
        #: Obligations for which their payer has to get hold of a foreign currency.
        self.foreign = world.functional_currency[world.obligations.payer] != world.obligations.currency
        self.waits = np.full((count, 3), NEVER)
        self.awaited = np.full(count, -1)
        self.hours: list[OpeningHours] = []
        self.matched = np.zeros(count, dtype=np.int64)
        #: Orders of payees in the order in which they were given.
        self.sales: list[Sale] = []
        self._rows: list[_Row] = []
        self._back: list[_Row] = []
        #: Whether orders are given in the course of the simulation; if not, payers' before and payees' after it.
        self.live = any(group.cash for group in world.groups) or self._shares_a_side()
        self._offers: list[Sale] = []
        self.payment = np.full(count, -1, dtype=np.int64)
        # A payment that is sent back travels again under other numbers; its own is the first.
        known = np.flatnonzero(world.payments.obligation >= 0)[::-1]
        self.payment[world.payments.obligation[known]] = known
        #: Orders given at the invoice or by the due date.
        self.early = self._early()

    def buy(self, obligation: int, at: int, matched: int = 0) -> None:
        """A payer's order for what it does not have in cash."""
        self.matched[obligation] = matched
        amount = int(self.world.obligations.amount[obligation]) - matched
        self.waits[obligation] = at
        if amount:
            ways = self._ways_of(*self._key(obligation, by_payee=False), sells=False)
            scheduled, first = min((way.scheduled(at), number) for number, way in enumerate(ways))
            opened = min(way.opens(at) for way in ways)
            self.awaited[obligation] = self._number_of(ways[first].hours)
            ready = self._place(obligation, amount, at, by_payee=False)
            self.waits[obligation] = scheduled, opened, ready

    def _number_of(self, hours: OpeningHours) -> int:
        """The place of some hours among those that payers have waited for."""
        found = next((number for number, known in enumerate(self.hours) if known is hours), -1)
        if found < 0:
            found = len(self.hours)
            self.hours.append(hours)
        return found

    def match(self, payable: int, receivable: int, amount: int, at: int) -> None:
        """A payer pays for one obligation with what it was paid for another."""
        self._rows.append(_Row(payable, False, at, amount, None))
        self._rows.append(_Row(receivable, True, at, amount, None))

    def sell(self, sale: Sale) -> None:
        """A payee's order."""
        self.sales.append(sale)
        self._place(int(self.world.payments.obligation[sale.payment]), sale.amount, sale.at, by_payee=True)

    def credited(self, payments: NDArray[np.int64], at: Seconds) -> None:
        """Payees whose orders were not given in the course of the simulation give them on credit."""
        if not self.live:
            rows = zip(
                at.tolist(), payments.tolist(), self.world.payments.amount[payments].tolist(), strict=True
            )
            self._offers += [Sale(*row) for row in rows if row[0] < self.world.window.end]

    def sales_of(
        self, payments: NDArray[np.int64], at: Seconds
    ) -> tuple[NDArray[np.int64], Seconds, Amounts]:
        """Payment, instant and amount of each order of the payees of payments credited at `at`."""
        if not self.live:
            return payments, at, self.world.payments.amount[payments]
        wanted = set(payments.tolist())
        found = [(sale.payment, sale.at, sale.amount) for sale in self.sales if sale.payment in wanted]
        columns = np.array(found, dtype=np.int64).reshape(-1, 3)
        return columns[:, 0], columns[:, 1], columns[:, 2]

    def _shares_a_side(self) -> bool:
        """Whether payers and payees deal on a side of a pair whose depth is limited."""
        sides: list[set[int]] = []
        for by_payee, concerned in ((False, self.payers), (True, self.payees)):
            firms = self.world.obligations.payee if by_payee else self.world.obligations.payer
            mine = firms[concerned]
            keys = zip(
                self.world.firms.group[mine].tolist(),
                self.world.firms.market[mine].tolist(),
                self.world.obligations.currency[concerned].tolist(),
                strict=True,
            )
            ways = [self._ways_of(*key, sells=by_payee) for key in sorted(set(keys))]
            legs = [leg for found in ways for way in found for leg in way.legs]
            sides.append({id(leg.depth) for leg in legs if leg.depth.limited})
        return not sides[0].isdisjoint(sides[1])

    def sell_back(self, sale: Sale) -> None:
        """An order of a payer for what came back to it for good."""
        obligation = int(self.world.payments.obligation[sale.payment])
        ways = self._ways_of(*self._key(obligation, by_payee=False), sells=True)
        self._deal(self._back, (obligation, False), ways, sale.amount, sale.at)

    def cancel(self, at: Seconds) -> None:
        """Payers whose payments are cancelled at an instant before the end sell them back, if they have not yet."""
        if not self.live:
            payments = np.flatnonzero(at < self.world.window.end)
            # Payments of one's own have no payer who could have bought anything.
            payments = payments[self.world.payments.obligation[payments] >= 0]
            payments = payments[self.foreign[self.world.payments.obligation[payments]]]
            rows = at[payments].tolist(), payments.tolist(), self.world.payments.amount[payments].tolist()
            self._offers += [Sale(*row, True) for row in zip(*rows, strict=True)]

    def report(self, log: Log) -> Conversions:
        """Tell every part that was exchanged, once all orders are known, and what was sold back."""
        payment = self.world.journeys.payment
        for sale in sorted(self._offers, key=lambda sale: (sale.at, payment[sale.payment])):
            (self.sell_back if sale.back else self.sell)(sale)
        if self._rows:
            log.convert(self._conversions(self._rows))
        return self._conversions(self._back)

    def _place(self, obligation: int, amount: int, at: int, *, by_payee: bool) -> int:
        ways = self._ways_of(*self._key(obligation, by_payee=by_payee), sells=by_payee)
        return self._deal(self._rows, (obligation, by_payee), ways, amount, at)

    def _deal(
        self, rows: list[_Row], whose: tuple[int, bool], ways: tuple[Way, ...], amount: int, at: int
    ) -> int:
        """Deal an amount as early as possible, and say when all of it is delivered."""
        now, ready = at, at
        while amount:
            chances = [way.opportunity(now) for way in ways]
            now = min(chances)
            if now >= self.world.window.end:
                return NEVER
            open_now = [way for way, chance in zip(ways, chances, strict=True) if chance == now]
            rooms = {id(way): way.room(now, amount) for way in open_now}
            able = [way for way in open_now if rooms[id(way)]]
            if able:
                way = min(able, key=lambda way: way.cost(now, rooms[id(way)]))
                fill = way.deal(now, rooms[id(way)])
                rows.append(_Row(*whose, now, fill.amount, fill))
                amount -= fill.amount
                ready = max(ready, now + way.delivery)
        return ready

    def _key(self, obligation: int, *, by_payee: bool) -> tuple[int, int, int]:
        """Group of the firm that exchanges, the market to which it turns first, and the currency."""
        rows, firms = self.world.obligations, self.world.firms
        firm = (rows.payee if by_payee else rows.payer)[obligation]
        return int(firms.group[firm]), int(firms.market[firm]), int(rows.currency[obligation])

    def _ways_of(self, group: int, first: int, currency: int, *, sells: bool) -> tuple[Way, ...]:
        return self._ways.of(self.world.groups[group].side, first, currency, sells=sells)

    def _concerned(self, *, by_payee: bool) -> NDArray[np.bool_]:
        """Obligations, by number, of which the payer's or the payee's exchange is dealt with here."""
        markets, groups, choices = self.world.markets, self.world.groups, self.choices[by_payee]
        concerned = [
            depends(markets, groups[group], first, currency, by_payee=by_payee)
            for group, first, currency in choices.every
        ]
        return np.array([*concerned, False], dtype=np.bool_)[choices.of]

    def _early(self) -> Orders:
        obligations = self.world.obligations
        at = np.full(len(obligations), NEVER)
        for number, group in enumerate(self.world.groups):
            mine = self.payers & (self.world.firms.group[obligations.payer] == number)
            if group.buys == "on_invoice":
                at[mine] = obligations.invoiced_at[mine]
            elif group.buys == "on_due":
                at[mine] = np.minimum(obligations.due_at, self._instructed_at())[mine]
        rows = np.flatnonzero(at < NEVER)
        return Orders(rows, self.payment[rows], at[rows])

    def _instructed_at(self) -> Seconds:
        """When the payment of each obligation is ordered, NEVER where none is."""
        at = np.full(len(self.payment), NEVER)
        known = np.flatnonzero(self.payment >= 0)
        at[known] = self.world.payments.instructed_at[self.payment[known]]
        return at

    def _conversions(self, told: list[_Row]) -> Conversions:
        world, obligations = self.world, self.world.obligations
        number, at, amount = (
            np.array([(r.obligation, r.at, r.amount) for r in told], dtype=np.int64).reshape(-1, 3).T
        )
        by_payee = np.array([row.by_payee for row in told], dtype=np.bool_)
        order = np.lexsort((by_payee, number, self.payment[number], at))
        fills: list[Fill | None] = [told[k].fill for k in order]
        by_payee, number, at, amount = by_payee[order], number[order], at[order], amount[order]
        firm = np.where(by_payee, obligations.payee[number], obligations.payer[number])
        currency, functional = obligations.currency[number], world.functional_currency[firm]

        def of_way(what: str) -> NDArray[np.int64]:
            return np.array(
                [-1 if fill is None else getattr(fill.way, what) for fill in fills], dtype=np.int64
            )

        rows = Conversions(
            payment=self.payment[number],
            obligation=number,
            by_payee=by_payee,
            firm=firm,
            matched=np.array([fill is None for fill in fills], dtype=np.bool_),
            market=of_way("market"),
            vehicle=of_way("vehicle"),
            vehicle_market=of_way("vehicle_market"),
            at=at,
            currency=currency,
            amount=amount,
            functional_currency=functional,
            counter_amount=amount,
            mid_amount=amount,
        )
        before = exchanged_before(rows.obligation, rows.by_payee, rows.amount)
        factor = np.array(
            [1.0 if fill is None else fill.way.settled_factor(fill) for fill in fills], dtype=np.float64
        )

        def value(factor: NDArray[np.float64] | None) -> Amounts:
            return part_value(world.fx, before, amount, currency, functional, at, factor)

        return rows._replace(counter_amount=value(factor), mid_amount=value(None))


def depends(markets: Markets, group: GroupPlan, first: int, currency: int, *, by_payee: bool) -> bool:
    """Whether an exchange of a currency is more than a deal at one market that is open without limits.

    The firms are those of a group that turn to one market first, −1 for no choice of their own.
    """
    if group.cash or (not by_payee and group.buys != "on_instruction"):
        return True
    found = markets.ways[group.side, first, currency]
    if len(found) != 1 or found[0].vehicle >= 0:
        return True
    (leg,) = found[0].legs
    return markets.quotes[leg.quote].limited
