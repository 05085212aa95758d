"""What a notebook calls; with it come the figures, so that `results.plot` knows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sim.show as _figures  # noqa: F401 - registers the figures
from sim.results.execute import execute, text_of
from sim.results.results import Results, open_run
from sim.results.saving import check_target
from sim.scenario.load import load_located
from sim.show.mechanisms import plot_mechanisms

if TYPE_CHECKING:
    from sim.scenario.model import Scenario


__all__ = ["open", "plot_mechanisms", "run"]


def run(scenario: Scenario | str | Path, *, output: str | Path | None = None, force: bool = False) -> Results:
    """Run a scenario, given as such, as a file or as a library name.

    Nothing is written unless `output` names a run folder: a free name, an empty folder, or a run of the same
    text, or with `force` of any; other folders are refused before anything runs. `ScenarioError`,
    `ResultsError`, `RunError` and `PromiseError` as the command line tells them.
    """
    if isinstance(scenario, (str, Path)):
        loaded = load_located(scenario)
        with loaded.placing():
            return _run(loaded.scenario, output, force=force)
    return _run(scenario, output, force=force)


def _run(scenario: Scenario, output: str | Path | None, *, force: bool) -> Results:
    if output is None:
        return execute(scenario)
    check_target(output, lambda: text_of(scenario), force=force)
    return execute(scenario).save(output, force=force)


def open(folder: str | Path) -> Results:  # noqa: A001 - reads as `sim.open(folder)`
    """Reopen a saved run without running it again; `ResultsError` if the folder holds none."""
    return open_run(folder)
