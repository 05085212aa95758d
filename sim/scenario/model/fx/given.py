"""Rates that are not drawn: fixed, or taken from history."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.model.base import Currency, Day, Declaration, Number, wrong
from sim.scenario.model.fx.parts import WITHOUT_USD, Model, Rates, Volatility


class ConstantFx(Model):
    """Rates that never move: whatever exposure costs, it is not this."""

    estimated: ClassVar = False

    kind: Literal["constant"]
    """Rates that never move."""
    rates: Rates
    """Units of each currency per 1 USD."""
    source: str | None = None
    """Where the rates come from, or the word assumption."""

    def stated(self) -> set[str]:
        """See `Model`."""
        return {*self.rates}


class Bridge(Declaration):
    """How a rate moves between two of its own observations, both of which it meets."""

    volatility: Volatility
    """Annual standard deviation of the log rate, beyond what it follows (0.04 is 4 % a year)."""
    follows: Annotated[dict[Currency, Number], WITHOUT_USD] = Field(default_factory=dict)
    """Currencies whose log moves against USD the rate repeats, each with its weight (RUB: 0.6, CNY: 0.1)."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class HistoryFx(Model):
    """Rates as observed; between observations they are held for up to six days, or bridged."""

    estimated: ClassVar = False

    kind: Literal["history"]
    """Rates as observed."""
    start: Day | None = None
    """Day of history whose rates the first day of the run takes; by default that first day itself."""
    bridge: Annotated[dict[Currency, Bridge], WITHOUT_USD] = Field(default_factory=dict)
    """How rates move between observations; needed for currencies observed less often than every six days."""
    source: str | None = None
    """Where the choices come from, or the word assumption."""

    @model_validator(mode="after")
    def _no_circle(self) -> Self:
        follows = {currency: set(bridge.follows) for currency, bridge in self.bridge.items()}
        while free := [currency for currency, others in follows.items() if not others & follows.keys()]:
            for currency in free:
                del follows[currency]
        if follows:
            circle = ", ".join(sorted(follows))
            raise wrong(f"currencies that follow each other in a circle: {circle}", field="bridge")
        return self

    def stated(self) -> set[str]:
        """See `Model`."""
        return set()

    def moved_to(self) -> date | None:
        """See `Model`."""
        return self.start


Given = ConstantFx | HistoryFx
