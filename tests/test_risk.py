"""Risk functions agree with published cases, and with theory where nobody published one."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from rates import observed
from scipy import integrate, stats

from sim.errors import ScenarioError
from sim.results.derived.hedges import forward_rate
from sim.results.derived.losses import moves
from sim.results.execute import execute
from sim.results.risk import (
    capital_charge,
    flow_at_risk,
    hedge_effectiveness,
    historical_losses,
    lognormal_losses,
    normal_losses,
    overall_position,
    part_payment,
)
from sim.results.views import cash_flow_at_risk, cash_flows
from sim.scenario.load import load, to_yaml
from sim.world.build import prepare
from sim.world.own_rates import load_history

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

YEARS = 10 / 252


def test_overall_position_and_charge_of_the_rulebook() -> None:
    """The example of the ADGM rulebook for the shorthand method."""
    overall = overall_position([50, 100, 150, -20, -180], gold=-35)
    assert overall == 335
    assert capital_charge(overall) == pytest.approx(26.8)


def test_overall_position_takes_the_larger_side() -> None:
    assert overall_position([10, -30, -5]) == 35
    assert overall_position([]) == 0


def test_a_part_payment_realises_its_part_of_the_result() -> None:
    """A receivable of 1,000 booked at 1.5, of which 500 are received at 1.0."""
    result = part_payment(1_000, 1.5, [(500, 1.0)], now=1.0)
    assert result == (-250, -250, -500)
    assert part_payment(1_000, 1.5, [(500, 1.0)], now=1.0, receivable=False) == (250, 250, 500)


def test_lognormal_losses_of_a_long_position() -> None:
    losses = lognormal_losses(1_000_000, 0.10, YEARS, 0.99)
    assert losses.value_at_risk == pytest.approx(45_473.98, abs=0.005)
    assert losses.expected_shortfall == pytest.approx(51_877.53, abs=0.005)


@settings(max_examples=examples(40))
@given(
    st.sampled_from([1e6, -1e6]),
    st.floats(0.01, 0.6),
    st.floats(0.003, 1.0),
    st.sampled_from([0.9, 0.95, 0.99, 0.999]),
)
def test_lognormal_losses_are_quantile_and_tail_mean_of_the_rate(
    value: float, volatility: float, years: float, level: float
) -> None:
    """By integrating over the normal draw; a short position loses when the rate rises."""
    v = volatility * np.sqrt(years)

    def loss(z: float) -> float:
        # The draw is turned so that the loss grows with it.
        return value * (1 - np.exp(-(v**2) / 2 - np.sign(value) * v * z))

    worst = stats.norm.ppf(level)
    tail, _ = integrate.quad(lambda z: loss(z) * stats.norm.pdf(z), worst, worst + 40, limit=200)
    found = lognormal_losses(value, volatility, years, level)
    assert found.value_at_risk == pytest.approx(loss(worst), rel=1e-9)
    assert found.expected_shortfall == pytest.approx(tail / (1 - level), rel=1e-5)


def test_what_does_not_move_cannot_be_lost() -> None:
    losses = lognormal_losses([1e6, -1e6, 0.0], [0.0, 0.0, 0.2], 1.0, 0.99)
    assert losses.value_at_risk.tolist() == [0, 0, 0]
    assert losses.expected_shortfall.tolist() == [0, 0, 0]


def test_two_positions_that_cancel_are_no_risk_and_two_alike_are_twice() -> None:
    matrix = [[0.04, 0.04], [0.04, 0.04]]
    assert normal_losses([100.0, -100.0], matrix, 1.0, 0.99).value_at_risk == 0
    alone = normal_losses([100.0, 0.0], matrix, 1.0, 0.99)
    assert alone.value_at_risk == pytest.approx(100 * 0.2 * stats.norm.ppf(0.99))
    tail = stats.norm.pdf(stats.norm.ppf(0.99)) / 0.01
    assert alone.expected_shortfall == pytest.approx(100 * 0.2 * tail)
    assert normal_losses([100.0, 100.0], matrix, 1.0, 0.99).value_at_risk == pytest.approx(
        2 * alone.value_at_risk
    )


def test_historical_losses_of_known_cases() -> None:
    profits = np.arange(-50, 51)  # 101 cases, 5 % of them at −45 or below
    losses = historical_losses(profits, 0.95)
    assert losses.value_at_risk == pytest.approx(45)
    assert losses.expected_shortfall == pytest.approx(47.5)
    many = historical_losses(np.stack([profits, 2 * profits]), 0.95)
    assert many.value_at_risk.tolist() == pytest.approx([45, 90])


def test_historical_and_lognormal_losses_agree_where_history_is_lognormal() -> None:
    v = 0.1 * np.sqrt(YEARS)
    draws = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    found = historical_losses(1e6 * np.expm1(v * draws - v**2 / 2), 0.99)
    assert found.value_at_risk == pytest.approx(45_474, rel=2e-3)
    assert found.expected_shortfall == pytest.approx(51_878, rel=2e-3)


def test_forward_rate_by_parity() -> None:
    # A rouble deposit must not earn more than yuan swapped back: 90 days at 9.5 % against 3.45 %.
    years = 90 / 365
    assert forward_rate(0.45, 0.095, 0.0345, years) == pytest.approx(
        0.45 * (1 + 0.095 * years) / (1 + 0.0345 * years)
    )
    assert forward_rate(0.45, 0.05, 0.05, 2.0) == pytest.approx(0.45)
    assert forward_rate(0.45, 0.095, 0.0345, 0.0) == 0.45


def test_effectiveness_is_the_part_that_the_hedge_made_good() -> None:
    assert hedge_effectiveness(-80, 100) == pytest.approx(0.8)
    assert hedge_effectiveness(5, 0) is None


def test_moves_of_a_price_in_another_currency() -> None:
    """A price in yuan moves by the yuan and against the currency; the dollar has no history of its own."""
    # From the first of these days on, the National Bank published all of its rates every working day.
    first, last = date(2022, 2, 26), date(2026, 9, 4)
    found = moves(load_history(), ["USD", "EUR"], "CNY", first, last)
    assert found.covariance is not None
    # Both are observed on every day of either, where the estimator of Hayashi and Yoshida is the plain one.
    matrix = load_history().covariance(["CNY", "EUR"], first, last).matrix
    cny, eur = matrix[0, 0], matrix[1, 1]
    assert found.volatility == pytest.approx(np.sqrt([cny, cny + eur - 2 * matrix[0, 1]]))
    assert found.covariance[0, 0] == pytest.approx(cny)
    assert found.covariance[1, 1] == pytest.approx(cny + eur - 2 * matrix[0, 1])
    assert found.covariance[0, 1] == pytest.approx(cny - matrix[0, 1])
    assert_change(found.changes, found.days, first)


def test_volatilities_are_those_of_each_pair_and_correlations_possible_together() -> None:
    codes, home = ("CNY", "EUR", "RUB", "USD"), "BYN"
    found = moves(load_history(), codes, home, date.min, date.max)
    # What each cost in BYN, from the rows of the shipped table.
    with (files("sim") / "data" / "fx_history.csv").open() as file:
        rows = pd.read_csv(file, parse_dates=["date"])
    logs = np.log(rows[rows["quote"] == home].pivot_table(index="date", columns="base", values="rate"))
    for code, volatility in zip(codes, found.volatility, strict=True):
        price = logs[code].dropna()
        years = (price.index[-1] - price.index[0]).days / 365.25
        assert volatility == pytest.approx(np.sqrt((price.diff() ** 2).sum() / years))
    assert found.covariance is not None
    assert np.sqrt(np.diagonal(found.covariance)) == pytest.approx(found.volatility)
    assert np.linalg.eigvalsh(found.covariance).min() > 0
    prices = logs[[*codes]].dropna()
    moved = prices.diff().dropna().to_numpy()
    expected = moved.T @ moved / np.sqrt(np.outer((moved**2).sum(axis=0), (moved**2).sum(axis=0)))
    assert found.covariance / np.outer(found.volatility, found.volatility) == pytest.approx(expected)


def test_few_days_with_all_rates_tell_of_each_currency_and_not_of_all_together() -> None:
    rows = [(date(2024, 1, 1 + day), "USD", "BYN", 3 + day / 50) for day in range(20)]
    rows += [(date(2024, 1, 1 + day), "USD", "CNY", 7 + day / 70) for day in range(0, 20, 2)]
    rows += [(date(2024, 1, 1 + day), "USD", "RUB", 90 + day / 8) for day in (1, 2, 5, 7)]
    found = moves(observed(rows), ("CNY", "RUB", "USD"), "BYN", date(2023, 1, 1), date(2024, 12, 31))
    assert found.covariance is None
    assert (found.volatility > 0).all()


def assert_change(changes: np.ndarray, days: np.ndarray, first: date) -> None:
    rates = pd.DataFrame(
        {
            code: pd.Series(seen.per_usd, pd.DatetimeIndex(seen.days))
            for code in ("CNY", "EUR")
            for seen in [load_history().observations(code)]
        }
    ).dropna()[str(first) :]
    told = np.log(rates["CNY"]).diff().iloc[1]
    assert pd.Timestamp(first) == rates.index[0]
    assert changes[0, 0] == pytest.approx(told)
    assert changes[0, 1] == pytest.approx(told - np.log(rates["EUR"]).diff().iloc[1])
    assert days[0] == (rates.index[1] - rates.index[0]).days


# Over a whole run.


@pytest.fixture(scope="module")
def replications() -> list[Results]:
    """The same two weeks under three seeds."""
    short = ("period.end=2024-01-15", "run_in=5d", "horizon=10d")
    return [execute(load("baseline", (*short, f"seed={seed}"))) for seed in (1, 2, 3)]


def test_losses_of_a_side_come_from_its_position(replications: list[Results]) -> None:
    run = replications[0]
    losses, exposure = run["losses"], run.exposure
    assert set(losses["method"]) == {"parametric", "historical"}
    one = losses[(losses["side"] == "china") & (losses["currency"] == "USD") & (losses["horizon_days"] == 10)]
    one = one[(one["method"] == "parametric") & (one["level"] == 0.99)]
    usd = exposure[(exposure["side"] == "china") & (exposure["currency"] == "USD")]
    # The dollar's price in yuan moves as the yuan does.
    volatility = float(np.sqrt(load_history().covariance(["CNY"], *_all_days()).matrix[0, 0]))
    expected = lognormal_losses(usd["net_open_position"], volatility, 10 / 365.25, 0.99)
    assert one["value_at_risk"].to_numpy() == pytest.approx(expected.value_at_risk, rel=1e-3)
    # Rounded as a position in yuan, as a loss in yuan, and as its value in dollars.
    position = run.run.value(usd["net_open_position"], usd["currency"], usd["at"], "CNY")
    own = moves(load_history(), ["USD"], "CNY", date.min, date.max).volatility[0]
    loss = np.rint(lognormal_losses(position.to_numpy(), own, 10 / 365.25, 0.99).value_at_risk)
    yuan = pd.Series("CNY", index=usd.index)
    dollars = run.run.value(pd.Series(loss, index=usd.index), yuan, usd["at"], "USD")
    assert one["value_at_risk"].tolist() == dollars.tolist()
    assert (losses["expected_shortfall"] >= losses["value_at_risk"]).all()
    together = losses[losses["currency"].isna()]
    largest = losses.dropna(subset="currency").groupby(
        ["at", "side", "method", "horizon_days", "level"], observed=True
    )
    alone = largest["value_at_risk"].sum().reset_index()
    both = together.merge(
        alone, on=["at", "side", "method", "horizon_days", "level"], suffixes=("", "_alone")
    )
    # Positions together lose no more than each alone would, but for the difference of normal and lognormal.
    assert (both["value_at_risk"] <= 1.15 * both["value_at_risk_alone"]).all()


def _all_days() -> tuple[date, date]:
    days = load_history().observations("CNY").days.tolist()
    return min(days), max(days)


def test_longer_horizons_and_surer_levels_lose_more(replications: list[Results]) -> None:
    found = replications[0].measures["value_at_risk"].value
    for methods in found.values():
        for cases in methods.values():
            assert cases["1 d, 95 %"]["mean"] < cases["1 d, 99 %"]["mean"]
            assert cases["1 d, 99 %"]["mean"] < cases["10 d, 99 %"]["mean"]
            assert cases["10 d, 99 %"]["mean"] <= cases["10 d, 99 %"]["peak"]


def test_cash_flow_at_risk_over_replications(replications: list[Results]) -> None:
    found = cash_flow_at_risk(replications, level=0.9)
    assert found["side"].tolist() == ["belarus", "china"]
    for row, (_, told) in enumerate(found.iterrows()):
        flows = [int(cash_flows(run)["cash_flow"].iloc[row]) for run in replications]
        assert told["expected"] == pytest.approx(np.mean(flows))
        assert told["cash_flow_at_risk"] == pytest.approx(np.mean(flows) - np.quantile(flows, 0.1))
        assert told["cash_flow_at_risk"] == pytest.approx(flow_at_risk(flows, 0.9))
        assert told["low"] == pytest.approx(told["expected"] - told["cash_flow_at_risk"])
    with pytest.raises(ValueError, match="at least two runs"):
        cash_flow_at_risk(replications[:1])


def test_cash_flows_are_what_was_paid_and_received_in_the_month(replications: list[Results]) -> None:
    run = replications[0]
    inside = run.conversions[
        (run.conversions["converted_at"] >= pd.Timestamp("2024-01-01", tz="Europe/Minsk"))
        & (run.conversions["converted_at"] < pd.Timestamp("2024-02-01", tz="Europe/Minsk"))
    ]
    sign = np.where(inside["bearer"] == "payee", 1, -1)
    flows = (sign * inside["realised_value"]).groupby(inside["side"], observed=True).sum()
    assert cash_flows(run).set_index("side")["cash_flow"].to_dict() == flows.to_dict()


NONSENSE = """
name: nonsense
extends: baseline
interest_rates:
  BYN: 9.5
  CNZ: 0.03
