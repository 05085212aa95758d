"""Scenarios are compared over the same draws, and a design is credited change by change."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from scipy import stats
from studied import FEW, WILD, options
from tiny import write_scenario

import sim
from sim.cli import cli
from sim.show.frame import blank
from sim.show.save import save_study_figures
from sim.studies.apart import take_apart
from sim.studies.comparison import Comparison, compare
from sim.studies.study import How, Where
from sim.studies.subject import Subject
from sim.studies.workers import workers

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 3
HERE: Callable[..., Any] = partial(workers, 1)
MEASURES = ("payments", "delay", "fx_result", "payment_cost_bps")
#: Payments of one's own, over a bank whose work takes a time by chance.
OWN = """
name: own
period: {start: 2024-03-04 08:00, end: 2024-03-06 00:00, zone: Europe/Minsk}
horizon: 2d
systems:
  s: {kind: rtgs, currency: BYN, hours: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}
accounts:
  - {holder: A, system: s, balance: 1000}
  - {holder: B, system: s, balance: 1000}
routes:
  slow:
    steps:
      - {kind: screen, at: payee_bank, probability: 0.5, work: {kind: lognormal, median: 2h, p95: 9h}}
      - {kind: settle, system: s}
      - {kind: post, work: {kind: fixed, value: 0}}
payments: {file: payments.csv}
"""


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["compare", *arguments], prog_name="sim")


def variant(folder: Path, name: str, text: str, parent: str = "baseline") -> str:
    """A variant in a file."""
    (folder / f"{name}.yaml").write_text(f"name: {name}\nextends: {parent}\n{text}", "utf-8")
    return str(folder / f"{name}.yaml")


def change(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.yaml").write_text(f"says: This is {name}.\n{text}", "utf-8")


#: A bank by another name, in the places that it had.
RENAMED = """
banks: {shenzhen-a: null, shenzhen-z: {side: china, hours: china-office}}
accounts:
  nostro-rub: {"7": {holder: shenzhen-z}}
  nostro-usd: {"7": {holder: shenzhen-z}}
  nostro-eur: {"7": {holder: shenzhen-z}}
  loro-byn: {"3": {holder: shenzhen-z}}
  hvps: {"3": {holder: shenzhen-z}}
firms:
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A design of a change of the library, a placebo, and a key of its own."""
    folder = tmp_path_factory.mktemp("designs")
    baseline = sim.load("baseline")
    groups = [name for name, group in baseline.firms.items() if "shenzhen-a" in group.banks]
    shares = "".join(f"  {name}: {{banks: {{shenzhen-a: null, shenzhen-z: 0.25}}}}\n" for name in groups)
    change(folder, "renamed", RENAMED + shares)
    text = "changes: [orders-all-day, renamed.yaml]\nhorizon: 6d\n"
    return Path(variant(folder, "design", text))


@pytest.fixture(scope="module")
def apart(design: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The design taken apart."""
    subjects = [Subject.named(source, FEW[:2]) for source in ("baseline", design)]
    told: list[str] = []
    where = Where(tmp_path_factory.mktemp("studies") / "apart")
    how = How(HERE, measures=MEASURES, where=where, decorate=save_study_figures)
    found = compare(subjects, COUNT, how, decompose=True, announce=told.append)
    assert len(told) == 1
    assert told[0].startswith("24 runs: 3 replications of 8 scenarios")
    return found


def row(table: pd.DataFrame, measure: str, of: str, **more: str) -> Any:  # noqa: ANN401 - a row
    wanted = (table["measure"] == measure) & (table["of"] == of)
    for name, value in more.items():
        wanted &= table[name] == value
    (found,) = table[wanted].itertuples()
    return found


