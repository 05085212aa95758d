"""A scenario is loaded completely or not at all: either it is valid, or everything wrong with it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from sim.errors import Problem, ScenarioError
from sim.scenario.assumptions import InForce, in_force
from sim.scenario.check import sound_findings, sound_sections
from sim.scenario.culprits import Outcome, with_causes
from sim.scenario.explain import explain
from sim.scenario.merge import Given, Resolved, Variation, lay_out, lineage, lineage_within
from sim.scenario.model.base import nearest
from sim.scenario.model.own import WrittenText
from sim.scenario.tree import KeyPath, Located, Node, dotted, located, plain
from sim.scenario.writing import data_of, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from sim.scenario.assumptions import WithoutEffect
    from sim.scenario.changes import Change, Overruled
    from sim.scenario.model import Scenario

M = TypeVar("M", bound=BaseModel)

#: How often a scenario is looked at again, at most, for what a problem comes of.
MOST_TRIES: Final = 100
#: The same where later rooms are asked, too, which takes longer.
_TRIES_LATER: Final = 24


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A valid scenario, and the tree that still knows where each part of it was written."""

    scenario: M
    groups: Spread
    changes: tuple[Change, ...]
    """The changes that it has, those of what it extends first."""
    overruled: tuple[Overruled, ...]
    """Keys of files, and of changes in layers above, that win over these changes."""
    variation: Variation | None
    """What it says of what it extends, if anything."""
    without_effect: tuple[WithoutEffect, ...]
    """Assumptions of files that it extends whose values something laid over them states."""
    given: Given
    """What it was made of."""
    attempt: Callable[[Given], tuple[Loaded[M] | None, Outcome]]
    """Makes another one in the same way."""

    def problem(self, path: KeyPath, message: str, suggestion: str | None = None) -> Problem:
        """A problem at `path`, located there or at the last part of the path that was written."""
        return self._located(path, message, suggestion).problem

    def inherits(self, path: KeyPath) -> bool:
        """Whether what stands at `path` was written below: in a file that is extended, or has more said beside it."""
        before = 0 if self.variation is None else self.variation.inherited
        own = {change.keys.mark.file for change in self.changes[before:]}
        if not self.given.overrides and not self.given.changes:
            own |= {layer.file for layer in self.given.lineage.layers[:1]}
        return self.groups.tree.nearest(path).mark.file not in own

    @contextmanager
    def placing(self, again: Callable[[M], object] | None = None) -> Iterator[None]:
        """Give the problems that later rooms find, and that have a path only, their mark in the file.

        What finds these problems `again` is tried on the scenario without parts of it, to tell what they come of.
        """
        try:
            yield
        except ScenarioError as error:
            placed = [problem for problem in error.problems if problem.where]
            found = [self._placed(problem) for problem in error.problems if not problem.where]
            if again is None or not found:
                raise ScenarioError([*placed, *(one.problem for one in found)]) from None
            told = with_causes(found, self.given, partial(self._outcome, again), _TRIES_LATER)
            raise ScenarioError([*placed, *told]) from None

    def _outcome(self, again: Callable[[M], object], given: Given) -> Outcome:
        """What is wrong with another scenario, for later rooms too."""
        loaded, outcome = self.attempt(given)
        if loaded is None:
            return outcome
        try:
            again(loaded.scenario)
        except ScenarioError as error:
            found = [loaded._placed(problem) for problem in error.problems if not problem.where]  # noqa: SLF001 - its own kind
            return outcome._replace(findings=tuple(found))
        return outcome

    def _placed(self, problem: Problem) -> Located:
        path = tuple(int(step) if step.isdecimal() else step for step in problem.path.split("."))
        return self._located(path, problem.message, problem.suggestion)

    def _located(self, path: KeyPath, message: str, suggestion: str | None) -> Located:
        return self.groups.as_written(_at(self.groups.tree, path, message, suggestion))


