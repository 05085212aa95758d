"""A scenario is declared, never computed: the kinds of value that every declaration is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Final

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
from pydantic_core import PydanticCustomError

from sim.core.clock import format_duration, parse_duration
from sim.core.currency import MINOR_DIGITS, to_minor


class Declaration(BaseModel):
    """A frozen part of a scenario that knows all its keys; the string below a field documents it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


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
        if info.context is None:
            return name
        declared = info.context.get("names", {}).get(section, ())
        if name not in declared and name not in builtin:
            hint = nearest(name, {*declared, *builtin})
            raise wrong(f"{name!r} is not declared under {section!r}", suggestion=hint)
        return name

    return check


def _currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise wrong(f"{code!r} is not an ISO 4217 currency code", suggestion=nearest(code, MINOR_DIGITS))
    return code


def _decimal(value: object) -> object:
    # A float would bring digits that nobody wrote; the document loader hands over Decimal or int.
    if isinstance(value, bool):
        raise wrong("a number is needed, not a truth value")
    return Decimal(repr(value)) if isinstance(value, float) else value


def _duration(value: object) -> object:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise wrong(str(error)) from None
    if value == 0 and not isinstance(value, bool):
        return 0
    raise wrong("a duration needs a unit, such as 15min, 2h or 3d")


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise wrong("not a date and time such as 2024-03-04 09:00")


_NAME_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_-]*$"

Name = Annotated[str, Field(pattern=_NAME_PATTERN)]
Currency = Annotated[str, AfterValidator(_currency)]
Amount = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema({"type": "number"})]
Duration = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["15min", "2h", "120d"]}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(lambda at: at.isoformat(sep=" "), return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2024-03-04 09:00"]}),
]
Share = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=1), WithJsonSchema({"type": "number"})]
#: Higher goes first; 1 or more is urgent.
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Number = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema({"type": "number"})]


#: More minor units than this could not be added up over a run in 64 bits.
_LARGEST_AMOUNT: Final = 10**17


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


def check_shares(shares: Mapping[str, Decimal], field: str) -> None:
    """Refuse shares that do not add up to one, exactly as written."""
    total = sum(shares.values(), Decimal(0))
    if total != 1:
        raise wrong(f"the shares add up to {total}, not to 1", field=field)
