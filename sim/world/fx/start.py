"""A drawn path begins at a rate that somebody stated, or at the last one that was observed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from sim.core.history import observations

if TYPE_CHECKING:
    from sim.core.calendars import Days
    from sim.scenario.model.fx import Fx, Start


def first_rate(start: Start, currency: str, day: np.datetime64) -> float:
    """Units per USD on the first day: stated, or observed last at or before `day`; ValueError if neither."""
    if start != "history":
        return stated_rate(start, currency)
    observed = observations(currency)
    place = int(np.searchsorted(observed.days, day, side="right")) - 1
    if place < 0:
        raise ValueError(f"history knows {currency} from {observed.first} on, the run starts on {day}")
    return float(observed.per_usd[place])


def stated_rate(rates: Mapping[str, Decimal], currency: str) -> float:
    """The declared rate of a currency; ValueError if there is none."""
    if currency not in rates:
        raise ValueError(f"no rate of {currency} is declared; add it to {', '.join(rates) or 'the rates'}")
    return float(rates[currency])


def day_of_history(declared: Fx, days: Days) -> np.datetime64:
    """The day whose rates the first of `days` takes: itself, unless history is moved to another time."""
    moved = declared.moved_to()
    return np.datetime64(days[0] if moved is None else moved, "D")
