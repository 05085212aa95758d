"""An estimate is worth what its standard error says, and a note says what the error leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sim.core.history import correlation, covariance, load_history, volatility
from sim.core.kinds import Halves
from sim.core.rates import Floats
from sim.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.history import Covariance


class HistoryWindow(NamedTuple):
    """A stretch of history, both days included."""

    first: date
    last: date

    def currencies(self) -> tuple[str, ...]:
        """Those observed on two days of the window at least; CalibrationError if there are none."""
        found = tuple(code for code, seen in load_history().items() if len(seen.within(*self).days) > 1)
        if not found:
            raise CalibrationError(f"history has no rates from {self.first} to {self.last}; {_known()}")
        return found


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


def origin(window: HistoryWindow) -> str:
    """Where the numbers of a calibrated scenario come from."""
    return f"sim calibrate, shipped history from {window.first} to {window.last}"


def _known() -> str:
    series = load_history().values()
    first, last = min(one.first for one in series), max(one.last for one in series)
    return f"it reaches from {first} to {last}"


#: The estimator of each model that has something to estimate.
MODELS: Final[Halves[Callable[[HistoryWindow], Calibration]]] = Halves(
    "model of exchange rates", "an estimator"
)

#: Correlations are brought this much nearer to zero where rounding has made them impossible.
_SHRINK = 0.999


def lognormal(window: HistoryWindow) -> Calibration:
    """Volatilities and correlations by Hayashi and Yoshida's estimator, errors by the jackknife."""
    found = covariance(window.currencies(), *window)
    return Calibration(
        model="lognormal",
        window=window,
        observations=observation_counts(window, found.currencies),
        estimates=[*volatilities(found), *correlations(found)],
        fx={"kind": "lognormal", "start": "history", **declared(found.currencies, found.matrix)}
        | {"source": origin(window)},
        notes=[
            (
                "Standard errors are by the jackknife over calendar quarters. Where a currency is observed rarely, "
                "moves that were undone in between are not seen, and its volatility is understated."
            )
        ],
    )


def observation_counts(window: HistoryWindow, currencies: Sequence[str]) -> dict[str, int]:
    """Days of observation by currency."""
    return {code: len(load_history()[code].within(*window).days) for code in currencies}


def volatilities(found: Covariance) -> list[Estimate]:
    """Annual volatilities of units per USD."""
    errors = found.standard_error(volatility)
    return [
        Estimate(f"volatility.{code}", float(value), float(error), "a year")
        for code, value, error in zip(found.currencies, volatility(found.matrix), errors, strict=True)
    ]


def correlations(found: Covariance) -> list[Estimate]:
    """Correlations of each pair."""
    matrix, errors = correlation(found.matrix), found.standard_error(correlation)
    return [
        Estimate(f"correlation.{one}/{other}", float(matrix[i, j]), float(errors[i, j]), "")
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
