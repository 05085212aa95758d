"""Text of others commands no terminal: what is not meant to be seen is spelt out, as Python would escape it."""

from __future__ import annotations

import codecs
from unicodedata import category

#: The codec error handler that writes signs an encoding lacks as `encodable` does.
FALLBACK = "sim.readable"

#: Signs of our own prose and figures, and how they read where an encoding has letters and digits only.
_PLAIN_SIGNS = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "—": "-",
        "…": "...",
        "→": "->",
        "×": "x",
        "·": "*",
        "±": "+-",
        "≥": ">=",
        "≤": "<=",
        "σ": "sigma",
        "μ": "mu",
        "█": "#",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "\u00a0": " ",
        "\u202f": " ",
    }
)


def readable(text: str) -> str:
    """The text on one line, every character of it visible or a space.

    Control and format characters (escapes, line breaks, marks that turn the direction of writing), halves of
    surrogate pairs and unassigned characters are escaped as in Python; a backslash stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if visible(c) else escaped(c) for c in text)


def visible(character: str) -> bool:
    """Whether a character does nothing but stand there; any kind of space on a line does."""
    return character.isprintable() or category(character) == "Zs"


def escaped(character: str) -> str:
    """The escape of a character in Python, with a code of two, four or eight digits, or a letter for some."""
    return character.encode("unicode_escape").decode("ascii")


def encodable(text: str, encoding: str) -> str:
    """The text in characters of an encoding: a plain sign for one that is lacking, else an escape."""
    return text.encode(encoding, FALLBACK).decode(encoding)


def _fallback(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(_PLAIN_SIGNS)
    return "".join(c if c.isascii() else escaped(c) for c in lacking), error.end


codecs.register_error(FALLBACK, _fallback)
