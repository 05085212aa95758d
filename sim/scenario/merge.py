"""A variant states only what differs from the scenario that it extends, by changes and by keys of its own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.errors import ScenarioError
from sim.scenario.changes import SAYS, Change, Changes, Overruled, listed, on_command_line
from sim.scenario.document import DEEPEST, Read, parse_value
from sim.scenario.files import STANDARD_INPUT, locate, read_file, refuse, shown
from sim.scenario.laying import bare, closed, laid, other_kind, over, said_of
from sim.scenario.model.base import nearest
from sim.scenario.paths import ADD, ANY, NOTHING_MATCHES, extent, matching, path_of, position
from sim.scenario.tree import KeyPath, Located, Mark, Node, Place, dotted, located, plain, pruned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


#: What a scenario says about itself, which is not true of its variants.
NOT_INHERITED: Final = frozenset({"name", "question", "description"})

_EXTENDS: Final = "extends"
_CHANGES: Final = "changes"
_DIFFERS_IN: Final = "differs_in"
_SAID_IN_FILES: Final = {
    _EXTENDS: "what a scenario extends is said in its file",
    _CHANGES: "which changes a scenario has is said in its file, or by --with",
    _DIFFERS_IN: "where a scenario differs is said in its file",
}
_LONGEST_SHOWN: Final = 100


class Resolved(NamedTuple):
    """A scenario laid over what it extends, and what went wrong on the way but leaves a tree to look into."""

    tree: Node
    findings: tuple[Located, ...]
    whole: bool
    """Whether all that it extends could be read, so that what is not there is missing."""
    spoilt: frozenset[KeyPath]
    """Where the tree is not what its author meant, so that nothing can be said of it; at the top, keys may lack."""
    changes: tuple[Change, ...]
    """The changes that it has, those of what it extends first."""
    overruled: tuple[Overruled, ...]
    """Keys of files, and of changes in layers above, that win over these changes."""
    variation: Variation | None
    """None for one that extends nothing."""
    stages: tuple[Node, ...]
    """The tree as it was laid: the oldest file, then of each other one its changes and its own keys, and what is said
    beside files."""
    alone: Mapping[str, Node]
    """The tree with each change and what that requires, but no other of its layer, by what its file is called."""


class Variation(NamedTuple):
    """What a scenario says of what it extends."""

    extends: str
    """As its file names it."""
    inherited: int
    """How many of its changes are those of what it extends, which come first."""
    paths: tuple[KeyPath, ...]
    """Where its own keys make it differ, whatever its changes do."""


class Layer(NamedTuple):
    """A file without its `extends`, and the folder in which what it names is sought first."""

    read: Read
    folder: Path
    extends: Node | None

    @property
    def file(self) -> str:
        """What the file is called."""
        return self.read.tree.mark.file


class Lineage(NamedTuple):
    """A scenario and its ancestors, the youngest first, as far as they could be read."""

    layers: tuple[Layer, ...]
    findings: tuple[Located, ...]
    """Why the oldest of them has no parent although it names one."""
    whole: bool
    """Whether all could be read."""


class Given(NamedTuple):
    """What a scenario is made of: its files, and what is said beside them."""

    lineage: Lineage
    changes: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    left_out: frozenset[Place] = frozenset()
    """Parts of files, of changes too, that are passed over."""


class _Override(NamedTuple):
    """What `--set` lays where."""

    path: KeyPath
    value: Node


def resolve(
    source: str | Path, overrides: Sequence[str] = (), changes: Sequence[str] = (), *, alone: bool = False
) -> Resolved:
    """The scenario at `source` (a path, a library name, or `-`), laid over what it extends; see `lay_out`."""
    return lay_out(Given(lineage(source, alone=alone), tuple(changes), tuple(overrides)))


def lay_out(given: Given) -> Resolved:
    """The scenario laid over what it extends.

    Layers are laid over each other as `laying` says: what a scenario extends, the changes that it lists, in whatever
    order, its own keys, which win over changes, and `changes` named beside it. A variant may list under `differs_in`
    the paths at or below which it differs from what it extends (`*` is any one step); then it must differ in all of
    them, and nowhere else, unless parts of it are left out. Each override `path=value` is laid over the result by the
    same rules, in the order given.

    If something that the scenario extends cannot be found, read or parsed, or a change, or the chain comes back to
    itself, the scenario is not `whole`; then nothing is overridden and no null removes anything.
    """
    layers, findings, whole = given.lineage
    told = [*findings, *(found for layer in layers for found in layer.read.findings)]
    made = Changes(findings=told, left_out=given.left_out)
    ignored: list[Located] = []
    number = 0
    tree = inherited = Node({}, layers[-1].read.tree.mark)
    stages = [tree]
    for layer in reversed(layers):
        complete = layer.read.tree
        tree_of_file = pruned(complete, layer.file, given.left_out)
        declared, own = _without(tree_of_file, _DIFFERS_IN)
        named, own = _without(own, _CHANGES)
        before = inherited = _heritage(tree)
        root = layer is layers[-1]
        number = len(made.made)
        if named is not None and (_CHANGES,) not in layer.read.spoilt:
            chosen = listed(named, (_CHANGES,), layer.folder, told)
            if root and whole:
                message = "changes are laid over what a scenario extends; this one extends nothing"
                told.append(located(named.told_at, (_CHANGES,), message))
            elif whole:
                inherited = made.make(inherited, chosen)
            else:
                made.look_at(chosen)
        if root:
            tree = bare(own, (), told if whole else ignored)
        else:
            said = said_of(inherited, own, "", told if whole and made.whole else ignored)
            made.yield_to(said)
            tree, _ = closed(laid(inherited, [said]), [said])
        stages += [inherited, tree]
        if declared is not None and whole and made.whole and tree_of_file is complete:
            told += held_to(declared, (_DIFFERS_IN,), None if root else before, _heritage(tree))
    variation = _variation(layers[0].extends, number, inherited, tree)
    if whole:
        tree = made.make(tree, on_command_line(given.changes))
    else:
        made.look_at(on_command_line(given.changes))
    stages.append(tree)
    whole = whole and made.whole
    for override in given.overrides:
        try:
            path, value = _read_override(override)
            tree = _override(tree, path, value, told) if whole else tree
        except ScenarioError as error:
            told += [Located(mark_of(override), problem) for problem in error.problems]
    spoilt = frozenset(made.spoilt).union(*(layer.read.spoilt for layer in layers))
    return Resolved(
        tree,
        tuple(told),
        whole,
        spoilt,
        tuple(made.made.values()),
        tuple(made.overruled),
        variation,
        (*stages, tree),
        made.alone,
    )


def _variation(extends: Node | None, number: int, inherited: Node, tree: Node) -> Variation | None:
    if extends is None:
        return None
    return Variation(str(extends.value), number, tuple(differences(inherited, _heritage(tree))))


def lineage(source: str | Path, *, alone: bool = False) -> Lineage:
    """The scenario, what it extends, what that extends, and so on, each without its `extends`.

    One that has to stand `alone` is the file at a path, and extends nothing. ScenarioError if the file itself cannot
    be found, read or parsed.
    """
    path: Path | None
    if alone:
        path = Path(source)
    elif str(source) == STANDARD_INPUT:
        path = None
    else:
        path = locate(str(source), Path(), Mark(str(source)), ())
    name = shown(path) if path else "<stdin>"
    return _lineage(read_file(path, name), path, name, alone=alone)


def lineage_within(trees: Sequence[Node], file: Path) -> Lineage:
    """Likewise of scenarios inside a file: each extends the one behind it, the last one whatever it names."""
    *variants, last = trees
    beyond = _lineage(Read(last, (), frozenset()), file, shown(file))
    layers = tuple(
        Layer(Read(tree, (), frozenset()), file.parent, Node(last.mark.file, tree.mark)) for tree in variants
    )
    return beyond._replace(layers=(*layers, *beyond.layers))


def _lineage(found: Read, path: Path | None, name: str, *, alone: bool = False) -> Lineage:
    """The lineage of a scenario that was found in a file."""
    layers: list[Layer] = []
    ancestors: dict[str, str] = {}
    while True:
        parent, own = _without(found.tree, _EXTENDS)
        folder = path.parent if path else Path()
        layers.append(Layer(found._replace(tree=own), folder, parent))
        if (says := found.tree.below(SAYS)) is not None:
            message = "this is a change, not a scenario; name it under 'changes' of one, or by --with"
            refuse(says.key or says.mark, (SAYS,), message)
        if alone:
            _refuse_to_stand_alone(found.tree)
        if parent is None or (_EXTENDS,) in found.spoilt:
            return Lineage(tuple(layers), (), whole=(_EXTENDS,) not in found.spoilt)
        # A link to a file is that file.
        ancestors[os.path.realpath(path) if path else name] = name
        try:
            path = _parent(parent, folder, ancestors)
            name = shown(path)
            found = read_file(path, name, parent.mark, (_EXTENDS,))
        except ScenarioError as error:
            findings = tuple(Located(parent.told_at, problem) for problem in error.problems)
            return Lineage(tuple(layers), findings, whole=False)


def _refuse_to_stand_alone(tree: Node) -> None:
    for key, what in ((_EXTENDS, "extends nothing"), (_CHANGES, "has no changes")):
        if (said := tree.below(key)) is not None:
            refuse(said.told_at, (key,), f"the scenario of a run is complete and {what}")


def _parent(named: Node, folder: Path, ancestors: dict[str, str]) -> Path:
    """The file of what a scenario in `folder` says it extends, which is none of the `ancestors` on the way to it."""
    if not isinstance(named.value, str) or not named.value.strip():
        refuse(named.told_at, (_EXTENDS,), "the path or the library name of one scenario is needed")
    path = locate(named.value, folder, named.mark, (_EXTENDS,))
    if (full := os.path.realpath(path)) in ancestors:
        names = [*ancestors.values(), shown(path)]
        circle = " → ".join(names[list(ancestors).index(full) :])
        refuse(named.mark, (_EXTENDS,), f"the scenario extends itself: {circle}")
    return path


def _without(tree: Node, key: str) -> tuple[Node | None, Node]:
    """What stands under a key at the top, and the tree without it."""
    entries = dict(tree.value) if isinstance(tree.value, dict) else {}
    found = entries.pop(key, None)
    return found, replace(tree, value=entries)


def _heritage(tree: Node) -> Node:
    entries = tree.value if isinstance(tree.value, dict) else {}
    return replace(tree, value={key: node for key, node in entries.items() if key not in NOT_INHERITED})


def mark_of(override: str) -> Mark:
    """Where an override is told."""
    shown = override if len(override) <= _LONGEST_SHOWN else f"{override[:_LONGEST_SHOWN]}…"
    return Mark(f"--set {shown}")


def _read_override(override: str) -> _Override:
    """Path and value of `path=value`; ScenarioError if it is something else."""
    mark = mark_of(override)
    target, equals, text = override.partition("=")
    target = target.strip()
    if not equals or not target:
        refuse(mark, (), "an override is written path=value, such as seed=7")
    path = path_of(target)
    if path is None:
        refuse(mark, (), f"{target!r} is not a path such as accounts.0.balance or accounts[0].balance")
    if path[0] in _SAID_IN_FILES:
        refuse(mark, path[:1], _SAID_IN_FILES[str(path[0])])
    if len(path) > DEEPEST:
        refuse(mark, (), f"the path is more than {DEEPEST} levels deep")
    if not text.strip():
        refuse(mark, path, "a value is needed after '='; null removes the key")
    return _Override(path, parse_value(text, mark.file))


def _override(tree: Node, path: KeyPath, value: Node, findings: list[Located]) -> Node:
    """The tree with `value` laid over what is at `path`, or at every path that it leads to by `*`."""
    if ANY not in path:
        return _lay(tree, (), path, value, findings)
    found = list(matching(tree, path))
    if not found:
        refuse(value.mark, path, NOTHING_MATCHES)
    for one in reversed(found):  # The last one first, for what is removed from a list moves those behind it.
        tree = _lay(tree, (), one, value, findings)
    return tree


def _lay(node: Node, done: KeyPath, rest: KeyPath, value: Node, findings: list[Located]) -> Node:
    """The tree with `value` laid over what is at `rest`; `done` leads to `node`."""
    step, *below = rest
    if isinstance(node.value, list):
        return _lay_in_list(node, done, rest, value, findings)
    if not isinstance(node.value, dict):
        refuse(value.mark, done, f"{step!r} cannot be set below a single value")
    if isinstance(step, int):
        refuse(value.mark, done, "no list stands here, so it has no numbered entries")
    if not below:
        new = Node({step: replace(value, key=value.mark)}, value.mark, value.mark)
        merged = over(node, new, findings, done)
        return merged if other_kind(node, new) else replace(node, value=merged.value)
    child = node.value.get(step)
    if child is None and (meant := nearest(step, node.value)):
        refuse(value.mark, (*done, step), "nothing of that name is here", meant)
    child = child or Node({}, value.mark, value.mark)
    changed = _lay(child, (*done, step), tuple(below), value, findings)
    return replace(node, value={**node.value, step: changed})


def _lay_in_list(node: Node, done: KeyPath, rest: KeyPath, value: Node, findings: list[Located]) -> Node:
    items = list(node.value) if isinstance(node.value, list) else []
    step, *below = rest
    if step == ADD and not below:
        new = Node({ADD: replace(value, key=value.mark)}, value.mark, value.mark)
        return replace(node, value=over(node, new, findings, done).value)
    index = position(step)
    if index is None or index >= len(items):
        refuse(value.mark, (*done, step), f"the list has {extent(len(items))}")
    at = (*done, index)
    if below:
        items[index] = _lay(items[index], at, tuple(below), value, findings)
    elif value.value is None:
        del items[index]
    elif isinstance(value.value, dict):
        items[index] = over(items[index], value, findings, at)
    else:
        items[index] = bare(value, at, findings)
    return replace(node, value=items)


def held_to(declared: Node, at: KeyPath, inherited: Node | None, variant: Node) -> Iterator[Located]:
    """Where a variant differs but does not say so, or says so but does not differ.

    `declared`, which stands at `at`, lists dotted paths at or below which it differs; `*` is any one step.
    Nothing is `inherited` by what extends nothing.
    """
    if inherited is None:
        yield located(declared.told_at, at, "a scenario that extends nothing differs from nothing")
        return
    items = declared.value if isinstance(declared.value, list) else [declared]
    if stray := [item for item in items if not isinstance(item.value, str)]:
        message = "a list of paths is needed, such as [systems.hvps, routes.usd]"
        yield from (located(item.told_at, at, message) for item in stray)
        return
    paths = {str(item.value): item for item in items}
    unused = dict(paths)
    for path in differences(inherited, variant):
        holders = [named for named in paths if _lies_in(path, named)]
        for holder in holders:
            unused.pop(holder, None)
        if not holders:
            yield located(declared.told_at, at, f"{dotted(path)} differs, too, but is not named here")
    for named, item in unused.items():
        yield located(item.mark, at, f"nothing differs at {named}")


def differences(one: Node | None, other: Node | None, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths at which two trees differ, as deep as both have the same keys or equally long lists."""
    if one and other and isinstance(one.value, dict) and isinstance(other.value, dict):
        for key in dict.fromkeys([*one.value, *other.value]):
            yield from differences(one.value.get(key), other.value.get(key), (*path, key))
        return
    left, right = (node.value if node else None for node in (one, other))
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right, strict=True)):
            yield from differences(*pair, (*path, index))
    elif not one or not other or plain(one) != plain(other):
        yield path


def _lies_in(path: KeyPath, named: str) -> bool:
    """Whether a path is that of a dotted text, in which `*` is any one step, or lies below it."""
    steps = named.split(".")
    return len(path) >= len(steps) and all(
        step in {"*", str(found)} for step, found in zip(steps, path, strict=False)
    )
