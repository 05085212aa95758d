"""The faster scanner gives the library's own events, errors included."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from sim.scenario.scanning import parse_events

LIBRARY: Final = sorted((Path(__file__).parent.parent / "scenarios").rglob("*.yaml"))
ODD: Final = (
    "a: b\n  c\nd: e\n",
    "- a\n-  b c\n- - d\n",
    "{a: 1, b: [c,d, e f], ? g : h}\n",
    "{a:1, b:}\n",
    "a: b # c\nd: e#f\n",
    "a: 'b\n  c'\nd: |\n  e: f\n  - g\n",
    "a:\nb:\n- c\n- d:\n",
    "a: http://b:80/c?d=e,f\n",
    "a: &x b\nc: *x\n",
    "a: b: c\n",
    "a: [b\nc: d\n",
    "\ta: b\n",
    "a: b\n\tc\n",
    "key\n",
    "a\r\nb: c\r\n",
    "a: b\x85c: d\n",
    "%YAML 1.1\n---\na: b\n...\n---\nc: d\n",
    "? a\n: b\n",
    "a",
    "",
    "\ufeffa: b\n",
    f"{'a' * 1100}: b\n",
)
SCRAPS: Final = (
    *" \t\n:-#'\"{}[],&*!|>%?\\",
    "\n---\n",
    ": ",
    "- ",
    "\n  ",
    "\r\n",
    "\u2028",
    "é",
    " #",
    "? ",
)


def told(text: str, *, plainly: bool) -> list[Any]:
    """Every event of a text with its place, and the error that ends them, if any."""
    events = YAML(typ="safe", pure=True).parse(text) if plainly else parse_events(text)
    found: list[Any] = []
    try:
        for event in events:
            mark = event.start_mark
            details = [getattr(event, name, None) for name in ("value", "style", "anchor", "flow_style")]
            found.append((type(event), mark.line, mark.column, *details, str(getattr(event, "tag", None))))
    except MarkedYAMLError as error:
        marks = (error.problem_mark, error.context_mark)
        found.append((error.problem, error.context, [mark and (mark.line, mark.column) for mark in marks]))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        found.append(type(error))
    return found


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_the_library_reads_as_with_the_plain_scanner(path: Path) -> None:
    text = path.read_text("utf-8")
    assert told(text, plainly=False) == told(text, plainly=True)


@pytest.mark.parametrize("text", ODD)
def test_odd_text_reads_as_with_the_plain_scanner(text: str) -> None:
    assert told(text, plainly=False) == told(text, plainly=True)


def test_mangled_text_reads_as_with_the_plain_scanner() -> None:
    chance = Random(11)
    whole = LIBRARY[0].read_text("utf-8")
    for _ in range(600):
        start = chance.randrange(len(whole))
        text = whole[start : start + 300]
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(SCRAPS) + text[at + chance.randrange(3) :]
        assert told(text, plainly=False) == told(text, plainly=True), text


def test_nothing_is_read_before_it_is_asked_for() -> None:
    assert len(list(islice(parse_events("a: b\n{"), 3))) == 3
