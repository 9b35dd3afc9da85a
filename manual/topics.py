"""The reference of the MQTT messages, from the schemas that the tests hold a gateway against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.uplink import schemas
from manual.fields import EACH, Field, fields
from manual.text import code, plain, table

OPENING = """# MQTT messages

What the messages on each topic hold. This page is made from the JSON Schemas that
`garita mqtt schema` prints; the tests hold what a real gateway publishes against them. What the
topics are for and what a subscriber must do: [MQTT](mqtt.md).

`<base>` is `base_topic` of the configuration, `<gw>` the gateway's name; `*` in a field stands for
a name of the site's own, such as a door's."""


def page() -> str:
    """The page of all topics."""
    parts = [OPENING]
    for name in schemas.TOPICS:
        parts += _topic(name)
    return "\n\n".join(parts) + "\n"


def _topic(name: str) -> Iterator[str]:
    schema = schemas.schema(name)
    yield f"## {name}"
    yield f"`{schemas.TOPICS[name]}`"
    yield plain(f"{schema['title']}. {schema.get('description', '')}")
    if values := schema.get("enum"):
        yield "The message is one of " + ", ".join(code(value) for value in values) + "."
    if pattern := schema.get("pattern"):
        yield f"It has the form {code(pattern)}."
    if name == "replayed":
        yield "Each message is an [event](#events), or in the end:"
    yield from _tables(schema)


def _tables(schema: dict[str, Any]) -> Iterator[str]:
    ways = schema.get("oneOf") or [schema]
    for way in ways:
        if rows := [_row(field) for field in fields({**schema, **way}) if "$ref" not in way]:
            yield table(("field", "type", "meaning"), rows)
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part and "$id" not in part:
            yield f"### {name}\n\nWhat `data` holds in events of this kind:"
            yield table(
                ("field", "type", "meaning"),
                [_row(one) for one in fields({**part, "$defs": schema["$defs"]})],
            )


def _row(one: Field) -> tuple[str, str, str]:
    kind = plain(one.kind) if one.required else f"{plain(one.kind)}, may be missing"
    path = ".".join(part if part != EACH else "*" for part in one.path)
    return code(path), kind, plain(one.description)
