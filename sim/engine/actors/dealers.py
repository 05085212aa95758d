"""Where the firms' deals depend on what has settled, their orders are given in the course of the simulation.

That is so if firms pay out of what they are paid, and if payers and payees deal on one side of the same book.
Payers turn to the market before anything else of an instant is submitted, payees after everything else of it;
cash can be spent from the second after its credit on.
"""

from __future__ import annotations

from bisect import insort
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.currency import round_half_even
from sim.engine.agenda import Phase
from sim.engine.markets.exchange import Sale

if TYPE_CHECKING:
    from sim.core.clock import Seconds
    from sim.engine.floor import Floor
    from sim.engine.markets.exchange import Exchange, Orders
    from sim.engine.requests import Requests
    from sim.engine.walks import Walks


#: More than anybody has.
_ALL: Final = 2**62


class Spent(NamedTuple):
    """A part of what was credited for an obligation."""

    obligation: int
    amount: int


class Cash:
    """What firms keep of foreign currencies, by credit; what they owe is paid from the oldest first."""

    def __init__(self) -> None:
        #: Instant, payment, obligation and amount left of each credit, by firm and currency.
        self._lots: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}

    def credit(self, holder: tuple[int, int], at: int, payment: int, obligation: int, amount: int) -> None:
        """What is credited to a firm (number, currency) at an instant, perhaps a later one."""
        insort(self._lots.setdefault(holder, []), (at, payment, obligation, amount))

    def spend(self, holder: tuple[int, int], amount: int, before: int) -> list[Spent]:
        """As much of an amount as was credited before an instant."""
        lots, spent = self._lots.get(holder, []), []
        while amount and lots and lots[0][0] < before:
            at, payment, obligation, left = lots[0]
            part = min(amount, left)
            spent.append(Spent(obligation, part))
            amount -= part
            if part == left:
                del lots[0]
            else:
                lots[0] = (at, payment, obligation, left - part)
        return spent

    def holders(self) -> list[tuple[int, int]]:
        """Who has ever been credited, in order."""
        return sorted(self._lots)


