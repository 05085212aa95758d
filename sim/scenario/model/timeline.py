"""What happens to a world on a date: something breaks, somebody decides, a habit changes."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from sim.core.clock import HOUR, NEVER, to_instant
from sim.core.currency import MINOR_DIGITS
from sim.scenario.model.base import (
    Amount,
    Currency,
    Day,
    Declaration,
    Instant,
    Number,
    Share,
    check_amounts,
    check_date_only,
    check_shares,
    nearest,
    reference,
    written,
    written_currency,
    wrong,
)
from sim.scenario.model.kinds import check_stated
from sim.scenario.model.markets import Quote
from sim.scenario.model.network import BankName, MarketName
from sim.scenario.model.settlement import SystemName
from sim.scenario.model.timing import CalendarName, Durations, Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario
    from sim.scenario.topology import Passenger, Topology

    Path: TypeAlias = tuple[str | int, ...]
    Subject: TypeAlias = tuple[str, ...]

#: What can be out: fields of an outage, sections in the singular.
_TARGETS: Final = ("system", "bank", "desk", "market")

DeskName = Annotated[str, AfterValidator(reference("desks"))]
RouteName = Annotated[str, AfterValidator(reference("routes"))]
FlowName = Annotated[str, AfterValidator(reference("flows"))]
DeclaredHours = Annotated[str, AfterValidator(reference("hours"))]


class Stretch(NamedTuple):
    """When an entry says something about a subject, `[since, until)`, and the keys of the entry that say so.

    Nothing may be said about any of `rivals` in that time; `said` tells the subject in words.
    """

    since: int
    until: int
    subject: Subject
    keys: Path
    said: str
    rivals: tuple[Subject, ...]


def _stretch(since: int, until: int, subject: Subject, key: str | int, said: str) -> Stretch:
    """A stretch in which nothing else may be said about its subject."""
    return Stretch(since, until, subject, (key,), said, (subject,))


class _Entry(Declaration):
    """What every kind of entry tells of itself; nobody else asks which one it is."""

    @abstractmethod
    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """When it says something, about what; `zone` is that of its local times."""

    def local_times(self) -> Iterator[tuple[Path, datetime]]:
        """The local times that it states, with their keys."""
        for key, field in (("at", "at"), ("from", "from_"), ("to", "to")):
            if (at := getattr(self, field, None)) is not None:
                yield (key,), at

    def disorder(self, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
        """Keys and words for each point of its path that does not come after the one before it."""
        del zone
        return iter(())

    def is_reversed(self, zone: ZoneInfo) -> bool:
        """Whether it ends before it starts, whatever recovery follows."""
        del zone
        return False


class Span(_Entry):
    """Something that holds for a while, `[from, to)`."""

    from_: Instant = Field(alias="from")
    """First instant, local to the zone of the period."""
    to: Instant | None = None
    """First instant after it, local to the zone of the period; by default it lasts until the end of the run."""
    source: str | None = None
    """Where the choice comes from, or the word assumption."""

    @abstractmethod
    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """Whatever it says something about while it holds, and that in words."""

    def span(self, zone: ZoneInfo) -> tuple[int, int]:
        """The instants `[from, to)`."""
        return to_instant(self.from_, zone), NEVER if self.to is None else to_instant(self.to, zone)

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`."""
        since, until = self.span(zone)
        for subject, said in self.about(scenario):
            yield _stretch(since, until, subject, "from", said)

    def is_reversed(self, zone: ZoneInfo) -> bool:
        """See `_Entry`."""
        since, until = self.span(zone)
        return until <= since


class Outage(Span):
    """A system, a bank, its review desk or a market does not work, whatever its hours say."""

    kind: Literal["outage"]
    """Something does not work for a while."""
    system: SystemName | None = None
    """System that neither accepts nor settles."""
    bank: BankName | None = None
    """Bank that takes no orders up and whose back office rests."""
    desk: DeskName | None = None
    """Review desk that does not work."""
    market: MarketName | None = None
    """Market that does not trade."""
    recovery: tuple[Share, ...] = ()
    """Share of each hour after `to` in which it works, towards the end of the hour; after those it works as ever."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        stated = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(stated) != 1:
            message = "state one of 'system', 'bank', 'desk' and 'market'"
            raise wrong(message, field=stated[1] if stated else None)
        if self.recovery and self.to is None:
            raise wrong("what does not end has no recovery", field="recovery")
        return self

    @property
    def target(self) -> tuple[str, str]:
        """What does not work: the section that declares it in the singular, and its name."""
        return next((kind, name) for kind in _TARGETS if (name := getattr(self, kind)) is not None)

    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        del scenario
        kind, name = self.target
        yield (self.kind, kind, name), f"whether {name!r} works"

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`; the recovery belongs to it."""
        for stretch in super().stretches(scenario, zone):
            yield stretch._replace(until=stretch.until + len(self.recovery) * HOUR)


