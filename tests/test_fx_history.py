"""The shipped rates are observations with sources, and covariances come from them without a common grid."""

from __future__ import annotations

import csv
from datetime import date
from importlib.resources import files

import numpy as np
import pytest

from sim.core.history import (
    Observations,
    correlation,
    covariance,
    hayashi_yoshida,
    load_history,
    nearest_correlation,
    observations,
    volatility,
)

DAILY = np.array([[0.010, 0.004, 0.006], [0.004, 0.040, -0.010], [0.006, -0.010, 0.020]])


def shipped(name: str) -> list[dict[str, str]]:
    text = (files("sim") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def rate_on(currency: str, day: date) -> float:
    seen = observations(currency).within(day, day)
    return float(seen.per_usd[0])


def asynchronous(seed: int, years: int = 12) -> dict[str, Observations]:
    """Three correlated walks with the covariance DAILY a year: on weekdays, weekly, and on random days."""
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64("2010-01-01"), np.datetime64("2010-01-01") + int(years * 365.25))
    steps = rng.standard_normal((len(days), 3)) @ np.linalg.cholesky(DAILY).T / np.sqrt(365.25)
    rates = np.exp(np.cumsum(steps, axis=0))
    seen = [np.is_busday(days), np.arange(len(days)) % 7 == 0, rng.random(len(days)) < 0.08]
    return {
        code: Observations(days[mine], rates[mine, k])
        for k, (code, mine) in enumerate(zip("ABC", seen, strict=True))
    }


def test_each_observation_has_a_known_source_and_each_source_gave_one() -> None:
    rows, sources = shipped("fx_history.csv"), shipped("fx_sources.csv")
    assert {row["source"] for row in rows} == {source["source"] for source in sources}
    for source in sources:
        days = sorted(row["date"] for row in rows if row["source"] == source["source"])
        assert (source["first"], source["last"]) == (days[0], days[-1])
        assert source["url"].startswith("https://")
        assert source["licence"]


def test_observations_are_in_order_positive_and_never_repeated_as_a_frozen_series_would() -> None:
    assert list(load_history()) == ["BYN", "CNY", "EUR", "HKD", "RUB"]
    for series in load_history().values():
        assert np.all(np.diff(series.days).astype(int) > 0)
        assert np.all(series.per_usd > 0)
        repeats = np.diff(series.per_usd) == 0
        assert not np.any(repeats[2:] & repeats[1:-1] & repeats[:-2])


@pytest.mark.parametrize(
    ("currency", "first", "last", "least"),
    [
        ("BYN", date(2016, 7, 6), date(2026, 2, 1), 350),
        ("CNY", date(2016, 7, 1), date(2026, 6, 30), 2500),
        ("EUR", date(2016, 7, 1), date(2026, 6, 30), 2500),
        ("HKD", date(2016, 7, 1), date(2026, 6, 30), 2500),
        ("RUB", date(2016, 7, 1), date(2026, 6, 30), 1600),
    ],
)
def test_history_reaches_from_the_redenomination_into_2026(
    currency: str, first: date, last: date, least: int
) -> None:
    series = observations(currency)
    assert series.first <= first
    assert series.last >= last
    assert len(series.days) >= least


@pytest.mark.parametrize(
    ("valid_on", "market_day", "published"),
    [
        ("31 December 2024", date(2024, 12, 30), 3.4736),
        ("15 September 2025", date(2025, 9, 12), 3.0818),
        ("Sunday 31 March 2024", date(2024, 3, 28), 3.2498),
        ("24 May 2024", date(2024, 5, 23), 3.2050),
    ],
)
def test_an_official_rate_is_the_market_of_the_working_day_before_it_came_into_force(
    valid_on: str, market_day: date, published: float
) -> None:
    assert rate_on("BYN", market_day) == published, valid_on


def test_the_dollar_in_roubles_agrees_with_the_one_that_the_belarusian_market_implies() -> None:
    # BCSE, 20 March and 23 October 2024: BYN 3.2441 and 3.2979 per USD, 3.5018 and 3.4250 per 100 RUB.
    for day, usd, rub in [(date(2024, 3, 20), 3.2441, 3.5018), (date(2024, 10, 23), 3.2979, 3.4250)]:
        assert rate_on("RUB", day) == pytest.approx(100 * usd / rub, rel=0.01)


