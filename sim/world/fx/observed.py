"""Observed rates stand as they are; only the days between two observations are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.history import Observations
from sim.core.rates import Floats
from sim.world.fx.parts import MODELS, daily

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.calendars import Days
    from sim.scenario.model.fx import HistoryFx
    from sim.world.fx.parts import Frame

#: Six days are the longest break of a daily table (Christmas and a weekend); rates are held that long.
_LONGEST_HELD: Final = 6


def observed(declared: HistoryFx, wanted: Sequence[str], frame: Frame) -> dict[str, Floats]:
    """Observed and bridged rates, the days of the run mapped to those of history one by one.

    Before the run, and before history begins, its first known rate holds; days after the last one have none, and
    no run has such days. ValueError if history does not cover the run, or is silent for long without a bridge.
    """
    moved = ((declared.moved_to() or frame.opens) - frame.opens).days
    first, last = (np.datetime64(day, "D") + moved for day in frame.run)
    filler = _Filler(declared, frame, (first, last))
    for named in (*wanted, *declared.bridge):
        # A misspelt name must not pass for a bridge that is never needed.
        if named not in frame.history.codes:
            codes = ", ".join(frame.history.codes)
            where = _where(declared)
            raise ValueError(
                f"{frame.history.name} has no {named}; it has {codes}. Give rates of {named} against one of "
                f"these in {where}, or take rates of another kind"
            )
    then = frame.days + moved
    columns = {currency: filler.met(currency).on(then) for currency in wanted}
    for currency, column in columns.items():
        known = ~np.isnan(column)
        if not np.all(known[(then >= first) & (then <= last)]):
            others = ", ".join(declared.bridge[currency].follows)
            raise ValueError(
                f"{currency} follows {others} over days for which {frame.history.name} lacks one of them"
            )
        begins = int(np.argmax(known))
        column[:begins] = column[begins]
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


class _Filler:
    """Rates of every day, made of what history knows of some; `run` are the days that it must cover."""

    def __init__(self, declared: HistoryFx, frame: Frame, run: tuple[np.datetime64, np.datetime64]) -> None:
        self._declared, self._bridges, self._run = declared, declared.bridge, run
        self._history, self._draws = frame.history, frame.draws
        self._met: dict[str, _Daily] = {}
        self._plain: dict[str, _Daily] = {}

    def met(self, currency: str) -> _Daily:
        """A currency that meets each of its observations, those against other currencies than the unit among them."""
        if currency not in self._met:
            seen = self._history.observations(currency)
            for other, against in self._history.loose(currency):
                # The other one is above it in rank, so that this ends.
                rates = against.per_usd * self.met(other).on(against.days)
                told = ~np.isnan(rates)
                days = np.concatenate([seen.days, against.days[told]])
                order = np.argsort(days)
                seen = Observations(days[order], np.concatenate([seen.per_usd, rates[told]])[order])
            self._met[currency] = self._filled(currency, seen)
        return self._met[currency]

    def plain(self, currency: str) -> _Daily:
        """A currency as it was observed against the unit: what others follow, for these may follow each other."""
        if currency not in self._plain:
            self._plain[currency] = self._filled(currency, self._history.observations(currency))
        return self._plain[currency]

    def _filled(self, currency: str, seen: Observations) -> _Daily:
        """Rates from the first to the last observation of a currency, each observation as it stands."""
        self._check_cover(currency, seen)
        every = np.arange(seen.days[0], seen.days[-1] + 1)
        left = np.searchsorted(seen.days, every, side="right") - 1
        rates = seen.per_usd[left]
        if currency in self._bridges:
            bridge = self._bridges[currency]
            driver = np.cumsum(self._draws.normal(currency, every)) * daily(float(bridge.volatility))
            for other, weight in bridge.follows.items():
                driver += float(weight) * np.log(self.plain(other).on(every))
            between = seen.days[left] != every
            rates = np.where(between, np.exp(_bridge(seen, every, left, driver)), rates)
        return _Daily(every[0], rates)

    def _check_cover(self, currency: str, seen: Observations) -> None:
        """Refuse days outside of the observations, and long gaps that nothing bridges."""
        name, (first, last), unit = self._history.name, self._run, self._history.unit
        if not len(seen.days):
            raise ValueError(
                f"{name} never has {currency} against {unit}, nor against what it has against {unit}"
            )
        if first < seen.days[0] or last > seen.days[-1]:
            where = _where(self._declared)
            raise ValueError(
                f"{name} knows {currency} from {seen.first} to {seen.last}, but the run takes its rates from "
                f"{first} to {last}; move the period, take the rates of another time ('start'), or have the days that "
                f"lack in {where}"
            )
        before = np.searchsorted(seen.days, first, side="right") - 1
        after = np.searchsorted(seen.days, last, side="left")
        gaps = np.diff(seen.days[before : after + 1]).astype(np.int64)
        if currency not in self._bridges and np.any(gaps > _LONGEST_HELD):
            worst = before + int(np.argmax(gaps))
            raise ValueError(
                f"{currency} is not observed between {seen.days[worst]} and {seen.days[worst + 1]} "
                f"({gaps.max()} days); state under 'bridge' how it moves there"
            )


def _where(declared: HistoryFx) -> str:
    """Where rates can be given that history does not have."""
    return "the file" if declared.file else "a file of your own ('file')"


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
