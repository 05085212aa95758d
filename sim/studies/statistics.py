"""An expectation over replications is known only so far: the interval says how far.

Intervals are Student's, of the mean of independent replications; where values do not differ they have no width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

#: The share of intervals that hold what they are about.
CONFIDENCE: Final = 0.95
#: Told of every distribution over replications, by the names of their columns.
QUANTILES: Final = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


class Estimates(NamedTuple):
    """By row: how many values there are, their mean and standard deviation, and the interval of the mean.

    What cannot be told of so few values is not a number.
    """

    n: NDArray[np.int64]
    mean: Numbers
    sd: Numbers
    low: Numbers
    high: Numbers

    @property
    def half_width(self) -> Numbers:
        """Half the width of the intervals."""
        return (self.high - self.low) / 2


def estimates(values: Numbers, error: Numbers | float = 0.0) -> Estimates:
    """Estimates of each row of values, those left out that are not numbers.

    `error` is a further standard error of the means, from elsewhere than the replications.
    """
    known = ~np.isnan(values)
    n = known.sum(axis=1)
    at_least_one, at_least_two = np.maximum(n, 1), np.maximum(n - 1, 1)
    filled = np.where(known, values, 0.0)
    # Of equal values the mean is that value, without an error of rounding.
    first = np.take_along_axis(filled, known.argmax(axis=1)[:, None], axis=1)[:, 0]
    shifted = np.where(known, filled - first[:, None], 0.0)
    mean = first + shifted.sum(axis=1) / at_least_one
    apart = np.where(known, filled - mean[:, None], 0.0)
    sd = np.sqrt((apart**2).sum(axis=1) / at_least_two)
    half = stdtrit(at_least_two, (1 + CONFIDENCE) / 2) * np.sqrt(sd**2 / at_least_one + np.square(error))
    mean, sd = np.where(n > 0, mean, np.nan), np.where(n > 1, sd, np.nan)
    half = np.where(n > 1, half, np.nan)
    return Estimates(n.astype(np.int64), mean, sd, mean - half, mean + half)


def sureness(found: Estimates) -> Numbers:
    """How surely the expectation is on that side of zero on which its estimate is: 1 − p of a one-sided t-test.

    1 where values do not differ, unless they are zero; then it is not a number.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.abs(found.mean) / (found.sd / np.sqrt(found.n))
    told = stdtr(np.maximum(found.n - 1, 1), score)
    return np.where(found.n > 1, np.where(found.mean == 0, np.nan, told), np.nan)


def quantiles(values: Numbers) -> dict[str, Numbers]:
    """Quantiles of each row of values, linear between neighbours, those left out that are not numbers."""
    found = np.full((len(QUANTILES), len(values)), np.nan)
    some = ~np.isnan(values).all(axis=1)
    if some.any():
        found[:, some] = np.nanquantile(values[some], list(QUANTILES.values()), axis=1)
    return dict(zip(QUANTILES, found, strict=True))
