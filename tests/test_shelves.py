"""Facts, derived tables and measures: each is what it declares, and can be computed again from what it needs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import SHORTER, shortened
from pandas.testing import assert_frame_equal

import sim
from sim.errors import NoTableError
from sim.results import dictionary, registry
from sim.results.columns import frame, instant, label, whole
from sim.results.execute import execute
from sim.results.promises import NEEDS
from sim.results.registry import Measure, derived, leaves, measure, unit_at
from sim.results.run import Run
from sim.results.shelves import MEASURES, TABLES
from sim.scenario.library import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.results.results import Results

DOCS = Path(__file__).parents[1] / "docs"
FACTS = [name for name, table in TABLES.items() if table.is_fact]
DERIVED = [name for name, table in TABLES.items() if not table.is_fact]
#: Scenarios that have between them hedges, returns, loans, clearing accounts, frozen accounts and standstills.
TELLING = ("hedged", "returned-payments", "clearing-union", "mechanisms/repo", "mechanisms/limits")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is gone after it."""
    monkeypatch.setattr(registry, "TABLES", dict(TABLES))
    monkeypatch.setattr(registry, "MEASURES", dict(MEASURES))


def assert_told_again(run: Results, folder: Path) -> None:
    """Saved, read again, and computed again from the facts alone, everything is the same."""
    run.save(folder)
    opened = sim.open(folder)
    for name in TABLES:
        assert_frame_equal(opened[name], run[name], check_freq=False)
    bare = folder.with_name("bare")
    shutil.copytree(folder, bare)
    for name in DERIVED:
        (bare / f"{name}.parquet").unlink()
    facts = sim.open(bare)
    for name in DERIVED:
        assert_frame_equal(facts[name], run[name], check_freq=False)
    for source in (opened, facts):
        again = Run(source.scenario, source.run.source)
        for name in MEASURES:
            assert again.measure(name) == opened.measures[name] == run.measures[name], name


@pytest.mark.parametrize("name", TELLING)
def test_saved_is_recomputed_is_recomputed_from_the_facts(name: str, tmp_path: Path) -> None:
    assert_told_again(execute(shortened(name, SHORTER)), tmp_path / "run")


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in names() if name not in TELLING])
def test_so_it_is_in_every_scenario_of_the_library(name: str, tmp_path: Path) -> None:
    assert_told_again(execute(shortened(name, SHORTER)), tmp_path / "run")


def test_everything_needs_what_it_declares_and_nothing_else(short_runs: Mapping[str, Results]) -> None:
    """Over runs with all there is to tell, what is asked for is what is declared."""
    asked: dict[str, set[str]] = {}
    for scenario in (*TELLING, "mechanisms/throughput-rule"):
        run = short_runs[scenario]
        assert [run[name] is not None for name in TABLES]
        for name in DERIVED:
            TABLES[name].of(Noting(run.run, asked.setdefault(f"table {name}", set())))
        for name, declared in MEASURES.items():
            declared.compute(Noting(run.run, asked.setdefault(f"measure {name}", set())))
    declared_needs = {f"table {name}": {*TABLES[name].needs} for name in DERIVED}
    declared_needs |= {f"measure {name}": {*one.needs} for name, one in MEASURES.items()}
    assert asked == declared_needs


class Noting(Run):
    """A run that notes which tables are asked for."""

    def __init__(self, run: Run, asked: set[str]) -> None:
        super().__init__(run.scenario, run.source, None, run._tables, {})
        object.__setattr__(self, "asked", asked)

    def __getitem__(self, name: str) -> pd.DataFrame:
        self.asked.add(name)  # type: ignore[attr-defined]
        return super().__getitem__(name)


def test_what_a_measure_does_not_declare_it_does_not_see(baseline_run: Results) -> None:
    with pytest.raises(NoTableError, match="no table 'fees'; there are accounts, payments"):
        baseline_run.run.seeing(("payments", "accounts"))["fees"]


@pytest.mark.parametrize("name", MEASURES)
def test_every_number_has_one_unit(name: str, short_runs: Mapping[str, Results]) -> None:
    for scenario in ("baseline", *TELLING):
        value, unit = short_runs[scenario].measures[name]
        for path, number in leaves(value):
            told = unit_at(unit, path)
            assert told, (scenario, path)
            assert not {";", "{", "}"} & {*told}, (scenario, path, told)
            assert number is None or isinstance(number, (int, float)), (scenario, path)


def test_amounts_are_told_in_the_currency_of_their_account_or_system(baseline_run: Results) -> None:
    accounts = baseline_run.accounts.set_index("account")["currency"]
    used = baseline_run.measures["liquidity_used"]
    assert {account: unit_at(used.unit, (account,)) for account in used.value} == {
        account: accounts[account] for account in used.value
    }
    a_day = baseline_run.measures["value_per_day"]
    systems = baseline_run.systems.set_index("system")["currency"]
    assert a_day.unit == systems.to_dict()


