"""What several models of exchange rates are declared with: rates per dollar, volatilities, correlations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from sim.scenario.model.base import Currency, Day, Declaration, Number, nearest, wrong
from sim.scenario.model.own import RelativeFile

if TYPE_CHECKING:
    from sim.scenario.model.fx.layers import DatedJump, Jump

#: An eigenvalue that is zero in exact arithmetic may come out this far below it.
_TOLERANCE: Final = 1e-12


def _not_usd(currency: str) -> str:
    if currency == "USD":
        raise wrong("USD is the unit in which the others are stated; name another currency")
    return currency


def _without_usd(by_currency: dict[str, Any]) -> dict[str, Any]:
    if "USD" in by_currency:
        raise wrong("USD is the unit in which the others are stated; leave it out", field="USD")
    return by_currency


def _different(pair: tuple[str, str]) -> tuple[str, str]:
    if pair[0] == pair[1]:
        raise wrong(f"{pair[0]} is correlated with itself by nature; name two currencies")
    return pair


#: Refuses USD as a key of a mapping by currency.
WITHOUT_USD: Final = AfterValidator(_without_usd)

Foreign = Annotated[Currency, AfterValidator(_not_usd)]
Rate = Annotated[Number, Field(gt=0)]
Rates = Annotated[dict[Currency, Rate], WITHOUT_USD]
Volatility = Annotated[Number, Field(ge=0)]
Volatilities = Annotated[dict[Currency, Volatility], WITHOUT_USD]
Pair = Annotated[tuple[Currency, Currency], AfterValidator(_different)]


class Model(Declaration):
    """What every model of exchange rates tells of itself; nobody else asks which one it is."""

    layer: ClassVar[bool] = False
    """Whether it changes what another model, its `base`, moves."""
    estimated: ClassVar[bool]
    """Whether it has parameters that the shipped history can tell, so that there is an estimator of them."""

    @abstractmethod
    def stated(self) -> set[str]:
        """Currencies that it names, and whose rates would be lost if a basket on top replaced them."""

    def jumping(self) -> tuple[Jump | DatedJump, ...]:
        """The jumps that it adds, those on unforeseen days first."""
        return ()

    def moved_to(self) -> date | None:
        """The day of history whose rates the first day of the period takes, where that is stated."""
        return None

    def anchor(self) -> date | None:
        """The day from which rates are drawn in both directions; None for the first day of the period."""
        return None

    def own_file(self) -> str | None:
        """The file of rates that stands in the place of the shipped history, if one is named."""
        return None

    def kept_in(self, file: str) -> Self:
        """The same with its file of rates, if it has one, under another name."""
        del file
        return self


#: Alternatives of a start, of which its author means one by how it is written: only what is wrong with that is told.
_OBSERVED, _DAY, _ANCHOR, _RATE = "as observed", "a day", "day and rate", "a rate"
AsObserved = Annotated[Literal["history"], Tag(_OBSERVED)]
StartDay = Annotated[
    Day,
    Tag(_DAY),
    # A schema that does not take the word for a day.
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^[0-9]"}),
]


def _form_of_rates(rates: object) -> str:
    return _OBSERVED if isinstance(rates, str) else _RATE


def _form(start: object) -> str:
    if isinstance(start, Anchored) or (isinstance(start, dict) and {"date", "rates", "rate"} & start.keys()):
        return _ANCHOR
    if isinstance(start, str):
        return _DAY if start[:1].isdigit() else _OBSERVED
    return _DAY if isinstance(start, date) else _RATE


class Anchored(Declaration):
    """A day from which something is drawn in both directions."""

    date: Day
    """The day."""


AnchorRates: TypeAlias = Annotated[AsObserved | Annotated[Rates, Tag(_RATE)], Discriminator(_form_of_rates)]
AnchorRate: TypeAlias = Annotated[AsObserved | Annotated[Rate, Tag(_RATE)], Discriminator(_form_of_rates)]


class Anchor(Anchored):
    """The day from which rates are drawn in both directions, and the rates of that day."""

    rates: AnchorRates = "history"
    """Units per 1 USD on that day; `history` takes the last observation at or before it."""


class BasketAnchor(Anchored):
    """The day from which a basket is drawn in both directions, and the rate of that day."""

    rate: AnchorRate = "history"
    """Units of the currency per 1 USD on that day; `history` takes the last observation at or before it."""


def _form_of_day(start: object) -> str:
    return _OBSERVED if isinstance(start, str) and not start[:1].isdigit() else _DAY


#: A day of history, or the first of the period itself.
HistoryStart: TypeAlias = Annotated[
    Annotated[Literal["period"], Tag(_OBSERVED)] | StartDay, Discriminator(_form_of_day)
]
Start: TypeAlias = Annotated[
    AsObserved | StartDay | Annotated[Anchor, Tag(_ANCHOR)] | Annotated[Rates, Tag(_RATE)],
    Discriminator(_form),
]
BasketStart: TypeAlias = Annotated[
    AsObserved | StartDay | Annotated[BasketAnchor, Tag(_ANCHOR)] | Annotated[Rate, Tag(_RATE)],
    Discriminator(_form),
]


class Drawn(Model):
    """A model whose rates start from those of one day, its anchor, and are drawn from there in both directions."""

    if TYPE_CHECKING:
        # Fields of each such model, which declares them in the order of its own keys.
        start: Start
        file: RelativeFile | None

    def anchor(self) -> date | None:
        """See `Model`."""
        if isinstance(self.start, Anchor):
            return self.start.date
        return self.start if isinstance(self.start, date) else None

    def first_rates(self) -> Literal["history"] | Mapping[str, Decimal]:
        """The rates of the anchor, or that they are those of history."""
        if isinstance(self.start, Anchor):
            return self.start.rates
        return self.start if isinstance(self.start, dict) else "history"

    def own_file(self) -> str | None:
        """See `Model`."""
        return self.file

    def kept_in(self, file: str) -> Self:
        """See `Model`."""
        return self if self.file is None else self.model_copy(update={"file": file})


class EstimationWindow(Declaration):
    """A stretch of history, both days included."""

    first: Day
    """First day."""
    last: Day
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


def correlation_matrix(
    currencies: Iterable[str], correlations: Iterable[Correlation]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Declared correlations, [currencies, currencies] in the given order; a pair not named has zero."""
    order = {currency: place for place, currency in enumerate(currencies)}
    matrix = np.eye(len(order))
    for entry in correlations:
        one, other = (order[currency] for currency in entry.pair)
        matrix[one, other] = matrix[other, one] = float(entry.value)
    return matrix


def check_correlations(correlations: tuple[Correlation, ...], known: Mapping[str, object]) -> None:
    """Refuse, under the key `correlation`, what is not `known`, is said twice, or cannot hold together."""
    seen: set[frozenset[str]] = set()
    for entry in correlations:
        for currency in entry.pair:
            if currency not in known:
                hint = nearest(currency, known)
                raise wrong(f"{currency} has no volatility", field="correlation", suggestion=hint)
        if frozenset(entry.pair) in seen:
            raise wrong(f"{'/'.join(entry.pair)} is stated twice", field="correlation")
        seen.add(frozenset(entry.pair))
    _check_semidefinite(correlation_matrix(known, correlations))


def _check_semidefinite(matrix: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    smallest = float(np.linalg.eigvalsh(matrix)[0]) if len(matrix) else 0.0
    if smallest < -_TOLERANCE:
        raise wrong(
            "no rates can have these correlations together: the smallest eigenvalue of their matrix is "
            f"{smallest:.4g}, and none may be negative",
            field="correlation",
        )
