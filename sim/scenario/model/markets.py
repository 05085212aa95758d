"""At a foreign-exchange market so much of a currency can be had in a day, at a price that moves with what is dealt."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sim.scenario.model.base import (
    Amount,
    Declaration,
    Duration,
    Number,
    check_amounts,
    check_currency,
    wrong,
)
from sim.scenario.model.settlement import TimeOfDay
from sim.scenario.model.timing import HoursChoice


def _pair(text: str) -> str:
    first, slash, second = text.partition("/")
    if not slash or first == second:
        raise wrong(f"{text!r} is not a pair such as CNY/BYN")
    for code in (first, second):
        check_currency(code)
    return text


class Quote(Declaration):
    """What one pair costs at a market, and how much of it can be had; amounts in the pair's first currency."""

    spread_bps: Number = Field(ge=0, lt=10_000)
    """Ask less bid, in basis points of mid; a firm deals half of it away from mid."""
    depth: Amount | None = Field(default=None, gt=0)
    """Most that is dealt per trading day on each side of the book; nothing stated is no limit."""
    impact_bps: Number = Field(default=Decimal(0), ge=0)
    """How far `impact_amount` moves the price, in basis points of mid."""
    impact_amount: Amount | None = Field(default=None, gt=0)
    """Amount that moves the price by `impact_bps`."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _impact(self) -> Self:
        if (self.impact_amount is None) == (self.impact_bps > 0):
            raise wrong("state 'impact_bps' and 'impact_amount' together", field="impact_bps")
        if self.depth is not None and self.impact_amount is not None:
            furthest = self.spread_bps / 2 + self.impact_bps * self.depth / self.impact_amount
            if furthest >= 10_000:  # noqa: PLR2004 - the whole price
                raise wrong("at full depth the impact takes the whole price", field="impact_bps")
        return self


class Market(Declaration):
    """A foreign-exchange market."""

    kind: Literal["continuous", "auction"] = "continuous"
    """`continuous` deals at once while it is open; `auction` gathers orders, which then deal at one rate."""
    hours: HoursChoice
    """When it trades; a trading day is the working day T of a session."""
    at: tuple[TimeOfDay, ...] = ()
    """Local times of the auctions, within the hours, on each trading day."""
    pairs: dict[Annotated[str, AfterValidator(_pair)], Quote] = Field(min_length=1)
    """Pairs traded, in either direction."""
    delivery: Duration = 0
    """From the deal until the bought currency can be paid out."""

    @model_validator(mode="after")
    def _times(self) -> Self:
        if self.kind == "auction" and not self.at:
            raise wrong("an auction needs its times, such as at: ['11:30']", field="at")
        if self.kind == "continuous" and self.at:
            raise wrong("only an auction has times; a continuous market deals while it is open", field="at")
        return self

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        for pair, quote in self.pairs.items():
            check_amounts(quote, pair.partition("/")[0], "depth", "impact_amount", under=f"pairs.{pair}.")
        return self
