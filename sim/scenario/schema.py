"""What an editor needs to know of a scenario as people write it: a complete one, a variant of another, or a change.

A complete scenario states every key that has no default. A variant, which `extends` another, may leave any of them out
at any depth, and `null` removes what it inherits; but an entry of a list is complete, since lists are replaced whole
or added to. So may a change, which says what it changes.
"""

from __future__ import annotations

from typing import Any, Final

from sim.scenario.model import Scenario

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PREFIX: Final = "#/$defs/"
_OF_A_VARIANT: Final = "variant "
_NULL: Final = {"type": "null"}
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
#: Bounds that the declarations state in pydantic's words.
_BOUNDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
#: By which a schema in a file is known to be ours.
MARK: Final = "of local-currency-settlement; written anew by `sim schema`"


def written_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of scenario files; whatever passes `sim validate` passes it."""
    complete = _in_words_of_json(Scenario.model_json_schema())
    definitions: dict[str, Any] = complete.pop("$defs")
    definitions["Scenario"] = complete
    variants = {f"{_OF_A_VARIANT}{name}": _variant(definition) for name, definition in definitions.items()}
    of_a_variant = variants[f"{_OF_A_VARIANT}Scenario"]
    # A key with dots in it is a path, whose parts are not looked at.
    of_a_variant["patternProperties"] = {r"^[^.]+\..": {}}
    change = {**of_a_variant, "title": "Change", "description": _CHANGE, "required": ["says"]}
    change["properties"] = {**of_a_variant["properties"], **_OF_A_CHANGE}
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
        return {
            _BOUNDS.get(key, key) if number else key: _in_words_of_json(part) for key, part in schema.items()
        }
    return [_in_words_of_json(part) for part in schema] if isinstance(schema, list) else schema


def _variant(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a part of a variant: nothing is needed, everything may be null, alternatives may look alike."""
    if "$ref" in schema:
        return {**schema, "$ref": schema["$ref"].replace(_PREFIX, f"{_PREFIX}{_OF_A_VARIANT}")}
    found = {key: value for key, value in schema.items() if key not in {"required", "oneOf", "discriminator"}}
    for key in ("properties", "patternProperties"):
        if key in schema:
            found[key] = {name: _or_null(below) for name, below in schema[key].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = _or_null(schema["additionalProperties"])
    if schema.get("properties", {}).get("fee") and "kind" in schema["properties"]:
        found["properties"]["after"] = _AFTER
    if schema.get("type") == "array":
        return {"anyOf": [schema, _adding(schema)]}
    alternatives = schema.get("anyOf", schema.get("oneOf"))
    if alternatives is not None:
        found["anyOf"] = [_variant(one) for one in alternatives]
    return found


def _adding(listed: dict[str, Any]) -> dict[str, Any]:
    """What stands for a list that adds to the inherited one."""
    return {
        "type": "object",
        "title": "More",
        "description": "Adds to the list that is inherited.",
        "properties": {"add": {**listed, "description": "The entries to be added."}},
        "required": ["add"],
        "additionalProperties": False,
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    told = {key: schema[key] for key in ("description", "title", "examples") if key in schema}
    return told | {"anyOf": [_variant(schema), _NULL]}
