"""A path leads to one value of a tree, or with `*` for any one step to many."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sim.scenario.document import DEEPEST
from sim.scenario.tree import KeyPath, Located, Node, located

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANY: Final = "*"
#: The key over a list under which stands what is added to it.
ADD: Final = "add"
NOTHING_MATCHES: Final = "no entry states this path; '*' touches only what states the rest of it already"
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([0-9]{1,9})\]")
_INDEX: Final = re.compile(r"[0-9]{1,9}")
_PATH: Final = re.compile(r"[^.\[\]]+(?:\[[0-9]{1,9}\]|\.[^.\[\]]+)*")


class Entries(dict[Any, Node]):
    """The entries of a list under names that stay theirs, in their order."""


def path_of(text: str) -> KeyPath | None:
    """The path that is written as `accounts.0.balance` or `accounts[0].balance`; None if it is none."""
    if not _PATH.fullmatch(text):
        return None
    return tuple(key or int(index) for key, index in _STEP.findall(text))


def position(step: str | int) -> int | None:
    """The index that a step of a path is in a list, if it is one."""
    return int(step) if _INDEX.fullmatch(str(step)) else None


def extent(length: int) -> str:
    """The entries of a list, in words."""
    return f"entries 0 to {length - 1}" if length > 1 else "entry 0 only" if length else "no entries"


def matching(tree: Node, pattern: Sequence[str | int], done: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths of a tree that a path with `*` for any one step leads to; a last `add` leads to a list."""
    if not pattern or (list(pattern) == [ADD] and is_list(tree)):
        yield (*done, *pattern)
        return
    for step, child in _numbered(tree):
        if pattern[0] == ANY or str(pattern[0]) == str(step):
            yield from matching(child, pattern[1:], (*done, step))


def unfolded(tree: Node, own: Node, findings: list[Located]) -> Node:
    """The same with each path at the top, and each wildcard, as the mappings that it stands for."""
    given = own.value if isinstance(own.value, dict) else {}
    result = Node({}, own.mark, own.key)
    patterns: list[tuple[KeyPath, Node]] = []
    for key, value in given.items():
        path = path_of(key) if "." in key else (key,)
        if path is None:
            message = f"{key!r} is not a path such as accounts.0.balance or accounts.*.*.prefund_days"
            findings.append(located(value.key or value.mark, (key,), message))
        elif len(path) > DEEPEST:
            message = f"the path is more than {DEEPEST} levels deep"
            findings.append(located(value.key or value.mark, (), message))
        elif ANY in path:
            patterns.append((path, value))
        else:
            kept = _without_wildcards(value, path, patterns)
            if kept is not None:
                result = _plant(result, path, kept, (), findings)
    for pattern, value in patterns:
        found = list(matching(tree, pattern))
        if not found:
            findings.append(located(value.key or value.mark, pattern, NOTHING_MATCHES))
        for path in found:
            result = _plant(result, path, value, (), findings)
    return result


def _without_wildcards(node: Node, path: KeyPath, patterns: list[tuple[KeyPath, Node]]) -> Node | None:
    """The part of a tree without `*` among its keys, if any; the other part as `patterns`."""
    if not isinstance(node.value, dict) or not node.value:
        return node
    kept = {}
    for key, child in node.value.items():
        if key == ANY:
            patterns += _values(child, (*path, ANY))
        elif (rest := _without_wildcards(child, (*path, key), patterns)) is not None:
            kept[key] = rest
    return replace(node, value=kept) if kept else None


def _plant(
    tree: Node, path: Sequence[str | int], value: Node, done: KeyPath, findings: list[Located]
) -> Node:
    """The tree with a value at a path at which nothing else may stand."""
    entries = dict(tree.value) if isinstance(tree.value, dict) else {}
    mark = value.key or value.mark
    step, *below = map(str, path)
    there = entries.get(step)
    branch = isinstance(value.value, dict) or bool(below)
    if there is not None and not (branch and isinstance(there.value, dict)):
        findings.append(located(mark, (*done, *path), "this is said a second time here"))
    elif below:
        child = there or Node({}, mark, mark)
        entries[step] = _plant(child, below, value, (*done, step), findings)
    elif there is None:
        entries[step] = replace(value, key=mark)
    else:
        for key, child in (value.value if isinstance(value.value, dict) else {}).items():
            entries[step] = _plant(entries[step], (key,), child, (*done, step), findings)
    return replace(tree, value=entries)


def _values(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    """All that is no mapping in a tree, with its path."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _values(child, (*path, key))
    else:
        yield path, node


def is_list(node: Node | None) -> bool:
    """Whether a list stands there, plain or with names for its entries."""
    return node is not None and isinstance(node.value, list | Entries)


def _numbered(node: Node) -> Iterator[tuple[str | int, Node]]:
    """The children as an author counts them."""
    if isinstance(node.value, list | Entries):
        yield from enumerate(node.value.values() if isinstance(node.value, Entries) else node.value)
    elif isinstance(node.value, dict):
        yield from node.value.items()
