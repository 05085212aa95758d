"""A study over what is uncertain draws assumptions as it draws chance: once a replication, the same for all."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import sim
from sim.cli import cli
from sim.studies.comparison import compare
from sim.studies.ensemble import ensemble
from sim.studies.study import How, Where
from sim.studies.subject import Subject
from sim.studies.workers import workers
from sim.world.assumed import assumed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from sim.studies.comparison import Comparison
    from sim.studies.ensemble import Ensemble

COUNT = 5
#: The same where sets of changes are played.
FEW = 2
PAYMENTS = "payment_id,instructed_at,payer_bank,payee_bank,amount,route\n" + "".join(
    f"p{number},2024-03-04T{9 + number % 7:02}:{number % 60:02},{'AB'[number % 2]},{'BA'[number % 2]},1,slow\n"
    for number in range(60)
)
BASE = """
name: base
period: {start: 2024-03-04 08:00, end: 2024-03-06 00:00, zone: Europe/Minsk}
horizon: 5d
systems:
  s: {kind: rtgs, currency: BYN, hours: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}
accounts:
  - {holder: A, system: s, balance: 1000}
  - {holder: B, system: s, balance: 1000}
routes:
  slow:
    steps:
      review: {kind: screen, at: payee_bank, probability: 0.5, work: {kind: lognormal, median: 2h, p95: 9h}}
      money: {kind: settle, system: s}
      credit: {kind: post, work: {kind: fixed, value: 1h}}
payments: {file: payments.csv}
uncertain:
  reviewed: {paths: [routes.slow.steps.review.probability], range: [0.1, 0.9], source: assumption}
  review: {paths: [routes.slow.steps.review.work.median, routes.slow.steps.review.work.p95], factor: [0.5, 2]}
  posting: {paths: [routes.slow.steps.credit.work.value], range: [0h, 2h]}
