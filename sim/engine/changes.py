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
    from sim.engine.records import Journal
    from sim.engine.requests import Requests

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
