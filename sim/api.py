"""What a notebook calls; with it come the figures, so that `results.plot` knows them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sim.show.figures as _figures  # noqa: F401 - registers the figures
import sim.show.study_figures as _study_figures  # noqa: F401 - registers those of studies
from sim.errors import StudyError
from sim.results.execute import checked, execute, text_of
from sim.results.results import Results, open_run, saved_tables
from sim.results.saving import check_target
from sim.scenario.assumptions import UNCERTAIN
from sim.scenario.load import as_options, load_located
from sim.show.mechanisms import plot_mechanisms
from sim.show.progress import study_progress
from sim.studies.comparison import compare as make_comparison
from sim.studies.ensemble import ensemble as make_ensemble
from sim.studies.study import How, Where
from sim.studies.subject import Subject
from sim.studies.until import Until
from sim.studies.workers import workers
from sim.world.assumed import assumed
from sim.world.build import build_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sim.scenario.model import Scenario
    from sim.studies.comparison import Comparison
    from sim.studies.ensemble import Ensemble


__all__ = ["compare", "ensemble", "open", "plot_mechanisms", "run"]


def run(
    scenario: Scenario | str | Path,
    *,
    replication: int = 0,
    over: str | None = None,
    measures: Iterable[str] | None = None,
    output: str | Path | None = None,
    tables: Iterable[str] | None = None,
    force: bool = False,
) -> Results:
    """Run a scenario, given as such, as a file or as a library name.

    Each `replication`, from 0 on, has draws of its own from the scenario's seed, with `over="uncertain"` of what the
    scenario assumes, too. `measures` are those that are
    computed now, all by default; every other one, and every table, is computed when it is first asked for. Nothing is
    written unless `output` names a run folder: a free name, an empty folder, or a run of the same text, or with
    `force` of any; other folders are refused before anything runs. `tables` are the derived tables that are saved
    beside the facts, all by default. `ScenarioError`, `ResultsError` (also for an unknown measure or table),
    `RunError` and `PromiseError` as the command line tells them.
    """
    asked = None if measures is None else checked(measures)
    saved = saved_tables(tables)

    drawn = _is_over(over)

    def made(given: Scenario) -> Results:
        of = assumed(given, replication).scenario if drawn else given
        if output is not None:
            check_target(output, lambda: text_of(of, replication), force=force)
        found = execute(of, replication=replication, measures=asked)
        return found if output is None else found.save(output, tables=saved, force=force)

    if not isinstance(scenario, (str, Path)):
        return made(scenario)
    loaded = load_located(scenario)
    with loaded.placing(partial(build_world, replication=replication)):
        return made(loaded.scenario)


def ensemble(
    scenario: Scenario | str | Path,
    n: int = 200,
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    changes: Sequence[str] = (),
    seed: int | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    measures: Iterable[str] | None = None,
    until: str | None = None,
    over: str | None = None,
    output: str | Path | None = None,
    resume: bool = False,
) -> Ensemble:
    """Make `n` replications of a scenario, and tell what to expect and how far apart they lie.

    `overrides`, `changes` and `seed` are laid over a scenario that is named as a file or of the library, as by `load`.
    This process makes them for one job, further processes for more, the workers of a Dask scheduler for `cluster`, its
    address. `measures` are those that are computed, the headline measures by default and all for `["all"]`. `until`,
    such as `"delay.p95:2%"`, ends the study when an interval is so narrow. With `over="uncertain"` each replication
    draws what the scenario declares under `uncertain`, too (`assumptions` of what is returned). Nothing is kept unless
    `output` names a folder; `resume` goes on with the study that is there. Errors are those of `run`, and `StudyError`
    for what cannot be made as asked; a replication that fails stands in `failures` of what is returned.
    """
    (subject,) = _subjects([scenario], overrides, changes, seed)
    with study_progress(subject.scenario.name) as progress:
        how = _how(
            jobs=jobs,
            cluster=cluster,
            measures=measures,
            until=until,
            over=over,
            output=output,
            resume=resume,
            progress=progress,
        )
        return make_ensemble(subject, n, how)


def compare(
    *scenarios: Scenario | str | Path,
    n: int = 30,
    decompose: bool = False,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    changes: Sequence[str] = (),
    seed: int | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    measures: Iterable[str] | None = None,
    until: str | None = None,
    over: str | None = None,
    output: str | Path | None = None,
    resume: bool = False,
) -> Comparison:
    """Set scenarios against the first one over the same draws, `n` replications of each.

    With `decompose` the second one, named as a file or of the library, is taken apart into the changes that the first
    one lacks (`comparison.decomposition`). Everything else is as for `ensemble`; what is laid over one scenario is laid
    over all.
    """
    subjects = _subjects(scenarios, overrides, changes, seed)
    with study_progress("comparison") as progress:
        how = _how(
            jobs=jobs,
            cluster=cluster,
            measures=measures,
            until=until,
            over=over,
            output=output,
            resume=resume,
            progress=progress,
        )
        return make_comparison(subjects, n, how, decompose=decompose)


def _subjects(
    scenarios: Iterable[Scenario | str | Path],
    overrides: Sequence[str] | Mapping[str, Any],
    changes: Sequence[str],
    seed: int | None,
) -> list[Subject]:
    said = as_options(overrides, changes, seed)
    found = []
    for scenario in scenarios:
        if isinstance(scenario, (str, Path)):
            found.append(Subject.named(scenario, *said))
        elif any(said):
            raise StudyError(
                f"overrides, changes and a seed cannot be laid over {scenario.name!r}, which is loaded already: "
                "name its file or the library's scenario, or give them to sim.load"
            )
        else:
            found.append(Subject(scenario))
    return found


def _how(
    *,
    jobs: int,
    cluster: str | None,
    measures: Iterable[str] | None,
    until: str | None,
    over: str | None,
    output: str | Path | None,
    resume: bool,
    progress: Callable[[int, int], None],
) -> How:
    if resume and output is None:
        raise StudyError("to go on with a study, its folder is needed as `output`")
    return How(
        workers=partial(workers, jobs, cluster),
        measures=None if measures is None else tuple(measures),
        until=None if until is None else Until.read(until),
        over=_is_over(over),
        where=None if output is None else Where(Path(output), resume),
        progress=progress,
    )


def _is_over(over: str | None) -> bool:
    """Whether what is assumed is drawn; `StudyError` for what cannot be."""
    if over not in {None, UNCERTAIN}:
        raise StudyError(f"over={over!r}: only {UNCERTAIN!r} can be drawn")
    return over is not None


def open(folder: str | Path) -> Results:  # noqa: A001 - reads as `sim.open(folder)`
    """Reopen a saved run without running it again; `ResultsError` if the folder holds none."""
    return open_run(folder)
