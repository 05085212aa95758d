"""A facility works in sessions; outside of them time passes and work does not."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.clock import DAY, HOUR, MINUTE, NEVER, Seconds, local_instants, refuse_other_digits
from sim.core.edges import Edges
from sim.core.rest import EVERY_DAY, Rest, Tally, rest_on, tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.core.calendars import Days, Flags, WorkingDays

_SESSION: Final = re.compile(
    r"(?:T(?P<from>[+-]1)?\s+)?(?P<opens>[\d:]+)\s*-\s*(?P<to>T(?:[+-]1)?\s+)?(?P<closes>[\d:]+)",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"(\d\d):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_NO_DATE: Final = np.datetime64("NaT", "D")


@dataclass(frozen=True, slots=True, eq=False)
class OpeningHours:
    """The sessions of a facility: half-open intervals [start, end) in UTC seconds.

    Sessions are sorted, not empty and do not overlap, though one may begin as another ends; ValueError
    otherwise. `value_dates` holds the working day T that each belongs to; `schedule` what the hours
    would be without outages, None if there are none; `rest` on which kind of day it is when it is shut,
    whatever is out. Outside of the sessions the facility is closed, after
    the last one forever: the table must reach past the run. Questions take arrays, and answers have their
    shape; `opens_at` and `is_open_at` take one int and are faster for it.
    """

    starts: Seconds
    ends: Seconds
    value_dates: Days
    schedule: OpeningHours | None = None
    rest: Rest = EVERY_DAY
    _before: Seconds = field(init=False, repr=False)  # open seconds before each session, then all of them
    _opens: Seconds = field(init=False, repr=False)  # starts, then NEVER
    _closings: Edges = field(init=False, repr=False)
    _worked: Edges = field(init=False, repr=False)  # the open seconds with which each session ends
    _start_list: list[int] = field(init=False, repr=False)
    _end_list: list[int] = field(init=False, repr=False)
    _tally: list[Tally] = field(init=False, repr=False, default_factory=list)  # none before it is asked for

    def __post_init__(self) -> None:
        starts, ends = self.starts, self.ends
        if not starts.shape == ends.shape == self.value_dates.shape:
            raise ValueError("each session needs a start, an end and a value date")
        if np.any(starts >= ends) or np.any(starts[1:] < ends[:-1]):
            raise ValueError("sessions must be sorted, not empty and free of overlaps")
        opens = np.append(starts, NEVER)
        before = np.concatenate(([0], np.cumsum(ends - starts)))
        object.__setattr__(self, "_before", before)
        object.__setattr__(self, "_opens", opens)
        object.__setattr__(self, "_closings", Edges(ends))
        object.__setattr__(self, "_worked", Edges(before[1:]))
        object.__setattr__(self, "_start_list", opens.tolist())
        object.__setattr__(self, "_end_list", ends.tolist())

    @property
    def scheduled(self) -> OpeningHours:
        """The hours as they would be without outages."""
        return self if self.schedule is None else self.schedule

    def next_open(self, at: Seconds) -> Seconds:
        """The earliest instant not before `at` inside a session; NEVER if none is left."""
        return np.asarray(np.maximum(at, self._opens[self._session(at)]))

    def is_open(self, at: Seconds) -> Flags:
        """True where `at` lies in a session."""
        return np.asarray((self.next_open(at) == at) & np.less(at, NEVER))

    def open_seconds(self, a: Seconds, b: Seconds) -> Seconds:
        """Open seconds in [a, b); ValueError if any `a` lies after its `b`."""
        if np.any(np.greater(a, b)):
            raise ValueError("open seconds are counted forwards: a must not lie after b")
        return np.asarray(self._open_until(b) - self._open_until(a))

    def split(self, a: Seconds, b: Seconds) -> NDArray[np.int64]:
        """Seconds of each [a, b): a row with the open ones, then the shut ones by kind of day (see `sim.core.rest`)."""
        if not self._tally:
            self._tally.append(tally(self.starts, self.ends, self.rest))
        return self._tally[0].split(a, b)

    def advance(self, at: Seconds, work: Seconds) -> Seconds:
        """The instant at which `work` open seconds after `at` are done; NEVER if the sessions end first.

        Work that ends as a session closes ends at that closing, not at the next opening; no work at all
        ends at `next_open(at)`. Negative work is refused with ValueError.
        """
        if np.any(np.less(work, 0)):
            raise ValueError("work must not be negative")
        target = self._open_until(at) + work
        # Work that fills a session is inside it.
        session = self._worked.passed(target - 1)
        finished = np.minimum(self._opens[session] + (target - self._before[session]), NEVER)
        return np.where(np.equal(work, 0), self.next_open(at), finished)

    def value_date(self, at: Seconds) -> Days:
        """The working day T of the session in which `next_open(at)` lies; NaT if none is left."""
        return np.asarray(np.append(self.value_dates, _NO_DATE)[self._session(at)])

    def days(self) -> tuple[Seconds, Seconds]:
        """First opening and last closing of each working day; it ends, at the latest, as the next one begins."""
        days, of_session = np.unique(self.value_dates, return_inverse=True)
        begins, ends = np.full(len(days), NEVER), np.full(len(days), -NEVER)
        np.minimum.at(begins, of_session, self.starts)
        np.maximum.at(ends, of_session, self.ends)
        return begins, np.minimum(ends, np.append(begins[1:], NEVER))

    def opens_at(self, at: int) -> int:
        """`next_open` of one instant."""
        start = self._start_list[bisect_right(self._end_list, at)]
        return max(at, start)

    def opened_at(self, at: int) -> int:
        """Opening instant of the session that holds `at`, which must be open."""
        return self._start_list[bisect_right(self._end_list, at)]

    def is_open_at(self, at: int) -> bool:
        """`is_open` of one instant."""
        return self._start_list[bisect_right(self._end_list, at)] <= at < NEVER

    def without(self, gaps: Sequence[tuple[int, int]]) -> OpeningHours:
        """What is left of the sessions outside of `gaps`, half-open and in order; itself if there are none."""
        if not gaps:
            return self
        starts, ends, dates = self.starts, self.ends, self.value_dates
        for since, until in gaps:
            before = np.maximum(np.minimum(ends, since), starts)
            after = np.minimum(np.maximum(starts, until), ends)
            halves = np.concatenate([starts, after]), np.concatenate([before, ends])
            kept = np.flatnonzero(halves[0] < halves[1])
            order = kept[np.argsort(halves[0][kept], kind="stable")]
            starts, ends, dates = halves[0][order], halves[1][order], np.concatenate([dates, dates])[order]
        return OpeningHours(starts, ends, dates, schedule=self.scheduled, rest=self.rest)

    def _session(self, at: Seconds) -> NDArray[np.int64]:
        """The first session that ends after `at`; the number of sessions if there is none."""
        return self._closings.passed(at)

    def _open_until(self, at: Seconds) -> Seconds:
        """Open seconds from the first start to `at`."""
        session = self._session(at)
        return np.asarray(self._before[session] + np.maximum(0, at - self._opens[session]))


def joint_hours(one: OpeningHours, other: OpeningHours) -> OpeningHours:
    """The sessions in which both are open, on the value dates of `one`; perhaps none.

    Where both are shut, what counts is the day of the one that opens last, of `one` where they open together.
    """
    starts, ends, of = [], [], []
    first = np.searchsorted(other.ends, one.starts, side="right")
    last = np.searchsorted(other.starts, one.ends)
    for session, (begins, stops) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        for met in range(begins, stops):
            starts.append(max(one.starts[session], other.starts[met]))
            ends.append(min(one.ends[session], other.ends[met]))
            of.append(session)
    out = one.schedule is not None or other.schedule is not None
    return OpeningHours(
        np.array(starts, dtype=np.int64),
        np.array(ends, dtype=np.int64),
        one.value_dates[np.array(of, dtype=np.int64)],
        schedule=joint_hours(one.scheduled, other.scheduled) if out else None,
        rest=_joint_rest(one.scheduled, other.scheduled),
    )


def _joint_rest(one: OpeningHours, other: OpeningHours) -> Rest:
    """The kind of day of whichever keeps the other one waiting; between two edges that does not change."""
    edges = np.unique(
        np.concatenate(
            [part for hours in (one, other) for part in (hours.starts, hours.ends, hours.rest.since)]
        )
    )
    last = one.next_open(edges) < other.next_open(edges)
    return Rest(edges, np.where(last, other.rest.at(edges), one.rest.at(edges)))


def parse_session(text: str) -> tuple[int, int]:
    """Opening and closing of a session such as `09:00-17:30`, in seconds from midnight of working day T.

    `T-1` before a time moves it a calendar day back, `T+1` a day on (`T-1 20:30-17:15`); without a word
    on the closing day, a closing not after the opening is the next day's (`17:00-08:00`). Seconds may be
    given, and 24:00 as a closing. Anything else is refused with ValueError.
    """
    refuse_other_digits(text)
    match = _SESSION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a session such as 09:00-17:30 or T-1 20:30-17:15")
    opens = _clock(match["opens"], text)
    closes = _clock(match["closes"], text)
    if opens == DAY:
        raise ValueError(f"{text!r} opens at 24:00; write T+1 00:00 or 00:00")
    opens += DAY * int(match["from"] or 0)
    if match["to"]:
        closes += DAY * int(match["to"].strip()[1:] or 0)
    elif not match["from"] and closes <= opens:
        closes += DAY
    if closes <= opens:
        raise ValueError(f"{text!r} closes before it opens; add T+1 if it closes the next day")
    return opens, closes


def opening_hours(
    days: WorkingDays,
    sessions: Sequence[str],
    zone: ZoneInfo,
    after_break: Sequence[str] = (),
    before_break: Sequence[str] = (),
) -> OpeningHours:
    """The sessions of each working day in the wall-clock time of `zone`.

    `after_break` holds extra sessions of a working day that follows a non-working one (the first day of
    the table follows an unknown one and has none), `before_break` those of one that precedes a non-working
    one (the last day of the table has none); an extra session that a daily one follows or precedes at once makes
    that one longer. A session that runs into a later-starting one, of
    another day, ends where that begins. ValueError for bad text, for no session, and for sessions of
    the same day that overlap.

    Where clocks are put forward, a time that they skip counts from the clock before the change (02:30 is
    03:30); of a time that they show twice it is the first. What then closes before it opens is left out.
    """
    if not sessions:
        raise ValueError("opening hours need at least one session")
    check_sessions(sessions, after_break, before_break)
    daily, earlier, later = (
        [parse_session(text) for text in texts] for texts in (sessions, after_break, before_break)
    )
    first, dates = np.datetime64(days.first, "D"), days.dates()
    resumed = first + np.flatnonzero(days.flags[1:] & ~days.flags[:-1]) + 1
    last = first + np.flatnonzero(days.flags[:-1] & ~days.flags[1:])
    parts = [(dates, np.full(len(dates), opens), np.full(len(dates), closes)) for opens, closes in daily]
    for chosen, spans in ((resumed, earlier), (last, later)):
        there = np.isin(dates, chosen)
        for opens, closes in spans:
            begun = [begins for _, begins, _ in parts[: len(daily)] if (begins[there] == closes).any()]
            ended = [stops for *_, stops in parts[: len(daily)] if (stops[there] == opens).any()]
            if begun:
                begun[0][there] = opens
            elif ended:
                ended[0][there] = closes
            else:
                parts.append((chosen, np.full(len(chosen), opens), np.full(len(chosen), closes)))
    of_day = np.concatenate([chosen for chosen, *_ in parts])
    starts, ends = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
    return _without_overlaps(
        local_instants(of_day, starts, zone),
        local_instants(of_day, ends, zone),
        of_day,
        rest_on(days, zone),
    )


def spliced(parts: Sequence[tuple[OpeningHours, date | None, date | None]], rest: Rest) -> OpeningHours:
    """One table out of the sessions of several, each for its working days T in `[first, end)`; None is open.

    A session that runs into a later-starting one ends where that begins. `rest` is that of the whole.
    """
    kept: list[OpeningHours] = []
    for hours, first, end in parts:
        chosen = np.ones(len(hours.starts), dtype=np.bool_)
        if first is not None:
            chosen &= hours.value_dates >= np.datetime64(first, "D")
        if end is not None:
            chosen &= hours.value_dates < np.datetime64(end, "D")
        kept.append(OpeningHours(hours.starts[chosen], hours.ends[chosen], hours.value_dates[chosen]))
    return _without_overlaps(
        np.concatenate([hours.starts for hours in kept]),
        np.concatenate([hours.ends for hours in kept]),
        np.concatenate([hours.value_dates for hours in kept]),
        rest,
    )


def _clock(text: str, session: str) -> int:
    match = _CLOCK.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} in session {session!r} is not a time such as 09:00 or 09:00:30")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = hours * HOUR + minutes * MINUTE + seconds
    if total > DAY:
        raise ValueError(f"{text!r} in session {session!r} lies after 24:00")
    return total


def check_sessions(
    sessions: Sequence[str], after_break: Sequence[str] = (), before_break: Sequence[str] = ()
) -> None:
    """ValueError for bad text, and for sessions of the same day that overlap, as of one between two breaks."""
    texts = [*sessions, *after_break, *before_break]
    in_order = sorted(zip(map(parse_session, texts), texts, strict=True))
    for ((_, closes), one), ((opens, _), other) in pairwise(in_order):
        if opens < closes:
            raise ValueError(f"sessions {one!r} and {other!r} of the same day overlap")


def _without_overlaps(starts: Seconds, ends: Seconds, value_dates: Days, rest: Rest) -> OpeningHours:
    # A clock change may swallow a session, and of two that start at once the shorter gives way.
    (real,) = np.nonzero(starts < ends)
    order = real[np.lexsort((ends[real], starts[real]))]
    starts, ends, value_dates = starts[order], ends[order], value_dates[order]
    ends = np.minimum(ends, np.append(starts[1:], NEVER))
    kept = starts < ends
    return OpeningHours(starts[kept], ends[kept], value_dates[kept], rest=rest)
