"""Dates lie in the run, times of day in sessions, and no two entries may say different of the same."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from sim.core.clock import DAY, exact_instant, from_instant, to_instant
from sim.core.hours import parse_session
from sim.scenario.demands import demands, passengers
from sim.scenario.model.base import FIRST_YEAR, LAST_YEAR
from sim.scenario.model.markets import Quote
from sim.scenario.model.timeline import ChangedQuote, numbered
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.topology import Topology, closures, detours
from sim.scenario.tree import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.entry import Stretch
    from sim.scenario.model.timeline import Entry
    from sim.scenario.model.timing import Hours

    Path = tuple[str | int, ...]


def check_dates(scenario: Scenario) -> Iterator[Finding]:
    """The run, and entries of the timeline that are out of it, out of order, or at odds with one before."""
    yield from (Finding(*found) for found in _run(scenario))
    yield from (Finding(*found) for found in _timeline(scenario))


def check_quotes(scenario: Scenario) -> Iterator[Finding]:
    """A quote that the timeline changes must make sense as one that is declared."""
    for number, entry in numbered(scenario.timeline, ChangedQuote):
        for pair, usual in scenario.markets[entry.market].pairs.items():
            if entry.pair in (None, pair):
                try:
                    Quote.model_validate(entry.applied_to(usual).model_dump())
                except ValidationError as error:
                    path = ("timeline", number, "spread_bps" if entry.depth is None else "depth")
                    yield Finding(path, f"{pair}: {error.errors()[0]['msg']}")


def _run(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    """Path and message of what leads the run out of the years that calendars and time zones know."""
    zone = ZoneInfo(scenario.period.zone)
    longest = max(
        (term.days[1] for flow in scenario.flows.values() for term in flow.terms.values()), default=0
    )
    run_in = timedelta(seconds=scenario.run_in)
    first = from_instant(to_instant(scenario.period.start, zone), zone) - run_in
    last = from_instant(to_instant(scenario.period.end, zone), zone) + timedelta(seconds=scenario.horizon)
    known = f"calendars and time zones are known from {FIRST_YEAR} to {LAST_YEAR}"
    if (first - timedelta(days=longest)).year < FIRST_YEAR:
        key = "run_in" if first.year < FIRST_YEAR else "period"
        yield (key,), f"what is simulated begins before {FIRST_YEAR}; {known}"
    if last.year > LAST_YEAR:
        yield ("horizon",), f"what is simulated ends after {LAST_YEAR}; {known}"


def _timeline(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    """Path and message of each entry outside of the run, out of order, or at odds with one before it."""
    zone = ZoneInfo(scenario.period.zone)
    start = to_instant(scenario.period.start, zone) - scenario.run_in
    end = to_instant(scenario.period.end, zone) + scenario.horizon
    run = f"{from_instant(start, zone):%Y-%m-%d %H:%M} to {from_instant(end, zone):%Y-%m-%d %H:%M}"
    before: dict[tuple[str, ...], _Taken] = {}
    for number, entry in enumerate(scenario.timeline):
        path = ("timeline", number)
        yield from (((*path, *keys), message) for keys, message in entry.disorder(zone))
        if unreal := list(_unreal(path, entry, zone)):
            yield from unreal
            continue
        if entry.is_reversed(zone):
            yield (*path, "to"), "it ends before it starts"
            continue
        for stretch in entry.stretches(scenario, zone):
            if stretch.since >= end or stretch.until <= start:
                yield (*path, *stretch.keys), f"it lies outside of the run, which goes from {run}"
            for subject in stretch.rivals:
                for other in before[subject].meeting(stretch, number) if subject in before else ():
                    message = f"{stretch.said} is changed by entry {other} of the timeline at the same time"
                    yield (*path, *stretch.keys), message
            before.setdefault(stretch.subject, _Taken()).add(stretch, number)


def _unreal(path: Path, entry: Entry, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
    """Local times of an entry that clocks skip, or show twice."""
    for keys, at in entry.local_times():
        try:
            exact_instant(at, zone)
        except ValueError as error:
            yield (*path, *keys), str(error)


class _Taken:
    """The stretches of one subject so far, with the numbers of their entries, in order of their starts."""

    def __init__(self) -> None:
        self._since: list[int] = []
        self._stretches: list[tuple[int, int]] = []
        self._longest = 0

    def meeting(self, stretch: Stretch, number: int) -> list[int]:
        """The entries other than `number` that hold while `stretch` does, in their order."""
        # Nothing that began earlier than the longest one lasts can still hold.
        first = bisect_right(self._since, stretch.since - self._longest)
        last = bisect_left(self._since, stretch.until)
        near = self._stretches[first:last]
        return sorted(other for until, other in near if other != number and until > stretch.since)

    def add(self, stretch: Stretch, number: int) -> None:
        """Take the stretch for an entry."""
        place = bisect_right(self._since, stretch.since)
        self._since.insert(place, stretch.since)
        self._stretches.insert(place, (stretch.until, number))
        self._longest = max(self._longest, stretch.until - stretch.since)


def check_detours(scenario: Scenario) -> Iterator[Finding]:
    """Each closure that leaves some payments without a way."""
    topology = Topology(scenario)
    for number, entry in closures(scenario):
        stranded = {
            f"{demand.currency} from {passenger.payer_bank!r} to {passenger.payee_bank!r}"
            for demand in demands(scenario)
            for passenger in passengers(demand, scenario)
            for route in topology.candidates(passenger)
            if entry.closes(route, passenger, topology) and not detours(entry, passenger, topology)
        }
        if stranded:
            first, *others = sorted(stranded)
            more = f" (and {len(others)} more such payments)" if others else ""
            yield Finding(("timeline", number, "fallback"), f"none of these routes can carry {first}{more}")


#: Calendars that are joint of joint ones, so deep; each level is looked into by the one above it.
_DEEPEST_CALENDAR: Final = 50


def check_calendars(scenario: Scenario) -> Iterator[Finding]:
    """A calendar is made of others, each complete before it, and not of too many one upon the other."""
    parts = {name: set(declared.joint or ()) for name, declared in scenario.calendars.items()}
    deep: dict[str, int] = {}
    while len(deep) < len(parts):
        try:
            for name in TopologicalSorter(parts).static_order():
                deep[name] = 1 + max((deep[part] for part in parts.get(name, ())), default=0)
            break
        except CycleError as error:
            for name in sorted({*error.args[1]}):
                yield Finding(("calendars", name, "joint"), f"calendar {name!r} is joint with itself")
                del parts[name]
    for name in parts:
        if deep[name] == _DEEPEST_CALENDAR + 1:
            message = f"calendar {name!r} rests on more than {_DEEPEST_CALENDAR} others, one upon the other"
            yield Finding(("calendars", name, "joint"), message)


def check_auctions(scenario: Scenario) -> Iterator[Finding]:
    """An auction takes place while its market is open."""
    for name, market in scenario.markets.items():
        for number, text in enumerate(market.at):
            if not open_at(text, market.hours, scenario):
                yield Finding(("markets", name, "at", number), f"at {text} the market is closed")


def open_at(text: str, choice: str | Hours, scenario: Scenario) -> bool:
    """Whether a time of day lies in a session of some hours as they are declared."""
    if choice == "always":
        return True
    hours = scenario.hours[choice] if isinstance(choice, str) else choice
    sessions, at = [parse_session(session) for session in hours.sessions], seconds_after_midnight(text)
    return any(opens <= at + day < closes for opens, closes in sessions for day in (-DAY, 0, DAY))
