"""Currencies move together, yet none of them is moved by one that was added later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import YEAR_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Floats = NDArray[np.float64]

#: A share of variance this small is rounding, and the currency moves wholly with the ones before it.
_SINGULAR: Final = 1e-12


def daily(annual: float) -> float:
    """The standard deviation of a day's move, of an annual one; time runs on weekends, too."""
    return float(annual / np.sqrt(YEAR_DAYS))


def correlated(correlations: Floats, place: int, normal: Mapping[str, Floats]) -> Floats:
    """Shocks of unit variance to the currency at `place`, from independent draws by currency in that order.

    Summed one by one, not as a matrix product, so that further currencies change no bit.
    """
    weights = lower_factor(correlations)[place, : place + 1]
    shocks = np.zeros(len(next(iter(normal.values()))))
    for weight, draw in zip(weights, normal.values(), strict=False):
        shocks += weight * draw
    return shocks


def lower_factor(matrix: Floats) -> Floats:
    """The lower triangular L with L·Lᵀ = `matrix`, semidefinite; its leading rows ignore what comes after.

    Cholesky's factor, row by row: the library's refuses a singular matrix, which perfect correlation is.
    """
    lower = np.zeros_like(matrix)
    for i, j in zip(*np.tril_indices(len(matrix)), strict=True):
        rest = matrix[i, j] - lower[i, :j] @ lower[j, :j]
        if i == j:
            lower[i, i] = np.sqrt(max(rest, 0.0)) if rest > _SINGULAR else 0.0
        elif lower[j, j] > 0.0:
            lower[i, j] = rest / lower[j, j]
    return lower


def place_of(currency: str, order: Sequence[str]) -> int:
    """Where a currency stands; ValueError if the model says nothing about it."""
    if currency not in order:
        known = ", ".join(order)
        raise ValueError(f"no volatility of {currency} is declared or can be estimated; there is {known}")
    return list(order).index(currency)
