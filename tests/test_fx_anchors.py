"""Drawn rates start from one day, the anchor, in both directions: no other day of the frame moves them by a bit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rate_models import (
    BAND_OF_CNY,
    BASKET,
    DAYS,
    LOGNORMAL,
    MODELS,
    REVERTING,
    STILL,
    near_deviation,
    near_mean,
    uncompensated,
)
from rates import Declared, column, observed, paths

from sim.core.clock import from_instant
from sim.errors import ScenarioError
from sim.scenario.load import load, to_yaml
from sim.scenario.window import window
from sim.world.build import prepare
from sim.world.own_rates import load_history

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.core.rates import FxPaths

ANCHOR = date(2024, 3, 4)
FRAMES = [
    (date(2024, 1, 1), date(2024, 12, 31)),
    (date(2023, 11, 19), date(2024, 7, 4)),
    (date(2024, 6, 2), date(2025, 3, 1)),
    (date(2023, 9, 5), date(2024, 2, 11)),
]


def anchored(declared: Declared, on: date = ANCHOR) -> Declared:
    """The model, and each below it, with a stated day."""
    found = {**declared}
    if "base" in found:
        found["base"] = anchored(found["base"], on)
    if found["kind"] == "basket":
        found["start"] = {"date": str(on), "rate": found.get("start", "history")}
    elif found["kind"] in ("jump", "band"):
        found["start"] = str(on)
    elif found["kind"] != "constant":
        found["start"] = {"date": str(on), "rates": found.get("start", "history")}
    return found


def by_day(run: FxPaths, first: date) -> dict[date, tuple[float, ...]]:
    return {first + timedelta(days=k): tuple(row) for k, row in enumerate(run.per_usd.tolist())}


@pytest.mark.parametrize("name", MODELS)
def test_frames_share_every_rate_of_a_day_that_lies_in_both(name: str) -> None:
    declared = anchored(MODELS[name])
    found = [by_day(paths(declared, days=days), days[0]) for days in FRAMES]
    for one in found[1:]:
        shared = one.keys() & found[0].keys()
        assert len(shared) > 40
        assert all(one[day] == found[0][day] for day in shared)


@pytest.mark.parametrize("name", MODELS)
def test_without_a_day_rates_start_on_the_first_day_of_the_period(name: str) -> None:
    plain = paths(MODELS[name], days=FRAMES[1], opens=ANCHOR)
    assert np.array_equal(plain.per_usd, paths(anchored(MODELS[name]), days=FRAMES[1]).per_usd)
    moved = paths(MODELS[name], days=FRAMES[1], opens=ANCHOR + timedelta(days=30))
    assert not np.array_equal(plain.per_usd, moved.per_usd)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("history", "seen"),
        (str(ANCHOR), "seen"),
        ({"date": str(ANCHOR)}, "seen"),
        ({"date": str(ANCHOR), "rates": {"CNY": 8}}, 8.0),
        ({"CNY": 8}, 8.0),
    ],
)
def test_the_anchor_has_the_rates_that_are_stated(start: object, expected: object) -> None:
    declared = {**LOGNORMAL, "start": start}
    run = paths(declared, ["CNY"], FRAMES[0], opens=ANCHOR)
    if expected == "seen":
        (expected,) = load_history().observations("CNY").within(ANCHOR, ANCHOR).per_usd
    assert column(run, "CNY")[(ANCHOR - FRAMES[0][0]).days] == expected


def test_a_basket_starts_with_its_base_or_on_a_day_of_its_own() -> None:
    base = {**BASKET["base"], "start": {"date": str(ANCHOR), "rates": BASKET["base"]["start"]}}
    place = (ANCHOR - FRAMES[0][0]).days
    follows = paths({**BASKET, "base": base}, days=FRAMES[0])
    assert column(follows, "BYN")[place] == 3.2
    own = {**BASKET, "base": base, "start": {"date": "2024-06-03", "rate": 3.5}}
    assert column(paths(own, days=FRAMES[0]), "BYN")[(date(2024, 6, 3) - FRAMES[0][0]).days] == 3.5
    seen = load_history().observations("BYN").within(ANCHOR, ANCHOR).per_usd[0]
    assert column(paths({**BASKET, "base": base, "start": str(ANCHOR)}, days=FRAMES[0]), "BYN")[place] == seen


# Before the anchor

LATE = date(2026, 1, 1)


def backwards(declared: Declared, count: int) -> NDArray[np.float64]:
    """Log rates of BYN, CNY and RUB on the 300 days before the anchor, of so many replications."""
    days = (LATE - timedelta(days=300), LATE)
    return np.log(
        [paths(declared, days=days, opens=LATE, replication=r).per_usd[:, :3] for r in range(count)]
    )


@pytest.mark.parametrize("name", ["lognormal", "bootstrap", "regime"])
def test_a_day_moves_rates_alike_on_either_side_of_the_anchor(name: str) -> None:
    days = (date(2024, 1, 1), date(2024, 12, 31))
    early, late = (np.log(paths(anchored(MODELS[name], on), days=days).per_usd) for on in days)
    assert np.diff(early, axis=0) == pytest.approx(np.diff(late, axis=0), abs=1e-12)
    assert not np.allclose(early, late)


def test_a_reverting_rate_has_the_moments_of_its_process_before_the_anchor_too() -> None:
    levels = backwards(REVERTING, 400)
    for k, code in enumerate(("BYN", "CNY", "RUB")):
        one = REVERTING["reversion"][code]
        kappa = np.log(2) / (int(one["half_life"][:-1]) / DAYS)
        mean, start = np.log(one["level"]), np.log(REVERTING["start"][code])
        for day in (1, 10, 60, 300):
            decay = np.exp(-kappa * day / DAYS)
            variance = one["volatility"] ** 2 * (1 - decay**2) / (2 * kappa)
            assert near_mean(levels[:, -1 - day, k], mean + (start - mean) * decay)
            assert near_deviation(levels[:, -1 - day, k], np.sqrt(variance))


def test_the_state_of_the_anchor_may_be_stated_and_ends_in_both_directions() -> None:
    told = {
        "kind": "regime",
        "start": {"date": str(ANCHOR), "rates": {"EUR": 0.9}},
        "initial": "stressed",
        "calm": {"mean_duration": "40d", "volatility": {"EUR": 0.0}},
        "stressed": {"mean_duration": "10d", "volatility": {"EUR": 0.5}},
    }
    days = (ANCHOR - timedelta(days=100), ANCHOR + timedelta(days=100))
    moved = np.array(
        [np.diff(np.log(column(paths(told, ["EUR"], days, replication=r), "EUR"))) != 0 for r in range(400)]
    )
    # The state of the anchor is that of the move into it; the one of the day after has decayed once.
    share = 0.2 + 0.8 * (1 - 1 / 40 - 1 / 10) ** np.arange(60)
    for found in (moved[:, 99:39:-1], moved[:, 99:159]):
        assert found.mean(axis=0) == pytest.approx(share, abs=4 * 0.5 / np.sqrt(400))


def test_what_jumps_before_the_anchor_has_not_jumped_earlier() -> None:
    size = {"kind": "fixed", "value": 0.25}
    dated = {"currency": "RUB", "date": "2024-02-10", "size": size}
    declared = {"kind": "jump", "dated": [dated], "base": STILL, "start": str(ANCHOR)}
    rub = column(paths(declared, days=FRAMES[0]), "RUB")
    place = (date(2024, 2, 10) - FRAMES[0][0]).days
    assert rub[:place] == pytest.approx(np.full(place, 90 / 1.25))
    assert set(rub[place:]) == {90.0}
    seldom = {**uncompensated(), "start": "2024-12-31"}
    changes = np.diff(np.log(column(paths(seldom, days=FRAMES[0]), "BYN")))
    from_the_start = np.diff(np.log(column(paths(uncompensated(), days=FRAMES[0]), "BYN")))
    assert changes == pytest.approx(from_the_start, abs=1e-12)


def test_a_band_is_laid_outwards_from_the_anchor() -> None:
    run = paths(anchored(BAND_OF_CNY), days=FRAMES[0])
    free = paths(anchored(LOGNORMAL), days=FRAMES[0])
    rates, place = column(run, "CNY"), (ANCHOR - FRAMES[0][0]).days
    assert rates[place] == column(free, "CNY")[place]
    # With the usual adjustment the fixing is the rate of the day nearer to the anchor.
    assert np.abs(rates[1:] / rates[:-1] - 1)[place:].max() <= 0.003 + 1e-12
    assert np.abs(rates[:-1] / rates[1:] - 1)[:place].max() <= 0.003 + 1e-12


# In a run

MOVED = {
    "kind": "lognormal",
    "start": {"CNY": 7.2, "RUB": 92, "BYN": 3.2, "EUR": 0.92, "HKD": 7.8},
    "volatility": {"CNY": 0.04, "RUB": 0.15, "BYN": 0.09, "EUR": 0.07, "HKD": 0.01},
}


def run_rates(*overrides: str) -> dict[date, tuple[float, ...]]:
    scenario = load("baseline", overrides)
    _, fx = prepare(scenario)
    days = [from_instant(int(at), window(scenario).zone).date() for at in fx.day_starts]
    return dict(zip(days, map(tuple, fx.per_usd.tolist()), strict=True))


def test_frames_of_a_run_share_its_rates_where_the_anchor_is_stated() -> None:
    numbers = ", ".join(f"{code}: {value}" for code, value in MOVED["start"].items())
    moves = ", ".join(f"{code}: {value}" for code, value in MOVED["volatility"].items())
    model = (
        f"fx={{kind: lognormal, start: {{date: 2024-03-01, rates: {{{numbers}}}}}, volatility: {{{moves}}}}}"
    )
    plain = run_rates(model)
    for change in (
        ["run_in=60d"],
        ["horizon=120d"],
        ["period.end=2024-07-01"],
        ["period.start=2025-01-01", "period.end=2026-01-01"],
    ):
        other = run_rates(model, *change)
        shared = plain.keys() & other.keys()
        assert len(shared) > 30
        assert all(plain[day] == other[day] for day in shared)
    undated = f"fx={{kind: lognormal, start: {{{numbers}}}, volatility: {{{moves}}}}}"
    first = run_rates(undated)
    assert first[date(2024, 1, 1)] == run_rates(undated, "run_in=10d", "horizon=5d")[date(2024, 1, 1)]
    longer = run_rates(undated, "run_in=60d")
    assert all(longer[day] == first[day] for day in longer.keys() & first.keys())


def test_rates_are_known_from_the_first_invoice_on_and_history_need_not_reach_it() -> None:
    rates = run_rates("period.start=2016-07-11", "period.end=2016-08-01", "run_in=10d")
    early = [row for day, row in rates.items() if day < date(2016, 7, 1)]
    assert len(early) > 10
    byn = load_history().observations("BYN").per_usd[0]
    assert all(byn in row for row in early)


def test_the_run_itself_must_be_covered() -> None:
    seen = observed([(date(2024, 1, 10), "USD", "CNY", 7.0), (date(2024, 1, 12), "USD", "CNY", 7.1)])
    days = (date(2024, 1, 1), date(2024, 1, 12))
    run = paths({"kind": "history"}, ["CNY"], days, run_from=date(2024, 1, 10), history=seen)
    assert column(run, "CNY").tolist() == [7.0] * 11 + [7.1]
    with pytest.raises(ValueError, match=r"rates\.csv knows CNY from 2024-01-10 to 2024-01-12"):
        paths({"kind": "history"}, ["CNY"], days, run_from=date(2024, 1, 9), history=seen)


def test_history_is_moved_so_that_its_day_is_the_first_of_the_period() -> None:
    declared = {"kind": "history", "start": "2024-02-01"}
    days = (date(2030, 4, 1), date(2030, 5, 29))
    moved = paths(declared, days=days, opens=date(2030, 5, 1), run_from=date(2030, 4, 1))
    assert np.array_equal(
        moved.per_usd[30:], paths({"kind": "history"}, days=(date(2024, 2, 1), date(2024, 2, 29))).per_usd
    )


def test_rates_start_from_a_layer_whose_base_lacks_that_day_with_a_clear_word() -> None:
    declared = {**BAND_OF_CNY, "base": {"kind": "history"}, "start": "2027-01-01"}
    with pytest.raises(ValueError, match="the base has no CNY on 2027-01-01"):
        paths(declared, days=FRAMES[0])


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("{date: 2024-01-01, rate: 5}", "fx.start.rate: unknown key; did you mean 'rates'?"),
        ("{rates: {CNY: 7}}", "fx.start: the key 'date' is needed here"),
        ("{date: 2024-01-01, rates: {CNJ: 7}}", "fx.start.rates.CNJ: 'CNJ' is not an ISO 4217"),
        ("2024-02-30", "fx.start: '2024-02-30' does not exist"),
        ("histroy", "fx.start: 'histroy' must be 'history'; did you mean 'history'?"),
        ("{CNY: x}", "fx.start.CNY: a number is needed, found 'x'"),
        ("5", "fx.start: a mapping is needed, found 5"),
    ],
)
def test_only_what_is_wrong_with_the_form_of_start_that_was_meant_is_told(
    start: str, message: str, tmp_path: Path
) -> None:
    text = (
        f"name: x\nextends: baseline\nfx:\n  kind: lognormal\n  volatility: {{CNY: 0.1}}\n  start: {start}\n"
    )
    (tmp_path / "x.yaml").write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path / "x.yaml")
    (problem,) = caught.value.problems
    assert message in str(problem)
    assert "x.yaml:6:" in str(problem)


@pytest.mark.parametrize("start", ["2024-06-03", "{date: 2024-06-03, rate: 3.5}", "3.5", "history"])
def test_a_resolved_scenario_keeps_its_anchor(start: str, tmp_path: Path) -> None:
    text = f"""
name: x
extends: baseline
fx:
  kind: basket
  currency: BYN
  weights: {{RUB: 0.6, USD: 0.3, CNY: 0.1}}
  residual_volatility: 0.03
  start: {start}
  base: {{kind: bootstrap, start: 2024-01-05}}
"""
    (tmp_path / "x.yaml").write_text(text, "utf-8")
    scenario = load(tmp_path / "x.yaml")
    (tmp_path / "resolved.yaml").write_text(to_yaml(scenario), "utf-8")
    assert load(tmp_path / "resolved.yaml").fx == scenario.fx
