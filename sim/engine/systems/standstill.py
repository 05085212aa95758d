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
    """Counts episodes: from the moment a standstill arises until something settles, or its kind changes."""

    def __init__(self) -> None:
        self.gridlocks = 0
        self.deadlocks = 0
        self._locked: bool | None = None

    @property
    def solvable(self) -> bool:
        """Whether a gridlock is being counted, which further payments in the queue cannot undo."""
        return self._locked is False

    def over(self) -> None:
        """Something has settled."""
        self._locked = None

    def look(self, snapshot: Snapshot) -> None:
        """Count the standstill that these waiting payments are in, unless it is counted already."""
        self.found(locked=not multilateral(snapshot.queue, snapshot.available).any())

    def found(self, *, locked: bool) -> None:
        """Count a deadlock or a gridlock, unless it is counted already."""
        if locked == self._locked:
            return
        self._locked = locked
        if locked:
            self.deadlocks += 1
        else:
            self.gridlocks += 1
