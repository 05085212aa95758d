"""What rates did is known on some days only, and on other days for other currencies."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.calendars import Days, weeks_of
from sim.core.clock import YEAR_DAYS
from sim.core.rates import Floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_QUARTER_MONTHS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The observed rates of one currency: `per_usd[k]` units per USD on `days[k]`, in order of days."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """Annual covariances of log rates per USD, estimated.

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


@cache
def load_history() -> Mapping[str, Observations]:
    """The shipped observations by currency code, the codes sorted; USD, the unit, has none.

    They come from the National Bank of Belarus, its exchange and Narodowy Bank Polski; the data folder
    holds a table of the sources.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    text = (files("sim") / "data" / "fx_history.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        found.setdefault(row["currency"], []).append((row["date"], row["per_usd"]))
    return MappingProxyType({code: _observations(found[code]) for code in sorted(found)})


def observations(currency: str) -> Observations:
    """The shipped observations of one currency; ValueError if there are none."""
    history = load_history()
    if currency not in history:
        raise ValueError(f"the shipped history of rates has no {currency}; it has {', '.join(history)}")
    return history[currency]


def observed_together(currencies: Iterable[str], first: date, last: date) -> tuple[Days, Floats]:
    """The days from `first` to `last` on which all currencies are observed, and the log of what each is per USD.

    Those [days, currencies] are in the order of the currencies; the dollar, being the unit, is known every day.
    """
    codes = list(currencies)
    seen = {code: observations(code).within(first, last) for code in codes if code != "USD"}
    common = sorted(set.intersection(*(set(one.days.tolist()) for one in seen.values()))) if seen else []
    days = np.array(common, dtype="datetime64[D]")
    levels = np.zeros((len(days), len(codes)))
    for column, code in enumerate(codes):
        if code != "USD":
            levels[:, column] = np.log(seen[code].per_usd[np.searchsorted(seen[code].days, days)])
    return days, levels


def covariance(currencies: Sequence[str], first: date, last: date) -> Covariance:
    """`hayashi_yoshida` of the shipped observations from `first` to `last`, both included.

    ValueError for a currency without history, or with fewer than two observations in the window.
    """
    return hayashi_yoshida({code: observations(code).within(first, last) for code in currencies})


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


def _observations(rows: list[tuple[str, str]]) -> Observations:
    days = np.array([day for day, _ in rows], dtype="datetime64[D]")
    per_usd = np.array([value for _, value in rows], dtype=np.float64)
    for array in (days, per_usd):
        array.setflags(write=False)
    return Observations(days, per_usd)


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


@cache
def weekly_moves(currencies: tuple[str, ...], first: date, last: date) -> Weeks:
    """Changes between consecutive weeks, Monday to Sunday, with a day on which all `currencies` were observed.

    Where a week has no such day, there is no change into it nor out of it. From one end to the next are
    five to nine days, and seven nearly always. There may be no week.
    """
    seen = [observations(code).within(first, last) for code in currencies]
    common = seen[0].days
    for series in seen[1:]:
        common = np.intersect1d(common, series.days)
    week = weeks_of(common)
    ends = common[np.append(week[1:] != week[:-1], True)] if len(common) else common
    levels = np.column_stack([np.log(series.per_usd[np.searchsorted(series.days, ends)]) for series in seen])
    consecutive = np.diff(weeks_of(ends)) == 1
    weeks = Weeks(currencies, ends[1:][consecutive], np.diff(levels, axis=0)[consecutive])
    for array in (weeks.ends, weeks.moves):
        array.setflags(write=False)
    return weeks
