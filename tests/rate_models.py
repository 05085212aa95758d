"""Models of rates as tests declare them, and whether a sample agrees with theory."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from rates import YEAR, Declared, paths

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A statistic may lie this many standard errors away from its expectation.
BAND = 4.0
DAYS = 365.25

VOLATILITY = {"CNY": 0.04, "RUB": 0.15, "BYN": 0.09}
START = {"CNY": 7.25, "RUB": 90, "BYN": 3.2}
CORRELATION = [{"pair": ["RUB", "BYN"], "value": 0.7}, {"pair": ["CNY", "RUB"], "value": 0.3}]
LOGNORMAL: Declared = {
    "kind": "lognormal",
    "start": START,
    "volatility": VOLATILITY,
    "correlation": CORRELATION,
}
STILL: Declared = {"kind": "constant", "rates": START}
REVERTING: Declared = {
    "kind": "mean_reverting",
    "start": {"CNY": 7.25, "RUB": 110, "BYN": 3.2},
    "reversion": {
        "CNY": {"level": 7.0, "half_life": "1d", "volatility": 0.5},
        "RUB": {"level": 90, "half_life": "60d", "volatility": 0.3},
        "BYN": {"level": 3.2, "half_life": "30d", "volatility": 0.2},
    },
    "correlation": CORRELATION,
}
REGIME: Declared = {
    "kind": "regime",
    "start": START,
    "calm": {"mean_duration": "60d", "volatility": VOLATILITY, "correlation": CORRELATION},
    "stressed": {
        "mean_duration": "20d",
        "volatility": {code: 3 * value for code, value in VOLATILITY.items()},
        "correlation": [{"pair": ["RUB", "BYN"], "value": -0.5}],
    },
}
BASKET: Declared = {
    "kind": "basket",
    "currency": "BYN",
    "start": 3.2,
    "weights": {"RUB": 0.6, "USD": 0.3, "CNY": 0.1},
    "residual_volatility": 0.04,
    "base": {
        "kind": "lognormal",
        "start": {"CNY": 7.25, "RUB": 90},
        "volatility": {"CNY": 0.04, "RUB": 0.15},
        "correlation": CORRELATION[1:],
    },
}
JUMPS: Declared = {
    "kind": "jump",
    "jumps": [{"currency": "BYN", "intensity": 4, "size": {"kind": "uniform", "low": 0.08, "high": 0.2}}],
    "base": STILL,
}
BAND_OF_CNY: Declared = {"kind": "band", "currency": "CNY", "width": 0.003, "base": LOGNORMAL}
MODELS: dict[str, Declared] = {
    "bootstrap": {"kind": "bootstrap"},
    "lognormal": LOGNORMAL,
    "mean_reverting": REVERTING,
    "regime": REGIME,
    "jump": JUMPS,
    "basket": BASKET,
    "band": BAND_OF_CNY,
}


def logs(declared: Declared, count: int, days: tuple[date, date] = YEAR) -> NDArray[np.float64]:
    """Log rates of BYN, CNY and RUB in so many replications, [replications, days, currencies]."""
    return np.log([paths(declared, days=days, replication=r).per_usd[:, :3] for r in range(count)])


def moves(declared: Declared, count: int) -> NDArray[np.float64]:
    """Daily log moves of all replications below each other, [moves, currencies]."""
    return np.diff(logs(declared, count), axis=1).reshape(-1, 3)


def near_mean(sample: NDArray[np.float64], expected: float) -> bool:
    """Whether the mean of independent values agrees with theory."""
    error = sample.std(ddof=1) / np.sqrt(len(sample))
    return bool(abs(sample.mean() - expected) < BAND * error)


def near_deviation(sample: NDArray[np.float64], expected: float) -> bool:
    """Whether the standard deviation of independent values agrees, with the error that their tails allow."""
    variance, squares = expected**2, (sample - sample.mean()) ** 2
    return bool(abs(squares.mean() - variance) < BAND * squares.std() / np.sqrt(len(sample)))


def near_correlation(one: NDArray[np.float64], other: NDArray[np.float64], expected: float) -> bool:
    """Whether a correlation agrees, with the error that it has for normal values."""
    found = np.corrcoef(one, other)[0, 1]
    return bool(abs(found - expected) < BAND * (1 - expected**2) / np.sqrt(len(one)))


def uncompensated(**changes: Any) -> Declared:  # noqa: ANN401 - parts of a declaration
    """The jumps of `JUMPS` without the drift that makes up for them."""
    return {**JUMPS, "jumps": [{**JUMPS["jumps"][0], "compensated": False, **changes}]}
