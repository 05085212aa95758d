"""A netting cycle takes place at stated times of a working day and settles what has gathered until then."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sim.core.clock import NEVER
from sim.engine.agenda import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.agenda import Agenda
    from sim.engine.systems.base import Setup


class Cycles:
    """The cycles of one system, which only take place if anybody waits for them."""

    def __init__(self, setup: Setup, agenda: Agenda, net: Callable[[int], None]) -> None:
        """`net(at)` is what happens at a cycle."""
        self._instants = setup.cycles
        self._system = setup.number
        self._agenda = agenda
        self._net = net
        self._awaited = -1
        self._last = -1

    def takes_place(self, at: int) -> None:
        """The cycle of this instant is under way; whoever comes now waits for the next one."""
        self._last = at

    def after(self, at: int) -> int:
        """Instant of the first cycle that takes in what is submitted at `at`; NEVER if none is left.

        Submissions come before the cycle of their instant, unless they follow from one that took place then.
        """
        place = bisect_right(self._instants, max(at - 1, self._last))
        return self._instants[place] if place < len(self._instants) else NEVER

    def await_next(self, at: int) -> int:
        """Have the next cycle take place, and return its instant."""
        instant = self.after(at)
        if instant > self._awaited and instant < NEVER:
            self._awaited = instant
            self._agenda.schedule(instant, Phase.NETTING, self._net, self._system)
        return instant
