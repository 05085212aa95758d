"""What happens on a date must happen in the run, and no two things may say different of the same."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from sim.core.clock import HOUR, NEVER, exact_instant, from_instant, to_instant
from sim.scenario.check.finding import Finding
from sim.scenario.demands import demands, passengers
from sim.scenario.detours import closes, closures, detours
from sim.scenario.model.base import FIRST_YEAR, LAST_YEAR
from sim.scenario.model.markets import Quote
from sim.scenario.model.timeline import (
    ChangedHours,
    ChangedQuote,
    ClosedRoute,
    FailedBank,
    Liquidity,
    LostCorrespondent,
    Mix,
    Outage,
    RateJump,
    Review,
    ServiceDays,
    Span,
    Volume,
)
from sim.scenario.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.timeline import Entry

    Path = tuple[str | int, ...]
    Spanning = Outage | ChangedHours | ClosedRoute | LostCorrespondent | ChangedQuote | Review


class Stretch(NamedTuple):
    """When an entry of the timeline holds, `[since, until)`, what it is about, and the key of its start."""

    since: int
    until: int
    subject: tuple[str, ...]
    key: str | int
    said: str


def check_dates(scenario: Scenario) -> Iterator[Finding]:
    """The run, and entries of the timeline that are out of it, out of order, or at odds with one before."""
    yield from (Finding(*found) for found in _run(scenario))
    yield from (Finding(*found) for found in _timeline(scenario))


def check_quotes(scenario: Scenario) -> Iterator[Finding]:
    """A quote that the timeline changes must make sense as one that is declared."""
    for number, entry in enumerate(scenario.timeline):
        if not isinstance(entry, ChangedQuote):
            continue
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
        if isinstance(entry, Mix | Volume):
            yield from _order((*path, "path"), entry, zone)
        if unreal := list(_unreal(path, entry, zone)):
            yield from unreal
            continue
        if _reversed(entry, zone):
            yield (*path, "to"), "it ends before it starts"
            continue
        for stretch in _stretches(entry, scenario, zone):
            if stretch.since >= end or stretch.until <= start:
                yield (*path, *_place(stretch)), f"it lies outside of the run, which goes from {run}"
            for subject in _rivals(stretch.subject):
                for other in before[subject].meeting(stretch, number) if subject in before else ():
                    message = f"{stretch.said} is changed by entry {other} of the timeline at the same time"
                    yield (*path, *_place(stretch)), message
            before.setdefault(stretch.subject, _Taken()).add(stretch, number)


def _unreal(path: Path, entry: Entry, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
    """Local times of an entry that clocks skip, or show twice."""
    told: list[tuple[Path, datetime | None]]
    if isinstance(entry, Mix | Volume):
        instants = [point.at for point in entry.path]
        told = [((*path, "path", number, "at"), at) for number, at in enumerate(instants)]
    else:
        fields = (("at", "at"), ("from", "from_"), ("to", "to"))
        told = [((*path, key), getattr(entry, field, None)) for key, field in fields]
    for where, at in told:
        try:
            if at is not None:
                exact_instant(at, zone)
        except ValueError as error:
            yield where, str(error)


def _reversed(entry: Entry, zone: ZoneInfo) -> bool:
    """Whether an entry ends before it starts, whatever recovery follows."""
    return isinstance(entry, Span) and _end(entry.to, zone) <= to_instant(entry.from_, zone)


def _order(path: Path, entry: Mix | Volume, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
    instants = [to_instant(point.at, zone) for point in entry.path]
    for number, (one, other) in enumerate(pairwise(instants)):
        if other <= one:
            yield (*path, number + 1, "at"), "each point of a path comes after the one before it"


def _place(stretch: Stretch) -> Path:
    return ("days", stretch.key) if isinstance(stretch.key, int) else (stretch.key,)


def _rivals(subject: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """What nothing else may be said about while something is said about a subject."""
    kind, *rest = subject
    if kind == "fallback":
        return (("closed_route", *rest),)
    return (subject, ("fallback", *rest)) if kind == "closed_route" else (subject,)


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


def _stretches(entry: Entry, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
    match entry:
        case ServiceDays():
            yield from _service(entry, zone)
        case Mix() | Volume():
            since = min(to_instant(point.at, zone) for point in entry.path)
            what = "the currency mix" if isinstance(entry, Mix) else "the volume"
            for name in scenario.flows if entry.flows is None else entry.flows:
                yield Stretch(since, NEVER, (entry.kind, name), "path", f"{what} of {name!r}")
        case Liquidity():
            at = to_instant(entry.at, zone)
            said = f"the liquidity of {entry.holder!r} in {entry.system!r}"
            yield Stretch(at, at + 1, (entry.kind, entry.holder, entry.system), "at", said)
        case FailedBank():
            since = to_instant(entry.at, zone)
            said = f"whether {entry.bank!r} works"
            yield Stretch(since, NEVER, ("outage", "bank", entry.bank), "at", said)
        case RateJump():
            at = to_instant(entry.at, zone)
            yield Stretch(at, at + 1, (entry.kind, entry.currency), "at", f"the rate of {entry.currency}")
        case _:
            since, until = to_instant(entry.from_, zone), _end(entry.to, zone)
            for until_then, subject, key, said in _spans(entry, scenario, until):
                yield Stretch(since, until_then, subject, key, said)


def _spans(
    entry: Spanning, scenario: Scenario, until: int
) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    match entry:
        case Outage():
            kind, name = entry.target
            until += len(entry.recovery) * HOUR
            yield until, (entry.kind, kind, name), "from", f"whether {name!r} works"
        case ChangedHours():
            yield until, (entry.kind, entry.hours), "from", repr(entry.hours)
        case ChangedQuote():
            for pair in [entry.pair] if entry.pair else scenario.markets[entry.market].pairs:
                yield until, (entry.kind, entry.market, pair), "from", f"{pair} at {entry.market!r}"
        case Review():
            for bank in [entry.bank] if entry.bank else scenario.banks:
                yield until, (entry.kind, bank), "from", f"the review at {bank!r}"
        case ClosedRoute() | LostCorrespondent():
            closed = entry.route if isinstance(entry, ClosedRoute) else entry.bank
            yield until, (entry.kind, closed), "from", f"the way over {closed!r}"
            # Nobody is sent to where it is closed, too.
            for name in entry.fallback:
                yield until, ("fallback", name), "fallback", f"the way over {name!r}"


def _service(entry: ServiceDays, zone: ZoneInfo) -> Iterator[Stretch]:
    for number, day in enumerate(entry.days):
        since, until = (
            to_instant(datetime.combine(one, time()), zone) for one in (day, day + timedelta(days=1))
        )
        for name in entry.hours:
            yield Stretch(since, until, (entry.kind, name), number, f"{day} for {name!r}")


def _end(to: datetime | None, zone: ZoneInfo) -> int:
    return NEVER if to is None else to_instant(to, zone)


def check_detours(scenario: Scenario) -> Iterator[Finding]:
    """Each closure that leaves some payments without a way."""
    topology = Topology(scenario)
    for number, entry in closures(scenario):
        stranded = {
            f"{demand.currency} from {passenger.payer_bank!r} to {passenger.payee_bank!r}"
            for demand in demands(scenario)
            for passenger in passengers(demand, scenario)
            for route in topology.candidates(passenger)
            if closes(entry, route, passenger, topology) and not detours(entry, passenger, topology)
        }
        if stranded:
            first, *others = sorted(stranded)
            more = f" (and {len(others)} more such payments)" if others else ""
            yield Finding(("timeline", number, "fallback"), f"none of these routes can carry {first}{more}")
