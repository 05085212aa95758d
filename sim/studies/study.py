"""A study has a folder that is only its own: what it is of stands there before the first replication is made.

`manifest.json` tells its scenarios with their hashes and seeds, its measures and versions, and when it is whole also
the number of replications and a hash of each file. `replications.journal` holds the replications that are done, each
written as it is made (see `journal`); `replications.parquet` has their numbers, `bands.parquet` quantiles of series of
time, `failures.json` what failed.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.errors import RunError, StudyError
from sim.results.folder import MANIFEST, read_json, sha256_of, write_json
from sim.results.placing import numbered
from sim.results.saving import check_above, new_file, real_place, tidy
from sim.scenario.assumptions import UNCERTAIN
from sim.studies.journal import Journal
from sim.studies.tables import (
    ASSUMPTIONS,
    BANDS,
    PARTS,
    REPLICATIONS,
    write_assumptions,
    write_bands,
    write_frame,
    write_replications,
)
from sim.studies.work import Task, study_versions
from sim.studies.workers import play
from sim.world.own_file import MAX_INPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import pandas as pd

    from sim.studies.until import Until
    from sim.studies.work import Case, Failure, Outcome
    from sim.studies.workers import Workers

FAILURES: Final = "failures.json"
STUDIES: Final = Path("studies")
_FORMAT: Final = "local-currency-settlement study"
_VERSION: Final = 1
#: A name that is longer is shortened, so that a folder can have it.
_LONGEST: Final = 120


class Plan(NamedTuple):
    """What a study is of: groups of scenarios, the first of each group the one that its others are set against."""

    kind: str
    groups: tuple[tuple[Case, ...], ...]
    measures: tuple[str, ...]
    with_series: frozenset[int] = frozenset({0})
    """The groups of which series of time are told, too."""
    over: bool = False
    """Whether what the scenarios assume is drawn anew in each replication."""
    max_input: int = MAX_INPUT

    @property
    def text(self) -> dict[str, Any]:
        """All that determines what the study finds, but for the number of its replications."""
        return {
            "kind": self.kind,
            "scenarios": [
                [
                    {
                        "name": case.name,
                        "seed": case.seed,
                        "scenario_sha256": case.text.scenario_sha256,
                        "payments_sha256": case.text.payments_sha256,
                        "rates_sha256": case.text.rates_sha256,
                    }
                    for case in group
                ]
                for group in self.groups
            ],
            "measures": list(self.measures),
            "over": UNCERTAIN if self.over else None,
            "versions": dict(study_versions()),
        }

    @property
    def name(self) -> str:
        """What its folder is called."""
        first = self.groups[0]
        told = "-".join([*(case.name for case in first), str(first[0].seed)])
        if len(told) > _LONGEST:
            told = f"{told[:_LONGEST]}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
        return told

    def task(self, group: int, replication: int) -> Task:
        """One replication of one group."""
        cases, series = self.groups[group], group in self.with_series
        versions = dict(study_versions())
        return Task(group, replication, cases, self.measures, series, self.over, self.max_input, versions)


class Where(NamedTuple):
    """Where a study is kept: a folder, None for the next free one; and whether to go on with what is there."""

    folder: Path | None
    resume: bool = False


class How(NamedTuple):
    """How a study is made: what it tells, when it may stop, where it is kept (nowhere: None), and who is told what.

    `over` says that what the scenarios assume is drawn anew in each replication, as their chance is. `progress` is told
    how many replications are done, of how many; `decorate` may add files to the folder.
    """

    workers: Callable[[], AbstractContextManager[Workers]]
    measures: tuple[str, ...] | None = None
    until: Until | None = None
    over: bool = False
    where: Where | None = None
    progress: Callable[[int, int], None] = lambda _done, _total: None
    decorate: Callable[[Any, Path], object] | None = None


class Study:
    """A study at work in its folder: replications that are done, and those that failed."""

    def __init__(self, plan: Plan, folder: Path, journal: Journal) -> None:
        self.plan, self.folder, self.journal = plan, folder, journal
        self.failures: dict[tuple[int, int], Failure] = {}

    def make(
        self,
        count: int,
        by: Workers,
        progress: Callable[[int, int], None],
        start: int = 0,
        groups: Sequence[int] | None = None,
    ) -> None:
        """Make what is lacking of the replications from `start` to `count`, of all groups or of some."""
        wanted = [
            (group, replication)
            for replication in range(start, count)
            for group in (range(len(self.plan.groups)) if groups is None else groups)
            if (group, replication) not in self.journal and (group, replication) not in self.failures
        ]
        done = len(self.journal) + len(self.failures)
        total = done + len(wanted)

        def keep(outcome: Outcome) -> None:
            key = (outcome.group, outcome.replication)
            if outcome.record is not None:
                self.journal.add(*key, outcome.record)
            elif outcome.failure is not None:
                self.failures[key] = outcome.failure
            progress(len(self.journal) + len(self.failures), total)

        progress(done, total)
        with self._writing():
            play((self.plan.task(*key) for key in wanted), by, keep)

    def tell(self, count: int, again: Callable[[Failure], str]) -> list[dict[str, Any]]:
        """Write the tables of the first `count` replications.

        Returns what failed, each with how to repeat it alone, which `again` tells.
        """
        failed = [
            {**failure._asdict(), "command": again(failure)} for _, failure in sorted(self.failures.items())
        ]
        with self._writing():
            self.journal.put_in_order()
            with new_file(self.folder / REPLICATIONS) as path:
                write_replications(self.journal, count, path)
            with new_file(self.folder / BANDS) as path:
                write_bands(self.journal, count, path)
            if self.plan.over:
                with new_file(self.folder / ASSUMPTIONS) as path:
                    write_assumptions(self.journal, count, path)
            with new_file(self.folder / FAILURES) as path:
                path.write_text(json.dumps(failed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return failed

    def add(self, name: str, table: pd.DataFrame) -> None:
        """Write a further table."""
        with self._writing(), new_file(self.folder / name) as path:
            write_frame(table, path)

    def seal(self, count: int, until: Until | None) -> None:
        """Say in the manifest that the study is whole, and what belongs to it."""
        written = (REPLICATIONS, BANDS, ASSUMPTIONS, PARTS, FAILURES, "figures/*.png")
        with self._writing():
            files = sorted(path for name in written for path in self.folder.glob(name))
            _write_manifest(
                self.folder,
                {
                    **_head(self.plan),
                    "replications": count,
                    "until": None if until is None else str(until),
                    "files": {path.relative_to(self.folder).as_posix(): sha256_of(path) for path in files},
                },
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be written ({error.strerror or error})") from None


@contextmanager
def begun(plan: Plan, where: Where | None) -> Iterator[Study]:
    """The study in its folder, begun anew or gone on with; one that is kept nowhere (None) leaves nothing behind.

    `StudyError` if the folder holds something else, or a study of something else.
    """
    if where is None:
        with tempfile.TemporaryDirectory(prefix="sim-study-") as name, _in(Path(name), plan) as study:
            yield study
    else:
        with _in(_gone_on(plan, where) if where.resume else _new(plan, where.folder), plan) as study:
            yield study


@contextmanager
def _in(folder: Path, plan: Plan) -> Iterator[Study]:
    study = hashlib.sha256(json.dumps(plan.text, sort_keys=True).encode()).hexdigest()
    with Journal(folder, study) as journal:
        yield Study(plan, folder, journal)


def check_place(plan: Plan, where: Where) -> None:
    """Refuse, before anything is made, a folder in which the study cannot be."""
    if where.resume:
        _gone_on(plan, where)
    elif where.folder is not None:
        _check_free(where.folder)
    else:
        check_above(STUDIES / plan.name)


def _new(plan: Plan, folder: Path | None) -> Path:
    """A new folder with the manifest of a study that is begun."""
    try:
        if folder is None:
            check_above(STUDIES / plan.name)
            STUDIES.mkdir(parents=True, exist_ok=True)
            folder = next(free for free in numbered(STUDIES / plan.name) if _made(free))
        else:
            _check_free(folder)
            folder.mkdir(parents=True, exist_ok=True)
        _write_manifest(folder, _head(plan))
    except OSError as error:
        raise RunError(f"{error.filename}: cannot be written ({error.strerror or error})") from None
    return folder


def _made(folder: Path) -> bool:
    """Make a folder; false if something stands there."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _check_free(folder: Path) -> None:
    place = real_place(folder)
    check_above(place / "within")
    try:
        if not place.exists() or not any(place.iterdir()):
            return
    except OSError as error:
        raise StudyError(f"{folder}: cannot be read ({error.strerror or error})") from None
    if os.path.lexists(place / MANIFEST) and _is_study(place):
        raise StudyError(
            f"{folder}: holds a study; go on with it by --resume, or choose another folder with -o"
        )
    raise StudyError(f"{folder}: exists and is not a study; choose another folder with -o")