class ChangedHours(Span):
    """Whoever works in certain hours works in others for a while; firms, who trade in them, do not change."""

    kind: Literal["hours"]
    """Opening hours change."""
    hours: DeclaredHours
    """Hours that change, wherever banks, systems, markets and order windows use them."""
    sessions: tuple[Session, ...] | None = Field(default=None, min_length=1)
    """Sessions of the working days from `from` on and before `to`; by default they stay."""
    after_break: tuple[Session, ...] | None = None
    """Further sessions after a day without work; by default they stay."""
    calendar: CalendarName | None = None
    """Working days; by default they stay."""

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if self.sessions is None and self.after_break is None and self.calendar is None:
            raise wrong("state what changes: 'sessions', 'after_break' or 'calendar'")
        for field, at in (("from", self.from_), ("to", self.to)):
            check_date_only(at, field, "hours change with a working day")
        return self

    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        del scenario
        yield (self.kind, self.hours), repr(self.hours)


class ServiceDays(_Entry):
    """Extra working days of some hours, such as a duty service on holidays."""

    kind: Literal["service_days"]
    """Work on days without work."""
    hours: tuple[DeclaredHours, ...] = Field(min_length=1)
    """Hours that are kept on these days, too, wherever banks, systems, markets and order windows use them."""
    days: tuple[Day, ...] = Field(min_length=1)
    """The days."""
    source: str | None = None
    """Where the choice comes from, or the word assumption."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        (day, times), *_ = Counter(self.days).most_common(1)
        if times > 1:
            raise wrong(f"{day} is listed twice", field="days")
        return self

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`."""
        del scenario
        for number, day in enumerate(self.days):
            since, until = (
                to_instant(datetime.combine(one, time()), zone) for one in (day, day + timedelta(days=1))
            )
            for name in self.hours:
                said = f"{day} for {name!r}"
                yield _stretch(since, until, (self.kind, name), number, said)._replace(keys=("days", number))


class Closure(Span):
    """A way is closed for a while, and others are listed for whoever would take it."""

    fallback: tuple[RouteName, ...] = Field(min_length=1)
    """Routes that payments instructed in this time take instead, if they can pass them."""
    choice: Literal["order", "weight"] = "order"
    """`order`: the first of them; `weight`: by their weights, with the draw that chose the route before."""

    @abstractmethod
    def closes(self, route: str, passenger: Passenger, topology: Topology) -> bool:
        """Whether it closes `route` to a payment."""

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`; nobody is sent to where it is closed, too."""
        yield from super().stretches(scenario, zone)
        since, until = self.span(zone)
        for name in self.fallback:
            said = f"the way over {name!r}"
            stretch = _stretch(since, until, ("fallback", name), "fallback", said)
            yield stretch._replace(rivals=(("closed_route", name),))


class ClosedRoute(Closure):
    """A route takes no new payments; those under way go on."""

    kind: Literal["closed_route"]
    """A route is closed."""
    route: RouteName
    """The route."""

    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        del scenario
        yield (self.kind, self.route), f"the way over {self.route!r}"

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`; who is sent over a route may not find it closed."""
        for stretch in super().stretches(scenario, zone):
            if stretch.subject == (self.kind, self.route):
                yield stretch._replace(rivals=(stretch.subject, ("fallback", self.route)))
            else:
                yield stretch

    def closes(self, route: str, passenger: Passenger, topology: Topology) -> bool:
        """See `Closure`: to everybody."""
        del passenger, topology
        return route == self.route


class LostCorrespondent(Closure):
    """A bank takes no new payments for the accounts that it keeps; those under way go on."""

    kind: Literal["lost_correspondent"]
    """A correspondent withdraws."""
    bank: BankName
    """The correspondent: payments that need an account in its books must go another way."""

    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        del scenario
        yield (self.kind, self.bank), f"the way over {self.bank!r}"

    def closes(self, route: str, passenger: Passenger, topology: Topology) -> bool:
        """See `Closure`: to those that would be booked in accounts that the bank keeps."""
        return topology.kept_by(self.bank, route, passenger)


class FailedBank(_Entry):
    """A bank fails: it does not work any more, and its accounts and those in its books are frozen.

    Payments to and from it that wait stay pending, new ones are not accepted.
    """

    kind: Literal["failed_bank"]
    """A bank fails."""
    at: Instant
    """Instant of the failure, local to the zone of the period."""
    bank: BankName
    """The bank."""
    source: str | None = None
    """Where the choice comes from, or the word assumption."""

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`."""
        del scenario
        subject = ("outage", "bank", self.bank)
        yield _stretch(to_instant(self.at, zone), NEVER, subject, "at", f"whether {self.bank!r} works")