risk:
  horizons_days: [0]
  levels: [0.95, 1]
firms:
  importers:
    hedge: {ratio: 1.5, spread_bps: -1, roll_days: 0}
"""


def refused(folder: Path, text: str) -> list[str]:
    path = folder / "n.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        prepare(load(path))
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_nonsense_is_told_at_its_line(tmp_path: Path) -> None:
    assert refused(tmp_path, NONSENSE) == [
        "5:8: interest_rates.BYN.rate: must be at most 5, not 9.5",
        "6:3: interest_rates.CNZ: 'CNZ' is not an ISO 4217 currency code; did you mean 'NZD'?",
        "8:19: risk.horizons_days.0: must be at least 1, not 0",
        "9:18: risk.levels.1: must be less than 1, not 1",
        "12:20: firms.importers.hedge.ratio: must be at most 1, not 1.5",
        "12:37: firms.importers.hedge.spread_bps: must be at least 0, not -1",
        "12:52: firms.importers.hedge.roll_days: must be at least 1, not 0",
    ]


def test_a_level_stated_twice_is_refused(tmp_path: Path) -> None:
    text = "name: n\nextends: baseline\nrisk: {levels: [0.9, 0.90]}\n"
    assert refused(tmp_path, text) == ["3:8: risk.levels: a number stands here twice"]


def test_a_hedge_needs_the_interest_of_both_currencies(tmp_path: Path) -> None:
    text = """
