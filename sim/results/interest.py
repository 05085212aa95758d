"""Interest is counted by the second, on a year of 365 days (ACT/365)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.core.clock import DAY
from sim.core.currency import round_half_even

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.core.currency import Amounts

_YEAR: Final = 365 * DAY


def interest(money_seconds: NDArray[np.float64], rate: NDArray[np.float64] | float) -> Amounts:
    """Minor units owed for so many minor units times seconds at a rate per year, halves to the even one."""
    return round_half_even(money_seconds * rate / _YEAR)
