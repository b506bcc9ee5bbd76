"""JSON schemas as short as they can be said: clients pay for them in every conversation."""

from __future__ import annotations

from typing import Any

NAMES = ("properties", "$defs")


def lean(schema: Any) -> Any:
    """Return an equal schema without generated titles and null defaults, nullable types short."""
    if isinstance(schema, list):
        return [lean(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    short = {
        key: {name: lean(each) for name, each in value.items()} if key in NAMES else lean(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }
    return _joined(short)


def _joined(schema: dict[str, Any]) -> dict[str, Any]:
    """Say ``anyOf: [{type: X, ...}, {type: null}]`` as ``type: [X, null], ...``."""
    match schema.get("anyOf"):
        case [{"type": str(kind), **rest}, {"type": "null"}] if "enum" not in rest:
            others = {key: value for key, value in schema.items() if key != "anyOf"}
            return {"type": [kind, "null"], **rest, **others}
    return schema
