"""A change is one difference that could be made alone: a file with a sentence that says it, and the keys that differ.

Several changes of a scenario are a set: each is read relative to what it is applied to, with those that it requires,
and two of which neither requires the other must agree wherever both say something.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.errors import ScenarioError
from sim.scenario import library
from sim.scenario.files import CHANGES, locate, read_file, refuse, shown
from sim.scenario.laying import Added, Leaf, Said, as_written, closed, laid, leaves_the_same, said_of
from sim.scenario.tree import KeyPath, Located, Mark, Node, dotted, located

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sim.scenario.laying import Path as LaidPath

SAYS: Final = "says"
_REQUIRE: Final = "require"
_SOURCE: Final = "source"
#: What only a scenario says, of itself or of how it is read.
_OF_SCENARIOS: Final = frozenset({"name", "question", "description", "extends", "differs_in", "changes"})


class Named(NamedTuple):
    """A change as it is named: in a list of a file, by another change, or on the command line."""

    name: str
    folder: Path
    mark: Mark
    path: KeyPath


class Change(NamedTuple):
    """What stands in the file of a change."""

    name: str
    """Its library name, or the name of its file without the ending."""
    file: str
    says: str
    require: tuple[Named, ...]
    keys: Node
    named: Named


class Overruled(NamedTuple):
    """A key of a scenario's own that wins over one of its changes."""

    mark: Mark
    shown: str
    """Its path."""
    change: str


class _Standing(NamedTuple):
    """What one of the changes has left at a path."""

    leaf: Leaf
    by: str


@dataclass
class Changes:
    """The changes of a scenario so far, layer by layer, and what was found wrong with them."""

    made: dict[str, Change] = field(default_factory=dict)
    """By the full path of their files."""
    findings: list[Located] = field(default_factory=list)
    whole: bool = True
    """Whether all could be read and laid, so that what is not there is missing."""
    spoilt: set[KeyPath] = field(default_factory=set)
    overruled: list[Overruled] = field(default_factory=list)
    _named: set[str] = field(default_factory=set)
    """The files of all changes that were named, whether they could be read or not."""
    _standing: list[_Standing] = field(default_factory=list)
    _before: dict[str, frozenset[str]] = field(default_factory=dict)
    """The changes that each one requires, those that these require, and so on."""

    def make(self, tree: Node, named: Iterable[Named]) -> Node:
        """The tree with these laid over it, whatever their order; one that was made before is not made again."""
        new = self._read(named)
        self.made |= new
        order = self._in_order(new)
        said: dict[str, Said] = {}
        gone = {one.leaf.path for one in self._standing if one.leaf.node.value is None}
        for file in order:
            required = [said[other] for other in order if other in self._before[file]]
            by = f"{new[file].name} {file}"
            said[file] = said_of(laid(tree, required), new[file].keys, by, self.findings, gone=gone)
        leaves = [_Standing(leaf, file) for file, one in said.items() for leaf in one.leaves()]
        self._tell_conflicts(leaves)
        everything = list(said.values())
        result, indices = closed(laid(tree, everything), everything)
        self._standing += [
            _Standing(Leaf(_settled(leaf.path, indices), leaf.node), by) for leaf, by in leaves
        ]
        return result

    def yield_to(self, own: Said) -> None:
        """Let own keys win, and note those that do; what they only add to a list wins over nothing."""
        over = _Crossing(
            leaf for leaf in own.leaves() if not any(isinstance(step, Added) for step in leaf.path)
        )
        standing = []
        for one in self._standing:
            against = [leaf for leaf, agree in over.meets(one.leaf) if not agree]
            name = self.made[one.by].name
            self.overruled += [
                Overruled(leaf.node.told_at, dotted(as_written(leaf.path)), name) for leaf in against
            ]
            if not against:
                standing.append(one)
        self._standing = standing

    def _read(self, named: Iterable[Named]) -> dict[str, Change]:
        """Those that were not made before, by the full path of their files."""
        found: dict[str, Change] = {}
        here: set[str] = set()
        for one in named:
            try:
                path = locate(one.name, one.folder, one.mark, one.path, CHANGES)
                file = os.path.realpath(path)
                if file in here:
                    refuse(one.mark, one.path, f"the change {one.name!r} is named a second time")
                here.add(file)
                self._named.add(file)
                if file not in self.made:
                    found[file] = self._open(path, one)
            except ScenarioError as error:
                self.findings += [Located(one.mark, problem) for problem in error.problems]
                self.whole = False
        return found

    def _open(self, path: Path, named: Named) -> Change:
        """The change in a file, as far as it can be understood."""
        found = read_file(path, shown(path), named.mark, named.path)
        self.findings += found.findings
        self.spoilt |= found.spoilt
        keys = dict(found.tree.value) if isinstance(found.tree.value, dict) else {}
        says, require = keys.pop(SAYS, None), keys.pop(_REQUIRE, None)
        at = found.tree.mark
        if says is None:
            self._tell(at, (SAYS,), "a change says in one sentence what differs")
        elif not isinstance(says.value, str) or not says.value.strip():
            self._tell(says.told_at, (SAYS,), "the sentence that says what differs is needed")
        for key in sorted(_OF_SCENARIOS & keys.keys()):
            node = keys.pop(key)
            self._tell(node.key or node.mark, (key,), "a scenario says this, not a change")
        if not keys:
            self._tell(at, (), "a change states the keys that differ; here are none")
        required = listed(require, (_REQUIRE,), path.parent, self.findings) if require else ()
        name = library.name_of_change(path)
        sentence = " ".join(says.value.split()) if says and isinstance(says.value, str) else ""
        return Change(
            name, os.path.realpath(path), sentence, required, replace(found.tree, value=keys), named
        )

    def _in_order(self, new: dict[str, Change]) -> list[str]:
        """Those that are new by name, but each behind what it requires; what is required and missing is told."""
        needs = {file: set(self._required(change)) for file, change in new.items()}
        for file, change in new.items():
            found: set[str] = set()
            ahead = list(needs[file])
            while ahead:
                if (one := ahead.pop()) not in found:
                    found.add(one)
                    ahead += needs.get(one, self._before.get(one, ()))
            if file in found:
                circle = ", ".join(sorted(new[one].name for one in found & new.keys()))
                self._tell(change.require[0].mark, (_REQUIRE,), f"these changes require each other: {circle}")
                found = set()
            self._before[file] = frozenset(found)
        order: list[str] = []
        waiting = sorted(new, key=lambda file: (new[file].name, file))
        while waiting:
            ready = next(one for one in waiting if not self._before[one] & set(waiting))
            order.append(ready)
            waiting.remove(ready)
        return order

    def _required(self, change: Change) -> Iterator[str]:
        """The files of what a change requires, as far as they are among the changes."""
        for one in change.require:
            try:
                file = os.path.realpath(locate(one.name, one.folder, one.mark, one.path, CHANGES))
            except ScenarioError as error:
                self.findings += [Located(one.mark, problem) for problem in error.problems]
                self.whole = False
                continue
            if file in self.made:
                yield file
            elif file not in self._named:
                missing = f"{one.name!r} ({one.mark}), which is not among the changes"
                message = f"the change {change.name!r} requires {missing}"
                self._tell(change.named.mark, change.named.path, message)

    def _tell_conflicts(self, new: Sequence[_Standing]) -> None:
        """Tell where two changes disagree of which neither requires the other, at one place with the other."""
        crossing = _Crossing(one.leaf for one in (*self._standing, *new))
        by = {id(one.leaf): one.by for one in (*self._standing, *new)}
        told: set[tuple[LaidPath, frozenset[str]]] = set()
        for one in new:
            for other, agree in crossing.meets(one.leaf):
                author = by[id(other)]
                shallow = min(one.leaf.path, other.path, key=len)
                pair = (shallow, frozenset({one.by, author}))
                related = author == one.by or author in self._before[one.by] or one.by in self._before[author]
                # Where two found their numbers is no disagreement.
                sources = one.leaf.path == other.path and shallow[-1:] == (_SOURCE,)
                if agree or related or sources or pair in told:
                    continue
                told.add(pair)
                self.spoilt.add(as_written(shallow))
                self._disagree(one.leaf, one.by, other, author)

    def _disagree(self, one: Leaf, by: str, other: Leaf, author: str) -> None:
        first, second = sorted(
            [(by, one), (author, other)], key=lambda pair: (self.made[pair[0]].name, pair[0])
        )
        names = [self.made[file].name for file, _ in (first, second)]
        message = f"the changes {names[1]!r} and {names[0]!r} disagree here, see {first[1].node.told_at}"
        self._tell(second[1].node.told_at, as_written(second[1].path), message)

    def _tell(self, mark: Mark, path: KeyPath, message: str) -> None:
        self.findings.append(located(mark, path, message))
        self.whole = False


