"""A scenario in memory is a tree of values that remember where they were written."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from sim.errors import Problem

KeyPath: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = "dict[str, Node] | list[Node] | str | int | Decimal | bool | None"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """The position in a file where something was written.

    Line and column count from 1; 0 means the source as a whole.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`file:line:column`, on one line and printable whatever the file is called."""
        name = " ".join(self.file.encode("utf-8", "backslashreplace").decode().split())
        return f"{name}:{self.line}:{self.column}" if self.line else name


@dataclass(frozen=True, slots=True)
class Node:
    """A value, where it was written, and where the key before it was (None in a list and at the top).

    Trees may share nodes (an alias does); nobody changes the dict or list inside.
    """

    value: Value
    mark: Mark
    key: Mark | None = None

    @property
    def told_at(self) -> Mark:
        """Where a problem of the value is told: at its own mark, or at its key if it goes on over lines of its own."""
        return self.key if self.key and isinstance(self.value, dict | list) else self.mark

    def below(self, step: str | int) -> Node | None:
        """The child under a key or at an index from 0; None if there is none."""
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def nearest(self, path: KeyPath) -> Node:
        """The node at `path`, or the last one on the way to it that exists."""
        node = self
        for step in path:
            child = node.below(step)
            if child is None:
                break
            node = child
        return node


def dotted(path: KeyPath) -> str:
    """`accounts.0.balance`, on one line and printable whatever the keys are."""
    return ".".join(step if step.isprintable() else repr(step)[1:-1] for step in map(str, path))


def plain(node: Node) -> Any:  # noqa: ANN401  # a tree of unknown shape is what this is
    """The same tree without marks."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


class Located(NamedTuple):
    """A problem, and the mark to sort it by."""

    mark: Mark
    problem: Problem


def located(mark: Mark, path: KeyPath, message: str, suggestion: str | None = None) -> Located:
    """The finding that `message` is true of `path`, told at `mark`."""
    return Located(mark, Problem(str(mark), dotted(path), message, suggestion))
