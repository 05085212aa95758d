"""An estimator gives back what made the data, and its standard error tells how far it scatters."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rates import paths
from ruamel.yaml import YAML

from sim.calibration import MODELS, Calibration, calibrate
from sim.calibration.basket import least_squares_weights
from sim.calibration.blocks import block_length
from sim.calibration.jumps import find_jumps
from sim.calibration.regimes import first_guess
from sim.calibration.regimes import fit as fit_regimes
from sim.calibration.reversion import fit as fit_reversion
from sim.cli import cli
from sim.core.history import Observations, Weeks, correlation, volatility
from sim.errors import CalibrationError
from sim.scenario.load import load_located
from sim.scenario.writing import dump
from sim.world.build import prepare
from sim.world.own_rates import load_history

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 365.25
DENSE = (date(2016, 7, 1), date(2022, 2, 23))


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["calibrate", *arguments], prog_name="sim")


def values(found: Calibration) -> dict[str, float]:
    return {estimate.name: estimate.value for estimate in found.estimates}


# The estimators, on data whose parameters are known


def reverting(seed: int, years: int = 40) -> Observations:
    """Log rates with speed 2, level ln 7 and volatility 0.1, on irregular days."""
    declared = {
        "kind": "mean_reverting",
        "start": {"CNY": 7},
        "reversion": {
            "CNY": {"level": 7, "half_life": f"{round(np.log(2) / 2 * DAYS * 24)}h", "volatility": 0.1}
        },
    }
    run = paths(declared, ["CNY"], (date(1980, 1, 1), date(1980 + years, 1, 1)), seed=seed)
    kept = np.random.default_rng(seed).random(len(run.per_usd)) < 0.2
    days = np.datetime64("1980-01-01") + np.arange(len(run.per_usd))
    return Observations(days[kept], run.per_usd[kept, 0])


def test_reversion_is_found_on_irregular_days_with_the_scatter_that_is_stated() -> None:
    fits = [fit_reversion(reverting(seed)) for seed in range(40)]
    speeds = np.array([one.speed for one in fits])
    stated = np.mean([one.speed_error for one in fits if one.speed_error])
    bias = 4 / 40  # Tang and Chen (2009)
    assert speeds.mean() == pytest.approx(2 + bias, abs=4 * speeds.std() / np.sqrt(40))
    assert stated == pytest.approx(speeds.std(), rel=0.5)
    levels, scales = np.array([one.level for one in fits]), np.array([one.volatility for one in fits])
    assert levels.mean() == pytest.approx(np.log(7), abs=4 * levels.std() / np.sqrt(40))
    assert np.mean([one.level_error for one in fits]) == pytest.approx(levels.std(), rel=0.5)
    assert scales.mean() == pytest.approx(0.1, abs=4 * scales.std() / np.sqrt(40))
    assert all(one.reverts for one in fits)
    assert np.mean([one.gain > 9.2 for one in fits]) > 0.9


def test_a_random_walk_is_not_told_to_revert() -> None:
    rng = np.random.default_rng(0)
    days = np.datetime64("2000-01-01") + np.arange(0, 3_650, 7)
    walks = np.exp(np.cumsum(0.01 * rng.standard_normal((60, len(days))), axis=1))
    gains = np.array([fit_reversion(Observations(days, walk)).gain for walk in walks])
    assert np.mean(gains > 9.2) < 0.2  # one in twenty, give or take


def test_weights_of_a_basket_are_given_back_exactly() -> None:
    parts = np.array([[0.0016, 0.0012], [0.0012, 0.0225]])
    weights = np.array([0.1, 0.6])
    follows = parts @ weights
    matrix = np.block([[np.array([[weights @ follows + 0.04**2]]), follows[None]], [follows[:, None], parts]])
    found, left = least_squares_weights(matrix)
    assert found == pytest.approx([0.1, 0.6, 0.3])
    assert left == pytest.approx(0.04**2)


def test_no_weight_of_a_basket_is_negative_or_above_one() -> None:
    against = np.array([[0.01, -0.004, 0.009], [-0.004, 0.0016, 0.0], [0.009, 0.0, 0.0225]])
    found, left = least_squares_weights(against)
    assert found == pytest.approx([0, 0.4, 0.6])
    assert left == pytest.approx(0.01 - 0.009**2 / 0.0225)
    wild = np.array([[0.09, 0.02, 0.0], [0.02, 0.01, 0.0], [0.0, 0.0, 0.01]])
    assert least_squares_weights(wild)[0] == pytest.approx([1, 0, 0])


def test_a_week_of_daily_rates_is_no_wilder_than_its_days_for_weekends_without_rates() -> None:
    """Moves of 1 % on weekdays: the process of calendar time that has their variance has it over weeks."""
    days = np.arange(np.datetime64("2000-01-03"), np.datetime64("2020-01-06"))
    days = days[np.is_busday(days)]
    walk = np.exp(np.cumsum(0.01 * np.random.default_rng(4).standard_normal(len(days))))
    annual = 0.01 * np.sqrt(DAYS * 5 / 7)
    assert fit_reversion(Observations(days, walk).weekly()).volatility == pytest.approx(annual, rel=0.06)
    assert fit_reversion(Observations(days, walk)).volatility > 1.07 * annual


def test_states_are_told_by_currencies_that_float_and_a_peg_has_its_part_in_each(tmp_path: Path) -> None:
    """A second currency, pegged, whose quotes are rounded from one year on: no stress of the markets."""
    rng = np.random.default_rng(6)
    days = np.arange(np.datetime64("2012-01-04"), np.datetime64("2024-01-03"), 7)
    stressed = (np.arange(len(days)) // 20) % 4 == 3
    floating = np.exp(np.cumsum(np.where(stressed, 0.04, 0.01) * rng.standard_normal(len(days))))
    pegged = 3.6725 + np.where(
        days > np.datetime64("2018-01-01"), 0.001 * rng.standard_normal(len(days)), 0.0
    )
    rows = [f"{day},RUB,{rate}" for day, rate in zip(days, 60 * floating, strict=True)]
    rows += [f"{day},AED,{rate}" for day, rate in zip(days, pegged, strict=True)]
    (tmp_path / "rates.csv").write_text("\n".join(["date,currency,rate", *rows]), "utf-8")
    told = values(calibrate("regime", data=tmp_path / "rates.csv"))
    assert told["stressed.volatility.RUB"] > 2.5 * told["calm.volatility.RUB"]
    assert told["stressed.volatility.AED"] < 2 * told["calm.volatility.AED"] < 0.02


def test_jumps_are_told_from_the_moves_between_them() -> None:
    rng = np.random.default_rng(1)
    moves = 0.01 * rng.standard_normal((520, 1))
    jumped = np.array([17, 100, 333])
    moves[jumped] = [[0.12], [-0.2], [0.09]]
    ends = np.datetime64("2000-01-05") + 7 * np.arange(520)
    found = find_jumps(Weeks(("BYN",), ends, moves))
    assert np.array_equal(found.ends, ends[jumped])
    assert found.years == pytest.approx(520 * 7 / DAYS)
    assert found.volatility == pytest.approx(0.01 * np.sqrt(DAYS / 7), rel=4 / np.sqrt(2 * 517))


def test_hidden_states_are_found() -> None:
    rng = np.random.default_rng(2)
    leaving, scales = np.array([0.05, 0.15]), np.array([0.01, 0.04])
    states = [0]
    for uniform in rng.random(1_999):
        states.append(1 - states[-1] if uniform < leaving[states[-1]] else states[-1])
    mix = np.array([[[1.0, 0.0], [0.3, np.sqrt(1 - 0.09)]], [[1.0, 0.0], [-0.6, 0.8]]])
    noise = rng.standard_normal((2_000, 2))
    moves = np.einsum("tij,tj->ti", scales[states][:, None, None] * mix[states], noise)
    found = fit_regimes(moves, np.ones((1, 2_000), dtype=bool), first_guess(moves))
    # Some 75 spells tell the chances of leaving to an eighth.
    assert found.leaving[0] == pytest.approx(leaving, rel=0.4)
    for state, rho in enumerate((0.3, -0.6)):
        weekly = found.covariances[0, state]
        assert volatility(weekly) == pytest.approx(np.full(2, scales[state]), rel=0.12)
        assert correlation(weekly)[0, 1] == pytest.approx(rho, abs=0.15)
    assert np.mean((found.chances[0, :, 1] > 0.5) == np.array(states)) > 0.93


def test_blocks_are_long_where_memory_is() -> None:
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((30, 1_000))
    alone = [block_length(one) for one in noise]
    assert np.median(alone) < 2
    for memory in (0.5, 0.8):
        series = np.zeros_like(noise)
        for week in range(1, noise.shape[1]):
            series[:, week] = memory * series[:, week - 1] + noise[:, week]
        # In theory G / g(0) = 2φ / (1 − φ²), and the block (G / g(0))^⅔ N^⅓.
        ideal = np.cbrt((2 * memory / (1 - memory**2)) ** 2 * 1_000)
        assert np.mean([block_length(one) for one in series]) == pytest.approx(ideal, rel=0.25)
    assert block_length(np.ones(100)) == 1.0


# The shipped history


def test_a_lognormal_model_has_the_covariances_of_history_and_their_errors() -> None:
    found, expected = calibrate("lognormal", *DENSE), load_history().covariance(("BYN", "CNY", "EUR"), *DENSE)
    told = values(found)
    for code, value in zip(expected.currencies, volatility(expected.matrix), strict=True):
        assert told[f"volatility.{code}"] == pytest.approx(value)
        assert float(found.fx["volatility"][code]) == pytest.approx(value, abs=5e-5)
    assert told["correlation.CNY/EUR"] == pytest.approx(correlation(expected.matrix)[1, 2])
    errors = {estimate.name: estimate.standard_error for estimate in found.estimates}
    assert errors["volatility.CNY"] == pytest.approx(expected.standard_error(volatility)[1])
    assert found.observations["BYN"] == 1_334


def test_the_basket_of_the_years_before_2022_is_that_of_an_ordinary_regression() -> None:
    told = values(calibrate("basket", *DENSE))
    _, levels = load_history().observed_together(("USD", "BYN", "CNY", "RUB"), *DENSE)
    moves = np.diff(levels[:, 1:], axis=0)
    ordinary = np.linalg.lstsq(moves[:, 1:], moves[:, 0], rcond=None)[0]
    assert told["weights.CNY"] == pytest.approx(ordinary[0], abs=0.02)
    assert told["weights.RUB"] == pytest.approx(ordinary[1], abs=0.02)
    assert told["weights.CNY"] + told["weights.RUB"] + told["weights.USD"] == pytest.approx(1)


def test_the_published_basket_shows_in_official_rates_since_it_was_published() -> None:
    found = calibrate("basket", date(2022, 12, 12))
    told = {estimate.name: estimate for estimate in found.estimates}
    for code, published in (("RUB", 0.6), ("USD", 0.3), ("CNY", 0.1)):
        one = told[f"weights.{code}"]
        assert one.value == pytest.approx(published, abs=2 * one.standard_error)
    assert told["r_squared"].value > 0.85


def test_stress_is_wilder_than_calm() -> None:
    told = values(calibrate("regime", *DENSE))
    for code in ("BYN", "KZT", "RUB"):
        assert told[f"stressed.volatility.{code}"] > 1.3 * told[f"calm.volatility.{code}"]
    assert told["calm.mean_duration"] > told["stressed.mean_duration"] > 7


def test_a_number_without_an_error_says_so_and_every_model_has_notes() -> None:
    for model in MODELS:
        found = calibrate(model, *DENSE)
        assert found.notes
        for estimate in found.estimates:
            if estimate.standard_error is None:
                assert estimate.name.startswith(("block_", "gain.", "mean.")) or estimate.value == 0.0
            else:
                assert estimate.standard_error > 0, estimate


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("last", [date(2022, 2, 23), None])
def test_what_is_estimated_goes_into_a_scenario(model: str, last: date | None, tmp_path: Path) -> None:
    text = dump({"fx": calibrate(model, last=last).fx})
    file = tmp_path / "calibrated.yaml"
    file.write_text(f"name: calibrated\nextends: baseline\n{text}", "utf-8")
    _, fx = prepare(load_located(file, ["run_in=0d", "horizon=0d"]).scenario)
    assert np.all(np.isfinite(fx.per_usd))


def test_a_calibrated_model_moves_as_history_did() -> None:
    found = calibrate("lognormal", *DENSE)
    runs = [np.log(paths(found.fx, ("BYN", "CNY", "RUB"), replication=r).per_usd[:, :3]) for r in range(40)]
    weekly = np.concatenate([np.diff(one[::7], axis=0) for one in runs])
    told = values(found)
    for k, code in enumerate(("BYN", "CNY", "RUB")):
        annual = weekly[:, k].std() * np.sqrt(DAYS / 7)
        assert annual == pytest.approx(told[f"volatility.{code}"], rel=4 / np.sqrt(2 * len(weekly)))


@pytest.mark.parametrize(
    ("model", "window", "message"),
    [
        ("bootstrap", (date(2023, 1, 1), date(2023, 3, 31)), "weeks in which all of AED, BYN, CNY"),
        ("regime", (date(2023, 1, 1), date(2023, 3, 31)), "weeks in which all of AED, BYN, CNY"),
        ("basket", (date(2016, 1, 1), date(2016, 6, 30)), "BYN is not observed twice"),
        ("lognormal", (date(2010, 1, 1), date(2015, 12, 31)), "it reaches from 2016-01-04 to"),
        ("lognormal", (date(2024, 1, 1), date(2024, 2, 29)), "two quarters"),
        ("lognormal", (date(2024, 1, 1), date(2023, 12, 31)), "ends before it starts"),
        ("mean_reverting", (date(2024, 1, 1), date(2024, 2, 10)), "show no reversion"),
        ("jump", (date(2024, 1, 1), date(2024, 3, 31)), "no currency has a jump"),
    ],
)
def test_a_window_that_holds_too_little_is_refused(
    model: str, window: tuple[date, date], message: str
) -> None:
    with pytest.raises(CalibrationError, match=message):
        calibrate(model, *window)


def test_a_file_of_rates_is_estimated_and_what_comes_out_runs_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(7)
    days = np.arange(np.datetime64("2021-01-01"), np.datetime64("2025-01-01"))
    days = days[np.is_busday(days)]
    moves = 0.006 * rng.standard_normal((len(days), 2))
    rates = np.exp(np.cumsum(moves, axis=0)) * [66, 5]
    rows = [
        f"{day},{code},KZT,{rate!r}"
        for day, two in zip(days, rates.tolist(), strict=True)
        for code, rate in zip(("CNY", "RUB"), two, strict=True)
    ]
    (tmp_path / "rates.csv").write_text("\n".join(["date,base,quote,rate", *rows]), "utf-8")
    years = (days[-1] - days[0]).astype(int) / DAYS
    changes = np.diff(np.log(rates), axis=0)
    for model in MODELS:
        if model in ("basket", "jump"):
            with pytest.raises(CalibrationError):
                calibrate(model, data="rates.csv")
            continue
        found = calibrate(model, data="rates.csv")
        assert found.observations.keys() == {"CNY", "RUB"}
        run = paths(found.fx, ("CNY", "KZT", "RUB"), (date(2024, 3, 1), date(2024, 5, 1)))
        assert run.currencies == ("CNY", "KZT", "RUB")
        assert np.all(np.isfinite(run.per_usd))
        if model == "mean_reverting":
            assert {*found.observations.values()} == {len(np.unique((days.astype(int) + 3) // 7))}
        if model == "lognormal":
            expected = np.sqrt((changes**2).sum(axis=0) / years)
            assert [values(found)[f"volatility.{code}"] for code in ("CNY", "RUB")] == pytest.approx(expected)


# The command


def test_the_command_knows_every_model_that_can_be_estimated() -> None:
    (argument,) = [one for one in cli.commands["calibrate"].params if one.name == "model"]
    assert list(argument.type.choices) == list(MODELS)  # type: ignore[attr-defined]


def test_the_command_prints_estimates_with_errors_window_and_notes() -> None:
    result = invoke("basket", "--from", "2022-12-12", "--to", "2026-02-28")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "basket, 2022-12-12 to 2026-02-28" in result.stdout
    assert "standard error" in result.stdout
    assert "observations: BYN 850," in result.stdout
    assert "weakly identified" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_json_and_yaml_say_the_same_and_nothing_else() -> None:
    as_json = invoke("lognormal", "--to", "2022-02-23", "--json")
    as_yaml = invoke("lognormal", "--to", "2022-02-23", "--yaml")
    assert (as_json.exit_code, as_json.stderr, as_yaml.exit_code, as_yaml.stderr) == (0, "", 0, "")
    found = json.loads(as_json.stdout)
    assert set(found) == {"model", "window", "observations", "estimates", "notes", "fx"}
    assert found["window"] == {"first": "2016-01-04", "last": "2022-02-23"}
    assert set(found["estimates"][0]) == {"name", "value", "standard_error", "unit"}
    assert YAML(typ="safe", pure=True).load(as_yaml.stdout) == {"fx": found["fx"]}


def test_without_a_model_all_that_the_window_allows_are_estimated() -> None:
    result = invoke("--from", "2026-03-15", "--json")
    assert result.exit_code == 0
    assert [one["model"] for one in json.loads(result.stdout)] == [
        "lognormal",
        "mean_reverting",
        "basket",
    ]
    assert result.stderr.count("warning: ") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--yaml"], "name a MODEL"),
        (["basket", "--yaml", "--json"], "either --json or --yaml"),
        (["band"], "'band' is not one of"),
        (["basket", "--from", "yesterday"], "does not match the format"),
        (["bootstrap", "--from", "2026-06-01"], "weeks in which all of"),
        (["--to", "2015-01-01"], "ends before it starts"),
        (["lognormal", "--from", "2010-01-01", "--to", "2015-01-01"], "history has no rates"),
    ],
)
def test_a_question_that_history_cannot_answer_is_exit_code_2(arguments: list[str], message: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())
