"""Weeks of history, reverting rates and regimes keep the moments of their theory."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rate_models import (
    BAND,
    DAYS,
    REGIME,
    REVERTING,
    START,
    logs,
    moves,
    near_correlation,
    near_deviation,
    near_mean,
)
from rates import YEAR, column, paths

from sim.world.own_rates import load_history

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Bootstrap

#: Wednesdays: the weeks of the model end on them.
WEDNESDAYS = (date(2020, 1, 1), date(2023, 12, 27))


@pytest.fixture(scope="module")
def history() -> NDArray[np.float64]:
    """Weekly moves of BYN, CNY and RUB, those of the other currencies being observed as well."""
    shipped = load_history()
    weeks = shipped.weekly_moves(shipped.currencies, date(2016, 7, 1), date(2026, 9, 4))
    assert len(weeks) == 441
    assert (weeks.ends[0], weeks.ends[-1]) == (np.datetime64("2016-07-13"), np.datetime64("2026-09-02"))
    return weeks.moves[:, [weeks.currencies.index(code) for code in ("BYN", "CNY", "RUB")]]


def test_bootstrapped_weeks_are_weeks_of_history_in_blocks(history: NDArray[np.float64]) -> None:
    declared = {"kind": "bootstrap", "drift": "history", "mean_block": 5}
    follows = []
    for replication in range(10):
        run = paths(declared, days=WEDNESDAYS, replication=replication)
        weekly = np.diff(np.log(run.per_usd[::7, :3]), axis=0)
        distance = np.abs(weekly[:, None] - history[None]).sum(axis=2)
        assert distance.min(axis=1).max() < 1e-9
        drawn = distance.argmin(axis=1)
        follows.append(np.diff(drawn) % len(history) == 1)
    again = np.concatenate(follows)
    share = 1 - 1 / 5 + 1 / 5 / len(history)
    assert abs(again.mean() - share) < BAND * np.sqrt(share * (1 - share) / len(again))


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("length", [1, 7])
def test_the_bootstrap_keeps_volatility_and_correlation_of_history(
    history: NDArray[np.float64], offset: int, length: int
) -> None:
    # Weeks drawn alone, so that moves of any length, beginning on any day, scale with the square root of time.
    levels = logs({"kind": "bootstrap", "mean_block": 1}, 40, WEDNESDAYS)
    found = np.diff(levels[:, offset::length], axis=1).reshape(-1, 3)
    for k in range(3):
        assert near_deviation(found[:, k], history[:, k].std() * np.sqrt(length / 7))
    expected = np.corrcoef(history.T)
    assert np.corrcoef(found.T) == pytest.approx(expected, abs=BAND * 1.5 / np.sqrt(len(found)))


def test_blocks_keep_weekly_volatility_and_correlation(history: NDArray[np.float64]) -> None:
    levels = logs({"kind": "bootstrap", "mean_block": 8}, 60, WEDNESDAYS)
    found = np.diff(levels[:, ::7], axis=1)
    for k in range(3):  # 12,000 weeks of fat tails that hang together tell a variance to 3 %
        assert found[:, :, k].var() == pytest.approx(history[:, k].var(), rel=0.12)
    correlations = np.corrcoef(found.reshape(-1, 3).T)
    assert correlations == pytest.approx(np.corrcoef(history.T), abs=0.05)


def test_the_drift_of_history_is_kept_on_demand(history: NDArray[np.float64]) -> None:
    levels = logs({"kind": "bootstrap", "mean_block": 1, "drift": "history"}, 200, WEDNESDAYS)
    weekly = (levels[:, -1] - levels[:, 0]) / (levels.shape[1] // 7)
    for k in range(3):
        assert near_mean(weekly[:, k], history[:, k].mean())


# Mean reversion


def test_a_reverting_rate_has_the_moments_of_an_ornstein_uhlenbeck_process() -> None:
    levels = logs(REVERTING, 400)
    for k, code in enumerate(("BYN", "CNY", "RUB")):
        one = REVERTING["reversion"][code]
        kappa = np.log(2) / (int(one["half_life"][:-1]) / DAYS)
        mean, start = np.log(one["level"]), np.log(REVERTING["start"][code])
        for day in (1, 10, 60, 365):
            decay = np.exp(-kappa * day / DAYS)
            variance = one["volatility"] ** 2 * (1 - decay**2) / (2 * kappa)
            assert near_mean(levels[:, day, k], mean + (start - mean) * decay)
            assert near_deviation(levels[:, day, k], np.sqrt(variance))


def test_reverting_rates_of_unlike_speed_have_the_covariance_of_theory() -> None:
    levels = logs(REVERTING, 1)[0]
    steps = {}
    kappa = {
        code: np.log(2) / (int(one["half_life"][:-1]) / DAYS) for code, one in REVERTING["reversion"].items()
    }
    many = logs(REVERTING, 40)
    for k, code in enumerate(("BYN", "CNY", "RUB")):
        distance = many[:, :, k] - np.log(REVERTING["reversion"][code]["level"])
        steps[code] = (distance[:, 1:] - distance[:, :-1] * np.exp(-kappa[code] / DAYS)).ravel()
    assert levels.shape == (366, 3)
    for (one, other), rho in {("BYN", "RUB"): 0.7, ("CNY", "RUB"): 0.3, ("BYN", "CNY"): 0.0}.items():

        def over(speed: float) -> float:
            return float((1 - np.exp(-speed / DAYS)) / speed)

        both = over(kappa[one] + kappa[other])
        expected = rho * both / np.sqrt(over(2 * kappa[one]) * over(2 * kappa[other]))
        assert near_correlation(steps[one], steps[other], expected)


# Regimes


def test_each_state_has_its_own_moments_and_share_of_time() -> None:
    found = moves(REGIME, 40)
    # Stressed for 20 days of 80 on average; states of days are told by a rate that moves in stress only.
    told = {**REGIME, "start": {**START, "EUR": 0.9}}
    for state, volatility in (("calm", 0.0), ("stressed", 0.5)):
        told[state] = {**REGIME[state], "volatility": {**REGIME[state]["volatility"], "EUR": volatility}}
    runs = [paths(told, ("BYN", "CNY", "EUR", "RUB"), replication=r) for r in range(40)]
    stressed = np.array([np.diff(column(run, "EUR")) != 0.0 for run in runs])
    spells = np.sum(stressed[:, 1:] & ~stressed[:, :-1])
    assert stressed.mean() == pytest.approx(0.25, abs=BAND * 0.035)  # some 180 spells
    assert spells / np.sum(~stressed[:, :-1]) == pytest.approx(1 / 60, rel=BAND / np.sqrt(spells))
    for state, mine in (("calm", ~stressed.ravel()), ("stressed", stressed.ravel())):
        for k, code in enumerate(("BYN", "CNY", "RUB")):
            daily = REGIME[state]["volatility"][code] / np.sqrt(DAYS)
            assert near_deviation(found[mine, k], daily)
        assert near_correlation(found[mine, 0], found[mine, 2], 0.7 if state == "calm" else -0.5)


@pytest.mark.parametrize(("initial", "stressed"), [("calm", False), ("stressed", True)])
def test_the_state_of_the_first_day_may_be_stated(initial: str, stressed: bool) -> None:
    told = {
        "kind": "regime",
        "start": {"EUR": 0.9},
        "initial": initial,
        "calm": {"mean_duration": "36000d", "volatility": {"EUR": 0.0}},
        "stressed": {"mean_duration": "36000d", "volatility": {"EUR": 0.5}},
    }
    run = paths(told, ["EUR"], (YEAR[0], date(2024, 2, 1)))
    assert np.all((np.diff(column(run, "EUR")) != 0.0) == stressed)
