"""A text means one instant, one amount or one whole number exactly, or it is refused.

Each reader of one text (`instant`) has a fellow for a column of them (`instants`), which gives the same
values or raises ValueError when it is in doubt, without saying where.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sim.core.clock import DAY, Seconds, local_instant, to_instant
from sim.core.currency import Amounts, minor_digits

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

#: A column of texts without nulls; pyarrow has no types.
Texts = Any

#: Amounts beyond this could not be added up over a run in 64 bits.
MOST_MINOR: Final = 10**17

_LONGEST_SHOWN: Final = 60
_MOST_DAYS: Final = 100_000
#: Decimals of a column of amounts, more than any currency has; with 14 digits before them they fit 64 bits.
_DECIMALS: Final = 4

_CLOCK: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_TIME: Final = f"[12][0-9]{{3}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}(?::[0-5][0-9])?"
_OFFSET: Final = f"(?:Z|[+-]{_CLOCK})"
_ANY_TIME: Final = re.compile(rf"({_TIME})(?:\.([0-9]{{1,9}}))?({_OFFSET})?")
_ANY_AMOUNT: Final = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]+))?")
_ANY_WHOLE: Final = re.compile("[+-]?[0-9]{1,18}")


def shown(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """The text in quotes, on one line and cut to a bearable length."""
    return repr(text if len(text) <= longest else f"{text[:longest]}…")


def instant(text: str, zone: ZoneInfo) -> int:
    """UTC seconds of a time such as `2024-03-04T09:10`, local to `zone` unless it has an offset.

    ValueError for another form, for a fraction of a second, for a local time that clocks skip, and for one
    that they show twice.
    """
    match = _ANY_TIME.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)} is not a time such as 2024-03-04T09:10:00")
    clock, fraction, offset = match.groups("")
    if fraction.strip("0"):
        raise ValueError(f"{shown(text)} has a fraction of a second; times are whole seconds")
    try:
        at = datetime.fromisoformat(clock + offset)
    except ValueError:
        raise ValueError(f"{shown(text)} is a day that does not exist") from None
    if at.tzinfo is not None:
        return int(at.timestamp())
    # A skipped time is read with the offset before the change first, which makes it the later instant.
    first, second = (to_instant(at.replace(fold=fold), zone) for fold in (0, 1))
    if first > second:
        raise ValueError(f"{shown(text)} does not exist in {zone.key}: clocks are put forward over it")
    if first < second:
        raise ValueError(
            f"{shown(text)} comes twice in {zone.key}: add the offset that is meant, such as +02:00"
        )
    return first


def instants(texts: Texts, zone: ZoneInfo) -> Seconds:
    """As `instant` of each text."""
    if not _all_fit(texts, f"{_TIME}{_OFFSET}?"):
        raise ValueError("some of the texts are no times")
    placed = np.asarray(pc.match_substring_regex(texts, f"{_OFFSET}$"))
    values = np.zeros(len(texts), dtype=np.int64)
    for mask, kind in ((placed, pa.timestamp("s", "UTC")), (~placed, pa.timestamp("s"))):
        if mask.any():
            chosen = texts if mask.all() else texts.filter(pa.array(mask))
            values[mask] = np.asarray(chosen.cast(kind).cast(pa.int64()))
    local = np.flatnonzero(~placed)
    if len(local):
        values[local], unsteady = _from_local(values[local], zone)
        for row in local[unsteady].tolist():
            values[row] = instant(texts[row].as_py(), zone)
    return values


def _from_local(local: Seconds, zone: ZoneInfo) -> tuple[Seconds, NDArray[np.bool_]]:
    """UTC seconds of local ones, and whether clocks change that day or next to it, so that they are wrong."""
    day = local // DAY
    first, last = int(day.min()), int(day.max())
    if last - first > _MOST_DAYS:
        raise ValueError("the days lie too far apart to look all of them up")
    days = np.arange(first - 1, last + 3)
    midnights = [local_instant(date, 0, zone) for date in days.astype("datetime64[D]").tolist()]
    offset = days * DAY - np.array(midnights, dtype=np.int64)
    # Clocks may change at, or back to before, midnight: the days around are looked at as well.
    before, here, after, beyond = (offset[k : len(days) - 3 + k] for k in range(4))
    unsteady = (before != here) | (here != after) | (after != beyond)
    return local - here[day - first], unsteady[day - first]


def amount(text: str, currency: str) -> int:
    """Minor units of an amount in major units, such as `12.34`.

    ValueError for what is no plain decimal number, not above zero, or not a whole number of minor units.
    """
    match = _ANY_AMOUNT.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)} is not an amount such as 1234.56")
    sign, whole, fraction = match["sign"], match["whole"].lstrip("0"), (match["fraction"] or "").rstrip("0")
    if sign == "-" or not whole + fraction:
        raise ValueError(f"an amount is more than zero, not {shown(text)}")
    digits = minor_digits(currency)
    if len(fraction) > digits:
        raise ValueError(f"{shown(text)} has more than {digits} decimals, the most {currency} has")
    # The length is looked at first, for Python refuses to convert very long numbers.
    too_long = len(whole) + digits > len(str(MOST_MINOR))
    if too_long or int(whole + fraction.ljust(digits, "0")) > MOST_MINOR:
        raise ValueError(f"{shown(text)} {currency} is more than this simulator can count")
    return int(whole + fraction.ljust(digits, "0"))


def amounts(texts: Texts, digits: NDArray[np.int64]) -> Amounts:
    """As `amount` of each text, in currencies of so many decimals."""
    if not _all_fit(texts, rf"[0-9]{{1,14}}(?:\.[0-9]{{1,{_DECIMALS}}})?"):
        raise ValueError("some of the texts are no amounts, or out of the ordinary")
    decimals = texts.cast(pa.decimal128(14 + _DECIMALS, _DECIMALS))
    scaled = pc.multiply(decimals, pa.scalar(10**_DECIMALS, pa.decimal128(_DECIMALS + 1)))
    units = np.asarray(scaled.cast(pa.int64()))
    minor, rest = np.divmod(units, 10 ** (_DECIMALS - digits))
    if rest.any() or (minor <= 0).any():
        raise ValueError("some amounts are not above zero, or more precise than their currency")
    return np.asarray(minor)


def whole_number(text: str) -> int:
    """The value of up to 18 digits, perhaps with a sign; ValueError for another text."""
    if not _ANY_WHOLE.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a whole number of up to 18 digits")
    return int(text)


def whole_numbers(texts: Texts) -> NDArray[np.int64]:
    """As `whole_number` of each text."""
    if not _all_fit(texts, "-?[0-9]{1,18}"):
        raise ValueError("some of the texts are no whole numbers")
    return np.asarray(texts.cast(pa.int64()))


def _all_fit(texts: Texts, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, f"^(?:{pattern})$"), min_count=0).as_py())
