"""A small market may stand off the world's for some days; an official rate is true all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.history import Observations

if TYPE_CHECKING:
    from sim.core.calendars import Days
    from sim.core.rates import Floats

#: Share by which a market is off the world's if it is worth a word. Clocks that are half a day apart explain a third.
WORTH_A_WORD: Final = 0.015


class Dislocations(NamedTuple):
    """The days whose rate was off the world's, and by which share: above zero if a dollar was dearer."""

    days: Days
    shares: Floats


def dislocations(seen: Observations, world: Observations, least: float = WORTH_A_WORD) -> Dislocations:
    """The days on which rates, each valid on its date, were set off the world's market by more than `least`.

    The market of a valid rate is that of the working day before: it is compared with what the world observed last
    before its date. Days on which the rate of the day before was repeated, as on holidays, are none.
    """
    place = np.searchsorted(world.days, seen.days, side="left") - 1
    told = (place >= 0) & np.append(np.True_, np.diff(seen.per_usd) != 0.0)[: len(seen.days)]
    days, shares = seen.days[told], seen.per_usd[told] / world.per_usd[place[told]] - 1.0
    off = np.abs(shares) > least
    return Dislocations(days[off], shares[off])
