"""Stress comes for all currencies at once, lasts, and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import DAY
from sim.core.rates import Floats
from sim.scenario.model.fx import correlation_matrix
from sim.world.fx.parts import MODELS, correlated, daily, day_numbers, first_rate, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.calendars import Days
    from sim.scenario.model.fx import Regime, RegimeFx
    from sim.world.fx.parts import Draws


def regime(declared: RegimeFx, wanted: Sequence[str], days: Days, draws: Draws) -> dict[str, Floats]:
    """Geometric Brownian motions whose covariance is that of the day's state."""
    stressed = stressed_days(declared, days, draws)
    order = list(declared.calm.volatility)
    normal = {currency: draws.normal(currency, days) for currency in order}
    columns = {}
    for currency in wanted:
        place = place_of(currency, order)
        calm, tense = (
            _moves(state, currency, place, order, normal) for state in (declared.calm, declared.stressed)
        )
        moves = np.where(stressed, tense, calm)
        moves[0] = 0.0  # the move into the first day happened before the run
        columns[currency] = first_rate(declared.start, currency, days[0]) * np.exp(np.cumsum(moves))
    return columns


def stressed_days(declared: RegimeFx, days: Days, draws: Draws) -> NDArray[np.bool_]:
    """Whether each of consecutive days is a stressed one.

    Each day has one uniform draw. A calm day ends in stress if it is small, a stressed one ends if it is
    large, and any other leaves the state as it was; since both probabilities are at most one half, the
    last decisive draw is all that counts.
    """
    numbers = day_numbers(days)
    uniform = draws.uniform("regime", int(numbers[-1]))[:, 0]
    to_stress = DAY / declared.calm.mean_duration
    to_calm = DAY / declared.stressed.mean_duration
    decided = np.where(uniform < to_stress, 1, np.where(uniform >= 1.0 - to_calm, 0, -1))
    if declared.initial != "drawn":
        decided[: numbers[0]] = -1
        decided[numbers[0]] = declared.initial == "stressed"
    elif decided[0] < 0:
        decided[0] = uniform[0] < to_stress / (to_stress + to_calm)
    last = np.maximum.accumulate(np.where(decided >= 0, np.arange(len(decided)), 0))
    return np.asarray(decided[last][numbers] == 1)


def _moves(
    state: Regime, currency: str, place: int, order: Sequence[str], normal: dict[str, Floats]
) -> Floats:
    correlations = correlation_matrix(order, state.correlation)
    scale = daily(float(state.volatility[currency]))
    return np.asarray(scale * correlated(correlations, place, normal) - 0.5 * scale**2)


MODELS.add(regime, "regime")
