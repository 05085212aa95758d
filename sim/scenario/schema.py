"""What an editor needs to know of a scenario as people write it: a complete one, a variant of another, or a change.

A complete scenario states every key that has no default. A variant, which `extends` another, may leave any of them out
at any depth, and `null` removes what it inherits; but a list is complete, with all its entries, unless entries are
added or changed by their number. So may a change, which says what it changes. Either may have paths as keys at the top.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sim.scenario.changes import OF_SCENARIOS
from sim.scenario.model import Scenario
from sim.scenario.paths import ADD

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PREFIX: Final = "#/$defs/"
_OF_A_VARIANT: Final = "variant "
_AT_PATH: Final = "at path "
_NULL: Final = {"type": "null"}
#: Keys that say what a file is; nothing is removed by them.
_NEVER_NULL: Final = ("name", "extends", "changes", "differs_in")
#: A key of the author's own in a path, and the number of an entry.
_NAMED: Final = r"\.(?![0-9]+(\.|\[|$))[^.\[\]]+"
_NUMBERED: Final = r"(\.[0-9]+|\.\*|\[[0-9]+\])"
_CHANGE: Final = "One named difference, which scenarios list under `changes`."
#: What a change says about itself, and where a new step stands.
_OF_A_CHANGE: Final = {
    "says": {"type": "string", "description": "The sentence that says what it changes."},
    "require": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Paths or library names of the changes without which it cannot be made.",
    },
}
_AFTER: Final = {
    "type": ["string", "integer"],
    "description": "The step behind which this one, which is new, stands: by its name, kind or number.",
}
#: What a schema says to people only.
_TELLING: Final = frozenset({"title", "description", "default", "examples"})
_UNDERSCORED: Final = r"^[-+]?[0-9]+(_[0-9]+)+(\.[0-9_]*)?([eE][-+]?[0-9]+)?$"
#: Bounds that the declarations state in pydantic's words.
_BOUNDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
#: By which a schema in a file is known to be ours.
MARK: Final = "of local-currency-settlement; written anew by `sim schema`"


def written_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of scenario files.

    Whatever passes `sim validate` passes it, but for numbers in quotes.
    """
    complete = _in_words_of_json(Scenario.model_json_schema())
    definitions: dict[str, Any] = complete.pop("$defs")
    definitions["Scenario"] = complete
    variants = {f"{_OF_A_VARIANT}{name}": _variant(definition) for name, definition in definitions.items()}
    of_a_variant = variants[f"{_OF_A_VARIANT}Scenario"]
    of_a_variant["properties"] |= {key: complete["properties"][key] for key in _NEVER_NULL}
    of_a_variant["required"] = ["name"]
    of_a_variant["patternProperties"] = {}
    shared: dict[str, str] = {}
    for pattern, found in _Paths(definitions).of(complete).items():
        name = shared.setdefault(repr(found), f"{_AT_PATH}{len(shared)}")
        variants[name] = {"anyOf": [*found, _NULL]}
        of_a_variant["patternProperties"][pattern] = {"$ref": f"{_PREFIX}{name}"}
    # It says of itself that it is one, and something besides.
    change = {
        **of_a_variant,
        "title": "Change",
        "description": _CHANGE,
        "required": ["says"],
        "minProperties": 2,
    }
    stated = {key: found for key, found in of_a_variant["properties"].items() if key not in OF_SCENARIOS}
    change["properties"] = stated | _OF_A_CHANGE
    definitions["Change"] = change
    return {
        "$schema": _DIALECT,
        "$comment": MARK,
        "title": "Scenario",
        "description": complete.get("description", ""),
        "type": "object",
        "if": {"required": ["says"]},
        "then": {"$ref": f"{_PREFIX}Change"},
        "else": {
            "if": {"required": ["extends"]},
            "then": {"$ref": f"{_PREFIX}{_OF_A_VARIANT}Scenario"},
            "else": {"$ref": f"{_PREFIX}Scenario"},
        },
        "$defs": definitions | variants,
    }


def _in_words_of_json(schema: Any) -> Any:  # noqa: ANN401 - a tree of JSON
    if isinstance(schema, dict):
        number = schema.get("type") in {"number", "integer"}
        words = {
            _BOUNDS.get(key, key) if number else key: _in_words_of_json(part) for key, part in schema.items()
        }
        if number:
            # Underscores between digits make it text for editors, though not for us.
            words |= {"type": [schema["type"], "string"], "pattern": _UNDERSCORED}
        if "patternProperties" in words:
            words.setdefault("additionalProperties", False)
        return words
    return [_in_words_of_json(part) for part in schema] if isinstance(schema, list) else schema


