"""Volatilities and correlations are all that a rate without drift or memory has."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calibration.estimates import MODELS, Calibration, Estimate, origin, rounded
from sim.core.history import correlation, covariance, load_history, volatility
from sim.core.rates import Floats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.calibration.estimates import HistoryWindow
    from sim.core.history import Covariance

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
