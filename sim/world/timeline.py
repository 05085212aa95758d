"""Each entry of the timeline is resolved here, once, into changes; the other modules of the world ask for those.

An entry of a new kind needs its declaration and an effect: a generator of changes, of the kinds below or of another
one that stands, like the effect itself, beside whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

import numpy as np

from sim.core.clock import HOUR, NEVER, Seconds, to_instant
from sim.core.currency import round_half_even, to_minor
from sim.core.kinds import Halves
from sim.core.rates import Floats
from sim.scenario.model.kinds import kinds
from sim.scenario.model.operations import ChangedHours, Closure, FailedBank, Outage, ServiceDays
from sim.scenario.model.timeline import ChangedQuote, Entry, Liquidity, Mix, RateJump, Review, Volume
from sim.scenario.topology import books

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario
    from sim.scenario.model.markets import Quote
    from sim.scenario.model.timing import Durations
    from sim.scenario.model.trade import Flow

#: Turns an entry, in a scenario whose local times are those of a zone, into what it changes.
Effect: TypeAlias = Callable[..., Iterable[Any]]
F = TypeVar("F", bound=Effect)
C = TypeVar("C")

#: The effect of each kind of entry; complete when the builder of the world has been imported.
EFFECTS: Final[Halves[Effect]] = Halves("kind of timeline entry", "an effect in the world")


def gives_effect_to(*declared: type) -> Callable[[F], F]:
    """Say that a function resolves the entries of a kind, or of all kinds that have it in common.

    TypeError for what is not in the union of all entries.
    """

    def register(effect: F) -> F:
        for each in declared:
            mine = [kind for kind, one in kinds(Entry).items() if issubclass(one, each)]
            if not mine:
                raise TypeError(
                    f"{each.__name__!r} has an effect in the world but is no kind of timeline entry"
                )
            EFFECTS.add(effect, *mine)
        return effect

    return register


class Timeline:
    """What the entries of a scenario change, by kind of change and in the order of the entries."""

    def __init__(self, scenario: Scenario, zone: ZoneInfo) -> None:
        self._asked_for: set[type] = set()
        self._changes: dict[type, list[tuple[int, Any]]] = {}
        for number, entry in enumerate(scenario.timeline):
            for change in EFFECTS[entry.kind](entry, scenario, zone):
                self._changes.setdefault(type(change), []).append((number, change))

    def of(self, kind: type[C]) -> list[C]:
        """All changes of a kind."""
        return [change for _, change in self.numbered(kind)]

    def numbered(self, kind: type[C]) -> list[tuple[int, C]]:
        """All changes of a kind, each with the number of its entry."""
        self._asked_for.add(kind)
        return self._changes.get(kind, [])

    def check_asked_for(self) -> None:
        """TypeError that names each kind of change for which nobody has asked so far: it would be lost in silence."""
        lost = [
            f"entry {changes[0][0]} of the timeline makes a {kind.__name__}, for which nobody in the world asks"
            for kind, changes in self._changes.items()
            if kind not in self._asked_for
        ]
        if lost:
            raise TypeError("; ".join(lost))


#: What can be out: its kind (`system`, `bank`, `desk`, `market`) and its name.
Target: TypeAlias = tuple[str, str]


class Gap(NamedTuple):
    """Something does not work in `[since, until)`, whatever its hours say."""

    target: Target
    since: int
    until: int


@gives_effect_to(Outage)
def _outage(entry: Outage, _scenario: Scenario, zone: ZoneInfo) -> Iterator[Gap]:
    """The outage itself, then the part of each hour of its recovery before things work again."""
    since, end = entry.span(zone)
    yield Gap(entry.target, since, end)
    for number, share in enumerate(entry.recovery):
        hour = end + number * HOUR
        yield Gap(entry.target, hour, hour + int(round_half_even((1 - float(share)) * HOUR)))


class Failure(NamedTuple):
    """A bank does not pay or receive any more; what it holds and keeps for others is frozen."""

    bank: str
    at: int


@gives_effect_to(FailedBank)
def _failed_bank(entry: FailedBank, _scenario: Scenario, zone: ZoneInfo) -> Iterator[Failure | Gap]:
    at = to_instant(entry.at, zone)
    yield Failure(entry.bank, at)
    yield Gap(("bank", entry.bank), at, NEVER)


class OtherHours(NamedTuple):
    """On working days from `first` on and before `end` (None: for ever), declared hours have other values."""

    hours: str
    first: date
    end: date | None
    stated: Mapping[str, Any]
    """The values, by field of the declaration."""


@gives_effect_to(ChangedHours)
def _changed_hours(entry: ChangedHours, _scenario: Scenario, _zone: ZoneInfo) -> Iterator[OtherHours]:
    stated = {name: getattr(entry, name) for name in ("sessions", "after_break", "before_break", "calendar")}
    yield OtherHours(
        entry.hours,
        entry.from_.date(),
        None if entry.to is None else entry.to.date(),
        {key: value for key, value in stated.items() if value is not None},
    )


class ServiceDay(NamedTuple):
    """Declared hours are kept on a day, too."""

    hours: str
    day: date


@gives_effect_to(ServiceDays)
def _service_days(entry: ServiceDays, _scenario: Scenario, _zone: ZoneInfo) -> Iterator[ServiceDay]:
    for name in dict.fromkeys(entry.hours):
        for day in entry.days:
            yield ServiceDay(name, day)


class ClosedWay(NamedTuple):
    """In `[since, until)` some payments have to take another way; the declaration tells which, and what way."""

    since: int
    until: int
    declared: Closure


@gives_effect_to(Closure)
def _closure(entry: Closure, _scenario: Scenario, zone: ZoneInfo) -> Iterator[ClosedWay]:
    yield ClosedWay(*entry.span(zone), entry)


class Grant(NamedTuple):
    """An account gets minor units from outside, or loses them if negative; not before its system is open."""

    at: int
    holder: str
    system: str
    amount: int


@gives_effect_to(Liquidity)
def _liquidity(entry: Liquidity, scenario: Scenario, zone: ZoneInfo) -> Iterator[Grant]:
    currency = books(scenario)[entry.system].currency
    yield Grant(to_instant(entry.at, zone), entry.holder, entry.system, to_minor(entry.amount, currency))


class Jump(NamedTuple):
    """From an instant on a dollar costs `factor` times as much of a currency."""

    at: int
    currency: str
    factor: float


@gives_effect_to(RateJump)
def _rate_jump(entry: RateJump, _scenario: Scenario, zone: ZoneInfo) -> Iterator[Jump]:
    yield Jump(to_instant(entry.at, zone), entry.currency, 1.0 + float(entry.size))


class OtherQuote(NamedTuple):
    """On trading days from `first` on and before `end` (None: for ever), a market quotes a pair otherwise."""

    market: str
    pair: str
    first: date
    end: date | None
    quote: Quote


@gives_effect_to(ChangedQuote)
def _changed_quote(entry: ChangedQuote, scenario: Scenario, _zone: ZoneInfo) -> Iterator[OtherQuote]:
    end = None if entry.to is None else entry.to.date()
    for pair, usual in scenario.markets[entry.market].pairs.items():
        if entry.pair in (None, pair):
            yield OtherQuote(entry.market, pair, entry.from_.date(), end, entry.applied_to(usual))


class OtherReview(NamedTuple):
    """In `[since, until)` payments at the desk of a bank (None: of any) are reviewed otherwise.

    None is for what stays.
    """

    since: int
    until: int
    bank: str | None
    probability: float | None
    return_probability: float | None
    work: Durations | None
    return_after: Durations | None


@gives_effect_to(Review)
def _review(entry: Review, _scenario: Scenario, zone: ZoneInfo) -> Iterator[OtherReview]:
    reviewed, returned = (
        None if chance is None else float(chance) for chance in (entry.probability, entry.return_probability)
    )
    yield OtherReview(*entry.span(zone), entry.bank, reviewed, returned, entry.work, entry.return_after)


class MixKnot(NamedTuple):
    """The shares of the currencies in which a flow is invoiced at an instant."""

    flow: str
    at: int
    shares: Mapping[str, float]


@gives_effect_to(Mix)
def _mix(entry: Mix, scenario: Scenario, zone: ZoneInfo) -> Iterator[MixKnot]:
    for name in dict.fromkeys(entry.flows or scenario.flows):
        for point in entry.path:
            shares = {code: float(share) for code, share in point.invoicing.items()}
            yield MixKnot(name, to_instant(point.at, zone), shares)


class VolumeKnot(NamedTuple):
    """Invoices of a flow at an instant, as a multiple of their usual number."""

    flow: str
    at: int
    factor: float


@gives_effect_to(Volume)
def _volume(entry: Volume, scenario: Scenario, zone: ZoneInfo) -> Iterator[VolumeKnot]:
    for name in dict.fromkeys(entry.flows or scenario.flows):
        for point in entry.path:
            yield VolumeKnot(name, to_instant(point.at, zone), float(point.factor))


def mix_at(timeline: Timeline, name: str, flow: Flow, at: Seconds) -> tuple[list[str], Floats]:
    """Currencies that a flow is ever invoiced in, and their shares at some instants: [instants, currencies]."""
    points = [point for point in timeline.of(MixKnot) if point.flow == name]
    currencies = list(dict.fromkeys([*flow.invoicing, *(code for point in points for code in point.shares)]))
    columns = [
        _path(
            float(flow.invoicing.get(code, 0)),
            [(point.at, point.shares.get(code, 0.0)) for point in points],
            at,
        )
        for code in currencies
    ]
    return currencies, np.column_stack(columns)


def volume_at(timeline: Timeline, name: str, at: Seconds) -> Floats | None:
    """Invoices of a flow at some instants as a multiple of the usual number; None if it never changes."""
    points = [(point.at, point.factor) for point in timeline.of(VolumeKnot) if point.flow == name]
    return _path(1.0, points, at) if points else None


def _path(before: float, points: list[tuple[int, float]], at: Seconds) -> Floats:
    """The value `before` up to the first point, then from point to point in straight lines."""
    if not points:
        return np.full(len(at), before)
    instants, values = zip(*points, strict=True)
    return np.where(at < instants[0], before, np.interp(at, instants, values))
