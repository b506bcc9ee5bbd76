"""JSON schemas as short as they can be said: clients pay for them in every conversation."""

from __future__ import annotations

from typing import Any

NAMES = ("properties", "$defs")
BINDING = ("description", "default", "additionalProperties", "minItems", "maxItems", "prefixItems")


def lean(schema: Any) -> Any:
    """Return an equal schema without generated titles and null defaults."""
    if isinstance(schema, list):
        return [lean(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: lean(each) for name, each in value.items()} if key in NAMES else lean(value)
        for key, value in schema.items()
        if key not in ("title", "discriminator") and not (key == "default" and value is None)
    }


def argument_outline(schema: Any) -> Any:
    """Return a stricter schema of arguments: what may be null is left out instead.

    That is shorter, and clients that map schemas to other dialects know one type an argument.
    """
    if isinstance(schema, list):
        return [argument_outline(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    short = {key: argument_outline(value) for key, value in schema.items()}
    branches = [each for each in short.pop("anyOf", ()) if each != {"type": "null"}]
    if len(branches) > 1:
        return {"anyOf": branches, **short}
    return {**(branches[0] if branches else {}), **short}


def result_outline(schema: dict[str, Any]) -> dict[str, Any]:
    """Return :func:`outline` without the definitions that nothing refers to any more."""
    short = outline(schema)
    defined = short.pop("$defs", {})
    said = str(short)
    used = {name: each for name, each in defined.items() if f"#/$defs/{name}'" in said}
    return {**short, "$defs": used} if used else short


def outline(schema: Any) -> Any:
    """Return a looser schema of results: names and types, details of lists but not of objects."""
    if isinstance(schema, list):
        return [outline(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    short = {
        key: {name: _named(outline(each)) for name, each in value.items()}
        if key in NAMES
        else outline(value)
        for key, value in schema.items()
        if key not in BINDING
    }
    branches = short.pop("anyOf", None)
    if branches is None:
        return short
    return {**short, "type": sorted({kind for branch in branches for kind in _kinds(branch)})}


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object"} if "$ref" in schema else schema


def _kinds(schema: dict[str, Any]) -> list[str]:
    kind = schema.get("type", "object")
    return kind if isinstance(kind, list) else [kind]
