"""A hybrid system settles gross while funds last, and the rest together at its cycles."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sim.engine.changes import CYCLE
from sim.engine.netting import multilateral
from sim.engine.systems.base import KINDS
from sim.engine.systems.deferred import Cycles
from sim.engine.systems.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.engine.floor import Floor
    from sim.engine.systems.base import Setup
    from sim.world.systems import SystemPlan


class Hybrid:
    """What an account covers settles on submission; what it does not waits for a cycle.

    At a cycle the largest set settles that respects each account's order; the rest waits for the next one.
    Later payments do not pass those that wait.
    """

    def __init__(self, _plan: SystemPlan, setup: Setup, floor: Floor) -> None:
        self._floor = floor
        self._setup = setup
        self._cycles = Cycles(setup, floor.agenda, self._net)
        self._queues: dict[int, deque[int]] = {account: deque() for account in setup.accounts}

    def submit(self, number: int, at: int) -> None:
        """See `System`."""
        queue = self._queues[self._floor.debit[number]]
        if not queue and self._floor.covers(number):
            self._floor.post(number, at)
        else:
            queue.append(number)
            self._floor.hold(number)
            self._floor.note_cycle(number, at, self._cycles.await_next(at))

    def credited(self, account: int, at: int, changes: Sequence[int]) -> None:
        """See `System`: what waits, waits for the cycle."""

    def emptied(self) -> None:
        """See `System`."""

    def withdraw(self, accounts: frozenset[int], _at: int) -> list[int]:
        """See `System`: what is left waits for the cycle."""
        for account, queue in self._queues.items():
            self._queues[account] = deque(n for n in queue if not self._floor.touches(n, accounts))
        return []

    def _net(self, at: int) -> None:
        """The cycle."""
        self._cycles.takes_place(at)
        numbers = [number for queue in self._queues.values() for number in queue]
        snapshot = Snapshot(self._floor, self._setup, numbers)
        settled = snapshot.chosen(multilateral(snapshot.queue, snapshot.available))
        if settled:
            self._floor.post_together(settled, at)
            self._floor.queued.update(dict.fromkeys(settled, CYCLE))
        gone = set(settled)
        for account, queue in self._queues.items():
            self._queues[account] = deque(number for number in queue if number not in gone)
        if any(self._queues.values()):
            self._cycles.await_next(at)

    def waiting(self, account: int) -> int:
        """See `System`."""
        return sum(self._floor.amount[number] for number in self._queues[account])

    def held(self, _account: int) -> int:
        """See `System`: nobody holds back here."""
        return 0


KINDS.add(Hybrid, "hybrid")
