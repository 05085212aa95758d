"""What is found to be wrong with a scenario as a whole has a place in it, like every other mistake."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """A part that does not fit: where it is, what is wrong, and perhaps what was meant."""

    path: tuple[str | int, ...]
    message: str
    suggestion: str | None = None
