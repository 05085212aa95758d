"""What happens on a date must happen in the run, and no two things may say different of the same."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from sim.core.clock import exact_instant, from_instant, to_instant
from sim.scenario.check.finding import Finding
from sim.scenario.demands import demands, passengers
from sim.scenario.model.base import FIRST_YEAR, LAST_YEAR
from sim.scenario.model.markets import Quote
from sim.scenario.model.timeline import ChangedQuote, numbered
from sim.scenario.passage import closures, detours
from sim.scenario.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.entry import Stretch
    from sim.scenario.model.timeline import Entry

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
