"""What rates did is known on some days only, and on other days for other currencies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.calendars import Days, weeks_of
from sim.core.clock import YEAR_DAYS
from sim.core.rates import Floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_QUARTER_MONTHS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The observed rates of one currency: `per_usd[k]` units per USD on `days[k]`, in order of days.

    Where a history knows no dollar, they are units per 1 of its own unit.
    """

    days: Days
    per_usd: Floats

    @property
    def first(self) -> date:
        """The day of the first observation."""
        return _as_date(self.days[0])

    @property
    def last(self) -> date:
        """The day of the last observation."""
        return _as_date(self.days[-1])

    def within(self, first: date, last: date) -> Observations:
        """The observations from `first` to `last`, both included; there may be none."""
        inside = (self.days >= np.datetime64(first, "D")) & (self.days <= np.datetime64(last, "D"))
        return Observations(self.days[inside], self.per_usd[inside])

    def weekly(self) -> Observations:
        """The last observation of each week, Monday to Sunday.

        From one to the next is about a week, whichever days markets rest on: daily ones move no more over a weekend
        than over a night, so that a model in which time runs on would take them for wilder than they are.
        """
        last = _week_ends(self.days)
        return Observations(self.days[last], self.per_usd[last])


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """Annual covariances of log rates per USD (or another unit of history), estimated.

    `matrix` is [currencies, currencies], in squared log units per year of 365.25 days, positive
    semidefinite. `left_out` is [quarters, currencies, currencies]: the same estimate without the
    observations of one calendar quarter each.
    """

    currencies: tuple[str, ...]
    matrix: Floats
    left_out: Floats

    def standard_error(self, statistic: Callable[[Floats], Floats]) -> Floats:
        """Standard error of `statistic(matrix)` by the block jackknife over quarters, of its shape.

        ValueError for fewer than two quarters.
        """
        return jackknife(np.array([statistic(matrix) for matrix in self.left_out]))


