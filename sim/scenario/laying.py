"""What a tree says of another is found out first, and then laid over it; so several are laid over one in any order.

Mappings merge; scalars and lists replace; null removes; a mapping of another `kind` replaces wholly, for the keys of
two kinds do not mix. Over a list, `{add: […]}` adds entries and `{0: …}` changes one. `after: NAME` in a new entry of a
mapping or list places it behind that sibling, named by its key or, where only one has it, by its `kind`. A key at the
top with dots in it is a path; `*`, any one step of a path, touches only what already states the rest of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from sim.scenario.model.base import nearest
from sim.scenario.paths import ADD, Entries, extent, is_list, position, unfolded
from sim.scenario.tree import KeyPath, Located, Mark, Node, located, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_AFTER: Final = "after"
_NOTHING_TO_REMOVE: Final = "null removes an inherited key, but nothing is inherited here to remove"


class Added(NamedTuple):
    """What stays the name of an entry that is added to a list, whatever is added beside it."""

    by: str
    name: int | str
    """Its number among those that are added there, or its key."""


Step: TypeAlias = "str | int | Added"
Path: TypeAlias = tuple[Step, ...]


class _Whole(dict[str, Node]):
    """A mapping that replaces whatever was there."""


class Leaf(NamedTuple):
    """A path, and what is left there: a value, or nothing (a node of None) where something is removed."""

    path: Path
    node: Node


@dataclass
class Said:
    """What a tree says of the one that it is laid over."""

    by: str
    """Its name; of what several add to one place, the order is that of their names."""
    tree: Node
    """Without wildcards and placements; lists that are added to or changed are mappings of their entries."""
    born: dict[Path, list[Step]] = field(default_factory=dict)
    """What is new in each mapping or list, in its order."""
    placed: dict[Path, tuple[Step, Mark]] = field(default_factory=dict)
    """The sibling that something new stands behind."""
    lists: list[Path] = field(default_factory=list)
    """Where entries of lists are added or changed."""

    def leaves(self) -> Iterator[Leaf]:
        """Everything that it sets, removes or places."""
        yield from _leaves(self.tree, ())
        for path, (sibling, mark) in self.placed.items():
            yield Leaf((*path, _AFTER), Node(str(sibling), mark))


def said_of(
    tree: Node,
    own: Node,
    by: str,
    findings: list[Located],
    *,
    at: KeyPath = (),
    gone: Collection[Path] = (),
) -> Said:
    """What `own` says of `tree`, which stands `at` a path; what cannot be is told and left out.

    What is `gone` from the tree may be removed once more.
    """
    found = Said(by, own)
    found.tree = _Reader(found, findings, at, gone).read(tree, unfolded(tree, own, findings), ())
    return found


def laid(tree: Node, said: Sequence[Said]) -> Node:
    """The tree with all of these laid over it, one after the other; its lists stay open for more."""
    result = tree
    for one in said:
        result = _lay(result, one.tree)
    bearers = Counter(path for one in said for path in one.born)
    placed = {path[:-1] for one in said for path in one.placed}
    for path in [path for path, number in bearers.items() if number > 1 or path in placed]:
        result = _arranged(result, tree, path, sorted(said, key=lambda one: one.by))
    return result


def closed(tree: Node, said: Iterable[Said]) -> tuple[Node, dict[Path, int]]:
    """The tree with plain lists again, and the index that each of their entries has got."""
    indices: dict[Path, int] = {}
    for path in sorted({path for one in said for path in one.lists}, key=len, reverse=True):
        node = _at(tree, path)
        if node is not None and isinstance(node.value, Entries):
            indices |= {(*path, name): index for index, name in enumerate(node.value)}
            tree = _put(tree, path, replace(node, value=list(node.value.values())))
    return tree, indices


def over(tree: Node, own: Node, findings: list[Located], at: KeyPath = ()) -> Node:
    """`own` laid over `tree`, which stands `at` a path; the marks are those of `own`."""
    said = [said_of(tree, own, "", findings, at=at)]
    return closed(laid(tree, said), said)[0]


def bare(node: Node, path: KeyPath, findings: list[Located]) -> Node:
    """The same laid over nothing."""
    if isinstance(node.value, list):
        items = [bare(item, (*path, index), findings) for index, item in enumerate(node.value)]
        return replace(node, value=items)
    if not isinstance(node.value, dict):
        return node
    entries = {}
    for key, child in node.value.items():
        if child.value is None:
            findings.append(located(child.mark, (*path, key), _NOTHING_TO_REMOVE))
        else:
            entries[key] = bare(child, (*path, key), findings)
    return replace(node, value=entries)


def other_kind(old: Node, new: Node) -> bool:
    """Whether two mappings are of two kinds."""
    kinds = {_kind(old), _kind(new)}
    return None not in kinds and len(kinds) > 1


def leaves_the_same(one: Leaf, other: Leaf) -> bool:
    """Whether both leave the same at the path of `other`, which is that of `one` or below it."""
    if one.node.value is None or other.node.value is None:
        return one.path == other.path and one.node.value is other.node.value
    node: Node | None = one.node
    for step in other.path[len(one.path) :]:
        node = node.below(step) if node and not isinstance(step, Added) else None
    return node is not None and plain(node) == plain(other.node)


def _leaves(node: Node, path: Path) -> Iterator[Leaf]:
    if isinstance(node.value, dict) and not isinstance(node.value, _Whole):
        for step, child in node.value.items():
            yield from _leaves(child, (*path, step))
    else:
        yield Leaf(path, node)


def _entries(node: Node | None) -> dict[Any, Node]:
    """The children under their own names."""
    value = node.value if node else None
    return (
        dict(enumerate(value)) if isinstance(value, list) else dict(value) if isinstance(value, dict) else {}
    )


# What is said.


class _Reader:
    """Finds out what a tree says of the one below it."""

    def __init__(self, said: Said, findings: list[Located], at: KeyPath, gone: Collection[Path]) -> None:
        self._said = said
        self._findings = findings
        self._at = at
        self._gone = gone

    def read(self, old: Node | None, new: Node, path: Path) -> Node:
        if not isinstance(new.value, dict):
            return bare(new, (*self._at, *as_written(path)), self._findings)
        if self._edits_list(old, new.value):
            return self._list(old, new, path)
        replaces = old is not None and (
            not isinstance(old.value, dict) or isinstance(old.value, Entries) or other_kind(old, new)
        )
        inherited = {} if replaces else _entries(old)
        entries: dict[str, Node] = {}
        for key, child in new.value.items():
            here = (*path, key)
            if child.value is not None:
                child = self._placed(child, here, inherited | entries, known=key in inherited)  # noqa: PLW2901
                entries[key] = self.read(inherited.get(key), child, here)
            elif key in inherited or here in self._gone:
                entries[key] = child
            else:
                self._tell(child.mark, here, _NOTHING_TO_REMOVE)
        self._bear(
            path, [key for key, child in entries.items() if key not in inherited and child.value is not None]
        )
        return replace(new, value=_Whole(entries) if replaces else entries)

    def _edits_list(self, old: Node | None, new: Mapping[str, Node]) -> bool:
        if old is None:
            return new.keys() == {ADD} and isinstance(new[ADD].value, list)
        return (
            is_list(old)
            and bool(new)
            and all(
                key == ADD or position(key) is not None or child.below(_AFTER) for key, child in new.items()
            )
        )

    def _list(self, old: Node | None, new: Node, path: Path) -> Node:
        """The entries that are changed, removed or added."""
        inherited = _entries(old)
        names = list(inherited)
        entries = Entries()
        for key, child in (new.value if isinstance(new.value, dict) else {}).items():
            here = (*path, key)
            if key == ADD:
                added = child.value if isinstance(child.value, list) else None
                if added is None:
                    self._tell(child.told_at, here, "a list of what is added is needed")
                for number, item in enumerate(added or []):
                    name = Added(self._said.by, number)
                    item = self._placed(item, (*path, name), inherited | entries, known=False)  # noqa: PLW2901
                    entries[name] = bare(item, (*self._at, *as_written(here), number), self._findings)
            elif position(key) is None:
                name = Added(self._said.by, key)
                item = self._placed(child, (*path, name), inherited | entries, known=False)
                entries[name] = bare(item, (*self._at, *as_written(here)), self._findings)
            elif int(key) >= len(names):
                self._tell(child.key or child.mark, here, f"the list has {extent(len(names))}")
            elif child.value is None:
                entries[names[int(key)]] = child
            else:
                name = names[int(key)]
                entries[name] = self.read(inherited[name], child, (*path, name))
        self._said.lists.append(path)
        self._bear(path, [name for name in entries if name not in inherited])
        return replace(new, value=entries)

    def _placed(self, node: Node, path: Path, siblings: Mapping[Any, Node], *, known: bool) -> Node:
        """The node without its placement, which is noted."""
        if not isinstance(node.value, dict) or _AFTER not in node.value:
            return node
        entries = dict(node.value)
        behind = entries.pop(_AFTER)
        here = (*path, _AFTER)
        if known:
            self._tell(behind.mark, here, "this is here already; only what is new can be placed")
            return replace(node, value=entries)
        if not isinstance(behind.value, str | int):
            self._tell(behind.told_at, here, "the name of one that stands here is needed")
            return replace(node, value=entries)
        named = str(behind.value)
        numbered = dict(enumerate(siblings)) if any(isinstance(name, int) for name in siblings) else {}
        alike = [name for name, one in siblings.items() if _kind(one) == named]
        if named in siblings:
            self._said.placed[path] = (named, behind.mark)
        elif position(named) in numbered:
            self._said.placed[path] = (numbered[int(named)], behind.mark)
        elif len(alike) == 1:
            self._said.placed[path] = (alike[0], behind.mark)
        elif alike:
            several = ", ".join(str(number) for number, name in enumerate(siblings) if name in alike)
            names = several if numbered else ", ".join(map(str, alike))
            self._tell(behind.mark, here, f"several are of the kind {named!r}: {names}; name one")
        else:
            known_names = {str(name) for name in siblings if isinstance(name, str)}
            self._tell(behind.mark, here, f"nothing named {named!r} stands here", nearest(named, known_names))
        return replace(node, value=entries)

    def _bear(self, path: Path, names: list[Any]) -> None:
        if names:
            self._said.born.setdefault(path, []).extend(names)

    def _tell(self, mark: Mark, path: Path, message: str, suggestion: str | None = None) -> None:
        self._findings.append(located(mark, (*self._at, *as_written(path)), message, suggestion))


def _kind(node: Node) -> str | None:
    kind = node.below("kind")
    return None if kind is None or kind.value is None else str(kind.value)


def as_written(path: Path) -> KeyPath:
    """The path as an author knows it."""
    steps: list[str | int] = []
    for step in path:
        if isinstance(step, Added):
            steps += [ADD, step.name] if isinstance(step.name, int) else [step.name]
        else:
            steps.append(step)
    return tuple(steps)


# Laying.


def _lay(old: Node | None, new: Node) -> Node:
    if not isinstance(new.value, dict):
        return new
    result: dict[Any, Node] = {}
    if isinstance(new.value, Entries):
        result = Entries(_entries(old) if is_list(old) else {})
    elif not isinstance(new.value, _Whole) and not is_list(old):
        result = _entries(old)
    for name, child in new.value.items():
        if child.value is None:
            result.pop(name, None)
        else:
            result[name] = _lay(result.get(name), child)
    return replace(new, value=result)


def _arranged(tree: Node, base: Node, path: Path, said: Sequence[Said]) -> Node:
    """The tree with what is new at a path behind what was there, or where it was placed, by names of who says so."""
    node = _at(tree, path)
    if node is None or not isinstance(node.value, dict):
        return tree
    behind: dict[Step | None, list[Step]] = {}
    new: set[Step] = set()
    for one in said:
        for name in one.born.get(path, ()):
            if name not in new:
                sibling = one.placed.get((*path, name), (None,))[0]
                behind.setdefault(sibling, []).append(name)
                new.add(name)
    order: list[Step] = []

    def stand(names: Iterable[Step]) -> None:
        for name in names:
            order.append(name)
            stand(behind.pop(name, ()))

    stand(name for name in _entries(_at(base, path)) if name not in new)
    stand(behind.pop(None, ()))
    there = _entries(node)
    ordered = {name: there[name] for name in order if name in there}
    arranged: Any = Entries(ordered) if is_list(node) else ordered
    return _put(tree, path, replace(node, value=arranged))


def _at(tree: Node, path: Path) -> Node | None:
    node: Node | None = tree
    for step in path:
        node = _entries(node).get(step)
        if node is None:
            return None
    return node


def _put(tree: Node, path: Path, new: Node) -> Node:
    if not path:
        return new
    step, *below = path
    entries = _entries(tree)
    entries[step] = _put(entries[step], tuple(below), new)
    if isinstance(tree.value, list):
        return replace(tree, value=list(entries.values()))
    return replace(tree, value=Entries(entries) if is_list(tree) else entries)
