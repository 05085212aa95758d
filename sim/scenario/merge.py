"""A variant states only what differs from the scenario that it extends; `--set` states it on one line."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from sim.errors import ScenarioError
from sim.scenario import library
from sim.scenario.document import DEEPEST, LARGEST_FILE, Read, parse_value, read
from sim.scenario.model.base import nearest
from sim.scenario.tree import KeyPath, Located, Mark, Node, dotted, located, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


#: What a scenario says about itself, which is not true of its variants.
NOT_INHERITED: Final = frozenset({"name", "question", "description"})

_EXTENDS: Final = "extends"
_DIFFERS_IN: Final = "differs_in"
_SAID_IN_FILES: Final = {_EXTENDS: "what a scenario extends", _DIFFERS_IN: "where a scenario differs"}
_STANDARD_INPUT: Final = "-"
_LONGEST_SHOWN: Final = 100
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([0-9]{1,9})\]")
_INDEX: Final = re.compile(r"[0-9]{1,9}")
_PATH: Final = re.compile(r"[^.\[\]]+(?:\[[0-9]{1,9}\]|\.[^.\[\]]+)*")
_NOTHING_TO_REMOVE: Final = "null removes an inherited key, but nothing is inherited here to remove"


class Resolved(NamedTuple):
    """A scenario laid over what it extends, and what went wrong on the way but leaves a tree to look into."""

    tree: Node
    findings: tuple[Located, ...]
    whole: bool
    """Whether all that it extends could be read, so that what is not there is missing."""
    spoilt: frozenset[KeyPath]
    """Where the tree is not what its author meant, so that nothing can be said of it; at the top, keys may lack."""


class _Lineage(NamedTuple):
    """A scenario and its ancestors, the youngest first, as far as they could be read."""

    layers: tuple[Read, ...]
    findings: tuple[Located, ...]
    """Why the oldest of them has no parent although it names one."""
    whole: bool
    """Whether all could be read."""


class _Override(NamedTuple):
    """What `--set` lays where."""

    path: KeyPath
    value: Node


def resolve(source: str | Path, overrides: Sequence[str] = (), *, alone: bool = False) -> Resolved:
    """The scenario at `source` (a path, a library name, or `-`), laid over what it extends.

    One that has to stand `alone` is the file at a path, and extends nothing.

    Mappings merge; scalars and lists replace; null removes an inherited key; a mapping of another `kind`
    replaces the inherited one wholly, for the keys of two kinds do not mix. A variant may list under
    `differs_in` the paths at or below which it differs from what it extends (`*` is any one step); then it
    must differ in all of them, and nowhere else. Each override `path=value` is laid over the result by the
    same rules, in the order given.

    ScenarioError if the file itself cannot be found, read or parsed. If one that it extends cannot, or the chain
    comes back to itself, the scenario is not `whole`; then nothing is overridden and no null removes anything.
    """
    layers, findings, whole = _lineage(source, alone=alone)
    told = [*findings, *(found for layer in layers for found in layer.findings)]
    ignored: list[Located] = []
    tree = Node({}, layers[-1].tree.mark)
    for layer in reversed(layers):
        declared, own = _without(layer.tree, _DIFFERS_IN)
        inherited = _heritage(tree)
        tree = _merge(inherited, own, (), told if whole else ignored)
        if declared is not None and whole:
            told += held_to(
                declared, (_DIFFERS_IN,), inherited if layer is not layers[-1] else None, _heritage(tree)
            )
    for override in overrides:
        try:
            path, value = _read_override(override)
            tree = _lay(tree, (), path, value, told) if whole else tree
        except ScenarioError as error:
            told += [Located(_mark_of(override), problem) for problem in error.problems]
    return Resolved(tree, tuple(told), whole, frozenset().union(*(layer.spoilt for layer in layers)))


def _refuse(mark: Mark, path: KeyPath, message: str, suggestion: str | None = None) -> NoReturn:
    raise ScenarioError([located(mark, path, message, suggestion).problem])


def _lineage(source: str | Path, *, alone: bool) -> _Lineage:
    """The scenario, what it extends, what that extends, and so on, each without its `extends`."""
    layers: list[Read] = []
    ancestors: dict[str, str] = {}
    path: Path | None
    if alone:
        path = Path(source)
    elif str(source) == _STANDARD_INPUT:
        path = None
    else:
        path = _locate(str(source), Path(), Mark(str(source)), ())
    name = _shown(path) if path else "<stdin>"
    found = _read(path, name)
    while True:
        parent, own = _without(found.tree, _EXTENDS)
        layers.append(found._replace(tree=own))
        if parent is not None and alone:
            _refuse(parent.told_at, (_EXTENDS,), "the scenario of a run is complete and extends nothing")
        if parent is None or (_EXTENDS,) in found.spoilt:
            return _Lineage(tuple(layers), (), whole=(_EXTENDS,) not in found.spoilt)
        # A link to a file is that file.
        ancestors[os.path.realpath(path) if path else name] = name
        try:
            path = _parent(parent, path.parent if path else Path(), ancestors)
            name = _shown(path)
            found = _read(path, name, parent.mark)
        except ScenarioError as error:
            findings = tuple(Located(parent.told_at, problem) for problem in error.problems)
            return _Lineage(tuple(layers), findings, whole=False)


def _parent(named: Node, folder: Path, ancestors: dict[str, str]) -> Path:
    """The file of what a scenario in `folder` says it extends, which is none of the `ancestors` on the way to it."""
    if not isinstance(named.value, str) or not named.value.strip():
        _refuse(named.told_at, (_EXTENDS,), "the path or the library name of one scenario is needed")
    path = _locate(named.value, folder, named.mark, (_EXTENDS,))
    if (full := os.path.realpath(path)) in ancestors:
        names = [*ancestors.values(), _shown(path)]
        circle = " → ".join(names[list(ancestors).index(full) :])
        _refuse(named.mark, (_EXTENDS,), f"the scenario extends itself: {circle}")
    return path


def _without(tree: Node, key: str) -> tuple[Node | None, Node]:
    """What stands under a key at the top, and the tree without it."""
    entries = dict(tree.value) if isinstance(tree.value, dict) else {}
    found = entries.pop(key, None)
    return found, replace(tree, value=entries)


def _locate(name: str, folder: Path, mark: Mark, at: KeyPath) -> Path:
    beside = folder / name
    if _exists(beside) and not beside.is_dir():
        return beside
    if found := library.find(name):
        return found
    if _exists(beside):
        return beside  # A directory: reading it tells so.
    candidates = {*library.names(), *_neighbours(name, folder)}
    message = f"{name!r} is no file and no library scenario"
    _refuse(mark, at, message, nearest(name, candidates))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than the file system can hold
        return False


def _neighbours(name: str, folder: Path) -> list[str]:
    try:
        return [(Path(name).parent / path.name).as_posix() for path in (folder / name).parent.glob("*.yaml")]
    except (OSError, ValueError):
        return []


def _shown(path: Path) -> str:
    """One name for one file: relative to the working folder if it is below it, without `..`."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # It was deleted, so no file is below it.
        return os.path.normpath(path)
    full = Path(os.path.normpath(here / path))
    return str(full.relative_to(here) if full.is_relative_to(here) else full)


