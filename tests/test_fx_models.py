"""What each model of rates promises: its moments, what it leaves alone, and what it refuses."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError
from rates import YEAR, Declared, column, declare, paths
from ruamel.yaml import YAML

from sim.errors import ScenarioError
from sim.results.execute import execute
from sim.scenario.load import load_located
from sim.world.build import prepare
from sim.world.history import load_history
from sim.world.weeks import weekly_moves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.world.fx import FxPaths

#: A statistic may lie this many standard errors away from its expectation.
BAND = 4.0
DAYS = 365.25

DOCUMENT = Path(__file__).parents[1] / "docs" / "rates.md"
EXAMPLES = {
    YAML(typ="safe", pure=True).load(block)["fx"]["kind"]: block
    for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
}

VOLATILITY = {"CNY": 0.04, "RUB": 0.15, "BYN": 0.09}
START = {"CNY": 7.25, "RUB": 90, "BYN": 3.2}
CORRELATION = [{"pair": ["RUB", "BYN"], "value": 0.7}, {"pair": ["CNY", "RUB"], "value": 0.3}]
LOGNORMAL: Declared = {
    "kind": "lognormal",
    "start": START,
    "volatility": VOLATILITY,
    "correlation": CORRELATION,
}
STILL: Declared = {"kind": "constant", "rates": START}
REVERTING: Declared = {
    "kind": "mean_reverting",
    "start": {"CNY": 7.25, "RUB": 110, "BYN": 3.2},
    "reversion": {
        "CNY": {"level": 7.0, "half_life": "1d", "volatility": 0.5},
        "RUB": {"level": 90, "half_life": "60d", "volatility": 0.3},
        "BYN": {"level": 3.2, "half_life": "30d", "volatility": 0.2},
    },
    "correlation": CORRELATION,
}
REGIME: Declared = {
    "kind": "regime",
    "start": START,
    "calm": {"mean_duration": "60d", "volatility": VOLATILITY, "correlation": CORRELATION},
    "stressed": {
        "mean_duration": "20d",
        "volatility": {code: 3 * value for code, value in VOLATILITY.items()},
        "correlation": [{"pair": ["RUB", "BYN"], "value": -0.5}],
    },
}
BASKET: Declared = {
    "kind": "basket",
    "currency": "BYN",
    "start": 3.2,
    "weights": {"RUB": 0.6, "USD": 0.3, "CNY": 0.1},
    "residual_volatility": 0.04,
    "base": {
        "kind": "lognormal",
        "start": {"CNY": 7.25, "RUB": 90},
        "volatility": {"CNY": 0.04, "RUB": 0.15},
        "correlation": CORRELATION[1:],
    },
}
JUMPS: Declared = {
    "kind": "jump",
    "jumps": [{"currency": "BYN", "intensity": 4, "size": {"kind": "uniform", "low": 0.08, "high": 0.2}}],
    "base": STILL,
}
BAND_OF_CNY: Declared = {"kind": "band", "currency": "CNY", "width": 0.003, "base": LOGNORMAL}
MODELS: dict[str, Declared] = {
    "bootstrap": {"kind": "bootstrap"},
    "lognormal": LOGNORMAL,
    "mean_reverting": REVERTING,
    "regime": REGIME,
    "jump": JUMPS,
    "basket": BASKET,
    "band": BAND_OF_CNY,
}


def logs(declared: Declared, count: int, days: tuple[date, date] = YEAR) -> NDArray[np.float64]:
    """Log rates of BYN, CNY and RUB in so many replications, [replications, days, currencies]."""
    return np.log([paths(declared, days=days, replication=r).per_usd[:, :3] for r in range(count)])


def moves(declared: Declared, count: int) -> NDArray[np.float64]:
    """Daily log moves of all replications below each other, [moves, currencies]."""
    return np.diff(logs(declared, count), axis=1).reshape(-1, 3)


def near_mean(sample: NDArray[np.float64], expected: float) -> bool:
    """Whether the mean of independent values agrees with theory."""
    error = sample.std(ddof=1) / np.sqrt(len(sample))
    return bool(abs(sample.mean() - expected) < BAND * error)


def near_deviation(sample: NDArray[np.float64], expected: float) -> bool:
    """Whether the standard deviation of independent values agrees, with the error that their tails allow."""
    variance, squares = expected**2, (sample - sample.mean()) ** 2
    return bool(abs(squares.mean() - variance) < BAND * squares.std() / np.sqrt(len(sample)))


def near_correlation(one: NDArray[np.float64], other: NDArray[np.float64], expected: float) -> bool:
    """Whether a correlation agrees, with the error that it has for normal values."""
    found = np.corrcoef(one, other)[0, 1]
    return bool(abs(found - expected) < BAND * (1 - expected**2) / np.sqrt(len(one)))


# All models


@pytest.mark.parametrize("kind", MODELS)
def test_products_around_triangles_are_one(kind: str) -> None:
    run = paths(MODELS[kind])
    at = run.day_starts
    for a, b, c in combinations(range(4), 3):
        assert run.mid(a, b, at) * run.mid(b, c, at) * run.mid(c, a, at) == pytest.approx(np.ones(len(at)))


@pytest.mark.parametrize("kind", MODELS)
def test_seed_and_replication_make_the_path(kind: str) -> None:
    declared = MODELS[kind]
    first = paths(declared).per_usd.tobytes()
    assert first == paths(declared).per_usd.tobytes()
    assert first != paths(declared, seed=2).per_usd.tobytes()
    assert first != paths(declared, replication=1).per_usd.tobytes()


@pytest.mark.parametrize("kind", MODELS)
def test_another_currency_in_the_run_leaves_the_bits_of_the_others(kind: str) -> None:
    few, many = paths(MODELS[kind], ["CNY"]), paths(MODELS[kind])
    assert np.array_equal(column(few, "CNY"), column(many, "CNY"))


def with_euro(declared: Declared) -> Declared:
    """The same model with the euro declared last."""
    more: Declared = {
        "start": {"EUR": 0.9},
        "rates": {"EUR": 0.9},
        "volatility": {"EUR": 0.07},
        "reversion": {"EUR": {"level": 0.9, "half_life": "90d", "volatility": 0.07}},
    }
    changed = {key: {**declared[key], **more[key]} for key in more if isinstance(declared.get(key), dict)}
    changed |= {key: with_euro(declared[key]) for key in ("base", "calm", "stressed") if key in declared}
    if "jumps" in declared:
        jump = {"currency": "EUR", "intensity": 9, "size": {"kind": "fixed", "value": 0.1}}
        changed["jumps"] = [*declared["jumps"], jump]
    return {**declared, **changed}


@pytest.mark.parametrize("kind", MODELS)
def test_another_currency_declared_last_leaves_the_bits_of_the_others(kind: str) -> None:
    few = paths(MODELS[kind])
    many = paths(with_euro(MODELS[kind]), ("BYN", "CNY", "EUR", "RUB"))
    for code in few.currencies:
        assert np.array_equal(column(few, code), column(many, code))


@pytest.mark.parametrize("kind", MODELS)
def test_a_longer_run_keeps_the_rates_of_the_shorter(kind: str) -> None:
    short, long = paths(MODELS[kind], days=(YEAR[0], date(2024, 5, 17))), paths(MODELS[kind])
    assert np.array_equal(short.per_usd, long.per_usd[: len(short.per_usd)])


@pytest.mark.parametrize("kind", ["bootstrap", "regime", "jump", "basket"])
def test_a_date_has_its_moves_wherever_the_run_starts(kind: str) -> None:
    declared = {**MODELS[kind], "start": START} if kind == "regime" else MODELS[kind]
    early, late = paths(declared), paths(declared, days=(date(2024, 2, 13), YEAR[1]))
    one = np.diff(np.log(early.per_usd), axis=0)[-len(late.per_usd) + 1 :]
    assert one == pytest.approx(np.diff(np.log(late.per_usd), axis=0), abs=1e-12)


#: Models so wild that a missing drift of half a variance would show.
WILD = {
    "bootstrap": {"kind": "bootstrap", "mean_block": 1},  # from Wednesday to Wednesday; the others on any day
    "lognormal": {**LOGNORMAL, "volatility": {"CNY": 0.6, "RUB": 0.7, "BYN": 0.8}},
    "regime": {**REGIME, "calm": {**REGIME["stressed"], "volatility": {"CNY": 0.6, "RUB": 0.7, "BYN": 0.8}}},
    "jump": JUMPS,
}


@pytest.mark.parametrize("kind", WILD)
def test_the_expected_price_of_a_dollar_stays(kind: str) -> None:
    ends = np.exp(logs(WILD[kind], 500, (date(2024, 1, 3), date(2024, 12, 25)))[:, [0, -1]])
    for currency in range(3):
        ratio = ends[:, 1, currency] / ends[:, 0, currency]
        assert np.ptp(ratio) == pytest.approx(0, abs=1e-9) or near_mean(ratio, 1.0)


def test_a_run_of_one_day_has_the_first_rate() -> None:
    for declared in (LOGNORMAL, REGIME, BASKET, JUMPS, BAND_OF_CNY):
        run = paths(declared, days=(YEAR[0], YEAR[0]))
        assert run.per_usd[0] == pytest.approx([3.2, 7.25, 90, 1])


# Bootstrap

#: Wednesdays: the weeks of the model end on them.
WEDNESDAYS = (date(2020, 1, 1), date(2023, 12, 27))


@pytest.fixture(scope="module")
def history() -> NDArray[np.float64]:
    """Weekly moves of BYN, CNY and RUB, those of the other currencies being observed as well."""
    weeks = weekly_moves(tuple(load_history()), date(2016, 7, 1), date(2022, 12, 31))
    assert len(weeks) == 294
    assert (weeks.ends[0], weeks.ends[-1]) == (np.datetime64("2016-07-13"), np.datetime64("2022-02-23"))
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
        "calm": {"mean_duration": "100000d", "volatility": {"EUR": 0.0}},
        "stressed": {"mean_duration": "100000d", "volatility": {"EUR": 0.5}},
    }
    run = paths(told, ["EUR"], (YEAR[0], date(2024, 2, 1)))
    assert np.all((np.diff(column(run, "EUR")) != 0.0) == stressed)


# Jumps


def jump_days(run: FxPaths, currency: str = "BYN") -> NDArray[np.float64]:
    """Relative changes of a rate on each day but the first."""
    rates = column(run, currency)
    return rates[1:] / rates[:-1] - 1


def uncompensated(**changes: Any) -> Declared:  # noqa: ANN401 - parts of a declaration
    return {**JUMPS, "jumps": [{**JUMPS["jumps"][0], "compensated": False, **changes}]}


def test_jumps_have_the_number_and_the_sizes_declared() -> None:
    changes = np.array([jump_days(paths(uncompensated(), replication=r)) for r in range(200)])
    jumped = changes != 0.0
    expected = 4 / DAYS * jumped.size
    assert abs(jumped.sum() - expected) < BAND * np.sqrt(expected)
    sizes = changes[jumped]
    assert sizes.min() >= 0.08 - 1e-12
    assert sizes.max() <= 0.2 + 1e-12
    assert near_mean(sizes, 0.14)
    assert near_deviation(sizes, 0.12 / np.sqrt(12))


def test_a_compensated_rate_drifts_the_other_way_between_jumps() -> None:
    changes = jump_days(paths(JUMPS))
    drift = 1 / (1 + 4 / DAYS * 0.14) - 1
    assert changes[changes < 0.05] == pytest.approx(np.full(np.sum(changes < 0.05), drift))


def test_normal_sizes_are_normal_in_logs() -> None:
    declared = uncompensated(intensity=100, size={"kind": "normal", "mean": 0.02, "deviation": 0.05})
    found = np.log1p(np.concatenate([jump_days(paths(declared, replication=r)) for r in range(20)]))
    sizes = found[found != 0.0]
    assert near_mean(sizes, 0.02)
    assert near_deviation(sizes, 0.05)


def test_merton_adds_the_variance_of_jumps_to_that_of_the_base() -> None:
    declared = uncompensated(intensity=50, size={"kind": "normal", "mean": 0.0, "deviation": 0.02})
    found = moves({**declared, "base": LOGNORMAL}, 60)
    assert near_deviation(found[:, 0], np.sqrt((0.09**2 + 50 * 0.02**2) / DAYS))
    assert near_deviation(found[:, 2], 0.15 / np.sqrt(DAYS))


def test_a_higher_intensity_keeps_the_jumps_of_a_lower_one() -> None:
    few, many = (jump_days(paths(uncompensated(intensity=value), replication=5)) for value in (4, 12))
    assert 0 < np.sum(few != 0) < np.sum(many != 0)
    assert many[few != 0] == pytest.approx(few[few != 0])


def test_another_entry_moves_no_jump_and_two_layers_do_not_jump_alike() -> None:
    second = {
        "currency": "BYN",
        "intensity": 4,
        "size": {"kind": "fixed", "value": -0.5},
        "compensated": False,
    }
    alone = uncompensated()
    both = {**alone, "jumps": [*alone["jumps"], second]}
    layered = {**alone, "jumps": [second], "base": alone}
    first, together, above = (jump_days(paths(one)) for one in (alone, both, layered))
    untouched = together > -0.3
    assert np.array_equal(first[untouched] != 0, together[untouched] != 0)
    assert above == pytest.approx(together, abs=1e-12)
    assert not np.array_equal(together < -0.3, first != 0)


def test_a_dated_jump_happens_on_its_day_or_not_at_all() -> None:
    size = {"kind": "fixed", "value": 0.25}
    one = {"currency": "RUB", "date": "2024-06-13", "size": size}
    sure = column(paths({"kind": "jump", "dated": [one], "base": STILL}), "RUB")
    place = (date(2024, 6, 13) - YEAR[0]).days
    assert set(sure[:place]) == {90.0}
    assert sure[place:] == pytest.approx(np.full(366 - place, 112.5))
    perhaps = {"kind": "jump", "dated": [{**one, "probability": 0.3}], "base": STILL}
    happened = [column(paths(perhaps, replication=r), "RUB")[-1] > 100 for r in range(300)]
    assert abs(np.mean(happened) - 0.3) < BAND * np.sqrt(0.3 * 0.7 / 300)


def test_between_jumps_the_base_stands() -> None:
    base = {"kind": "history", "bridge": {"RUB": {"volatility": 0.1}, "BYN": {"volatility": 0.04}}}
    plain, jumping = paths(base), paths({**uncompensated(), "base": base})
    assert np.array_equal(column(plain, "CNY"), column(jumping, "CNY"))
    ratio = column(jumping, "BYN") / column(plain, "BYN")
    assert len(np.unique(ratio.round(12))) == 1 + np.sum(jump_days(paths(uncompensated())) != 0)


# Baskets


def test_a_currency_without_residual_is_its_basket() -> None:
    run = paths({**BASKET, "residual_volatility": 0})
    byn, cny, rub = (np.log(column(run, code) / column(run, code)[0]) for code in ("BYN", "CNY", "RUB"))
    assert byn == pytest.approx(0.6 * rub + 0.1 * cny, abs=1e-12)
    crossed = np.log(run.mid(run.index("CNY"), run.index("BYN"), run.day_starts))
    assert crossed - crossed[0] == pytest.approx(0.6 * rub - 0.9 * cny, abs=1e-12)


def test_the_residual_moves_the_basket_alone_and_without_drift() -> None:
    # Nobody's residual is so large; a smaller one would hide a missing drift of half its variance.
    levels = logs({**BASKET, "residual_volatility": 0.7}, 400)
    basket = levels[:, :, 0] - 0.6 * levels[:, :, 2] - 0.1 * levels[:, :, 1]
    steps = np.diff(basket[:40], axis=1).ravel()
    assert near_deviation(steps, 0.7 / np.sqrt(DAYS))
    assert near_correlation(steps, np.diff(levels[:40, :, 2], axis=1).ravel(), 0.0)
    assert near_mean(np.exp(basket[:, -1] - basket[:, 0]), 1.0)


def test_a_currency_has_the_variance_of_its_basket_and_its_residual() -> None:
    variance = 0.04**2 + 0.36 * 0.15**2 + 0.01 * 0.04**2 + 2 * 0.06 * 0.3 * 0.15 * 0.04
    assert near_deviation(moves(BASKET, 40)[:, 0], np.sqrt(variance / DAYS))


def test_a_basket_starts_at_the_time_from_which_history_is_taken() -> None:
    history = {"kind": "history", "start": "2019-06-05", "bridge": {}}
    declared = {key: value for key, value in BASKET.items() if key != "start"}
    run = paths({**declared, "base": history}, days=(date(2030, 1, 1), date(2030, 6, 1)))
    seen = load_history()["BYN"]
    assert column(run, "BYN")[0] == seen.per_usd[seen.days == np.datetime64("2019-06-05")][0]


# Bands


def fixings(rates: NDArray[np.float64], adjustment: float) -> NDArray[np.float64]:
    """The fixing of each day, of the rates alone, as the documentation has it."""
    found = [rates[0]]
    for rate in rates[:-1]:
        found.append(found[-1] * (rate / found[-1]) ** adjustment)
    return np.array(found)


@pytest.mark.parametrize("adjustment", [0, 0.3, 1])
def test_a_rate_stays_within_its_band(adjustment: float) -> None:
    for replication in range(20):
        run = paths({**BAND_OF_CNY, "adjustment": adjustment}, replication=replication)
        rates = column(run, "CNY")
        distance = np.abs(rates / fixings(rates, adjustment) - 1)
        assert distance.max() <= 0.003 + 1e-12
        assert np.isclose(distance.max(), 0.003)  # it does bind, or the test would say nothing


def test_a_wide_band_changes_nothing_to_the_bit() -> None:
    assert np.array_equal(paths({**BAND_OF_CNY, "width": 0.5}).per_usd, paths(LOGNORMAL).per_usd)


def test_what_a_day_may_not_move_follows_on_the_next_ones() -> None:
    step = {"currency": "CNY", "date": "2024-03-01", "size": {"kind": "fixed", "value": 0.05}}
    free = {"kind": "jump", "dated": [step], "base": STILL}
    rates = column(paths({"kind": "band", "currency": "CNY", "width": 0.02, "base": free}), "CNY")
    place = (date(2024, 3, 1) - YEAR[0]).days
    assert rates[place - 1 : place + 4] / 7.25 == pytest.approx([1, 1.02, 1.02**2, 1.05, 1.05])
    assert rates[-1] == pytest.approx(7.25 * 1.05)
    pegged = {"kind": "band", "currency": "CNY", "width": 0.02, "adjustment": 0, "base": free}
    assert column(paths(pegged), "CNY")[-1] == pytest.approx(7.25 * 1.02)


# The documentation


def test_each_model_has_an_example() -> None:
    kinds = {"constant", "history", "bootstrap", "lognormal", "mean_reverting", "regime"}
    assert set(EXAMPLES) == kinds | {"jump", "basket", "band"}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_goes_into_a_scenario_as_it_stands(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(f"name: example\nextends: baseline\n{EXAMPLES[kind]}", "utf-8")
    short = ["run_in=0d", "horizon=0d"]
    _, fx = prepare(load_located(file, short).scenario)
    assert np.all(np.isfinite(fx.per_usd))
    assert np.all(fx.per_usd > 0)
    assert fx.currencies == ("BYN", "CNY", "EUR", "RUB", "USD")


def test_a_run_keeps_its_promises_under_layers_of_models(tmp_path: Path) -> None:
    file = tmp_path / "layers.yaml"
    file.write_text(f"name: layers\nextends: baseline\n{EXAMPLES['band']}", "utf-8")
    few = ["period.start=2024-08-05", "period.end=2024-08-16", "run_in=0d", "horizon=3d"]
    execute(load_located(file, few).scenario)  # checks the promises


# What is refused


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"kind": "bootstrap", "mean_block": 0.5}, "greater than or equal to 1"),
        ({"kind": "bootstrap", "window": {"first": "2020-01-01", "last": "2019-01-01"}}, "ends before"),
        ({"kind": "bootstrap", "drift": "some"}, "'none' or 'history'"),
        ({**REVERTING, "reversion": {}}, "at least 1 item"),
        ({**REVERTING, "reversion": {"USD": REVERTING["reversion"]["CNY"]}}, "USD is the unit"),
        (
            {"kind": "mean_reverting", "reversion": {"CNY": {"level": 7, "half_life": "90d"}}},
            "Field required",
        ),
        (
            {
                "kind": "mean_reverting",
                "reversion": {"CNY": {"level": 7, "half_life": 0, "volatility": 0.1}},
            },
            "greater than 0",
        ),
        (
            {
                "kind": "mean_reverting",
                "reversion": {"CNY": {"level": 0, "half_life": "9d", "volatility": 0.1}},
            },
            "greater than 0",
        ),
        ({**REVERTING, "correlation": [{"pair": ["CNY", "EUR"], "value": 0}]}, "EUR has no volatility"),
        ({**REGIME, "calm": {**REGIME["calm"], "mean_duration": "1d"}}, "greater than or equal to 172800"),
        (
            {**REGIME, "stressed": {"mean_duration": "9d", "volatility": {"CNY": 0.1}}},
            "RUB has no volatility in this state",
        ),
        ({**REGIME, "initial": "wild"}, "'drawn', 'calm' or 'stressed'"),
        ({**JUMPS, "jumps": []}, "state what jumps"),
        ({"kind": "jump", "jumps": JUMPS["jumps"]}, "Field required"),
        (uncompensated(intensity=-1), "greater than or equal to 0"),
        (uncompensated(currency="USD"), "USD is the unit"),
        (uncompensated(currency="BYR"), "not an ISO 4217"),
        (uncompensated(size={"kind": "fixed", "value": -1}), "greater than -1"),
        (uncompensated(size={"kind": "uniform", "low": 0.2, "high": 0.1}), "less than the least"),
        (uncompensated(size={"kind": "normal", "mean": 0, "deviation": -0.1}), "greater than or equal to 0"),
        ({**BASKET, "weights": {"RUB": 0.6, "CNY": 0.1}}, "the weights add up to 0.7, not to 1"),
        ({**BASKET, "weights": {"RUB": 1.5, "USD": -0.5}}, "less than or equal to 1"),
        ({**BASKET, "weights": {"BYN": 0.5, "USD": 0.5}}, "BYN cannot be in its own basket"),
        ({**BASKET, "residual_volatility": -0.1}, "greater than or equal to 0"),
        ({**BASKET, "base": LOGNORMAL}, "BYN follows the basket"),
        ({**BASKET, "base": JUMPS}, "BYN follows the basket"),
        ({**BASKET, "base": BASKET}, "BYN follows the basket"),
        ({**BAND_OF_CNY, "width": 0}, "greater than 0"),
        ({**BAND_OF_CNY, "width": -0.02}, "greater than 0"),
        ({**BAND_OF_CNY, "adjustment": 2}, "less than or equal to 1"),
        ({**BAND_OF_CNY, "base": {"kind": "peg"}}, "does not match any of the expected tags"),
    ],
)
def test_nonsense_is_refused(declared: Declared, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        declare(declared)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "currencies", "message"),
    [
        ({"kind": "bootstrap"}, ["JPY"], "no volatility of JPY"),
        (
            {"kind": "bootstrap", "window": {"first": "2023-01-01", "last": "2024-12-31"}},
            ["CNY"],
            "weeks in which",
        ),
        (REVERTING, ["EUR"], "no volatility of EUR"),
        (REGIME, ["EUR"], "no volatility of EUR"),
        (JUMPS, ["EUR"], "no rate of EUR"),
        ({**uncompensated(currency="EUR")}, ["CNY"], "no rate of EUR"),
        ({**BASKET, "weights": {"EUR": 1}}, ["BYN"], "no volatility of EUR"),
        ({**BAND_OF_CNY, "currency": "EUR"}, ["CNY"], "no volatility of EUR"),
    ],
)
def test_a_currency_without_a_path_is_refused(
    declared: Declared, currencies: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        paths(declared, currencies)


@pytest.mark.parametrize("day", [YEAR[0], YEAR[0] - timedelta(days=1), YEAR[1] + timedelta(days=1)])
def test_a_dated_jump_outside_of_the_run_is_refused(day: date) -> None:
    one = {"currency": "RUB", "date": str(day), "size": {"kind": "fixed", "value": 0.25}}
    with pytest.raises(ValueError, match=f"the jump of RUB on {day} is not within the run"):
        paths({"kind": "jump", "dated": [one], "base": STILL})


#: Declarations that follow `fx:` in line 3, with line and column of what is wrong.
NONSENSE = [
    (
        """
  kind: basket
  currency: BYN
  residual_volatility: 0.1
  weights:
    RUB: 0.6
  base: {kind: bootstrap}
