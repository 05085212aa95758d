"""What every model of rates promises: one price of each thing, a path for each seed, no move of others."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import numpy as np
import pytest
from rate_models import (
    BAND_OF_CNY,
    BASKET,
    JUMPS,
    LOGNORMAL,
    MODELS,
    REGIME,
    START,
    logs,
    near_mean,
)
from rates import YEAR, Declared, column, paths


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
