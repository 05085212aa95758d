"""A saved run comes back as it was, whole or not at all."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from tiny import tiny_run

import sim

if TYPE_CHECKING:
    from sim.results.results import Results


def test_a_reopened_run_equals_the_run(baseline_run: Results, baseline_folder: Path) -> None:
    opened = sim.open(baseline_folder)
    assert opened.scenario == baseline_run.scenario
    assert dict(opened.measures) == dict(baseline_run.measures)
    assert opened.table_names == baseline_run.table_names
    for name in opened.table_names:
        saved, kept = alike(opened[name]), alike(baseline_run[name])
        assert saved.dtypes.astype(str).to_dict() == kept.dtypes.astype(str).to_dict()
        assert all(saved[column].equals(kept[column]) for column in kept.columns)


def alike(table: pd.DataFrame) -> pd.DataFrame:
    """The same facts in one notation: the file format knows no seconds, and floats for numbers with gaps."""
    instants = table.select_dtypes("datetimetz")
    table = table.assign(**{name: column.dt.as_unit("s") for name, column in instants.items()})
    gaps = {"payment_id", "step"} & set(table.columns)
    if table.empty:  # No row, no names that a row could have.
        named = [name for name, kind in table.dtypes.items() if str(kind) in {"category", "object"}]
        table = table.astype(dict.fromkeys(named, "str"))
    return table.astype(dict.fromkeys(gaps, "Int64"))


def test_numbers_of_payments_come_back_as_whole_numbers(baseline_folder: Path) -> None:
    assert sim.open(baseline_folder).postings["payment_id"].dtype == "Int64"


def test_the_manifest_holds_the_hash_of_each_table(baseline_folder: Path) -> None:
    manifest = sim.open(baseline_folder).manifest
    found = {path.stem: sha256(path.read_bytes()).hexdigest() for path in baseline_folder.glob("*.parquet")}
    assert manifest["tables"] == found
    assert manifest["seed"] == 1


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return tiny_run(tmp_path_factory.mktemp("tiny"))


def test_tables_are_read_by_name_and_as_attributes(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "run")
    opened = sim.open(tmp_path / "run")
    assert opened.payments is opened["payments"]
    assert len(opened.fx_results) == len(results["fx_results"])
    assert set(opened.table_names) < set(dir(opened))
    with pytest.raises(KeyError, match=r"no table 'payment'; there are firms, obligations"):
        opened["payment"]
    with pytest.raises(AttributeError, match="no table 'payment'"):
        _ = opened.payment


@pytest.mark.parametrize(
    ("missing", "why"), [("nowhere", "there is no such folder"), ("empty", "it has no manifest.json")]
)
def test_what_is_no_run_is_not_opened(missing: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(sim.ResultsError, match=rf"not a run folder \({why}\)"):
        sim.open(tmp_path / missing)


@pytest.mark.parametrize("damaged", ["manifest.json", "measures.json", "payments.parquet"])
def test_a_damaged_run_is_told_as_such(damaged: str, results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "run")
    (tmp_path / "run" / damaged).write_text("{", "utf-8")
    with pytest.raises(sim.ResultsError, match=damaged):
        _ = sim.open(tmp_path / "run").payments


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError()]
)
@pytest.mark.parametrize("before", [False, True], ids=["new", "replacing"])
def test_a_save_that_fails_leaves_everything_as_it_was(
    failure: BaseException, before: bool, results: Results, tmp_path: Path
) -> None:
    if before:
        results.save(tmp_path / "run")
    old = contents(tmp_path)

    def fail(_: Results, folder: Path) -> None:
        assert (folder / "payments.parquet").is_file()
        raise failure

    expected = sim.RunError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        results.save(tmp_path / "run", fail)
    assert contents(tmp_path) == old
    assert [path.name for path in tmp_path.iterdir()] == (["run"] if before else [])


@pytest.mark.parametrize("undone", [True, False], ids=["undone", "stuck"])
def test_a_save_that_cannot_take_its_place_loses_nothing(
    undone: bool, results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.save(tmp_path / "run")
    old = contents(tmp_path)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target == tmp_path / "run" / "scenario.yaml" and (self.parent.name == "new" or not undone):
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(sim.RunError, match="cannot be saved"):
        results.save(tmp_path / "run")
    if undone:
        assert contents(tmp_path) == old
    else:
        with pytest.raises(sim.ResultsError, match=r"cannot be finished \(Input/output error\)"):
            sim.open(tmp_path / "run")
    monkeypatch.undo()
    sim.open(tmp_path / "run")
    assert contents(tmp_path) == old
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_with_other_things_in_it_is_refused(results: Results, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "letter.txt").write_text("dear", "utf-8")
    (tmp_path / "file").write_text("x", "utf-8")
    old = contents(tmp_path)
    for target in ("precious", "file"):
        with pytest.raises(sim.ResultsError, match="exists and is not a run"):
            results.save(tmp_path / target)
    assert contents(tmp_path) == old


def test_a_new_run_replaces_an_old_one_wholly(results: Results, tmp_path: Path) -> None:
    def decorate(_: Results, folder: Path) -> None:
        (folder / "figures").mkdir()
        (folder / "figures" / "old.png").write_text("x", "utf-8")

    results.save(tmp_path / "run", decorate)
    assert (tmp_path / "run" / "figures" / "old.png").exists()
    again = results.save(tmp_path / "run")
    assert again.folder == tmp_path / "run"
    assert not (tmp_path / "run" / "figures").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_empty_folder_may_become_a_run(results: Results, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    results.save(tmp_path / "run")
    assert len(sim.open(tmp_path / "run").payments) == len(results.payments)


def test_run_takes_names_files_and_scenarios(tmp_path: Path) -> None:
    text = "name: mini\nextends: baseline\nperiod: {end: 2024-01-04 00:00}\nrun_in: 1d\nhorizon: 1d\n"
    (tmp_path / "mini.yaml").write_text(text, "utf-8")
    from_file = sim.run(tmp_path / "mini.yaml", output=tmp_path / "out")
    from_scenario = sim.run(sim.load(tmp_path / "mini.yaml"))
    assert dict(from_file.measures) == dict(from_scenario.measures)
    assert from_scenario.folder is None
    assert sim.open(tmp_path / "out").scenario.name == "mini"


def test_a_manifest_alone_makes_no_folder_a_run(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "code.py").write_text("mine", "utf-8")
    (tmp_path / "mine" / "manifest.json").write_bytes((tmp_path / "run" / "manifest.json").read_bytes())
    with pytest.raises(sim.ResultsError, match="nothing that its manifest lists is there"):
        results.save(tmp_path / "mine", force=True)
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"code.py", "manifest.json"}


def test_a_hidden_folder_of_the_users_is_left_alone_whatever_it_is_called(
    results: Results, tmp_path: Path
) -> None:
    stage = tmp_path / ".mine.sim-saving"
    (stage / "new").mkdir(parents=True)
    (stage / "new" / "thesis.txt").write_text("thesis", "utf-8")
    (stage / "lock").write_text("a lock of mine", "utf-8")
    results.save(tmp_path / "other")
    with pytest.raises(sim.RunError, match="in the way"):
        results.save(tmp_path / "mine")
    assert (stage / "new" / "thesis.txt").read_text("utf-8") == "thesis"
    assert not (tmp_path / "mine").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_run_is_saved_below_a_name_that_is_no_text(results: Results, tmp_path: Path) -> None:
    place = tmp_path / os.fsdecode(b"bad\xff")
    results.save(place)
    assert len(sim.open(place).payments) == len(results.payments)
