"""Who waits for an opening waits for the end of a night, of a weekend or of a holiday, by the local day that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.clock import Seconds, local_instants
from sim.core.edges import Edges

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.core.calendars import Days, WorkingDays

    Kinds = NDArray[np.int64]

#: What a local day is on which something is shut: a working day, a Saturday or Sunday without work, or a holiday.
WORKED, WEEKEND, HOLIDAY = range(3)
KINDS: Final = 3


class Rest(NamedTuple):
    """The kind of the local day on which a facility is shut, from each instant of `since` (in order) to the next."""

    since: Seconds
    kind: Kinds

    def at(self, instants: Seconds) -> Kinds:
        """The kind of day at some instants; before the first known one it is as from then on."""
        if not len(self.since):
            return np.full(len(instants), WORKED)
        place = np.searchsorted(self.since, instants, side="right") - 1
        return np.asarray(self.kind[np.maximum(place, 0)])


#: Of whoever has no calendar: each day is worked.
EVERY_DAY: Final = Rest(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def rest_on(days: WorkingDays, zone: ZoneInfo) -> Rest:
    """The kinds of the days of a table between local midnights; moved working days are worked days.

    A Saturday or Sunday without work is one of a weekend on a holiday, too.
    """
    dates: Days = np.arange(np.datetime64(days.first, "D"), np.datetime64(days.last, "D") + 1)
    weekend = np.is_busday(dates, weekmask="0000011")
    kind = np.where(days.flags, WORKED, np.where(weekend, WEEKEND, HOLIDAY))
    changes = np.append(True, kind[1:] != kind[:-1])
    return Rest(local_instants(dates[changes], 0, zone), kind[changes])


class Tally(NamedTuple):
    """How long a facility was open, and shut on each kind of day, up to each of some instants in order."""

    edges: Seconds
    later: Edges
    """All of them but the first."""
    state: Kinds
    """From each edge to the next: 0 where it is open, 1 + the kind of day where it is shut."""
    before: NDArray[np.int64]
    """Seconds in each state up to each edge: a row per edge, a column per state."""

    def split(self, since: Seconds, until: Seconds) -> NDArray[np.int64]:
        """The seconds of `[since, until)`: a row each, with those in which it is open and those shut by kind of day."""
        return self._up_to(until) - self._up_to(since)

    def _up_to(self, at: Seconds) -> NDArray[np.int64]:
        place = self.later.passed(at)
        found = self.before[place]
        found[np.arange(len(place)), self.state[place]] += at - self.edges[place]
        return found


def tally(starts: Seconds, ends: Seconds, rest: Rest) -> Tally:
    """The tally of a facility with sessions `[start, end)` in order, and `rest` outside of them."""
    edges = np.unique(np.concatenate([starts, ends, rest.since, [0]]))
    open_now = np.searchsorted(starts, edges, side="right") > np.searchsorted(ends, edges, side="right")
    state = np.where(open_now, 0, 1 + rest.at(edges))
    lasting = np.zeros((len(edges), 1 + KINDS), dtype=np.int64)
    lasting[np.arange(1, len(edges)), state[:-1]] = np.diff(edges)
    return Tally(edges, Edges(edges[1:]), state, np.cumsum(lasting, axis=0))
