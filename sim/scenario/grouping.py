"""A list may be written as a mapping, so that a variant can change, add or remove one part of it.

`accounts: {cips: [{holder: minsk-a}]}` says the same as `accounts: [{system: cips, holder: minsk-a}]`: the key is a
field of the entries below it. `steps: {review: {kind: screen}}` says the same as `steps: [{kind: screen}]`: the key
is only a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from sim.errors import Problem
from sim.scenario.tree import KeyPath, Located, Node, dotted, located

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
