"""Money that a bank has not got costs something, and so does money that it keeps in case it should need it."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from sim.core.currency import minor_digits
from sim.scenario.model.base import Amount, Declaration, Number, Share, wrong

#: A rate per year, 0.05 for 5 %.
Rate = Annotated[Number, Field(ge=0, le=1_000)]


def lendable(collateral: Decimal, haircut: Decimal, currency: str) -> int:
    """Minor units that collateral is good for: its value less the haircut, rounded down."""
    value = (collateral * (1 - haircut)).scaleb(minor_digits(currency))
    return int(value.to_integral_value(rounding=ROUND_FLOOR))


class IntradayCredit(Declaration):
    """How far an account may fall below zero, beyond its `credit`, and what that costs."""

    limit: Amount | None = Field(default=None, ge=0)
    """Most that may be used."""
    collateral: Amount | None = Field(default=None, ge=0)
    """Value pledged for it, in the account's currency; the limit is this less the haircut."""
    haircut: Share = Decimal(0)
    """Part of the collateral's value that is not lent against."""
    rate: Rate = Decimal(0)
    """Price per year of what is used, for the time that it is used within a day of the system; 0 is free."""
    overnight_rate: Rate | None = None
    """Price per year of what is used between two days of the system; by default `rate`."""
    source: str | None = None
    """Where the numbers come from, or the word assumption with a range."""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.limit is None) == (self.collateral is None):
            raise wrong("state either 'limit' or 'collateral'")
        if self.haircut and self.collateral is None:
            raise wrong("a haircut needs 'collateral'", field="haircut")
        return self

    def available(self, currency: str) -> Decimal:
        """The limit in units of the account's currency."""
        if self.limit is not None:
            return self.limit
        minor = lendable(self.collateral or Decimal(0), self.haircut, currency)
        return Decimal(minor).scaleb(-minor_digits(currency))
