"""A number without its unit is no result."""

from __future__ import annotations

from typing import Any, NamedTuple


class Measure(NamedTuple):
    """A number, or numbers by name, with their unit."""

    value: Any
    unit: str
