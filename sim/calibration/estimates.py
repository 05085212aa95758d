"""An estimate is worth what its standard error says, and a note says what the error leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sim.core.history import correlation, volatility
from sim.core.kinds import Halves
from sim.core.rates import Floats
from sim.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.history import Covariance, History, Observations, Weeks


@dataclass(frozen=True, slots=True, eq=False)
class HistoryWindow:
    """A stretch of a history, both days included; `file` holds its rates, if they are not those that ship."""

    history: History
    first: date
    last: date
    file: str | None = None

    def currencies(self) -> tuple[str, ...]:
        """Those observed on two days of the window at least; CalibrationError if there are none."""
        found = self.history.moving(self.first, self.last)
        if not found:
            reach = f"it reaches from {self.history.first} to {self.history.last}"
            raise CalibrationError(
                f"{self.history.name} has no rates from {self.first} to {self.last}; {reach}"
            )
        return found

    def floating(self) -> tuple[str, ...]:
        """Those of them that move by more than `PEGGED` a year: of the others, moves are rounding of quotes."""
        codes = self.currencies()
        moves = volatility(self.covariance(codes).matrix)
        return tuple(code for code, one in zip(codes, moves.tolist(), strict=True) if one > PEGGED)

    def observations(self, currency: str) -> Observations:
        """The observations of one currency per unit."""
        return self.history.observations(currency).within(self.first, self.last)

    def counts(self, currencies: Sequence[str]) -> dict[str, int]:
        """Days of observation by currency."""
        return {code: len(self.observations(code).days) for code in currencies}

    def covariance(self, currencies: Sequence[str]) -> Covariance:
        """Covariances by Hayashi and Yoshida's estimator."""
        return self.history.covariance(currencies, self.first, self.last)

    def weekly_moves(self, currencies: Sequence[str]) -> Weeks:
        """Moves between weeks in which all of them were observed."""
        return self.history.weekly_moves(currencies, self.first, self.last)

    def start(self) -> dict[str, str]:
        """The keys with which a drawn model starts from this history."""
        return {"start": "history"} | ({} if self.file is None else {"file": self.file})

    def origin(self) -> str:
        """Where the numbers of a calibrated scenario come from."""
        return f"sim calibrate, {self.history.name} from {self.first} to {self.last}"


class Estimate(NamedTuple):
    """A number estimated from history, with its standard error if that is known."""

    name: str
    value: float
    standard_error: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the window of history says about one model of rates.

    `observations` counts what each number rests on; `notes` say what is weakly identified; `fx` is the
    declaration that a scenario can take, of text, whole numbers and decimals.
    """

    model: str
    window: HistoryWindow
    observations: dict[str, int]
    estimates: list[Estimate]
    fx: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def rounded(value: float, decimals: int = 4) -> Decimal:
    """A number as a scenario states it; a zero has no sign."""
    return round(Decimal(repr(float(value))), decimals) + Decimal(0)


#: The estimator of each model that has something to estimate.
MODELS: Final[Halves[Callable[[HistoryWindow], Calibration]]] = Halves(
    "model of exchange rates", "an estimator"
)

#: Annual volatility below which a currency is taken to be held to the unit, such as AED or HKD to the dollar.
PEGGED: Final = 0.01
#: Correlations are brought this much nearer to zero where rounding has made them impossible.
_SHRINK = 0.999


def lognormal(window: HistoryWindow) -> Calibration:
    """Volatilities and correlations by Hayashi and Yoshida's estimator, errors by the jackknife."""
    found = window.covariance(window.currencies())
    return Calibration(
        model="lognormal",
        window=window,
        observations=window.counts(found.currencies),
        estimates=[*volatilities(found), *correlations(found)],
        fx={"kind": "lognormal", **window.start(), **declared(found.currencies, found.matrix)}
        | {"source": window.origin()},
        notes=[
            (
                "Standard errors are by the jackknife over calendar quarters. Where a currency is observed rarely, "
                "moves that were undone in between are not seen, and its volatility is understated."
            ),
            (
                "Correlations between rates of publishers with different clocks are understated: official rates are "
                "the market of the working day before their date, those of HKD, INR and others of their own day."
            ),
        ],
    )


def volatilities(found: Covariance) -> list[Estimate]:
    """Annual volatilities of units per USD; that of a rate that stands still has no error."""
    errors = found.standard_error(volatility)
    return [
        Estimate(f"volatility.{code}", float(value), float(error) or None, "a year")
        for code, value, error in zip(found.currencies, volatility(found.matrix), errors, strict=True)
    ]


def correlations(found: Covariance) -> list[Estimate]:
    """Correlations of each pair."""
    matrix, errors = correlation(found.matrix), found.standard_error(correlation)
    return [
        Estimate(f"correlation.{one}/{other}", float(matrix[i, j]), float(errors[i, j]) or None, "")
        for (i, one), (j, other) in combinations(enumerate(found.currencies), 2)
    ]


def declared(currencies: Sequence[str], matrix: Floats) -> dict[str, Any]:
    """`volatility` and `correlation` as a scenario states them."""
    return {
        "volatility": {
            code: rounded(value) for code, value in zip(currencies, volatility(matrix), strict=True)
        },
        "correlation": declared_correlations(currencies, matrix),
    }


def declared_correlations(currencies: Sequence[str], matrix: Floats) -> list[dict[str, Any]]:
    """Correlations as a scenario states them, rounded so that they can still hold together."""
    exact = correlation(matrix)
    scaled = np.round(exact, 4)
    while np.linalg.eigvalsh(scaled)[0] < 0.0:
        exact = exact * _SHRINK
        np.fill_diagonal(exact, 1.0)
        scaled = np.round(exact, 4)
    return [
        {"pair": [one, other], "value": rounded(scaled[i, j])}
        for (i, one), (j, other) in combinations(enumerate(currencies), 2)
    ]


MODELS.add(lognormal, "lognormal")
