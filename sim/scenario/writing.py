"""What is written can be read by people, and is read back unchanged.

Written by hand rather than by a library's emitter: the text of a resolved scenario is hashed into the
manifest of a run, so it must not change with the version of a dependency.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from sim.scenario.tree import read_scalar

if TYPE_CHECKING:
    from pydantic import BaseModel

_WIDTH: Final = 100
_NARROWEST: Final = 40
#: A parser looks for the ':' of a key in 1,024 characters only; a longer key needs a '?' before it.
_LONGEST_PLAIN_KEY: Final = 1_000

#: Words that begin with a letter and hold nothing that YAML gives a meaning to; or a duration such as 15min.
_PLAIN: Final = re.compile(
    r"[^\W\d_](?:[\w./+()%;!?'\u2013-]|,(?= )| (?=[\w(]))*|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[a-z]+"
)
#: Truth values of YAML 1.1, which other tools still read.
_AMBIGUOUS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
#: Control and format characters (among them those that turn the direction of writing), and what is no character.
_UNSEEN: Final = (
    "\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff"
)
_BLOCK: Final = re.compile(f"[^{_UNSEEN}]+")
_ESCAPED: Final = re.compile(f'["\\\\\n{_UNSEEN}]')
_NOT_ASCII: Final = re.compile(f'["\\\\\n{_UNSEEN}\x80-\U0010ffff]')
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def data_of(declared: BaseModel) -> dict[str, Any]:
    """A declaration as `dump` writes it, with every default stated: loaded again it is equal."""
    found: dict[str, Any] = _writable(declared.model_dump(exclude_none=True, by_alias=True))
    return found


def _writable(value: Any) -> Any:  # noqa: ANN401  # a tree of unknown shape is what this is
    """The same tree of the types that `dump` writes; a set in its order, a float as its shortest decimal."""
    if isinstance(value, dict):
        return {str(key): _writable(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(child) for child in value]
    if isinstance(value, set | frozenset):
        return sorted(_writable(child) for child in value)
    if isinstance(value, float):
        return Decimal(repr(value))
    return value.isoformat() if isinstance(value, date | time) else value


class _Foreign(str):
    """Text that is written in ASCII, between double quotes."""

    __slots__ = ()


def dump(data: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """Block YAML of a tree of mappings, sequences, text, int, Decimal, bool and None; keys keep their order.

    Text that could be taken for something else is quoted, long prose is folded, short lists stand on one
    line; with `ascii_only` all text beyond ASCII is escaped. ValueError for a Decimal that is not finite,
    TypeError for any other type (a float above all).
    """
    lines = _mapping(_in_ascii(data) if ascii_only else data, 0) if data else ["{}"]
    return "\n".join(lines) + "\n"


def _in_ascii(value: Any) -> Any:  # noqa: ANN401 - a tree of unknown shape is what this is
    if isinstance(value, str):
        return value if value.isascii() else _Foreign(value)
    if isinstance(value, Mapping):
        return {_in_ascii(key): _in_ascii(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_in_ascii(child) for child in value]
    return value


def _mapping(data: Mapping[str, Any], indent: int) -> list[str]:
    lines: list[str] = []
    pad = " " * indent
    for key, value in data.items():
        name = _text(key)
        if len(name) > _LONGEST_PLAIN_KEY:
            lines.append(f"{pad}? {name}")
            name = ""
        lines += _attach(f"{pad}{name}:", value, indent)
    return lines


def _attach(head: str, value: object, indent: int) -> list[str]:
    """The lines of a value that stands behind `head`."""
    if isinstance(value, Mapping) and value:
        return [head, *_mapping(value, indent + 2)]
    if isinstance(value, list | tuple) and value:
        flow = _flow(value)
        short = flow is not None and len(head) + len(flow) < _WIDTH
        return [f"{head} {flow}"] if short else [head, *_sequence(value, indent + 2)]
    if isinstance(value, str) and (block := _block(value, len(head), indent + 2)):
        style, *lines = block
        return [f"{head} {style}", *lines]
    return [f"{head} {_inline(value)}"]


def _sequence(values: Sequence[Any], indent: int) -> list[str]:
    lines: list[str] = []
    pad = " " * indent
    for value in values:
        head, *rest = _attach(f"{pad}-", value, indent)
        if not rest or not isinstance(value, Mapping | list | tuple):
            lines += [head, *rest]
        else:  # A nested collection begins on the line of its dash.
            lines += [f"{pad}- {rest[0].lstrip(' ')}", *rest[1:]]
    return lines


def _flow(values: Sequence[Any]) -> str | None:
    """`[a, b]`, or None if something in it is no short scalar."""
    if any(isinstance(value, Mapping | list | tuple) for value in values):
        return None
    return f"[{', '.join(_inline(value, flow=True) for value in values)}]"


def _inline(value: object, *, flow: bool = False) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} cannot be written")
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value, flow=flow)
    if isinstance(value, Mapping | list | tuple):
        return "{}" if isinstance(value, Mapping) else "[]"
    raise TypeError(f"{type(value).__name__} cannot be written: {value!r}")


def _text(text: str, *, flow: bool = False) -> str:
    """The text without quotes if nothing could take it for something else."""
    if isinstance(text, _Foreign):
        return f'"{_NOT_ASCII.sub(_escape, text)}"'
    plain = _PLAIN.fullmatch(text) and text.casefold() not in _AMBIGUOUS and read_scalar(text) == text
    if plain and not (flow and "," in text):
        return text
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT_ESCAPES.get(character) or f"\\U{ord(character):08X}"


def _block(text: str, column: int, indent: int) -> list[str] | None:
    """Style and lines of prose as a block: folded if it is long and joins cleanly again, else literal.

    None if the text is short, or holds what a block would change (blanks at the ends, control characters).
    """
    body = text.removesuffix("\n")
    lines = body.split("\n")
    long = column + len(text) > _WIDTH and " " in text
    if not (long or len(lines) > 1) or isinstance(text, _Foreign) or not _BLOCK.fullmatch(text):
        return None
    if lines[0][:1] in {"", " "} or not lines[-1].strip(" "):
        return None
    keep = "" if text.endswith("\n") else "-"
    pad = " " * indent
    width = max(_WIDTH - indent, _NARROWEST)
    folded = [wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in lines]
    wide = len(lines) == 1 or max(map(len, lines)) > width
    if wide and all(
        " ".join(words) == line and line[:1] not in {"", " "}
        for words, line in zip(folded, lines, strict=True)
    ):
        # In a folded block an empty line is one line break.
        written = [f"\n{pad}".join(part) for part in folded]
        return [f">{keep}", *"\n\n".join(f"{pad}{part}" for part in written).split("\n")]
    return [f"|{keep}", *(f"{pad}{line}" if line else "" for line in lines)]
