"""Every second between instruction and credit has exactly one place and one reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.causes import CLOSED, PLACES, REASONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours

    Numbers = NDArray[np.int64]

_PLACE: Final = {place: number for number, place in enumerate(PLACES)}
_REASON: Final = {reason: number for number, reason in enumerate(REASONS)}
#: Columns of the closed seconds, in the order in which hours tell them.
_CLOSED: Final = np.array([_REASON[CLOSED[kind]] for kind in sorted(CLOSED)])


class Stays(NamedTuple):
    """One row per stay of a payment at a place in a step of its route, and one per attempt that came back.

    By payment, attempt, step and instant. `step` and `system` are −1 where there is none; `place` is that in `PLACES`;
    `seconds` has a column for each of `REASONS`, which add up to the row's length.
    """

    payment: Numbers
    attempt: Numbers
    step: Numbers
    place: Numbers
    system: Numbers
    began_at: Seconds
    ended_at: Seconds
    seconds: Numbers


class _Here:
    """What the journeys of a walk spend at one place of the step that they are in; a row for each of them."""

    def __init__(self, journeys: int, end: int) -> None:
        self.began = np.full(journeys, end)
        self.ended = np.zeros(journeys, dtype=np.int64)
        self.seconds = np.zeros((journeys, len(REASONS)), dtype=np.int64)


class Delays:
    """Stays of journeys, cut off at the instant until which payments are followed.

    Walks are told one by one, and their steps in turn. In a step, callers hand over adjoining intervals for those who
    come to it, also of no length: who is told of nowhere just passed.
    """

    def __init__(self, payment: Numbers, attempt: Numbers, end: int) -> None:
        """`payment` and `attempt` are those of each journey."""
        self._payment, self._attempt, self._end = payment, attempt, end
        #: Where each journey stands in the walk that is told.
        self._position = np.zeros(len(payment), dtype=np.int64)
        self._rows = np.zeros(0, dtype=np.int64)
        self._step = 0
        self._system = -1
        self._own = ""
        self._here: dict[str, _Here] = {}
        #: Stays, with the journeys that they are of.
        self._told: list[tuple[Numbers, Stays]] = []

    def walk(self, rows: Numbers) -> None:
        """Begin to tell of some journeys."""
        self._leave()
        self._rows = rows
        self._position[rows] = np.arange(len(rows))

    def enter(self, step: int, places: Sequence[str], system: int = -1) -> None:
        """Begin to tell of a step; its kind has declared `places`, of which the last one is its own."""
        self._leave()
        self._step, self._system, self._own = step, system, places[-1]
        self._here = {place: _Here(len(self._rows), self._end) for place in places}

    def spend(
        self, rows: Numbers, since: Seconds, until: Seconds, reason: str, place: str | None = None
    ) -> None:
        """Count `[since, until)` of each journey in `rows` (no row twice) under `reason`, at the step's own place.

        TypeError for a word that is no reason, and for a place that the kind of step did not declare.
        """
        if reason not in _REASON:
            raise TypeError(
                f"{reason!r} is no reason of a delay; those that are have their words in sim/core/causes.py"
            )
        since, until = np.minimum(since, self._end), np.minimum(until, self._end)
        here, at = self._stay(rows, since, until, place)
        here.seconds[at, _REASON[reason]] += until - since

    def spend_closed(
        self, rows: Numbers, since: Seconds, until: Seconds, hours: OpeningHours, place: str | None = None
    ) -> None:
        """Count `[since, until)`, in which `hours` are shut even without outages, by kind of day."""
        since, until = np.minimum(since, self._end), np.minimum(until, self._end)
        here, at = self._stay(rows, since, until, place)
        here.seconds[at[:, None], _CLOSED] += hours.scheduled.split(since, until)[:, 1:]

    def spend_shut(
        self,
        rows: Numbers,
        since: Seconds,
        until: Seconds,
        hours: OpeningHours,
        stopped: Seconds,
        place: str | None = None,
    ) -> None:
        """Count a wait for `hours` to open: what it would have been without outages, and the rest as `outage`.

        From `stopped` on all of it is: then a bank has failed.
        """
        due = np.minimum(until, np.maximum(since, stopped))
        if hours.schedule is not None:
            due = np.minimum(due, hours.schedule.next_open(since))
        self.spend_closed(rows, since, due, hours, place)
        self.spend(rows, due, until, "outage", place)

    def spend_working(
        self, rows: Numbers, since: Seconds, work: Seconds, hours: OpeningHours, stopped: Seconds
    ) -> None:
        """Count `work` that comes in at `since` and is done in `hours`: open seconds under `work`, others as closed.

        What would have been open without outages, or done, is `outage`, and all from `stopped` on.
        """
        self._spend_in_hours(
            rows,
            since,
            hours.advance(since, work),
            "work",
            hours,
            stopped,
            hours.scheduled.advance(since, work),
        )

    def spend_waiting(
        self, rows: Numbers, since: Seconds, until: Seconds, hours: OpeningHours, stopped: Seconds
    ) -> None:
        """Count a wait for staff: open seconds under `staff`, the others as closed.

        Those in which only an outage kept it shut are `outage`, and all from `stopped` on.
        """
        self._spend_in_hours(rows, since, until, "staff", hours, stopped, until)

    def _spend_in_hours(
        self,
        rows: Numbers,
        since: Seconds,
        until: Seconds,
        reason: str,
        hours: OpeningHours,
        stopped: Seconds,
        due: Seconds,
    ) -> None:
        """Count open seconds under `reason`, those to be shut before `due` as closed, the rest as `outage`."""
        since, until = np.minimum(since, self._end), np.minimum(until, self._end)
        here, at = self._stay(rows, since, until, None)
        stopped = np.clip(stopped, since, until)
        closed = hours.scheduled.split(since, np.minimum(due, stopped))[:, 1:]
        working = hours.open_seconds(since, stopped)
        here.seconds[at, _REASON[reason]] += working
        here.seconds[at[:, None], _CLOSED] += closed
        here.seconds[at, _REASON["outage"]] += until - since - working - closed.sum(axis=1)

    def stays(self, counting: NDArray[np.bool_], back: Stays) -> Stays:
        """What was told of the journeys that count, together with the attempts that came back."""
        self._leave()
        kept = [
            # Where nothing came back all count, and need not be copied.
            stays if mine.all() else Stays(*(column[mine] for column in stays))
            for journey, stays in self._told
            if (mine := counting[journey]).any()
        ]
        kept.append(back)
        # Places of a step in the order in which it has them; a stay of no length comes before what follows it.
        keys = ("ended_at", "began_at", "step", "attempt", "payment")
        order = np.lexsort([np.concatenate([getattr(stays, key) for stays in kept]) for key in keys])
        return Stays(*(np.concatenate(columns)[order] for columns in zip(*kept, strict=True)))

    def _stay(
        self, rows: Numbers, since: Seconds, until: Seconds, place: str | None
    ) -> tuple[_Here, Numbers]:
        """The rows of a place, and which of them are those of some journeys, which are there in `[since, until)`."""
        place = self._own if place is None else place
        if place not in self._here:
            raise TypeError(f"{place!r} is no place that this kind of step has declared")
        here, at = self._here[place], self._position[rows]
        here.began[at] = np.minimum(here.began[at], since)
        here.ended[at] = np.maximum(here.ended[at], until)
        return here, at

    def _leave(self) -> None:
        """Keep what was told of the step; who came to it in time has a row for each place that it came to."""
        for place, here in self._here.items():
            came = np.flatnonzero(here.began < self._end)
            journey = self._rows[came]
            system = self._system if place == "system" else -1
            stays = Stays(
                payment=self._payment[journey],
                attempt=self._attempt[journey],
                step=np.full(len(came), self._step),
                place=np.full(len(came), _PLACE[place]),
                system=np.full(len(came), system),
                began_at=here.began[came],
                ended_at=here.ended[came],
                seconds=here.seconds[came],
            )
            self._told.append((journey, stays))
        self._here = {}


def came_back(payment: Numbers, attempt: Numbers, since: Seconds, until: Seconds) -> Stays:
    """The stays of attempts that were in vain: each lasts to the next instruction, or to the end."""
    none, seconds = np.full(len(payment), -1), np.zeros((len(payment), len(REASONS)), dtype=np.int64)
    seconds[:, _REASON["returned"]] = until - since
    place = np.full(len(payment), _PLACE["back"])
    return Stays(payment, attempt, none, place, none, since, until, seconds)
