"""Payments that block each other can settle together, for what one brings the other takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from sim.engine.agenda import Phase
from sim.engine.netting import bilateral, multilateral, optimal
from sim.engine.records import Offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engine.floor import Floor
    from sim.engine.netting import Optimum
    from sim.engine.systems.base import Setup
    from sim.engine.systems.snapshot import Snapshot
    from sim.world.systems import OffsettingPlan


class Waiting(Protocol):
    """What waits in a system."""

    @property
    def count(self) -> int:
        """How many transfers wait."""
        ...

    def solvable(self) -> bool:
        """Whether some could settle together in the order of their queues."""
        ...

    def snapshot(self) -> Snapshot:
        """All of them."""
        ...

    def settle_together(self, numbers: list[int], at: int) -> None:
        """Settle some of them at once."""
        ...

    def act(self, at: int) -> None:
        """Do what is due in the system at an instant: `Offsetting.tick` among it."""
        ...


class Offsetting:
    """When a system looks for payments that can settle together, and by which rule it finds them."""

    def __init__(
        self, plan: OffsettingPlan, discipline: str, waiting: Waiting, setup: Setup, floor: Floor
    ) -> None:
        self._plan = plan
        self._by_pair: Final = discipline == "bypass"
        # Whether only what each queue's order allows can settle together.
        self._in_order: Final = plan.kind == "multilateral" or (
            plan.kind == "bilateral" and not self._by_pair
        )
        self._waiting = waiting
        self._setup = setup
        self._floor = floor
        self._awaited = -1
        self._fruitless: tuple[list[int], ...] = ()

    def entered(self, at: int) -> None:
        """A payment has joined a queue."""
        plan = self._plan
        if plan.kind == "none":
            return
        if plan.every is not None:
            self._await_tick(at)
        elif plan.size is None or self._waiting.count >= plan.size:
            self._offset(at)

    def tick(self, at: int) -> None:
        """An instant has come that may be that of a run."""
        if at != self._awaited:
            return
        self._awaited = -1
        self._offset(at)
        if self._waiting.count:
            self._await_tick(at)

    def _offset(self, at: int) -> None:
        if not self._waiting.count or (self._in_order and not self._waiting.solvable()):
            return
        snapshot = self._waiting.snapshot()
        left = [] if snapshot.limits is None else snapshot.limits.left.tolist()
        state = (snapshot.numbers, snapshot.available.tolist(), left)
        # The same payments and the same money once led to nothing, and would again.
        if state == self._fruitless:
            return
        mask, optimum = self._choose(snapshot)
        chosen = snapshot.chosen(mask)
        if chosen or optimum is not None:
            self._floor.offsets.append(self._run(at, snapshot, mask, optimum))
        if chosen:
            self._waiting.settle_together(chosen, at)
        else:
            self._fruitless = state

    def _choose(self, snapshot: Snapshot) -> tuple[NDArray[np.bool_], Optimum | None]:
        queue, available, limits = snapshot.queue, snapshot.available, snapshot.limits
        match self._plan.kind:
            case "bilateral":
                return bilateral(queue, available, by_pair=self._by_pair, limits=limits), None
            case "multilateral":
                return multilateral(queue, available, limits), None
            case "optimal":
                patience, near = self._plan.time_limit, self._plan.tolerance
                found = optimal(queue, available, time_limit=patience, tolerance=near, limits=limits)
                return found.mask, found
            case "none":
                return np.zeros(len(queue), dtype=np.bool_), None

    def _run(self, at: int, snapshot: Snapshot, mask: NDArray[np.bool_], optimum: Optimum | None) -> Offset:
        queue = snapshot.queue
        return Offset(
            system=self._setup.number,
            at=at,
            kind=self._plan.kind,
            queued_payments=len(queue),
            queued_value=int(queue.amount.sum()),
            settled_payments=int(mask.sum()),
            settled_value=queue.value(mask),
            bound=-1 if optimum is None else optimum.bound,
            status="" if optimum is None else optimum.status,
        )

    def _await_tick(self, at: int) -> None:
        """Runs take place every so often from the opening of each session on, if anybody waits."""
        every = self._plan.every
        if self._awaited >= 0 or every is None:
            return
        hours = self._setup.hours
        opened = hours.opened_at(at)
        tick = opened + ((at - opened) // every + 1) * every
        if not hours.is_open_at(tick):
            tick = hours.opens_at(tick)
        self._awaited = tick
        self._floor.agenda.schedule(tick, Phase.NETTING, self._waiting.act, self._setup.number)