def test_differences_are_paired_over_the_same_draws(apart: Comparison) -> None:
    numbers = apart.replications[apart.replications["measure"] == "delay"]
    by = (
        numbers[numbers["of"] == "p95"]
        .astype({"scenario": "str"})
        .pivot_table(index="replication", columns="scenario", values="value", observed=True)
    )
    each = (by["design"] - by["baseline"]).to_numpy()
    alone = (
        sim.run(sim.load("orders-all-day", FEW[:2]), replication=1, measures=["delay"])
        .measures["delay"]
        .value
    )
    assert by.loc[1, "baseline + orders-all-day"] == alone["p95"]
    told = row(apart.differences, "delay", "p95", over="all")
    assert told.n == COUNT
    assert told.difference == pytest.approx(each.mean())
    assert (told.low, told.high) == pytest.approx(
        stats.t.interval(0.95, COUNT - 1, each.mean(), stats.sem(each))
    )
    assert told.sure == pytest.approx(1 - stats.ttest_1samp(each, 0).pvalue / 2)
    assert (told.today, told.design) == pytest.approx((by["baseline"].mean(), by["design"].mean()))
    assert told.winner == ("design" if each.mean() < 0 else "baseline")
    assert apart.today == "baseline"


def test_the_registry_says_which_way_is_better(apart: Comparison) -> None:
    for told in apart.differences.itertuples():
        if told.better == "neither" or told.difference == 0:
            assert told.winner == ""
        else:
            better = told.difference < 0 if told.better == "lower" else told.difference > 0
            assert told.winner == ("design" if better else "baseline")


def test_the_keys_that_differ_are_told(apart: Comparison) -> None:
    keys = set(apart.differing["key"])
    assert {"horizon", "banks.shenzhen-z"} <= keys
    assert not {"name", "changes", "extends"} & keys


def test_parts_add_up_in_each_replication(apart: Comparison) -> None:
    assert apart.parts is not None
    whole = apart.replications[apart.replications["common_with"] == ""]
    told = whole.astype({"scenario": "str"}).pivot_table(
        index=["measure", "of", "replication"], columns="scenario", values="value", observed=True
    )
    difference = (told["design"] - told["baseline"]).dropna()
    parts = apart.parts.pivot_table(index=["measure", "of", "replication"], columns="change", values="value")
    assert [*parts] == ["orders-all-day", "other", "renamed"]
    for order in permutations(parts):
        sums = sum(parts[name] for name in order)
        assert (sums.to_numpy() == difference.loc[sums.index].to_numpy()).all()
    assert len(parts) >= 15 * COUNT


def test_a_placebo_gets_zero_with_an_interval_that_holds_it(apart: Comparison) -> None:
    assert apart.decomposition is not None
    placebo = apart.decomposition[apart.decomposition["change"] == "renamed"]
    assert len(placebo) >= 15
    assert ((placebo["low"] <= 0) & (placebo["high"] >= 0)).all()
    assert placebo["part"].abs().max() < 1e-9
    others = apart.decomposition[apart.decomposition["change"] == "orders-all-day"]
    # A later cut-off is a later order for who knows it, and that is no placebo.
    assert row(others, "delay", "mean").low > 0


def test_only_sets_that_hold_what_their_changes_require_are_played(folder: Path) -> None:
    path = variant(folder, "mine", "changes: [cips-orders-all-day, direct-cips]")
    base, design = (Subject.named(source, FEW[:2]) for source in ("baseline", path))
    found = take_apart(base, design, (base.case(), design.case()))
    names = [{found.names[player] for player in members} for members in found.among.coalitions]
    assert names == [set(), {"direct-cips"}, {"direct-cips", "cips-orders-all-day"}]
    assert [case.name for case in found.cases.values()] == ["baseline", "mine", "baseline + direct-cips"]
    alone = sim.load("baseline", FEW[:2], ["direct-cips"])
    between = found.cases[frozenset({found.names.index("direct-cips")})].scenario
    assert between.systems == alone.systems
    assert between.model_copy(update={"name": "", "description": "", "question": ""}) == alone.model_copy(
        update={"name": "", "description": "", "question": ""}
    )


