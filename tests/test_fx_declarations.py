"""The documented examples of models of rates run as they stand, and nonsense is refused."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from rate_models import (
    BAND_OF_CNY,
    BASKET,
    JUMPS,
    LOGNORMAL,
    REGIME,
    REVERTING,
    STILL,
    uncompensated,
)
from rates import YEAR, Declared, declare, paths
from ruamel.yaml import YAML

from sim.errors import ScenarioError
from sim.results.execute import execute
from sim.scenario.load import load_located
from sim.scenario.model.fx import Fx
from sim.scenario.model.kinds import kinds
from sim.world.build import prepare

DOCUMENT = Path(__file__).parents[1] / "docs" / "rates.md"
EXAMPLES = {
    YAML(typ="safe", pure=True).load(block)["fx"]["kind"]: block
    for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
}


# The documentation


def test_each_model_has_an_example() -> None:
    assert {*EXAMPLES} == {*kinds(Fx)}


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
            {"kind": "bootstrap", "window": {"first": "2023-01-01", "last": "2023-03-31"}},
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
  window: {first: 2023-01-01, last: 2023-03-31}
""",
        "5:3: fx.window: the window from 2023-01-01 to 2023-03-31 has 1",
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
        "13:7: fx.base.base.window: the shipped history shows no currency moving",
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
        assert any(
            problem.startswith("3:1: fx: the shipped history knows BYN from 2016-07-01") for problem in found
        )


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
