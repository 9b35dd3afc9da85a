"""The fields of a JSON Schema as rows of a table: for the configuration and for MQTT alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

EACH = "*"
"""Stands in a path for the name that a site chooses: ``doors.*.mode``."""


@dataclass(frozen=True)
class Field:
    """One key.  `path` has `EACH` for a name of the site's own and ends in ``[]`` for each item of
    a list; `kind` is its type with its limits, in words."""

    path: tuple[str, ...]
    kind: str
    required: bool
    default: Any
    has_default: bool
    description: str
    schema: dict[str, Any]


def fields(schema: dict[str, Any]) -> Iterator[Field]:
    """Every key below an object's schema, each before what is inside it."""
    yield from _object(schema, schema, (), frozenset())


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """`schema` with what its `$ref` leads to; its own words win."""
    while "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _object(
    schema: dict[str, Any], root: dict[str, Any], path: tuple[str, ...], seen: frozenset[str]
) -> Iterator[Field]:
    required = set(schema.get("required", ()))
    for name, one in schema.get("properties", {}).items():
        yield from _one(one, root, (*path, name), seen, required=name in required)


def _one(
    given: dict[str, Any],
    root: dict[str, Any],
    path: tuple[str, ...],
    seen: frozenset[str],
    *,
    required: bool,
) -> Iterator[Field]:
    schema = resolved(given, root)
    yield Field(
        path=path,
        kind=kind(schema, root),
        required=required,
        default=schema.get("default"),
        has_default="default" in schema,
        description=schema.get("description", ""),
        schema=schema,
    )
    for way in _ways(schema, root):
        yield from _object(way, root, path, seen)
        if isinstance(way.get("additionalProperties"), dict):
            inside = resolved(way["additionalProperties"], root)
            for part in _ways(inside, root):
                if part.get("properties") or isinstance(part.get("additionalProperties"), dict):
                    yield from _object(part, root, (*path, EACH), seen)
        if way.get("type") == "array":
            item = resolved(way.get("items", {}), root)
            yield from _object(item, root, (*path[:-1], f"{path[-1]}[]"), seen)


def _ways(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema; itself if it has none."""
    some = schema.get("oneOf") or schema.get("anyOf")
    return [resolved(one, root) for one in some] if some else [schema]


def kind(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """The type of a value in words, with its limits."""
    schema = resolved(schema, root)
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return " or ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    if some := schema.get("oneOf") or schema.get("anyOf"):
        kinds = [kind(one, root) for one in some]
        return " or ".join(dict.fromkeys(one for one in kinds if one != "null"))
    types = schema.get("type", "any value")
    if isinstance(types, list):
        parts = [_plain({**schema, "type": one}, root) for one in types]
        return " or ".join(part if part != "null" else "null" for part in parts)
    return _plain(schema, root)


_WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false"}
_FORMATS = {"path": "path", "date": "date", "date-time": "time", "uri": "address"}


def _plain(schema: dict[str, Any], root: dict[str, Any]) -> str:
    name = schema.get("type", "any value")
    if name == "array":
        inner = kind(schema.get("items", {}), root)
        return f"list of {inner}"
    if name == "object":
        inside = schema.get("additionalProperties")
        if isinstance(inside, dict) and not schema.get("properties"):
            inner = resolved(inside, root)
            if not inner.get("properties"):
                return f"table of {kind(inner, root)}"
        return "table"
    if name in ("integer", "number"):
        return " ".join(filter(None, (_WORDS.get(name, name), _limits(schema))))
    return _FORMATS.get(schema.get("format", ""), _WORDS.get(name, name))


def _limits(schema: dict[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    low_text = f"{low:g}" if low is not None else f"above {above:g}" if above is not None else ""
    high_text = f"{high:g}" if high is not None else f"below {below:g}" if below is not None else ""
    if low_text and high_text:
        return f"{low_text} to {high_text}"
    return f"from {low_text}" if low is not None else low_text or (high_text and f"to {high_text}")
