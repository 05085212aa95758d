"""A payment that is sent back goes on another journey: back to its payer, and from there to its payee again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.engine.actors.desks import Desk

if TYPE_CHECKING:
    from sim.engine.actors.dealers import Dealers
    from sim.engine.floor import Floor
    from sim.engine.requests import Requests
    from sim.engine.steps.screen import Case
    from sim.engine.walks import Walks
    from sim.world.world import World


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
