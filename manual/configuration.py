"""The configuration's reference (docs/configuration.md) and its JSON Schema, from the settings' own
tables: `python -m manual.configuration` writes both, `--check` says whether they are current.

Types, limits and defaults are those of the pydantic tables.  A key is explained in one place: by
its comment in config/garita.toml, or, if the example has no line for it, by the string below it in
the table's class.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway.config.tables import Tables
from gateway.desk.freight.findings import CODES
from manual.comments import comments
from manual.docstrings import attributes
from manual.fields import EACH, Field, fields, resolved
from manual.stage import ROOT
from manual.text import code, plain, table

EXAMPLE = ROOT / "config" / "garita.toml"
PAGE = ROOT / "docs" / "configuration.md"
SCHEMA = ROOT / "config" / "garita.schema.json"
UNITS = {
    "_ms": "ms", "_s": "s", "_min": "min", "_minutes": "min", "_h": "h", "_days": "days",
    "_months": "months", "_mb": "MB", "_px": "pixels", "_percent": "%",
}  # fmt: skip
OPENING = """# Configuration reference

Every key of `garita.toml`, made from the program's own tables by
`python -m manual.configuration`. [config/garita.toml](../config/garita.toml) is an example of the
whole file, and [config/one-door.toml](../config/one-door.toml) a short one to begin with.
`garita check` names every mistake with line, key and reason. `*` stands for a name that the site
chooses.

**In an editor**: `garita config schema` prints all this as JSON Schema. Editors that know Taplo
(Even Better TOML in VS Code) complete and check the file if its first line names the schema:

```sh
garita config schema >garita.schema.json   # beside garita.toml
```

```toml
#:schema garita.schema.json
```
"""


def described() -> dict[str, Any]:
    """The JSON Schema of `garita.toml` with the words of each key."""
    schema = Tables.model_json_schema(by_alias=True)
    for name, model in _models(Tables).items():
        strings = attributes(model)
        part = schema if model is Tables else schema["$defs"][name]
        for field, info in model.model_fields.items():
            key = info.alias or field
            if text := strings.get(field):
                part["properties"][key]["description"] = text
        if model.__doc__ and "description" in part:
            part["description"] = " ".join(model.__doc__.split("\n\n")[0].split())
    policy = schema["$defs"]["FreightPolicyTable"]["properties"]
    for key, one in policy.items():
        one["description"] = CODES[key].text
    words = comments(EXAMPLE.read_text("utf-8"), schema)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Garita's configuration",
        **_spelled(schema, schema, (), words),
    }


def _models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Every table class that the file may hold, by its name."""
    found: dict[str, type[BaseModel]] = {}

    def visit(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind.__name__ in found:
                return
            found[kind.__name__] = kind
            for info in kind.model_fields.values():
                visit(info.annotation)
        for argument in getattr(kind, "__args__", ()):
            visit(argument)

    visit(model)
    return found


def _spelled(
    schema: dict[str, Any],
    root: dict[str, Any],
    path: tuple[str, ...],
    words: dict[tuple[str, ...], str],
) -> dict[str, Any]:
    """`schema` without references: one table means different things in different places."""
    schema = resolved(schema, root)
    made = {key: value for key, value in schema.items() if key not in ("$defs", "title")}
    if path in words:
        made["description"] = words[path]
    if "properties" in schema:
        made["properties"] = {
            name: _spelled(one, root, (*path, name), words)
            for name, one in schema["properties"].items()
        }
    if isinstance(schema.get("additionalProperties"), dict):
        inside = schema["additionalProperties"]
        made["additionalProperties"] = _spelled(inside, root, (*path, EACH), words)
    if "propertyNames" in schema:
        made["propertyNames"] = _spelled(schema["propertyNames"], root, ("",), {})
        made["propertyNames"].pop("description", None)
    if "items" in schema:
        at = (*path[:-1], f"{path[-1]}[]")
        made["items"] = _spelled(schema["items"], root, at, words)
    if "anyOf" in schema:  # TOML has no null
        some = [one for one in schema["anyOf"] if one.get("type") != "null"]
        ways = [_spelled(one, root, path, words) for one in some]
        made.pop("anyOf")
        if made.get("default", "") is None:
            made.pop("default")
        made = {**ways[0], **made} if len(ways) == 1 else {**made, "anyOf": ways}
    return made


def page(schema: dict[str, Any]) -> str:
    """docs/configuration.md."""
    parts = [OPENING]
    for name, one in schema["properties"].items():
        parts += _table(name, one)
    return "\n".join(parts)


def _table(name: str, schema: dict[str, Any]) -> Iterator[str]:
    many = schema.get("type") == "array"
    named = isinstance(schema.get("additionalProperties"), dict)
    yield f"## {name}\n"
    head = (
        f"[[{name}]]" if many else f"[{name}.NAME]" if named and not _flat(schema) else f"[{name}]"
    )
    yield f"`{head}`" + (", at least one." if name in ("readers", "locks", "doors") else "") + "\n"
    if text := schema.get("description"):
        yield f"{plain(text)}\n"
    whole = {"properties": {name: schema}}
    rows = [_row(one) for one in fields(whole) if len(one.path) > 1 or "[]" in one.path[0]]
    if _flat(schema):
        rows.append((code(EACH), plain(_kind(schema)), "", ""))
    yield table(("key", "type", "default", "meaning"), rows)


def _flat(schema: dict[str, Any]) -> bool:
    inside = schema.get("additionalProperties")
    return isinstance(inside, dict) and "properties" not in inside


def _kind(schema: dict[str, Any]) -> str:
    return " or ".join(json.dumps(one) for one in schema["additionalProperties"].get("enum", ()))


def _row(one: Field) -> tuple[str, str, str, str]:
    path = [part for part in one.path[1:] if part != EACH or len(one.path) > 3]
    name = ".".join(path[1:] if path and path[0] == EACH else path)
    unit = next((word for end, word in UNITS.items() if one.path[-1].endswith(end)), "")
    default = "needed" if one.required else _default(one.default)
    kind = one.kind.replace(" or ", ", ") if '"' in one.kind else one.kind
    return code(name), plain(f"{kind} {unit}".strip()), default, plain(one.description)


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return ""
    return code(json.dumps(value, ensure_ascii=False))


def unexplained(schema: dict[str, Any]) -> list[str]:
    """Keys that hold a value and have no word of explanation."""
    return [
        ".".join(one.path)
        for one in fields(schema)
        if not one.description and not one.kind.startswith(("table", "list of table"))
    ]


def files() -> dict[Path, str]:
    """What belongs into the two files."""
    schema = described()
    return {
        PAGE: page(schema),
        SCHEMA: json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
    }


def main(arguments: list[str]) -> int:
    made = files()
    old = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if arguments == ["--check"]:
        for path in old:
            name = path.relative_to(ROOT)
            print(f"{name} is old: python -m manual.configuration", file=sys.stderr)
        return 1 if old else 0
    for path in old:
        path.write_text(made[path], encoding="utf-8")
    for name in unexplained(described()):
        print(f"{name}: config/garita.toml does not explain it", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