def _variant(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a part of a variant: nothing is needed, everything may be null, alternatives may look alike."""
    if "$ref" in schema:
        return {**schema, "$ref": schema["$ref"].replace(_PREFIX, f"{_PREFIX}{_OF_A_VARIANT}")}
    found = {key: value for key, value in schema.items() if key not in {"required", "oneOf", "discriminator"}}
    for key in ("properties", "patternProperties"):
        if key in schema:
            found[key] = {name: _or_null(below) for name, below in schema[key].items()}
    if "patternProperties" in found:
        found["patternProperties"][r"^\*$"] = next(iter(found["patternProperties"].values()))
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = _or_null(schema["additionalProperties"])
    if schema.get("properties", {}).get("fee") and "kind" in schema["properties"]:
        found["properties"]["after"] = _AFTER
    if schema.get("type") == "array":
        return {"anyOf": [schema, _editing(schema)]}
    alternatives = schema.get("anyOf", schema.get("oneOf"))
    if alternatives is not None:
        found["anyOf"] = [_variant(one) for one in alternatives]
    return found


def _editing(listed: dict[str, Any]) -> dict[str, Any]:
    """What stands for a list that adds to the inherited one, or changes entries of it."""
    entry = _or_null(_entry(listed))
    return {
        "type": "object",
        "title": "More, or other",
        "description": "Adds to the list that is inherited, or changes entries by their number, from 0.",
        "properties": {"add": {**listed, "description": "The entries to be added."}},
        "patternProperties": {r"^([0-9]+|\*)$": entry},
        "minProperties": 1,
        "additionalProperties": False,
    }


def _entry(listed: dict[str, Any]) -> dict[str, Any]:
    return listed.get("items") or {"anyOf": listed.get("prefixItems", [{}])}


class _Paths:
    """What may stand in a variant at each path that is written as one key, with dots in it."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self._found: dict[str, dict[str, list[dict[str, Any]]]] = {}
        """By what leads to a place, and by the last step."""

    def of(self, scenario: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Alternatives by the pattern of their paths; a declaration is not looked for inside itself."""
        for key, below in scenario["properties"].items():
            if key not in OF_SCENARIOS:
                self._walk(below, re.escape(key), frozenset())
        # Patterns cost time, so that those of places alike are one.
        alike: dict[tuple[str, str], list[str]] = {}
        meaning: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for path, places in self._found.items():
            by_meaning: dict[str, list[str]] = {}
            for step, found in places.items():
                by_meaning.setdefault(repr(found), []).append(step)
            for told, steps in by_meaning.items():
                same = ("|".join(steps), told)
                alike.setdefault(same, []).append(path)
                meaning[same] = places[steps[0]]
        return {f"^({'|'.join(paths)})({same[0]})$": meaning[same] for same, paths in alike.items()}

    def _walk(
        self,
        schema: dict[str, Any],
        path: str,
        inside: frozenset[str],
        declared: frozenset[str] = frozenset(),
    ) -> None:
        """Note what is below a place; keys that are `declared` by one of its alternatives are no names in another."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(_PREFIX)
            if name not in inside:
                self._walk(self._definitions[name], path, inside | {name}, declared)
            return
        alternatives = schema.get("anyOf", schema.get("oneOf", []))
        keys = declared.union(*(self._keys(one) for one in alternatives))
        for one in alternatives:
            self._walk(one, path, inside, keys)
        if schema.get("type") == "array":
            self._note(path, rf"\.{ADD}", schema)
        for step, below in _steps(schema):
            told = _but(declared) + step if step == _NAMED and declared else step
            self._note(path, told, _variant(below))
            self._walk(below, path + told, inside)

    def _keys(self, schema: dict[str, Any]) -> set[str]:
        """The keys that an alternative declares."""
        found = self._definitions[schema["$ref"].removeprefix(_PREFIX)] if "$ref" in schema else schema
        return set(found.get("properties", {}))

    def _note(self, path: str, step: str, schema: dict[str, Any]) -> None:
        alternatives = self._found.setdefault(path, {}).setdefault(step, [])
        plain = {key: part for key, part in schema.items() if key not in _TELLING}
        if plain not in alternatives:
            alternatives.append(plain)


def _steps(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The patterns of steps that lead from a place to what is below it."""
    for key, below in schema.get("properties", {}).items():
        yield rf"\.({re.escape(key)}|\*)", below
    for below in (*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")):
        if isinstance(below, dict):
            yield _NAMED, below
    if schema.get("type") == "array":
        yield _NUMBERED, _entry(schema)


def _but(keys: frozenset[str]) -> str:
    """A look ahead at a step that is none of these keys."""
    return rf"(?!\.({'|'.join(sorted(map(re.escape, keys)))})(\.|\[|$))"


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    told = {key: schema[key] for key in ("description", "title", "examples") if key in schema}
    return told | {"anyOf": [_variant(schema), _NULL]}
