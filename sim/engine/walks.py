"""A route is walked twice: beforehand as if nobody waited, afterwards with the times that came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER, Seconds
from sim.core.currency import Amounts, round_half_even
from sim.engine.markets.exchange import Orders
from sim.engine.records import Fees
from sim.engine.steps import KINDS
from sim.engine.steps.office import CorrectionStep, HeldStep, reversed_settlement
from sim.engine.steps.settle import SettleStep
from sim.engine.value import ValueDates, ValuedStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from sim.engine.markets.exchange import Exchange
    from sim.engine.records import Log, Waits
    from sim.engine.requests import Asked, Requests
    from sim.engine.steps.base import Rows, Step
    from sim.engine.steps.screen import Case
    from sim.world.steps import FeePlan, RoutePlan, StepPlan
    from sim.world.world import World


class Stop(NamedTuple):
    """One step of a walk: what happens, its number in the route, and its plan, if what that says happens here."""

    step: Step
    number: int
    plan: StepPlan | None = None


class Traced(NamedTuple):
    """How the payments of a walk fared; NEVER for what did not happen before the end of the run.

    `begun` holds the instants at which they came to the first step, `left` those at which they left each step, and
    `arrivals`, by step, those at which they asked for something, for comparison with what was simulated.
    """

    begun: Seconds
    settled_at: Seconds
    credited_at: Seconds
    left: list[Seconds]
    arrivals: dict[int, Seconds]


class Walk:
    """One way through the steps, there or back, and the journeys that take it."""

    def __init__(
        self,
        stops: list[Stop],
        rows: Rows,
        world: World,
        *,
        value: ValueDates | None = None,
        leads_back: bool = False,
    ) -> None:
        self.rows = rows
        self.leads_back = leads_back
        self._value = value
        self.stops = stops
        self.steps = [stop.step for stop in stops]
        #: The steps at which payments may have to wait for each other, and how a payment comes to each step.
        self.contended = {n: found for n, step in enumerate(self.steps) if (found := step.contended())}
        self._entering = [
            self.contended[n].enter if n in self.contended else step.plan for n, step in enumerate(self.steps)
        ]
        self._world = world

    @property
    def posting(self) -> int:
        """The step that credits the payee."""
        return next(number for number, (*_, plan) in enumerate(self.stops) if plan and plan.credits)

    @property
    def buying(self) -> int:
        """The step at which the payer needs its currency, −1 if there is none."""
        found = (n for n, (*_, plan) in enumerate(self.stops) if plan and plan.exchanging == "payer")
        return next(found, -1)

    def orders(self, exchange: Exchange) -> tuple[Rows, Seconds]:
        """Payments whose payers turn to the exchange, and when the payments get to that step."""
        mine = exchange.payers[self._world.payments.obligation[self.rows]]
        rows, at = self.rows[mine], self.accepted(self._world.payments.instructed_at)[mine]
        for step in self.steps[: self.buying] if len(rows) else ():
            at = step.plan(rows, at, None)
        return rows, at

    def accepted(self, begun: Seconds) -> Seconds:
        """When journeys begin; NEVER for those from or to a bank that has failed before."""
        return self._accept(self.rows, self._unless_failed(self.rows, begun[self.rows]), None)

    def _accept(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """When the payer's bank takes in what begins then, if it promises a value date."""
        return at if self._value is None else self._value.accept(rows, at, log)

    def _unless_failed(self, rows: Rows, at: Seconds) -> Seconds:
        payments, failed_at = self._world.payments, self._world.network.failed_at
        failed = np.minimum(failed_at[payments.payer_bank[rows]], failed_at[payments.payee_bank[rows]])
        return np.where(failed <= at, NEVER, at)

    def asked(self) -> Iterator[Asked]:
        """What the payments ask for at every step at which they might have to wait."""
        at = self.accepted(self._world.payments.instructed_at)
        for number, step in enumerate(self.steps[: max(self.contended, default=-1) + 1]):
            if contended := self.contended.get(number):
                yield contended.asked(number, self.rows, contended.enter(self.rows, at, None))
            at = step.plan(self.rows, at, None)

    def case(self, step: int, row: int, at: int) -> Case | None:
        """See `Step`."""
        return self.steps[step].case(row, at)

    def begun(self, row: int, at: int) -> int:
        """When a journey that should begin at an instant does; NEVER if a bank has failed."""
        rows = np.array([row])
        return int(self._accept(rows, self._unless_failed(rows, np.array([at])), None)[0])

    def arrival(self, journey: int, left_step: int, left_at: int, next_step: int) -> int:
        """When a journey that left a step at `left_at` asks for something at `next_step`, or is through with it."""
        row, at = np.array([journey]), np.array([left_at])
        for step in self.steps[left_step + 1 : next_step]:
            at = step.plan(row, at, None)
        return int(self._entering[next_step](row, at, None)[0])

    def planned(self, journey: int, step: int) -> int:
        """When a journey gets to a step, or is through with it, if it does not wait before."""
        row = np.array([journey])
        begun = self._accept(row, self._world.payments.instructed_at[row], None)
        return self.arrival(journey, -1, int(begun[0]), step)

    def trace(self, waits: dict[int, Waits], begun: Seconds, log: Log, end: int) -> Traced:
        """How the payments went on, step by step; delays, deals, charges and reviews go into the log.

        `waits` holds, by step, how each journey of the whole run waited there, and `begun` when each began.
        """
        at = self._unless_failed(self.rows, begun[self.rows])
        log.delays.walk(self.rows)
        # Nobody takes up what is from or to a bank that has failed.
        log.delays.enter(0, ["payer_bank"])
        stopped = at > begun[self.rows]
        log.delays.spend(self.rows[stopped], begun[self.rows][stopped], at[stopped], "outage")
        settled_at = np.full(len(self.rows), NEVER)
        credited_at = np.full(len(self.rows), NEVER)
        came, left, arrivals = at, [], {}
        for number, (step, place, plan) in enumerate(self.stops):
            if plan:
                log.delays.enter(place, plan.places, -1 if plan.move is None else plan.move.system)
            if not number:
                at = came = self._accept(self.rows, at, log)
            if plan and plan.fee is not None:
                owed = step.charged(self.rows, at, self._world.payments.amount[self.rows])
                charge(plan.fee, place, owed, self._world, log)
            if contended := self.contended.get(number):
                arrivals[number] = contended.enter(self.rows, at, log)
                at = contended.wait(place, self.rows, arrivals[number], waits[number], log)
            else:
                at = step.plan(self.rows, at, log)
            if plan and plan.move is not None:
                settled_at = at
            if plan and plan.credits:
                credited_at = at
            left.append(at)
        if not any(stop.plan and stop.plan.credits for stop in self.stops):
            # Between banks, what is settled is with the payee.
            credited_at = settled_at
        return Traced(
            came,
            np.where(settled_at < end, settled_at, NEVER),
            np.where(credited_at < end, credited_at, NEVER),
            left,
            arrivals,
        )


