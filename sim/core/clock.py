"""Time is whole seconds since 1970-01-01 UTC; only text at the borders knows a zone."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sim.core.calendars import Days

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
YEAR_DAYS: Final = 365.25

#: Later than any instant of a run, with room to add durations without overflow.
NEVER: Final = 2**61

Seconds = NDArray[np.int64]

#: A century; what is longer is a slip, and would leave the days that calendars know.
LONGEST: Final = 36_525 * DAY

_UNITS: Final = {"s": 1, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PART: Final = r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|h|d|w)"
_DURATION: Final = re.compile(rf"\s*(?:{_PART}\s*)+")
_MOST_DIGITS: Final = 30
_SHOWN: Final = "%Y-%m-%d %H:%M"


def refuse_other_digits(text: str) -> None:
    """ValueError for digits other than 0 to 9, such as Arabic or full-width ones, which look alike to few readers."""
    if other := next((char for char in text if char.isdecimal() and not char.isascii()), None):
        raise ValueError(f"{text!r} has the digit {other!r} in it; write digits as 0 to 9")


def parse_duration(text: str) -> int:
    """Seconds of a duration such as `90s`, `15min`, `2.5h`, `120d`, `8w`; ValueError if it is none.

    Parts add up (`1d 12h`); the total must be a whole number of seconds, exactly, and at most `LONGEST`.
    """
    refuse_other_digits(text)
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 15min, 2h, 120d or 8w")
    parts = re.findall(_PART, text)
    if max(len(number) for number, _ in parts) > _MOST_DIGITS:
        raise ValueError(f"{text!r} has too many digits for a duration")
    total = sum(Fraction(number) * _UNITS[unit] for number, unit in parts)
    if total.denominator != 1:
        raise ValueError(f"{text!r} is not a whole number of seconds")
    if total > LONGEST:
        raise ValueError(f"{text!r} is longer than {LONGEST // DAY:,} days, a century")
    return int(total)


def format_duration(seconds: int) -> str:
    """The shortest text that `parse_duration` reads back as `seconds`."""
    for unit in ("w", "d", "h", "min"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def exact_instant(local: datetime, zone: ZoneInfo) -> int:
    """`to_instant` of a wall-clock time that comes once in `zone`.

    Midnight stands for the beginning of its day, whatever clocks do then. ValueError for any other time
    that clocks skip or show twice, and for a day that they skip as a whole.
    """
    # Read with the offset before the change first, a skipped time is the later of the two instants.
    first, second = (to_instant(local.replace(fold=fold), zone) for fold in (0, 1))
    midnight = local.tzinfo is None and local.time() == time()
    if first < second and not midnight:
        offsets = " or ".join(f"{local.replace(tzinfo=zone, fold=fold).isoformat()[-6:]}" for fold in (0, 1))
        raise ValueError(
            f"{local:{_SHOWN}} comes twice in {zone.key}; add the offset that is meant, {offsets}"
        )
    if first > second and not (midnight and from_instant(first, zone).date() == local.date()):
        after = from_instant(first, zone).utcoffset()
        span = range(second, first + 1)
        change = span[bisect_left(span, 1, key=lambda at: from_instant(at, zone).utcoffset() == after)]
        before, then = (from_instant(at, zone) for at in (change - 1, change))
        skipped = f"from {before + timedelta(seconds=1):{_SHOWN}} to {then:{_SHOWN}}"
        raise ValueError(f"{local:{_SHOWN}} does not exist in {zone.key}: clocks go {skipped}")
    return first


def to_instant(local: datetime, zone: ZoneInfo) -> int:
    """The instant of a wall-clock time; an own offset of `local` wins over `zone`.

    A time that clocks skip is as much later as they are put forward, of one that they show twice it is the first.
    """
    aware = local if local.tzinfo else local.replace(tzinfo=zone)
    return int(aware.timestamp())


def from_instant(instant: int, zone: ZoneInfo) -> datetime:
    """The wall-clock time of an instant in `zone`."""
    return datetime.fromtimestamp(instant, tz=UTC).astimezone(zone)


def local_instant(day: date, seconds_after_midnight: int, zone: ZoneInfo) -> int:
    """The instant of a wall-clock time of `day`, which may lie on a neighbouring day (−3600, 90 000).

    A time that clocks skip counts from the clock before the change, so that 02:30 is 03:30 where they go
    from 02:00 to 03:00; of a time that they show twice it is the first.
    """
    days, rest = divmod(seconds_after_midnight, DAY)
    clock = time(rest // HOUR, rest // MINUTE % 60, rest % MINUTE)
    return int(datetime.combine(day + timedelta(days=days), clock, tzinfo=zone).timestamp())


def local_instants(days: Days, seconds_after_midnight: Seconds | int, zone: ZoneInfo) -> Seconds:
    """`local_instant` of each of some days, at one time of the day or each at its own."""
    if not len(days):
        return np.zeros(0, dtype=np.int64)
    ahead = _steady_offset(days.min().item(), days.max().item(), zone)
    if ahead is not None:
        return np.asarray(days.astype(np.int64) * DAY + (seconds_after_midnight - ahead))
    times = np.broadcast_to(seconds_after_midnight, days.shape)
    each = zip(days.tolist(), times.tolist(), strict=True)
    return np.array([local_instant(day, time_, zone) for day, time_ in each], dtype=np.int64)


@lru_cache(maxsize=256)
def _steady_offset(first: date, last: date, zone: ZoneInfo) -> int | None:
    """Seconds that `zone` is ahead of UTC, None if that changes within two days of some days."""
    noon = datetime.combine(first - timedelta(days=2), time(12))
    offsets = {zone.utcoffset(noon + timedelta(days=ahead)) for ahead in range((last - first).days + 5)}
    only = offsets.pop()
    return None if offsets or only is None else int(only.total_seconds())
