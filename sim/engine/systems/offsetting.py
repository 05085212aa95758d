"""Payments that block each other can settle together, for what one brings the other takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.engine.floor import Action, Phase
from sim.engine.netting import bilateral, multilateral, optimal
from sim.engine.systems.base import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from sim.core.currency import Amounts
    from sim.engine.floor import Floor
    from sim.engine.netting import Queue
    from sim.engine.systems.base import Place
    from sim.engine.systems.together import Together
    from sim.scenario.model.settlement import Offsetting as Declared

    SettleTogether = Callable[[list[int], int], None]
    Waiting = Callable[[], Iterable[int]]


class Offsetting:
    """When a system looks for payments that can settle together, and by which rule it finds them."""

    def __init__(
        self, declared: Declared, discipline: str, together: Together, place: Place, floor: Floor
    ) -> None:
        self._declared = declared
        self._together = together
        self._choose = {
            "none": _nothing,
            "bilateral": self._bilateral,
            "multilateral": multilateral,
            "optimal": self._optimal,
        }[declared.kind]
        self._by_pair: Final = discipline == "bypass"
        # Whether only what each queue's order allows can settle together.
        self._in_order: Final = declared.kind == "multilateral" or (
            declared.kind == "bilateral" and not self._by_pair
        )
        self._place = place
        self._floor = floor
        self._awaited = False
        self._fruitless: tuple[list[int], list[int]] = ([], [])

    def entered(self, at: int, settle: SettleTogether, waiting: Waiting) -> None:
        """A payment has joined a queue."""
        declared = self._declared
        if declared.kind == "none":
            return
        if declared.every is not None:
            self._await_tick(at)
        elif declared.size is None or self._together.count >= declared.size:
            self._offset(at, settle, waiting)

    def tick(self, at: int, settle: SettleTogether, waiting: Waiting) -> None:
        """The time of a run has come."""
        self._awaited = False
        self._offset(at, settle, waiting)
        if self._together.count:
            self._await_tick(at)

    def _offset(self, at: int, settle: SettleTogether, waiting: Waiting) -> None:
        if not self._together.count or (self._in_order and not self._together.solvable()):
            return
        snapshot = Snapshot(self._floor, self._place, waiting())
        state = (snapshot.numbers, snapshot.available.tolist())
        # The same payments and the same money once led to nothing, and would again.
        if state == self._fruitless:
            return
        chosen = snapshot.chosen(self._choose(snapshot.queue, snapshot.available))
        if chosen:
            settle(chosen, at)
        else:
            self._fruitless = state

    def _await_tick(self, at: int) -> None:
        """Runs take place every so often from the opening of each session on, if anybody waits."""
        every = self._declared.every
        if self._awaited or every is None:
            return
        hours = self._place.hours
        opened = hours.opened_at(at)
        tick = opened + ((at - opened) // every + 1) * every
        if not hours.is_open_at(tick):
            tick = hours.opens_at(tick)
        self._awaited = True
        self._floor.schedule(tick, Action(Phase.NETTING, 0, self._place.number, self._place.number))

    def _bilateral(self, queue: Queue, available: Amounts) -> NDArray[np.bool_]:
        return bilateral(queue, available, by_pair=self._by_pair)

    def _optimal(self, queue: Queue, available: Amounts) -> NDArray[np.bool_]:
        return optimal(queue, available, time_limit=float(self._declared.time_limit)).mask


def _nothing(queue: Queue, available: Amounts) -> NDArray[np.bool_]:
    del available
    return np.zeros(len(queue), dtype=np.bool_)
