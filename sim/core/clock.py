"""Time is whole seconds since 1970-01-01 UTC; only text at the borders knows a zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
YEAR_DAYS: Final = 365.25

#: Later than any instant of a run, with room to add durations without overflow.
NEVER: Final = 2**61

Seconds = NDArray[np.int64]

_UNITS: Final = {"s": 1, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)")


def parse_duration(text: str) -> int:
    """Seconds of a duration such as `90s`, `15min`, `2.5h`, `120d`, `8w`; ValueError if it is none.

    Parts add up (`1d 12h`); the total must be a whole number of seconds.
    """
    stripped = text.strip()
    parts = _DURATION.findall(stripped)
    if not parts or _DURATION.sub("", stripped).strip():
        raise ValueError(f"{text!r} is not a duration such as 90s, 15min, 2h, 120d or 8w")
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if total != int(total):
        raise ValueError(f"{text!r} is not a whole number of seconds")
    return int(total)


def format_duration(seconds: int) -> str:
    """The shortest text that `parse_duration` reads back as `seconds`."""
    for unit in ("w", "d", "h", "min"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def to_instant(local: datetime, zone: ZoneInfo) -> int:
    """The instant of a wall-clock time; an own offset of `local` wins over `zone`."""
    aware = local if local.tzinfo else local.replace(tzinfo=zone)
    return int(aware.timestamp())


def from_instant(instant: int, zone: ZoneInfo) -> datetime:
    """The wall-clock time of an instant in `zone`."""
    return datetime.fromtimestamp(instant, tz=UTC).astimezone(zone)


def local_instant(day: date, seconds_after_midnight: int, zone: ZoneInfo) -> int:
    """The instant of a wall-clock time of `day`, which may lie on a neighbouring day (−3600, 90 000)."""
    days, rest = divmod(seconds_after_midnight, DAY)
    clock = time(rest // HOUR, rest // MINUTE % 60, rest % MINUTE)
    return int(datetime.combine(day + timedelta(days=days), clock, tzinfo=zone).timestamp())
