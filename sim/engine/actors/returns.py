"""Who reviews a payment lets it go on, or sends it back to its payer, and from there to its payee again."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.agenda import Phase
from sim.engine.systems.queues import QUEUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.actors.dealers import Dealers
    from sim.engine.floor import Floor
    from sim.engine.requests import Requests
    from sim.engine.steps.screen import Case
    from sim.engine.walks import Walks
    from sim.world.network import DeskPlan
    from sim.world.world import World


class Desk:
    """Analysts of one bank; a request is a payment that comes to them, met when it may go on.

    Who has begun a case ends it before he takes the next. While the desk is shut nobody begins, so that of what comes
    in the night the most urgent is first in the morning.
    """

    def __init__(
        self,
        bank: int,
        plan: DeskPlan,
        floor: Floor,
        case: Callable[[int, int], Case | None],
        send_back: Callable[[int, int], None],
    ) -> None:
        """`case(request, at)` tells what a payment that comes in is to the people at the desk.

        `send_back(request, at)` is called for each case that the review returns; `at` is when its money begins to go
        back.
        """
        self._bank = bank
        self._hours = plan.hours
        self._staff = plan.staff
        self._floor = floor
        self._case = case
        self._send_back = send_back
        self._queue = QUEUES[plan.queue](floor)
        self._cases: dict[int, Case] = {}
        #: When those who are at work will have ended, the earliest first.
        self._busy: list[int] = []

    def submit(self, number: int, at: int) -> None:
        """A payment comes to the desk, perhaps while it is shut."""
        case = self._case(number, at)
        if case is None:
            self._floor.note_cycle(number, at, at)
            self._floor.finish(number, at)
        elif self._staff is None or (not self._queue and self._free(at)):
            self._begin(number, case, at)
        else:
            if not self._queue:
                self._await(at)
            self._cases[number] = case
            self._queue.push(number)
            self._floor.void(number)

    def _take_up(self, at: int) -> None:
        """The desk opens, or somebody is free: the next cases are taken up."""
        while self._queue and self._free(at):
            number = self._queue.first()
            self._queue.remove({number})
            self._begin(number, self._cases.pop(number), at)
        if self._queue:
            self._await(at)

    def _free(self, at: int) -> bool:
        """Whether somebody could begin now."""
        while self._busy and self._busy[0] <= at:
            heappop(self._busy)
        return self._hours.is_open_at(at) and (self._staff is None or len(self._busy) < self._staff)

    def _await(self, at: int) -> None:
        """Look again when somebody may be free, but not before the desk is open."""
        everybody = self._staff is not None and len(self._busy) >= self._staff
        free_at = max(at, self._busy[0]) if everybody else at
        opens_at = self._hours.opens_at(free_at)
        self._floor.agenda.schedule(opens_at, Phase.REVIEW, self._take_up, self._bank)

    def _begin(self, number: int, case: Case, at: int) -> None:
        ends = int(self._hours.advance(np.array([at]), np.array([case.work]))[0])
        self._floor.note_cycle(number, at, at)
        if self._staff is not None:
            heappush(self._busy, ends)
        if case.return_after is None:
            self._floor.finish(number, ends)
        else:
            self._floor.void(number)
            self._send_back(number, ends + case.return_after)


class Returns:
    """Begins a journey where the one before it ends, and asks for what it needs first."""

    def __init__(
        self, world: World, walks: Walks, requests: Requests, floor: Floor, dealers: Dealers | None
    ) -> None:
        """Opens the desks that review payments, too; `dealers` are there if deals depend on what settles."""
        journeys = world.journeys
        self._dealers = dealers
        self._walks = walks
        self._floor = floor
        self._step: list[int] = requests.step.tolist()
        self._back = {step: rows.tolist() for step, rows in journeys.back.items()}
        self._again: list[int] = journeys.again.tolist()
        if journeys.back:
            self._first, last = requests.ends(len(world.payments))
            for row in np.flatnonzero((journeys.back_from >= 0) & (last >= 0)).tolist():
                floor.watch(int(last[row]), self._returned)
        plans = enumerate(world.network.desks)
        desks = [Desk(bank, plan, floor, self._case, self._send_back) for bank, plan in plans]
        floor.serve(desks, requests.desk)

    def _case(self, number: int, at: int) -> Case | None:
        row = self._floor.journey[number]
        return self._walks.of(row).case(self._step[number], row, at)

    def _send_back(self, number: int, at: int) -> None:
        row = self._floor.journey[number]
        self._begin(self._back[self._step[number]][row], at)

    def _begin(self, row: int, at: int) -> None:
        walk, first = self._walks.of(row), int(self._first[row])
        begun = walk.begun(row, at)
        if begun == NEVER:
            return
        if first >= 0:
            self._floor.arrive(first, walk.arrival(row, -1, begun, self._step[first]))
        elif walk.leads_back:
            self._go_on(row, -1, begun)
        elif self._dealers is not None:
            self._dealers.begun(row, begun)

    def _returned(self, number: int, at: int) -> None:
        """The last movement of a journey back has settled."""
        self._go_on(self._floor.journey[number], self._step[number], at)

    def _go_on(self, row: int, step: int, at: int) -> None:
        """Instruct a payment again that is back, or cancel it."""
        walk = self._walks.of(row)
        # The last step corrects the payment, whose money is there before it.
        if self._again[row] >= 0:
            self._begin(self._again[row], walk.arrival(row, step, at, len(walk.steps) - 1))
        elif self._dealers is not None:
            # What is left of the way moves nothing.
            self._dealers.cancelled(row, at)