class Liquidity(_Entry):
    """An account gets money from outside, or loses it, all at once."""

    kind: Literal["liquidity"]
    """Liquidity is granted or withdrawn."""
    at: Instant
    """Instant, local to the zone of the period; while the system is closed, its next opening."""
    holder: str
    """Bank that holds the account."""
    system: SystemName
    """System that carries it."""
    amount: Amount
    """What is granted; what is withdrawn, if negative: not more than the account covers then."""
    source: str | None = None
    """Where the number comes from, or the word assumption with a range."""

    @model_validator(mode="after")
    def _something(self, info: ValidationInfo) -> Self:
        currency = written_currency(info, "systems", self.system, "currency")
        if currency is not None:
            check_amounts(self, currency, "amount")
        if not self.amount:
            raise wrong("an amount other than zero is needed", field="amount")
        return self

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`."""
        del scenario
        at, subject = to_instant(self.at, zone), (self.kind, self.holder, self.system)
        yield _stretch(at, at + 1, subject, "at", f"the liquidity of {self.holder!r} in {self.system!r}")


class RateJump(_Entry):
    """An exchange rate jumps."""

    kind: Literal["rate_jump"]
    """A rate jumps."""
    at: Instant
    """Day from whose midnight on the rate is another one, in the zone of the period."""
    currency: Currency
    """Currency whose rate against all others changes."""
    size: Number = Field(gt=-1, le=100)
    """What a dollar costs more from then on: 0.25 is a quarter more of the currency, −0.2 a fifth less."""
    source: str | None = None
    """Where the number comes from, or the word assumption with a range."""

    @model_validator(mode="after")
    def _at_midnight(self) -> Self:
        check_date_only(self.at, "at", "rates change at midnight")
        if self.currency == "USD":
            raise wrong("USD is the unit of all rates; let the others jump", field="currency")
        return self

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`."""
        del scenario
        at = to_instant(self.at, zone)
        yield _stretch(at, at + 1, (self.kind, self.currency), "at", f"the rate of {self.currency}")


class ChangedQuote(Span):
    """A market deals at another spread for a while, or less can be had there."""

    kind: Literal["quote"]
    """A market's spread or depth changes."""
    market: MarketName
    """Market that changes, on its trading days from `from` on and before `to`."""
    pair: str | None = None
    """Pair that changes; by default all pairs of the market."""
    spread_bps: Annotated[Number, Field(ge=0, lt=10_000)] | None = None
    """Ask less bid, in basis points of mid; by default it stays."""
    depth: Annotated[Amount, Field(gt=0)] | None = None
    """Most that is dealt per trading day on each side, in the pair's first currency; by default it stays."""

    @model_validator(mode="after")
    def _changes(self, info: ValidationInfo) -> Self:
        if self.spread_bps is None and self.depth is None:
            raise wrong("state what changes: 'spread_bps' or 'depth'")
        if self.depth is not None and self.pair is None:
            raise wrong("a depth is that of one 'pair'", field="depth")
        pairs = written(info, "markets", self.market, "pairs")
        if self.pair is not None and isinstance(pairs, dict) and self.pair not in pairs:
            hint = nearest(self.pair, set(pairs))
            raise wrong(f"{self.pair!r} is not traded at {self.market!r}", field="pair", suggestion=hint)
        if self.pair is not None and self.pair.partition("/")[0] in MINOR_DIGITS:
            check_amounts(self, self.pair.partition("/")[0], "depth")
        for field, at in (("from", self.from_), ("to", self.to)):
            check_date_only(at, field, "a quote changes with a trading day")
        return self

    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        for pair in [self.pair] if self.pair else scenario.markets[self.market].pairs:
            yield (self.kind, self.market, pair), f"{pair} at {self.market!r}"

    def applied_to(self, usual: Quote) -> Quote:
        """A quote with what changes."""
        stated = {"spread_bps": self.spread_bps, "depth": self.depth}
        return usual.model_copy(update={key: value for key, value in stated.items() if value is not None})


