"""From a drawn world to the record of what happened in it."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER
from sim.engine.actors import build_actors
from sim.engine.actors.dealers import Dealers
from sim.engine.actors.returns import Returns
from sim.engine.changes import releasers
from sim.engine.course import Course
from sim.engine.delays import Delays
from sim.engine.floor import Floor
from sim.engine.markets.exchange import Exchange
from sim.engine.records import Clearings, Funding, Log, Records, Shifts, Submissions, Waits
from sim.engine.requests import plan_requests
from sim.engine.settlement import Settlement
from sim.engine.walks import build_walks, payers_orders, reached
from sim.errors import PromiseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.requests import Requests
    from sim.engine.walks import Walk, Walks
    from sim.world.world import World


def simulate(world: World, progress: Callable[[int], None] | None = None) -> Records:
    """Run the world to its end and record every fact; nothing here is random.

    `progress` is told the simulated instant now and then. `PromiseError` if the simulated course of a
    payment and the course told afterwards differ.
    """
    world = world.travelling
    exchange = Exchange(world)
    walks = build_walks(world, exchange)
    buying_at = reached(exchange, walks)
    orders = payers_orders(exchange, buying_at)
    if not exchange.live:
        for obligation, at in zip(orders.obligation.tolist(), orders.at.tolist(), strict=True):
            exchange.buy(obligation, at)
    requests = plan_requests(world, walks.asked())
    # From here on nobody is called but by the agenda: whoever is built schedules what he will do first.
    floor = Floor(world, requests, walks.rearriving(requests))
    build_actors(world, floor)
    dealers = Dealers(exchange, (orders, buying_at), floor, walks, requests) if exchange.live else None
    Returns(world, walks, requests, floor, dealers)
    Settlement(floor).run(progress)
    return _record(exchange, walks, requests, floor)


def _record(exchange: Exchange, walks: Walks, requests: Requests, floor: Floor) -> Records:
    world = exchange.world
    log = Log(Delays(len(world.payments), world.window.end), world.window.end, world.journeys)
    arrival, settled = np.array(floor.arrival, dtype=np.int64), np.array(floor.settled, dtype=np.int64)
    settled = np.where(settled < 0, NEVER, settled)
    # Counter-movements arrive with what they answer to, and their amounts have come about.
    arrival = arrival[requests.first_part] if len(floor.planned) < requests.rows else arrival
    requests = requests._replace(amount=np.array(floor.amount, dtype=np.int64))
    simulated = _Simulated(requests, arrival, settled, *_cycles(floor, settled))
    course, opened = _trace(world, walks, log, simulated)
    outcome = course.outcome(log)
    exchange.cancel(outcome["cancelled_at"])
    sold_back = exchange.report(log)
    # From here on a step is that of the route, whichever way a payment went.
    requests = requests._replace(step=walks.route_steps(requests))
    journal = floor.ledger.journal(requests, world.journeys.payment)
    released = releasers(floor.queued, opened, requests, settled, journal)
    return Records(
        **outcome,
        conversions=log.conversions(),
        sold_back=sold_back,
        fees=log.fees(),
        reviews=log.reviews(),
        returns=course.returns(),
        journal=journal,
        submissions=_submissions(requests, arrival, settled, floor.queued, released, world),
        loans=floor.loans.columns(),
        funding=Funding.of(floor.deals),
        shifts=Shifts.of(floor.shifts),
        offsets=tuple(sorted(floor.offsets, key=lambda run: run.system)),
        clearings=Clearings.of(sorted(floor.squarings, key=lambda payment: payment.system)),
        closing=np.array(floor.ledger.balance, dtype=np.int64),
    )


class _Simulated(NamedTuple):
    """When requests were submitted, met, accepted for a cycle (or taken up), and when that cycle was."""

    requests: Requests
    arrival: Seconds
    settled: Seconds
    accepted: Seconds
    cycle: Seconds


def _trace(world: World, walks: Walks, log: Log, simulated: _Simulated) -> tuple[Course, NDArray[np.bool_]]:
    """Walk all routes with the times that came about, and compare with what was simulated.

    The second value is, by request, whether its journey came before it could ask, since something was shut.
    """
    course, requests, end = Course(world), simulated.requests, world.window.end
    shut: dict[int, NDArray[np.bool_]] = defaultdict(lambda: np.zeros(len(world.payments), dtype=np.bool_))

    @cache
    def waits(step: int) -> Waits:
        return Waits(*(_by_journey(requests, column, step, len(world.payments)) for column in simulated[2:]))

    for walk in walks:
        traced = walk.trace({number: waits(number) for number in walk.contended}, course.begun, log, end)
        course.follow(walk, traced, log)
        for number, told in traced.arrivals.items():
            came = traced.left[number - 1] if number else course.begun[walk.rows]
            shut[number][walk.rows] = told > came
            arrivals = _by_journey(requests, simulated.arrival, number, len(world.payments))
            _compare(walk, told, arrivals[walk.rows], end)
    opened = np.zeros(requests.rows, dtype=np.bool_)
    for number, waited in shut.items():
        here = requests.step == number
        opened[here] = waited[requests.journey[here]]
    return course, opened


def _submissions(
    requests: Requests,
    arrival: Seconds,
    settled: Seconds,
    queued: Mapping[int, int],
    released: tuple[NDArray[np.int64], NDArray[np.int64]],
    world: World,
) -> Submissions:
    """The movements that were really asked for before the end: those after what was not met never were."""
    first = requests.first_part
    void = np.zeros(requests.rows, dtype=np.bool_)
    unmet = (requests.following >= 0) & (settled == NEVER)
    void[requests.following[unmet]] = True
    moving = requests.system >= 0
    rows = np.flatnonzero(moving & ~void[first] & (arrival < world.window.end))
    order = (rows, requests.part[rows], requests.step[rows], requests.journey[rows], arrival[rows])
    rows = rows[np.lexsort(order)]
    place = np.full(requests.rows, -1)
    place[list(queued)] = np.arange(len(queued))
    linked = np.flatnonzero(requests.counter >= 0)
    place[requests.counter[linked]] = place[linked]
    return Submissions(
        payment=world.journeys.payment[requests.journey[rows]],
        journey=requests.journey[rows],
        step=requests.step[rows],
        part=requests.part[rows],
        system=requests.system[rows],
        debit=requests.debit[rows],
        credit=requests.credit[rows],
        amount=requests.amount[rows],
        submitted_at=arrival[rows],
        settled_at=settled[rows],
        queue_entry=place[rows],
        released_by=released[0][rows],
        released_by_posting=released[1][rows],
    )


def _cycles(floor: Floor, settled: Seconds) -> tuple[Seconds, Seconds]:
    """Instants of acceptance for a cycle and of that cycle by transfer; those of settlement where there is none."""
    accepted, cycle = settled.copy(), settled.copy()
    for number, (accepted_at, cycle_at) in floor.cycles.items():
        accepted[number], cycle[number] = accepted_at, cycle_at
    return accepted, cycle


def _by_journey(requests: Requests, instants: Seconds, step: int, count: int) -> Seconds:
    """Instants of the requests of one step by journey, −1 for journeys without one.

    Of several parts it is the latest.
    """
    found = np.full(count, -1, dtype=np.int64)
    here = requests.step == step
    np.maximum.at(found, requests.journey[here], instants[here])
    return found


def _compare(walk: Walk, told: Seconds, simulated: NDArray[np.int64], end: int) -> None:
    differs = (simulated >= 0) & (told < end) & (told != simulated)
    if differs.any():
        payment = int(walk.rows[np.flatnonzero(differs)[0]])
        raise PromiseError(f"payment {payment}: the submission told afterwards is not the one simulated")