def load(
    source: str | Path,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    changes: Sequence[str] = (),
    *,
    seed: int | None = None,
) -> Scenario:
    """The scenario at a path, of a library name, or on standard input (`-`), with overrides and changes.

    Overrides are texts `path=value`, as by `--set`, or a mapping of paths to values, of which texts are read alike.
    `changes` are paths or library names of changes that are laid over the scenario before them, as by `--with`. `seed`
    takes the place of the scenario's. TypeError for a text where several are meant.
    ScenarioError with every problem found: those that stand where they arise, then the others by what they come of.
    """
    return load_located(source, *as_options(overrides, changes, seed)).scenario


def as_options(
    overrides: Sequence[str] | Mapping[str, Any], changes: Sequence[str], seed: int | None
) -> tuple[Sequence[str], Sequence[str]]:
    """What `load` takes as the command line has it: the texts of `--set`, and those of `--with`."""
    if isinstance(overrides, Mapping):
        texts = [f"{path}={_as_text(value)}" for path, value in overrides.items()]
    else:
        texts = [*_several(overrides, "overrides")]
    return [*texts, *([] if seed is None else [f"seed={seed}"])], _several(changes, "changes")


def _several(texts: Sequence[str], what: str) -> Sequence[str]:
    """The same; TypeError for a text, which would be taken apart letter by letter."""
    if isinstance(texts, str):
        raise TypeError(f"{what}: a list is needed, such as [{texts!r}], not the text {texts!r}")
    return texts


def _as_text(value: object) -> str:
    """A value as an override says it."""
    if isinstance(value, str):
        return value
    # Decimals are numbers, dates and times texts that read as such.
    return json.dumps(value, default=lambda other: float(other) if isinstance(other, Decimal) else str(other))


def load_saved(file: Path) -> Scenario:
    """The scenario that a run saved: complete, so that it extends nothing, and the payments' file may be gone."""
    # Loaded here for the same reason as below.
    from sim.scenario.check import CHECKS  # noqa: PLC0415
    from sim.scenario.model import Scenario  # noqa: PLC0415

    return load_as(Scenario, file, checks=CHECKS, saved=True).scenario


def load_all(
    sources: Sequence[str | Path], overrides: Sequence[str] = (), changes: Sequence[str] = ()
) -> list[Loaded[Scenario]]:
    """Several scenarios, each with its marks; ScenarioError with the problems of all of them."""
    loaded: list[Loaded[Scenario]] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            loaded.append(load_located(source, overrides, changes))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(list(dict.fromkeys(problems)))
    return loaded


def load_located(
    source: str | Path, overrides: Sequence[str] = (), changes: Sequence[str] = ()
) -> Loaded[Scenario]:
    """As `load`, with the marks kept for what is found wrong later."""
    # Loaded here, so that tools with a model of their own need not import this one.
    from sim.scenario.check import CHECKS  # noqa: PLC0415
    from sim.scenario.model import Scenario  # noqa: PLC0415

    return load_as(Scenario, source, overrides, changes, checks=CHECKS)


def load_within(trees: Sequence[Node], file: Path) -> Loaded[Scenario]:
    """The scenario that stands inside a file of another kind: `trees` as `lineage_within` takes them."""
    # Loaded here for the same reason as above.
    from sim.scenario.check import CHECKS  # noqa: PLC0415
    from sim.scenario.model import Scenario  # noqa: PLC0415

    return _load(Scenario, Given(lineage_within(trees, file)), checks=CHECKS)


def load_as(
    model: type[M],
    source: str | Path,
    overrides: Sequence[str] = (),
    changes: Sequence[str] = (),
    *,
    checks: Sequence[Callable[[M], Iterable[tuple[KeyPath, str, str | None]]]] = (),
    saved: bool = False,
) -> Loaded[M]:
    """As `load_located`, for any model; `checks` tell (path, message, suggestion) of what no field can see.

    The context of validation holds `names`, the keys under each top-level key, for references to them (none
    where the keys are not known for certain), and `document`, the scenario as it was written, for rules that
    reach across declarations. Of a `saved` scenario nothing outside its file is looked at.
    """
    given = Given(lineage(source, alone=saved), tuple(changes), tuple(overrides))
    return _load(model, given, checks=checks, saved=saved)


