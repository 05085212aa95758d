"""An error of validation is told in the words of the scenario's author, at the line that the author wrote."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from sim.core.clock import format_duration, parse_duration
from sim.scenario.model.base import nearest
from sim.scenario.tree import KeyPath, Located, Mark, Node, located

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel, ValidationError


#: What may stand at one place: the alternatives of a union, or one schema.
Shapes: TypeAlias = tuple[dict[str, Any], ...]

#: What was wanted, by the type of the error. These say only that a value is of the wrong kind altogether.
_WANTED: Final = {
    name: wanted
    for wanted, names in {
        "text": "string_type",
        "a whole number": "int_type int_parsing int_from_float int_parsing_size",
        "a number": "decimal_type decimal_parsing float_type float_parsing finite_number",
        "true or false": "bool_type bool_parsing",
        "a mapping": "dict_type mapping_type model_type model_attributes_type",
        "a list": "list_type tuple_type set_type frozen_set_type iterable_type",
        "a date such as 2024-03-04": "date_type date_parsing date_from_datetime_parsing",
        "a date and time such as 2024-03-04 09:00": "datetime_type datetime_parsing",
        "a time of day such as 10:30": "time_type time_parsing",
    }.items()
    for name in names.split()
}
_BOUNDS: Final = {
    "greater_than": "must be greater than {gt}, not {found}",
    "greater_than_equal": "must be at least {ge}, not {found}",
    "less_than": "must be less than {lt}, not {found}",
    "less_than_equal": "must be at most {le}, not {found}",
    "multiple_of": "must be a multiple of {multiple_of}, not {found}",
    "string_too_short": "must have at least {min_length} characters, not {found}",
    "string_too_long": "must have at most {max_length} characters, not {found}",
    "too_short": "needs at least {min_length} entries, found {actual_length}",
    "too_long": "takes at most {max_length} entries, found {actual_length}",
}
_FORMS: Final = {
    "^[A-Za-z][A-Za-z0-9_-]*$": "a name: a Latin letter, then letters, digits, '_' and '-'",
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$": "a name: Latin letters, digits, and then also '_', '.' and '-'",
}
#: The words for bounds of a number in the context of an error.
_ENDS: Final = frozenset({"gt", "ge", "lt", "le"})
#: Types of error that show that a branch of a union has recognised its own keys.
_STRUCTURAL: Final = frozenset({"missing", "extra_forbidden", "union_tag_invalid", "union_tag_not_found"})
_KEY_ITSELF: Final = "[key]"
_LONGEST_SHOWN: Final = 60
#: Nobody reads more, and to look for what each was meant to be takes time.
MOST_TOLD: Final = 1_000
_LONG_QUOTE: Final = re.compile(rf"('[^']{{{_LONGEST_SHOWN}}})[^']+'")


class Spot(NamedTuple):
    """An error, and where in the tree its path leads."""

    error: Any
    """Type, loc, msg, ctx and input, as pydantic tells them."""
    path: KeyPath
    node: Node
    """The node at `path`, or the last one that exists on the way."""
    around: Shapes
    """What may stand one step before the end of `path`."""
    here: Shapes
    """What may stand at `path`."""
    branch: tuple[KeyPath, str] | None
    """The union and its alternative that the error comes from, if any."""


@cache
def _outline(model: type[BaseModel]) -> Outline:
    return Outline(model)


def explain(
    error: ValidationError, tree: Node, model: type[BaseModel], *, whole: bool = True
) -> list[Located]:
    """One finding for each thing wrong; of the alternatives of a union only the nearest is heard.

    A tree that is not `whole` may have more than is seen: only what is wrong with a value alone is told.
    """
    outline = _outline(model)
    errors = error.errors(include_url=False)
    told = [_spot(each, tree, outline) for each in errors[:MOST_TOLD]]
    spots = _without_echoes([spot for spot in told if whole or _stands_alone(spot)])
    unions: dict[KeyPath, dict[str, list[Spot]]] = {}
    findings = []
    if len(errors) > MOST_TOLD:
        findings.append(
            located(tree.mark, (), f"of {len(errors):,} problems the first {MOST_TOLD:,} are told")
        )
    for spot in spots:
        if spot.branch is None:
            findings.append(_tell(spot))
        else:
            union, label = spot.branch
            unions.setdefault(union, {}).setdefault(label, []).append(spot)
    for path, branches in unions.items():
        findings += _tell_union(path, list(branches.values()))
    return findings


def _without_echoes(spots: list[Spot]) -> list[Spot]:
    """Errors without those of lists that are too short only because of errors in their entries.

    Nor is a key missing that stands there misspelt.
    """
    deeper = {spot.path[:length] for spot in spots for length in range(len(spot.path))}
    meant = {
        (*spot.path[:-1], nearest(str(spot.path[-1]), keys(spot.around)))
        for spot in spots
        if spot.error["type"] == "extra_forbidden"
    }
    return [
        spot
        for spot in spots
        if not (spot.error["type"] == "too_short" and spot.path in deeper)
        and not (spot.error["type"] == "missing" and (*_parent(spot), spot.error["loc"][-1]) in meant)
    ]


def _stands_alone(spot: Spot) -> bool:
    """Whether an error is one of a value, whatever else may be declared."""
    of_whole = spot.error["type"] in {"scenario", "value_error"} and isinstance(
        spot.error["input"], dict | list
    )
    return spot.error["type"] not in _STRUCTURAL - {"extra_forbidden"} and not of_whole


def _spot(error: Any, tree: Node, outline: Outline) -> Spot:  # noqa: ANN401
    """Walk along the path of an error, stepping over what is no key: tags, names of alternatives."""
    path: KeyPath = ()
    around: Shapes = ()
    branch: tuple[KeyPath, str] | None = None
    node, here = tree, outline.top
    for step in error["loc"]:
        child = node.below(step)
        below = outline.below(here, step, present=child is not None)
        if tag := outline.tagged(here, step):
            here = tag
        elif child or below or isinstance(step, int):
            path, node, around, here = (*path, step), child or node, here, below
        elif step != _KEY_ITSELF:
            branch = branch or (path, str(step))
    return Spot(error, path, node, around, here, branch)


def _tell_union(path: KeyPath, branches: list[list[Spot]]) -> list[Located]:
    """The errors of the alternative that the author most likely meant; one line if it could be any."""
    deep = [spots for spots in branches if not all(_is_mismatch(spot, path) for spot in spots)]
    if deep:
        return [_tell(spot) for spot in min(deep, key=_strangeness)]
    first = branches[0][0]
    wanted = dict.fromkeys(_WANTED[spot.error["type"]] for spots in branches for spot in spots)
    return [located(first.node.told_at, path, _mismatch(list(wanted), first.error["input"]))]


def _is_mismatch(spot: Spot, path: KeyPath) -> bool:
    """Whether the whole value at `path` is of another type, so that nothing in it was looked at."""
    return spot.path == path and spot.error["type"] in _WANTED


def _strangeness(spots: list[Spot]) -> tuple[int, bool, int]:
    """Least for the alternative that the value fits best: the deeper its errors reach, the better."""
    depth = max(len(spot.error["loc"]) for spot in spots)
    return -depth, not any(spot.error["type"] in _STRUCTURAL for spot in spots), len(spots)


def _tell(spot: Spot) -> Located:
    kind, context = spot.error["type"], spot.error.get("ctx", {})
    found = spot.error["input"]
    if kind == "missing":
        return _missing(spot)
    if kind == "extra_forbidden":
        mark = spot.node.key or spot.node.mark
        return located(mark, spot.path, "unknown key", nearest(str(spot.path[-1]), keys(spot.around)))
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _wrong_tag(spot)
    if kind in {"literal_error", "enum"}:
        return _not_among(spot)
    if kind in _WANTED:
        message = _mismatch([_WANTED[kind]], found)
    elif kind in _BOUNDS:
        message = _BOUNDS[kind].format(found=_describe(found), **_in_words(context, found))
    elif kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        message = f"{_describe(found)} is not {_FORMS.get(pattern, f'of the form {pattern}')}"
    else:
        return _custom(spot)
    return located(_mark(spot), spot.path, message)


def _mark(spot: Spot) -> Mark:
    about_key = _KEY_ITSELF in spot.error["loc"]
    return (spot.node.key if about_key else None) or spot.node.told_at


def _custom(spot: Spot) -> Located:
    """What a validator of the model itself said, which may name a key below the declaration."""
    context = spot.error.get("ctx", {})
    message = _LONG_QUOTE.sub(r"\1…'", str(context.get("error") or spot.error["msg"]))
    if field := context.get("field"):
        # A key may itself hold a dot, as the name of a city does.
        steps = (field,) if spot.node.below(field) else tuple(field.split("."))
        return located(
            spot.node.nearest(steps).told_at, (*spot.path, *steps), message, context.get("suggestion")
        )
    message = re.sub("^Input should", "this should", message)
    return located(_mark(spot), spot.path, message, context.get("suggestion"))


def _parent(spot: Spot) -> KeyPath:
    """Where something is missing."""
    return spot.path[:-1] if spot.path[-1:] == (spot.error["loc"][-1],) else spot.path


def _missing(spot: Spot) -> Located:
    step = spot.error["loc"][-1]
    parent = _parent(spot)
    what = f"the key {step!r} is needed here" if isinstance(step, str) else f"entry {step} is missing here"
    return located(spot.node.told_at, parent, what)


def _wrong_tag(spot: Spot) -> Located:
    context = spot.error["ctx"]
    known = tags(spot.here)
    among = f"one of {', '.join(map(repr, known))}" if known else "see the list of kinds"
    key = context["discriminator"].strip("'")
    written = spot.node.below(key)
    if written is None:
        return located(spot.node.told_at, spot.path, f"the key {key!r} is needed here; {among}")
    at = (*spot.path, key)
    if isinstance(written.value, dict | list):
        return located(written.told_at, at, _mismatch(["text"], written.value))
    message = f"{key} {_describe(written.value)} is unknown; {among}"
    return located(written.mark, at, message, nearest(str(written.value), known))


def _not_among(spot: Spot) -> Located:
    expected = spot.error["ctx"]["expected"]
    names = re.findall("'([^']*)'", expected)
    found = spot.error["input"]
    verb = "is not one of" if len(names) > 1 else "must be"
    meant = nearest(found, names) if isinstance(found, str) else None
    return located(spot.node.told_at, spot.path, f"{_describe(found)} {verb} {expected}", meant)


def _mismatch(wanted: list[str], found: object) -> str:
    message = f"{' or '.join(wanted)} is needed, found {_describe(found)}"
    unquoted = isinstance(found, bool | int | Decimal) and "text" in wanted
    return f"{message}; put it in quotes" if unquoted else message


def _in_words(context: dict[str, Any], found: object) -> dict[str, Any]:
    """The bounds that something was beyond; those of a duration, which is counted in seconds, with a unit."""
    try:
        parse_duration(str(found))
    except ValueError:
        return context
    return {name: format_duration(int(value)) if name in _ENDS else value for name, value in context.items()}


def _describe(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


class Outline:
    """The keys of a model, to be walked from `top` downwards."""

    def __init__(self, model: type[BaseModel]) -> None:
        schema = model.model_json_schema()
        self._definitions: dict[str, Any] = schema.get("$defs", {})
        self.top = self._expand(schema)

    def _expand(self, schema: object) -> Shapes:
        if not isinstance(schema, dict):
            return ()
        if "$ref" in schema:
            return self._expand(self._definitions.get(schema["$ref"].rpartition("/")[2]))
        if "discriminator" in schema:
            return (schema,)
        parts = [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, ())]
        return tuple(shape for part in parts for shape in self._expand(part)) or (schema,)

    def tagged(self, shapes: Shapes, tag: str | int) -> Shapes:
        """The alternative that a tag such as `rtgs` chooses; nothing if it is no tag here."""
        for shape in shapes:
            mapping = shape.get("discriminator", {}).get("mapping", {})
            if tag in mapping:
                return self._expand({"$ref": mapping[tag]})
        return ()

    def below(self, shapes: Shapes, step: str | int, *, present: bool) -> Shapes:
        """What may stand under a key or at an index; a key of the user's own choosing must be `present`."""
        found = (schema for shape in shapes for schema in _children(shape, step, present=present))
        return tuple(shape for schema in found for shape in self._expand(schema))


def keys(shapes: Shapes) -> set[str]:
    """The declared keys of what may stand at a place."""
    return {key for shape in shapes for key in shape.get("properties", ())}


def tags(shapes: Shapes) -> list[str]:
    """The tags among which a place lets one choose, as `kind` does."""
    return sorted({tag for shape in shapes for tag in shape.get("discriminator", {}).get("mapping", ())})


def _children(shape: dict[str, Any], step: str | int, *, present: bool) -> Iterator[object]:
    if isinstance(step, int):
        entries = shape.get("prefixItems", [])
        yield entries[step] if 0 <= step < len(entries) else shape.get("items")
    elif step in shape.get("properties", {}):
        yield shape["properties"][step]
    elif present:
        yield from shape.get("patternProperties", {}).values()
        yield shape.get("additionalProperties")
