"""A word without quotes is a number, a truth value, nothing, or, most often, just itself.

The rules are the core schema of YAML 1.2.2 (chapter 10.3), with `_` allowed between digits. All else is
text exactly as written: `16:30`, `2024-03-04 09:00`, `no`.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_LONGEST: Final = 100
_MOST_DIGITS: Final = 40
_GREATEST_EXPONENT: Final = 30

_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_INTEGER: Final = re.compile(rf"[-+]?{_DIGITS}")
_DECIMAL: Final = re.compile(rf"[-+]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?[0-9]+)?")
_BASED: Final = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TRUTH: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})

Scalar = str | int | Decimal | bool | None


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted word; a fraction or an exponent makes it a Decimal, never a float.

    ValueError for what is a number but none that a scenario can hold: `.inf`, `.nan`, more than 40 digits
    or a magnitude beyond 1e30.
    """
    if text in _NOTHING:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number that can be counted with")
    if _DECIMAL.fullmatch(text) or _BASED.fullmatch(text):
        return _number(text)
    return text


def _number(text: str) -> int | Decimal:
    # The length is looked at first: conversion of a very long number is slow, or refused by Python itself.
    if len(text) > _LONGEST:
        raise ValueError("the number has too many digits")
    based = _BASED.fullmatch(text) is not None
    try:
        number = Decimal(int(text, 0)) if based else Decimal(text.replace("_", ""))
    except InvalidOperation:  # an exponent beyond what Decimal can hold
        raise ValueError("the number is too large or too small") from None
    if abs(number.adjusted()) > _GREATEST_EXPONENT:
        raise ValueError("the number is too large or too small")
    if len(number.as_tuple().digits) > _MOST_DIGITS:
        raise ValueError("the number has too many digits")
    return int(number) if based or _INTEGER.fullmatch(text) else number