def _load(
    model: type[M],
    given: Given,
    *,
    checks: Sequence[Callable[[M], Iterable[tuple[KeyPath, str, str | None]]]],
    saved: bool = False,
) -> Loaded[M]:
    """What is given as a scenario; ScenarioError with every problem found."""
    attempt = partial(_attempt, model, checks=checks, saved=saved)
    loaded, outcome = attempt(given)
    if loaded is None:
        findings = sorted(outcome.findings, key=lambda found: found.mark)
        raise ScenarioError(with_causes(findings, given, lambda other: attempt(other)[1], MOST_TRIES))
    return loaded


def _attempt(
    model: type[M],
    given: Given,
    *,
    checks: Sequence[Callable[[M], Iterable[tuple[KeyPath, str, str | None]]]],
    saved: bool,
) -> tuple[Loaded[M] | None, Outcome]:
    """The scenario that is made of what is given, None if something is wrong with it, and what that is."""
    resolved = lay_out(given)
    groups = spread(resolved.tree, getattr(model, "GROUPED", {}))
    assumed = (
        in_force(resolved, groups.tree, groups.written_at) if resolved.whole else InForce(groups.tree, (), ())
    )
    tree = groups.tree = assumed.tree
    data = plain(tree, _written)
    context = {"names": _names(data, model, resolved), "document": data, "saved": saved}
    scenario = None
    told = [*resolved.findings, *groups.findings, *assumed.findings]
    unsound = {found.problem.path.partition(".")[0] for found in told}
    try:
        scenario = model.model_validate(data, context=context)
    except ValidationError as error:
        told += _judged(explain(error, tree, model, whole=resolved.whole), groups, resolved.spoilt)
        unsound |= {str(each["loc"][0]) for each in error.errors() if each["loc"]}
    if checks and resolved.whole:
        subject = scenario if not unsound else sound_sections(model, data, frozenset(unsound), context)
        told += [_at(tree, *found) for found in sound_findings(checks, subject)] if subject else []
    outcome = Outcome(tuple(map(groups.as_written, told)), resolved)
    if told or scenario is None:
        return None, outcome
    again = partial(_attempt, model, checks=checks, saved=saved)
    told_of = (resolved.changes, resolved.overruled, resolved.variation, assumed.without_effect)
    return Loaded(scenario, groups, *told_of, given, again), outcome


def _names(
    data: dict[str, Any], model: type[BaseModel], resolved: Resolved
) -> dict[str, Collection[str] | None] | None:
    """The names declared in each section, None for one that may have others; None if all of them may."""
    if not resolved.whole:
        return None
    misspelt = (nearest(key, set(model.model_fields)) for key in data if key not in model.model_fields)
    spoilt = (path[0] for path in resolved.spoilt if len(path) == 1)
    names: dict[str, Collection[str] | None] = {
        name: value.keys() for name, value in data.items() if isinstance(value, dict)
    }
    return names | {str(section): None for section in (*misspelt, *spoilt)}


def to_yaml(scenario: BaseModel, *, ascii_only: bool = False) -> str:
    """The scenario resolved and complete, every default stated; loading the text gives an equal scenario.

    With `ascii_only` all text beyond ASCII is escaped, for streams that cannot take it.
    """
    return dump(data_of(scenario), ascii_only=ascii_only)


def _written(node: Node) -> object:
    """A single value; a text remembers its file, for paths start beside it."""
    if not isinstance(node.value, str):
        return node.value
    # What has no line was said on the command line, as a whole.
    return WrittenText(node.value, node.mark.file if node.mark.line else "")


