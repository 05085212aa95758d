"""A route is walked twice: beforehand as if nobody waited, afterwards with the times that came about."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER, Seconds
from sim.engine.fees import charge
from sim.engine.markets.exchange import Orders
from sim.engine.steps import KINDS
from sim.engine.steps.convert import ConvertStep
from sim.engine.steps.office import PostStep
from sim.engine.steps.settle import SettleStep, Waits
from sim.world.draws import route_draws
from sim.world.roles import Roles, roles_by_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.engine.markets.exchange import Exchange
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows, Step
    from sim.engine.transfers import Asked
    from sim.scenario.model.network import Route
    from sim.world.build import World


class Walk:
    """The steps of one route, ready to be walked by its payments."""

    def __init__(self, route: Route, rows: Rows, world: World, roles: Roles, exchange: Exchange) -> None:
        self.rows = rows
        self._world = world
        self._declared = route.steps
        kinds: dict[str, Callable[..., Step]] = {**KINDS, "convert": partial(ConvertStep, exchange)}
        self.steps: list[Step] = [
            kinds[step.kind](step, world, roles, draws)
            for step, draws in zip(route.steps, route_draws(route), strict=True)
        ]
        self.settling = [number for number, step in enumerate(self.steps) if isinstance(step, SettleStep)]

    @property
    def posting(self) -> int:
        """The step that credits the payee."""
        return next(number for number, step in enumerate(self.steps) if isinstance(step, PostStep))

    @property
    def buying(self) -> int:
        """The step at which the payer needs its currency, −1 if there is none."""
        found = (
            n for n, step in enumerate(self.steps) if isinstance(step, ConvertStep) and not step.by_payee
        )
        return next(found, -1)

    def orders(self, exchange: Exchange) -> tuple[Rows, Seconds]:
        """Payments whose payers turn to the exchange, and when the payments get to that step."""
        mine = exchange.payers[self._world.payments.obligation[self.rows]]
        rows, at = self.rows[mine], self._accepted()[mine]
        for step in self.steps[: self.buying] if len(rows) else ():
            at = step.plan(rows, at, None)
        return rows, at

    def _accepted(self) -> Seconds:
        """When payments are instructed; NEVER for those from or to a bank that has failed before."""
        payments, failed_at = self._world.payments, self._world.network.failed_at
        at = payments.instructed_at[self.rows]
        failed = np.minimum(
            failed_at[payments.payer_bank[self.rows]], failed_at[payments.payee_bank[self.rows]]
        )
        return np.where(failed <= at, NEVER, at)

    def submissions(self) -> Iterator[Asked]:
        """What every settling step is asked for."""
        at = self._accepted()
        for number, step in enumerate(self.steps[: self.settling[-1] + 1]):
            at = step.plan(self.rows, at, None)
            if isinstance(step, SettleStep):
                yield step.asked(number, self.rows, at)

    def arrival(self, payment: int, settled_step: int, settled_at: int, next_step: int) -> int:
        """When a payment that left `settled_step` at `settled_at` is submitted at `next_step`."""
        row, at = np.array([payment]), np.array([settled_at])
        for step in self.steps[settled_step + 1 : next_step + 1]:
            at = step.plan(row, at, None)
        return int(at[0])

    def planned(self, payment: int, step: int) -> int:
        """When a payment gets to a step, or is through with it, if it does not wait in a system before."""
        return self.arrival(payment, -1, int(self._world.payments.instructed_at[payment]), step)

    def trace(
        self, waits: dict[int, Waits], log: Log, end: int
    ) -> tuple[Seconds, Seconds, dict[int, Seconds]]:
        """Settlement and credit instants of the route's payments (NEVER if not before `end`).

        `waits` holds, by step number, how each payment of the whole run waited and settled there (−1 where it
        had nothing to move). Delays, deals and charges go into the log; also returned are the
        arrivals at each settling step, for comparison with those that were simulated.
        """
        at = self._accepted()
        log.delays.spend(self.rows, self._world.payments.instructed_at[self.rows], at, "outage")
        settled_at = np.full(len(self.rows), NEVER)
        credited_at = np.full(len(self.rows), NEVER)
        arrivals = {}
        for number, (step, declared) in enumerate(zip(self.steps, self._declared, strict=True)):
            if declared.fee is not None:
                owed = self.rows, at, self._world.payments.amount[self.rows]
                if isinstance(step, ConvertStep):
                    owed = step.charged(self.rows, at)
                charge(declared.fee, number, owed, self._world, log)
            at = step.plan(self.rows, at, log)
            if isinstance(step, SettleStep):
                arrivals[number] = at
                settled_at = at = step.wait(self.rows, at, waits[number], log)
            elif isinstance(step, PostStep):
                credited_at = at
        if not any(isinstance(step, PostStep) for step in self.steps):
            # Between banks, what is settled is with the payee.
            credited_at = settled_at
        return (
            np.where(settled_at < end, settled_at, NEVER),
            np.where(credited_at < end, credited_at, NEVER),
            arrivals,
        )


def build_walks(world: World, exchange: Exchange) -> list[Walk]:
    """One walk per declared route, by route number."""
    every = roles_by_route(world.scenario, world.routes, world.payments, world.network, world.fx.currencies)
    return [
        Walk(route, np.flatnonzero(world.payments.route == number), world, roles, exchange)
        for number, (route, roles) in enumerate(zip(world.routes.values(), every, strict=True))
    ]


def reached(exchange: Exchange, walks: list[Walk]) -> Seconds:
    """When each payment gets to the step at which its payer needs currency of the exchange; NEVER for the others."""
    at = np.full(len(exchange.world.payments), NEVER)
    if exchange.payers.any():
        for walk in walks:
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
