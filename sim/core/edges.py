"""Between which edges instants lie is asked so often, of so many of them, that a binary search is too slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds

#: For fewer instants the table is not worth a look.
_FEW: Final = 1_000
#: Most edges of a bucket of the table; where they lie closer together, a binary search is as fast.
_MOST: Final = 4
_LATEST: Final = np.iinfo(np.int64).max


class Edges:
    """Instants in order, which part time into stretches.

    A table tells how many edges come before each of some buckets of time, all equally long and about twice as many as
    edges; from there it is a step or two.
    """

    __slots__ = ("_at", "_bits", "_closed", "_steps", "_table")

    def __init__(self, at: Seconds) -> None:
        self._at = at
        #: Edges before each bucket; None before it is asked for.
        self._table: NDArray[np.int64] | None = None
        #: The edges, and one that no instant passes.
        self._closed = at
        #: Buckets are 2 to the power of so many seconds long.
        self._bits = 0
        #: Edges of the fullest bucket.
        self._steps = 0

    def passed(self, at: Seconds | int) -> NDArray[np.int64]:
        """How many edges are not after each instant."""
        if np.size(at) < _FEW or not len(self._at):
            return np.asarray(np.searchsorted(self._at, at, side="right"))
        before = self._tabulated() if self._table is None else self._table
        if self._steps > _MOST:
            return np.asarray(np.searchsorted(self._at, at, side="right"))
        bucket = np.right_shift(at - self._at[0], self._bits)
        found: NDArray[np.int64] = before[np.minimum(np.maximum(bucket, 0), len(before) - 1)]
        for _ in range(self._steps):
            found += self._closed[found] <= at
        return found

    def _tabulated(self) -> NDArray[np.int64]:
        span = int(self._at[-1] - self._at[0])
        self._bits = (span // (2 * len(self._at))).bit_length()
        begins = self._at[0] + (np.arange((span >> self._bits) + 1) << self._bits)
        before: NDArray[np.int64] = np.searchsorted(self._at, begins)
        self._closed = np.append(self._at, _LATEST)
        self._steps = int(np.diff(before, append=len(self._at)).max())
        # Last, for another thread may look.
        self._table = before
        return before
