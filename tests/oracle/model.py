"""One process per payment walks the steps of its route.

A payment that a review sends back walks back over the settlements before it, and then begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from oracle.books import Books, Change, Transfer
from oracle.chance import seconds
from oracle.closings import Closing
from oracle.cycles import DeferredNet, Hybrid
from oracle.days import LocalDays
from oracle.dealing import Dealing
from oracle.desks import Desk
from oracle.draws import Draws
from oracle.failures import Failures
from oracle.fundings import Funding
from oracle.gross import Gross
from oracle.lenders import Lenders
from oracle.links import Link
from oracle.loans import Loans
from oracle.rates import Rates
from oracle.sessions import Sessions
from oracle.shifts import Shifts
from oracle.stage import Stage
from oracle.story import Payment, Return, Review, Story
from oracle.treasuries import Treasury
from oracle.turns import Turn, Turns
from oracle.value import Promise
from sim.core.clock import NEVER, to_instant
from sim.core.currency import minor_digits
from sim.world.draws import route_draws

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from oracle.stage import Optimum, System
    from sim.scenario.model.network import (
        Convert,
        Message,
        Originate,
        Post,
        Screen,
        Settle,
        Step,
    )
    from sim.scenario.model.timing import HoursChoice
    from sim.world.world import DrawnWorld

    Process = Iterator[simpy.Event]


def tell(
    world: DrawnWorld,
    later: Mapping[str, list[float]] | None = None,
    optimum: Optimum | None = None,
) -> Story:
    """What happens in a world until its end; for `later` draws see `Draws`.

    `optimum(system, at, rows)` is what a search for the best set has settled of what waited in a system: more than one
    may be the best, so the model has to be told which, and only sees to it that it could be.
    """
    return _Model(world, later, optimum).run()


class _Model:
    def __init__(
        self, world: DrawnWorld, later: Mapping[str, list[float]] | None, optimum: Optimum | None
    ) -> None:
        self.world = world
        self.scenario = world.scenario
        self.env = simpy.Environment(initial_time=world.window.start)
        self.turns = Turns(self.env)
        self._sessions: dict[int, Sessions] = {}
        self._promises: dict[tuple[int, int], Promise] = {}
        self.books = Books(self.env, world.network.accounts)
        hours = [self._system_hours(number) for number in range(len(world.network.systems))]
        self.stage = Stage(world, self.env, self.turns, self.books, hours, optimum)
        self.loans = Loans(self.stage)
        for number in range(len(hours)):
            self.stage.systems[number] = self._system(number)
        self.draws = Draws(world, later)
        self.transfers: list[Transfer] = []
        self.reviews: list[Review] = []
        self.returns: list[Return] = []
        self._failed_at = dict(zip(world.network.banks, world.network.failed_at.tolist(), strict=True))
        self._draw_names = {id(route): route_draws(route) for route in world.routes.values()}
        self._desk_hours: dict[str, Sessions] = {}
        self._desks: dict[str, Desk] = {}
        for number, bank in enumerate(self.scenario.banks):
            self._open_desk(number, bank)
        self.payments = list(self._payments())
        self.dealing = Dealing(self.stage, self.payments)

    def run(self) -> Story:
        for payment in self.payments:
            self.env.process(self.course(payment))
        lenders = Lenders(self.stage, self.loans)
        plans = enumerate(self.world.network.funding)
        treasuries = [Treasury(number, plan, self.stage, lenders) for number, plan in plans]
        fundings = [
            Funding(account, self._paying(account.funding), self.stage)
            for account in self.scenario.accounts
            if account.funding is not None
        ]
        sources = {funding.account: funding.source for funding in fundings}
        for number in self.stage.systems:
            Closing(number, self.stage, sources)
        shifts = Shifts(self.stage)
        Failures(self.stage)
        end = self.world.window.end
        self.env.run(until=end)
        for payment in self.payments:
            self._leave_the_system(payment)
            self._leave_the_pile(payment)
            payment.leave(end)
            if payment.sent_back:
                # Nobody was paid by the end.
                payment.lose(end)
        return Story(
            self.payments,
            self.transfers,
            self.books.postings,
            self.books.balance,
            self.loans.drawn,
            [bought for treasury in treasuries for bought in treasury.bought],
            self.stage.funded,
            shifts.done,
            self.stage.offsets,
            self.stage.squarings,
            self.dealing.deals(),
            self.dealing.sold_back(),
            self.dealing.charges,
            self.reviews,
            self.returns,
        )

    # The life of a payment.

    def course(self, payment: Payment) -> Process:
        yield self.env.timeout(payment.instructed_at - self.env.now)
        while (sent_back := (yield from self.there(payment))) is not None:
            place, bank, after = sent_back
            screen = payment.route.steps[place]
            told = Return(payment.number, payment.attempt, place, bank, payment.instructed_at, self.env.now)
            self.returns.append(told)
            payment.sent_back, payment.settled = True, {}
            payment.leave(self.env.now)
            yield from self.back(payment, place, after)
            told.returned_at = self.env.now
            if payment.attempt >= screen.attempts:
                payment.cancelled_at = self.env.now
                yield from self.dealing.sell_back(payment)
                return
            yield from self.correct(payment, place, screen)
            told.instructed_again_at = self.env.now
            payment.begin_anew(self.env.now)

    def there(self, payment: Payment) -> Iterator[Any]:
        """To the payee; returns the step that sends it back, the bank and after how long, None if it gets through."""
        acts = {
            "originate": self.originate,
            "convert": self.convert,
            "screen": self.screen,
            "message": self.message,
            "settle": self.settle,
            "post": self.post,
        }
        yield from self.accepted(payment, place="payer_bank")
        if (promise := self.promise(payment)) is not None:
            payment.come(0, "payer_bank", self.env.now)
            failed_at = self._failed_at[payment.payer_bank]
            yield from self.opening(payment, self.office(payment.payer_bank), failed_at)
            payment.accepted_at = self.env.now
            payment.value_date, payment.same_day = promise.value_date(self.env.now)
        for place, step in enumerate(payment.route.steps):
            if payment.attempt > 1 and step.kind == "convert" and step.by == "payer":
                # What it bought for the first attempt came back to it.
                continue
            if step.fee is not None and step.kind != "convert":
                self.dealing.charge(payment, self.env.now, place, step.fee)
            sent_back = yield from acts[step.kind](payment, place, step)
            payment.leave(self.env.now)
            if sent_back is not None:
                return place, *sent_back
        if payment.credited_at is None:
            # Between banks, what is settled is with the payee.
            payment.credited_at = payment.settled_at
        return None

    def back(self, payment: Payment, place: int, after: int) -> Process:
        """To the payer: a while after the review, over the same accounts in reverse."""
        yield self.env.timeout(after)
        yield from self.accepted(payment)
        for earlier in reversed(range(place)):
            step = payment.route.steps[earlier]
            if step.kind == "settle":
                yield from self.settle(payment, earlier, step, back=True)

    def correct(self, payment: Payment, place: int, screen: Screen) -> Process:
        """The payer's bank sees to it in its hours, even where there is no work to do."""
        work = 0 if screen.correction is None else seconds(screen.correction, self.draw(payment, place, 4))
        yield from self.work(payment, self.office(payment.payer_bank), work, payment.payer_bank)

    # The steps. That of a review returns which bank sends the payment back after how long, if it does.

    def originate(self, payment: Payment, place: int, step: Originate) -> Process:
        if step.accepts is not None:
            payment.come(place, "cut_off", self.env.now)
            window = self.declared_hours(step.accepts, "bank", payment.payer_bank)
            yield from self.opening(payment, window, self._failed_at[payment.payer_bank])
        payment.come(place, "payer_bank", self.env.now)
        left = seconds(step.work, self.draw(payment, place, 0))
        yield from self.work(payment, self.office(payment.payer_bank), left, payment.payer_bank)

    def convert(self, payment: Payment, place: int, step: Convert) -> Process:
        """The payer waits for its currency: for the opening of a market, and then until all of it has come."""
        firm = payment.payer if step.by == "payer" else payment.payee
        if not self.dealing.exchanges(payment, firm):
            return
        if step.by == "payee":
            self.env.process(self.dealing.credit(payment, place))
            return
        never, now = self.world.window.end, self.env.now
        payment.come(place, "market", now)
        found = yield from self.dealing.buy(payment, place, step.fee)
        scheduled, opened, ready = (
            max(now, never if at is None else at)
            for at in (found.scheduled_at, found.opened_at, found.ready_at)
        )
        yield from self.rest(payment, min(scheduled, opened, ready), found.shut)
        yield from self.spend(payment, min(opened, ready) - self.env.now, "outage")
        yield from self.spend(payment, ready - self.env.now, "currency")

    def screen(self, payment: Payment, place: int, step: Screen) -> Iterator[Any]:
        bank, came = self.bank(payment, step.at), self.env.now
        if self.draw(payment, place, 0) >= self.stated(step, "probability", bank, came):
            return None
        left = seconds(self.stated(step, "work", bank, came), self.draw(payment, place, 1))
        review = Review(payment.number, payment.attempt, place, bank, came, left)
        self.reviews.append(review)
        payment.come(place, "review", came)
        if bank in self._desks:
            yield self.turns.take(Turn.SUBMISSION, -payment.priority, payment.number, place)
            payment.desk, payment.laid_at = bank, came
            yield self._desks[bank].bring(left, payment.priority)
            self._leave_the_pile(payment)
        review.began_at = self.env.now
        yield from self.work(payment, self._desk_hours[bank], left, bank)
        review.ended_at = self.env.now
        review.sent_back = self.draw(payment, place, 2) < self.stated(step, "return_probability", bank, came)
        if not review.sent_back:
            return None
        return bank, seconds(self.stated(step, "return_after", bank, came), self.draw(payment, place, 3))

    def message(self, payment: Payment, place: int, step: Message) -> Process:
        payment.come(place, "message", self.env.now)
        yield from self.spend(payment, seconds(step.time, self.draw(payment, place, 0)), "work")

    def settle(self, payment: Payment, place: int, step: Settle, *, back: bool = False) -> Process:
        """From `debit` to `credit`, or the other way round on the way back; in a link also a counter-value."""
        payer, payee = (self.bank(payment, role) for role in (step.debit, step.credit))
        came_at = self.env.now
        if back:
            payer, payee = payee, payer
        elif step is next(other for other in payment.route.steps if other.kind == "settle"):
            yield from self.await_value(payment, place, payer, payee)
        if payer != payee:
            number = list(self.scenario.systems).index(step.system)
            if not back:
                payment.come(place, "system", self.env.now, number)
            parts = [
                self._transfer(payment, place, part, amount, payer, payee, back=back)
                for part, amount in enumerate(self.parts(payment, step.system))
            ]
            stopped_at = self._stopped_at(parts[0])
            yield from self.opening(payment, self.stage.hours[number], stopped_at)
            # Nobody accepts what would touch a frozen account.
            yield from self.unless_stopped(payment, stopped_at)
            for transfer in parts:
                yield self.turns.take(
                    Turn.SUBMISSION, -payment.priority, payment.number, place, transfer.part
                )
                transfer.submitted_at = self.env.now
                payment.waits.append(transfer)
                self.stage.systems[number].submit(transfer)
                self._tell_opening(transfer, came_at)
            yield self.env.all_of([transfer.settled for transfer in parts])
            self._leave_the_system(payment)
        if not back:
            payment.settled[place] = self.env.now

    def await_value(self, payment: Payment, place: int, payer: str, payee: str) -> Process:
        """Wait for the business day of the value date, unless an account that it needs is frozen until then."""
        promise = self.promise(payment)
        if promise is None:
            return
        payment.come(place, "cut_off", self.env.now)
        end, now = self.world.window.end, self.env.now
        opens, payment.value_missed = promise.released(payment.value_date, now)
        opens = NEVER if opens is None else opens
        stopped_at = NEVER
        if payer != payee:
            stopped_at = self._stopped_at(
                self._transfer(payment, place, 0, payment.amount, payer, payee, back=False)
            )
        stopped_at = stopped_at if now < opens else NEVER
        yield from self.rest(payment, min(max(now, stopped_at), opens, end), promise.shut)
        if stopped_at <= opens:
            yield from self.spend(payment, end - self.env.now, "outage")
        else:
            yield from self.rest(payment, min(opens, end), promise.shut)

    def promise(self, payment: Payment) -> Promise | None:
        """What the payer's bank promises on its route, to payers of its side."""
        stated = payment.route.value
        if isinstance(stated, dict):
            if payment.payer < 0:
                bank = self.scenario.banks.get(payment.payer_bank)
                side = None if bank is None else bank.side
            else:
                group = list(self.scenario.firms.values())[self.world.firms.group[payment.payer]]
                side = group.side
            stated = stated.get(side)
        if stated is None:
            return None
        known = id(payment.route), id(stated)
        if known not in self._promises:
            self._promises[known] = Promise(self.world, payment.route, stated)
        return self._promises[known]

    def _transfer(
        self, payment: Payment, place: int, part: int, amount: int, payer: str, payee: str, *, back: bool
    ) -> Transfer:
        numbers, step = self.world.network.accounts.number, payment.route.steps[place]
        legs = self.scenario.systems[step.system].linked
        of = (payment.number, payment.attempt, back, place, part)

        def moved(debit: str, credit: str, system: str, amount: int) -> Transfer:
            accounts = numbers[debit, system], numbers[credit, system]
            return Transfer(*of, *accounts, amount, payment.priority, self.env.event())

        if not legs:
            return moved(payer, payee, step.system, amount)
        own, other = sorted(legs, key=lambda leg: self.scenario.systems[leg].currency != payment.currency)
        transfer = moved(payer, payee, own, amount)
        transfer.counter = moved(payee, payer, other, 0)
        return transfer

    def _tell_opening(self, transfer: Transfer, came_at: int) -> None:
        """Who only waited for the system to open settles as it is submitted."""
        for moved in transfer.movements:
            moved.submitted_at = self.env.now
            self.transfers.append(moved)
            if moved.settled_at is not None and moved.released is None and came_at < self.env.now:
                moved.released = Change("opening")

    def parts(self, payment: Payment, system: str) -> list[int]:
        """Amounts of the largest size that a system takes at once, and the rest."""
        largest = self.scenario.systems[system].largest_part
        if largest is None:
            return [payment.amount]
        each = int(largest * 10 ** minor_digits(payment.currency))
        parts = [each] * (payment.amount // each)
        return [*parts, payment.amount % each] if payment.amount % each else parts

    def post(self, payment: Payment, place: int, step: Post) -> Process:
        payment.come(place, "payee_bank", self.env.now)
        hours, bank = self.office(payment.payee_bank), payment.payee_bank
        if step.automatic and self.draw(payment, place, 1) < step.automatic:
            payment.automatic = True
            left = seconds(step.automatic_time, self.draw(payment, place, 2))
            hours = self.declared_hours(step.automatic_hours, "bank", bank)
        else:
            left = seconds(step.work, self.draw(payment, place, 0))
        yield from self.work(payment, hours, left, bank)
        payment.credited_at = self.env.now

    def accepted(self, payment: Payment, place: str | None = None) -> Process:
        """Nobody takes up what is from or to a bank that has failed."""
        stopped_at = self._failed_at[payment.payer_bank], self._failed_at[payment.payee_bank]
        if place is not None and min(stopped_at) <= self.env.now:
            payment.come(0, place, self.env.now)
        yield from self.unless_stopped(payment, *stopped_at)

    def unless_stopped(self, payment: Payment, *stopped_at: int) -> Process:
        """Wait forever if anything has been stopped by now."""
        if min(stopped_at) <= self.env.now:
            yield from self.spend(payment, self.world.window.end - self.env.now, "outage")

    def _stopped_at(self, transfer: Transfer) -> int:
        """When one of its accounts is frozen."""
        frozen_at = self.world.network.frozen_at
        return min(int(frozen_at[k]) for moved in transfer.movements for k in (moved.debit, moved.credit))

    def _leave_the_system(self, payment: Payment) -> None:
        """A wait is for money, for with cover a payment would have settled; or for the cycle that it was accepted for.

        What a bank that fails leaves stuck is stuck because of that.
        """
        if not payment.waits:
            return
        of, since, now = payment.waits[0], payment.waits[0].submitted_at, self.env.now
        until = min(now, max(self._stopped_at(of), since))
        accepted = until if of.accepted_at is None else min(of.accepted_at, until)
        cycle = until if of.accepted_at is None or of.cycle_at is None else min(of.cycle_at, until)
        due = cycle if accepted == cycle else min(self._due_cycle(of.debit, accepted), cycle)
        payment.count("liquidity", accepted - since + until - cycle)
        payment.count("netting", due - accepted)
        payment.count("outage", cycle - due + now - until)
        payment.waits = []

    def _due_cycle(self, account: int, accepted_at: int) -> int:
        """When the next cycle would be without outages; who was not in that of the instant came after it."""
        network = self.world.network
        number = network.accounts.system_number[account]
        missed = accepted_at in network.cycles[number]
        due = [at for at in network.scheduled_cycles[number] if at > accepted_at - (not missed)]
        return min(due, default=self.world.window.end)

    def _leave_the_pile(self, payment: Payment) -> None:
        """What waits for an analyst waits for staff while the desk is open; an outage is what else would be open.

        So is all the time after the bank has failed.
        """
        if payment.laid_at is not None and payment.desk is not None:
            since = payment.laid_at
            until = min(self.env.now, max(since, self._failed_at[payment.desk]))
            payment.count("outage", self.env.now - until)
            hours = self._desk_hours[payment.desk]
            open_now = hours.open_seconds(since, until)
            due = hours.schedule.open_seconds(since, until)
            payment.count("staff", open_now)
            payment.count("outage", due - open_now)
            for reason, seconds_shut in hours.shut(since, until).items():
                payment.count(reason, seconds_shut)
            payment.laid_at = None

    # How time passes for a payment.

    def spend(self, payment: Payment, duration: int, reason: str) -> Process:
        until = self.env.now + duration
        payment.count(reason, min(until, self.world.window.end) - self.env.now)
        yield self.env.timeout(duration)

    def rest(self, payment: Payment, until: int, closed: Callable[[int, int], Counter[str]]) -> Process:
        """Wait until an instant for what is shut, by day."""
        now, end = self.env.now, self.world.window.end
        for reason, seconds_shut in closed(now, min(until, end)).items():
            payment.count(reason, seconds_shut)
        yield self.env.timeout(until - now)

    def opening(self, payment: Payment, hours: Sessions, failed_at: int) -> Process:
        """Wait until the hours open; longer than without outages is an outage's doing, and all after a failure."""
        never, now = self.world.window.end, self.env.now
        opens, due = hours.opening(now), hours.schedule.opening(now)
        due = min(never if due is None else due, max(now, failed_at))
        yield from self.rest(payment, due, hours.shut)
        yield from self.spend(payment, max(never if opens is None else opens, due) - due, "outage")

    def work(self, payment: Payment, hours: Sessions, left: int, bank: str) -> Process:
        """Work in somebody's hours: what a session leaves undone goes on in the next one.

        Where only an outage stops it, or it would have been done by now without one, that is the reason; so is all the
        time after the bank has failed.
        """
        never, failed_at = self.world.window.end, self._failed_at[bank]
        ends, due = (
            never if at is None else at
            for at in (hours.done(self.env.now, left), hours.schedule.done(self.env.now, left))
        )
        while (now := self.env.now) < ends:
            opens, planned = hours.opening(now), hours.schedule.opening(now)
            turns = [at for at in (ends, opens, planned, due, failed_at) if at is not None and at > now]
            if now >= failed_at:
                yield from self.spend(payment, ends - now, "outage")
            elif opens == now:
                yield from self.spend(payment, min(*turns, hours.closing(now)) - now, "work")
            elif planned == now or now >= due:
                turns += [hours.schedule.closing(now)] if planned == now else []
                yield from self.spend(payment, min(turns) - now, "outage")
            else:
                yield from self.rest(payment, min(turns), hours.shut)

    # Who is who, and what was drawn.

    def _system(self, number: int) -> System:
        match self.world.network.system_plans[number].kind:
            case "rtgs" | "correspondent" | "clearing":
                return Gross(number, self.stage)
            case "dns":
                return DeferredNet(number, self.stage, self.loans)
            case "hybrid":
                return Hybrid(number, self.stage)
            case "pvp":
                return Link(number, self.stage, Rates(self.world.fx))
            case kind:
                raise NotImplementedError(f"the plain model does not tell a {kind} system")

    def _open_desk(self, number: int, bank: str) -> None:
        """Where nothing else is stated, a bank's back office reviews, with as many people as it takes."""
        declared = {desk.bank: (name, desk) for name, desk in self.scenario.desks.items()}
        self._desk_hours[bank] = self.office(bank)
        if bank in declared:
            name, desk = declared[bank]
            hours = self.scenario.banks[bank].hours if desk.hours is None else desk.hours
            table = self.world.openings.hours(hours, ("bank", bank))
            table = table.without(self.world.openings.gaps(("desk", name)))
            self._desk_hours[bank] = Sessions(table, LocalDays(hours, self.world))
            if desk.staff is not None:
                self._desks[bank] = Desk(
                    number,
                    self._desk_hours[bank],
                    desk.staff,
                    self.turns,
                    self.env,
                    by_priority=desk.queue == "priority",
                )

    def _payments(self) -> Iterator[Payment]:
        world, drawn = self.world, self.world.payments
        routes, banks = list(world.routes.values()), world.network.banks
        for number in range(len(drawn)):
            # Payments of one's own are between banks, of no firm.
            obligation = int(drawn.obligation[number])
            payer, payee = (
                -1 if obligation < 0 else int(firms[obligation])
                for firms in (world.obligations.payer, world.obligations.payee)
            )
            yield Payment(
                number=number,
                obligation=obligation,
                route=routes[drawn.route[number]],
                payer=payer,
                payee=payee,
                payer_bank=banks[drawn.payer_bank[number]],
                payee_bank=banks[drawn.payee_bank[number]],
                currency=world.fx.currencies[drawn.currency[number]],
                amount=int(drawn.amount[number]),
                priority=int(drawn.priority[number]),
                first_instructed_at=int(drawn.instructed_at[number]),
                instructed_at=int(drawn.instructed_at[number]),
            )

    def draw(self, payment: Payment, place: int, which: int) -> float:
        name = self._draw_names[id(payment.route)][place][which]
        return self.draws.of(payment.number, name, payment.attempt)

    def stated(self, screen: Screen, what: str, bank: str, at: int) -> Any:  # noqa: ANN401 - a share or a duration
        """What a review is like of what comes to a bank at an instant: as declared, or as the timeline has it."""
        found = getattr(screen, what)
        for entry in self.scenario.timeline:
            if entry.kind == "review" and entry.bank in (None, bank):
                since, until = (
                    None if local is None else to_instant(local, self.world.window.zone)
                    for local in (entry.from_, entry.to)
                )
                if since <= at and (until is None or at < until) and getattr(entry, what) is not None:
                    found = getattr(entry, what)
        return found

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

    def office(self, bank: str) -> Sessions:
        return self.declared_hours(self.scenario.banks[bank].hours, "bank", bank)

    def declared_hours(self, choice: HoursChoice, *whose: str) -> Sessions:
        table = self.world.openings.hours(choice, whose)
        if id(table) not in self._sessions:
            self._sessions[id(table)] = Sessions(table, LocalDays(choice, self.world))
        return self._sessions[id(table)]

    def _paying(self, funding: Any) -> Sessions:  # noqa: ANN401 - a declaration
        """When the other system pays for funding: in its own hours, or in those stated, outages apart."""
        if funding.hours is None:
            return self.stage.hours[list(self.scenario.systems).index(funding.from_)]
        return self.declared_hours(funding.hours, "system", funding.from_)

    def _system_hours(self, number: int) -> Sessions:
        """Of a link, those in which both legs are open."""
        name, table = self.world.network.systems[number], self.world.network.system_hours[number]
        system = self.scenario.systems[name]
        if not system.linked:
            return Sessions(table, LocalDays(system.hours, self.world))
        legs = [self.scenario.systems[leg].hours for leg in system.linked]
        openings = self.world.openings
        parts = [Sessions(openings.hours(hours), LocalDays(hours, self.world)) for hours in legs]
        return Sessions(table, parts=parts)


def _moves_in_books(step: Step, systems: dict[str, object]) -> bool:
    return step.kind == "settle" and systems[step.system].kind == "correspondent"
