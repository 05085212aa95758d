"""Payments that block each other can settle together, for what one brings the other takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sim.core.kinds import complete
from sim.engine.agenda import Phase
from sim.engine.netting import bilateral, multilateral, optimal
from sim.engine.records import Offset
from sim.world.systems import OFFSETTING_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
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


class Rule(NamedTuple):
    """Chooses among what waits, and tells how good that is where it was optimised.

    If `in_order`, only what the order of each queue allows can settle together.
    """

    choose: Callable[[Snapshot], tuple[NDArray[np.bool_], Optimum | None]]
    in_order: bool


def _none(plan: OffsettingPlan, *, by_pair: bool) -> None:
    del plan, by_pair


def _bilateral(_plan: OffsettingPlan, *, by_pair: bool) -> Rule:
    return Rule(
        lambda found: (bilateral(found.queue, found.available, by_pair=by_pair, limits=found.limits), None),
        in_order=not by_pair,
    )


def _multilateral(plan: OffsettingPlan, *, by_pair: bool) -> Rule:
    del plan, by_pair
    return Rule(lambda found: (multilateral(found.queue, found.available, found.limits), None), in_order=True)


def _optimal(plan: OffsettingPlan, *, by_pair: bool) -> Rule:
    del by_pair

    def choose(found: Snapshot) -> tuple[NDArray[np.bool_], Optimum]:
        patience, near, limits = plan.time_limit, plan.tolerance, found.limits
        best = optimal(found.queue, found.available, time_limit=patience, tolerance=near, limits=limits)
        return best.mask, best

    return Rule(choose, in_order=False)


#: By the `kind` of offsetting; `by_pair` is whether payments may pass those to others.
RULES: Final[dict[str, Callable[..., Rule | None]]] = {
    "none": _none,
    "bilateral": _bilateral,
    "multilateral": _multilateral,
    "optimal": _optimal,
}
complete(OFFSETTING_KINDS, RULES, of="kind of offsetting", what="a rule in the engine")


class Offsetting:
    """When a system looks for payments that can settle together, and by which rule it finds them."""

    def __init__(
        self, plan: OffsettingPlan, discipline: str, waiting: Waiting, setup: Setup, floor: Floor
    ) -> None:
        self._plan = plan
        self._rule = RULES[plan.kind](plan, by_pair=discipline == "bypass")
        self._waiting = waiting
        self._setup = setup
        self._floor = floor
        self._awaited = -1
        self._fruitless: tuple[list[int], ...] = ()

    def entered(self, at: int) -> None:
        """A payment has joined a queue."""
        plan = self._plan
        if self._rule is None:
            return
        if plan.every is not None:
            self._await_tick(at)
        elif plan.size is None or self._waiting.count >= plan.size:
            self._offset(self._rule, at)

    def tick(self, at: int) -> None:
        """An instant has come that may be that of a run."""
        if self._rule is None or at != self._awaited:
            return
        self._awaited = -1
        self._offset(self._rule, at)
        if self._waiting.count:
            self._await_tick(at)

    def _offset(self, rule: Rule, at: int) -> None:
        if not self._waiting.count or (rule.in_order and not self._waiting.solvable()):
            return
        snapshot = self._waiting.snapshot()
        left = [] if snapshot.limits is None else snapshot.limits.left.tolist()
        state = (snapshot.numbers, snapshot.available.tolist(), left)
        # The same payments and the same money once led to nothing, and would again.
        if state == self._fruitless:
            return
        mask, optimum = rule.choose(snapshot)
        chosen = snapshot.chosen(mask)
        if chosen or optimum is not None:
            self._floor.offsets.append(self._run(at, snapshot, mask, optimum))
        if chosen:
            self._waiting.settle_together(chosen, at)
        else:
            self._fruitless = state

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
