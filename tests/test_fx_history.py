"""The shipped rates are observations with sources, and covariances come from them without a common grid."""

from __future__ import annotations

import csv
from datetime import date
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from rates import column, observed, paths

from sim.core.dislocations import dislocations
from sim.core.history import Observations, correlation, hayashi_yoshida, nearest_correlation, volatility
from sim.world.own_rates import load_history, load_world

DAILY = np.array([[0.010, 0.004, 0.006], [0.004, 0.040, -0.010], [0.006, -0.010, 0.020]])


def shipped(name: str) -> list[dict[str, str]]:
    text = (files("sim") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def table(name: str = "fx_history.csv") -> pd.DataFrame:
    """A shipped table as anybody reads it."""
    found = pd.DataFrame(shipped(name))
    return found.assign(date=pd.to_datetime(found["date"]), rate=found["rate"].astype(float))


def in_minsk() -> pd.DataFrame:
    """BYN per unit of each currency, by the date on which the rate was valid."""
    rows = table()
    return rows[rows["quote"] == "BYN"].pivot_table(index="date", columns="base", values="rate")


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


def test_each_rate_has_a_known_source_and_each_source_gave_one() -> None:
    rows, sources = shipped("fx_history.csv") + shipped("fx_world.csv"), shipped("fx_sources.csv")
    assert {row["source"] for row in rows} == {source["source"] for source in sources}
    for source in sources:
        days = sorted(row["date"] for row in rows if row["source"] == source["source"])
        assert (source["first"], source["last"]) == (days[0], days[-1])
        assert source["description"]
        assert source["licence"]


def test_rates_are_in_order_and_positive_and_one_currency_has_one_series() -> None:
    assert load_history().currencies == ("AED", "BYN", "CNY", "EUR", "HKD", "INR", "KZT", "RUB", "VND")
    assert load_history().unit == "USD"
    for code in load_history().currencies:
        series = load_history().observations(code)
        assert np.all(np.diff(series.days).astype(int) > 0)
        assert np.all(series.per_usd > 0)
    rows = table()
    assert not rows.duplicated(["date", "base", "quote"]).any()
    own = rows[(rows["date"] >= "2016-07-01") & (rows["quote"] != "BYN")]
    assert {*own["quote"]} == {"AED", "HKD", "INR", "KZT", "VND"}
    assert {*own["base"]} == {"USD"}


@pytest.mark.parametrize(
    ("valid_on", "usd", "rub", "cny"),
    [
        (date(2024, 12, 31), 3.4735, 3.3488, 4.8500),
        (date(2025, 9, 15), 3.0818, 3.6268, 4.3025),
        (date(2023, 3, 27), 2.8426, 3.7311, 4.1458),
    ],
)
def test_a_run_has_the_official_rates_of_the_day_on_which_they_are_valid(
    valid_on: date, usd: float, rub: float, cny: float
) -> None:
    run = paths({"kind": "history"}, days=(valid_on, valid_on))
    byn, at = run.index("BYN"), run.day_starts[0]
    for code, unit, published in (("USD", 1, usd), ("RUB", 100, rub), ("CNY", 10, cny)):
        assert unit * float(run.mid(run.index(code), byn, at)) == pytest.approx(published, rel=1e-15)


def test_no_weekday_is_missing_since_february_2022() -> None:
    days = {*in_minsk().dropna().index}
    assert {*pd.bdate_range("2022-02-26", "2026-09-04")} <= days
    assert pd.Timestamp("2022-02-26") in days


def test_history_meets_every_observation_to_the_last_digit() -> None:
    # The longest break, over the new year of 2020, is longer than rates are held.
    for days in [
        (date(2016, 7, 1), date(2018, 12, 28)),
        (date(2019, 1, 4), date(2019, 12, 27)),
        (date(2020, 1, 8), date(2026, 9, 4)),
    ]:
        run = paths({"kind": "history"}, ("BYN", "CNY", "EUR", "HKD", "INR", "RUB"), days)
        place = {day: k for k, day in enumerate(pd.date_range(*days))}
        rows = table()
        rows = rows[rows["date"].between(*map(pd.Timestamp, days)) & rows["quote"].isin([*run.currencies])]
        at = rows["date"].map(place).to_numpy()
        base, quote = (np.array([run.index(code) for code in rows[side]]) for side in ("base", "quote"))
        found = run.per_usd[at, quote] / run.per_usd[at, base]
        assert len(rows) > 1_000
        assert np.abs(found / rows["rate"].to_numpy() - 1).max() < 5e-16
        per_dollar = (rows["base"] == "USD").to_numpy()
        assert np.array_equal(found[per_dollar], rows["rate"].to_numpy()[per_dollar])


@pytest.mark.parametrize(
    ("first", "last", "listed"),
    [
        (date(2022, 3, 15), date(2022, 12, 31), (15.1, 18.0, 23.2, 16.1)),
        (date(2023, 1, 1), date(2023, 12, 31), (9.2, 10.4, 6.3, 9.4)),
        (date(2024, 1, 1), date(2024, 12, 31), (7.6, 9.1, 7.4, 8.9)),
        (date(2025, 1, 1), date(2025, 12, 31), (8.1, 10.3, 5.2, 8.6)),
        (date(2026, 1, 1), date(2026, 9, 4), (8.1, 9.3, 5.0, 9.3)),
    ],
)
def test_volatilities_and_correlations_by_year_are_those_that_an_outsider_computes(
    first: date, last: date, listed: tuple[float, ...]
) -> None:
    """Price of each currency in BYN, of logs per dollar; the list counts 250 nonzero changes a year."""
    codes, prices = (
        ("BYN", "CNY", "EUR", "RUB"),
        np.array([[1, 0, 0, 0], [1, 0, -1, 0], [1, 0, 0, -1], [1, -1, 0, 0]]),
    )
    matrix = load_history().covariance(codes, first, last).matrix
    found = prices @ matrix @ prices.T
    assert 100 * volatility(found) == pytest.approx(listed, rel=0.025)
    logs = np.log(in_minsk()[["USD", "EUR", "RUB", "CNY"]]).loc[str(first) : str(last)].dropna()
    moves = logs.diff().dropna().to_numpy()
    years = (logs.index[-1] - logs.index[0]).days / 365.25
    assert volatility(found) == pytest.approx(np.sqrt((moves**2).sum(axis=0) / years), rel=1e-9)
    products = moves.T @ moves
    expected = products / np.sqrt(np.outer(products.diagonal(), products.diagonal()))
    assert correlation(found) == pytest.approx(expected, abs=1e-9)


def test_a_week_of_repeated_values_makes_no_volatility_and_weekends_no_difference() -> None:
    """Daily moves of 1 % on weekdays only, seen on weekdays or, with the value before, on all days."""
    days = np.arange(np.datetime64("2010-01-01"), np.datetime64("2020-01-01"))
    steps = 0.01 * np.random.default_rng(0).choice([-1.0, 1.0], len(days)) * np.is_busday(days)
    rates = np.exp(np.cumsum(steps))
    every, weekdays = (
        Observations(days[mine], rates[mine])
        for mine in (np.full(len(days), fill_value=True), np.is_busday(days))
    )
    for seen in (every, weekdays):
        annual = volatility(hayashi_yoshida({"A": seen}).matrix)[0]
        assert annual == pytest.approx(0.01 * np.sqrt(365.25 * 5 / 7), rel=1e-3)


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
    shipped = load_history()
    with pytest.raises(ValueError, match="no JPY; it has AED, BYN, CNY"):
        shipped.observations("JPY")
    with pytest.raises(ValueError, match="BYN is observed on 0 days"):
        shipped.covariance(["BYN", "CNY"], date(2026, 10, 1), date(2026, 10, 30))
    short = shipped.covariance(["CNY"], date(2024, 1, 1), date(2024, 2, 29))
    with pytest.raises(ValueError, match="two quarters"):
        short.standard_error(volatility)


def test_days_on_which_minsk_stood_off_the_world_are_found_in_the_data() -> None:
    minsk, world = load_history().observations("CNY"), load_world().observations("CNY")
    found = dislocations(minsk.within(date(2024, 1, 1), date(2025, 3, 10)), world)
    shares = dict(zip(found.days.tolist(), (100 * found.shares).round(1).tolist(), strict=True))
    assert shares[date(2024, 6, 19)] == 3.0
    assert shares[date(2024, 12, 31)] == -1.9
    assert [shares[date(2025, 3, day)] for day in (5, 6, 7)] == [2.3, 2.2, 2.3]
    assert not {date(2025, 1, 1), date(2025, 1, 2)} & shares.keys()  # holidays, which repeat the value before
    assert len(shares) < 20


# Currencies that are observed against one another


def test_a_rate_against_another_currency_is_met_on_days_without_the_dollar() -> None:
    first = date(2024, 1, 8)
    rows = [(first, "USD", "CNY", 7.0), (date(2024, 1, 12), "USD", "CNY", 7.2)]
    rows += [(date(2024, 1, 8 + k), "CNY", "KZT", 60.0 + k) for k in range(5)]
    run = paths({"kind": "history"}, ["CNY", "KZT"], (first, date(2024, 1, 12)), history=observed(rows))
    assert column(run, "CNY").tolist() == [7.0, 7.0, 7.0, 7.0, 7.2]
    cross = run.mid(run.index("CNY"), run.index("KZT"), run.day_starts)
    assert cross == pytest.approx([60, 61, 62, 63, 64], rel=1e-15)


def test_moves_against_each_other_are_seen_without_the_dollar() -> None:
    rows = [(date(2024, 1, 1 + k), "CNY", "KZT", 60.0 * 1.01**k) for k in range(10)]
    rows.append((date(2024, 1, 5), "USD", "CNY", 7.0))
    seen = observed(rows)
    assert seen.unit == "USD"
    days, levels = seen.observed_together(["KZT", "CNY"], date(2024, 1, 1), date(2024, 1, 31))
    assert len(days) == 10
    assert np.diff(levels[:, 0] - levels[:, 1]) == pytest.approx(np.full(9, np.log(1.01)))
    assert len(seen.observations("KZT").days) == 1


def test_without_a_dollar_the_currency_of_most_rates_is_the_unit() -> None:
    day = date(2024, 1, 8)
    seen = observed([(day, "CNY", "KZT", 60.0), (day, "RUB", "KZT", 5.0), (day, "KZT", "UZS", 27.0)])
    assert seen.unit == "KZT"
    run = paths({"kind": "history"}, ["CNY", "RUB", "UZS"], (day, day), history=seen)
    assert run.currencies == ("CNY", "KZT", "RUB", "UZS")
    assert run.mid(run.index("CNY"), run.index("UZS"), run.day_starts[0]) == pytest.approx(1_620)
