"""A scenario file is text with marks: every value remembers where it was written.

This module and `scanning` alone touch the YAML library. They take its parse events and build the tree here, because
its composer and its loaders, which know marks and text too:

- stop at the first problem, so of two duplicate keys one is told, and none that stands before faulty YAML;
- accept what a scenario must not hold: merge keys, a list that contains itself;
- read `0.1` as a float;
- do not count what aliases repeat, and end in a RecursionError where text is nested deep.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from sim.errors import Problem, ScenarioError
from sim.scenario.scanning import parse_events
from sim.scenario.tree import KeyPath, Located, Mark, Node, Value, located, plain, read_scalar
from sim.scenario.writing import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "DEEPEST",
    "LARGEST_FILE",
    "Mark",
    "Node",
    "Read",
    "dump",
    "parse",
    "parse_value",
    "plain",
    "read",
    "text_at_top",
]

#: Bytes of a file, values in it (aliases counted in full), and levels of nesting that are still a scenario.
LARGEST_FILE: Final = 5_000_000
MOST_VALUES: Final = 200_000
DEEPEST: Final = 60

_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BYTE_ORDER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")

#: The parser's words → ours, and whether the beginning of the construct says more than the point of failure.
_PLAIN_WORDS: Final = (
    (r"found character '\\t'", "a tab stands here; indent with spaces", False),
    (r"found character ('.+?') that", "text that begins with {} needs quotes", False),
    (r"mapping values are not", "':' is not expected here; check the indentation, or quote the text", False),
    (r"sequence entries are not", "a list entry cannot begin here; put '-' on a line of its own", False),
    (r"unexpected (end of stream|document separator)", "the quote opened here is never closed", True),
    (r"expected ',' or ('.')", "the bracket opened here lacks a ',' or its {}", True),
    (r"expected <block end>", "this does not fit the lines above; check the indentation and quotes", False),
    (r"could not find expected ':'", "the key that begins here lacks its ':'", True),
    (r"unknown escape|hexdecimal", "a backslash begins an escape in double quotes; use single ones", False),
    (r"expected the node content", "a value is expected here", False),
    (r"alphabetic or numeric", "text that begins with '*' or '&' needs quotes", True),
    (r"chomping or indentation", "only '+', '-' or a digit may follow '|' or '>'", False),
    (r"incompatible YAML", "only YAML 1.2 can be read", False),
    (r"tag", "tags are not used in scenarios; put the text in quotes", False),
)


class _Built(NamedTuple):
    """A node with the number of values below it and itself, and how deep they go."""

    node: Node
    size: int
    depth: int


class Read(NamedTuple):
    """The mapping that a file is, what is wrong with its text, and what can therefore not be judged."""

    tree: Node
    findings: tuple[Located, ...]
    spoilt: frozenset[KeyPath]
    """Where the tree is not what its author meant; at the top, keys may be missing."""


def parse(data: bytes | str, file: str) -> Node:
    """The mapping that a whole file is, with every mark in `file`.

    ScenarioError, with all that could be told, for any text that is no such mapping: faulty YAML, duplicate
    keys, keys that are not text, merge keys, tags, several documents, cyclic or exploding aliases.
    """
    tree, findings, _ = read(data, file)
    if findings:
        raise ScenarioError([found.problem for found in findings])
    return tree


def read(data: bytes | str, file: str) -> Read:
    """As `parse`, but what leaves a tree to look into further is told beside it."""
    text = _decode(data, file) if isinstance(data, bytes) else data
    builder = _Builder(text, lambda line, column: Mark(file, line, column))
    built = builder.document()
    if not isinstance(built.value, dict):
        found = "a list" if isinstance(built.value, list) else "a single value"
        builder.fail(built.mark, f"a scenario is a mapping of keys, not {found}")
    return Read(built, tuple(builder.findings), frozenset(builder.spoilt))


def text_at_top(data: bytes, file: str, key: str) -> str | None:
    """The text under a key of the mapping that a file is, read no further than that; None if there is none.

    ScenarioError if the text before it is no YAML.
    """
    depth, name = 0, None
    for event in _Builder(_decode(data, file), lambda line, column: Mark(file, line, column)).events():
        if isinstance(event, ScalarEvent) and depth == 1:
            if name == key:
                return str(event.value)
            name = str(event.value) if name is None else None
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            depth -= 1
            name = None if depth == 1 else name
    return None


def parse_value(text: str, source: str) -> Node:
    """The value that `text` is, of any type, every part of it marked as `source` as a whole.

    A mapping needs its braces: `a: b` after an equals sign is more likely text with a colon in it.
    """
    mark = Mark(source)
    builder = _Builder(text, lambda _line, _column: mark)
    node = builder.document()
    if builder.findings:
        raise ScenarioError([found.problem for found in builder.findings])
    if isinstance(node.value, dict) and not builder.braces:
        message = "text with ': ' in it needs quotes (a mapping needs braces)"
        raise ScenarioError([Problem(str(mark), "", message)])
    return node


def _decode(data: bytes, file: str) -> str:
    """The text of a file; ScenarioError if it is not UTF-8 or too large for a scenario."""
    if len(data) > LARGEST_FILE:
        raise ScenarioError([Problem(str(Mark(file)), "", f"the file is larger than {LARGEST_FILE:,} bytes")])
    if data.startswith(_BYTE_ORDER_MARKS):
        raise ScenarioError(
            [Problem(str(Mark(file)), "", "the file is in UTF-16 or UTF-32; save it as UTF-8")]
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = _mark_of(error.start, data.decode("latin-1"), file)
        raise ScenarioError(
            [Problem(str(mark), "", "a byte that is not UTF-8; save the file as UTF-8")]
        ) from None


def _mark_of(index: int, text: str, file: str) -> Mark:
    line_start = text.rfind("\n", 0, index) + 1
    return Mark(file, text.count("\n", 0, index) + 1, index - line_start + 1)


def _is_empty(event: object) -> bool:
    return isinstance(event, ScalarEvent) and not (event.value or event.style)


class _Builder:
    """Reads one document from parse events; recursion is bounded by `DEEPEST`."""

    def __init__(self, text: str, mark_at: Callable[[int, int], Mark]) -> None:
        self.braces = False
        self.findings: list[Located] = []
        self.spoilt: set[KeyPath] = set()
        self._mark_at = mark_at
        self._read = 0
        self._last = mark_at(1, 1)
        self._anchors: dict[str, _Built | None] = {}
        if found := _UNPRINTABLE.search(text):
            at = _mark_of(found.start(), text, "")
            self.fail(mark_at(at.line, at.column), f"an unprintable character, U+{ord(found.group()):04X}")
        self._events = parse_events(text)

    def document(self) -> Node:
        """The one document, with `findings`; ScenarioError if there is none, or if it cannot be read to its end."""
        self._next()
        if isinstance(self._next(), StreamEndEvent):
            self.fail(self._last, "nothing is written here")
        first = self._next()
        if _is_empty(first):
            self.fail(self._last, "nothing is written here")
        self.braces = bool(getattr(first, "flow_style", False))
        built = self._node(first, ())
        self._next()
        if isinstance(self._next(), DocumentStartEvent):
            self._problem(self._last, (), "a second document begins here; a file holds one scenario")
        return built.node

    def events(self) -> Iterator[Any]:
        """The parse events, one after the other; ScenarioError where the text is no YAML."""
        while not isinstance(event := self._next(), StreamEndEvent):
            yield event

    def _next(self) -> Any:  # noqa: ANN401  # the parser's events are untyped
        try:
            event = next(self._events)
        except MarkedYAMLError as error:
            self.fail(*self._in_plain_words(error))
        except YAMLError as error:
            self.fail(self._last, f"not YAML: {error}".splitlines()[0])
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError) as error:
            # The parser's own slips on malformed text, such as an escape beyond the last code point.
            self.fail(self._last, f"not YAML, somewhere after this ({error})")
        self._last = self._mark_at(event.start_mark.line + 1, event.start_mark.column + 1)
        return event

    def _in_plain_words(self, error: MarkedYAMLError) -> tuple[Mark, str]:
        problem = str(error.problem or error.context)
        mark = error.problem_mark or error.context_mark
        message = f"not YAML: {problem}"
        for pattern, words, at_beginning in _PLAIN_WORDS:
            if found := re.search(pattern, problem):
                message = words.format(*found.groups())
                mark = (at_beginning and error.context_mark) or mark
                break
        return (self._mark_at(mark.line + 1, mark.column + 1) if mark else self._last), message

    def _problem(self, mark: Mark, path: KeyPath, message: str) -> None:
        # The parser's own messages may break lines.
        self.findings.append(located(mark, path, " ".join(message.split())))

    def _spoil(self, mark: Mark, path: KeyPath, message: str, spoilt: KeyPath | None = None) -> None:
        """Tell a problem that leaves something else at `spoilt`, by default `path`, than was meant there."""
        self._problem(mark, path, message)
        self.spoilt.add(path if spoilt is None else spoilt)

    def fail(self, mark: Mark, message: str, path: KeyPath = ()) -> NoReturn:
        """Refuse the whole text, and tell what was found before."""
        self._problem(mark, path, message)
        raise ScenarioError([found.problem for found in self.findings])

    def _node(self, event: Any, path: KeyPath) -> _Built:  # noqa: ANN401
        mark = self._last
        if len(path) > DEEPEST:
            self.fail(mark, f"nested more than {DEEPEST} levels deep")
        self._read += 1
        if self._read > MOST_VALUES:
            self.fail(mark, f"more than {MOST_VALUES:,} values", path)
        if isinstance(event, AliasEvent):
            return self._alias(str(event.anchor), mark, path)
        if event.tag:
            self._spoil(mark, path, "tags are not used in scenarios; put the text in quotes")
        if event.anchor in self._anchors:
            self._problem(mark, path, f"the anchor {event.anchor!r} is given twice")
        if event.anchor:
            self._anchors[event.anchor] = None  # unfinished: an alias to it would be endless
        built = self._content(event, mark, path)
        if event.anchor:
            self._anchors[event.anchor] = built
        if built.size > MOST_VALUES:
            self.fail(mark, f"more than {MOST_VALUES:,} values (aliases counted in full)", path)
        return built

    def _content(self, event: Any, mark: Mark, path: KeyPath) -> _Built:  # noqa: ANN401
        if isinstance(event, MappingStartEvent):
            return self._mapping(mark, path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(mark, path)
        return _Built(Node(self._scalar(event, mark, path), mark), 1, 0)

    def _alias(self, name: str, mark: Mark, path: KeyPath) -> _Built:
        if name not in self._anchors:
            self.fail(mark, f"no anchor {name!r} stands before this alias of it", path)
        built = self._anchors[name]
        if built is None:
            self.fail(mark, f"the alias {name!r} stands inside what it repeats", path)
        if len(path) + built.depth > DEEPEST:
            self.fail(mark, f"nested more than {DEEPEST} levels deep")
        return built

    def _mapping(self, mark: Mark, path: KeyPath) -> _Built:
        entries: dict[str, Node] = {}
        size, depth = 1, 0
        while not isinstance(event := self._next(), MappingEndEvent):
            key, key_mark = self._key(event, path)
            event = self._next()
            if _is_empty(event):
                self._last = key_mark  # The parser puts a value that is not there before the next token.
            child = self._node(event, (*path, key if key is not None else "?"))
            size, depth = size + child.size, max(depth, child.depth + 1)
            if key in entries:
                first = entries[key].key
                message = f"the key {key!r} stands here a second time"
                where = f"; first on line {first.line}" if first and first.line else ""
                # Of two kinds, for one, nobody can tell which one the other keys belong to.
                self._spoil(key_mark, (*path, key), message + where, path or (key,))
            elif key is not None:
                entries[key] = Node(child.node.value, child.node.mark, key_mark)
        return _Built(Node(entries, mark), size, depth)

    def _key(self, event: Any, path: KeyPath) -> tuple[str | None, Mark]:  # noqa: ANN401
        mark = self._last
        if isinstance(event, ScalarEvent) and event.value == "<<" and not event.style:
            self._spoil(mark, path, "merge keys are not used in scenarios; use 'extends'")
            return None, mark
        key = self._node(event, (*path, "?")).node.value
        if isinstance(key, str):
            return key, mark
        what = "not a mapping or a list" if isinstance(key, dict | list) else "so this one needs quotes"
        self._spoil(mark, path, f"a key must be text, {what}")
        return None, mark

    def _sequence(self, mark: Mark, path: KeyPath) -> _Built:
        items: list[Node] = []
        size, depth = 1, 0
        while not isinstance(event := self._next(), SequenceEndEvent):
            child = self._node(event, (*path, len(items)))
            items.append(child.node)
            size, depth = size + child.size, max(depth, child.depth + 1)
        return _Built(Node(items, mark), size, depth)

    def _scalar(self, event: Any, mark: Mark, path: KeyPath) -> Value:  # noqa: ANN401
        text = str(event.value)
        if _SURROGATE.search(text):
            self._spoil(mark, path, "an escape that is no character")
            text = _SURROGATE.sub("?", text)
        if event.style:
            return text
        try:
            return read_scalar(text)
        except ValueError as error:
            self._spoil(mark, path, str(error))
            return text
