"""One replication is worked through by whoever is free, here or on another machine, and told in a few numbers.

All that a worker needs comes with the task, and what replications share it keeps.
"""

from __future__ import annotations

import hashlib
import pickle
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.errors import SettlementError, StudyError
from sim.results.execute import played, text_of, versions
from sim.results.folder import Text, sha256_of
from sim.results.registry import by_last, leaves, unit_at
from sim.results.shelves import MEASURES
from sim.studies.common import in_common, over_obligations
from sim.studies.series import SERIES
from sim.world.assumed import assumed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.results.run import Run
    from sim.scenario.model import Scenario

#: Scenarios that a worker keeps at hand.
_KEPT: Final = 64


class Case(NamedTuple):
    """A scenario as it travels to workers: what it is called in the study, what determines it, and itself."""

    name: str
    seed: int
    text: Text
    packed: bytes
    files: tuple[tuple[str, str], ...]
    """Files of payments or rates of one's own that it reads, each with the hash of what must be in it."""

    @classmethod
    def of(cls, scenario: Scenario, name: str | None = None, replication: int = 0) -> Case:
        """A scenario under a name; `ScenarioError` if this replication of it cannot be run."""
        own = () if scenario.payments is None else (scenario.payments.file,)
        rates = None if scenario.fx is None else scenario.fx.own_file()
        files = tuple((str(file), sha256_of(Path(file))) for file in (*own, *([rates] if rates else [])))
        text = text_of(scenario, replication)._replace(replication=0)
        packed = zlib.compress(pickle.dumps(scenario))
        return cls(name or scenario.name, scenario.seed, text, packed, files)

    @property
    def scenario(self) -> Scenario:
        """The scenario itself."""
        found: Scenario = pickle.loads(zlib.decompress(self.packed))  # noqa: S301 - from our own command
        return found


class Task(NamedTuple):
    """One replication of a group of scenarios, the first of which the others are set against."""

    group: int
    replication: int
    cases: tuple[Case, ...]
    measures: tuple[str, ...]
    series: bool
    """Whether series of time are wanted, too."""
    over: bool
    """Whether what the scenarios assume is drawn anew in each replication."""
    max_input: int
    versions: Mapping[str, str]


class Failure(NamedTuple):
    """A replication that could not be made, with the scenario that it failed in."""

    scenario: str
    seed: int
    group: int
    replication: int
    error: str
    message: str


class Outcome(NamedTuple):
    """What came of a task: a record as `journal` keeps it, or why there is none."""

    group: int
    replication: int
    record: dict[str, Any] | None
    failure: Failure | None


def replicate(task: Task) -> Outcome:
    """Make the runs of a task and tell their measures.

    What fails is told, not raised; only where the worker itself is another one than the study's, `StudyError`.
    """
    _check_versions(task.versions)
    where = task.cases[0]
    blocks: list[dict[str, Any]] = []
    try:
        base: Run | None = None
        for case in task.cases:
            where = case
            scenario, drawn = _scenario_of(case), None
            if task.over:
                scenario, drawn = assumed(scenario, task.replication)
            run = played(scenario, replication=task.replication, max_input=task.max_input).run
            block = _block(run, case.name, None, task.measures, series=task.series)
            blocks.append(block if drawn is None else {**block, "assumed": drawn})
            if base is None:
                base = run
                continue
            if pair := in_common(base, run):
                asked = [name for name in task.measures if over_obligations(name)]
                names = (task.cases[0].name, case.name)
                for own, other, common in zip(names, reversed(names), pair, strict=True):
                    blocks.append(_block(common, own, other, asked, series=False))
    except SettlementError as error:
        told = str(error).splitlines()
        return Outcome(task.group, task.replication, None, _failure(task, where, error, "; ".join(told)))
    except Exception as error:  # noqa: BLE001 - one replication must not take the others with it
        return Outcome(task.group, task.replication, None, _failure(task, where, error, str(error)))
    return Outcome(task.group, task.replication, {"blocks": blocks}, None)


def _failure(task: Task, case: Case, error: Exception, message: str) -> Failure:
    return Failure(case.name, case.seed, task.group, task.replication, type(error).__name__, message)


def _block(
    run: Run, name: str, common_with: str | None, measures: Sequence[str], *, series: bool
) -> dict[str, Any]:
    """Measures of a run as rows (measure, of, value, unit, better), and its series of time."""
    values = []
    for measure in measures:
        found, unit = run.measure(measure)
        values += [
            (measure, ".".join(path), value, unit_at(unit, path), by_last(MEASURES[measure].better, path))
            for path, value in leaves(found)
        ]
    told = [row for tell in SERIES for row in tell(run)] if series else []
    return {"scenario": name, "common_with": common_with, "values": values, "series": told}


@lru_cache(maxsize=_KEPT)
def _scenario_of(case: Case) -> Scenario:
    for file, sha256 in case.files:
        if sha256_of(Path(file)) != sha256:
            raise StudyError(f"{file}: not as it was when the study began")
    return case.scenario


def _check_versions(wanted: Mapping[str, str]) -> None:
    here = study_versions()
    for name, version in wanted.items():
        if here.get(name) != version:
            raise StudyError(
                f"a worker has {name} {here.get(name, 'not at all')}, and the study {version}; "
                "versions are never mixed"
            )


@lru_cache(maxsize=1)
def study_versions() -> Mapping[str, str]:
    """The versions of all that numbers depend on, with a hash of this package's own code."""
    root = Path(__file__).parents[1]
    code = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        code.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return {**versions(), "code": code.hexdigest()[:16]}
