"""An assumption draws what it is of, and nothing that something laid over it states."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from statistics import correlation, mean
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sim.cli import cli
from sim.core.scales import rounded
from sim.errors import ScenarioError
from sim.scenario.load import load, load_located, to_yaml
from sim.scenario.varied import varied
from sim.world.assumed import assumed, quantiles

if TYPE_CHECKING:
    from sim.scenario.model import Scenario

pytestmark = pytest.mark.quick

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def scenario(uncertain: str, *, name: str = "own", extends: str = "base.yaml", more: str = "") -> Path:
    """A file of its own with assumptions, a line each."""
    lines = "".join(f"  {line}\n" for line in uncertain.strip().splitlines())
    file = Path(f"{name}.yaml")
    section = f"uncertain:\n{lines}" if lines else ""
    file.write_text(f"name: {name}\nextends: {extends}\n{more}{section}", "utf-8")
    return file


@pytest.fixture(autouse=True)
def here(folder: Path) -> Path:
    """A folder of its own, and in it the baseline without assumptions."""
    text = (SCENARIOS / "baseline.yaml").read_text("utf-8")
    (folder / "base.yaml").write_text(re.sub(r"(?ms)^uncertain:\n.*?(?=^\w|\Z)", "", text), "utf-8")
    return folder


def own(uncertain: str, **how: str) -> Scenario:
    return load(scenario(uncertain, **how))


def problems(uncertain: str, **how: str) -> list[str]:
    """What `validate` says, each as `LINE:COLUMN: …`."""
    file = scenario(uncertain, **how)
    told = CliRunner().invoke(cli, ["validate", str(file)])
    assert told.exit_code in {0, 2}, told.output
    return [line.removeprefix(f"{file}:") for line in told.stderr.splitlines()] if told.exit_code else []


# What an assumption does to a scenario.


def test_a_range_gives_all_its_paths_one_value() -> None:
    base = own("lag: {paths: [treasuries.minsk.lag, treasuries.china.lag], range: [0d, 2d]}")
    found = varied(base, {"lag": 0.25}).scenario
    assert found.treasuries["minsk"].lag == found.treasuries["china"].lag == 43_200
    assert varied(base, {"lag": 0.25}).drawn == {"lag": (0.25, "12h")}


def test_a_factor_keeps_ratios() -> None:
    base = own('spreads: {paths: ["markets.*.pairs.*.spread_bps"], factor: [0.5, 2]}')
    found = varied(base, {"spreads": 1.0}).scenario
    pairs = [(market, pair) for market, one in base.markets.items() for pair in one.pairs]
    assert len(pairs) == 9
    for market, pair in pairs:
        before, after = (one.markets[market].pairs[pair].spread_bps for one in (base, found))
        assert after == 2 * before


@pytest.mark.parametrize("at", [0.0, 0.37, 1.0])
def test_a_share_lets_the_others_fill_up(at: float) -> None:
    base = own(
        """prepaid: {paths: [flows.goods.terms.prepayment.share], share: [0.3, 0.8]}
