"""What is found to be wrong with a scenario as a whole has a place in it, like every other mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Finding(NamedTuple):
    """A part that does not fit: where it is, what is wrong, and perhaps what was meant."""

    path: tuple[str | int, ...]
    message: str
    suggestion: str | None = None


def alternatives(names: Sequence[str]) -> str:
    """Some names as a choice: `rtgs, correspondent or hybrid`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
