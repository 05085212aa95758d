"""A facility lends a bank what its account lacks, against collateral or within a line between central banks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from sim.core.clock import format_duration, parse_duration
from sim.core.currency import to_minor
from sim.scenario.model.base import (
    Amount,
    Declaration,
    Duration,
    Share,
    check_amounts,
    reference,
    written_currency,
    wrong,
)
from sim.scenario.model.kinds import check_stated
from sim.scenario.model.settlement import Rate, TimeOfDay, lendable
from sim.scenario.model.timing import CalendarName, Zone


def _term(value: object) -> object:
    try:
        seconds = value if value == OVERNIGHT else parse_duration(str(value))
    except ValueError:
        seconds = 0
    if not seconds:
        raise wrong(f"{value!r} is neither overnight nor a duration such as 12h or 7d")
    return seconds


OVERNIGHT: Final = "overnight"

#: Until when money is lent.
Term = Annotated[
    Literal["overnight"] | int,
    BeforeValidator(_term),
    PlainSerializer(lambda term: term if term == OVERNIGHT else format_duration(term), return_type=str),
    WithJsonSchema({"type": "string", "examples": [OVERNIGHT, "7d"]}),
]


class DailyDraw(Declaration):
    """One time of the day at which a facility may be drawn."""

    at: TimeOfDay
    """Local time of the draw; if the system is closed then, its next opening."""
    zone: Zone
    """Zone of `at`."""
    calendar: CalendarName
    """Days of the draw."""


class _Facility(Declaration):
    """What every kind of facility tells of itself; nobody else asks which one it is."""

    shared: ClassVar[bool]
    """Whether there is one limit for all banks together."""

    system: Annotated[str, AfterValidator(reference("systems"))]
    """System whose accounts it lends to, in its currency."""
    rate: Rate
    """Price per year of what is lent (ACT/365, by the second)."""
    penalty_rate: Rate = Decimal(0)
    """Added to `rate` for what could not be repaid in time and is rolled over."""
    draw: Literal["on_demand"] | DailyDraw = "on_demand"
    """When it is drawn: `on_demand`, as soon as a payment has to wait, or once a day for what waits then."""
    lag: Annotated[Duration, Field(ge=0)] = 0
    """From the draw until the money is on the account, at an opening of the system."""
    term: Term = "overnight"
    """From the receipt until the repayment, at an opening of the system; `overnight` until its next day begins."""
    minimum: Amount = Field(default=Decimal(0), ge=0)
    """Least amount of one draw."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @abstractmethod
    def most(self) -> tuple[str, Decimal]:
        """The key that states how much it lends, and what that comes to for all banks together."""

    @abstractmethod
    def limit_of(self, bank: str, currency: str) -> int:
        """Most that a bank, or all together, may owe at a time, in minor units of the system's currency."""

    @abstractmethod
    def drawers(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Who may draw, each with the keys that say so."""

    @property
    def daily(self) -> DailyDraw | None:
        """The time of the day at which it is drawn; None if it is drawn on demand."""
        return self.draw if isinstance(self.draw, DailyDraw) else None

    @property
    def lasting(self) -> int | None:
        """For how many seconds it lends; None if overnight."""
        return self.term if isinstance(self.term, int) else None


class Repo(_Facility):
    """Lends to each bank against collateral of its own."""

    shared: ClassVar = False

    kind: Literal["repo"]
    """Lending against collateral."""
    collateral: dict[str, Annotated[Amount, Field(ge=0)]] = Field(min_length=1)
    """Value that each bank can pledge, in the system's currency."""
    haircut: Share = Decimal(0)
    """Part of the collateral's value that is not lent against."""

    @property
    def banks(self) -> tuple[str, ...]:
        """Who may draw."""
        return tuple(self.collateral)

    def most(self) -> tuple[str, Decimal]:
        """See `_Facility`."""
        return "collateral", sum(self.collateral.values(), Decimal(0))

    def limit_of(self, bank: str, currency: str) -> int:
        """See `_Facility`."""
        return lendable(self.collateral[bank], self.haircut, currency)

    def drawers(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """See `_Facility`."""
        for bank in self.collateral:
            yield ("collateral", bank), bank

    @model_validator(mode="after")
    def _amounts(self, info: ValidationInfo) -> Self:
        currency = written_currency(info, "systems", self.system, "currency")
        if currency is not None:
            check_amounts(self, currency, "minimum")
        return self


class SwapLine(_Facility):
    """A line between two central banks, who pass the money on to banks, within one limit for all of them."""

    shared: ClassVar = True

    kind: Literal["swap_line"]
    """A swap line between central banks."""
    banks: tuple[str, ...] = Field(min_length=1)
    """Who may draw."""
    limit: Amount = Field(ge=0)
    """Most that may be outstanding at a time, of all banks together."""

    def most(self) -> tuple[str, Decimal]:
        """See `_Facility`."""
        return "limit", self.limit

    def limit_of(self, _bank: str, currency: str) -> int:
        """See `_Facility`."""
        return to_minor(self.limit, currency)

    def drawers(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """See `_Facility`."""
        for number, bank in enumerate(self.banks):
            yield ("banks", number), bank

    @model_validator(mode="after")
    def _amounts(self, info: ValidationInfo) -> Self:
        currency = written_currency(info, "systems", self.system, "currency")
        if currency is not None:
            check_amounts(self, currency, "minimum", "limit")
        return self


Facility = Annotated[Repo | SwapLine, Field(discriminator="kind")]

check_stated(Facility, "kind of facility")
