"""A queue in which nobody can pay alone is a gridlock if some could pay together, and a deadlock if not.

The definitions are Danmarks Nationalbank's (Kronos): together means that a set of waiting payments, taken from each
bank's queue in its order, leaves no account below its limit.
"""

from __future__ import annotations


class Standstill:
    """Counts standstills: from the moment one arises until something settles, or its kind changes."""

    def __init__(self) -> None:
        self.gridlocks = 0
        self.deadlocks = 0
        self._locked: bool | None = None

    def over(self) -> None:
        """Something has settled."""
        self._locked = None

    def found(self, *, locked: bool) -> None:
        """Count a deadlock or a gridlock, unless it is counted already."""
        if locked == self._locked:
            return
        self._locked = locked
        if locked:
            self.deadlocks += 1
        else:
            self.gridlocks += 1
