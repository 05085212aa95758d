"""Many replications of a scenario are one study: tidy, told with intervals, and the same whoever made them."""

from __future__ import annotations

import json
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from scipy import stats
from studied import FEW, JOURNAL, WILD, files, options
from tiny import write_scenario

import sim
from sim.cli import cli
from sim.errors import NoMeasureError, StudyError
from sim.show.save import save_study_figures
from sim.studies.ensemble import Ensemble, ensemble
from sim.studies.study import How, Where
from sim.studies.subject import Subject
from sim.studies.until import Until, looks
from sim.studies.workers import workers

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 4
HERE: Callable[..., Any] = partial(workers, 1)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["ensemble", *arguments], prog_name="sim")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    """A small ensemble of the baseline, in a folder."""
    how = How(HERE, where=Where(tmp_path_factory.mktemp("studies") / "few"))
    return ensemble(Subject.named("baseline", FEW), COUNT, how)


def test_each_replication_tells_what_a_run_of_it_alone_tells(made: Ensemble) -> None:
    alone = sim.run(sim.load("baseline", FEW), replication=3, measures=("delay", "fx_result"))
    told = made.replications[made.replications["replication"] == 3].set_index(["measure", "of"])["value"]
    for row in alone.measures.to_frame().itertuples():
        assert told[row.measure, row.of] == row.value


def test_the_summary_is_the_textbooks(made: Ensemble) -> None:
    numbers = made.replications
    mine = numbers[(numbers["measure"] == "delay") & (numbers["of"] == "mean")]["value"]
    (row,) = made.summary[(made.summary["measure"] == "delay") & (made.summary["of"] == "mean")].itertuples()
    assert (row.n, row.unit, row.better) == (COUNT, "hours", "lower")
    assert row.mean == pytest.approx(mine.mean())
    assert row.sd == pytest.approx(mine.std())
    low, high = stats.t.interval(0.95, COUNT - 1, mine.mean(), mine.std() / COUNT**0.5)
    assert (row.low, row.high) == pytest.approx((low, high))
    assert row.p05 == pytest.approx(mine.quantile(0.05))


def test_bands_are_quantiles_of_the_runs_tables(made: Ensemble) -> None:
    runs = [sim.run(sim.load("baseline", FEW), replication=k, measures=()) for k in range(COUNT)]
    flying = pd.concat([run.in_flight.assign(run=k) for k, run in enumerate(runs)])
    told = made.bands[made.bands["series"] == "payments_in_flight"]
    expected = flying.groupby("at")["payments"].quantile(0.95)
    assert told["p95"].tolist() == pytest.approx(expected.tolist())
    flows = pd.concat([run.cash_flows for run in runs])
    china = flows[flows["side"] == "china"].groupby("at")["cash_flow"]
    at_risk = made.cash_flow_at_risk
    told = at_risk[(at_risk["of"] == "china") & at_risk["at"].notna()]
    assert told["at_risk"].tolist() == pytest.approx(((china.mean() - china.quantile(0.05)) / 100).tolist())


def test_cash_flows_are_what_firms_paid_and_received() -> None:
    run = sim.run(sim.load("baseline", ("period.end=2024-02-10", "run_in=10d", "horizon=10d")), measures=())
    start, end = (pd.Timestamp(at, unit="s", tz="UTC") for at in run.run.period)
    sides = run.firms.set_index("firm")["side"]
    paid: dict[str, int] = {}
    deals = run.conversions[run.conversions["converted_at"].between(start, end, inclusive="left")]
    firms = run.obligations.set_index("obligation_id")
    for deal in deals.itertuples():
        payer = deal.kind == "sold_back" or deal.bearer == "payer"
        firm = firms.loc[deal.obligation_id, "payer" if payer else "payee"]
        out = payer and deal.kind != "sold_back"
        paid[sides[firm]] = paid.get(sides[firm], 0) + (-1 if out else 1) * deal.realised_value
    own = run.payments.merge(run.obligations[["obligation_id"]], on="obligation_id")
    currency = run.firms.set_index("firm")["functional_currency"]
    for side, column, sign in (("payer", "instructed_at", -1), ("payee", "credited_at", 1)):
        mine = own[own[side].map(currency).astype("str") == own["currency"].astype("str")]
        mine = mine[mine[column].between(start, end, inclusive="left")]
        for firm, amount in zip(mine[side], mine["amount"], strict=True):
            paid[sides[firm]] = paid.get(sides[firm], 0) + sign * amount
    assert run.cash_flows.groupby("side", observed=True)["cash_flow"].sum().to_dict() == paid
    assert len(run.cash_flows) == 4