class Review(Span):
    """More or fewer payments are reviewed, or reviews take longer; each payment keeps its rank."""

    kind: Literal["review"]
    """Screening changes."""
    bank: BankName | None = None
    """Bank whose reviews change; by default those of all banks."""
    probability: Share | None = None
    """Part of the payments coming to it in this time that a person reviews; by default it stays."""
    work: Durations | None = None
    """Working time of the review of those payments; by default it stays."""
    return_probability: Share | None = None
    """Part of the reviewed ones among those payments that are sent back; by default it stays."""
    return_after: Durations | None = None
    """From the end of the review of those until the money begins its way back; by default it stays."""

    @model_validator(mode="after")
    def _changes(self) -> Self:
        changes = ("probability", "work", "return_probability", "return_after")
        if all(getattr(self, name) is None for name in changes):
            raise wrong(f"state what changes: {', '.join(map(repr, changes[:-1]))} or {changes[-1]!r}")
        return self

    def about(self, scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        for bank in [self.bank] if self.bank else scenario.banks:
            yield (self.kind, bank), f"the review at {bank!r}"


class _Point(Declaration):
    at: Instant
    """The instant, local to the zone of the period."""


def _points(path: Sequence[_Point]) -> Iterator[tuple[Path, datetime]]:
    """The instants of a path, with their keys."""
    for number, point in enumerate(path):
        yield ("path", number, "at"), point.at


def _falling(path: Sequence[_Point], zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
    for number, (one, other) in enumerate(pairwise(path), start=1):
        if to_instant(other.at, zone) <= to_instant(one.at, zone):
            yield ("path", number, "at"), "each point of a path comes after the one before it"


def _moving(
    kind: str, flows: Sequence[str], path: Sequence[_Point], zone: ZoneInfo, what: str
) -> Iterator[Stretch]:
    """Something moves from the first point of a path on, for each flow."""
    since = min(to_instant(point.at, zone) for point in path)
    for name in flows:
        yield _stretch(since, NEVER, (kind, name), "path", f"{what} of {name!r}")


class MixPoint(_Point):
    """A currency mix at an instant."""

    invoicing: dict[Currency, Share] = Field(min_length=1)
    """Currencies in which contracts are written then: share of invoices; 0 for a currency not named."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        check_shares(self.invoicing, "invoicing")
        return self


class Mix(_Entry):
    """The currencies in which flows are invoiced change by and by; who owes how much and when does not."""

    kind: Literal["mix"]
    """The currency mix moves along a path."""
    flows: tuple[FlowName, ...] | None = Field(default=None, min_length=1)
    """Flows that change; by default all of them."""
    path: tuple[MixPoint, ...] = Field(min_length=1)
    """Points between which each share moves in a straight line.

    Before the first one the flow's own `invoicing` holds, after the last one that point's.
    """
    source: str | None = None
    """Where the choice comes from, or the word assumption."""

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`."""
        yield from _moving(
            self.kind, self.flows or tuple(scenario.flows), self.path, zone, "the currency mix"
        )

    def local_times(self) -> Iterator[tuple[Path, datetime]]:
        """See `_Entry`."""
        return _points(self.path)

    def disorder(self, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
        """See `_Entry`."""
        return _falling(self.path, zone)


class VolumePoint(_Point):
    """A volume of trade at an instant."""

    factor: Number = Field(ge=0, le=100)
    """Invoices per day, as a multiple of what the flow's own `value` means."""


class Volume(_Entry):
    """Flows grow or shrink: they have more or fewer invoices; those that are there anyway stay as they are."""

    kind: Literal["volume"]
    """The number of invoices moves along a path."""
    flows: tuple[FlowName, ...] | None = Field(default=None, min_length=1)
    """Flows that change; by default all of them."""
    path: tuple[VolumePoint, ...] = Field(min_length=1)
    """Points between which the factor moves in a straight line; it is 1 before the first one.

    After the last one that point's factor holds.
    """
    source: str | None = None
    """Where the choice comes from, or the word assumption."""

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `_Entry`."""
        yield from _moving(self.kind, self.flows or tuple(scenario.flows), self.path, zone, "the volume")

    def local_times(self) -> Iterator[tuple[Path, datetime]]:
        """See `_Entry`."""
        return _points(self.path)

    def disorder(self, zone: ZoneInfo) -> Iterator[tuple[Path, str]]:
        """See `_Entry`."""
        return _falling(self.path, zone)


Entry = Annotated[
    Outage
    | ChangedHours
    | ServiceDays
    | ClosedRoute
    | LostCorrespondent
    | FailedBank
    | Liquidity
    | RateJump
    | ChangedQuote
    | Review
    | Mix
    | Volume,
    Field(discriminator="kind"),
]

check_stated(Entry, "kind of timeline entry", _Entry)

E = TypeVar("E", bound=_Entry)


def numbered(timeline: Iterable[Entry], kind: type[E]) -> Iterator[tuple[int, E]]:
    """The entries of one kind, or of all with something in common, with their numbers in the timeline."""
    for number, entry in enumerate(timeline):
        if isinstance(entry, kind):
            yield number, entry
