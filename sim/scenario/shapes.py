"""The JSON Schema of a model tells which keys stand where, and so what a step of an error's path means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

#: What may stand at one place: the alternatives of a union, or one schema.
Shapes: TypeAlias = tuple[dict[str, Any], ...]


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