def test_volatilities_of_2017_to_2021_are_those_measured_from_other_archives() -> None:
    estimate = covariance(("BYN", "CNY", "RUB"), date(2017, 1, 1), date(2021, 12, 31))
    # Logarithms of BYN, CNY and RUB per dollar, added up to those of the pairs.
    measured = {"USDBYN": 9.4, "USDCNY": 3.9, "CNYBYN": 9.3, "RUBBYN": 9.3, "CNYRUB": 11.9}
    pairs = np.array([[1, 0, 0], [0, 1, 0], [1, -1, 0], [1, 0, -1], [0, -1, 1]])
    found = volatility(pairs @ estimate.matrix @ pairs.T)
    for (pair, elsewhere), here in zip(measured.items(), found, strict=True):
        # Weekly rates of the National Bank of Ukraine; the two clocks differ, hence a tenth and no less.
        assert 100 * here == pytest.approx(elsewhere, rel=0.1), pair


def test_asynchronous_observations_give_back_the_covariance_that_made_them() -> None:
    estimates = [hayashi_yoshida(asynchronous(seed)).matrix for seed in range(40)]
    error = np.std(estimates, axis=0, ddof=1) / np.sqrt(len(estimates))
    assert np.all(np.abs(np.mean(estimates, axis=0) - DAILY) < 4 * error)
    assert np.all(error < 0.05 * np.sqrt(np.outer(np.diag(DAILY), np.diag(DAILY))))


def test_the_jackknife_knows_how_far_estimates_scatter() -> None:
    estimates = [hayashi_yoshida(asynchronous(seed)) for seed in range(60)]
    scatter = np.std([volatility(e.matrix) for e in estimates], axis=0, ddof=1)
    stated = np.mean([e.standard_error(volatility) for e in estimates], axis=0)
    # Sixty runs tell a standard deviation to a tenth; four of those tenths.
    assert stated == pytest.approx(scatter, rel=0.4)


def test_estimates_stay_possible_where_few_observations_contradict_each_other() -> None:
    seen = {"A": (0, 1, 2, 3), "B": (0, 3, 4), "C": (1, 2, 4)}
    rates = {"A": (1.0, 1.3, 0.9, 1.2), "B": (1.0, 1.4, 1.1), "C": (1.0, 0.6, 1.4)}
    observed = {
        code: Observations(np.datetime64("2024-01-01") + np.array(days), np.array(rates[code]))
        for code, days in seen.items()
    }
    matrix = hayashi_yoshida(observed).matrix
    assert np.linalg.eigvalsh(matrix)[0] > -1e-9 * matrix.max()
    own = [
        np.sum(np.diff(np.log(s.per_usd)) ** 2) / ((s.last - s.first).days / 365.25)
        for s in observed.values()
    ]
    assert np.diag(matrix) == pytest.approx(own)
    assert np.all(np.abs(correlation(matrix)) <= 1 + 1e-12)


def test_an_impossible_correlation_matrix_becomes_possible_and_a_possible_one_stays() -> None:
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    mended = nearest_correlation(impossible)
    assert np.linalg.eigvalsh(mended)[0] > -1e-12
    assert np.diag(mended) == pytest.approx(np.ones(3))
    possible = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert np.array_equal(nearest_correlation(possible), possible)


def test_a_rate_that_does_not_move_is_correlated_with_nothing() -> None:
    moving = asynchronous(1)["A"]
    pegged = Observations(moving.days, np.full(len(moving.days), 7.8))
    matrix = hayashi_yoshida({"A": moving, "P": pegged}).matrix
    assert volatility(matrix)[1] == 0.0
    assert correlation(matrix)[0, 1] == 0.0


def test_what_history_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="no JPY; it has BYN, CNY, EUR, HKD, RUB"):
        observations("JPY")
    with pytest.raises(ValueError, match="BYN is observed on 0 days"):
        covariance(["BYN", "CNY"], date(2026, 6, 1), date(2026, 6, 30))
    short = covariance(["CNY"], date(2024, 1, 1), date(2024, 2, 29))
    with pytest.raises(ValueError, match="two quarters"):
        short.standard_error(volatility)
