"""When things are open, and how long they take."""

from __future__ import annotations

import re
from datetime import time
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from sim.core.calendars import resolve
from sim.core.clock import HOUR, MINUTE, exact_instant, refuse_other_digits
from sim.core.hours import check_sessions, parse_session
from sim.scenario.model.base import Day, Declaration, Duration, Instant, nearest, reference, said, wrong

#: A time of day, and what may follow one in ISO 8601.
_TIME_OF_DAY: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
_FRACTION: Final = re.compile(rf"{_TIME_OF_DAY.pattern}[.,][0-9]+.*")
_OFFSET: Final = re.compile(rf"{_TIME_OF_DAY.pattern}\s*(?:Z|[+-][0-9:]+)")

#: In the list of zones, but without any time of its own.
_NO_ZONE: Final = "Factory"


@cache
def _zones() -> frozenset[str]:
    """The zones of the IANA database; what else the machine has, such as `localtime`, differs between machines."""
    listed = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(listed.split()) - {_NO_ZONE}


def _zone(name: str) -> str:
    if name not in _zones():
        meant = {zone.casefold(): zone for zone in _zones()}.get(name.casefold()) or nearest(name, _zones())
        raise wrong(f"{name!r} is not a time zone such as Europe/Minsk", suggestion=meant)
    return name


@said
def _session(text: str) -> str:
    parse_session(text)
    return text


@said
def time_of_day(text: str) -> str:
    """Refuse what is no local time of day, whole seconds and no offset: its zone is stated elsewhere."""
    refuse_other_digits(text)
    if _TIME_OF_DAY.fullmatch(text):
        return text
    if _FRACTION.fullmatch(text):
        raise ValueError(f"{text!r} has a fraction of a second; times are whole seconds")
    if _OFFSET.fullmatch(text):
        raise ValueError(f"{text!r} has an offset; a time of day is local to the place, such as 10:30")
    raise ValueError(f"{text!r} is not a time of day such as 10:30")


def seconds_after_midnight(text: str) -> int:
    """Seconds from midnight to a time of day."""
    at = time.fromisoformat(text)
    return at.hour * HOUR + at.minute * MINUTE + at.second


@said
def _country(code: str) -> str:
    resolve(code)
    return code


Zone = Annotated[str, AfterValidator(_zone)]
Country = Annotated[str, AfterValidator(_country)]
Session = Annotated[str, AfterValidator(_session)]
CalendarName = Annotated[str, AfterValidator(reference("calendars", "always", "weekdays"))]


class Period(Declaration):
    """The stretch of time whose payments and exposure are measured, `[start, end)`."""

    start: Instant
    """First instant, local to `zone`."""
    end: Instant
    """First instant after the period, local to `zone`."""
    zone: Zone = "Europe/Minsk"
    """Zone of the period's own times and of daily tables."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        zone, instants = ZoneInfo(self.zone), []
        for field, at in (("start", self.start), ("end", self.end)):
            try:
                instants.append(exact_instant(at, zone))
            except ValueError as error:
                raise wrong(str(error), field=field) from None
        if instants[1] <= instants[0]:
            raise wrong("the period ends before it starts", field="end")
        return self


class WorkingDayExceptions(Declaration):
    """The working days that a run used, so that it can be repeated whatever holiday tables say later."""

    of: str = ""
    """What the days are: those on which banks work, or those without public holidays, or a market's."""
    first: Day
    """First day covered."""
    last: Day
    """Last day covered."""
    closed_weekdays: tuple[Day, ...] = ()
    """Mondays to Fridays without work."""
    working_weekends: tuple[Day, ...] = ()
    """Saturdays and Sundays with work."""
    provisional_from: Day | None = None
    """First day whose moved working days were not published yet; none if all were."""


class Calendar(Declaration):
    """A set of working days."""

    country: Country | None = None
    """ISO 3166 code of a country (BY, CN, RU, HK) or market or system (ECB, FED, NYSE) whose holidays apply.

    They are those of banks where these are known, otherwise the public ones; a run says which, and warns if banks
    may keep others. US means FED: banks there keep the days of the Federal Reserve, not of federal offices."""
    joint: tuple[CalendarName, ...] | None = None
    """Calendars of which a day must be a working day in all."""
    closed: tuple[Day, ...] = ()
    """Further days without work; they win over everything else."""
    opened: tuple[Day, ...] = ()
    """Further days with work; they win over everything else."""
    exceptions: WorkingDayExceptions | None = None
    """The days as resolved; if present, the holiday tables are not asked."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.country is None) == (self.joint is None):
            raise wrong("state either 'country' or 'joint'")
        if both := sorted({*self.closed} & {*self.opened}):
            raise wrong(f"{both[0]} is both closed and opened", field="opened")
        return self


class Hours(Declaration):
    """The sessions in which something works."""

    zone: Zone
    """Zone of the session times."""
    sessions: tuple[Session, ...] = Field(min_length=1)
    """Local times of a working day T: `09:00-17:30`, `17:00-08:00` (ends next day), `T-1 20:30-17:15`."""
    calendar: CalendarName = "weekdays"
    """Working days; `always` is every day, `weekdays` Monday to Friday."""
    after_break: tuple[Session, ...] = ()
    """Further sessions on the first working day after a day without work."""
    before_break: tuple[Session, ...] = ()
    """Further sessions of the last working day before a day without work."""
    source: str | None = None
    """Where the times come from, or the word assumption."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        try:
            check_sessions(self.sessions, self.after_break, self.before_break)
        except ValueError as error:
            raise wrong(str(error), field="sessions") from None
        return self


HoursName = Annotated[str, AfterValidator(reference("hours", "always"))]
HoursChoice = HoursName | Hours


class Fixed(Declaration):
    """Always the same duration."""

    kind: Literal["fixed"]
    """Kind of distribution."""
    value: Duration
    """The duration."""


class Triangular(Declaration):
    """Between two bounds with one peak."""

    kind: Literal["triangular"]
    """Kind of distribution."""
    low: Duration
    """Shortest."""
    mode: Duration
    """Most likely."""
    high: Duration
    """Longest."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.mode <= self.high or self.low == self.high:
            raise wrong("low ≤ mode ≤ high is needed, and low < high", field="mode")
        return self


class Lognormal(Declaration):
    """A duration whose logarithm is normal."""

    kind: Literal["lognormal"]
    """Kind of distribution."""
    median: Duration
    """Half of all durations are shorter."""
    p95: Duration
    """95 of 100 durations are shorter."""
    longest: Duration | None = None
    """Longer draws are cut to this one."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.median < self.p95:
            raise wrong("0 < median < p95 is needed", field="p95")
        if self.longest is not None and self.longest < self.p95:
            raise wrong("the longest is shorter than p95", field="longest")
        return self


class Exponential(Declaration):
    """Memoryless durations."""

    kind: Literal["exponential"]
    """Kind of distribution."""
    mean: Duration = Field(gt=0)
    """Mean."""


Durations = Annotated[Fixed | Triangular | Lognormal | Exponential, Field(discriminator="kind")]