def jackknife(left_out: Floats) -> Floats:
    """Standard error of an estimate, of estimates [blocks, …] each of which leaves one block out.

    √((n−1)/n · Σ (θ₋q − mean θ₋q)²), Künsch (1989), "The jackknife and the bootstrap for general stationary
    observations", Annals of Statistics 17. It takes blocks for independent, and is rough for fewer than
    eight; ValueError for fewer than two.
    """
    blocks = len(left_out)
    if blocks < 2:  # noqa: PLR2004 - a spread needs two
        raise ValueError("a standard error needs observations in two quarters at least")
    return np.asarray(np.sqrt((blocks - 1) * left_out.var(axis=0)))


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Rates as they stand in a file, one row each: 1 `base` was worth `rates` units of `quote` on `days`.

    Currencies are told by number among `codes`, which are sorted and stand in some row each.
    """

    codes: tuple[str, ...]
    days: Days
    base: NDArray[np.int64]
    quote: NDArray[np.int64]
    rates: Floats

    def as_csv(self) -> str:
        """The rows as a file that reads back equal: floats in the shortest form that does."""
        names = (
            [*map(self.codes.__getitem__, self.base.tolist())],
            [*map(self.codes.__getitem__, self.quote.tolist())],
        )
        rows = zip(self.days.tolist(), *names, self.rates.tolist(), strict=True)
        return "date,base,quote,rate\n" + "".join(
            f"{day},{base},{quote},{rate!r}\n" for day, base, quote, rate in rows
        )

    def of(self, kept: NDArray[np.bool_]) -> Quotes:
        """Some of the rows."""
        return replace(
            self, days=self.days[kept], base=self.base[kept], quote=self.quote[kept], rates=self.rates[kept]
        )


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What rates were observed to be, on the days on which they were, all against one another.

    `unit` is the currency in which the others are stated: the dollar, unless nothing was quoted against it. On
    `days[d]`, 1 unit of `reference[d, c]` was worth `values[d, c]` units of currency c; no reference (−1) says that
    c was not observed, and one other than the unit that it was observed against some others only. A currency's
    reference is above it in `rank`, where the unit is 0. `quotes` are the rows that tell all this.
    """

    name: str
    unit: str
    days: Days
    values: Floats
    reference: NDArray[np.int64]
    rank: NDArray[np.int64]
    quotes: Quotes
    _found: dict[str, Observations] = field(default_factory=dict, repr=False)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all currencies, sorted."""
        return self.quotes.codes

    @property
    def currencies(self) -> tuple[str, ...]:
        """The codes of all but the unit, sorted."""
        return tuple(code for code in self.codes if code != self.unit)

    @property
    def first(self) -> date:
        """The first day on which anything was observed."""
        return _as_date(self.days[0])

    @property
    def last(self) -> date:
        """The last one."""
        return _as_date(self.days[-1])

    def place(self, currency: str) -> int:
        """The column of a currency; ValueError if there is none."""
        if currency not in self.codes:
            raise ValueError(f"{self.name} has no {currency}; it has {', '.join(self.codes)}")
        return self.codes.index(currency)

    def observations(self, currency: str) -> Observations:
        """One currency against the unit; ValueError if history has none of it. There may be no day."""
        if currency not in self._found:
            place, unit = self.place(currency), self.place(self.unit)
            seen = self.reference[:, place] == unit
            self._found[currency] = _frozen(Observations(self.days[seen], self.values[seen, place]))
        return self._found[currency]

    def among(self, currencies: Iterable[str]) -> Quotes:
        """The rows that tell of some currencies, of the unit and of the one that stands in most rates."""
        kept = np.isin(self.codes, [*currencies]) | (self.rank <= 1)
        return self.quotes.of(kept[self.quotes.base] & kept[self.quotes.quote])

    def moving(self, first: date, last: date) -> tuple[str, ...]:
        """The currencies observed on two days of a window at least."""
        return tuple(
            code for code in self.currencies if len(self.observations(code).within(first, last).days) > 1
        )

    def observed_together(self, currencies: Iterable[str], first: date, last: date) -> tuple[Days, Floats]:
        """The days from `first` to `last` on which all currencies are observed against one another, and log rates.

        Those [days, currencies] are in the order of the currencies, against a reference that may be another one on
        another day: only their differences mean anything. The unit by itself is known every day.
        """
        places = [self.place(code) for code in currencies]
        inside = (self.days >= np.datetime64(first, "D")) & (self.days <= np.datetime64(last, "D"))
        reference, values = self.reference[inside][:, places], self.values[inside][:, places]
        together = np.all((reference >= 0) & (reference == reference[:, :1]), axis=1)
        return self.days[inside][together], np.log(values[together])

    def covariance(self, currencies: Sequence[str], first: date, last: date) -> Covariance:
        """`hayashi_yoshida` of the observations from `first` to `last`, both included.

        ValueError for a currency that history does not have, or with fewer than two observations in the window.
        """
        return hayashi_yoshida({code: self.observations(code).within(first, last) for code in currencies})

    def weekly_moves(self, currencies: Sequence[str], first: date, last: date) -> Weeks:
        """Changes between consecutive weeks, Monday to Sunday, with a day on which all `currencies` were observed.

        Where a week has no such day, there is no change into it nor out of it. From one end to the next are
        five to nine days, and seven nearly always. There may be no week.
        """
        days, levels = self.observed_together([self.unit, *currencies], first, last)
        ends = _week_ends(days)
        days, levels = days[ends], levels[ends, 1:]
        consecutive = np.diff(weeks_of(days)) == 1
        return Weeks(tuple(currencies), days[1:][consecutive], np.diff(levels, axis=0)[consecutive])

    def loose(self, currency: str) -> Iterator[tuple[str, Observations]]:
        """By reference, what a currency was on the days on which it was not observed against the unit."""
        place = self.place(currency)
        others = np.setdiff1d(self.reference[:, place], [-1, place, self.place(self.unit)])
        for other in others.tolist():
            seen = self.reference[:, place] == other
            yield self.codes[other], Observations(self.days[seen], self.values[seen, place])


def hayashi_yoshida(observed: Mapping[str, Observations]) -> Covariance:
    """Covariances of log rates that are observed at irregular days, not the same ones for each.

    The estimator of Hayashi and Yoshida (2005), "On covariance estimation of non-synchronously observed
    diffusion processes", Bernoulli 11(2): the sum of the products of all pairs of log changes whose
    intervals overlap, divided here by the time that both series cover. It needs no common grid and is
    unbiased where filling gaps would pull correlations towards zero. The sum need not be positive
    semidefinite; if it is not, negative eigenvalues of the correlation matrix are set to zero and its
    unit diagonal is restored, so that variances stay as estimated.

    ValueError for a series of fewer than two observations.
    """
    for code, series in observed.items():
        if len(series.days) < 2:  # noqa: PLR2004 - a change needs two
            raise ValueError(f"{code} is observed on {len(series.days)} days of the window; two are needed")
    quarters = np.unique(np.concatenate([quarters_of(series.days[1:]) for series in observed.values()]))
    shape = (len(quarters), len(observed), len(observed))
    products, years = np.zeros(shape), np.zeros(shape)
    for i, one in enumerate(observed.values()):
        block = np.searchsorted(quarters, quarters_of(one.days[1:]))
        for j, other in enumerate(observed.values()):
            product, shared = _overlaps(one, other)
            products[:, i, j] = np.bincount(block, product, len(quarters))
            years[:, i, j] = np.bincount(block, shared, len(quarters))
    products = (products + products.swapaxes(1, 2)) / 2
    years = (years + years.swapaxes(1, 2)) / 2
    whole, time = products.sum(axis=0), years.sum(axis=0)
    left_out = [_ratio(whole - products[q], time - years[q]) for q in range(len(quarters))]
    return Covariance(tuple(observed), _ratio(whole, time), np.array(left_out))


def volatility(matrix: Floats) -> Floats:
    """Annual standard deviations of the log rates, of a covariance matrix."""
    return np.asarray(np.sqrt(np.diagonal(matrix)))


def correlation(matrix: Floats) -> Floats:
    """Correlations of a covariance matrix; a rate that does not move is correlated with itself only."""
    scale = volatility(matrix)
    scale = np.where(scale > 0.0, scale, 1.0)
    result = np.asarray(matrix / np.outer(scale, scale))
    np.fill_diagonal(result, 1.0)
    return result


def moves_covariance(moves: Floats) -> Floats:
    """The covariances of moves [cases, currencies] about their means, of one currency, too."""
    return np.atleast_2d(np.cov(moves.T, bias=True))


def _overlaps(one: Observations, other: Observations) -> tuple[Floats, Floats]:
    """For each change of `one`: its product with the changes of `other` that overlap it, and shared years.

    Consecutive changes add up, so the overlapping ones are one change between two observations.
    """
    starts, ends = one.days[:-1], one.days[1:]
    low = np.searchsorted(other.days[1:], starts, side="right")
    high = np.searchsorted(other.days[:-1], ends, side="left")
    level = np.log(other.per_usd)
    product = np.diff(np.log(one.per_usd)) * (level[np.maximum(high, low)] - level[low])
    shared = np.minimum(ends, other.days[-1]) - np.maximum(starts, other.days[0])
    return product, np.maximum(shared.astype(np.float64), 0.0) / YEAR_DAYS


def _ratio(products: Floats, years: Floats) -> Floats:
    """Products per year, made positive semidefinite; series that never overlap are taken for unrelated."""
    matrix = np.divide(products, years, out=np.zeros_like(products), where=years > 0.0)
    scale = volatility(matrix)
    return nearest_correlation(correlation(matrix)) * np.outer(scale, scale)


def nearest_correlation(matrix: Floats) -> Floats:
    """The matrix itself if it is positive semidefinite; otherwise with negative eigenvalues at zero.

    The unit diagonal is restored afterwards, so the result is near, though not the nearest in any norm.
    """
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= 0.0:
        return matrix
    clipped = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return correlation(clipped)


def _week_ends(days: Days) -> NDArray[np.bool_]:
    """Which of some days, in order, is the last one of its week."""
    week = weeks_of(days)
    return np.append(week[1:] != week[:-1], np.True_)[: len(days)]


def _frozen(seen: Observations) -> Observations:
    for array in (seen.days, seen.per_usd):
        array.setflags(write=False)
    return seen


def quarters_of(days: Days) -> NDArray[np.int64]:
    """The number of the calendar quarter of each day."""
    return np.asarray(days.astype("datetime64[M]").astype(np.int64) // _QUARTER_MONTHS)


def _as_date(day: np.datetime64) -> date:
    return date.fromisoformat(str(day))


class Weeks(NamedTuple):
    """Weekly log changes of rates per USD: `moves` [weeks, currencies], the week that ends on `ends[k]`."""

    currencies: tuple[str, ...]
    ends: Days
    moves: Floats

    def __len__(self) -> int:
        """Number of weeks."""
        return len(self.moves)