def _read(path: Path | None, name: str, said: Mark | None = None) -> Read:
    """The scenario in a file, or on standard input; what is no file is told where it was `said`, under `extends`."""
    at, key = (Mark(name), ()) if said is None else (said, (_EXTENDS,))
    subject = "this" if said is None else repr(name)
    try:
        if path is None:
            if sys.stdin is None:
                _refuse(Mark(name), (), "standard input is closed")
            return read(sys.stdin.buffer.read(LARGEST_FILE + 1), name)
        if said is not None and path.exists() and not (path.is_file() or path.is_dir()):
            # Such as a pipe, which might never end.
            _refuse(at, key, f"{subject} is a pipe or a device; a file is needed")
        with path.open("rb") as file:
            return read(file.read(LARGEST_FILE + 1), name)
    except IsADirectoryError:
        message = f"{subject} is a folder; name one of the files in it"
    except OSError as error:
        message = f"{'the file' if said is None else subject} cannot be read: {error.strerror or error}"
    _refuse(at, key, message)


def _heritage(tree: Node) -> Node:
    entries = tree.value if isinstance(tree.value, dict) else {}
    return replace(tree, value={key: node for key, node in entries.items() if key not in NOT_INHERITED})


def _merge(old: Node | None, new: Node, path: KeyPath, findings: list[Located]) -> Node:
    """`new` laid over `old`, without nulls in mappings; the marks are those of `new`."""
    if isinstance(new.value, list):
        items = [_merge(None, item, (*path, index), findings) for index, item in enumerate(new.value)]
        return replace(new, value=items)
    if not isinstance(new.value, dict):
        return new
    inherited = old.value if old and isinstance(old.value, dict) and not _other_kind(old, new) else {}
    entries = dict(inherited)
    for key, child in new.value.items():
        if child.value is not None:
            entries[key] = _merge(inherited.get(key), child, (*path, key), findings)
        elif entries.pop(key, None) is None:
            findings.append(located(child.mark, (*path, key), _NOTHING_TO_REMOVE))
    return replace(new, value=entries)


