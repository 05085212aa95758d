"""Observed rates stand as they are; only the days between two observations are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.history import observations
from sim.core.rates import Floats
from sim.world.fx.parts import MODELS, daily

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.core.calendars import Days
    from sim.core.history import Observations
    from sim.scenario.model.fx import Bridge, HistoryFx
    from sim.world.fx.parts import Draws

#: Six days are the longest break of a daily table (Christmas and a weekend); rates are held that long.
_LONGEST_HELD: Final = 6


def observed(declared: HistoryFx, wanted: Sequence[str], days: Days, draws: Draws) -> dict[str, Floats]:
    """Observed and bridged rates, the days of the run mapped to those of history one by one.

    ValueError if history does not cover the days, or is silent for long without a bridge.
    """
    then = days if declared.start is None else days + (np.datetime64(declared.start, "D") - days[0])
    for currency in declared.bridge:
        observations(currency)  # a misspelt name must not pass for a bridge that is never needed
    filled: dict[str, _Daily] = {}
    for currency in wanted:
        _fill(currency, declared.bridge, then, draws, filled)
    columns = {currency: filled[currency].on(then) for currency in wanted}
    for currency, column in columns.items():
        if np.any(np.isnan(column)):
            others = ", ".join(declared.bridge[currency].follows)
            raise ValueError(f"{currency} follows {others} over days for which history lacks one of them")
    return columns


@dataclass(frozen=True, slots=True, eq=False)
class _Daily:
    """A rate on consecutive days from `first`; NaN on any other day."""

    first: np.datetime64
    per_usd: Floats

    def on(self, days: Days) -> Floats:
        place = (days - self.first).astype(np.int64)
        known = (place >= 0) & (place < len(self.per_usd))
        return np.where(known, self.per_usd[np.where(known, place, 0)], np.nan)


def _fill(
    currency: str, bridges: Mapping[str, Bridge], then: Days, draws: Draws, filled: dict[str, _Daily]
) -> _Daily:
    """Rates from the first to the last observation of a currency, each observation as it stands.

    What a currency follows is filled before it, and must cover the days `then` of the run as well; `filled`
    keeps them all.
    """
    if currency in filled:
        return filled[currency]
    observed = observations(currency)
    _check_cover(currency, observed, then, bridges)
    every = np.arange(observed.days[0], observed.days[-1] + 1)
    left = np.searchsorted(observed.days, every, side="right") - 1
    rates = observed.per_usd[left]
    if currency in bridges:
        bridge = bridges[currency]
        driver = np.cumsum(draws.normal(currency, every)) * daily(float(bridge.volatility))
        for other, weight in bridge.follows.items():
            followed = _fill(other, bridges, then, draws, filled)
            driver += float(weight) * np.log(followed.on(every))
        between = observed.days[left] != every
        rates = np.where(between, np.exp(_bridge(observed, every, left, driver)), rates)
    filled[currency] = _Daily(every[0], rates)
    return filled[currency]


def _check_cover(currency: str, observed: Observations, then: Days, bridges: Mapping[str, Bridge]) -> None:
    """Refuse days outside of the observations, and long gaps that nothing bridges."""
    if then[0] < observed.days[0] or then[-1] > observed.days[-1]:
        raise ValueError(
            f"history knows {currency} from {observed.first} to {observed.last}, "
            f"but the run takes its rates from {then[0]} to {then[-1]}"
        )
    before = np.searchsorted(observed.days, then[0], side="right") - 1
    after = np.searchsorted(observed.days, then[-1], side="left")
    gaps = np.diff(observed.days[before : after + 1]).astype(np.int64)
    if currency not in bridges and np.any(gaps > _LONGEST_HELD):
        worst = before + int(np.argmax(gaps))
        raise ValueError(
            f"{currency} is not observed between {observed.days[worst]} and {observed.days[worst + 1]} "
            f"({gaps.max()} days); state under 'bridge' how it moves there"
        )


def _bridge(observed: Observations, every: Days, left: NDArray[np.intp], driver: Floats) -> Floats:
    """Log rates that move as `driver` does, bent linearly in time so as to meet both observations.

    A random walk as driver gives a Brownian bridge: variance t(T−t)/T·σ² at t in a gap of T. Weekends count.
    """
    right = np.minimum(left + 1, len(observed.days) - 1)
    place = (observed.days - every[0]).astype(np.int64)
    level = np.log(observed.per_usd)
    length = np.maximum((observed.days[right] - observed.days[left]).astype(np.float64), 1.0)
    elapsed = (every - observed.days[left]).astype(np.float64) / length
    start = driver[place[left]]
    missed = level[right] - level[left] - (driver[place[right]] - start)
    return np.asarray(level[left] + (driver - start) + elapsed * missed)


MODELS.add(observed, "history")
