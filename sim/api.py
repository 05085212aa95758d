"""What a notebook calls; with it come the figures, so that `results.plot` knows them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sim.show.figures as _figures  # noqa: F401 - registers the figures
from sim.results.execute import checked, execute, text_of
from sim.results.results import Results, open_run, saved_tables
from sim.results.saving import check_target
from sim.scenario.load import load_located
from sim.show.mechanisms import plot_mechanisms
from sim.world.build import build_world

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.scenario.model import Scenario


__all__ = ["open", "plot_mechanisms", "run"]


def run(
    scenario: Scenario | str | Path,
    *,
    replication: int = 0,
    measures: Iterable[str] | None = None,
    output: str | Path | None = None,
    tables: Iterable[str] | None = None,
    force: bool = False,
) -> Results:
    """Run a scenario, given as such, as a file or as a library name.

    Each `replication`, from 0 on, has draws of its own from the scenario's seed. `measures` are those that are
    computed now, all by default; every other one, and every table, is computed when it is first asked for. Nothing is
    written unless `output` names a run folder: a free name, an empty folder, or a run of the same text, or with
    `force` of any; other folders are refused before anything runs. `tables` are the derived tables that are saved
    beside the facts, all by default. `ScenarioError`, `ResultsError` (also for an unknown measure or table),
    `RunError` and `PromiseError` as the command line tells them.
    """
    asked = None if measures is None else checked(measures)
    saved = saved_tables(tables)

    def made(of: Scenario) -> Results:
        if output is not None:
            check_target(output, lambda: text_of(of, replication), force=force)
        found = execute(of, replication=replication, measures=asked)
        return found if output is None else found.save(output, tables=saved, force=force)

    if not isinstance(scenario, (str, Path)):
        return made(scenario)
    loaded = load_located(scenario)
    with loaded.placing(partial(build_world, replication=replication)):
        return made(loaded.scenario)


def open(folder: str | Path) -> Results:  # noqa: A001 - reads as `sim.open(folder)`
    """Reopen a saved run without running it again; `ResultsError` if the folder holds none."""
    return open_run(folder)
