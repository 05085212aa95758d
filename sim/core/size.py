"""Sizes of files and of memory are written as people say them: 500MB, 2GB."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_UNITS: Final = {"": 1} | {
    f"{letter}{mark}": base ** (power + 1)
    for power, letter in enumerate("KMGT")
    for mark, base in (("B", 1000), ("IB", 1024))
}
_UNITS["B"] = 1
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-z]*)")


def parse_size(text: str) -> int:
    """Bytes of a size such as `500MB`, `1.5 GB` or `2GiB`; ValueError if it is none, or less than a byte."""
    match = _SIZE.fullmatch(text.strip())
    if not match or match[2].upper() not in _UNITS:
        raise ValueError(f"{text!r} is not a size such as 500MB, 2GB or 1.5GiB")
    size = int(Decimal(match[1]) * _UNITS[match[2].upper()])
    if size < 1:
        raise ValueError(f"a size is more than zero, not {text!r}")
    return size


def format_size(size: float) -> str:
    """A size to read, with three digits at most: `480 MB`, `2 GB`, `6.51 GB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 1000 * factor else f"{size / factor:,.0f} {unit}"
    return f"{size:.0f} bytes"
