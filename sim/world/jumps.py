"""A rate that jumps on a date stays where it jumped to, and moves on from there as it would have moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import to_instant
from sim.scenario.model.timeline import RateJump, numbered
from sim.world.effects import gives_effect_to

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario


@gives_effect_to(RateJump)
def with_jumps(fx: FxPaths, scenario: Scenario, zone: ZoneInfo) -> FxPaths:
    """The rates with the jumps of the timeline."""
    per_usd = fx.per_usd
    for _, entry in numbered(scenario.timeline, RateJump):
        factors = np.ones(per_usd.shape)
        after = fx.day_starts >= to_instant(entry.at, zone)
        factors[after, fx.index(entry.currency)] = 1.0 + float(entry.size)
        per_usd = per_usd * factors
    return fx if per_usd is fx.per_usd else replace(fx, per_usd=per_usd)
