"""A case is read completely or not at all: everything wrong with its file, and with what it runs, is told at once."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ValidationError

from sim.errors import Problem, ScenarioError
from sim.scenario import library
from sim.scenario.explain import explain
from sim.scenario.files import Shelf, locate, read_file, shown
from sim.scenario.load import load_within
from sim.scenario.tree import Located, Mark, Node, dotted, located, plain
from sim.verify.checks import Around, findings
from sim.verify.drawn import drawn_rows
from sim.verify.model import NAME, NOTHING, Case, Drawn, Expectation
from sim.world.build import build_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.scenario.document import Read
    from sim.scenario.load import Loaded
    from sim.scenario.model import Scenario
    from sim.scenario.tree import KeyPath

#: What the run of a case is called that names none.
THE_RUN: Final = "run"

_PAYMENTS: Final = "payments"


class ReadCase(NamedTuple):
    """A case that can be run."""

    case: Case
    file: str
    runs: dict[str, Loaded[Scenario]]
    """By name; none where it has no scenario."""


_CASES: Final = Shelf("case", library.find_case, library.cases, lambda _: None, "")


@contextmanager
def cases(sources: Sequence[str] = ()) -> Iterator[list[ReadCase]]:
    """Cases by their paths or their names in the package, by default all of these, for as long as the context lasts.

    ScenarioError with the problems of all of them.
    """
    found: list[ReadCase] = []
    problems: list[Problem] = []
    with TemporaryDirectory(prefix="cases-") as folder:
        for number, source in enumerate(sources or library.cases()):
            try:
                found.append(_Reader(source, Path(folder) / f"{number}").read())
            except ScenarioError as error:
                problems += error.problems
        if problems:
            raise ScenarioError(list(dict.fromkeys(problems)))
        yield found


class _Run(NamedTuple):
    """What a run of a case is made of."""

    trees: list[Node]
    """Its scenario and what that one extends, the youngest first."""
    payments: Node | None
    """Its payments, if the case states them."""
    rows: Path | None
    """Where these are looked for."""


@dataclass(frozen=True)
class _Reader:
    """Reads one case; the payments of its runs are written into files whose names begin with `rows`."""

    source: str
    rows: Path

    def read(self) -> ReadCase:
        """The case; ScenarioError with everything that is wrong with it."""
        path = locate(self.source, Path(), Mark(self.source), (), _CASES)
        read = read_file(path, shown(path))
        case, found = _validated(read)
        problems = [one.problem for one in sorted(found, key=lambda one: one.mark)]
        runs: dict[str, Loaded[Scenario]] = {}
        if not read.spoilt:
            scenarios: dict[str, _Run] = {}
            try:
                scenarios = self._runs(read.tree)
            except ScenarioError as error:
                problems += error.problems
            for name, run in scenarios.items():
                try:
                    runs[name] = _loaded(run, path, _payments_of(read.tree, case))
                except ScenarioError as error:
                    problems += [_in_case(one, read.tree, name) for one in error.problems]
        if case is None or problems:
            raise ScenarioError(list(dict.fromkeys(problems)))
        return ReadCase(case, shown(path), runs)

    def _runs(self, tree: Node) -> dict[str, _Run]:
        """What each run is made of, by its name."""
        scenario, runs = tree.below("scenario"), tree.below("runs")
        if scenario is None:
            return {}
        # Its name is judged as that of the case.
        stated = tree.below("name")
        sound = stated is not None and isinstance(stated.value, str) and re.fullmatch(NAME, stated.value)
        name = stated if stated is not None and sound else Node("case", tree.mark)
        whole = _named(scenario, name, "scenario")
        if runs is None or not isinstance(runs.value, dict) or not runs.value:
            return {THE_RUN: self._run([whole], tree, 0)}
        return {
            run: self._run(
                [
                    _named(replace(laid, value={} if laid.value is None else laid.value), name, "runs", run),
                    whole,
                ],
                tree,
                number,
            )
            for number, (run, laid) in enumerate(runs.value.items())
        }

    def _run(self, trees: list[Node], tree: Node, number: int) -> _Run:
        if (payments := tree.below(_PAYMENTS)) is None:
            return _Run(trees, None, None)
        rows = self.rows.with_name(f"{self.rows.name}-{number}.csv")
        rows.touch()
        *variants, whole = trees
        placed = _with_file(whole, Node(str(rows), payments.told_at))
        return _Run([*variants, placed], payments, rows)


def _loaded(run: _Run, path: Path, payments: str | Drawn | None) -> Loaded[Scenario]:
    """The scenario of a run, of which it is known that its world can be built."""
    loaded = load_within(run.trees, path)
    if run.rows is not None:
        if payments is None:
            return loaded  # Something is wrong with them, and is told.
        start = loaded.scenario.period.start
        text = drawn_rows(payments, start) if isinstance(payments, Drawn) else payments
        run.rows.write_text(text, encoding="utf-8")
    with _placing(run), loaded.placing(build_world):
        build_world(loaded.scenario)
    return loaded


@contextmanager
def _placing(run: _Run) -> Iterator[None]:
    """Tell what is wrong with rows of the payments where these stand in the case."""
    try:
        yield
    except ScenarioError as error:
        raise ScenarioError([_placed(one, run) for one in error.problems]) from None


def _placed(problem: Problem, run: _Run) -> Problem:
    file, _, row = problem.where.rpartition(":")
    if run.rows is None or run.payments is None or Path(file).name != run.rows.name or not row.isdecimal():
        return problem
    mark = run.payments.mark
    steps: tuple[str, ...] = (_PAYMENTS, row, problem.path)
    if isinstance(run.payments.value, str):
        head = Path(mark.file).read_text(encoding="utf-8-sig").splitlines()[mark.line - 1]
        # Only the lines of a literal block are those of the rows.
        if head[mark.column - 1 :].startswith("|"):
            mark, steps = Mark(mark.file, mark.line + int(row), 1), (_PAYMENTS, problem.path)
    return replace(problem, where=str(mark), path=".".join(filter(None, steps)))


def _payments_of(tree: Node, case: Case | None) -> str | Drawn | None:
    """The payments that a case states; None if it states none that can be used."""
    if case is not None:
        return case.payments
    stated = tree.below(_PAYMENTS)
    return stated.value if stated is not None and isinstance(stated.value, str) else None


def _in_case(problem: Problem, tree: Node, run: str) -> Problem:
    """A problem of a scenario with its path in the case, if it stands there."""
    if problem.cause is not None:
        return replace(problem, cause=_in_case(problem.cause, tree, run))
    file, _, place = problem.where.partition(f"{tree.mark.file}:")
    line, _, column = place.partition(":")
    if file or not (line.isdecimal() and column.isdecimal()) or problem.path.startswith(_PAYMENTS):
        return problem
    at = Mark(tree.mark.file, int(line), int(column))
    before = {step: child for step, child in tree.children() if child.key is not None and child.key <= at}
    top = max(before, key=lambda step: before[step].told_at, default=None)
    if top not in {"scenario", "runs"}:
        return problem
    steps = [str(top)] if top == "scenario" else [str(top), run]
    named = top == "scenario" and isinstance(before[top].value, str)
    return replace(problem, path=".".join(filter(None, [*steps, "" if named else problem.path])))


def _validated(read: Read) -> tuple[Case | None, list[Located]]:
    """The case that a file holds, None if something is wrong with it, and what that is."""
    tree, told = read.tree, list(read.findings)
    beginnings = [dotted(path) for path in read.spoilt]
    told += _nulls(tree, ())
    case: Case | None = None
    try:
        case = Case.model_validate(plain(tree))
    except ValidationError as error:
        told += [
            found
            for found in explain(error, tree, Case)
            if not any(_is_below(found.problem.path, begin) for begin in beginnings)
        ]
    for key in ("payments", "runs"):
        if tree.below("scenario") is None and (stated := tree.below(key)) is not None:
            told.append(located(stated.told_at, (key,), "there is no 'scenario' that it could belong to"))
    if not read.spoilt:
        told += _of_expectations(tree)
    return (case if not told else None), told


def _nulls(node: Node, path: KeyPath) -> Iterator[Located]:
    """Where nothing is written, outside of scenarios, in which it removes something."""
    if node.value is None:
        yield located(node.told_at, path, f"nothing is written here; a missing value is called {NOTHING!r}")
    for step, child in node.children():
        if path or step not in {"scenario", "runs"}:
            yield from _nulls(child, (*path, step))


def _of_expectations(tree: Node) -> Iterator[Located]:
    """What is wrong with those expectations whose fields are sound."""
    runs, expect = tree.below("runs"), tree.below("expect")
    names = [str(step) for step, _ in runs.children()] if runs is not None else []
    around = Around(tree.below("scenario") is not None, names)
    for number, node in expect.children() if expect is not None else ():
        try:
            one = Expectation.model_validate(plain(node))
        except ValidationError:
            continue
        for found in findings(one, around):
            path = ("expect", number, *found.path)
            yield located(tree.nearest(path).told_at, path, found.message, found.suggestion)


def _is_below(path: str, begin: str) -> bool:
    return not begin or path == begin or path.startswith(f"{begin}.")


def _named(stated: Node, name: Node, *path: str) -> Node:
    """A scenario as a case states it: the name of another one alone extends that; it is called as its case is."""
    if isinstance(stated.value, dict):
        return replace(stated, value={"name": name, **stated.value})
    if isinstance(stated.value, str) and len(path) == 1:
        return replace(stated, value={"name": name, "extends": stated})
    what = "a scenario is needed: its keys, or the path or library name of one"
    message = what if len(path) == 1 else "what is laid over the scenario is needed: a mapping of its keys"
    raise ScenarioError([located(stated.told_at, path, message).problem])


def _with_file(scenario: Node, file: Node) -> Node:
    """The scenario with its payments in a file."""
    entries = dict(scenario.value) if isinstance(scenario.value, dict) else {}
    stated = entries.get(_PAYMENTS)
    inside = dict(stated.value) if stated is not None and isinstance(stated.value, dict) else {}
    mark = stated or file
    entries[_PAYMENTS] = Node({**inside, "file": file}, mark.mark, mark.key)
    return replace(scenario, value=entries)