""",
        "7:3: fx.weights: the weights add up to 0.6, not to 1",
    ),
    (
        """
  kind: band
  currency: CNJ
  width: 0.02
  base: {kind: bootstrap}
""",
        "5:13: fx.currency: 'CNJ' is not an ISO 4217 currency code; did you mean 'CNY'?",
    ),
    (
        """
  kind: band
  currency: CNY
  width: -0.02
  base: {kind: bootstrap}
""",
        "6:10: fx.width: must be greater than 0, not -0.02",
    ),
    (
        """
  kind: jump
  jumps:
    - {currency: BYN, intensity: -1, size: {kind: fixed, value: 0.1}}
  base: {kind: bootstrap}
""",
        "6:34: fx.jumps.0.intensity: must be at least 0, not -1",
    ),
    (
        """
  kind: regime
  calm: {mean_duration: 36h, volatility: {CNY: 0.1, RUB: 0.1, BYN: 0.1}}
  stressed: {mean_duration: 9d, volatility: {CNY: 0.1, RUB: 0.1, BYN: 0.1}}
""",
        "5:25: fx.calm.mean_duration: must be at least 2d, not '36h'",
    ),
    (
        """
  kind: regime
  calm: &state
    mean_duration: 9d
    volatility: {CNY: 0.1, RUB: 0.1, BYN: 0.1}
    correlation:
      - {pair: [CNY, RUB], value: 0.9}
      - {pair: [RUB, BYN], value: 0.9}
      - {pair: [CNY, BYN], value: -0.9}
  stressed: *state