name: n
extends: baseline
interest_rates: {BYN: 0.1, CNY: 0.03, USD: 0.05, EUR: 0.04}
firms: {importers: {hedge: {ratio: 1, spread_bps: 20}}}
"""
    assert refused(tmp_path, text) == [
        "5:21: firms.importers.hedge: forwards are priced from the interest of RUB; add it to 'interest_rates'"
    ]


def test_a_window_without_rates_is_refused(tmp_path: Path) -> None:
    text = "name: n\nextends: baseline\nrisk: {window: {first: 2015-01-01, last: 2016-06-30}}\n"
    told = refused(tmp_path, text)
    assert any("BYN is observed on 0 days of the window; two are needed" in line for line in told)


def test_a_window_without_common_days_is_refused(tmp_path: Path) -> None:
    run = [date(2023, 6, 1) + timedelta(days) for days in range(800)]
    window = [date(2020, 1, 1) + timedelta(days) for days in range(20)]
    codes = {"BYN": 3.2, "CNY": 7.1, "EUR": 0.9, "RUB": 90}
    lines = [f"{day},{code},{rate}" for code, rate in codes.items() for day in run]
    lines += [f"{day},{code},{codes[code]}" for code in ("CNY", "EUR") for day in window]
    lines += [f"{day},BYN,3" for day in window[::2]] + [f"{day},RUB,80" for day in window[1::2]]
    (tmp_path / "rates.csv").write_text("\n".join(["date,currency,rate", *lines]), "utf-8")
    text = """
name: n
extends: baseline
fx: {kind: history, file: rates.csv}
risk: {window: {first: 2020-01-01, last: 2020-02-28}}
"""
    assert refused(tmp_path, text) == [
        (
            "risk.window: BYN and RUB are observed on 0 days of the window; two are needed "
            "(rates.csv reaches from 2020-01-01 to 2025-08-08)"
        )
    ]


def test_interest_is_a_number_or_a_number_with_its_source(tmp_path: Path) -> None:
    path = tmp_path / "n.yaml"
    path.write_text(
        "name: n\nextends: baseline\ninterest_rates: {BYN: 0.1, CNY: {rate: 0.03, source: s}}\n", "utf-8"
    )
    rates = load(path).interest_rates
    assert {code: float(declared.rate) for code, declared in rates.items()} == {"BYN": 0.1, "CNY": 0.03}
    path.write_text(to_yaml(load(path)), "utf-8")
    assert load(path).interest_rates == rates
