"""How long weeks hang together decides how long the blocks are in which they may be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.calibration.estimates import (
    MODELS,
    Calibration,
    Estimate,
    correlations,
    rounded,
    volatilities,
)
from sim.core.clock import YEAR_DAYS
from sim.core.history import Covariance, moves_covariance, quarters_of
from sim.core.rates import Floats
from sim.errors import CalibrationError

if TYPE_CHECKING:
    from sim.calibration.estimates import HistoryWindow
    from sim.core.history import Weeks

#: Fewer weeks tell neither correlations nor blocks.
_FEWEST: Final = 26


def bootstrap(window: HistoryWindow) -> Calibration:
    """Weekly volatilities and correlations, and the mean block that suits how moves hang together."""
    weeks = common_weeks(window)
    found = weekly_covariance(weeks)
    blocks = {
        code: (block_length(moves), block_length(np.abs(moves)))
        for code, moves in zip(weeks.currencies, weeks.moves.T, strict=True)
    }
    longest = max(length for both in blocks.values() for length in both)
    estimates = [
        Estimate(f"{name}.{code}", length, None, "weeks")
        for code, both in blocks.items()
        for name, length in zip(("block_of_moves", "block_of_sizes"), both, strict=True)
    ]
    return Calibration(
        model="bootstrap",
        window=window,
        observations=dict.fromkeys(weeks.currencies, len(weeks)),
        estimates=[*volatilities(found), *correlations(found), *estimates],
        fx={
            "kind": "bootstrap",
            **window.start(),
            "window": {"first": str(window.first), "last": str(window.last)},
            "mean_block": rounded(longest, 1),
            "source": window.origin(),
        },
        notes=[
            (
                f"{len(weeks)} weeks in which all currencies were observed, the last of which ends on "
                f"{weeks.ends[-1]}. Errors are by the jackknife over calendar quarters."
            ),
            (
                "Blocks are those of Politis and White (2004), as corrected by Patton, Politis and White (2009), for "
                "moves and for their absolute sizes, whose memory is the longer one. No error is known for them; "
                "the longest is proposed, and a factor of two either way is within reason."
            ),
        ],
    )


def common_weeks(window: HistoryWindow) -> Weeks:
    """The weeks in which all currencies of history were observed; CalibrationError if they are few."""
    weeks = window.weekly_moves(window.history.currencies)
    if len(weeks) < _FEWEST:
        raise CalibrationError(
            f"from {window.first} to {window.last} there are {len(weeks)} weeks in which all of "
            f"{', '.join(weeks.currencies)} were observed; {_FEWEST} are needed"
        )
    return weeks


def weekly_covariance(weeks: Weeks) -> Covariance:
    """Annual covariances of weekly moves, with those that leave one calendar quarter out."""
    scale = YEAR_DAYS / 7
    quarter = quarters_of(weeks.ends)
    left_out = [moves_covariance(weeks.moves[quarter != one]) for one in np.unique(quarter)]
    whole = moves_covariance(weeks.moves)
    return Covariance(weeks.currencies, whole * scale, np.array(left_out) * scale)


def block_length(series: Floats) -> float:
    """Mean block of the stationary bootstrap that errs least about the variance of a mean, at least 1.

    Politis and White (2004), "Automatic block-length selection for the dependent bootstrap", Econometric
    Reviews 23, with the correction of 2009 (28): (2 G² / D)^⅓ N^⅓, where G = Σ λ(k/M) |k| R(k) and
    D = 2 (Σ λ(k/M) R(k))², λ is flat to ½ and falls to 0 at 1, and M is twice the lag after which
    autocorrelations are small.
    """
    count = len(series)
    centred = series - series.mean()
    variance = float(centred @ centred) / count
    if variance == 0.0:
        return 1.0
    longest = int(np.ceil(np.sqrt(count))) + 5
    covariances = np.array([centred[: count - lag] @ centred[lag:] / count for lag in range(longest + 1)])
    width = min(2 * _last_large(covariances / variance, count), longest)
    if width == 0:
        return 1.0
    lags = np.arange(-width, width + 1)
    weights = np.clip(2.0 * (1.0 - np.abs(lags) / width), 0.0, 1.0)
    around = covariances[np.abs(lags)]
    spread, level = float(np.sum(weights * np.abs(lags) * around)), float(np.sum(weights * around))
    if level == 0.0:
        return 1.0
    length = float(np.cbrt(2.0 * spread**2 / (2.0 * level**2) * count))
    return min(max(length, 1.0), 3.0 * float(np.sqrt(count)), count / 3.0)


def _last_large(correlations: Floats, count: int) -> int:
    """The lag after which a run of autocorrelations is too small to be told from none."""
    run = max(5, int(np.ceil(np.sqrt(np.log10(count)))))
    small = np.abs(correlations) < 2.0 * np.sqrt(np.log10(count) / count)
    for lag in range(len(correlations) - run):
        if np.all(small[lag + 1 : lag + 1 + run]):
            return lag
    return len(correlations) - 1


MODELS.add(bootstrap, "bootstrap")