def _judged(findings: list[Located], groups: Spread, spoilt: frozenset[KeyPath]) -> list[Located]:
    """The findings that do not only follow from what was told of the text already."""
    beginnings = [dotted(path) for path in spoilt]
    return [
        found
        for found in findings
        for path in [groups.as_written(found).problem.path]
        if not any(path == begin or (begin and path.startswith(f"{begin}.")) for begin in beginnings)
    ]


def _at(tree: Node, path: KeyPath, message: str, suggestion: str | None = None) -> Located:
    return located(tree.nearest(path).told_at, path, message, suggestion)


#: Where such lists stand (`*` is any key), and the field that the keys fill; None if they fill none.
Groups: TypeAlias = Mapping[tuple[str, ...], str | None]

_ANY = "*"


@dataclass
class Spread:
    """A tree without groups, where the entries of its lists were written, and what stands twice."""

    tree: Node
    findings: list[Located] = field(default_factory=list)
    written_at: dict[KeyPath, KeyPath] = field(default_factory=dict)

    def as_written(self, found: Located) -> Located:
        """The finding with the path that its author knows."""
        problem = found.problem
        steps = problem.path.split(".")
        for length in range(len(steps) + 1):
            here = ".".join(steps[:length])
            if (written := self._written.get(here)) is not None:
                told = written + problem.path.removeprefix(here)
                return Located(found.mark, Problem(problem.where, told, problem.message, problem.suggestion))
        return found

    @cached_property
    def _written(self) -> dict[str, str]:
        return {dotted(path): dotted(written) for path, written in self.written_at.items()}


def spread(tree: Node, groups: Groups) -> Spread:
    """The tree in which every mapping at a place of `groups` has become a list, in the order of its keys.

    So a variant can change, add or remove one part of a list. `accounts: {cips: [{holder: minsk-a}]}` says the same as
    `accounts: [{system: cips, holder: minsk-a}]`: the key is a field of the entries below it. `steps: {review:
    {kind: screen}}` says the same as `steps: [{kind: screen}]`: the key is only a name.

    A list there, or anything else, stays as it is. An entry that states the field of its key is told as a
    mistake.
    """
    found = Spread(tree)
    for place, name in groups.items():
        found.tree = _spread(found.tree, (), place, name, found)
    return found


def _spread(node: Node, done: KeyPath, rest: tuple[str, ...], name: str | None, found: Spread) -> Node:
    if not isinstance(node.value, dict):
        return node
    if not rest:
        return _listed(node, done, name, found)
    step, *below = rest
    chosen = node.value if step == _ANY else {step} & node.value.keys()
    return replace(
        node,
        value={
            key: _spread(child, (*done, key), tuple(below), name, found) if key in chosen else child
            for key, child in node.value.items()
        },
    )


def _listed(node: Node, path: KeyPath, name: str | None, found: Spread) -> Node:
    """The list that a mapping stands for; below a key there is one entry, or a list if the key is a field."""
    items: list[Node] = []
    groups = node.value if isinstance(node.value, dict) else {}
    for key, group in groups.items():
        several = name is not None and isinstance(group.value, list)
        for number, entry in enumerate(group.value if several and isinstance(group.value, list) else [group]):
            written = (*path, key, number) if several else (*path, key)
            found.written_at[(*path, len(items))] = written
            items.append(
                entry if name is None else _named(entry, name, Node(key, group.told_at), written, found)
            )
    return replace(node, value=items)


def _named(entry: Node, name: str, key: Node, path: KeyPath, found: Spread) -> Node:
    """The entry with its key as the field `name`; what is no mapping is left to validation."""
    if not isinstance(entry.value, dict):
        return entry
    if stated := entry.value.get(name):
        message = f"the entry stands under {key.value!r} already"
        found.findings.append(located(stated.told_at, (*path, name), message))
    return replace(entry, value={**entry.value, name: key})