def test_changes_of_one_name_are_told_apart(folder: Path) -> None:
    for place, text in (("p", "treasuries.minsk.lag: 0d\n"), ("q", "treasuries.china.lag: 3d\n")):
        (folder / place).mkdir()
        change(folder / place, "same", text)
    change(folder, "other", "treasuries.minsk.at: '12:00'\n")
    design = variant(
        folder,
        "design",
        "changes: [p/same.yaml, q/same.yaml, other.yaml]\nhours.biss.sessions: ['09:00-18:00']\n",
    )
    subjects = [Subject.named(name, FEW) for name in ("baseline", design)]
    cases = tuple(subject.case() for subject in subjects)
    found = take_apart(subjects[0], subjects[1], cases)
    assert {*found.names} == {"other (other.yaml)", "same (p/same.yaml)", "same (q/same.yaml)", "other"}
    names = [case.name for case in found.cases.values()]
    assert len({*names}) == len(names) == 16


def test_what_no_change_explains_is_a_player_of_its_own(apart: Comparison) -> None:
    assert apart.decomposition is not None
    (says,) = apart.decomposition.loc[apart.decomposition["change"] == "other", "says"].unique()
    assert says == "what no change explains: horizon"


def test_a_comparison_draws_and_shows_itself(apart: Comparison) -> None:
    assert apart.folder is not None
    assert sorted(path.name for path in apart.folder.glob("figures/*")) == [
        "differences.png",
        "waterfall.png",
    ]
    assert (apart.folder / "parts.parquet").is_file()
    shown = apart._repr_html_()
    assert "<td>orders-all-day</td>" in shown
    axes = apart.plot.waterfall(blank(8, 5).add_subplot(), measure="fx_result", of="china.total")
    assert len(axes.patches) == 5
    assert next(iter(axes.get_xticklabels())).get_text() == "today"


def narrowed(found: Comparison, measure: str, of: str) -> float:
    """How many times larger the variance of a difference of independent runs would be."""
    numbers = found.replications[
        (found.replications["measure"] == measure) & (found.replications["of"] == of)
    ]
    alone = numbers.groupby("scenario", observed=True)["value"].var().sum()
    return float(alone / row(found.differences, measure, of).sd ** 2)


def test_the_same_draws_narrow_a_difference_fivefold() -> None:
    pair = [sim.load("baseline", FEW), sim.load("baseline", (*FEW, "name=wide"), ["orders-all-day"])]
    found = sim.compare(*pair, n=5, measures=("delay", "value", "payment_cost_bps"))
    assert narrowed(found, "delay", "mean") > 5
    assert narrowed(found, "payment_cost_bps", "total") > 5


def test_the_same_draws_narrow_a_difference_of_own_payments_fivefold(folder: Path) -> None:
    lines = [f"p{k},2024-03-04T{9 + k % 6:02}:00,A,B,10,slow" for k in range(12)]
    (folder / "payments.csv").write_text(
        "payment_id,instructed_at,payer_bank,payee_bank,amount,route\n" + "\n".join(lines), "utf-8"
    )
    (folder / "own.yaml").write_text(OWN, "utf-8")
    variant(folder, "longer", "systems: {s: {hours: {sessions: ['09:00-17:30']}}}", parent="own.yaml")
    found = sim.compare("own.yaml", "longer.yaml", n=12, measures=["delay"])
    assert found.replications["value"].nunique() > 12
    assert narrowed(found, "delay", "mean") > 5


def test_where_obligations_differ_those_of_both_are_compared_too() -> None:
    flow: dict[str, Any] = {
        "payer": "importers",
        "payee": "suppliers",
        "value": 90_000_000,
        "currency": "CNY",
    }
    flow |= {"invoice": {"kind": "fixed", "value": 100_000}, "invoicing": {"CNY": 1}}
    more: dict[str, Any] = {"flows.parts": flow | {"terms": {"open-account": {"share": 1, "days": [1, 2]}}}}
    more |= {override.partition("=")[0]: override.partition("=")[2] for override in (*FEW, "name=more")}
    pair = [sim.load("baseline", FEW), sim.load("baseline", overrides=more)]
    found = sim.compare(*pair, n=2, measures=("payments", "value", "liquidity_used_total"))
    common = found.differences[found.differences["over"] == "common"]
    # Liquidity is that of all payments, so it is not told over some.
    assert set(common["measure"]) == {"payments", "value"}
    assert row(common, "payments", "").difference == 0
    whole = row(found.differences, "payments", "", over="all")
    assert whole.difference > 0
    assert row(common, "payments", "").today == whole.today