def test_what_is_asked_for_is_computed_and_nothing_else(short_runs: Mapping[str, Results]) -> None:
    scenario = short_runs["baseline"].scenario
    run = sim.run(scenario, measures=["delay", "payment_cost_bps"])
    assert [*run.measures] == ["delay", "payment_cost_bps"]
    tables = {*NEEDS, "frozen", *MEASURES["delay"].needs, *MEASURES["payment_cost_bps"].needs}
    below = {needed for table in tables for needed in TABLES[table].needs}
    assert run.run._tables.keys() == tables | below
    assert not {"systems", "losses", "exposure", "principal_risk", "intraday"} & run.run._tables.keys()
    # Another one is computed when it is looked up.
    assert run.measures["value"] == short_runs["baseline"].measures["value"]
    assert "value" in run.measures
    with pytest.raises(sim.ResultsError, match="no measure 'dely'; did you mean 'delay'"):
        sim.run(scenario, measures=["dely"])


def test_measures_as_a_frame_have_a_row_for_each_number(baseline_run: Results) -> None:
    table = baseline_run.measures.to_frame()
    assert [*table.columns] == ["measure", "of", "value", "unit", "better"]
    mean = table[(table["measure"] == "delay") & (table["of"] == "mean")].iloc[0]
    assert mean["value"] == baseline_run.measures["delay"].value["mean"]
    assert (mean["unit"], mean["better"]) == ("hours", "lower")
    by_route = table[(table["measure"] == "delay_by_route") & table["of"].str.endswith(".payments")]
    assert {*by_route["unit"]} == {"payments"}
    assert {*by_route["better"]} == {"neither"}
    assert {*table["better"]} == {"lower", "higher", "neither"}


def test_what_is_done_to_a_table_changes_nothing_that_is_computed_later(tmp_path: Path) -> None:
    scenario = shortened("mechanisms/limits", SHORTER)
    mine, other = (execute(scenario, measures=()) for _ in range(2))
    mine.payments["amount"] *= 2
    mine.payments.loc[:, "credited_at"] = pd.NaT
    mine["fx"]["per_usd"] = 1.0
    assert mine.measures["delay"] == other.measures["delay"]
    assert_frame_equal(mine.fx_results, other.fx_results)
    opened = sim.open(mine.save(tmp_path / "run").folder or tmp_path)
    assert_frame_equal(opened.payments, other.payments, check_freq=False)
    assert mine.payments["credited_at"].isna().all()


def test_peaks_of_positions_keep_their_sign(baseline_run: Results) -> None:
    """The peak is the position furthest from zero, as it was: payers owe more foreign currency than they hold."""
    exposure, peaks = baseline_run.exposure, baseline_run.measures["net_open_position_peak"].value
    for (side, code), rows in exposure.groupby(["side", "currency"], observed=True):
        position = rows["net_open_position_reporting"] / 100
        assert peaks[side][code] == position[position.abs().idxmax()]
    assert any(peak < 0 for side in peaks.values() for peak in side.values())


def test_without_rates_amounts_in_other_currencies_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(
        "name: two\n"
        "period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}\n"
        "systems:\n"
        "  biss: {kind: rtgs, currency: BYN, hours: always}\n"
        "  hvps: {kind: rtgs, currency: CNY, hours: always}\n"
        "accounts:\n"
        "  biss: [{holder: A, balance: 100}, {holder: B}]\n"
        "  hvps: [{holder: A, balance: 100}, {holder: B}]\n"
        "payments: {file: two.csv}\n",
        "utf-8",
    )
    (tmp_path / "two.csv").write_text(
        "payment_id,instructed_at,payer_bank,payee_bank,amount,system\n"
        "p1,2024-03-04T10:00,A,B,30,biss\np2,2024-03-04T10:00,A,B,70,hvps\n",
        "utf-8",
    )
    run = sim.run(tmp_path / "two.yaml")
    assert run.measures["value"] == Measure(30.0, "BYN")
    assert run.measures["value_by_currency"].value == {"BYN": 30.0, "CNY": 0.0}
    assert run.measures["liquidity_used"].value == {"A@biss": 30.0, "B@biss": 0, "A@hvps": 70.0, "B@hvps": 0}
    assert run.measures["liquidity_used_total"].value == 30.0


def test_where_there_is_nothing_to_tell_a_measure_is_empty(baseline_run: Results) -> None:
    for name in ("frozen_value", "credit_exposure_peak", "throughput_met", "hedge_cost", "facility_use"):
        assert baseline_run.measures[name].value == {}


