"""Several changes may come to an account before its queue is tried: each transfer that goes needed its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.changes import NOTHING, Changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.engine.floor import Floor
    from sim.engine.systems.base import System
    from sim.engine.systems.bounds import Bounded


class Needs:
    """Which changes let the transfers go that leave the queue of one account now, one after the other."""

    def __init__(
        self, changes: Sequence[int], system: System, floor: Floor, bounded: Bounded | None, *, in_line: bool
    ) -> None:
        """`changes` are those since the queue was last tried, at least one; `in_line`: nobody passes in it.

        Where there is but one, it is what lets all of them go.
        """
        self._changes = changes
        self._system = system
        self._floor = floor
        self._bounded = bounded
        self._in_line = in_line
        self._cover = Changes(changes, floor.brought)
        self._rooms: dict[tuple[int, int], Changes] = {}
        self._last = NOTHING

    def of(self, number: int) -> int:
        """What lets a transfer go that is about to settle.

        It is the last change that its cover or its limit needed, or, in line, what let those before it go now; if it
        needed none of them, the last one, which had the queue tried.
        """
        floor, bounded = self._floor, self._bounded
        if bounded is None:
            spare = floor.ledger.available(floor.debit[number]) - floor.amount[number]
            found = self._cover.needed(spare)
        else:
            found = max(self._cover.needed(bounded.spare(number)), self._for_room(number, bounded))
        if self._in_line:
            found = max(found, self._last)
        self._last = self._changes[-1] if found == NOTHING else found
        return self._last

    def _for_room(self, number: int, bounded: Bounded) -> int:
        """The last change that the limit needed."""
        floor = self._floor
        payer = floor.debit[number]
        limit = bounded.limit(payer, floor.credit[number])
        if limit is None:
            return NOTHING

        def brought(posting: int) -> int:
            transfer = floor.ledger.transfer(posting)
            # What links and others move does not count within limits.
            if transfer < 0 or floor.takers[transfer] is not self._system:
                return 0
            return floor.amount[transfer] if bounded.limit(payer, floor.debit[transfer]) == limit else 0

        if limit not in self._rooms:
            self._rooms[limit] = Changes(self._changes, brought)
        return self._rooms[limit].needed(bounded.room(limit) - floor.amount[number])
