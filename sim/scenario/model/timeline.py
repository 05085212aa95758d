"""What happens to a world on a date: something breaks, somebody decides, a price or a habit changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from sim.core.clock import to_instant
from sim.core.currency import MINOR_DIGITS
from sim.scenario.model.base import (
    Amount,
    Currency,
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
from sim.scenario.model.entry import Dated, Moving, Point, Span, Stretch
from sim.scenario.model.kinds import check_stated
from sim.scenario.model.markets import Quote
from sim.scenario.model.network import BankName, MarketName
from sim.scenario.model.operations import Operation
from sim.scenario.model.settlement import SystemName
from sim.scenario.model.timing import Durations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from sim.scenario.model import Scenario
    from sim.scenario.model.entry import Subject


FlowName = Annotated[str, AfterValidator(reference("flows"))]


class Liquidity(Dated):
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
    """Where the number comes from, or the word assumption."""

    @model_validator(mode="after")
    def _something(self, info: ValidationInfo) -> Self:
        currency = written_currency(info, "systems", self.system, "currency")
        if currency is not None:
            check_amounts(self, currency, "amount")
        if not self.amount:
            raise wrong("an amount other than zero is needed", field="amount")
        return self

    def stretches(self, _scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`."""
        at, subject = to_instant(self.at, zone), (self.kind, self.holder, self.system)
        yield Stretch.alone(at, at + 1, subject, "at", f"the liquidity of {self.holder!r} in {self.system!r}")


class RateJump(Dated):
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
    """Where the number comes from, or the word assumption."""

    @model_validator(mode="after")
    def _at_midnight(self) -> Self:
        check_date_only(self.at, "at", "rates change at midnight")
        if self.currency == "USD":
            raise wrong("USD is the unit of all rates; let the others jump", field="currency")
        return self

    def stretches(self, _scenario: Scenario, zone: ZoneInfo) -> Iterator[Stretch]:
        """See `Dated`."""
        at = to_instant(self.at, zone)
        yield Stretch.alone(at, at + 1, (self.kind, self.currency), "at", f"the rate of {self.currency}")


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


class MixPoint(Point):
    """A currency mix at an instant."""

    invoicing: dict[Currency, Share] = Field(min_length=1)
    """Currencies in which contracts are written then: share of invoices; 0 for a currency not named."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        check_shares(self.invoicing, "invoicing")
        return self


class Mix(Moving):
    """The currencies in which flows are invoiced change by and by; who owes how much and when does not."""

    moves: ClassVar = "the currency mix"

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


class VolumePoint(Point):
    """A volume of trade at an instant."""

    factor: Number = Field(ge=0, le=100)
    """Invoices per day, as a multiple of what the flow's own `value` means."""


class Volume(Moving):
    """Flows grow or shrink: they have more or fewer invoices; those that are there anyway stay as they are."""

    moves: ClassVar = "the volume"

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


Entry = Annotated[
    Operation | Liquidity | RateJump | ChangedQuote | Review | Mix | Volume,
    Field(discriminator="kind"),
]

check_stated(Entry, "kind of timeline entry", Dated)

E = TypeVar("E", bound=Dated)


def numbered(timeline: Iterable[Entry], kind: type[E]) -> Iterator[tuple[int, E]]:
    """The entries of one kind, or of all with something in common, with their numbers in the timeline."""
    for number, entry in enumerate(timeline):
        if isinstance(entry, kind):
            yield number, entry
