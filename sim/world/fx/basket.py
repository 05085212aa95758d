"""A currency that is held against a basket moves as its parts do, and a little of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.world.fx.models import MODELS
from sim.world.fx.shocks import daily
from sim.world.fx.start import day_of_history, first_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.core.calendars import Days
    from sim.scenario.model.fx import BasketFx
    from sim.world.fx.draws import Draws

Floats = NDArray[np.float64]


def following(declared: BasketFx, base: Mapping[str, Floats], days: Days, draws: Draws) -> dict[str, Floats]:
    """The rates of the base, and of the currency that follows: ln S = b + Σ weight · ln S of each part.

    b, the log price of the basket, is a Brownian motion whose exponential is a martingale.
    """
    scale = daily(float(declared.residual_volatility))
    moves = scale * draws.normal(f"{declared.currency}/residual", days) - 0.5 * scale**2
    moves[0] = 0.0  # the move into the first day happened before the run
    logs = np.cumsum(moves)
    for part, weight in declared.weights.items():
        if part != "USD":
            logs += float(weight) * np.log(base[part] / base[part][0])
    if declared.start == "history":
        first = first_rate("history", declared.currency, day_of_history(declared.base, days))
    else:
        first = float(declared.start)
    return {**base, declared.currency: first * np.exp(logs)}


MODELS.add(following, "basket")
