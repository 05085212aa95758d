"""The stretch of time that is simulated, with the working days and opening hours in it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from sim.core.calendars import (
    WorkingDays,
    amended,
    country_days,
    difference_from_weekdays,
    every_day,
    from_exceptions,
    is_of_banks,
    joint,
    meaning,
    replaced,
    weekdays,
)
from sim.core.clock import local_instants
from sim.core.hours import OpeningHours, opening_hours, spliced
from sim.core.rest import rest_on
from sim.errors import Problem, ScenarioError
from sim.scenario.model.timing import WorkingDayExceptions, seconds_after_midnight
from sim.scenario.window import window
from sim.world.timeline import Gap, OtherHours, ServiceDay, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.core.calendars import Days
    from sim.scenario.model import Scenario
    from sim.scenario.model.timing import Calendar, Hours
    from sim.world.timeline import Target

#: When something does not work: half-open, in order, free of overlaps.
Gaps: TypeAlias = tuple[tuple[int, int], ...]


class Openings:
    """Working days and opening hours of a scenario, built when first asked for."""

    def __init__(self, scenario: Scenario) -> None:
        self.window = window(scenario)
        self._first, self._last = self.window.tables()
        self._declared = scenario.calendars
        self._named_hours = scenario.hours
        self._days: dict[str, WorkingDays] = {
            "always": every_day(self._first, self._last),
            "weekdays": weekdays(self._first, self._last),
        }
        # A day after the other rather than one endless session, so that dates can be drawn from it.
        always = opening_hours(self._days["always"], ["00:00-24:00"], self.window.zone)
        self._ordinary: dict[str | Hours, OpeningHours] = {"always": always}
        self._hours: dict[tuple[str | Hours, Target | None], OpeningHours] = {("always", None): always}
        self.timeline = Timeline(scenario, self.window.zone)
        self._gaps = _gaps(self.timeline)

    def days(self, name: str) -> WorkingDays:
        """Working days of a declared or built-in calendar; `ScenarioError` if they cannot be known."""
        if name not in self._days:
            with self._located(("calendars", name)):
                self._days[name] = self._amended(self._declared[name])
        return self._days[name]

    def ordinary_hours(self, choice: str | Hours) -> OpeningHours:
        """Opening hours of a declaration or of the name of one, whatever the timeline says."""
        if choice not in self._ordinary:
            self._ordinary[choice] = self._build(choice, self._hours_declared(choice), ())
        return self._ordinary[choice]

    def hours(self, choice: str | Hours, whose: Target | None = None) -> OpeningHours:
        """Opening hours with the changes of the timeline and, if they are somebody's, without the outages."""
        if (choice, whose) not in self._hours:
            if whose is not None:
                self._hours[choice, whose] = self.hours(choice).without(self.gaps(whose))
            else:
                self._hours[choice, None] = self._changed(choice)
        return self._hours[choice, whose]

    def gaps(self, whose: Target) -> Gaps:
        """When something does not work because of outages."""
        return self._gaps.get(whose, ())

    def _hours_declared(self, choice: str | Hours) -> Hours:
        return self._named_hours[choice] if isinstance(choice, str) else choice

    def _changed(self, choice: str | Hours) -> OpeningHours:
        """The declared hours, with those in between that the timeline states."""
        changes = [
            (number, change)
            for number, change in self.timeline.numbered(OtherHours)
            if change.hours == choice
        ]
        service = tuple(extra.day for extra in self.timeline.of(ServiceDay) if extra.hours == choice)
        if not changes and not service:
            return self.ordinary_hours(choice)
        declared = self._hours_declared(choice)
        usual = self._build(choice, declared, service)
        parts: list[tuple[OpeningHours, date | None, date | None]] = []
        worked = self._worked(declared, service)
        since: date | None = None
        for number, change in sorted(changes, key=lambda numbered: numbered[1].first):
            path = ("timeline", str(number))
            other = declared.model_copy(update=change.stated)
            changed = self._build(choice, other, service, path)
            worked = replaced(worked, self._worked(other, service), change.first, change.end)
            parts += [(usual, since, change.first), (changed, change.first, change.end)]
            since = change.end
            if since is None:
                break
        else:
            parts.append((usual, since, None))
        return spliced(parts, rest_on(worked, ZoneInfo(declared.zone)))

    def _worked(self, declared: Hours, service: tuple[date, ...]) -> WorkingDays:
        """The working days of declared hours, with those of a duty service."""
        return amended(self.days(declared.calendar), opened=service)

    def _build(
        self,
        choice: str | Hours,
        declared: Hours,
        service: tuple[date, ...],
        path: tuple[str, ...] | None = None,
    ) -> OpeningHours:
        """Opening hours as declared at `path`, which is among `hours` if nothing else is said."""
        with self._located(path or (("hours", choice) if isinstance(choice, str) else ("hours",))):
            return opening_hours(
                self._worked(declared, service),
                declared.sessions,
                ZoneInfo(declared.zone),
                declared.after_break,
                declared.before_break,
            )

    def daily(self, times: Iterable[str], days: Days, zone: str) -> tuple[int, ...]:
        """Instants of local times on some days, from the start of the run to its end."""
        seconds = [seconds_after_midnight(text) for text in times]
        each = [local_instants(days, second, ZoneInfo(zone)) for second in seconds]
        found = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *each]))
        return tuple(found[(found >= self.window.start) & (found < self.window.end)].tolist())

    def problems(self) -> list[Problem]:
        """What is wrong with the calendars and hours of the scenario, all of them built."""
        found: list[Problem] = []
        builders = (
            (self.days, self._declared),
            (self.ordinary_hours, self._named_hours),
            (self.hours, self._named_hours),
        )
        for build, names in builders:
            for name in names:
                try:
                    build(name)
                except ScenarioError as error:
                    found += error.problems
        return list(dict.fromkeys(found))

    def exceptions(self, name: str) -> WorkingDayExceptions | None:
        """The public holidays and moved days behind a country's calendar; None for a joint one."""
        declared = self._declared[name]
        if declared.country is None:
            return None
        published = self._published(declared)
        closed, opened = difference_from_weekdays(published)
        return WorkingDayExceptions(
            of=meaning(declared.country) if declared.exceptions is None else declared.exceptions.of,
            first=self._first,
            last=self._last,
            closed_weekdays=tuple(closed),
            working_weekends=tuple(opened),
            provisional_from=published.provisional_from,
        )

    def public_warnings(self) -> list[str]:
        """One sentence per calendar whose holidays are public ones, which banks need not keep."""
        return [
            f"calendar {name!r}: {meaning(declared.country)}"
            for name, declared in self._declared.items()
            if declared.country is not None
            and declared.exceptions is None
            and not is_of_banks(declared.country)
        ]

    def provisional_warnings(self) -> list[str]:
        """One sentence per calendar of which the run uses days that may still be moved by decree."""
        found = {name: self.days(name).provisional_from for name in self._declared}
        return [
            f"calendar {name!r}: moved working days from {day} on are not published yet; "
            "what falls there is provisional"
            for name, day in found.items()
            if day is not None and day <= self.window.last_day
        ]

    @contextmanager
    def _located(self, path: tuple[str, ...]) -> Iterator[None]:
        """Tell what is wrong with a declaration at the place where it was written."""
        try:
            yield
        except ValueError as error:
            raise ScenarioError([Problem("", ".".join(path), str(error))]) from None

    def _amended(self, declared: Calendar) -> WorkingDays:
        origin = (
            joint(*(self.days(other) for other in declared.joint))
            if declared.joint is not None
            else self._published(declared)
        )
        return amended(origin, declared.closed, declared.opened)

    def _published(self, declared: Calendar) -> WorkingDays:
        given = declared.exceptions
        if given is None:
            if declared.country is None:
                raise AssertionError("a calendar has a country or is joint")
            return country_days(declared.country, self._first, self._last)
        if given.first > self._first or given.last < self._last:
            raise ValueError(
                f"the working days written down reach from {given.first} to {given.last}, "
                f"what the run needs from {self._first} to {self._last}, whole years to the last due date; "
                "remove 'exceptions' to look holidays up again"
            )
        covered = range(self._first.toordinal(), self._last.toordinal() + 1)
        return from_exceptions(
            self._first,
            self._last,
            [day for day in given.closed_weekdays if day.toordinal() in covered],
            [day for day in given.working_weekends if day.toordinal() in covered],
            given.provisional_from,
        )


def _gaps(timeline: Timeline) -> dict[Target, Gaps]:
    """The gaps of each thing that is out at some time."""
    found: dict[Target, list[tuple[int, int]]] = {}
    for target, since, until in sorted(timeline.of(Gap)):
        gaps = found.setdefault(target, [])
        if gaps and since <= gaps[-1][1]:
            gaps[-1] = (gaps[-1][0], max(until, gaps[-1][1]))
        elif since < until:
            gaps.append((since, until))
    return {target: tuple(gaps) for target, gaps in found.items()}


def resolve_calendars(scenario: Scenario, openings: Openings) -> Scenario:
    """The scenario with the working days it uses written into its calendars."""
    calendars = {
        name: declared.model_copy(update={"exceptions": openings.exceptions(name)})
        for name, declared in scenario.calendars.items()
    }
    return scenario.model_copy(update={"calendars": calendars})
