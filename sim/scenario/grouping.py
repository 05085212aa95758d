"""What belongs to one thing may be written under its name, so that a variant can add to it or remove it.

`accounts: {cips: [{holder: minsk-a}]}` says the same as `accounts: [{system: cips, holder: minsk-a}]`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sim.errors import Problem
from sim.scenario.tree import KeyPath, Located, Node, dotted, located

if TYPE_CHECKING:
    from collections.abc import Mapping


class Spread(NamedTuple):
    """A tree without groups, where the entries of its lists were written, and what stands twice."""

    tree: Node
    written_at: dict[KeyPath, KeyPath]
    findings: tuple[Located, ...]

    def as_written(self, found: Located) -> Located:
        """The finding with the path that its author knows."""
        for path, written in self.written_at.items():
            here = dotted(path)
            if found.problem.path == here or found.problem.path.startswith(f"{here}."):
                told = dotted(written) + found.problem.path.removeprefix(here)
                problem = found.problem
                return Located(found.place, Problem(problem.where, told, problem.message, problem.suggestion))
        return found


def spread(tree: Node, grouped: Mapping[str, str]) -> Spread:
    """The tree in which each group below a key of `grouped` has become entries that name it in a field.

    A list there, or anything else, stays as it is. An entry that states the field is told as a mistake.
    """
    entries = dict(tree.value) if isinstance(tree.value, dict) else {}
    written_at: dict[KeyPath, KeyPath] = {}
    findings: list[Located] = []
    for key, field in grouped.items():
        groups = entries.get(key)
        if groups is None or not isinstance(groups.value, dict):
            continue
        items: list[Node] = []
        for name, group in groups.value.items():
            for number, entry in enumerate(group.value if isinstance(group.value, list) else [group]):
                path = (key, name, number) if isinstance(group.value, list) else (key, name)
                written_at[key, len(items)] = path
                items.append(_named(entry, field, name, group, path, findings))
        entries[key] = replace(groups, value=items)
    return Spread(replace(tree, value=entries) if entries else tree, written_at, tuple(findings))


def _named(entry: Node, field: str, name: str, group: Node, path: KeyPath, findings: list[Located]) -> Node:
    """The entry with the name of its group in `field`; what is no mapping is left to validation."""
    if not isinstance(entry.value, dict):
        return entry
    if stated := entry.value.get(field):
        findings.append(located(stated.mark, (*path, field), f"the entry stands under {name!r} already"))
    named = Node(name, group.key or group.place, group.key)
    return replace(entry, value={**entry.value, field: named})