"""
#: Of the assumptions of the base it states one value itself, and leaves two.
DESIGN = """
name: design
extends: base.yaml
changes: [posts-at-once.yaml, asks-less.yaml]
"""
CHANGES = {
    "posts-at-once.yaml": "says: Posts at once.\nroutes.slow.steps.credit.work.value: 0h\n",
    "asks-less.yaml": "says: Asks less.\nroutes.slow.steps.review.work: {median: 1h, p95: 4h}\n",
    "placebo.yaml": "says: Has other words.\nroutes.slow.steps.money.source: other\n",
}


@pytest.fixture(autouse=True)
def here(folder: Path) -> Path:
    files = {"payments.csv": PAYMENTS, "base.yaml": BASE, "design.yaml": DESIGN, **CHANGES}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def how(folder: str | None = None, *, over: bool = True, jobs: int = 1, resume: bool = False) -> How:
    where = None if folder is None else Where(Path(folder), resume)
    return How(partial(workers, jobs), measures=("delay", "payments"), over=over, where=where)


def told(numbers: pd.DataFrame, of: str = "mean") -> pd.Series:
    """The mean delay by replication."""
    mine = numbers[(numbers["measure"] == "delay") & (numbers["of"] == of)]
    return mine.set_index("replication")["value"]


def bytes_of(folder: str) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.is_file()}


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="sim")


def made(folder: str | None = None, **asked: bool) -> Ensemble:
    return ensemble(Subject.named("base.yaml"), COUNT, how(folder, **asked))


def compared(*sources: str, decompose: bool = False, over: bool = True) -> Comparison:
    subjects = [Subject.named(source) for source in sources]
    count = FEW if decompose else COUNT
    return compare(subjects, count, how(over=over), decompose=decompose, announce=lambda _said: None)


def test_each_replication_is_a_run_of_the_scenario_that_it_drew() -> None:
    numbers = told(made().replications)
    base = sim.load("base.yaml")
    for replication in (0, 4):
        drawn = assumed(base, replication)
        alone = sim.run(drawn.scenario, replication=replication, measures=["delay"])
        assert alone.measures["delay"].value["mean"] == numbers[replication]
        again = sim.run("base.yaml", replication=replication, over="uncertain", measures=["delay"])
        assert again.measures["delay"].value["mean"] == numbers[replication]


def test_the_command_line_repeats_one_replication_alone() -> None:
    numbers = told(made().replications)
    found = invoke("run", "base.yaml", "--replication", "4", "--over", "uncertain", "--json", "--no-figures")
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["measures"]["delay"]["value"]["mean"] == numbers[4]
    saved = sim.open(Path("runs/base-1-r4")).scenario
    assert not saved.uncertain
    assert saved == assumed(sim.load("base.yaml"), 4).scenario


def test_what_was_drawn_is_told_by_replication() -> None:
    drawn = made().assumptions
    assert list(drawn.columns) == ["scenario", "replication", "assumption", "quantile", "value"]
    assert len(drawn) == COUNT * 3
    mine = drawn[drawn["assumption"] == "reviewed"].set_index("replication")
    base = sim.load("base.yaml")
    for replication in range(COUNT):
        chosen = assumed(base, replication).scenario.routes["slow"].steps[0].probability
        assert mine.loc[replication, "value"] == str(chosen)
        assert float(chosen) == pytest.approx(0.1 + 0.8 * mine.loc[replication, "quantile"], abs=1e-4)
    assert made(over=False).assumptions.empty


def test_assumptions_widen_what_can_be_expected() -> None:
    wide, narrow = (told(made(over=over).replications).var() for over in (True, False))
    assert wide > 2 * narrow


def test_neither_processes_nor_a_break_change_a_byte() -> None:
    made("whole")
    ensemble(Subject.named("base.yaml"), COUNT, how("two", jobs=2))
    ensemble(Subject.named("base.yaml"), FEW, how("broken"))
    ensemble(Subject.named("base.yaml"), COUNT, how("broken", resume=True))
    assert "assumptions.parquet" in bytes_of("whole")
    assert bytes_of("two") == bytes_of("broken") == bytes_of("whole")


def test_compared_scenarios_draw_the_same() -> None:
    found = compared("base.yaml", "design.yaml")
    drawn = found.assumptions.pivot_table(
        index=["replication", "assumption"], columns="scenario", values="quantile", observed=True
    )
    reviewed = drawn.xs("reviewed", level="assumption")
    assert (reviewed["base"] == reviewed["design"]).all()
    assert set(found.assumptions.query("scenario == 'design'")["assumption"]) == {"reviewed"}


def test_what_a_design_states_is_drawn_for_the_other_alone() -> None:
    shown = invoke("compare", "base.yaml", "design.yaml", "-n", "2", "--jobs", "1", "--over", "uncertain")
    assert shown.exit_code == 0, shown.stderr
    assert "draws 3 assumptions anew, the same in all scenarios." in shown.stdout
    assert "Without effect in design: review, posting" in shown.stdout
    assert "in base" not in shown.stdout.split("Without effect")[1].splitlines()[0]


def test_a_placebo_gets_zero_over_assumptions_too() -> None:
    Path("placebo-design.yaml").write_text(
        "name: twin\nextends: base.yaml\nchanges: [placebo.yaml]\n", "utf-8"
    )
    found = compared("base.yaml", "placebo-design.yaml", decompose=True)
    assert (found.differences[["difference", "low", "high"]] == 0).all(axis=None)
    assert found.decomposition is not None
    assert (found.decomposition[["part", "low", "high"]] == 0).all(axis=None)


def test_parts_add_up_over_assumptions() -> None:
    found = compared("base.yaml", "design.yaml", decompose=True)
    assert found.parts is not None
    assert set(found.parts["change"]) == {"posts-at-once", "asks-less"}
    mine = found.parts[(found.parts["measure"] == "delay") & (found.parts["of"] == "mean")]
    numbers = found.replications[found.replications["common_with"] == ""]
    base, design = (told(numbers[numbers["scenario"] == name]) for name in ("base", "design"))
    assert mine.groupby("replication")["value"].sum().to_numpy() == pytest.approx((design - base).to_numpy())


def test_assumptions_of_its_own_are_a_player_only_where_they_are_drawn() -> None:
    own = "uncertain: {money: {paths: [accounts.0.balance], range: [900, 1100]}}\n"
    text = DESIGN.replace("design", "own").replace(", asks-less.yaml", "")
    Path("own.yaml").write_text(text + own, "utf-8")
    drawn = compared("base.yaml", "own.yaml", decompose=True).parts
    without = compared("base.yaml", "own.yaml", decompose=True, over=False).parts
    assert drawn is not None
    assert without is not None
    assert "other" in set(drawn["change"])
    assert "other" not in set(without["change"])


@pytest.mark.parametrize("command", ["ensemble", "compare"])
def test_what_is_not_declared_cannot_be_drawn(command: str) -> None:
    Path("sure.yaml").write_text("name: sure\nextends: base.yaml\nuncertain: null\n", "utf-8")
    twin = ("twin.yaml",) if command == "compare" else ()
    Path("twin.yaml").write_text("name: twin\nextends: sure.yaml\n", "utf-8")
    found = invoke(command, "sure.yaml", *twin, "-n", "2", "--over", "uncertain")
    assert found.exit_code == 2
    assert "nothing is declared under 'uncertain' that could be drawn: sure" in found.stderr
    assert not Path("studies").exists()


def test_bad_corners_are_refused_before_anything_is_made() -> None:
    bad = "uncertain: {median: {paths: [routes.slow.steps.review.work.median], range: [1h, 10h]}, review: null}\n"
    Path("bad.yaml").write_text(f"name: bad\nextends: base.yaml\n{bad}", "utf-8")
    found = invoke("ensemble", "bad.yaml", "-n", "2", "--over", "uncertain")
    assert found.exit_code == 2
    assert "bad.yaml:3:13: uncertain.median: no valid scenario where median is 10h: " in found.stderr
    assert not Path("studies").exists()
    with pytest.raises(sim.ScenarioError, match=r"uncertain\.median: no valid scenario"):
        sim.ensemble(sim.load("bad.yaml"), 2, over="uncertain")
    assert invoke("ensemble", "bad.yaml", "-n", "2", "--jobs", "1", "--no-figures").exit_code == 0


def test_sets_of_changes_that_cannot_be_drawn_are_refused_before_anything_is_made() -> None:
    assumed_p95 = "  longest: {paths: [routes.slow.steps.review.work.p95], range: [3h, 12h]}\n"
    base = BASE.replace(", routes.slow.steps.review.work.p95", "")
    Path("base.yaml").write_text(base.replace("factor: [0.5, 2]", "factor: [0.5, 1]") + assumed_p95, "utf-8")
    Path("slow.yaml").write_text("says: Slow.\nroutes.slow.steps.review.work.median: 4h\n", "utf-8")
    Path("long.yaml").write_text("says: Long.\nroutes.slow.steps.review.work.p95: 20h\n", "utf-8")
    Path("both.yaml").write_text("name: both\nextends: base.yaml\nchanges: [slow.yaml, long.yaml]\n", "utf-8")
    found = invoke("compare", "base.yaml", "both.yaml", "-n", "2", "--over", "uncertain", "--decompose")
    assert found.exit_code == 2, found.stdout
    assert "base + slow: uncertain.longest: no valid scenario where longest is 3h" in found.stderr
    assert not Path("studies").exists()


def test_a_run_of_what_assumes_nothing_has_nothing_to_draw() -> None:
    Path("sure.yaml").write_text("name: sure\nextends: base.yaml\nuncertain: null\n", "utf-8")
    found = invoke("run", "sure.yaml", "--over", "uncertain")
    assert found.exit_code == 2
    assert "nothing is declared under 'uncertain' that could be drawn: sure" in found.stderr


def test_resume_finds_the_folder_of_its_study() -> None:
    asked = ("ensemble", "base.yaml", "--jobs", "1", "--measure", "payments", "--no-figures", "-n")
    for more in ((), ("--over", "uncertain")):
        assert invoke(*asked, "2", *more).exit_code == 0
    assert invoke(*asked, "3", "--resume").exit_code == 0
    counts = {
        path.parent.name: json.loads(path.read_text("utf-8"))["replications"]
        for path in Path("studies").glob("*/manifest.json")
    }
    assert counts == {"base-1": 3, "base-1-2": 2}


def test_a_study_goes_on_as_it_was_begun() -> None:
    made("drawn")
    found = invoke(
        "ensemble", "base.yaml", "-n", "20", "--resume", "-o", "drawn", "--measure", "delay,payments"
    )
    assert found.exit_code == 2
    assert "was begun with --over uncertain" in found.stderr


def test_only_what_is_uncertain_can_be_drawn() -> None:
    with pytest.raises(sim.StudyError, match="over='rates': only 'uncertain' can be drawn"):
        sim.ensemble("base.yaml", 2, over="rates")
    assert invoke("ensemble", "base.yaml", "--over", "rates").exit_code == 2


def test_a_replication_that_cannot_be_drawn_is_told_with_its_command() -> None:
    """Ends can be valid where something between them is not: only that replication fails."""
    text = BASE.replace("horizon: 5d", "horizon: 5d\ncalendars: {a: {country: BY, closed: [2024-03-05]}}")
    between = "  day: {paths: [calendars.a.closed.0], range: [2024-03-01, 2024-03-31]}\n"
    opened = [f"2024-03-{day}" for day in range(17, 31)]
    text = text.replace("closed: [2024-03-05]", f"closed: [2024-03-05], opened: [{', '.join(opened)}]")
    Path("base.yaml").write_text(text + between, "utf-8")
    found = made("some")
    days = found.assumptions[found.assumptions["assumption"] == "day"]["value"]
    assert not set(days) & set(opened)
    assert len(found.failures)
    for row in found.failures.itertuples():
        assert row.command == f"sim run base.yaml --replication {row.replication} --over uncertain"
        assert invoke(*row.command.split()[1:]).exit_code == 2
    assert len(found.failures) + len(days) == COUNT
