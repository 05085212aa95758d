"""Runs that many tests look at, each made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from chance import register
from outsider import Rates, Saved, read

from sim.errors import ScenarioError
from sim.results.execute import execute
from sim.results.run import Run
from sim.results.shelves import TABLES
from sim.scenario.library import names
from sim.scenario.load import load

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from sim.results.results import Results
    from sim.scenario.model import Scenario

register()

#: Files that take longest begin first, so that no process is left with one of them when the others have done theirs.
LONGEST = (
    "test_policies.py",
    "test_scenarios.py",
    "test_shelves.py",
    "test_headlines.py",
    "test_world.py",
    "test_verify.py",
    "test_notebook_announced_system.py",
    "test_where_and_why.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, and leave all else in its order."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


#: Two months, entered with payments under way and followed for weeks.
SHORT = ("period.end=2024-03-01", "run_in=15d", "horizon=20d")
#: Two weeks, for the many scenarios that differ from one another by a mechanism.
SHORTER = ("period.end=2024-01-15", "run_in=5d", "horizon=10d")


@pytest.fixture(scope="session")
def baseline_run() -> Results:
    """The baseline's year as it was run, in memory."""
    return execute(load("baseline"))


@pytest.fixture(scope="session")
def baseline_folder(baseline_run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline's year as it was saved."""
    folder = tmp_path_factory.mktemp("runs") / "baseline-1"
    baseline_run.save(folder)
    return folder


@pytest.fixture(scope="session")
def saved(baseline_folder: Path) -> Saved:
    """The baseline's year as an outsider reads it."""
    return read(baseline_folder)


@pytest.fixture(scope="session")
def rates(saved: Saved) -> Rates:
    """The rates of the baseline's year as an outsider reads them."""
    return Rates(saved.fx)


class Told(NamedTuple):
    """Tables that have been computed, as the source of a run whose world is gone: there are many runs in memory."""

    tables: dict[str, pd.DataFrame]

    def table(self, name: str) -> pd.DataFrame | None:
        """A table that is there."""
        return self.tables.get(name)


def told(results: Results) -> Results:
    """The same run without its world and its records."""
    tables = {name: results[name] for name in TABLES}
    return replace(results, run=Run(results.scenario, Told(tables)))


class Runs(Mapping[str, "Results"]):
    """Short runs of the library's scenarios by name, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Results] = {}

    def __getitem__(self, name: str) -> Results:
        if name not in self._made:
            self._made[name] = told(execute(shortened(name)))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(names())

    def __len__(self) -> int:
        return len(names())


@pytest.fixture(scope="session")
def short_runs() -> Runs:
    """Two months of every library scenario, or two weeks of one in a folder of its own, by name."""
    return Runs()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shortened(name: str, window: tuple[str, ...] | None = None) -> Scenario:
    """A library scenario over a short period; what is dated later than that is left out."""
    window = window or (SHORTER if "/" in name else SHORT)
    try:
        return load(name, window)
    except ScenarioError:
        return load(name, (*window, "timeline=null"))