first: {paths: [firms.importers.banks.minsk-a], share: [0.1, 0.9]}"""
    )
    found = varied(base, {"prepaid": at, "first": at}).scenario
    terms = found.flows["goods"].terms
    assert terms["prepayment"].share == rounded(Decimal("0.3") + Decimal(at) * Decimal("0.5"), whole=False)
    assert sum(term.share for term in terms.values()) == 1
    ratio = terms["letter-of-credit"].share / terms["open-account"].share
    assert float(ratio) == pytest.approx(0.15 / 0.30, abs=1e-4)
    assert sum(found.firms["importers"].banks.values()) == 1
    assert found.flows["equipment"].terms == base.flows["equipment"].terms


def test_a_share_is_of_whatever_total_there_is() -> None:
    more = "routes: {rub: {weight: 3}, usd: {weight: 1}, eur: {weight: 4}}\n"
    base = own("roubles: {paths: [routes.rub.weight], share: [0.1, 0.9]}", more=more)
    found = varied(base, {"roubles": 0.5}).scenario.routes
    before, after = (sum(route.weight for route in one.values()) for one in (base.routes, found))
    assert after == before
    assert found["rub"].weight == after / 2
    assert float(found["eur"].weight) == pytest.approx(4 * float(found["usd"].weight), rel=1e-5)


def test_a_share_that_cannot_be_divided_fills_up_to_the_last_digit() -> None:
    base = own("first: {paths: [firms.exporters.banks.minsk-a], share: [0.1, 0.9]}")
    for k in range(50):
        assert sum(varied(base, {"first": k / 50}).scenario.firms["exporters"].banks.values()) == 1


def test_a_choice_goes_by_weight_and_takes_what_is_written() -> None:
    base = own("usd: {paths: [systems.nostro-usd.hours], choice: {moscow: 2, new-york: 6, frankfurt: 0}}")
    assert varied(base, {"usd": 0.25}).scenario.systems["nostro-usd"].hours == "new-york"
    drawn = [varied(base, {"usd": (k + 0.5) / 8}).scenario.systems["nostro-usd"].hours for k in range(8)]
    assert drawn == ["moscow"] * 2 + ["new-york"] * 6
    lags = own('lag: {paths: [treasuries.minsk.lag], choice: {"0": 1, "2d": 1}}')
    assert varied(lags, {"lag": 0.1}).scenario.treasuries["minsk"].lag == 0


def test_settled_assumptions_are_gone_and_the_rest_is_as_it_was() -> None:
    base = own(
        "lag: {paths: [treasuries.minsk.lag], range: [0d, 2d]}\n"
        "at: {paths: [treasuries.minsk.at], range: ['09:30', '11:30']}"
    )
    found = varied(base, {"lag": 0.5}).scenario
    assert not found.uncertain
    assert found == base.model_copy(update={"uncertain": {}})


def test_a_draw_belongs_to_its_name_and_replication() -> None:
    one = own("lag: {paths: [treasuries.minsk.lag], range: [0d, 2d]}")
    other = own(
        "at: {paths: [treasuries.minsk.at], range: ['09:30', '11:30']}\n"
        "lag: {paths: [treasuries.china.lag], range: [0d, 1d]}"
    )
    drawn = [quantiles(one, replication)["lag"] for replication in range(400)]
    assert drawn == [quantiles(other, replication)["lag"] for replication in range(400)]
    assert len(set(drawn)) == 400
    assert mean(drawn) == pytest.approx(0.5, abs=0.05)
    assert quantiles(load("own.yaml", seed=2), 0) != quantiles(other, 0)
    lags = {assumed(one, replication).scenario.treasuries["minsk"].lag for replication in range(20)}
    assert len(lags) == 20
    assert all(0 <= lag <= 172_800 for lag in lags)


def test_two_assumptions_know_nothing_of_each_other() -> None:
    base = own(
        "lag: {paths: [treasuries.minsk.lag], range: [0d, 2d]}\n"
        "at: {paths: [treasuries.minsk.at], range: ['09:30', '11:30']}"
    )
    drawn = [quantiles(base, replication) for replication in range(400)]
    assert abs(correlation([one["lag"] for one in drawn], [one["at"] for one in drawn])) < 0.15


def test_a_resolved_scenario_assumes_the_same() -> None:
    base = own(
        """review: {paths: ["routes.*.steps.review.probability"], range: [0.03, 0.4]}