def test_a_study_goes_into_a_folder_with_hashes(made: Ensemble) -> None:
    assert made.folder is not None
    names = {path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*.*")}
    tables = {"replications.parquet", "bands.parquet", "failures.json", "manifest.json", JOURNAL}
    assert names == tables
    manifest = json.loads((made.folder / "manifest.json").read_text("utf-8"))
    assert manifest["replications"] == COUNT
    assert manifest["scenarios"][0][0]["seed"] == 1
    assert len(manifest["files"]) == 3
    assert pd.read_parquet(made.folder / "replications.parquet").columns.tolist() == [
        *("scenario", "common_with", "replication", "measure", "of", "value", "unit", "better")
    ]


def test_a_notebook_shows_it(made: Ensemble) -> None:
    shown = made._repr_html_()
    assert "4 replications" in shown
    assert "<td>delay</td><td>mean</td>" in shown
    assert dir(made.plot) == ["fan", "in_flight"]
    assert "50 and 90 %" in (made.plot.fan.__doc__ or "")


def test_figures_of_a_study_are_saved_with_it(made: Ensemble, tmp_path: Path) -> None:
    paths = save_study_figures(made, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "figures/fan.png",
        "figures/in_flight.png",
    ]
    assert all(path.stat().st_size > 10_000 for path in paths)


def test_two_processes_find_the_same_bytes_as_one(made: Ensemble, tmp_path: Path) -> None:
    how = How(partial(workers, 2), where=Where(tmp_path / "two"))
    ensemble(Subject.named("baseline", FEW), COUNT, how)
    assert made.folder is not None
    assert files(tmp_path / "two") == files(made.folder)


def test_what_is_gone_on_with_is_the_same_as_what_was_never_disturbed(made: Ensemble, tmp_path: Path) -> None:
    assert made.folder is not None
    how = How(HERE, where=Where(tmp_path / "mine"))
    ensemble(Subject.named("baseline", FEW), 2, how)
    # Whoever was killed while a line was written leaves half of it.
    with (tmp_path / "mine" / JOURNAL).open("ab") as journal:
        journal.write(b"0123abcd 0 2 half")
    again: list[tuple[int, int]] = []
    going_on = how._replace(
        where=Where(tmp_path / "mine", resume=True), progress=lambda *told: again.append(told)
    )
    ensemble(Subject.named("baseline", FEW), COUNT, going_on)
    assert again[0] == (2, COUNT)
    assert files(tmp_path / "mine") == files(made.folder)


@pytest.mark.usefixtures("folder")
def test_a_replication_that_fails_is_told_and_the_others_are_made() -> None:
    done = invoke("baseline", "-n", "4", "--jobs", "1", "--no-figures", "--measure", "delay", *options(WILD))
    assert done.exit_code == 1
    assert "replication 2 of baseline, seed 1, failed: " in done.stderr
    (failed,) = json.loads(Path("studies/baseline-1/failures.json").read_text("utf-8"))
    command = failed["command"]
    assert command.startswith("sim run baseline --set ")
    assert command.endswith("--replication 2")
    numbers = pd.read_parquet("studies/baseline-1/replications.parquet")
    assert sorted(numbers["replication"].unique()) == [0, 1, 3]
    alone = CliRunner().invoke(cli, shlex.split(command)[1:])
    assert alone.exit_code == 2
    assert all(
        "flows.goods.value: amounts in RUB come to" in told for told in (failed["message"], alone.stderr)
    )


def test_the_command_line_tells_numbers_as_tables_and_as_json(folder: Path) -> None:
    write_scenario(folder)
    arguments = ("tiny.yaml", "-n", "3", "--jobs", "1", "--no-figures", "--measure", "delay,settled_share")
    told = invoke(*arguments)
    assert told.exit_code == 0, told.stderr
    assert "95 % interval" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80
    content = json.loads(invoke(*arguments, "--json").stdout)
    assert content["folder"] == "studies/tiny-1-2"
    assert {row["measure"] for row in content["measures"]} == {"delay", "settled_share"}
    assert content["replications"] == 3


class Refused:
    """Studies that are refused: their arguments, and what is said."""

    CASES: tuple[tuple[tuple[str, ...], str], ...] = (
        (("-n", "0"), "n = 0"),
        (("-n", "-3"), "n = -3"),
        (("-n", "1"), "one replication has no interval"),
        (("-n", "2", "--jobs", "0"), "--jobs"),
        (("-n", "2", "--jobs", "1", "--cluster", "tcp://127.0.0.1:1"), "either --jobs"),
        (("-n", "2", "--measure", "dealy"), "did you mean 'delay'"),
        (("-n", "2", "--until", "delay.p95"), "MEASURE:WIDTH"),
        (("-n", "2", "--until", "delay.p95:-1%"), "MEASURE:WIDTH"),
        (("-n", "2", "--until", "dealy.p95:2%"), "did you mean 'delay'"),
        (("-n", "2", "--resume", "-o", "nowhere"), "no study to go on with"),
        (("-n", "2", "--resume"), "no study to go on with"),
        (("-n", "2", "-o", "mine"), "exists and is not a study"),
        (("-n", "2", "-o", "mine/notes.txt/x"), "is a file, not a folder"),
    )


@pytest.mark.parametrize(("arguments", "said"), Refused.CASES)
def test_what_cannot_be_made_is_said_before_anything_is(
    arguments: tuple[str, ...], said: str, folder: Path
) -> None:
    (folder / "mine").mkdir()
    (folder / "mine/notes.txt").write_text("mine", "utf-8")
    told = invoke("baseline", *options(), *arguments)
    assert told.exit_code == 2, told.stdout
    assert said in told.stderr
    assert "Traceback" not in told.stderr
    assert list(files(folder)) == ["mine/notes.txt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("national-currency", *options()), "holds a study of baseline, not of national-currency"),
        (("baseline", *options(), "--set=horizon=4d"), "'baseline' has changed since the study began"),
        (("baseline", *options(), "--seed=2"), "holds a study with seed 1, not 2"),
        (("baseline", *options(), "--measure=delay"), "other measures"),
    ],
)
def test_a_study_of_something_else_is_not_gone_on_with(
    arguments: tuple[str, ...], said: str, made: Ensemble
) -> None:
    assert made.folder is not None
    before = files(made.folder)
    told = invoke(*arguments, "-n", "9", "--jobs", "1", "--resume", "-o", str(made.folder))
    assert told.exit_code == 2
    assert said in told.stderr
    assert files(made.folder) == before
    assert "go on with it by --resume" in invoke("baseline", "-n", "9", "-o", str(made.folder)).stderr


