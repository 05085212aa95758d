"""One table of mids serves every conversion and valuation, so no detour over a third currency pays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import YEAR_DAYS, Seconds, local_instant
from sim.core.currency import Amounts, minor_digits, round_half_even
from sim.core.streams import stream
from sim.scenario.model.fx import ConstantFx, HistoryFx, LognormalFx, correlation_matrix
from sim.world.history import correlation, covariance, load_history, observations, volatility

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from sim.core.calendars import Days
    from sim.scenario.model.fx import Bridge, Fx
    from sim.world.history import Observations

Floats = NDArray[np.float64]
Indices = NDArray[np.integer] | int

#: Six days are the longest break of a daily table (Christmas and a weekend); rates are held that long.
_LONGEST_HELD: Final = 6

#: Shocks are numbered from here, so that a date meets the same ones wherever a run starts.
_EPOCH: Final = date(1970, 1, 1)

#: A share of variance this small is rounding, and the currency moves wholly with the ones before it.
_SINGULAR: Final = 1e-12

#: Whole numbers above this are not all floats, and rounding would not be exact.
_LARGEST: Final = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class FxPaths:
    """The mid of every day: a step function that jumps at each local midnight and at no other instant.

    `currencies` are sorted and include USD. Row d of `per_usd` [days, currencies] holds the units per 1 USD
    from `day_starts[d]` (UTC seconds) to the next day's start, the last row until `end`; nothing is
    extrapolated.
    """

    currencies: tuple[str, ...]
    day_starts: Seconds
    per_usd: Floats
    end: int

    def index(self, currency: str) -> int:
        """The column of a currency; ValueError if there is none."""
        try:
            return self.currencies.index(currency)
        except ValueError:
            known = ", ".join(self.currencies)
            raise ValueError(f"the run has no rates of {currency}; it has {known}") from None

    def mid(self, source: Indices, target: Indices, at: Seconds | int) -> Floats:
        """Units of `target` per 1 unit of `source`, both indices, at instants `at`; all broadcast.

        Exactly 1 where both are the same. ValueError for an instant before the first day or after the last.
        """
        day = self._day(at)
        return np.where(np.equal(source, target), 1.0, self.per_usd[day, target] / self.per_usd[day, source])

    def convert(
        self,
        amounts: Amounts | int,
        source: Indices,
        target: Indices,
        at: Seconds | int,
        *,
        factor: Floats | float = 1.0,
    ) -> Amounts:
        """Minor units of `target` for minor units of `source`, at `factor` times mid, halves to even.

        All arguments broadcast. Where the currencies are the same the amount itself comes back, whatever
        the factor. ValueError as in `mid`, and for amounts beyond 2⁵³ minor units, which floats cannot count.
        """
        digits = np.array([minor_digits(currency) for currency in self.currencies])
        shift = digits[target] - digits[source]
        major = np.asarray(amounts) * (self.mid(source, target, at) * factor)
        # A negative power of ten is no float, so it divides: 5 fen at a mid of 10 are exactly half a yen.
        scaled = np.where(
            shift < 0, major / 10.0 ** np.maximum(-shift, 0), major * 10.0 ** np.maximum(shift, 0)
        )
        exact = (np.abs(amounts) <= _LARGEST) & (np.abs(scaled) <= _LARGEST)  # false where there is no rate
        if not np.all(exact):
            raise ValueError("an amount has no rate, or exceeds 2^53 minor units, the most that is exact")
        return np.where(np.equal(source, target), amounts, round_half_even(scaled))

    def _day(self, at: Seconds | int) -> NDArray[np.intp]:
        if np.any(np.less(at, self.day_starts[0])) or np.any(np.greater_equal(at, self.end)):
            raise ValueError("a rate is asked for at an instant outside of the days that have rates")
        return np.asarray(np.searchsorted(self.day_starts, at, side="right") - 1)


def fx_paths(
    declared: Fx | None,
    currencies: Sequence[str],
    first: date,
    last: date,
    zone: ZoneInfo,
    seed: int,
    replication: int,
) -> FxPaths:
    """The mids of `currencies` and USD on each day from `first` to `last`, both included.

    Each currency has a stream `fx/<currency>` with one normal draw per calendar date, so a longer run, an
    earlier start or another currency in the run changes no draw, and no rate of a `history`. Lognormal
    rates depend on those of the currencies before them in `volatility`: a currency added at its end
    changes no other path, one put in between changes those after it. An estimated covariance takes
    every currency of the shipped history, in a fixed order, whatever the run needs.

    ValueError if the declaration lacks a currency, or history does not cover the days. None is a
    declaration for a single currency, whose mid is never asked for: it is NaN unless it is USD.
    """
    order = tuple(sorted({*currencies, "USD"}))
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    wanted = [currency for currency in order if currency != "USD"]
    if declared is None and len({*currencies}) > 1:
        raise ValueError(f"rates of {', '.join(wanted)} are needed; declare them under 'fx'")
    draws = _Draws(seed, replication)
    columns = {"USD": np.ones(len(days)), **_columns(declared, wanted, days, draws)}
    return FxPaths(
        currencies=order,
        day_starts=np.array([local_instant(day, 0, zone) for day in days.tolist()], dtype=np.int64),
        per_usd=np.column_stack([columns[currency] for currency in order]),
        end=local_instant(last + timedelta(days=1), 0, zone),
    )


@dataclass(frozen=True, slots=True)
class _Draws:
    """Standard normal draws by currency and date."""

    seed: int
    replication: int

    def normal(self, currency: str, days: Days) -> Floats:
        """One draw per day of consecutive `days`, the same whichever other days are asked for."""
        place = (days - np.datetime64(_EPOCH, "D")).astype(np.int64)
        if place[0] < 0:
            raise ValueError(f"rates can be drawn from {_EPOCH} on only")
        every = stream(self.seed, self.replication, f"fx/{currency}").standard_normal(int(place[-1]) + 1)
        return np.asarray(every[place])


def _columns(declared: Fx | None, wanted: list[str], days: Days, draws: _Draws) -> Mapping[str, Floats]:
    match declared:
        case None:
            return {currency: np.full(len(days), np.nan) for currency in wanted}
        case ConstantFx():
            return {code: np.full(len(days), _start(declared.rates, code)) for code in wanted}
        case HistoryFx():
            return _history(declared, wanted, days, draws)
        case LognormalFx():
            return _lognormal(declared, wanted, days, draws)


def _start(rates: Mapping[str, Decimal], currency: str) -> float:
    if currency not in rates:
        raise ValueError(f"no rate of {currency} is declared; add it to {', '.join(rates) or 'the rates'}")
    return float(rates[currency])


def _history(declared: HistoryFx, wanted: list[str], days: Days, draws: _Draws) -> dict[str, Floats]:
    """Observed and bridged rates, the days of the run mapped to those of history one by one."""
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
    currency: str, bridges: Mapping[str, Bridge], then: Days, draws: _Draws, filled: dict[str, _Daily]
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
        driver = np.cumsum(draws.normal(currency, every)) * _daily(float(bridge.volatility))
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


def _lognormal(declared: LognormalFx, wanted: list[str], days: Days, draws: _Draws) -> dict[str, Floats]:
    """Geometric Brownian motions from the first day on; time runs on weekends, too."""
    annual, correlations = _moments(declared)
    lower = _lower_factor(correlations)
    normal = {currency: draws.normal(currency, days[1:]) for currency in annual} if len(days) > 1 else {}
    columns = {}
    for currency in wanted:
        if currency not in annual:
            raise ValueError(f"no volatility of {currency} is declared or can be estimated from the window")
        place = list(annual).index(currency)
        shocks = np.zeros(len(days))
        # Summed one by one, not as a matrix product, so that further currencies change no bit.
        for weight, draw in zip(lower[place, : place + 1], normal.values(), strict=False):
            shocks[1:] += weight * draw
        scale = _daily(annual[currency])
        years = np.arange(len(days)) / YEAR_DAYS
        drift = -0.5 * annual[currency] ** 2 * years
        columns[currency] = _first_rate(declared, currency, days) * np.exp(scale * np.cumsum(shocks) + drift)
    return columns


def _moments(declared: LognormalFx) -> tuple[dict[str, float], Floats]:
    """Annual volatilities and the correlations in their order, declared or estimated."""
    if declared.volatility is not None:
        stated = {currency: float(value) for currency, value in declared.volatility.items()}
        return stated, correlation_matrix(declared)
    assert declared.window is not None  # noqa: S101 - a declaration has either
    first, last = declared.window.first, declared.window.last
    known = [code for code, seen in load_history().items() if len(seen.within(first, last).days) > 1]
    matrix = covariance(known, first, last).matrix
    return dict(zip(known, volatility(matrix).tolist(), strict=True)), correlation(matrix)


def _first_rate(declared: LognormalFx, currency: str, days: Days) -> float:
    if declared.start != "history":
        return _start(declared.start, currency)
    observed = observations(currency)
    place = int(np.searchsorted(observed.days, days[0], side="right")) - 1
    if place < 0:
        raise ValueError(f"history knows {currency} from {observed.first} on, the run starts on {days[0]}")
    return float(observed.per_usd[place])


def _lower_factor(matrix: Floats) -> Floats:
    """The lower triangular L with L·Lᵀ = `matrix`, semidefinite; its leading rows ignore what comes after.

    Cholesky's factor, row by row: the library's refuses a singular matrix, which perfect correlation is.
    """
    lower = np.zeros_like(matrix)
    for i, j in zip(*np.tril_indices(len(matrix)), strict=True):
        rest = matrix[i, j] - lower[i, :j] @ lower[j, :j]
        if i == j:
            lower[i, i] = np.sqrt(max(rest, 0.0)) if rest > _SINGULAR else 0.0
        elif lower[j, j] > 0.0:
            lower[i, j] = rest / lower[j, j]
    return lower


def _daily(annual: float) -> float:
    return float(annual / np.sqrt(YEAR_DAYS))