cover: {paths: [accounts.hvps.0.balance], factor: [0.5, 2]}"""
    )
    Path("resolved.yaml").write_text(to_yaml(base), "utf-8")
    again = load("resolved.yaml")
    assert again == base
    at = {"review": 0.5, "cover": 0.0}
    assert varied(again, at) == varied(base, at)
    assert varied(again, at).scenario.accounts != base.accounts


def test_a_date_is_one_where_there_could_be_a_time() -> None:
    more = "timeline: [{kind: rate_jump, at: 2024-01-08, currency: RUB, size: 0.25}]\n"
    base = own("when: {paths: [timeline.0.at], range: [2024-01-03, 2024-01-10]}", more=more)
    Path("resolved.yaml").write_text(to_yaml(base), "utf-8")
    for one in (base, load("resolved.yaml")):
        assert str(varied(one, {"when": 0.99}).scenario.timeline[0].at) == "2024-01-10 00:00:00"


def test_what_checks_refuse_of_a_drawn_scenario_is_refused() -> None:
    more = "timeline: [{kind: rate_jump, at: 2024-01-08, currency: RUB, size: 0.25}]\n"
    base = own("when: {paths: [timeline.0.at], range: [2024-01-03, 2030-01-10]}", more=more)
    with pytest.raises(ScenarioError, match=r"timeline\.0"):
        varied(base, {"when": 1.0})


# What it never overwrites.

_LAG = "lag: {paths: [treasuries.minsk.lag, treasuries.china.lag], range: [0d, 2d]}"


def drawn_in(*sources: str, overrides: tuple[str, ...] = (), changes: tuple[str, ...] = ()) -> list[str]:
    """The paths that the assumption of lags draws."""
    loaded = load_located(sources[0], overrides, changes)
    return [path for one in loaded.scenario.uncertain.values() for path in one.paths]


def test_what_a_variant_states_is_meant() -> None:
    scenario(_LAG)
    scenario("", name="variant", extends="own.yaml", more="treasuries.minsk.lag: 1d\n")
    assert drawn_in("variant.yaml") == ["treasuries.china.lag"]
    [told] = load_located("variant.yaml").without_effect
    assert told == ("lag", "treasuries.minsk.lag")
    found = CliRunner().invoke(cli, ["validate", "variant.yaml"])
    assert "variant: the assumption 'lag' is without effect at treasuries.minsk.lag" in found.stdout
    assert not load_located("own.yaml").without_effect


def test_it_is_told_of_how_many_values_some_are_stated() -> None:
    scenario('spreads: {paths: ["markets.*.pairs.*.spread_bps"], factor: [0.5, 2]}')
    scenario("", name="variant", extends="own.yaml", more="markets.bcse.pairs.CNY/BYN.spread_bps: 40\n")
    [told] = load_located("variant.yaml").without_effect
    assert told == ("spreads", "1 of 9 values of markets.*.pairs.*.spread_bps")
    assert len(load("variant.yaml").uncertain["spreads"].paths) == 8


def test_what_a_change_or_an_override_states_is_meant() -> None:
    scenario(_LAG)
    Path("later.yaml").write_text("says: Later.\ntreasuries.minsk.lag: 1d\n", "utf-8")
    assert drawn_in("own.yaml", changes=("later.yaml",)) == ["treasuries.china.lag"]
    assert drawn_in("own.yaml", overrides=("treasuries.china.lag=1d",)) == ["treasuries.minsk.lag"]
    scenario("", name="variant", extends="own.yaml", more="changes: [later.yaml]\n")
    assert drawn_in("variant.yaml") == ["treasuries.china.lag"]


def test_a_variant_may_assume_anew_what_it_states() -> None:
    scenario(_LAG)
    more = "treasuries.minsk.lag: 1d\n"
    scenario("lag: {range: [1d, 3d]}", name="variant", extends="own.yaml", more=more)
    assert drawn_in("variant.yaml") == ["treasuries.minsk.lag", "treasuries.china.lag"]
    scenario("lag: null", name="sure", extends="own.yaml")
    assert not load("sure.yaml").uncertain


def test_another_source_is_no_other_assumption() -> None:
    scenario(_LAG)
    more = "treasuries.minsk.lag: 9d\n"
    scenario("lag: {source: better}", name="variant", extends="own.yaml", more=more)
    assert drawn_in("variant.yaml") == ["treasuries.china.lag"]


def test_a_change_assumes_what_it_states_and_nothing_that_another_does() -> None:
    scenario("")
    Path("slow.yaml").write_text(
        "says: Slow.\ntreasuries: {minsk: {lag: 5d}}\n"
        "uncertain: {slow: {paths: [treasuries.minsk.lag], range: [2d, 10d]}}\n",
        "utf-8",
    )
    assert drawn_in("own.yaml", changes=("slow.yaml",)) == ["treasuries.minsk.lag"]
    Path("other.yaml").write_text(
        "says: Other.\nuncertain: {other: {paths: [treasuries.minsk.lag], range: [0d, 2d]}}\n", "utf-8"
    )
    assert drawn_in("own.yaml", changes=("other.yaml",)) == ["treasuries.minsk.lag"]
    Path("slow.yaml").write_text("says: Slow.\ntreasuries: {minsk: {lag: 5d}}\n", "utf-8")
    for changes in (("slow.yaml", "other.yaml"), ("other.yaml", "slow.yaml")):
        assert not drawn_in("own.yaml", changes=changes)


def test_a_change_adds_what_it_states_to_an_assumption_and_says_nothing_of_the_rest() -> None:
    scenario('lag: {paths: ["treasuries.*.lag"], range: [0d, 2d]}')
    for name in ("one", "other"):
        Path(f"{name}.yaml").write_text(
            f"says: {name}.\n"
            f"treasuries.{name}: {{at: '09:30', zone: Europe/Minsk, calendar: belarus, lag: 1d}}\n"
            f"uncertain.lag.paths.add: [treasuries.{name}.lag]\n",
            "utf-8",
        )
    Path("silent.yaml").write_text("says: Silent.\ntreasuries.china.lag: 1d\n", "utf-8")
    lags = {f"treasuries.{name}.lag" for name in ("minsk", "china", "one", "other")}
    changes = ("one.yaml", "other.yaml")
    assert set(drawn_in("own.yaml", changes=changes)) == lags
    found = drawn_in("own.yaml", changes=(*changes, "silent.yaml"))
    assert set(found) == lags - {"treasuries.china.lag"}
    # A variant that states a lag means it, though a change laid over it adds another one.
    scenario("", name="variant", extends="own.yaml", more="treasuries.minsk.lag: 1d\n")
    assert set(drawn_in("variant.yaml", changes=changes)) == lags - {"treasuries.minsk.lag"}


def test_two_paths_of_one_assumption_may_lead_to_one_value() -> None:
    scenario('lag: {paths: ["treasuries.*.lag", treasuries.minsk.lag], range: [0d, 2d]}')
    assert drawn_in("own.yaml") == ["treasuries.minsk.lag", "treasuries.china.lag"]


def test_what_another_change_removes_is_not_misspelt() -> None:
    scenario("")
    Path("park.yaml").write_text(
        "says: Park.\ntreasuries.park: {at: '09:30', zone: Europe/Minsk, calendar: belarus, lag: 1d}\n"
        "uncertain: {park: {paths: [treasuries.park.lag], range: [0d, 2d]}}\n",
        "utf-8",
    )
    Path("none.yaml").write_text("says: None.\nrequire: [park.yaml]\ntreasuries.park: null\n", "utf-8")
    assert drawn_in("own.yaml", changes=("park.yaml",)) == ["treasuries.park.lag"]
    for changes in (("park.yaml", "none.yaml"), ("none.yaml", "park.yaml")):
        loaded = load_located("own.yaml", changes=changes)
        assert not loaded.scenario.uncertain
        assert loaded.without_effect == (("park", "treasuries.park.lag"),)
    wrong = Path("park.yaml").read_text("utf-8").replace("[treasuries.park.lag]", "[treasuries.bark.lag]")
    Path("park.yaml").write_text(wrong, "utf-8")
    with pytest.raises(
        ScenarioError, match=r"nothing is stated at treasuries\.bark\.lag; did you mean 'park'"
    ):
        load_located("own.yaml", changes=("park.yaml", "none.yaml"))


def test_a_share_is_left_alone_where_a_part_of_its_total_is_stated() -> None:
    scenario("prepaid: {paths: [flows.goods.terms.prepayment.share], share: [0.3, 0.8]}")
    more = "flows.goods.terms.letter-of-credit.share: 0.05\nflows.goods.terms.open-account.share: 0.40\n"
    scenario("", name="variant", extends="own.yaml", more=more)
    assert not load("variant.yaml").uncertain
    assert load("own.yaml").uncertain


def test_a_mapping_of_another_kind_takes_its_assumptions_along() -> None:
    scenario(
        "rates: {paths: [fx.start], choice: {'2023-01-02': 1, '2022-01-03': 1}}",
        more="fx.start: 2024-01-01\n",
    )
    scenario(
        "",
        name="variant",
        extends="own.yaml",
        more="fx: {kind: constant, rates: {BYN: 3.2, CNY: 7.2, EUR: 0.9, RUB: 90}}\n",
    )
    assert not load("variant.yaml").uncertain
    assert load_located("variant.yaml").without_effect == (("rates", "fx.start"),)


# What is wrong with it.


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "x: {paths: [treasuries.misk.lag], range: [0d, 2d]}",
            "4:15: uncertain.x.paths.0: nothing is stated at treasuries.misk.lag; did you mean 'minsk'?",
        ),
        (
            "x: {paths: ['markets.*.pears.*.spread_bps'], range: [0, 2]}",
            "4:15: uncertain.x.paths.0: nothing is stated at markets.*.pears.*.spread_bps",
        ),
        (
            "x: {paths: [treasuries.minsk], range: [0d, 2d]}",
            "4:15: uncertain.x.paths.0: a single value is needed, and this is a mapping; name a value in it",
        ),
        (
            "x: {paths: [treasuries.minsk.at], range: [0d, 2d]}",
            "4:15: uncertain.x.paths.0: treasuries.minsk.at is a time of day, and here a duration is drawn",
        ),
        (
            "x: {paths: [treasuries.minsk.at], factor: [1, 2]}",
            "4:15: uncertain.x.paths.0: treasuries.minsk.at is a time of day, and here a duration or a number is drawn",
        ),
        (
            "x: {paths: [routes.rub.steps.transit.time.median], share: [0.1, 0.2]}",
            "4:15: uncertain.x.paths.0: nothing stands beside it that could fill up its total",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], range: [2d, 1d]}",
            "4:38: uncertain.x.range: nothing lies between 2d and 1d; the low end comes first",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], range: [1d, 1d]}",
            "4:38: uncertain.x.range: nothing lies between 1d and 1d; the low end comes first",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], range: [1d, 2]}",
            "4:38: uncertain.x.range: the ends are of two kinds, a duration and a number",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], range: [soon, 2d]}",
            (
                "4:46: uncertain.x.range.0: 'soon' is no number, duration, time of day, date or session "
                "such as 09:00-17:30"
            ),
        ),
        ("x: {paths: [treasuries.minsk.lag], range: []}", "4:38: uncertain.x.range: entry 0 is missing here"),
        (
            "x: {paths: [treasuries.minsk.lag], factor: [0, 2]}",
            "4:47: uncertain.x.factor.0: must be greater than 0, not 0",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], choice: {1d: 0}}",
            "4:38: uncertain.x.choice: at least one value needs a weight above zero",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], choice: {1d: -1}}",
            "4:51: uncertain.x.choice.1d: must be at least 0, not -1",
        ),
        (
            "x: {paths: [treasuries.minsk.lag]}",
            "4:3: uncertain.x: state one of 'range', 'factor', 'share', 'choice'",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], range: [0d, 2d], factor: [1, 2]}",
            "4:3: uncertain.x: state one of 'range', 'factor', 'share', 'choice'",
        ),
        ("x: {paths: [], range: [0d, 2d]}", "4:7: uncertain.x.paths: needs at least 1 entries, found 0"),
        (
            "x: {paths: ['a..b'], range: [0d, 2d]}",
            (
                "4:15: uncertain.x.paths.0: 'a..b' is not a path such as treasuries.minsk.lag "
                "or markets.*.pairs.*.spread_bps"
            ),
        ),
        (
            "x: {paths: [run_in], range: [1d, 9d]}",
            (
                "4:15: uncertain.x.paths.0: 'run_in' says what is run, and cannot differ between the replications "
                "of a study"
            ),
        ),
        (
            "x: {paths: [accounts.hvps.00.balance], factor: [1, 2]}",
            "4:15: uncertain.x.paths.0: nothing is stated at accounts.hvps.00.balance",
        ),
        (
            "x: {paths: [treasuries.minsk.lag], choice: {1e400: 1}}",
            "4:47: uncertain.x.choice.1e400: the number is too large or too small",
        ),
        (
            "x: {paths: [firms.exporters.count], range: [50.2, 50.4]}",
            "4:39: uncertain.x.range: firms.exporters.count is a whole number, so both ends of its range are whole",
        ),
        (
            "x: {path: [treasuries.minsk.lag], range: [0d, 2d]}",
            "4:7: uncertain.x.path: unknown key; did you mean 'paths'?",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(line: str, told: str) -> None:
    assert told in problems(line)


def test_two_assumptions_never_draw_one_value() -> None:
    lines = "x: {paths: [treasuries.minsk.lag], range: [0d, 2d]}\ny: {paths: ['treasuries.*.lag'], factor: [1, 2]}"
    assert problems(lines) == ["5:15: uncertain.y.paths.0: treasuries.minsk.lag is drawn by 'x' already"]
    lines = (
        "x: {paths: [firms.importers.banks.minsk-a], share: [0.1, 0.2]}\n"
        "y: {paths: [firms.importers.banks.minsk-b], share: [0.1, 0.2]}"
    )
    assert any("minsk-a is drawn by 'x' already" in told for told in problems(lines))


_STEP = "routes.cny-to-china.steps.originate.work"


def test_corners_that_break_an_order_are_refused() -> None:
    alone = f"mode: {{paths: [{_STEP}.mode], range: [15min, 2h]}}"
    assert [told.split(": low")[0] for told in problems(alone)] == [
        "4:3: uncertain.mode: no valid scenario where mode is 2h: routes.cny-to-china.steps.0.work.mode"
    ]
    together = (
        f"mode: {{paths: [{_STEP}.mode], range: [6min, 55min]}}\n"
        f"high: {{paths: [{_STEP}.high], range: [30min, 2h]}}"
    )
    [told] = problems(together)
    assert told.startswith("5:3: uncertain.high: no valid scenario where mode is 55min and high is 30min: ")
    assert not problems(together.replace("[30min", "[56min"))


def test_a_change_that_is_named_beside_has_corners_of_its_own() -> None:
    scenario("")
    Path("bad.yaml").write_text(
        f"says: Bad.\nuncertain: {{mode: {{paths: [{_STEP}.mode], range: [15min, 2h]}}}}\n", "utf-8"
    )
    told = CliRunner().invoke(cli, ["validate", "own.yaml", "--with", "bad.yaml"])
    assert told.exit_code == 2
    assert "bad.yaml:2:13: uncertain.mode: no valid scenario where mode is 2h" in told.stderr


def test_each_alternative_of_a_choice_is_looked_at() -> None:
    [told] = problems(
        "usd: {paths: [systems.nostro-usd.hours], choice: {new-york: 1, nowhere: 1, moscow: 1}}"
    )
    assert told.startswith(
        "4:3: uncertain.usd: no valid scenario where usd is nowhere: systems.nostro-usd.hours: "
    )


def test_what_later_rooms_refuse_is_refused() -> None:
    more = "fx.start: 2024-01-01\n"
    [told] = problems("rates: {paths: [fx.start], range: [2024-01-01, 2026-09-01]}", more=more)
    assert told.startswith("5:3: uncertain.rates: no valid scenario where rates is 2026-09-01: fx: ")


def test_an_assumption_that_does_not_fit_a_variant_is_told_and_no_mistake_of_its_author() -> None:
    fits = "rates: {paths: [fx.start], choice: {'2023-01-02': 1, '2025-01-06': 1}}"
    scenario(fits)
    scenario("", name="longer", extends="own.yaml", more="period.end: 2026-01-01\n")
    scenario("rates: null", name="sure", extends="longer.yaml")
    for arguments in (("longer.yaml",), ("own.yaml", "--set", "period.end=2026-01-01")):
        told = CliRunner().invoke(cli, ["validate", *arguments])
        assert told.exit_code == 0, told.output
        [warning] = told.stderr.splitlines()
        assert warning.startswith(
            "warning: own.yaml:4:3: uncertain.rates: no valid scenario where rates is 2025-01-06"
        )
        assert "a study over what is uncertain refuses this" in warning
    told = CliRunner().invoke(cli, ["validate", "sure.yaml"])
    assert (told.exit_code, told.stderr) == (0, "")
    assert "no valid scenario where rates is 2025-01-06" in problems(fits, more="period.end: 2026-01-01\n")[0]


def test_a_short_form_is_no_single_value() -> None:
    [told] = problems("price: {paths: [delay_price], factor: [0.5, 2]}", more="delay_price: 0.05\n")
    assert (
        told
        == "5:19: uncertain.price.paths.0: delay_price is short for a mapping; write that out, and name the value in it"
    )
    assert not problems(
        "price: {paths: [delay_price.rate], factor: [0.5, 2]}", more="delay_price: {rate: 0.05}\n"
    )


def test_a_value_that_no_scenario_can_have_is_an_error_when_it_is_drawn() -> None:
    base = own(f"mode: {{paths: [{_STEP}.mode], range: [15min, 2h]}}")
    with pytest.raises(ScenarioError, match="low ≤ mode ≤ high"):
        varied(base, {"mode": 1.0})