def walk_there(route: RoutePlan, rows: Rows, world: World, exchange: Exchange, attempt: int) -> Walk:
    """The way to the payee; only at the first attempt does a payer buy the currency."""
    value = None if route.promises is None else ValueDates(route.promises, route.roles)
    stops = []
    for number, plan in enumerate(route.steps):
        if attempt > 1 and plan.exchanging == "payer":
            stops.append(Stop(HeldStep(), number))
            continue
        if value is not None and number == value.step:
            step: Step = ValuedStep(SettleStep(plan, world, route.roles), value)
        else:
            step = KINDS[plan.kind](exchange, plan, world, route.roles)
        stops.append(Stop(step, number, plan))
    return Walk(stops, rows, world, value=value)


def walk_back(route: RoutePlan, rows: Rows, world: World, step: int) -> Walk:
    """The way back from a step to the payer, whose bank then corrects the payment."""
    steps = [
        Stop(SettleStep(settle, world, route.roles), number, settle)
        for number, settle in reversed_settlement(route, step)
    ]
    correction = Stop(CorrectionStep(route.steps[step], world, route.roles), step)
    return Walk([*steps, correction], rows, world, leads_back=True)


class Walks:
    """All walks of a run, and which of them each journey takes.

    A journey comes after those that it follows from, so that walks in this order can be traced one by one.
    """

    def __init__(self, every: list[Walk], routes: int, journeys: int) -> None:
        self.every = every
        #: The first attempts, by route.
        self.first = every[:routes]
        self._of = np.full(journeys, -1, dtype=np.int64)
        for number, walk in enumerate(every):
            self._of[walk.rows] = number
        self._number: list[int] = self._of.tolist()

    def __iter__(self) -> Iterator[Walk]:
        return iter(self.every)

    def asked(self) -> Iterator[Asked]:
        """What payments ask for on all walks, step by step."""
        for walk in self.every:
            yield from walk.asked()

    def rearriving(self, requests: Requests) -> Callable[[int, int, int], int]:
        """Tells when a payment whose request was met at an instant asks for the following one."""
        journey: list[int] = requests.journey.tolist()
        step: list[int] = requests.step.tolist()

        def rearrive(number: int, met_at: int, following: int) -> int:
            row = journey[number]
            return self.of(row).arrival(row, step[number], met_at, step[following])

        return rearrive

    def route_steps(self, requests: Requests) -> NDArray[np.int64]:
        """The step of the route that each request belongs to; on the way back it is what is undone."""
        steps = requests.step.copy()
        walk = self._of[requests.journey]
        for number, other in enumerate(self.every):
            if other.leads_back:
                mine = walk == number
                steps[mine] = np.array([stop.number for stop in other.stops])[steps[mine]]
        return steps

    def of(self, row: int) -> Walk:
        """The walk of a journey."""
        return self.every[self._number[row]]


