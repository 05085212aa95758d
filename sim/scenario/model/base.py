"""A scenario is declared, never computed: the kinds of value that every declaration is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from functools import wraps
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from sim.core.clock import format_duration, parse_duration, refuse_other_digits
from sim.core.currency import MINOR_DIGITS, to_minor, why_not_a_currency
from sim.scenario.tree import read_scalar

T = TypeVar("T")


class Declaration(BaseModel):
    """A frozen part of a scenario that knows all its keys; the string below a field documents it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )

    def plain(self) -> dict[str, Any]:
        """What it states in text, numbers (a duration in seconds) and truth values, by field; no declarations in it."""
        return {name: value for name, value in self if isinstance(value, str | int | Decimal)}


def wrong(message: str, *, field: str | None = None, suggestion: str | None = None) -> PydanticCustomError:
    """An error to raise in a validator; `field` names the key below the declaration that is to blame."""
    context: dict[str, Any] = {"field": field, "suggestion": suggestion}
    # Braces would be taken for placeholders by pydantic's message templates.
    return PydanticCustomError("scenario", message.replace("{", "(").replace("}", ")"), context)


def nearest(name: str, known: Mapping[str, Any] | list[str] | set[str] | frozenset[str]) -> str | None:
    """The known name that a misspelt one was perhaps meant to be."""
    found = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def reference(section: str, *builtin: str) -> Callable[[str, ValidationInfo], str]:
    """A validator of names declared under the top-level key `section` (or built in).

    The names are handed over in the validation context, so that a bad reference is told in the same pass,
    and at the same place, as every other error.
    """

    def check(name: str, info: ValidationInfo) -> str:
        sections = (info.context or {}).get("names")
        if sections is None:
            return name
        declared = sections.get(section, ())
        if declared is not None and name not in declared and name not in builtin:
            hint = nearest(name, {*declared, *builtin})
            raise wrong(f"{name!r} is not declared under {section!r}", suggestion=hint)
        return name

    return check


def check_currency(code: str) -> str:
    """Refuse what is no code of a currency that can be counted."""
    if problem := why_not_a_currency(code):
        message, meant = problem
        raise wrong(message, suggestion=meant)
    return code


