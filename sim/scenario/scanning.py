"""The YAML parser at the speed that a scenario of ten thousand accounts needs.

The library's scanner asks before each of its many questions whether it must read on, and takes single characters
through several calls. Here it asks once per token, and passes over what most of a scenario consists of, spaces and
plain words, at one go; whatever is not plainly one of these goes the library's own way. The events are the same, and so
are errors, which may come an event earlier. Ten thousand accounts take half the time, which is worth this file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.events import ScalarEvent
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tokens import ScalarToken

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters that begin nothing but a plain scalar.
_WORD: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
#: Characters that stand for themselves wherever a token begins, and what the scanner does with them.
_BRACKETS: Final = {
    "{": Scanner.fetch_flow_mapping_start,
    "}": Scanner.fetch_flow_mapping_end,
    "[": Scanner.fetch_flow_sequence_start,
    "]": Scanner.fetch_flow_sequence_end,
    ",": Scanner.fetch_flow_entry,
}
#: Characters that begin a token, and neither a line nor a comment.
_TOKEN: Final = _WORD | _BRACKETS.keys() | frozenset(":-'\"")
#: A plain scalar that ends here whatever surrounds it, one that a bracket or comma ends, and one that a line ends.
_BEFORE_COLON: Final = re.compile(r"[\w./+-]+(?=:[ \n])", re.ASCII)
_IN_BRACKETS: Final = re.compile(r"[\w./+-]+(?=[,\]}]|:[ \n])", re.ASCII)
_LAST_ON_LINE: Final = re.compile(r"[\w./+-]+(?=\n( *)[!-~])(?!\n *#)", re.ASCII)


class _Mark(NamedTuple):
    line: int
    column: int


class _Reader(Reader):
    def get_mark(self) -> _Mark:
        return _Mark(self.line, self.column)

    def pass_over(self, length: int) -> None:
        """Go on by so many characters, none of which ends a line."""
        self.pointer += length
        self.index += length
        self.column += length


class _Scanner(Scanner):
    # Properties of the library that look for the same object at every call.
    reader: Any = None
    _looked_ahead = False

    def __init__(self, loader: Any = None) -> None:  # noqa: ANN401 - the library is untyped
        self.reader = loader.reader
        super().__init__(loader=loader)

    def check_token(self, *choices: Any) -> bool:  # noqa: ANN401
        token = self.peek_token()
        return token is not None and (not choices or isinstance(token, choices))

    def peek_token(self) -> Any:  # noqa: ANN401
        if not self._looked_ahead:
            while self.need_more_tokens():
                self.fetch_more_tokens()
            self._looked_ahead = True
        return self.tokens[0] if self.tokens else None

    def get_token(self) -> Any:  # noqa: ANN401
        token = self.peek_token()
        if token is not None:
            self._looked_ahead = False
            self.tokens_taken += 1
            del self.tokens[0]
        return token

    def need_more_tokens(self) -> bool:
        return not self.done and (
            not self.tokens or (bool(self.possible_simple_keys) and super().need_more_tokens())
        )

    def stale_possible_simple_keys(self) -> None:
        if self.possible_simple_keys:
            super().stale_possible_simple_keys()

    def fetch_more_tokens(self) -> Any:  # noqa: ANN401
        self.scan_to_next_token()
        reader = self.reader
        character = reader.buffer[reader.pointer]
        fetch = Scanner.fetch_plain if character in _WORD else _BRACKETS.get(character)
        if fetch is None:
            return super().fetch_more_tokens()
        self.stale_possible_simple_keys()
        self.unwind_indent(reader.column)
        return fetch(self)

    def scan_to_next_token(self) -> Any:  # noqa: ANN401
        reader = self.reader
        buffer, at = reader.buffer, reader.pointer
        while buffer[at] == " ":
            at += 1
        reader.pass_over(at - reader.pointer)
        return None if buffer[at] in _TOKEN else super().scan_to_next_token()

    def scan_plain(self) -> Any:  # noqa: ANN401
        reader = self.reader
        pattern = _IN_BRACKETS if self.flow_context else _BEFORE_COLON
        found = pattern.match(reader.buffer, reader.pointer)
        if found is None and not self.flow_context:
            found = _LAST_ON_LINE.match(reader.buffer, reader.pointer)
            if found is not None and len(found[1]) > self.indent:
                found = None  # the next line may go on with it
        if found is None:
            return super().scan_plain()
        start = reader.get_mark()
        reader.pass_over(len(found[0]))
        self.allow_simple_key = False
        return ScalarToken(found[0], True, start, reader.get_mark())


class _Parser(Parser):
    scanner: Any = None

    def __init__(self, loader: Any) -> None:  # noqa: ANN401
        self.scanner = loader.scanner
        super().__init__(loader)

    def parse_node(self, block: bool = False, indentless_sequence: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        token = self.scanner.peek_token()
        if type(token) is not ScalarToken:
            return super().parse_node(block, indentless_sequence)
        self.scanner.get_token()
        self.state = self.states.pop()
        implicit = (token.plain, not token.plain)
        return ScalarEvent(
            None, None, implicit, token.value, token.start_mark, token.end_mark, style=token.style
        )


def parse_events(text: str) -> Iterator[Any]:
    """The parse events of a YAML text; their marks tell line and column."""
    parser = YAML(typ="safe", pure=True)
    parser.Reader, parser.Scanner, parser.Parser = _Reader, _Scanner, _Parser
    return iter(parser.parse(text))
