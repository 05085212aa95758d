"""What a notebook calls; with it come the figures, so that `results.plot` knows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sim.show as _figures  # noqa: F401 - registers the figures
from sim.results.execute import execute
from sim.results.results import Results, open_run
from sim.scenario.load import load_located
from sim.show.mechanisms import plot_mechanisms

if TYPE_CHECKING:
    from sim.scenario.model import Scenario


__all__ = ["open", "plot_mechanisms", "run"]


def run(scenario: Scenario | str | Path, *, output: str | Path | None = None) -> Results:
    """Run a scenario, given as such, as a file or as a library name.

    Nothing is written unless `output` names a run folder. `ScenarioError`, `RunError` and `PromiseError` as
    the command line tells them.
    """
    if isinstance(scenario, (str, Path)):
        loaded = load_located(scenario)
        with loaded.placing():
            results = execute(loaded.scenario)
    else:
        results = execute(scenario)
    return results if output is None else results.save(output)


def open(folder: str | Path) -> Results:  # noqa: A001 - reads as `sim.open(folder)`
    """Reopen a saved run without running it again; `ResultsError` if the folder holds none."""
    return open_run(folder)
