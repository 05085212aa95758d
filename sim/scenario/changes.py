"""A change is one difference that could be made alone: a file with a sentence that says it, and the keys that differ.

Those of one layer are a set: each is read relative to what it is applied to, with those that it requires, and two of
which neither requires the other must agree wherever both say something. A layer above wins; where it does is noted.
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
from sim.scenario.tree import KeyPath, Located, Mark, Node, Place, dotted, located, pruned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sim.scenario.laying import Path as LaidPath

SAYS: Final = "says"
_REQUIRE: Final = "require"
_SOURCE: Final = "source"
#: What only a scenario says, of itself or of how it is read.
OF_SCENARIOS: Final = frozenset({"name", "question", "description", "extends", "differs_in", "changes"})


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
    """A key of a file, or of a change in a layer above, that wins over a change."""

    mark: Mark
    paths: tuple[str, ...]
    """Its path, or all those that a wildcard or an alias leads to."""
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
    left_out: Collection[Place] = ()
    """Parts of files that are passed over."""
    alone: dict[str, Node] = field(default_factory=dict)
    """The tree with each of them and what it requires, but none of the others, by what its file is called."""
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
            below = laid(tree, required)
            said[file] = said_of(below, new[file].keys, by, self.findings, gone=gone)
            self.alone[new[file].keys.mark.file] = laid(below, [said[file]])
        leaves = [_Standing(leaf, file) for file, one in said.items() for leaf in one.leaves()]
        self._tell_conflicts(leaves)
        self._overrule(leaves)
        everything = list(said.values())
        result, indices = closed(laid(tree, everything), everything)
        self._standing += [
            _Standing(Leaf(_settled(leaf.path, indices), leaf.node), by) for leaf, by in leaves
        ]
        return result

    def look_at(self, named: Iterable[Named]) -> None:
        """Tell what is wrong with the files of changes that cannot be made, since what they are for is not whole."""
        self._read(named)

    def yield_to(self, own: Said) -> None:
        """Let own keys win, and note those that do."""
        self._overrule([_Standing(leaf, "") for leaf in own.leaves()])

    def _overrule(self, above: Sequence[_Standing]) -> None:
        """Note what a layer changes of what the changes below it left; what is only added to a list changes nothing.

        A change that requires another is meant to change what that one left, so that it is not noted.
        """
        crossing = _Crossing(
            one for one in above if not any(isinstance(step, Added) for step in one.leaf.path)
        )
        standing = []
        noted: dict[tuple[Mark, str], list[str]] = {}
        for one in self._standing:
            against = [over for over, agree in crossing.meets(one) if not agree]
            for over in against:
                if one.by not in self._before.get(over.by, ()) and not _are_sources(over.leaf, one.leaf):
                    place = (over.leaf.node.told_at, self.made[one.by].name)
                    noted.setdefault(place, []).append(dotted(as_written(over.leaf.path)))
            if not against:
                standing.append(one)
        self._standing = standing
        self.overruled += [Overruled(mark, tuple(paths), name) for (mark, name), paths in noted.items()]

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
        for key in sorted(OF_SCENARIOS & keys.keys()):
            node = keys.pop(key)
            self._tell(node.key or node.mark, (key,), "a scenario says this, not a change")
        if not keys:
            self._tell(at, (), "a change states the keys that differ; here are none")
        required = listed(require, (_REQUIRE,), path.parent, self.findings) if require else ()
        name = library.name_of_change(path)
        sentence = " ".join(says.value.split()) if says and isinstance(says.value, str) else ""
        stated = pruned(replace(found.tree, value=keys), found.tree.mark.file, self.left_out)
        return Change(name, os.path.realpath(path), sentence, required, stated, named)

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

    def _tell_conflicts(self, said: Sequence[_Standing]) -> None:
        """Tell where two changes of a layer disagree of which neither requires the other, with both places."""
        crossing = _Crossing(said)
        told: set[tuple[LaidPath, frozenset[str]]] = set()
        for one in said:
            for other, agree in crossing.meets(one):
                shallow = min(one.leaf.path, other.leaf.path, key=len)
                pair = (shallow, frozenset({one.by, other.by}))
                related = (
                    one.by == other.by or one.by in self._before[other.by] or other.by in self._before[one.by]
                )
                if agree or related or pair in told or _are_sources(one.leaf, other.leaf):
                    continue
                told.add(pair)
                self.spoilt.add(as_written(shallow))
                first, second = sorted((one, other), key=lambda each: (self.made[each.by].name, each.by))
                names = f"{self.made[second.by].name!r} and {self.made[first.by].name!r}"
                message = f"the changes {names} disagree here, see {first.leaf.node.told_at}"
                self._tell(second.leaf.node.told_at, as_written(second.leaf.path), message)

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
    """What was left by path, so that all that is at, above or below one is found."""

    def __init__(self, left: Iterable[_Standing]) -> None:
        self._at: dict[LaidPath, list[_Standing]] = {}
        self._below: dict[LaidPath, list[_Standing]] = {}
        for one in left:
            path = one.leaf.path
            self._at.setdefault(path, []).append(one)
            for length in range(len(path)):
                self._below.setdefault(path[:length], []).append(one)

    def meets(self, one: _Standing) -> Iterator[tuple[_Standing, bool]]:
        """The others at, above or below its path, and whether both leave the same there."""
        path = one.leaf.path
        for length in range(1, len(path) + 1):
            for other in self._at.get(path[:length], ()):
                if other is not one:
                    yield other, leaves_the_same(other.leaf, one.leaf)
        for other in self._below.get(path, ()):
            yield other, leaves_the_same(one.leaf, other.leaf)


def _are_sources(one: Leaf, other: Leaf) -> bool:
    """Whether both tell where a number comes from, which is no disagreement."""
    return one.path == other.path and one.path[-1:] == (_SOURCE,)


def _settled(path: LaidPath, indices: dict[LaidPath, int]) -> LaidPath:
    """The path with the index of each entry of a list."""
    return tuple(indices.get(path[: number + 1], step) for number, step in enumerate(path))