def listed(node: Node, at: KeyPath, folder: Path, findings: list[Located]) -> tuple[Named, ...]:
    """The changes that a list in a file of `folder` names; what is no such list is told."""
    items = node.value if isinstance(node.value, list) else []
    found = [item for item in items if isinstance(item.value, str) and item.value.strip()]
    if not isinstance(node.value, list) or len(found) < len(items):
        stray = [item for item in items if item not in found] or [node]
        message = "a list of changes is needed, each by its path or its library name"
        findings += [located(item.told_at, at, message) for item in stray]
    return tuple(
        Named(str(item.value), folder, item.mark, (*at, number))
        for number, item in enumerate(items)
        if item in found
    )


def on_command_line(names: Sequence[str]) -> list[Named]:
    """The changes that `--with` names."""
    return [Named(name, Path(), Mark(f"--with {name}"), ()) for name in names]


class _Crossing:
    """Leaves by path, so that those at, above or below one are found."""

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        self._at: dict[LaidPath, list[Leaf]] = {}
        self._below: dict[LaidPath, list[Leaf]] = {}
        for leaf in leaves:
            self._at.setdefault(leaf.path, []).append(leaf)
            for length in range(len(leaf.path)):
                self._below.setdefault(leaf.path[:length], []).append(leaf)

    def meets(self, leaf: Leaf) -> Iterator[tuple[Leaf, bool]]:
        """The others at, above or below the path of a leaf, and whether both leave the same there."""
        for length in range(1, len(leaf.path) + 1):
            for other in self._at.get(leaf.path[:length], ()):
                if other is not leaf:
                    yield other, leaves_the_same(other, leaf)
        for other in self._below.get(leaf.path, ()):
            yield other, leaves_the_same(leaf, other)


def _settled(path: LaidPath, indices: dict[LaidPath, int]) -> LaidPath:
    """The path with the index of each entry of a list."""
    return tuple(indices.get(path[: number + 1], step) for number, step in enumerate(path))