def said(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser of text whose ValueError is told to the author."""

    @wraps(parse)
    def told(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise wrong(str(error)) from None

    return told


@said
def _number(text: str) -> object:
    """What the text is without its quotes: a number in quotes is still one."""
    refuse_other_digits(text)
    return read_scalar(text)


def _decimal(value: object) -> object:
    value = _number(value) if isinstance(value, str) else value
    if isinstance(value, bool):
        raise wrong("a number is needed, not a truth value")
    # A float would bring digits that nobody wrote; the document loader hands over Decimal or int.
    value = Decimal(repr(value)) if isinstance(value, float) else value
    if not isinstance(value, int | Decimal):
        raise PydanticKnownError("decimal_type")
    # What is no number at all is told by the validation that follows.
    if Decimal(value).is_finite() and abs(Decimal(value)) > _LARGEST_NUMBER:
        raise wrong(f"{value:.3g} is more than this simulator can count")
    return value


def _whole(value: object) -> object:
    value = _number(value) if isinstance(value, str) else value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticKnownError("int_type")
    return value


def _truth(value: object) -> object:
    # Otherwise 1 and the text "yes" would be true as well.
    if not isinstance(value, bool):
        raise PydanticKnownError("bool_type")
    return value


def _duration(value: object) -> object:
    if isinstance(value, str):
        return said(parse_duration)(value)
    if value == 0 and not isinstance(value, bool):
        return 0
    raise wrong("a duration needs a unit, such as 15min, 2h or 3d")


def _day(value: object) -> object:
    if isinstance(value, str):
        return (
            said(_parse_instant)(value).date() if _DAY.fullmatch(value) else _not_a_time(value, "date_type")
        )
    if type(value) is not date:
        raise PydanticKnownError("date_type")
    return value


def _instant(value: object) -> object:
    if isinstance(value, str):
        return (
            said(_parse_instant)(value) if _INSTANT.fullmatch(value) else _not_a_time(value, "datetime_type")
        )
    if not isinstance(value, datetime):
        raise PydanticKnownError("datetime_type")
    return value


def _parse_instant(text: str) -> datetime:
    """The time that a text of the right form tells; ValueError if there is none, or in none of the known years."""
    try:
        at = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-"))
    except ValueError:
        raise ValueError(f"{text!r} does not exist") from None
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(
            f"{text!r} is not between {FIRST_YEAR} and {LAST_YEAR}, the years of which calendars and time zones know"
        )
    return at


def _not_a_time(text: str, wanted: Literal["date_type", "datetime_type"]) -> NoReturn:
    said(refuse_other_digits)(text)
    if _FRACTION.fullmatch(text) and wanted == "datetime_type":
        raise wrong(f"{text!r} has a fraction of a second; times are whole seconds")
    raise PydanticKnownError(wanted)


#: Holidays are known to 2100 at most, and before 1900 clocks followed the sun.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2100

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_INSTANT: Final = re.compile(rf"{_DAY.pattern}(?:[ T]{_CLOCK}(?:Z| ?[+-][0-9]{{2}}:[0-9]{{2}})?)?")
_FRACTION: Final = re.compile(rf"{_DAY.pattern}[ T]{_CLOCK}[.,][0-9]+.*")
_NAME_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_-]*$"

_SHARE: Final = {"type": "number", "minimum": 0, "maximum": 1}

Name = Annotated[str, Field(pattern=_NAME_PATTERN)]
Currency = Annotated[str, AfterValidator(check_currency)]
#: A whole number, and true or false: nothing that merely could be read as one.
Whole = Annotated[int, BeforeValidator(_whole)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Amount = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema({"type": "number"})]
Duration = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"const": 0}], "examples": ["15min", "2h", "120d"]}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(lambda at: at.isoformat(sep=" "), return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2024-03-04 09:00"]}),
]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Share = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=1), WithJsonSchema(_SHARE)]
#: Higher goes first; 1 or more is urgent.
Priority = Annotated[Whole, Field(ge=-1_000_000, le=1_000_000)]
Number = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema({"type": "number"})]


#: More minor units than this could not be added up over a run in 64 bits.
_LARGEST_AMOUNT: Final = 10**17
_LARGEST_NUMBER: Final = 10**18


def check_amounts(declared: Declaration, currency: str, *fields: str, under: str = "") -> None:
    """Refuse amounts with more decimals than their currency has, or too large to count; None passes.

    `under` is the path to `declared` from the declaration whose validator calls, with a dot at its end.
    """
    for field in fields:
        amount = getattr(declared, field)
        if amount is None:
            continue
        try:
            check_amount(amount, currency)
        except ValueError as error:
            raise wrong(str(error), field=under + field) from None


def check_amount(amount: Decimal, currency: str) -> None:
    """ValueError for an amount with more decimals than its currency has, or too large to count."""
    if abs(to_minor(amount, currency)) > _LARGEST_AMOUNT:
        raise ValueError(f"{amount} {currency} is more than this simulator can count")


def or_mapping(schema: dict[str, Any], key: str, *, several: bool) -> None:
    """Tell in a JSON Schema that the list under `key` may be a mapping, of entries or of lists of `several`."""
    listed = schema["properties"][key]
    one_list = {word: listed.pop(word) for word in ("type", "items", "minItems") if word in listed}
    mapping = {"type": "object", "additionalProperties": one_list if several else one_list["items"]}
    schema["properties"][key] = {"anyOf": [one_list, mapping], **listed}


def written(info: ValidationInfo, *path: str) -> Any:  # noqa: ANN401 - whatever was written there
    """What the scenario says at a path, before validation; None if nothing, or if there is no scenario."""
    found = (info.context or {}).get("document")
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def written_currency(info: ValidationInfo, *path: str) -> str | None:
    """The currency that the scenario states at a path, before validation; None if it is none that can be used."""
    stated = written(info, *path)
    return stated if isinstance(stated, str) and stated in MINOR_DIGITS else None


def check_date_only(at: datetime | None, field: str, message: str) -> None:
    """Refuse a time of day, or an offset, where a whole day is meant; None passes."""
    if at is not None and (at.time() != time() or at.tzinfo is not None):
        raise wrong(f"{message}; state a date without a time", field=field)


def check_shares(shares: Mapping[str, Decimal], field: str) -> None:
    """Refuse shares that do not add up to one, exactly as written."""
    total = sum(shares.values(), Decimal(0))
    if total != 1:
        raise wrong(f"the shares add up to {total}, not to 1", field=field)
