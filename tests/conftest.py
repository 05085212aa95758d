"""Runs that many tests look at, each made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.results.execute import execute
from sim.scenario.library import names
from sim.scenario.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

#: Two months, entered with payments under way and followed for weeks.
SHORT = ("period.end=2024-03-01", "run_in=15d", "horizon=20d")


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
def short_runs() -> dict[str, Results]:
    """Two months of every library scenario, by name."""
    return {name: execute(load(name, SHORT)) for name in names()}
