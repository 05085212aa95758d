"""When things are open, and how long they take."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator

from sim.core.clock import HOUR, MINUTE
from sim.core.hours import parse_session
from sim.scenario.model.base import Declaration, Duration, Instant, nearest, reference, wrong


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise wrong(
            f"{name!r} is not a time zone such as Europe/Minsk",
            suggestion=nearest(name, available_timezones()),
        ) from None
    return name


def _session(text: str) -> str:
    try:
        parse_session(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    return text


def time_of_day(text: str) -> str:
    """Refuse what is no time of day."""
    try:
        time.fromisoformat(text)
    except ValueError:
        raise wrong(f"{text!r} is not a time of day such as 10:30") from None
    return text


def seconds_after_midnight(text: str) -> int:
    """Seconds from midnight to a time of day."""
    at = time.fromisoformat(text)
    return at.hour * HOUR + at.minute * MINUTE + at.second


Zone = Annotated[str, AfterValidator(_zone)]
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
        zone = ZoneInfo(self.zone)
        start, end = (at if at.tzinfo else at.replace(tzinfo=zone) for at in (self.start, self.end))
        if end <= start:
            raise wrong("the period ends before it starts", field="end")
        return self


class WorkingDayExceptions(Declaration):
    """The working days that a run used, so that it can be repeated whatever holiday tables say later."""

    first: date
    """First day covered."""
    last: date
    """Last day covered."""
    closed_weekdays: tuple[date, ...] = ()
    """Mondays to Fridays without work."""
    working_weekends: tuple[date, ...] = ()
    """Saturdays and Sundays with work."""
    provisional_from: date | None = None
    """First day whose moved working days were not published yet; none if all were."""


class Calendar(Declaration):
    """A set of working days."""

    country: str | None = None
    """ISO 3166 code (BY, CN, RU, HK, US) or financial market (ECB, NYSE) whose public holidays apply."""
    joint: tuple[CalendarName, ...] | None = None
    """Calendars of which a day must be a working day in all."""
    closed: tuple[date, ...] = ()
    """Further days without work; they win over everything else."""
    opened: tuple[date, ...] = ()
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
    source: str | None = None
    """Where the times come from, or the word assumption."""


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
