"""Against which basket a currency is held shows in what it moves with."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.estimates import (
    MODELS,
    Calibration,
    Estimate,
    declared,
    rounded,
)
from sim.core.rates import Floats
from sim.errors import CalibrationError

if TYPE_CHECKING:
    from sim.calibration.estimates import HistoryWindow

_FOLLOWER = "BYN"
_PARTS = ("CNY", "RUB")
_UNIT = "USD"


def basket(window: HistoryWindow) -> Calibration:
    """Weights of CNY, RUB and USD in the basket of BYN: least squares on covariances, none below zero.

    The covariances are Hayashi and Yoshida's, so that the currencies need no common days.
    """
    known = window.currencies()
    if window.history.unit != _UNIT:
        raise CalibrationError(
            f"{window.history.name} has no {_UNIT}, which is a part of the basket of {_FOLLOWER}"
        )
    if lacking := [code for code in (_FOLLOWER, *_PARTS) if code not in known]:
        raise CalibrationError(
            f"{', '.join(lacking)} is not observed twice from {window.first} to {window.last}"
        )
    found = window.covariance((_FOLLOWER, *_PARTS))
    statistic = _fitted(found.matrix)
    errors = found.standard_error(_fitted)
    *weights, residual, explained = statistic
    *weight_errors, residual_error, explained_error = errors
    parts = (*_PARTS, _UNIT)
    others = [code for code in known if code != _FOLLOWER]
    stated = {code: rounded(weight) for code, weight in zip(_PARTS, weights, strict=False)}
    return Calibration(
        model="basket",
        window=window,
        observations=window.counts((_FOLLOWER, *_PARTS)),
        estimates=[
            *(
                Estimate(f"weights.{code}", float(weight), float(error), "")
                for code, weight, error in zip(parts, weights, weight_errors, strict=True)
            ),
            Estimate("residual_volatility", float(residual), float(residual_error), "a year"),
            Estimate("r_squared", float(explained), float(explained_error), ""),
        ],
        fx={
            "kind": "basket",
            "currency": _FOLLOWER,
            "weights": {**stated, _UNIT: 1 - sum(stated.values())},
            "residual_volatility": rounded(residual),
            "base": {
                "kind": "lognormal",
                **window.start(),
                **declared(others, window.covariance(others).matrix),
            },
            "source": window.origin(),
        },
        notes=[
            (
                "Standard errors are by the jackknife over calendar quarters; they are too small for a weight that "
                "is held at zero. CNY moves little, so its weight is weakly identified."
            ),
            (
                "The published weights were changed in July and in December 2022; one estimate over both averages "
                "them."
            ),
        ],
    )


def least_squares_weights(matrix: Floats) -> tuple[Floats, float]:
    """Weights of all but the first currency, and of USD, and the variance of the first that they leave.

    They add up to 1 and none is negative; USD does not vary. Of all sets of currencies that may have a
    weight, each solved exactly, the one that leaves least is taken.
    """
    count = len(matrix)
    inner = np.zeros((count, count))  # the parts, then USD
    inner[:-1, :-1] = matrix[1:, 1:]
    outer = np.append(matrix[0, 1:], 0.0)
    best, least = np.eye(count)[-1], float(matrix[0, 0])
    for size in range(1, count + 1):
        for chosen in combinations(range(count), size):
            weights = _solved(inner, outer, list(chosen))
            left = float(matrix[0, 0] - 2.0 * weights @ outer + weights @ inner @ weights)
            if np.all(weights >= 0.0) and left < least:
                best, least = weights, left
    return best, max(least, 0.0)


def _solved(inner: Floats, outer: Floats, chosen: list[int]) -> Floats:
    """The weights of the chosen that leave least variance and add up to 1: Lagrange's equations."""
    size = len(chosen)
    equations = np.ones((size + 1, size + 1))
    equations[:size, :size] = inner[np.ix_(chosen, chosen)]
    equations[size, size] = 0.0
    solution = np.linalg.lstsq(equations, np.append(outer[chosen], 1.0), rcond=None)[0]
    weights = np.zeros(len(outer))
    weights[chosen] = solution[:size]
    return weights


def _fitted(matrix: Floats) -> Floats:
    """Weights of the parts and USD, annual residual volatility, and share of variance explained."""
    weights, left = least_squares_weights(matrix)
    return np.array([*weights, np.sqrt(left), 1.0 - left / matrix[0, 0]])


MODELS.add(basket, "basket")
