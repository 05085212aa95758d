"""A queue in which nobody can pay alone is a gridlock if some could pay together, and a deadlock if not.

The definitions are Danmarks Nationalbank's (Kronos): together means that a set of waiting payments, taken from each
bank's queue in its order, leaves no account below its limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.netting import multilateral

if TYPE_CHECKING:
    from sim.engine.systems.base import Snapshot


class Standstill:
    """Counts episodes: from the moment a standstill arises until something settles, or its kind changes.

    Payments that could settle together stay able to, whatever settles singly, as long as queues are first in,
    first out: one of them that settles on its own leaves the others in the same position, and a bank that pays
    something else before has none of them waiting. So a set once found is kept and need not be looked for.
    """

    def __init__(self) -> None:
        self.gridlocks = 0
        self.deadlocks = 0
        self._together: set[int] = set()
        self._locked: bool | None = None

    @property
    def solvable(self) -> bool:
        """Whether payments are known that could settle together."""
        return bool(self._together)

    def left(self, number: int) -> None:
        """A payment has left its queue."""
        self._together.discard(number)

    def over(self) -> None:
        """Something has settled."""
        self._locked = None

    def look(self, snapshot: Snapshot) -> None:
        """Count the standstill that these waiting payments are in, unless it is counted already."""
        self._together = set(snapshot.chosen(multilateral(snapshot.queue, snapshot.available)))
        self.found(locked=not self._together)

    def found(self, *, locked: bool) -> None:
        """Count a deadlock or a gridlock, unless it is counted already."""
        if locked == self._locked:
            return
        self._locked = locked
        if locked:
            self.deadlocks += 1
        else:
            self.gridlocks += 1
