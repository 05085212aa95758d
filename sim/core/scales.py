"""Between two durations, times of day, dates or sessions there are others, as there are between two numbers."""

from __future__ import annotations

import re
from datetime import date, time
from decimal import ROUND_HALF_EVEN, Decimal
from math import exp, floor, log
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.core.clock import DAY, HOUR, MINUTE, format_duration, parse_duration
from sim.core.hours import parse_session

if TYPE_CHECKING:
    from collections.abc import Callable

#: A single value of a scenario.
Value = str | int | Decimal

#: Drawn numbers have so many significant digits, and from 1 on at most so many decimals: most currencies have two.
_DIGITS: Final = 4
_DECIMALS: Final = 2
NUMBER: Final = "a number"
DURATION: Final = "a duration"


class Scale(NamedTuple):
    """Values of one kind as whole numbers between which others lie."""

    word: str
    read: Callable[[str], tuple[int, ...]]
    """ValueError for a text of another kind."""
    write: Callable[[tuple[int, ...]], str]
    step: int
    """What is between lies on multiples of it, where both ends do."""


def _time(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d\d:\d\d(:\d\d)?", text, re.ASCII):
        raise ValueError(text)
    at = time.fromisoformat(text)
    return (at.hour * HOUR + at.minute * MINUTE + at.second,)


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, HOUR)
    minutes, left = divmod(rest, MINUTE)
    return f"{hours:02}:{minutes:02}" + (f":{left:02}" if left else "")


def _day(text: str) -> tuple[int, ...]:
    # A resolved scenario states a date as the midnight at which it begins, where there could be a time.
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(?:[ T]00:00(?::00)?)?", text, re.ASCII):
        raise ValueError(text)
    return (date.fromisoformat(text[:10]).toordinal(),)


def _session(seconds: tuple[int, ...]) -> str:
    opens, closes = seconds
    words = []
    for at, is_closing in ((opens, False), (closes, True)):
        days = (at - 1) // DAY if is_closing else at // DAY  # 24:00 is a closing of the day itself
        words.append(f"T{days:+d} {_clock(at - days * DAY)}" if days else _clock(at))
    told = "-".join(words)
    # A closing without a word is the next day's where it would lie before the opening.
    return told if parse_session(told) == (opens, closes) else f"{words[0]}-T {words[1]}"


_SCALES: Final = (
    Scale("a date", _day, lambda days: date.fromordinal(days[0]).isoformat(), 1),
    Scale("a time of day", _time, lambda seconds: _clock(seconds[0]), MINUTE),
    Scale("a session", parse_session, _session, MINUTE),
    Scale(DURATION, lambda text: (parse_duration(text),), lambda seconds: format_duration(seconds[0]), 1),
)


def scale_of(value: Value) -> Scale | None:
    """The scale on which a value lies; None for a number, ValueError for a text that has no scale."""
    if not isinstance(value, str):
        return None
    for scale in _SCALES:
        try:
            scale.read(value)
        except ValueError:
            continue
        return scale
    raise ValueError(f"{value!r} is no number, duration, time of day, date or session such as 09:00-17:30")


def word_of(value: Value) -> str:
    """What kind of value it is; ValueError for one that has no scale."""
    scale = scale_of(value)
    return NUMBER if scale is None else scale.word


def _read(value: Value, scale: Scale) -> tuple[int, ...]:
    # A duration of nothing needs no unit.
    return (0,) if not isinstance(value, str) else scale.read(value)


def common_scale(low: Value, high: Value) -> Scale | None:
    """The scale on which both ends of a range lie, None for numbers; ValueError if they have none in common."""
    scales = [scale_of(end) for end in (low, high)]
    named = [scale for scale in scales if scale is not None]
    if (
        named
        and named[0].word == DURATION
        and all(scale or end == 0 for scale, end in zip(scales, (low, high), strict=True))
    ):
        return named[0]
    if scales[0] is not scales[1]:
        words = " and ".join(NUMBER if scale is None else scale.word for scale in scales)
        raise ValueError(f"the ends are of two kinds, {words}")
    return scales[0]


def is_below(low: Value, high: Value) -> bool:
    """Whether there is something between the ends of a range, of each part of a session."""
    scale = common_scale(low, high)
    if scale is None:
        return Decimal(low) < Decimal(high)
    ends = [_read(end, scale) for end in (low, high)]
    # One end of a session may move against the other: later opening, earlier closing.
    return ends[0] != ends[1] if len(ends[0]) > 1 else ends[0] < ends[1]


def between(low: Value, high: Value, at: float, *, whole: bool) -> Value:
    """The value at the quantile `at`, from 0 to 1, of what is spread evenly between both ends, which are included.

    Of whole numbers (`whole`), and of dates, each is as likely as any other; times and sessions are told in minutes
    where both ends are.
    """
    scale = common_scale(low, high)
    if scale is None:
        return _among(int(low), int(high), at) if whole else _within(Decimal(low), Decimal(high), at)
    if at in {0.0, 1.0}:
        return high if at else low
    ends = list(zip(_read(low, scale), _read(high, scale), strict=True))
    if scale.word == _SCALES[0].word:
        return scale.write((_among(*ends[0], at),))
    step = scale.step if all(end % scale.step == 0 for pair in ends for end in pair) else 1
    return scale.write(tuple(round((one + at * (other - one)) / step) * step for one, other in ends))


def _within(low: Decimal, high: Decimal, at: float) -> Decimal:
    """A number between both, with four digits of their distance at least, and never beyond one of them."""
    if at in {0.0, 1.0}:
        return high if at else low
    found = low + Decimal(at) * (high - low)
    # Ends that lie close together, and are written with more decimals, need them.
    written = min(int(end.as_tuple().exponent) for end in (low, high))
    step = min(_step(found), max((high - low).adjusted() + 1 - _DIGITS, min(written, 0)))
    return min(max(_told(found, step), low), high)


def _step(value: Decimal) -> int:
    """The power of ten of the last digit with which a number is told."""
    step = value.adjusted() + 1 - _DIGITS if value else 1 - _DIGITS
    return max(step, -_DECIMALS) if abs(value) >= 1 else step


def _told(value: Decimal, step: int) -> Decimal:
    """A number rounded half-even to a power of ten."""
    found = value.quantize(Decimal(1).scaleb(step)) if step < 0 else Decimal(round(value, -step))
    return Decimal(f"{found:f}")


def _among(low: int, high: int, at: float) -> int:
    return low + min(floor(at * (high - low + 1)), high - low)


def factor_at(low: Decimal, high: Decimal, at: float) -> Decimal:
    """The factor at a quantile between two of them: half and twice are as likely as each other (log-uniform)."""
    if at in {0.0, 1.0}:
        return high if at else low
    exact = Decimal(exp(log(low) + at * (log(high) - log(low))))
    return _within(low, high, float((exact - low) / (high - low)))


def times(value: Value, factor: Decimal, *, whole: bool) -> Value:
    """A number or a duration so many times; ValueError for anything else."""
    scale = scale_of(value)
    if scale is None:
        return rounded(Decimal(value) * factor, whole=whole)
    if scale.word != DURATION:
        raise ValueError(f"a factor is for numbers and durations, and this is {scale.word}")
    return scale.write((int((scale.read(str(value))[0] * factor).to_integral_value(ROUND_HALF_EVEN)),))


def rounded(value: Decimal, *, whole: bool) -> int | Decimal:
    """A number with four significant digits, and with two decimals at most from 1 on; or the nearest whole number."""
    if whole:
        return int(value.to_integral_value(ROUND_HALF_EVEN))
    return _told(value, _step(value))