def build_walks(world: World, exchange: Exchange) -> Walks:
    """For each attempt the walks there, by route, and then those back; `world` is that of the journeys."""
    journeys, found = world.journeys, []
    for attempt in range(1, int(journeys.attempt.max(initial=1)) + 1):
        for back in (False, True):
            rows = np.flatnonzero((journeys.attempt == attempt) & ((journeys.back_from >= 0) == back))
            if attempt > 1 and not len(rows):
                continue
            for number, route in enumerate(world.route_plans):
                mine = rows[world.payments.route[rows] == number]
                if not back:
                    found.append(walk_there(route, mine, world, exchange, attempt))
                for step in np.unique(journeys.back_from[mine]).tolist() if back else ():
                    some = mine[journeys.back_from[mine] == step]
                    found.append(walk_back(route, some, world, step))
    return Walks(found, len(world.route_plans), len(world.payments))


def reached(exchange: Exchange, walks: Walks) -> Seconds:
    """When each payment gets to the step at which its payer needs currency of the exchange; NEVER for the others."""
    at = np.full(len(exchange.world.payments), NEVER)
    if exchange.payers.any():
        for walk in walks.first:
            rows, instants = walk.orders(exchange)
            at[rows] = instants
    return at


def payers_orders(exchange: Exchange, at: Seconds) -> Orders:
    """Every order of payers at the exchange: those given early, and those given when payments get there."""
    early, world = exchange.early, exchange.world
    on_the_way = np.flatnonzero((at < NEVER) & ~np.isin(np.arange(len(at)), early.payment))
    orders = Orders(
        np.concatenate([early.obligation, world.payments.obligation[on_the_way]]),
        np.concatenate([early.payment, on_the_way]),
        np.concatenate([early.at, at[on_the_way]]),
    )
    return orders.sorted().before(world.window.end)


def charge(
    fee: FeePlan, step: int, owed: tuple[NDArray[np.int64], Seconds, Amounts], world: World, log: Log
) -> None:
    """Charge payments at step number `step`, if they reach it before the run ends.

    `owed` are the payments, when they are charged, and the amounts (of the payments' currency) on which.
    Firms of other groups than those of the fee owe nothing.
    """
    reached = owed[1] < log.end
    parties = world.obligations.payer if fee.bearer == "payer" else world.obligations.payee
    firms = parties[world.payments.obligation[owed[0]]]
    reached &= fee.groups[world.firms.group[firms]]
    rows, at, amount = (column[reached] for column in owed)
    value = world.fx.convert(amount, world.payments.currency[rows], fee.currency, at)
    log.charge(
        Fees(
            payment=rows,
            attempt=world.journeys.attempt[rows],
            step=np.full(len(rows), step, dtype=np.int64),
            firm=firms[reached],
            at=at,
            currency=np.full(len(rows), fee.currency, dtype=np.int64),
            amount=fee_amounts(fee, value),
        )
    )


def fee_amounts(fee: FeePlan, value: Amounts) -> Amounts:
    """Minor units charged on payments of `value` minor units of the fee's currency.

    flat + share · value, not less than the minimum and not more than the maximum.
    """
    amount = np.maximum(fee.flat + fee.share * value, fee.minimum)
    if fee.maximum is not None:
        amount = np.minimum(amount, fee.maximum)
    return round_half_even(amount)
