"""Whether a rate is drawn back is a question to decades; a few years answer it poorly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.calibration.estimates import (
    MODELS,
    Calibration,
    Estimate,
    declared_correlations,
    rounded,
)
from sim.core.clock import YEAR_DAYS
from sim.core.rates import Floats
from sim.errors import CalibrationError

if TYPE_CHECKING:
    from sim.calibration.estimates import HistoryWindow
    from sim.core.history import Observations

#: Speeds a year among which the likeliest is sought: half-lives from five days to seven centuries.
_SPEEDS = (1e-3, 50.0)
#: Relative step of the second derivative of the likelihood in the log of the speed.
_STEP = 0.02
_FEWEST = 10
_CENTURY = 36_525
#: Twice the gain in log-likelihood over a random walk that chance alone exceeds once in twenty times: twice
#: Dickey and Fuller's (1981) critical value of Φ₁, since the walk has neither a speed nor a level.
_CRITICAL = 9.2


class Fit(NamedTuple):
    """An Ornstein–Uhlenbeck process fitted to one log rate.

    `gain` is twice the log-likelihood over a random walk; `reverts` whether the level is anywhere near
    what was observed, without which speed and level mean nothing.
    """

    speed: float
    speed_error: float | None
    level: float
    level_error: float
    volatility: float
    volatility_error: float
    gain: float
    reverts: bool


def mean_reverting(window: HistoryWindow) -> Calibration:
    """Speed, level and volatility of each currency by exact maximum likelihood, from the last day of each week."""
    currencies = window.currencies()
    weekly = {code: window.observations(code).weekly() for code in currencies}
    fits = {code: fit(one) for code, one in weekly.items()}
    years = max(_years(window.observations(code)) for code in currencies)
    matrix = window.covariance(currencies).matrix
    return Calibration(
        model="mean_reverting",
        window=window,
        observations={code: len(one.days) for code, one in weekly.items()},
        estimates=[
            estimate for code, one in fits.items() for estimate in _estimates(code, one, window.history.unit)
        ],
        fx={
            "kind": "mean_reverting",
            **window.start(),
            "reversion": {code: _declared(code, one, window) for code, one in fits.items()},
            "correlation": declared_correlations(currencies, matrix),
            "source": window.origin(),
        },
        notes=[
            (
                f"Speeds are weakly identified: over {years:.1f} years the estimate is biased upwards by about "
                f"{4 / years:.2f} a year (4 / years; Tang and Chen 2009), often more than the speed itself. Errors "
                "of levels take the speed for known."
            ),
            (
                f"A gain in likelihood below {_CRITICAL} does not tell the rate from a random walk (5 %, Dickey and "
                "Fuller's Φ₁)."
            ),
            "Correlations are those of the moves, as for `lognormal`.",
            *(
                f"{code}: no reversion found; the rate does not move, or the likeliest process moves towards a level "
                "far from anything observed. It is declared with a half-life of a century about its mean, which is "
                "a random walk."
                for code, one in fits.items()
                if not one.reverts
            ),
        ],
    )


def fit(observed: Observations) -> Fit:
    """The likeliest process; a rate that does not move has none to tell. CalibrationError for few observations."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - scipy loads where it is used

    logs = np.log(observed.per_usd)
    gaps = np.diff(observed.days).astype(np.float64) / YEAR_DAYS
    if len(gaps) < _FEWEST:
        raise CalibrationError(
            f"{len(logs)} weeks with observations from {observed.first} to {observed.last} show no reversion; "
            "more than ten are needed"
        )
    if not np.any(np.diff(logs)):
        return Fit(0.0, None, float(logs[0]), 0.0, 0.0, 0.0, 0.0, reverts=False)

    def loss(log_speed: float) -> float:
        return _profile(float(np.exp(log_speed)), logs, gaps)[0]

    bounds = (np.log(_SPEEDS[0]), np.log(_SPEEDS[1]))
    best = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x)
    speed = float(np.exp(best))
    least, level, variance, level_error = _profile(speed, logs, gaps)
    curvature = (loss(best - _STEP) - 2.0 * least + loss(best + _STEP)) / _STEP**2
    walk = len(gaps) * np.log(np.mean(np.diff(logs) ** 2 / gaps)) + np.sum(np.log(gaps))
    return Fit(
        speed=speed,
        # The loss is twice the negative log-likelihood, hence the 2.
        speed_error=float(speed * np.sqrt(2.0 / curvature)) if curvature > 0.0 else None,
        level=level,
        level_error=level_error,
        volatility=float(np.sqrt(variance)),
        volatility_error=float(np.sqrt(variance / 2.0 / len(gaps))),
        gain=float(walk - least),
        reverts=bool(np.min(logs) - np.ptp(logs) < level < np.max(logs) + np.ptp(logs)),
    )


def _profile(speed: float, logs: Floats, gaps: Floats) -> tuple[float, float, float, float]:
    """Twice the negative log-likelihood less a constant, the likeliest level and variance, error of the level."""
    kept = np.exp(-speed * gaps)
    spread = -np.expm1(-2.0 * speed * gaps) / (2.0 * speed)  # variance of a step per unit of annual variance
    moved, share = logs[1:] - kept * logs[:-1], -np.expm1(-speed * gaps)
    weight = float(np.sum(share**2 / spread))
    level = float(np.sum(share * moved / spread)) / weight
    variance = float(np.mean((moved - share * level) ** 2 / spread))
    loss = len(gaps) * np.log(variance) + float(np.sum(np.log(spread)))
    return loss, level, variance, float(np.sqrt(variance / weight))


def _declared(code: str, one: Fit, window: HistoryWindow) -> dict[str, Any]:
    if one.reverts:
        level, days = one.level, max(1, round(_half_life(one)))
    else:
        level, days = float(np.mean(np.log(window.observations(code).per_usd))), _CENTURY
    return {
        "level": rounded(np.exp(level)),
        "half_life": f"{days}d",
        "volatility": rounded(one.volatility),
    }


def _estimates(code: str, one: Fit, unit: str) -> list[Estimate]:
    volatility = Estimate(f"volatility.{code}", one.volatility, one.volatility_error or None, "a year")
    if not one.reverts:
        return [volatility]
    half_life = _half_life(one)
    half_life_error = None if one.speed_error is None else half_life * one.speed_error / one.speed
    level = float(np.exp(one.level))
    return [
        Estimate(f"speed.{code}", one.speed, one.speed_error, "a year"),
        Estimate(f"half_life.{code}", half_life, half_life_error, "days"),
        Estimate(f"level.{code}", level, level * one.level_error, f"per {unit}"),
        volatility,
        Estimate(f"gain.{code}", one.gain, None, "2 Δ log-likelihood"),
    ]


def _half_life(one: Fit) -> float:
    return float(np.log(2.0) / one.speed * YEAR_DAYS)


def _years(observed: Observations) -> float:
    return (observed.last - observed.first).days / YEAR_DAYS


MODELS.add(mean_reverting, "mean_reverting")
