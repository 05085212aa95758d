"""What happens on a date must happen in the run, and no two things may say different of the same."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from sim.core.clock import HOUR, NEVER, from_instant, to_instant
from sim.scenario.model.timeline import ChangedHours, Mix, Outage, ServiceDays, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.timeline import Entry

    Path = tuple[str | int, ...]


class Stretch(NamedTuple):
    """When an entry of the timeline holds, `[since, until)`, what it is about, and the key of its start."""

    since: int
    until: int
    subject: tuple[str, ...]
    key: str | int
    said: str


def check_timeline(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    """Path and message of each entry outside of the run, out of order, or at odds with one before it."""
    zone = ZoneInfo(scenario.period.zone)
    start = to_instant(scenario.period.start, zone) - scenario.run_in
    end = to_instant(scenario.period.end, zone) + scenario.horizon
    run = f"{from_instant(start, zone):%Y-%m-%d %H:%M} to {from_instant(end, zone):%Y-%m-%d %H:%M}"
    before: list[tuple[int, Stretch]] = []
    for number, entry in enumerate(scenario.timeline):
        path = ("timeline", number)
        if isinstance(entry, Mix | Volume):
            yield from _order((*path, "path"), entry, zone)
        for stretch in _stretches(entry, scenario, zone):
            if stretch.until <= stretch.since:
                yield (*path, "to"), "it ends before it starts"
            elif stretch.since >= end or stretch.until <= start:
                yield (*path, *_place(stretch)), f"it lies outside of the run, which goes from {run}"
            for other, earlier in before:
                if other != number and _meet(stretch, earlier):
                    message = f"{stretch.said} is changed by entry {other} of the timeline at the same time"
                    yield (*path, *_place(stretch)), message
            before.append((number, stretch))


def _order(path: Path, entry: Mix | Volume, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
    instants = [to_instant(point.at, zone) for point in entry.path]
    for number, (one, other) in enumerate(pairwise(instants)):
        if other <= one:
            yield (*path, number + 1, "at"), "each point of a path comes after the one before it"


def _place(stretch: Stretch) -> Path:
    return ("days", stretch.key) if isinstance(stretch.key, int) else (stretch.key,)


def _meet(one: Stretch, other: Stretch) -> bool:
    return one.subject == other.subject and one.since < other.until and other.since < one.until


def _stretches(entry: Entry, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
    match entry:
        case Outage():
            kind, name = entry.target
            until = _end(entry.to, zone) + len(entry.recovery) * HOUR
            said = f"whether {name!r} works"
            yield Stretch(to_instant(entry.from_, zone), until, ("outage", kind, name), "from", said)
        case ChangedHours():
            said = f"{entry.hours!r}"
            since = to_instant(entry.from_, zone)
            yield Stretch(since, _end(entry.to, zone), ("hours", entry.hours), "from", said)
        case Mix() | Volume():
            instants = [to_instant(point.at, zone) for point in entry.path]
            what = "the currency mix" if isinstance(entry, Mix) else "the volume"
            for name in scenario.flows if entry.flows is None else entry.flows:
                said = f"{what} of {name!r}"
                yield Stretch(min(instants), NEVER, (entry.kind, name), "path", said)
        case ServiceDays():
            for number, day in enumerate(entry.days):
                since = to_instant(datetime.combine(day, time()), zone)
                until = to_instant(datetime.combine(day + timedelta(days=1), time()), zone)
                for name in entry.hours:
                    yield Stretch(since, until, ("service_days", name), number, f"{day} for {name!r}")


def _end(to: datetime | None, zone: ZoneInfo) -> int:
    return NEVER if to is None else to_instant(to, zone)