def _gone_on(plan: Plan, where: Where) -> Path:
    """The folder of the study that is to be gone on with; `StudyError` that says in what it is another one."""
    folder = where.folder or _last(plan)
    if not folder.is_dir():
        raise StudyError(f"{folder}: there is no study to go on with (no such folder)")
    tidy(real_place(folder))
    if not os.path.lexists(folder / MANIFEST) or not _is_study(folder):
        raise StudyError(f"{folder}: there is no study to go on with (it has no {MANIFEST} of one)")
    found = read_json(folder, MANIFEST)
    if found.get("format_version") != _VERSION:
        raise StudyError(f"{folder / MANIFEST}: written by another version of this program")
    for told in _differences(found, plan.text):
        raise StudyError(f"{folder}: {told}; choose another folder with -o")
    return folder


def _last(plan: Plan) -> Path:
    """Of the folders that studies of this name have got, the last one of this study; if there is none, the last."""
    last = wanted = STUDIES / plan.name
    fitting = None
    for folder in numbered(wanted):
        if not folder.is_dir():
            break
        last = folder
        if os.path.lexists(folder / MANIFEST) and not any(
            _differences(read_json(folder, MANIFEST), plan.text)
        ):
            fitting = folder
    return fitting or last


def _differences(found: Mapping[str, Any], text: Mapping[str, Any]) -> Iterator[str]:
    """In what a study differs from what is asked for, a sentence each."""
    if found.get("kind") != text["kind"]:
        yield f"holds a study of another kind ({found.get('kind')}, not {text['kind']})"
    theirs, ours = (
        [case for group in which.get("scenarios", []) for case in group] for which in (found, text)
    )
    names = [", ".join(dict.fromkeys(str(case.get("name")) for case in cases)) for cases in (theirs, ours)]
    if names[0] != names[1]:
        yield f"holds a study of {names[0]}, not of {names[1]}"
    for one, other in zip(theirs, ours, strict=False):
        if one.get("seed") != other["seed"]:
            yield f"holds a study with seed {one.get('seed')}, not {other['seed']}"
        if one != other:
            yield f"the scenario {other['name']!r} has changed since the study began"
    if found.get("scenarios") != text["scenarios"]:
        yield "holds a study of other sets of changes"
    if found.get("measures") != text["measures"]:
        yield f"holds a study of other measures ({', '.join(found.get('measures', []))})"
    if found.get("over") != text["over"]:
        yield f"was begun {'without' if text['over'] else 'with'} --over {UNCERTAIN}"
    yield from _of_other_versions(found.get("versions", {}), text["versions"])


def _of_other_versions(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name, version in now.items():
        if before.get(name) != version:
            what = (
                "other code of this program"
                if name == "code"
                else f"{name} {before.get(name)}, not {version}"
            )
            yield f"was begun with {what}, and versions are never mixed"


def _is_study(folder: Path) -> bool:
    return read_json(folder, MANIFEST).get("format") == _FORMAT


def _head(plan: Plan) -> dict[str, Any]:
    return {"format": _FORMAT, "format_version": _VERSION, **plan.text}


def _write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    with new_file(folder / MANIFEST) as path:
        write_json(content, path)
