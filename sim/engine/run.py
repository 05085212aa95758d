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
from sim.engine.agenda import Phase
from sim.engine.changes import releasers
from sim.engine.course import Course
from sim.engine.delays import Delays
from sim.engine.floor import Floor
from sim.engine.markets.exchange import Exchange
from sim.engine.records import Clearings, Funding, Log, Records, SessionFunding, Shifts, Submissions, Waits
from sim.engine.requests import plan_requests
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


#: How often a progress display is told the time, over the whole run.
_TICKS = 200


class Settlement:
    """Has everything happen that is planned and that is on the agenda; what happened is then on the `floor`.

    Only what contends is simulated. Most payments never wait: submissions are sorted beforehand, and drained in a
    plain loop between events. What depends on money (a treasury, a netting cycle, or a payment that waited and so
    reaches its next system late) becomes an event; SimPy keeps those events and the clock.
    """

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        # Single elements of lists are quicker to read.
        self._takers = floor.takers
        #: The first planned submission whose time has not come.
        self._next = 0

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Simulate until the end of the run; what has not settled by then stays where it waits.

        `progress` is told the simulated instant now and then.
        """
        floor, agenda = self._floor, self._floor.agenda
        if progress is not None:
            agenda.remind(max((agenda.end - agenda.start) // _TICKS, 1), progress)
        while True:
            self._drain(min(agenda.next_event, agenda.end))
            # Draining may itself have caused an earlier event.
            instant = agenda.next_event
            if instant < agenda.end:
                self._happen(int(instant))
            elif self._next == len(floor.planned) or floor.planned[self._next] >= agenda.end:
                return

    def _drain(self, bound: float) -> None:
        """Submit the planned transfers that arrive before `bound`, and before any event that they cause."""
        floor, agenda = self._floor, self._floor.agenda
        planned, late, takers, count = floor.planned, floor.late, self._takers, len(floor.planned)
        number = self._next
        while number < count and planned[number] < bound:
            if not late[number]:
                takers[number].submit(number, planned[number])
                if agenda.eventful:
                    bound = min(bound, agenda.next_event)
                    agenda.eventful = False
            number += 1
        self._next = number

    def _happen(self, at: int) -> None:
        """Do everything that is due at the instant of the next event, in order."""
        floor, agenda = self._floor, self._floor.agenda
        while True:
            first, planned = agenda.due(at), self._planned(at)
            if planned is not None and (first is None or planned < first):
                number = self._next
                self._next += 1
                if not floor.late[number]:
                    floor.submit(number, at)
            elif first is not None:
                agenda.take()(at)
            else:
                agenda.eventful = False
                return

    def _planned(self, at: int) -> tuple[Phase, tuple[int, ...]] | None:
        """Phase and order of the next planned submission, if it is due now.

        They are looked at singly, for an earlier one may void it.
        """
        floor, number = self._floor, self._next
        if number == len(floor.planned) or floor.planned[number] != at:
            return None
        return Phase.SUBMISSION, (-floor.priority[number], floor.payment[number], number)


def _record(exchange: Exchange, walks: Walks, requests: Requests, floor: Floor) -> Records:
    world = exchange.world
    end, journeys = world.window.end, world.journeys
    log = Log(Delays(journeys.payment, journeys.attempt, end), end, journeys)
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
        session_funding=SessionFunding.of(floor.funded),
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
    def asked(step: int) -> NDArray[np.intp]:
        return np.flatnonzero(requests.step == step)

    def by_journey(step: int, instants: Seconds) -> Seconds:
        return _by_journey(requests, asked(step), instants, len(world.payments))

    @cache
    def arrivals(step: int) -> Seconds:
        return by_journey(step, simulated.arrival)

    @cache
    def waits(step: int) -> Waits:
        return Waits(*(by_journey(step, column) for column in simulated[2:]))

    for walk in walks:
        traced = walk.trace({number: waits(number) for number in walk.contended}, course.begun, log, end)
        course.follow(walk, traced, log)
        for number, told in traced.arrivals.items():
            came = traced.left[number - 1] if number else traced.begun
            shut[number][walk.rows] = told > came
            _compare(walk, told, arrivals(number)[walk.rows], end)
    opened = np.zeros(requests.rows, dtype=np.bool_)
    for number, waited in shut.items():
        opened[asked(number)] = waited[requests.journey[asked(number)]]
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


def _by_journey(requests: Requests, here: NDArray[np.intp], instants: Seconds, count: int) -> Seconds:
    """Instants of the requests `here` by journey, −1 for journeys without one.

    Of several parts it is the latest.
    """
    found = np.full(count, -1, dtype=np.int64)
    np.maximum.at(found, requests.journey[here], instants[here])
    return found


def _compare(walk: Walk, told: Seconds, simulated: NDArray[np.int64], end: int) -> None:
    differs = (simulated >= 0) & (told < end) & (told != simulated)
    if differs.any():
        payment = int(walk.rows[np.flatnonzero(differs)[0]])
        raise PromiseError(f"payment {payment}: the submission told afterwards is not the one simulated")