def test_the_command_line_compares(folder: Path) -> None:
    variant(folder, "mine", "fx: {kind: constant, rates: {CNY: 7.2, BYN: 3.2, RUB: 90, EUR: 0.9}}")
    arguments = (
        "baseline",
        "mine.yaml",
        "-n",
        "2",
        "--jobs",
        "1",
        "--measure",
        "delay,fx_result",
        *options(),
    )
    told = invoke(*arguments)
    assert told.exit_code == 0, told.stderr
    assert "mine against baseline, seed 1: 2 replications" in told.stdout
    assert "mine differs from baseline in fx" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80
    content = json.loads(invoke(*arguments, "--json", "--no-figures").stdout)
    assert content["scenarios"] == ["baseline", "mine"]
    assert {found["measure"] for found in content["differences"]} == {"delay", "fx_result"}
    assert Path(content["folder"]) == Path("studies/baseline-mine-1-2")


def test_a_set_of_changes_that_fails_is_told_with_a_command_of_its_own(folder: Path) -> None:
    variant(folder, "mine", "changes: [orders-all-day, biss-from-six]")
    arguments = (
        "baseline",
        "mine.yaml",
        "-n",
        "3",
        "--jobs",
        "1",
        "--decompose",
        "--no-figures",
        "--measure=payments",
    )
    told = invoke(*arguments, "--json", *options(WILD))
    assert told.exit_code == 1
    content = json.loads(told.stdout)
    assert [(one["scenario"], one["replication"]) for one in content["failures"]] == [
        ("baseline", 2),
        ("baseline + orders-all-day", 2),
        ("baseline + biss-from-six", 2),
    ]
    assert {one["n"] for one in content["decomposition"]} == {2}
    command = shlex.split(content["failures"][1]["command"])
    saved = sim.load(command[2])
    assert saved.hours["yuan-orders"] == sim.load("orders-all-day").hours["yuan-orders"]
    assert saved.hours["biss"] == sim.load("baseline").hours["biss"]
    assert command[3:] == ["--replication", "2"]


