"""An assumption is of a value as it stands where the assumption is declared, and never of what is laid over that.

What a change, a variant or `--set` states is meant: an assumption of a layer below is without effect there.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.core.scales import DURATION, NUMBER, common_scale, word_of
from sim.scenario.model.base import nearest
from sim.scenario.paths import matching, path_of
from sim.scenario.tree import KeyPath, Located, Mark, Node, dotted, located

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sim.scenario.merge import Resolved

UNCERTAIN: Final = "uncertain"
_PATHS: Final = "paths"
_NOT_SINGLE: Final = "a single value is needed, and this is {}; name a value in it"


class WithoutEffect(NamedTuple):
    """An assumption, and a path whose value is stated by something laid over it; of many values, how many are."""

    name: str
    path: str


class InForce(NamedTuple):
    """A tree whose assumptions have the paths at which they are in force, and no others."""

    tree: Node
    without_effect: tuple[WithoutEffect, ...]
    findings: tuple[Located, ...]


class _Declared(NamedTuple):
    """One path of an assumption, where and by which files it was said, and the tree before and after that layer.

    `alone` is the tree as the file of the path sees it: without the other changes of its layer.
    """

    name: str
    pattern: KeyPath
    at: KeyPath
    node: Node
    authors: frozenset[str]
    before: Node
    after: Node
    alone: Node

    def paths(self, tree: Node, *, shared: bool) -> tuple[list[tuple[KeyPath, list[KeyPath]]], list[Located]]:
        """The paths at which it is in force in the whole tree, each with the other parts of a total that is `shared`.

        And what is wrong, if it leads nowhere where it is declared.
        """
        if not any(True for stage in (self.after, self.alone) for _ in matching(stage, self.pattern)):
            return [], [_missing(self)]
        found = []
        for path in matching(tree, self.pattern):
            group = beside(tree, path) if shared else []
            if all(self._untouched(tree, one) for one in (path, *group)):
                found.append((path, group))
        return found, []

    def _untouched(self, tree: Node, path: KeyPath) -> bool:
        """Whether a value is what it was where the assumption was declared: in that file, or below it.

        What another change states is not below an assumption of a change.
        """
        if not list(matching(self.after, path)):
            return False
        mark = self.after.nearest(path).mark
        if tree.nearest(path).mark != mark:
            return False
        earlier = [self.before.nearest(one).mark for one in matching(self.before, path)]
        return mark.file in self.authors or mark in earlier


def in_force(resolved: Resolved, tree: Node, written: Mapping[KeyPath, KeyPath]) -> InForce:
    """The assumptions of a scenario, each with the paths in `tree` at which nothing has been laid over it.

    `tree` is that of `resolved` with plain lists; `written` tells where an entry of these was written.
    """
    entries = _entries(resolved.tree.below(UNCERTAIN))
    if not isinstance(tree.value, dict) or not entries:
        return InForce(tree, (), ())
    findings: list[Located] = []
    without: list[WithoutEffect] = []
    drawn_by: dict[KeyPath, str] = {}
    kept: dict[str, Node] = {}
    for name, assumption in entries.items():
        listed: dict[KeyPath, Node] = {}
        declared = list(_declared(resolved, name, assumption))
        for one in declared:
            paths, wrong = one.paths(resolved.tree, shared="share" in _entries(assumption))
            findings += wrong
            if not paths and not wrong:
                without.append(WithoutEffect(name, dotted(one.pattern)))
            for path, group in paths:
                if path in listed:
                    continue  # two of its paths lead there, each with '*' or said by a change
                findings += _unfit(assumption, resolved.tree.nearest(path), group, one)
                findings += _drawn_before(drawn_by, (path, *group), one)
                listed[path] = Node(dotted(_as_listed(path, written)), one.node.mark)
        without += _without_part(name, declared, resolved.tree, listed)
        there = _entries(assumption)
        if not _is_readable(there.get(_PATHS)):
            kept[name] = assumption  # validation tells what is wrong
        elif listed:
            kept[name] = replace(
                assumption, value={**there, _PATHS: replace(there[_PATHS], value=[*listed.values()])}
            )
    section = replace(tree.value[UNCERTAIN], value=kept)
    return InForce(replace(tree, value={**tree.value, UNCERTAIN: section}), tuple(without), tuple(findings))


def _without_part(
    name: str, declared: Sequence[_Declared], tree: Node, listed: Collection[KeyPath]
) -> Iterator[WithoutEffect]:
    """The paths of an assumption that are in force at some of their values, and not at others."""
    for one in declared:
        values = list(matching(tree, one.pattern))
        lost = sum(path not in listed for path in values)
        if 0 < lost < len(values):
            yield WithoutEffect(name, f"{lost} of {len(values)} values of {dotted(one.pattern)}")


def _declared(resolved: Resolved, name: str, assumption: Node) -> Iterator[_Declared]:
    """Each path of an assumption, with the last layer that said it, or how it is drawn.

    So a change that adds a path to an assumption says nothing of what the others lead to.
    """
    stages = [_entries(stage.below(UNCERTAIN)).get(name) for stage in resolved.stages]
    paths = assumption.below(_PATHS)
    for number, node in enumerate(paths.value if paths and isinstance(paths.value, list) else []):
        pattern = path_of(node.value) if isinstance(node.value, str) else None
        if pattern is None:
            continue
        marks = _marks_of_path(assumption, node.mark)
        last = len(stages) - 1
        # Going back while it is the same leads to the layer that made it what it is.
        while last > 1 and _marks_of_path(stages[last - 1], node.mark) == marks:
            last -= 1
        before, after = resolved.stages[last - 1 : last + 1]
        known = _marks_of_path(stages[last - 1], node.mark)
        authors = frozenset(mark.file for mark in marks if mark not in known)
        at = (UNCERTAIN, name, _PATHS, number)
        alone = resolved.alone.get(node.mark.file, after)
        yield _Declared(name, pattern, at, node, authors, before, after, alone)


def _marks_of_path(assumption: Node | None, path: Mark) -> list[Mark]:
    """Where an assumption was written, of its paths only one."""
    entries = _entries(assumption)
    entries.pop("source", None)  # which says nothing of what is drawn
    paths = [mark for mark in _marks(entries.pop(_PATHS, None)) if mark == path]
    return paths + [mark for child in entries.values() for mark in _marks(child)]


def _is_readable(paths: Node | None) -> bool:
    listed = [node.value for _, node in paths.children()] if paths and isinstance(paths.value, list) else []
    return bool(listed) and all(isinstance(text, str) and path_of(text) for text in listed)


def _marks(node: Node | None) -> list[Mark]:
    """Where all single values of a tree were written."""
    if node is None:
        return []
    below = [mark for _, child in node.children() for mark in _marks(child)]
    return below if isinstance(node.value, dict | list) else [node.mark]


def _entries(node: Node | None) -> dict[str, Node]:
    return dict(node.value) if node is not None and isinstance(node.value, dict) else {}


def _missing(one: _Declared) -> Located:
    """That a path leads nowhere, and what was perhaps meant."""
    node = one.alone
    for step in one.pattern:
        child = node.below(step)
        if child is None and isinstance(node.value, list) and str(step).isdecimal():
            child = node.below(int(step))
        if child is None:
            meant = nearest(str(step), list(_entries(node)))
            return located(one.node.mark, one.at, f"nothing is stated at {dotted(one.pattern)}", meant)
        node = child
    return located(one.node.mark, one.at, f"nothing is stated at {dotted(one.pattern)}")


def beside(tree: Node, path: KeyPath) -> list[KeyPath]:
    """The other parts of the total of which the value at a path is a share.

    They stand in the same mapping, if it holds numbers alone, otherwise under the same key of the entries beside it.
    """
    above = [(*path[:-1], step) for step, _ in tree.nearest(path[:-1]).children()]
    entries = tree.nearest(path[:-2]).children() if len(path) > 1 else ()
    level = [(*path[:-2], step, path[-1]) for step, node in entries if node.below(path[-1]) is not None]
    for parts in (above, level):
        if len(parts) > 1 and all(_is_number(tree.nearest(part)) for part in parts):
            return [part for part in parts if part != path]
    return []


def _is_number(node: Node) -> bool:
    return isinstance(node.value, int | Decimal) and not isinstance(node.value, bool)


def _unfit(assumption: Node, value: Node, group: Sequence[KeyPath], one: _Declared) -> Iterator[Located]:
    """Why a value cannot be drawn in the way that is stated."""
    ways = _entries(assumption)
    if isinstance(value.value, dict | list) or value.value is None:
        what = "a mapping" if isinstance(value.value, dict) else "a list"
        yield located(one.node.mark, one.at, _NOT_SINGLE.format(what))
        return
    here: Any = value.value
    try:
        word = "a truth value" if isinstance(here, bool) else word_of(here)
    except ValueError:
        word = "a text"
    wanted: set[str] = set()
    if "range" in ways:
        ends = [end.value for _, end in ways["range"].children()]
        try:
            low, high = ends
            scale = common_scale(low, high)  # type: ignore[arg-type]
        except (ValueError, TypeError):
            return  # told by validation
        wanted = {NUMBER if scale is None else scale.word}
        if wanted == {DURATION} and here == 0:
            return
    elif "factor" in ways:
        wanted = {NUMBER, DURATION}
    elif "share" in ways:
        wanted = {NUMBER}
        if not group:
            yield located(one.node.mark, one.at, "nothing stands beside it that could fill up its total")
    if wanted and word not in wanted:
        needed = " or ".join(sorted(wanted))
        yield located(one.node.mark, one.at, f"{dotted(one.pattern)} is {word}, and here {needed} is drawn")


def _drawn_before(
    drawn_by: dict[KeyPath, str], values: Sequence[KeyPath], one: _Declared
) -> Iterator[Located]:
    """That values are drawn already; those that are not are noted in `drawn_by`."""
    for value in values:
        if value in drawn_by:
            message = f"{dotted(value)} is drawn by {drawn_by[value]!r} already"
            yield located(one.node.mark, one.at, message)
        drawn_by.setdefault(value, one.name)


def _as_listed(path: KeyPath, written: Mapping[KeyPath, KeyPath]) -> KeyPath:
    """The path in a tree whose mappings have become lists."""
    for listed, told in written.items():
        if path[: len(told)] == told:
            return (*listed, *path[len(told) :])
    return path
