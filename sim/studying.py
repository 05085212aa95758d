"""Studies are made for the command line: in a folder, with a bar, and stopped so that nothing that is done is lost."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sim.errors import RunError
from sim.show.console import output
from sim.show.progress import study_progress
from sim.show.save import save_study_figures
from sim.show.study_tables import failed_lines, print_comparison, print_ensemble
from sim.stopping import Stopped, Tidied
from sim.studies.comparison import Comparison, compare
from sim.studies.ensemble import Ensemble, ensemble
from sim.studies.study import How, Where
from sim.studies.subject import Subject
from sim.studies.until import Until
from sim.studies.workers import workers
from sim.terminal import give_json, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd


class Asked(NamedTuple):
    """How a study is to be made, as the options of its command say."""

    number: int
    jobs: int | None
    cluster: str | None
    resume: bool
    until: str | None
    over: str | None
    measures: tuple[str, ...]
    folder: Path | None
    figures: bool
    as_json: bool

    def how(self, progress: Callable[[int, int], None]) -> How:
        """The same for those who make it."""
        if self.jobs is not None and self.cluster is not None:
            raise click.UsageError("choose either --jobs, on this machine, or --cluster")
        names = [name.strip() for text in self.measures for name in text.split(",") if name.strip()]
        return How(
            workers=partial(workers, self.jobs or _cores(), self.cluster),
            measures=tuple(names) or None,
            until=None if self.until is None else Until.read(self.until),
            over=self.over is not None,
            where=Where(self.folder, self.resume),
            progress=progress,
            decorate=save_study_figures if self.figures else None,
        )


def run_ensemble(scenario: str, overrides: Sequence[str], changes: Sequence[str], asked: Asked) -> int:
    """Make an ensemble and tell it; returns the exit code."""
    subject = Subject.named(scenario, overrides, changes)
    with _made(subject.scenario.name) as progress:
        found = ensemble(subject, asked.number, asked.how(progress))
    if asked.as_json:
        give_json(_as_json(found))
    else:
        print_ensemble(found, output())
    return failed(found.failures)


def run_compare(
    scenarios: Sequence[str],
    overrides: Sequence[str],
    changes: Sequence[str],
    asked: Asked,
    *,
    decompose: bool,
) -> int:
    """Compare scenarios and tell how they differ; returns the exit code."""
    subjects = [Subject.named(scenario, overrides, changes) for scenario in scenarios]
    with _made(" against ".join(subject.scenario.name for subject in subjects[::-1])) as progress:
        found = compare(subjects, asked.number, asked.how(progress), decompose=decompose, announce=warn)
    if asked.as_json:
        give_json(_comparison_as_json(found))
    else:
        print_comparison(found, output())
    return failed(found.failures)


@contextmanager
def _made(name: str) -> Iterator[Callable[[int, int], None]]:
    """What is told of progress; when it cannot go on, what is done is told, and the reason goes on its way."""
    told = [0, 0]
    with Tidied(), study_progress(name) as bar:

        def progress(done: int, total: int) -> None:
            told[:] = done, total
            bar(done, total)

        try:
            yield progress
        except (Stopped, RunError):
            if told[1]:
                warn(f"{told[0]:,} of {told[1]:,} are saved; --resume goes on with them")
            raise


def failed(failures: pd.DataFrame) -> int:
    """Tell the replications that failed; returns the exit code."""
    for sentence in failed_lines(failures):
        warn(sentence)
    return 1 if len(failures) else 0


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as JSON has them: instants as text, and null for what is no number."""
    found: list[dict[str, Any]] = json.loads(
        frame.to_json(orient="records", date_format="iso", double_precision=15)
    )
    return found


def _as_json(found: Ensemble) -> dict[str, Any]:
    return {
        "scenario": found.scenario.name,
        "seed": found.scenario.seed,
        "replications": found.count,
        "until": found.until,
        "reached": found.reached,
        "folder": str(found.folder),
        "measures": rows(found.summary),
        "cash_flow_at_risk": rows(found.cash_flow_at_risk),
        "assumptions": rows(found.assumptions),
        "failures": rows(found.failures),
    }


def _comparison_as_json(found: Comparison) -> dict[str, Any]:
    return {
        "scenarios": [scenario.name for scenario in found.scenarios],
        "seed": found.scenarios[0].seed,
        "replications": found.count,
        "until": found.until,
        "reached": found.reached,
        "folder": str(found.folder),
        "differences": rows(found.differences),
        "differing": rows(found.differing),
        "decomposition": None if found.decomposition is None else rows(found.decomposition),
        "assumptions": rows(found.assumptions),
        "failures": rows(found.failures),
    }


def _cores() -> int:
    """The cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return os.cpu_count() or 1 if usable is None else len(usable(0))
