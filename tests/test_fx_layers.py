"""Jumps, baskets and bands lie over other models, and change what they say of them, and nothing else."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rate_models import (
    BAND,
    BAND_OF_CNY,
    BASKET,
    DAYS,
    JUMPS,
    LOGNORMAL,
    STILL,
    logs,
    moves,
    near_correlation,
    near_deviation,
    near_mean,
    uncompensated,
)
from rates import YEAR, column, paths

from sim.world.own_rates import load_history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.rates import FxPaths

# Jumps


def jump_days(run: FxPaths, currency: str = "BYN") -> NDArray[np.float64]:
    """Relative changes of a rate on each day but the first."""
    rates = column(run, currency)
    return rates[1:] / rates[:-1] - 1


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
    seen = load_history().observations("BYN")
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
