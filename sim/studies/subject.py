"""Who is studied: a scenario, and how it was named, so that one of its replications can be made again alone."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.errors import Problem, ScenarioError, StudyError
from sim.scenario.assumptions import UNCERTAIN
from sim.scenario.files import STANDARD_INPUT
from sim.scenario.load import load_located, to_yaml
from sim.scenario.tree import dotted
from sim.scenario.varied import check_assumptions
from sim.studies.work import Case
from sim.world.build import build_world, prepare
from sim.world.own_file import MAX_INPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario.load import Loaded
    from sim.scenario.model import Scenario
    from sim.scenario.tree import KeyPath
    from sim.studies.work import Failure

#: Replications that are tried before a scenario is refused: one alone may fail by chance.
_TRIED: Final = 3


class Subject(NamedTuple):
    """A scenario that is studied, as it was loaded, and the arguments by which the command line names it."""

    scenario: Scenario
    loaded: Loaded[Scenario] | None = None
    """Nothing for one that was given as an object."""
    arguments: tuple[str, ...] = ()
    """Nothing for one that cannot be named again: an object, or standard input."""

    @classmethod
    def named(cls, source: str | Path, overrides: Sequence[str] = (), changes: Sequence[str] = ()) -> Subject:
        """The scenario at a path, of a library name, or on standard input; `ScenarioError` if it is not valid."""
        loaded = load_located(source, overrides, changes)
        beside = [word for change in changes for word in ("--with", change)]
        beside += [word for override in overrides for word in ("--set", override)]
        again = () if str(source) == STANDARD_INPUT else (str(source), *beside)
        return cls(loaded.scenario, loaded, again)

    def case(self, max_input: int = MAX_INPUT) -> Case:
        """As it travels to workers; `ScenarioError` with places in the file if it cannot be run."""
        with (
            nullcontext()
            if self.loaded is None
            else self.loaded.placing(partial(build_world, max_input=max_input))
        ):
            return Case.of(self.scenario, replication=_possible(self.scenario, max_input))


def check_all_assumptions(subjects: Sequence[Subject]) -> None:
    """Refuse scenarios whose assumptions cannot be drawn: `ScenarioError`; `StudyError` if none assumes anything."""
    if not any(subject.scenario.uncertain for subject in subjects):
        names = ", ".join(subject.scenario.name for subject in subjects)
        raise StudyError(f"nothing is declared under 'uncertain' that could be drawn: {names}")
    problems: dict[Problem, None] = {}
    for subject in subjects:
        place = _unplaced if subject.loaded is None else subject.loaded.problem
        try:
            check_assumptions(subject.scenario, prepare, place)
        except ScenarioError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise ScenarioError(list(problems))


def _unplaced(path: KeyPath, message: str) -> Problem:
    return Problem("", dotted(path), message)


def _possible(scenario: Scenario, max_input: int) -> int:
    """A replication whose world can be drawn; `ScenarioError` if it is not by chance that it cannot."""
    told: list[ScenarioError] = []
    for replication in range(_TRIED):
        try:
            build_world(scenario, replication, max_input=max_input)
        except ScenarioError as error:
            told.append(error)
        else:
            return replication
    raise told[0]


def command(
    failure: Failure, subjects: Sequence[Subject], cases: Sequence[Case], folder: Path | None, *, over: bool
) -> str:
    """The command that makes a failed replication again, alone, with its draw of what is assumed if `over`.

    Of what has no name of its own the scenario is written into the folder of the study; without one, Python tells it.
    """
    number = next((n for n, case in enumerate(cases) if case.name == failure.scenario), 0)
    arguments = subjects[number].arguments if number < len(subjects) else ()
    if not arguments and folder is None:
        drawn = f', over="{UNCERTAIN}"' if over else ""
        return f"sim.run(scenario, replication={failure.replication}{drawn})"
    if not arguments and folder is not None:
        file = folder / "failed" / f"{number}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(to_yaml(cases[number].scenario), encoding="utf-8")
        arguments = (str(file),)
    beside = ["--over", UNCERTAIN] if over else []
    return shlex.join(["sim", "run", *arguments, "--replication", str(failure.replication), *beside])


def enough(count: int) -> int:
    """A number of replications of which an interval can be told; `StudyError` for fewer than two."""
    if count < 1:
        raise StudyError(
            f"n = {count}: a study needs replications; with -n 30 or more intervals can be relied upon"
        )
    if count == 1:
        raise StudyError("n = 1: one replication has no interval; two are the least, 30 or more are better")
    return count
