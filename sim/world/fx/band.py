"""A rate may leave its fixing by so much a day and no more; what is left over is for the days to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.world.fx.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.core.calendars import Days
    from sim.scenario.model.fx import BandFx
    from sim.world.fx.draws import Draws

Floats = NDArray[np.float64]


def banded(declared: BandFx, base: Mapping[str, Floats], days: Days, draws: Draws) -> dict[str, Floats]:
    """The rates of the base, those of one currency held within a band around each day's fixing."""
    del days, draws  # every layer is made alike
    rates, _ = held(base[declared.currency], float(declared.width), float(declared.adjustment))
    return {**base, declared.currency: rates}


def held(free: Floats, width: float, adjustment: float) -> tuple[Floats, Floats]:
    """Rates and fixings of each day, from the rates that there would be without a band.

    The first fixing is the first rate. Within the band, from fixing · (1 − width) to fixing · (1 + width), the
    free rate stands to the bit.
    """
    rates, fixings = np.empty(len(free)), np.empty(len(free))
    fixing = rate = float(free[0])
    for day, wanted in enumerate(free.tolist()):
        fixing *= (rate / fixing) ** adjustment
        rate = min(max(wanted, fixing * (1.0 - width)), fixing * (1.0 + width))
        rates[day], fixings[day] = rate, fixing
    return rates, fixings


MODELS.add(banded, "band")
