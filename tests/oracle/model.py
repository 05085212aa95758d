"""One process per payment walks the steps of its route; one per treasury looks at its accounts once a day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import simpy

from oracle.books import Books, Posting, Transfer
from oracle.chance import seconds
from oracle.rates import Rates
from oracle.sessions import Sessions
from oracle.turns import Turns
from sim.core.currency import minor_digits
from sim.world.draws import route_draws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.hours import OpeningHours
    from sim.scenario.model.network import (
        Convert,
        Fee,
        Market,
        Message,
        Originate,
        Post,
        Route,
        Screen,
        Settle,
        Side,
        Step,
    )
    from sim.scenario.model.timing import Durations, HoursChoice
    from sim.world.build import World
    from sim.world.funding import FundingPlan

    Process = Iterator[simpy.Event]


class Turn(IntEnum):
    """Who comes first at one instant."""

    DELIVERY = 0
    SUBMISSION = 1
    DECISION = 2


class Deal(NamedTuple):
    """A firm's conversion."""

    at: int
    payment: int
    by_payee: bool
    market: int
    counter_amount: int
    mid_amount: int


class Charge(NamedTuple):
    """A fee."""

    at: int
    payment: int
    step: int
    firm: int
    amount: int


@dataclass(slots=True)
class Payment:
    """What a payment is, and what became of it."""

    number: int
    route: Route
    payer: int
    payee: int
    payer_bank: str
    payee_bank: str
    currency: str
    amount: int
    instructed_at: int
    arrivals: dict[int, int] = field(default_factory=dict)
    """When it was submitted, by step."""
    settled: dict[int, int] = field(default_factory=dict)
    """When it settled, by step; also where it had nothing to move."""
    credited_at: int | None = None
    causes: Counter[str] = field(default_factory=Counter)
    queued_at: int | None = None
    """Since when it waits for money."""

    @property
    def settled_at(self) -> int | None:
        """When it settled at its last settling step."""
        last = max(place for place, step in enumerate(self.route.steps) if step.kind == "settle")
        return self.settled.get(last)


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that happened."""

    payments: list[Payment]
    postings: list[Posting]
    balances: list[int]
    deals: list[Deal]
    charges: list[Charge]


def tell(world: World) -> Story:
    """What happens in a world until its end."""
    return _Model(world).run()


class _Model:
    def __init__(self, world: World) -> None:
        self.world = world
        self.scenario = world.scenario
        self.env = simpy.Environment(initial_time=world.window.start)
        self.turns = Turns(self.env)
        self.books = Books(self.env, world.network.accounts)
        self.rates = Rates(world.fx)
        self.deals: list[Deal] = []
        self.charges: list[Charge] = []
        self._sessions: dict[int, Sessions] = {}
        self._draw_names = {id(route): route_draws(route) for route in self.scenario.routes.values()}
        self.payments = list(self._payments())

    def run(self) -> Story:
        for payment in self.payments:
            self.env.process(self.course(payment))
        for number, plan in enumerate(self.world.network.funding):
            self.env.process(self.treasury(number, plan))
        self.env.run(until=self.world.window.end)
        for payment in self.payments:
            self._leave_the_line(payment)
        return Story(self.payments, self.books.postings, self.books.balance, self.deals, self.charges)

    # The life of a payment.

    def course(self, payment: Payment) -> Process:
        yield self.env.timeout(payment.instructed_at - self.env.now)
        acts = {
            "originate": self.originate,
            "convert": self.convert,
            "screen": self.screen,
            "message": self.message,
            "settle": self.settle,
            "post": self.post,
        }
        for place, step in enumerate(payment.route.steps):
            if step.fee is not None:
                self.charge(payment, place, step.fee)
            yield from acts[step.kind](payment, place, step)

    def originate(self, payment: Payment, place: int, step: Originate) -> Process:
        if step.accepts is not None:
            yield from self.opening(payment, self.declared_hours(step.accepts, "bank", payment.payer_bank))
        draw = self.draw(payment, place, 0)
        yield from self.work(payment, payment.payer_bank, step.work, draw, "processing")

    def convert(self, payment: Payment, place: int, step: Convert) -> Process:
        del place
        firm = payment.payer if step.by == "payer" else payment.payee
        side = self.side(firm)
        if side.functional_currency == payment.currency:
            return
        number, market, spread_bps = self.market(side, payment.currency)
        hours = self.declared_hours(market.hours, "market", list(self.scenario.markets)[number])
        if step.by == "payer":
            yield from self.opening(payment, hours)
            self.deal(payment, side, number, 1 + spread_bps / 20_000, by_payee=False)
            yield from self.spend(payment, market.delivery, "fx")
        else:
            opens = hours.opening(self.env.now)
            yield self.env.event() if opens is None else self.env.timeout(opens - self.env.now)
            self.deal(payment, side, number, 1 - spread_bps / 20_000, by_payee=True)

    def screen(self, payment: Payment, place: int, step: Screen) -> Process:
        if self.draw(payment, place, 0) < float(step.probability):
            bank = self.bank(payment, step.at)
            yield from self.work(payment, bank, step.work, self.draw(payment, place, 1), "screening")

    def message(self, payment: Payment, place: int, step: Message) -> Process:
        yield from self.spend(payment, seconds(step.time, self.draw(payment, place, 0)), "processing")

    def settle(self, payment: Payment, place: int, step: Settle) -> Process:
        numbers = self.world.network.accounts.number
        debit, credit = (numbers[self.bank(payment, role), step.system] for role in (step.debit, step.credit))
        if debit != credit:
            hours = self.declared_hours(self.scenario.systems[step.system].hours, "system", step.system)
            yield from self.opening(payment, hours)
            yield self.turns.take(Turn.SUBMISSION, payment.number, place)
            payment.arrivals[place] = payment.queued_at = self.env.now
            parts = [
                Transfer(payment.number, place, part, debit, credit, amount, self.env.event())
                for part, amount in enumerate(self.parts(payment, step.system))
            ]
            for transfer in parts:
                self.books.submit(transfer)
            yield self.env.all_of([transfer.settled for transfer in parts])
            self._leave_the_line(payment)
        payment.settled[place] = self.env.now

    def parts(self, payment: Payment, system: str) -> list[int]:
        """Amounts of the largest size that a system takes at once, and the rest."""
        largest = self.scenario.systems[system].split_above
        if largest is None:
            return [payment.amount]
        each = int(largest * 10 ** minor_digits(payment.currency))
        parts = [each] * (payment.amount // each)
        return [*parts, payment.amount % each] if payment.amount % each else parts

    def post(self, payment: Payment, place: int, step: Post) -> Process:
        draw = self.draw(payment, place, 0)
        yield from self.work(payment, payment.payee_bank, step.work, draw, "processing")
        payment.credited_at = self.env.now

    def _leave_the_line(self, payment: Payment) -> None:
        """The whole wait is for money: covered, the payment would have settled on arrival."""
        if payment.queued_at is not None:
            payment.causes["liquidity"] += self.env.now - payment.queued_at
            payment.queued_at = None

    # How time passes for a payment.

    def spend(self, payment: Payment, duration: int, cause: str) -> Process:
        until = self.env.now + duration
        payment.causes[cause] += min(until, self.world.window.end) - self.env.now
        yield self.env.timeout(duration)

    def opening(self, payment: Payment, hours: Sessions) -> Process:
        """Wait until the hours open; longer than without outages is an outage's doing."""
        never, now = self.world.window.end, self.env.now
        opens, due = hours.opening(now), hours.schedule.opening(now)
        due = never if due is None else due
        yield from self.spend(payment, due - now, "closed")
        yield from self.spend(payment, (never if opens is None else opens) - due, "outage")

    def work(self, payment: Payment, bank: str, work: Durations, draw: float, cause: str) -> Process:
        """Work in a bank's hours: what a session leaves undone goes on in the next one."""
        never = self.world.window.end
        hours = self.declared_hours(self.scenario.banks[bank].hours, "bank", bank)
        left = seconds(work, draw)
        ends = hours.done(self.env.now, left)
        yield from self.opening(payment, hours.schedule)
        while left:
            now = min(left, hours.schedule.closing(self.env.now) - self.env.now)
            yield from self.spend(payment, now, cause)
            left -= now
            if left:
                yield from self.opening(payment, hours.schedule)
        yield from self.spend(payment, (never if ends is None else ends) - self.env.now, "outage")

    # Treasuries.

    def treasury(self, number: int, plan: FundingPlan) -> Process:
        hours = self.hours(self.world.network.system_hours[plan.system])
        instants = {opens for at in plan.instants if (opens := hours.opening(at)) is not None}
        ordered: Counter[int] = Counter()
        for at in sorted(instants):
            yield self.env.timeout(at - self.env.now)
            yield self.turns.take(Turn.DECISION, number)
            for account, target in zip(plan.accounts, plan.targets, strict=True):
                waiting, balance = self.books.waiting(account), self.books.balance[account]
                missing = target + waiting - balance - ordered[account]
                if missing > 0:
                    ordered[account] += missing
                    arrives = hours.opening(at + plan.lag)
                    if arrives is not None:
                        self.env.process(self.delivery(number, plan, account, missing, arrives, ordered))
                elif missing < 0 and plan.sweep and waiting == 0 and balance + missing >= 0:
                    self.books.move(account, plan.market, -missing)

    def delivery(
        self, number: int, plan: FundingPlan, account: int, amount: int, at: int, ordered: Counter[int]
    ) -> Process:
        yield self.env.timeout(at - self.env.now)
        yield self.turns.take(Turn.DELIVERY, account, number, amount)
        ordered[account] -= amount
        self.books.move(plan.market, account, amount)
        self.books.retry(account)

    # What firms pay on the way.

    def deal(self, payment: Payment, side: Side, market: int, factor: float, *, by_payee: bool) -> None:
        now, own = self.env.now, side.functional_currency
        counter = self.rates.convert(payment.amount, payment.currency, own, now, factor)
        mid = self.rates.convert(payment.amount, payment.currency, own, now)
        self.deals.append(Deal(now, payment.number, by_payee, market, counter, mid))

    def charge(self, payment: Payment, place: int, fee: Fee) -> None:
        now, scale = self.env.now, 10 ** minor_digits(fee.currency)
        value = self.rates.convert(payment.amount, payment.currency, fee.currency, now)
        due = float(fee.flat) * scale + float(fee.share) * value
        due = max(due, float(fee.minimum) * scale)
        if fee.maximum is not None:
            due = min(due, float(fee.maximum) * scale)
        firm = payment.payer if fee.bearer == "payer" else payment.payee
        self.charges.append(Charge(now, payment.number, place, firm, round(due)))

    # Who is who, and what was drawn.

    def _payments(self) -> Iterator[Payment]:
        world, drawn = self.world, self.world.payments
        routes, banks = list(self.scenario.routes.values()), world.network.banks
        for number in range(len(drawn)):
            obligation = drawn.obligation[number]
            yield Payment(
                number=number,
                route=routes[drawn.route[number]],
                payer=int(world.obligations.payer[obligation]),
                payee=int(world.obligations.payee[obligation]),
                payer_bank=banks[drawn.payer_bank[number]],
                payee_bank=banks[drawn.payee_bank[number]],
                currency=world.fx.currencies[drawn.currency[number]],
                amount=int(drawn.amount[number]),
                instructed_at=int(drawn.instructed_at[number]),
            )

    def draw(self, payment: Payment, place: int, which: int) -> float:
        name = self._draw_names[id(payment.route)][place][which]
        return float(self.world.payments.draws[name][payment.number])

    def side(self, firm: int) -> Side:
        group = self.world.firms.groups[self.world.firms.group[firm]]
        return self.scenario.sides[self.scenario.firms[group].side]

    def market(self, side: Side, currency: str) -> tuple[int, Market, float]:
        """The first of a side's markets that trades a currency against its own, and the spread there."""
        for name in side.markets:
            market = self.scenario.markets[name]
            for pair, quote in market.pairs.items():
                if sorted(pair.split("/")) == sorted((currency, side.functional_currency)):
                    return list(self.scenario.markets).index(name), market, float(quote.spread_bps)
        raise AssertionError(currency)

    def bank(self, payment: Payment, role: str) -> str:
        """Who plays a role: a party's bank, or the keeper of its account in the first books of the route.

        Anything else is the name of a bank.
        """
        if role in self.scenario.banks:
            return role
        bank = payment.payer_bank if role.startswith("payer") else payment.payee_bank
        if role.endswith("bank"):
            return bank
        for step in payment.route.steps:
            if _moves_in_books(step, self.scenario.systems):
                for account in self.scenario.accounts:
                    if (account.holder, account.system) == (bank, step.system):
                        return account.servicer
        raise AssertionError(role)

    def declared_hours(self, choice: HoursChoice, *whose: str) -> Sessions:
        return self.hours(self.world.openings.hours(choice, whose))

    def hours(self, table: OpeningHours) -> Sessions:
        if id(table) not in self._sessions:
            self._sessions[id(table)] = Sessions(table)
        return self._sessions[id(table)]


def _moves_in_books(step: Step, systems: dict[str, object]) -> bool:
    return step.kind == "settle" and systems[step.system].kind == "correspondent"