def test_a_comparison_stops_when_it_knows_the_difference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.studies.until.FIRST_LOOK", 2)
    write_scenario(folder)
    variant(folder, "other", "", parent="tiny.yaml")
    found = sim.compare("tiny.yaml", "other.yaml", n=9, measures=["payments"], until="delay.mean:1%")
    assert (found.count, found.reached, found.until) == (2, True, "delay.mean to ± 1 %")
    assert set(found.differences["measure"]) == {"payments", "delay"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("baseline",), "two scenarios or more"),
        (("baseline", "baseline"), "have the same name, 'baseline'"),
        (("baseline", "orders-all-day", "hedged", "--decompose"), "one scenario is taken apart at a time"),
        (("hedged", "baseline", "--decompose"), "baseline lacks changes that hedged has: forwards"),
        (("baseline", "rootless.yaml", "--decompose"), "have different roots"),
        (("baseline", "seeded.yaml"), "different seeds (baseline has 1, seeded has 5)"),
        (("baseline", "other.yaml", "-n", "1"), "one replication has no interval"),
        (("baseline", "other.yaml", "--decompose"), "differ in nothing that could be taken apart"),
    ],
)
def test_what_cannot_be_compared_is_said(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    variant(folder, "seeded", "seed: 5")
    variant(folder, "other", "")
    write_scenario(folder, "reporting_currency: USD\nfx: {kind: constant, rates: {BYN: 3.2}}\n")
    text = (folder / "tiny.yaml").read_text("utf-8").replace("name: tiny", "name: rootless")
    (folder / "rootless.yaml").write_text(text, "utf-8")
    told = invoke(*arguments, *([] if "rootless.yaml" in arguments else options()))
    assert told.exit_code == 2, told.stdout
    assert said in told.stderr
    assert not (folder / "studies").exists()


def test_overrides_are_a_mapping_or_a_list_and_never_a_text() -> None:
    by_list = sim.load("baseline", ["period.end=2024-02-01", "risk.levels=[0.9]", "seed=2"], ["direct-cips"])
    overrides = {"period.end": "2024-02-01", "risk.levels": [0.9]}
    assert sim.load("baseline", seed=2, overrides=overrides, changes=["direct-cips"]) == by_list
    with pytest.raises(TypeError, match="overrides: a list is needed"):
        sim.load("baseline", "seed=2")
    with pytest.raises(TypeError, match="changes: a list is needed"):
        sim.load("baseline", changes="direct-cips")


def test_the_waterfall_leads_to_a_number_that_differs(apart: Comparison) -> None:
    numbers = apart.replications.astype({"measure": "str"})
    # As many replications settle all that they have, in both scenarios.
    all_settled = numbers[numbers["measure"] == "payments"].assign(measure="settled_share", better="higher")
    with_them = replace(apart, replications=pd.concat([all_settled.assign(value=1.0), numbers]))
    assert row(with_them.differences, "settled_share", "", over="all").difference == 0
    assert with_them.plot.waterfall(blank(8, 5).add_subplot()).get_ylabel() == "delay.mean, hours"


@pytest.mark.parametrize(("times", "most"), [(20, 10), (1e6, 14)])
def test_an_axis_of_wide_differences_is_divided_throughout(
    apart: Comparison, times: float, most: int
) -> None:
    numbers = apart.replications
    wide = (numbers["scenario"] == "design") & (numbers["measure"] == "fx_result")
    ax = replace(
        apart, replications=numbers.assign(value=numbers["value"].mask(wide, numbers["value"] * times))
    )
    ax = ax.plot.differences(blank(8, 5).add_subplot())
    ends, ticks = ax.get_xlim(), list(ax.get_xticks())
    assert {-10, 0, 10} <= {*ticks}
    assert ends[0] <= min(ticks) < -10
    assert 3 < len(ticks) <= most
    assert ticks == sorted(ticks)


def laid_over(folder: Path) -> dict[str, Any]:
    """What a study can be told beside its scenarios."""
    change(folder, "less", "accounts.0.balance: 99\n")
    return {"overrides": {"horizon": "3d"}, "changes": ["less.yaml"], "seed": 7}


def test_a_study_lays_over_its_scenarios_what_loading_one_would(folder: Path) -> None:
    write_scenario(folder)
    more = laid_over(folder)
    found = sim.ensemble("tiny.yaml", 2, measures=["delay"], **more)
    assert found.scenario == sim.load("tiny.yaml", **more)
    assert found.scenario != sim.load("tiny.yaml")
    same = sim.ensemble(sim.load("tiny.yaml", **more), 2, measures=["delay"])
    assert found.replications.equals(same.replications)


def test_what_is_laid_over_is_no_part_of_what_is_taken_apart(folder: Path) -> None:
    write_scenario(folder)
    change(folder, "more", "accounts.1.balance: 500\n")
    variant(folder, "other", "changes: [more.yaml]", parent="tiny.yaml")
    more = laid_over(folder)
    found = sim.compare("tiny.yaml", "other.yaml", n=2, measures=["delay"], decompose=True, **more)
    assert found.scenarios == (sim.load("tiny.yaml", **more), sim.load("other.yaml", **more))
    assert found.decomposition is not None
    assert set(found.decomposition["change"]) == {"more"}
    assert found.differing["key"].tolist() == ["accounts.1.balance"]


@pytest.mark.parametrize("name", ["overrides", "changes", "seed"])
def test_nothing_is_laid_over_what_is_loaded_already(folder: Path, name: str) -> None:
    scenario = sim.load(write_scenario(folder))
    more = {name: laid_over(folder)[name]}
    with pytest.raises(sim.StudyError, match="cannot be laid over 'tiny', which is loaded already"):
        sim.ensemble(scenario, 2, **more)
    with pytest.raises(sim.StudyError, match="cannot be laid over 'tiny', which is loaded already"):
        sim.compare("tiny.yaml", scenario, n=2, **more)


def test_studies_refuse_a_text_in_the_place_of_a_list() -> None:
    with pytest.raises(TypeError, match="overrides: a list is needed"):
        sim.ensemble("baseline", 2, overrides="run_in=0d")
    with pytest.raises(TypeError, match="changes: a list is needed"):
        sim.compare("baseline", "hedged", n=2, changes="direct-cips")
