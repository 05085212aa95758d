"""What works, when, and which ways are open, is not the same on every date."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from sim.core.clock import HOUR, NEVER, to_instant
from sim.scenario.model.base import Day, Instant, Share, check_date_only, reference, wrong
from sim.scenario.model.entry import Dated, Span, Stretch
from sim.scenario.model.network import BankName, MarketName
from sim.scenario.model.settlement import SystemName
from sim.scenario.model.timing import CalendarName, Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario
    from sim.scenario.model.entry import Subject
    from sim.scenario.topology import Passenger, Topology


#: What can be out: fields of an outage, sections in the singular.
_TARGETS: Final = ("system", "bank", "desk", "market")

DeskName = Annotated[str, AfterValidator(reference("desks"))]
RouteName = Annotated[str, AfterValidator(reference("routes"))]
DeclaredHours = Annotated[str, AfterValidator(reference("hours"))]


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

    def about(self, _scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        kind, name = self.target
        yield (self.kind, kind, name), f"whether {name!r} works"

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`; the recovery belongs to it."""
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
    before_break: tuple[Session, ...] | None = None
    """Further sessions before a day without work; by default they stay."""
    calendar: CalendarName | None = None
    """Working days; by default they stay."""

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if (self.sessions, self.after_break, self.before_break, self.calendar) == (None,) * 4:
            raise wrong("state what changes: 'sessions', 'after_break', 'before_break' or 'calendar'")
        for field, at in (("from", self.from_), ("to", self.to)):
            check_date_only(at, field, "hours change with a working day")
        return self

    def about(self, _scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        yield (self.kind, self.hours), repr(self.hours)


class ServiceDays(Dated):
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

    def stretches(self, _scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`."""
        for number, day in enumerate(self.days):
            since, until = (
                to_instant(datetime.combine(one, time()), zone) for one in (day, day + timedelta(days=1))
            )
            for name in self.hours:
                said = f"{day} for {name!r}"
                yield Stretch.alone(since, until, (self.kind, name), number, said)._replace(
                    keys=("days", number)
                )


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
        """See `Dated`; nobody is sent to where it is closed, too."""
        yield from super().stretches(scenario, zone)
        since, until = self.span(zone)
        for name in self.fallback:
            said = f"the way over {name!r}"
            stretch = Stretch.alone(since, until, ("fallback", name), "fallback", said)
            yield stretch._replace(rivals=(("closed_route", name),))


class ClosedRoute(Closure):
    """A route takes no new payments; those under way go on."""

    kind: Literal["closed_route"]
    """A route is closed."""
    route: RouteName
    """The route."""

    def about(self, _scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        yield (self.kind, self.route), f"the way over {self.route!r}"

    def stretches(self, scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`; who is sent over a route may not find it closed."""
        for stretch in super().stretches(scenario, zone):
            if stretch.subject == (self.kind, self.route):
                yield stretch._replace(rivals=(stretch.subject, ("fallback", self.route)))
            else:
                yield stretch

    def closes(self, route: str, _passenger: Passenger, _topology: Topology) -> bool:
        """See `Closure`: to everybody."""
        return route == self.route


class LostCorrespondent(Closure):
    """A bank takes no new payments for the accounts that it keeps; those under way go on."""

    kind: Literal["lost_correspondent"]
    """A correspondent withdraws."""
    bank: BankName
    """The correspondent: payments that need an account in its books must go another way."""

    def about(self, _scenario: Scenario) -> Iterator[tuple[Subject, str]]:
        """See `Span`."""
        yield (self.kind, self.bank), f"the way over {self.bank!r}"

    def closes(self, route: str, passenger: Passenger, topology: Topology) -> bool:
        """See `Closure`: to those that would be booked in accounts that the bank keeps."""
        return topology.kept_by(self.bank, route, passenger)


class FailedBank(Dated):
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

    def stretches(self, _scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`."""
        subject = ("outage", "bank", self.bank)
        yield Stretch.alone(to_instant(self.at, zone), NEVER, subject, "at", f"whether {self.bank!r} works")


#: The kinds of entry among these.
Operation: TypeAlias = Outage | ChangedHours | ServiceDays | ClosedRoute | LostCorrespondent | FailedBank
