"""A route is walked twice: beforehand as if nobody waited, afterwards with the times that came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER, Seconds
from sim.engine.markets.exchange import Orders
from sim.engine.walks import walk_back, walk_there
from sim.world.roles import roles_by_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from sim.engine.markets.exchange import Exchange
    from sim.engine.requests import Asked, Requests
    from sim.engine.walks import Walk
    from sim.world.build import World


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
                steps[mine] = np.array([place.number for place in other.places])[steps[mine]]
        return steps

    def of(self, row: int) -> Walk:
        """The walk of a journey."""
        return self.every[self._number[row]]


def build_walks(world: World, exchange: Exchange) -> Walks:
    """For each attempt the walks there, by route, and then those back; `world` is that of the journeys."""
    every = roles_by_route(world.scenario, world.routes, world.payments, world.network, world.fx.currencies)
    journeys, found = world.journeys, []
    for attempt in range(1, int(journeys.attempt.max(initial=1)) + 1):
        for back in (False, True):
            rows = np.flatnonzero((journeys.attempt == attempt) & ((journeys.back_from >= 0) == back))
            if attempt > 1 and not len(rows):
                continue
            for number, (route, roles) in enumerate(zip(world.routes.values(), every, strict=True)):
                mine = rows[world.payments.route[rows] == number]
                if not back:
                    found.append(walk_there(route, mine, world, roles, exchange, attempt))
                for step in np.unique(journeys.back_from[mine]).tolist() if back else ():
                    some = mine[journeys.back_from[mine] == step]
                    found.append(walk_back(route, some, world, roles, step))
    return Walks(found, len(world.routes), len(world.payments))


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
