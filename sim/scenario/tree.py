"""A scenario in memory is a tree of values that remember where they were written."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

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

    def children(self) -> Iterable[tuple[str | int, Node]]:
        """The nodes below it, with their keys or their indices from 0."""
        if isinstance(self.value, dict):
            return self.value.items()
        return enumerate(self.value) if isinstance(self.value, list) else ()

    def nearest(self, path: KeyPath) -> Node:
        """The node at `path`, or the last one on the way to it that exists."""
        node = self
        for step in path:
            child = node.below(step)
            if child is None:
                break
            node = child
        return node


#: A file, and the path of a part of it as it was written.
Place: TypeAlias = tuple[str, KeyPath]


def pruned(tree: Node, file: str, places: Collection[Place]) -> Node:
    """The tree of a file without what stands at some places, nor mappings that hold nothing else."""
    paths = [path for of_file, path in places if of_file == file]
    return _pruned(tree, paths) or replace(tree, value={}) if paths else tree


def _pruned(node: Node, paths: Sequence[KeyPath]) -> Node | None:
    """The node without what stands at these paths below it; None if nothing is left."""
    if () in paths:
        return None
    kept: dict[Any, Node] = {}
    for step, child in node.children():
        below = [path[1:] for path in paths if path[0] == step]
        left = _pruned(child, below) if below else child
        if left is not None:
            kept[step] = left
    if not kept:
        return None
    return replace(node, value=list(kept.values()) if isinstance(node.value, list) else kept)


def dotted(path: KeyPath) -> str:
    """`accounts.0.balance`, on one line and printable whatever the keys are."""
    return ".".join(step if step.isprintable() else repr(step)[1:-1] for step in map(str, path))


def plain(node: Node, single: Callable[[Node], Any] = attrgetter("value")) -> Any:  # noqa: ANN401  # of unknown shape
    """The same tree without marks; `single` says what a value is that is no mapping or list."""
    if isinstance(node.value, dict):
        return {key: plain(child, single) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child, single) for child in node.value]
    return single(node)


class Finding(NamedTuple):
    """A part that does not fit: where it is, what is wrong, and perhaps what was meant."""

    path: KeyPath
    message: str
    suggestion: str | None = None


class Located(NamedTuple):
    """A problem, and the mark to sort it by."""

    mark: Mark
    problem: Problem


def located(mark: Mark, path: KeyPath, message: str, suggestion: str | None = None) -> Located:
    """The finding that `message` is true of `path`, told at `mark`."""
    return Located(mark, Problem(str(mark), dotted(path), message, suggestion))


_LONGEST: Final = 100
_MOST_DIGITS: Final = 40
_GREATEST_EXPONENT: Final = 30

_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_INTEGER: Final = re.compile(rf"[-+]?{_DIGITS}")
_DECIMAL: Final = re.compile(rf"[-+]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?")
_BASED: Final = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TRUTH: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})

Scalar = str | int | Decimal | bool | None


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted word; a fraction or an exponent makes it a Decimal, never a float.

    The rules are the core schema of YAML 1.2.2 (chapter 10.3), with `_` allowed between digits. All else is text
    exactly as written: `16:30`, `2024-03-04 09:00`, `no`.

    ValueError for what is a number but none that a scenario can hold: `.inf`, `.nan`, more than 40 digits
    or a magnitude beyond 1e30.
    """
    if text in _NOTHING:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that can be counted with")
    if _DECIMAL.fullmatch(text) or _BASED.fullmatch(text):
        return _number(text)
    return text


def _number(text: str) -> int | Decimal:
    # The length is looked at first: conversion of a very long number is slow, or refused by Python itself.
    if len(text) > _LONGEST:
        raise ValueError("the number has too many digits")
    based = _BASED.fullmatch(text) is not None
    try:
        number = Decimal(int(text, 0)) if based else Decimal(text.replace("_", ""))
    except InvalidOperation:  # an exponent beyond what Decimal can hold
        raise ValueError("the number is too large or too small") from None
    if abs(number.adjusted()) > _GREATEST_EXPONENT:
        raise ValueError("the number is too large or too small")
    if len(number.as_tuple().digits) > _MOST_DIGITS:
        raise ValueError("the number has too many digits")
    return int(number) if based or _INTEGER.fullmatch(text) else number