def test_a_run_without_one_of_its_facts_is_told_as_such(baseline_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(baseline_folder, tmp_path / "run")
    manifest = (tmp_path / "run" / "manifest.json").read_text("utf-8")
    lines = [line for line in manifest.splitlines() if '"transfers"' not in line]
    (tmp_path / "run" / "manifest.json").write_text("\n".join(lines), "utf-8")
    with pytest.warns(sim.ResultsWarning, match="changed since the run was saved"):
        opened = sim.open(tmp_path / "run")
    with pytest.raises(sim.ResultsError, match="the run has no table 'transfers', which every run has"):
        opened["transfers"]
    assert opened.payments.equals(opened["payments"])


def test_instants_are_utc_and_dates_are_dates_in_the_files_too(baseline_folder: Path) -> None:
    for name, table in TABLES.items():
        schema = pq.read_schema(baseline_folder / f"{name}.parquet")
        assert schema.names == [column.name for column in table.columns]
        for column in table.columns:
            told = str(schema.field(column.name).type)
            if column.kind == "instant":
                assert told.endswith("tz=UTC]"), (name, column.name)
            assert (told == "date32[day]") == (column.kind == "date"), (name, column.name)
            assert column.meaning
            assert column.unit or column.kind in {"id", "name", "text", "flag", "whole"}, (name, column.name)


def test_a_table_has_the_columns_that_it_declares() -> None:
    columns = (label("side", "who"), instant("at", "when"), whole("count", "how many"))
    found = frame(columns, {"side": ["b", "a"], "at": np.array([0, 2**61]), "count": [1, None]})
    assert [str(kind) for kind in found.dtypes] == ["category", "datetime64[s, UTC]", "Int64"]
    assert found["at"].isna().tolist() == [False, True]
    with pytest.raises(KeyError, match=r"declared are the columns .*, found"):
        frame(columns, {"side": []})


@pytest.mark.usefixtures("kept")
def test_a_new_table_and_measure_are_declared_in_one_place(baseline_run: Results) -> None:
    @derived(label("side", "the economy"), whole("firms", "how many"), needs=("firms",))
    def sizes(run: Run) -> dict[str, Any]:
        """One row per side."""
        counts = run["firms"].groupby("side", observed=True).size()
        return {"side": counts.index, "firms": counts.to_numpy()}

    @measure("firms", "neither", needs=("sizes",))
    def firms_by_side(run: Run) -> dict[str, int]:
        """Firms of each side."""
        return dict(zip(run["sizes"]["side"], map(int, run["sizes"]["firms"]), strict=True))

    assert firms_by_side.__doc__
    fresh = registry_run(baseline_run)
    found = fresh["sizes"].set_index("side")["firms"].to_dict()
    assert found == baseline_run.firms["side"].value_counts().to_dict()
    assert sizes.meaning == "One row per side."
    registry.complete()


def registry_run(run: Results) -> Run:
    """The run as seen with whatever is declared at the moment."""

    class Seen(Run):
        def _made(self, name: str) -> pd.DataFrame:
            found = self.source.table(name)
            return registry.TABLES[name].of(self) if found is None else found

    return Seen(run.scenario, run.run.source)


@pytest.mark.usefixtures("kept")
def test_a_need_that_nothing_tells_is_named() -> None:
    @measure("payments", "neither", needs=("payment",))
    def odd(run: Run) -> int:
        """Nothing."""
        return len(run["payment"])

    assert odd
    with pytest.raises(TypeError, match="measure 'odd' needs 'payment', which is no table"):
        registry.complete()


@pytest.mark.usefixtures("kept")
def test_a_name_is_declared_once_and_says_what_it_means() -> None:
    def delay(run: Run) -> float:
        """Another one."""
        return run.scale

    def silent(run: Run) -> float:
        return run.scale

    with pytest.raises(TypeError, match="measure 'delay' is declared twice"):
        measure("hours", "lower", needs=())(delay)
    with pytest.raises(TypeError, match="measure 'silent' does not say what it means"):
        measure("hours", "lower", needs=())(silent)


def test_only_tables_asked_for_are_saved_beside_the_facts(tmp_path: Path) -> None:
    run = execute(sim.load("mechanisms/scarce-multilateral"), measures=["delay"])
    run.save(tmp_path / "run", tables=["exposure"])
    opened = sim.open(tmp_path / "run")
    assert sorted(opened.manifest["tables"]) == sorted([*FACTS, "exposure"])
    assert [*opened.measures] == ["delay"]
    assert opened.measures["settlement_delay_indicator"] == run.measures["settlement_delay_indicator"]
    with pytest.raises(NoTableError, match="no table 'exposures'"):
        run.save(tmp_path / "other", tables=["exposures"])
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("file", "page"), [("tables.md", dictionary.tables_page), ("measures.md", dictionary.measures_page)]
)
def test_the_dictionary_is_what_the_registry_says(file: str, page: Any) -> None:  # noqa: ANN401
    assert (DOCS / file).read_text(encoding="utf-8") == page(), "run `make docs`"


def test_a_measure_is_a_value_with_its_unit() -> None:
    assert Measure(1.5, "hours")._asdict() == {"value": 1.5, "unit": "hours"}