def _other_kind(old: Node, new: Node) -> bool:
    kinds = old.below("kind"), new.below("kind")
    return None not in kinds and len({str(node.value) for node in kinds if node}) > 1


def _mark_of(override: str) -> Mark:
    shown = override if len(override) <= _LONGEST_SHOWN else f"{override[:_LONGEST_SHOWN]}…"
    return Mark(f"--set {shown}")


def _read_override(override: str) -> _Override:
    """Path and value of `path=value`; ScenarioError if it is something else."""
    mark = _mark_of(override)
    target, equals, text = override.partition("=")
    target = target.strip()
    if not equals or not target:
        _refuse(mark, (), "an override is written path=value, such as seed=7")
    if not _PATH.fullmatch(target):
        _refuse(mark, (), f"{target!r} is not a path such as accounts.0.balance or accounts[0].balance")
    path = tuple(key or int(index) for key, index in _STEP.findall(target))
    if path[0] in _SAID_IN_FILES:
        _refuse(mark, path[:1], f"{_SAID_IN_FILES[path[0]]} is said in its file")
    if len(path) > DEEPEST:
        _refuse(mark, (), f"the path is more than {DEEPEST} levels deep")
    if not text.strip():
        _refuse(mark, path, "a value is needed after '='; null removes the key")
    return _Override(path, parse_value(text, mark.file))


def _lay(node: Node, done: KeyPath, rest: KeyPath, value: Node, findings: list[Located]) -> Node:
    """The tree with `value` laid over what is at `rest`; `done` leads to `node`."""
    step, *below = rest
    if isinstance(node.value, list):
        return _lay_in_list(node, done, rest, value, findings)
    if not isinstance(node.value, dict):
        _refuse(value.mark, done, f"{step!r} cannot be set below a single value")
    if isinstance(step, int):
        _refuse(value.mark, done, "no list stands here, so it has no numbered entries")
    if not below:
        new = Node({step: replace(value, key=value.mark)}, value.mark, value.mark)
        merged = _merge(node, new, done, findings)
        return merged if _other_kind(node, new) else replace(node, value=merged.value)
    child = node.value.get(step)
    if child is None and (meant := nearest(step, node.value)):
        _refuse(value.mark, (*done, step), "nothing of that name is here", meant)
    child = child or Node({}, value.mark, value.mark)
    changed = _lay(child, (*done, step), tuple(below), value, findings)
    return replace(node, value={**node.value, step: changed})


def _lay_in_list(node: Node, done: KeyPath, rest: KeyPath, value: Node, findings: list[Located]) -> Node:
    items = list(node.value) if isinstance(node.value, list) else []
    step, *below = rest
    index = int(step) if _INDEX.fullmatch(str(step)) else len(items)
    if index >= len(items):
        entries = f"entries 0 to {len(items) - 1}" if items[1:] else "entry 0 only" if items else "no entries"
        _refuse(value.mark, (*done, step), f"the list has {entries}")
    at = (*done, index)
    if below:
        items[index] = _lay(items[index], at, tuple(below), value, findings)
    elif value.value is None:
        del items[index]
    else:
        items[index] = _merge(items[index], value, at, findings)
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
