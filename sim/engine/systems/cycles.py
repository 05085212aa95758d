"""A netting cycle takes place at stated times of a working day and settles what has gathered until then."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sim.core.clock import NEVER
from sim.engine.floor import Action, Phase

if TYPE_CHECKING:
    from sim.engine.floor import Floor
    from sim.engine.systems.base import Place


class Cycles:
    """The cycles of one system, as events that only take place if anybody waits for them."""

    def __init__(self, instants: tuple[int, ...], place: Place, floor: Floor) -> None:
        self._instants = instants
        self._place = place
        self._floor = floor
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
            self._floor.schedule(instant, Action(Phase.NETTING, 0, self._place.number, self._place.number))
        return instant
