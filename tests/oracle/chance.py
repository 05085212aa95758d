"""How long something takes, from one uniform draw."""

from __future__ import annotations

from math import exp, log, log1p, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.model.timing import Durations

NORMAL = NormalDist()


def seconds(declared: Durations, uniform: float) -> int:
    """The quantile of the distribution, in whole seconds."""
    match declared.kind:
        case "fixed":
            return int(declared.value)
        case "exponential":
            return round(-declared.mean * log1p(-uniform))
        case "lognormal":
            scale = log(declared.p95 / declared.median) / NORMAL.inv_cdf(0.95)
            drawn = declared.median * exp(scale * NORMAL.inv_cdf(max(uniform, 2.0**-54)))
            return round(drawn if declared.longest is None else min(drawn, declared.longest))
        case "triangular":
            low, mode, high = declared.low, declared.mode, declared.high
            if uniform < (mode - low) / (high - low):
                return round(low + sqrt(uniform * (high - low) * (mode - low)))
            return round(high - sqrt((1 - uniform) * (high - low) * (high - mode)))
    raise AssertionError(declared)
