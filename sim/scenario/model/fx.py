"""Exchange rates are what nobody in a scenario decides: fixed, taken from history, or drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from sim.scenario.model.base import Currency, Declaration, Number, nearest, wrong

#: An eigenvalue that is zero in exact arithmetic may come out this far below it.
_TOLERANCE: Final = 1e-12


def _without_usd(by_currency: dict[str, Any]) -> dict[str, Any]:
    if "USD" in by_currency:
        raise wrong("USD is the unit in which the others are stated; leave it out", field="USD")
    return by_currency


def _different(pair: tuple[str, str]) -> tuple[str, str]:
    if pair[0] == pair[1]:
        raise wrong(f"{pair[0]} is correlated with itself by nature; name two currencies")
    return pair


Rates = Annotated[dict[Currency, Annotated[Number, Field(gt=0)]], AfterValidator(_without_usd)]
Volatility = Annotated[Number, Field(ge=0)]
Pair = Annotated[tuple[Currency, Currency], AfterValidator(_different)]


class ConstantFx(Declaration):
    """Rates that never move: whatever exposure costs, it is not this."""

    kind: Literal["constant"]
    """Rates that never move."""
    rates: Rates
    """Units of each currency per 1 USD."""
    source: str | None = None
    """Where the rates come from, or the word assumption."""


class Bridge(Declaration):
    """How a rate moves between two of its own observations, both of which it meets."""

    volatility: Volatility
    """Annual standard deviation of the log rate, beyond what it follows (0.04 is 4 % a year)."""
    follows: Annotated[dict[Currency, Number], AfterValidator(_without_usd)] = Field(default_factory=dict)
    """Currencies whose log moves against USD the rate repeats, each with its weight (RUB: 0.6, CNY: 0.1)."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""


class HistoryFx(Declaration):
    """Rates as observed; between observations they are held for up to six days, or bridged."""

    kind: Literal["history"]
    """Rates as observed."""
    start: date | None = None
    """Day of history whose rates the first day of the run takes; by default that first day itself."""
    bridge: Annotated[dict[Currency, Bridge], AfterValidator(_without_usd)] = Field(default_factory=dict)
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


class EstimationWindow(Declaration):
    """A stretch of history, both days included."""

    first: date
    """First day."""
    last: date
    """Last day."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.last <= self.first:
            raise wrong("the window ends before it starts", field="last")
        return self


class Correlation(Declaration):
    """How the log rates per USD of two currencies move together."""

    pair: Pair
    """The two currencies, in any order."""
    value: Annotated[Number, Field(ge=-1, le=1)]
    """Correlation in [-1, 1]."""


class LognormalFx(Declaration):
    """Correlated geometric Brownian motions; the price of a dollar in each currency is a martingale.

    The expected units per USD on any day are those of the first day. A cross rate of two other
    currencies drifts by the little that convexity demands.
    """

    kind: Literal["lognormal"]
    """Rates drawn from correlated geometric Brownian motions without drift."""
    start: Literal["history"] | Rates = "history"
    """Units per 1 USD on the first day; `history` takes the last observation at or before that day."""
    window: EstimationWindow | None = None
    """Stretch of the shipped history from which volatilities and correlations are estimated."""
    volatility: Annotated[dict[Currency, Volatility], AfterValidator(_without_usd)] | None = None
    """Annual standard deviation of each log rate per USD, if they are not estimated."""
    correlation: tuple[Correlation, ...] = ()
    """Correlations of log rates per USD; a pair not named is uncorrelated."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.window is None) == (self.volatility is None):
            raise wrong("state either 'window' or 'volatility'")
        if self.volatility is None:
            if self.correlation:
                raise wrong("correlations need 'volatility'; a window estimates both", field="correlation")
            return self
        _check_pairs(self.correlation, self.volatility)
        _check_semidefinite(correlation_matrix(self))
        return self


Fx = Annotated[ConstantFx | HistoryFx | LognormalFx, Field(discriminator="kind")]


def correlation_matrix(declared: LognormalFx) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Declared correlations, [currencies, currencies] in the order of `volatility`."""
    order = {currency: place for place, currency in enumerate(declared.volatility or {})}
    matrix = np.eye(len(order))
    for entry in declared.correlation:
        one, other = (order[currency] for currency in entry.pair)
        matrix[one, other] = matrix[other, one] = float(entry.value)
    return matrix


def _check_pairs(correlations: tuple[Correlation, ...], volatility: Mapping[str, object]) -> None:
    seen: set[frozenset[str]] = set()
    for entry in correlations:
        for currency in entry.pair:
            if currency not in volatility:
                hint = nearest(currency, volatility)
                raise wrong(f"{currency} has no volatility", field="correlation", suggestion=hint)
        if frozenset(entry.pair) in seen:
            raise wrong(f"{'/'.join(entry.pair)} is stated twice", field="correlation")
        seen.add(frozenset(entry.pair))


def _check_semidefinite(matrix: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    smallest = float(np.linalg.eigvalsh(matrix)[0]) if len(matrix) else 0.0
    if smallest < -_TOLERANCE:
        raise wrong(
            "no rates can have these correlations together: the smallest eigenvalue of their matrix is "
            f"{smallest:.4g}, and none may be negative",
            field="correlation",
        )
