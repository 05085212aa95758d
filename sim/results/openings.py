"""Two places can settle with each other only in the hours that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.core.clock import MINUTE
from sim.results.instants import instants
from sim.scenario.topology import books
from sim.world.timing import Openings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.scenario.model import Scenario
    from sim.scenario.model.timing import HoursChoice

_QUARTER: Final = 15 * MINUTE
_QUARTERS: Final = 96
_FIRST_REST_DAY: Final = 5


def weekly_openings(scenario: Scenario) -> dict[str, NDArray[np.float64]]:
    """Share of the days from Monday to Friday in which a place is open, by quarter hour of the period's zone.

    Places are the offices of banks, named by the city of their time zone, then the markets and the systems
    between banks by their names; what never closes is left out. Days are those of the period, holidays
    included, so that a share of 1 would be rare; it is scaled by the largest of the place.
    """
    openings = Openings(scenario)
    window = openings.window
    edges = np.arange(window.period_start, window.period_end + 1, _QUARTER, dtype=np.int64)
    local = pd.DatetimeIndex(instants(edges[:-1])).tz_convert(scenario.period.zone)
    quarter = local.hour.to_numpy() * 4 + local.minute.to_numpy() // 15
    works = local.day_of_week.to_numpy() < _FIRST_REST_DAY
    days = np.bincount(quarter[works], minlength=_QUARTERS)
    choices: dict[str, HoursChoice] = {}
    for bank in scenario.banks.values():
        declared = scenario.hours.get(bank.hours) if isinstance(bank.hours, str) else bank.hours
        if declared is not None:
            city = declared.zone.rpartition("/")[2].replace("_", " ")
            choices.setdefault(f"banks on {city} time", bank.hours)
    choices |= {name: market.hours for name, market in scenario.markets.items() if market.hours != "always"}
    choices |= {
        name: system.hours
        for name, system in books(scenario).items()
        if system.central and system.hours != "always"
    }
    found = {}
    for name, choice in choices.items():
        hours = openings.hours(choice)
        opened = hours.open_seconds(edges[:-1], edges[1:])
        seconds = np.bincount(quarter[works], opened[works], _QUARTERS)
        share = np.divide(seconds, days * _QUARTER, out=np.zeros(_QUARTERS), where=days > 0)
        if share.any():
            found[name] = share / share.max()
    return found
