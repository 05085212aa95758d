"""A facility lends a bank what its account lacks, against collateral or within a line between central banks."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

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
from sim.scenario.model.liquidity import Rate
from sim.scenario.model.settlement import TimeOfDay
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
    """Where the numbers come from, or the word assumption with a range."""


class Repo(_Facility):
    """Lends to each bank against collateral of its own."""

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

    @model_validator(mode="after")
    def _amounts(self, info: ValidationInfo) -> Self:
        currency = written_currency(info, "systems", self.system, "currency")
        if currency is not None:
            check_amounts(self, currency, "minimum")
        return self


class SwapLine(_Facility):
    """A line between two central banks, who pass the money on to banks, within one limit for all of them."""

    kind: Literal["swap_line"]
    """A swap line between central banks."""
    banks: tuple[str, ...] = Field(min_length=1)
    """Who may draw."""
    limit: Amount = Field(ge=0)
    """Most that may be outstanding at a time, of all banks together."""

    @model_validator(mode="after")
    def _amounts(self, info: ValidationInfo) -> Self:
        currency = written_currency(info, "systems", self.system, "currency")
        if currency is not None:
            check_amounts(self, currency, "minimum", "limit")
        return self


Facility = Annotated[Repo | SwapLine, Field(discriminator="kind")]