class Dealers:
    """Payers' orders at their instants, payees' orders after their credits, and foreign cash in between."""

    def __init__(
        self,
        exchange: Exchange,
        buying: tuple[Orders, Seconds],
        floor: Floor,
        walks: Walks,
        requests: Requests,
    ) -> None:
        """`buying` are all orders of payers, sorted, and when payments get to the step that needs their currency."""
        self._exchange = exchange
        self._world = exchange.world
        self._floor = floor
        self._agenda = floor.agenda
        self._walks = walks
        self._cash = Cash()
        #: The journey on which what became cash was credited, by obligation.
        self._credited: dict[int, int] = {}
        self._orders, self._reached = buying
        self._next = 0
        self._first, self._last = requests.ends(len(self._world.payments))
        self._step = requests.step
        self._hold_payers()
        self._watch_payees()
        for group, plan in enumerate(self._world.groups):
            for at in plan.sold_at:
                self._agenda.schedule(at, Phase.CASH_SALE, partial(self._sell_cash, group), group)
        while self._next < len(self._orders.at) and self._orders.at[self._next] < self._world.window.start:
            self._give_order()
        self._await_order()

    def begun(self, row: int, at: int) -> None:
        """A payment is on its way once more, and nothing on it has to be asked for."""
        if self._exchange.payees[self._world.payments.obligation[row]]:
            walk = self._walks.of(row)
            self._credit(row, walk.arrival(row, -1, at, walk.posting))

    def cancelled(self, row: int, at: int) -> None:
        """The payer of a payment that came back for good sells what it had bought."""
        payments, payment = self._world.payments, int(self._world.journeys.payment[row])
        if self._exchange.foreign[payments.obligation[payment]]:
            sale = Sale(at, payment, int(payments.amount[payment]))
            self._agenda.schedule(at, Phase.SALE, lambda _: self._exchange.sell_back(sale), payment)

    # Payers.

    def _hold_payers(self) -> None:
        """What was planned for payments whose currency is still to be bought is void."""
        payments = self._orders.payment[self._orders.payment >= 0]
        for number in self._first[payments].tolist():
            if number >= 0:
                for part in self._floor.parts(number):
                    self._floor.late[part] = True
                self._floor.void(number)

    def _await_order(self) -> None:
        if self._next < len(self._orders.at):
            at = int(self._orders.at[self._next])
            self._agenda.schedule(at, Phase.EXCHANGE, self._order, self._next)

    def _order(self, _at: int) -> None:
        """One payer's turn has come; the next one's may at the same instant."""
        self._give_order()
        self._await_order()

    def _give_order(self) -> None:
        """A payer takes what it has in cash, and buys the rest."""
        obligation, payment, at = (int(column[self._next]) for column in self._orders)
        self._next += 1
        rows = self._world.obligations
        holder = int(rows.payer[obligation]), int(rows.currency[obligation])
        spent = self._cash.spend(holder, int(rows.amount[obligation]), before=at)
        for receivable, amount in spent:
            self._exchange.match(obligation, receivable, amount, at)
        self._exchange.buy(obligation, at, sum(part.amount for part in spent))
        if payment >= 0:
            self._go_on(payment, obligation)

    def _go_on(self, payment: int, obligation: int) -> None:
        """A payment that has its currency is submitted, unless it gets to its exchange only later."""
        walk, first = self._walks.of(payment), int(self._first[payment])
        ready = max(int(self._reached[payment]), int(self._exchange.waits[obligation, -1]))
        if ready >= self._world.window.end:
            return
        if first >= 0:
            arrival = walk.arrival(payment, walk.buying, ready, int(self._step[first]))
            self._floor.arrive(first, arrival)
        elif self._exchange.payees[obligation]:
            self._credit(payment, walk.arrival(payment, walk.buying, ready, walk.posting))

    # Payees.

    def _watch_payees(self) -> None:
        """Be told when payments are settled whose payees exchange or keep what they are credited."""
        held = set(self._orders.payment.tolist())
        there = self._world.journeys.back_from < 0
        concerned = self._exchange.payees[self._world.payments.obligation]
        for row in np.flatnonzero(concerned & there).tolist():
            last = int(self._last[row])
            if last >= 0:
                self._floor.watch(last, self._settled)
            elif row not in held:
                walk = self._walks.of(row)
                self._credit(row, walk.planned(row, walk.posting))

    def _settled(self, number: int, at: int) -> None:
        row = self._floor.journey[number]
        walk = self._walks.of(row)
        self._credit(row, walk.arrival(row, int(self._step[number]), at, walk.posting))

    def _credit(self, row: int, at: int) -> None:
        """What is surrendered is sold on credit; the rest becomes cash."""
        if at >= self._world.window.end:
            return
        world, payment = self._world, int(self._world.journeys.payment[row])
        obligation = int(world.payments.obligation[payment])
        firm, currency = (
            int(column[obligation]) for column in (world.obligations.payee, world.obligations.currency)
        )
        group = world.groups[world.firms.group[firm]]
        amount = sold = int(world.payments.amount[payment])
        if group.cash:
            sold = int(round_half_even(group.surrendered * amount))
        if sold:
            sale = Sale(at, row, sold)
            self._agenda.schedule(at, Phase.SALE, lambda _: self._exchange.sell(sale), payment)
        if sold < amount:
            self._credited[obligation] = row
            self._cash.credit((firm, currency), at, payment, obligation, amount - sold)

    def _sell_cash(self, group: int, at: int) -> None:
        """Sell all that a group has been credited by now and has not spent."""
        sold = [
            Sale(at, self._credited[obligation], amount)
            for holder in self._cash.holders()
            if self._world.firms.group[holder[0]] == group
            for obligation, amount in self._cash.spend(holder, _ALL, before=at + 1)
        ]
        # In the order of the payments, whichever attempt it was that arrived.
        for sale in sorted(sold, key=lambda sale: self._world.journeys.payment[sale.payment]):
            self._exchange.sell(sale)