def test_versions_are_never_mixed(folder: Path) -> None:
    how = How(HERE, measures=("payments",), where=Where(folder / "mine"))
    subject = Subject.named(write_scenario(folder / "source"))
    ensemble(subject, 2, how)
    file = folder / "mine/manifest.json"
    file.write_text(
        file.read_text("utf-8").replace(f'"numpy": "{np.__version__}"', '"numpy": "1.0"'), "utf-8"
    )
    with pytest.raises(StudyError, match=r"begun with numpy 1\.0.*never mixed"):
        ensemble(subject, 3, how._replace(where=Where(folder / "mine", resume=True)))


def test_a_damaged_or_foreign_journal_is_told(folder: Path) -> None:
    subject = Subject.named(write_scenario(folder / "source"))
    how = How(HERE, measures=("payments",), where=Where(folder / "mine"))
    ensemble(subject, 2, how)
    journal = folder / "mine" / JOURNAL
    kept, going_on = journal.read_bytes(), how._replace(where=Where(folder / "mine", resume=True))
    head, first, second = kept.splitlines(keepends=True)
    journal.write_bytes(head + first.replace(b" 0 0 ", b" 0 7 ") + second)
    with pytest.raises(StudyError, match=r"replications\.journal:2: the line is damaged"):
        ensemble(subject, 2, going_on)
    journal.write_bytes(head.replace(b"of ", b"of 0") + first + second)
    with pytest.raises(StudyError, match="of another study"):
        ensemble(subject, 2, going_on)


def test_one_looks_after_thirty_and_then_after_twice_as_many() -> None:
    assert list(looks(200, Until.read("delay.p95:2%"))) == [30, 60, 120, 200]
    assert list(looks(29, Until.read("delay.p95:2%"))) == [29]
    assert list(looks(200, None)) == [200]


def test_it_stops_when_it_knows_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.studies.until.FIRST_LOOK", 3)
    subject = Subject.named(write_scenario(folder / "source"))
    how = How(HERE, measures=("payments",), until=Until.read("payments:1%"))
    enough = ensemble(subject, 100, how)
    assert (enough.count, enough.reached) == (3, True)
    fewer = ensemble(subject, 2, how)
    assert (fewer.count, fewer.reached) == (2, True)
    with pytest.raises(StudyError, match=r"no such number; there are delay\.mean"):
        ensemble(subject, 4, how._replace(until=Until.read("delay.p96:1%")))


@pytest.mark.usefixtures("folder")
def test_what_is_not_reached_is_said() -> None:
    arguments = ("baseline", "-n", "2", "--jobs", "1", "--until", "value:1_000", "--measure", "value")
    told = invoke(*arguments, "--no-figures", *options())
    assert told.exit_code == 0, told.stderr
    assert "value to ± 1,000: not reached after 2" in told.stdout


def test_only_measures_that_are_asked_for_are_computed(folder: Path) -> None:
    subject = Subject.named(write_scenario(folder / "source"))
    found = ensemble(subject, 2, How(HERE, measures=("payments", "settled_share")))
    assert found.folder is None
    assert found.replications["measure"].unique().tolist() == ["payments", "settled_share"]
    with pytest.raises(NoMeasureError):
        ensemble(subject, 2, How(HERE, measures=("nothing",)))
    assert [path.name for path in folder.iterdir()] == ["source"]