""",
        "8:5: fx.calm.correlation: no rates can have these correlations together: the smallest eigenvalue",
    ),
    (
        """
  kind: band
  currency: CNY
  width: 0.02
  base: {kind: lognormal, volatility: {CNY: 0.1, EUR: 0.1}}
""",
        "7:3: fx.base: no volatility of BYN is declared",
    ),
    (
        """
  kind: bootstrap
  window: {first: 2023-01-01, last: 2023-12-31}
""",
        "5:3: fx.window: the window from 2023-01-01 to 2023-12-31 has 0 weeks",
    ),
    (
        """
  kind: band
  currency: CNY
  width: 0.02
  base:
    kind: jump
    jumps: [{currency: CNY, intensity: 1, size: {kind: fixed, value: 0.1}}]
    base:
      kind: lognormal
      start: history
      window: {first: 2027-01-01, last: 2027-12-31}
""",
        "13:7: fx.base.base.window: history shows no currency moving",
    ),
    (
        """
  kind: jump
  dated:
    - {currency: BYN, date: 2024-03-04, probability: 1, size: {kind: fixed, value: 0.1}}
    - {currency: CNY, date: 2031-03-04, probability: 1, size: {kind: fixed, value: 0.1}}
  base: {kind: bootstrap}
""",
        "7:29: fx.dated.1.date: the jump of CNY on 2031-03-04 is not within the run",
    ),
]


@pytest.mark.parametrize(("block", "message"), NONSENSE, ids=[message[:20] for _, message in NONSENSE])
def test_nonsense_is_told_at_its_line(block: str, message: str, tmp_path: Path) -> None:
    assert message in "\n".join(problems(f"fx:{block}", folder=tmp_path))


def test_a_history_that_starts_after_the_period_is_told_at_its_line(tmp_path: Path) -> None:
    for kind in ("bootstrap", "history"):
        found = problems(
            f"fx: {{kind: {kind}}}", "period: {start: 2015-03-04, end: 2015-03-05}", folder=tmp_path
        )
        assert any(problem.startswith("3:1: fx: history knows BYN from 2016-07-06") for problem in found)


def problems(*lines: str, folder: Path) -> list[str]:
    """What `sim validate` tells of a variant of the baseline, from the line number on."""
    file = folder / "nonsense.yaml"
    file.write_text("\n".join(["name: nonsense", "extends: baseline", *lines, ""]), "utf-8")
    with pytest.raises(ScenarioError) as caught:
        validate(file)
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


def validate(file: Path) -> None:
    """As `sim validate` does."""
    loaded = load_located(file, ["run_in=0d", "horizon=0d"])
    with loaded.placing():
        prepare(loaded.scenario)
