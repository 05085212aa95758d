"""A waiting transfer is let go by the last change that it needed: a posting that brought money, or something else.

A change is one number: that of the posting in the journal, or, where it is no posting, a negative one for its kind.
Where several things fall together at one instant, the last one decides without which the transfer would not have
gone: the bounds of a day or an opening come before any posting, postings come in the order of the journal.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.clock import NEVER
from sim.core.releasers import RELEASERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.floor import Floor
    from sim.engine.records import Journal
    from sim.engine.requests import Requests
    from sim.engine.systems.base import System
    from sim.engine.systems.bounds import Bounded


OPENING, OFFSETTING, CYCLE, RENEWAL, UNHELD, PACE, FAILURE = (
    ~RELEASERS.index(kind)
    for kind in ("opening", "offsetting", "cycle", "renewal", "unheld", "pace", "failure")
)
#: No change at all; it comes before all others.
NOTHING: Final = ~len(RELEASERS)


class Changes:
    """What has changed for those who wait on an account since they were last looked at, in order."""

    def __init__(self, changes: Sequence[int], brought: Callable[[int], int]) -> None:
        """`brought(posting)` is what a posting adds to the cover, or to the room within a limit."""
        self._changes = changes
        self._sums = list(accumulate(0 if change < 0 else brought(change) for change in changes))

    def needed(self, spare: int) -> int:
        """The last change that was needed by a transfer which leaves `spare` of the cover or room.

        Without it, and without those after it, less than nothing would have been left. If none was needed, it
        is what came before all postings, if anything did.
        """
        lacking = (self._sums[-1] if self._sums else 0) - spare
        if lacking > 0:
            return self._changes[bisect_left(self._sums, lacking)]
        return self._changes[0] if self._changes and self._changes[0] < 0 else NOTHING


def releasers(
    queued: Mapping[int, int],
    opened: NDArray[np.bool_],
    requests: Requests,
    settled: Seconds,
    journal: Journal,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """By request: the kind of what let it go, by its place in `RELEASERS`, and the posting; −1 where there is none.

    `queued` holds what waited for money or for cycles and the change that let it go, if it went, `opened` whether a
    request waited for an opening before it was submitted.
    """
    change = np.full(requests.rows, NOTHING)
    change[opened & (settled < NEVER)] = OPENING
    change[list(queued)] = list(queued.values())
    linked = np.flatnonzero(requests.counter >= 0)
    change[requests.counter[linked]] = change[linked]
    posted = change >= 0
    kind = np.where(change == NOTHING, -1, ~change)
    by_payment = journal.payment[change[posted]] >= 0
    kind[posted] = np.where(by_payment, RELEASERS.index("credit"), RELEASERS.index("grant"))
    return kind, np.maximum(change, -1)


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
