"""What the comments of config/garita.toml say of each key: the one place where keys are explained.

A line that is commented out counts like any other.  A comment goes on in the lines below it that
hold nothing but a comment further to the right.
"""

from __future__ import annotations

import re
from typing import Any

from manual.fields import EACH, resolved

_HEADER = re.compile(r"\[{1,2}(?P<path>[\w.-]+)\]{1,2}(?:\s+# (?P<says>.+))?$")
_KEY = re.compile(r"(?P<path>[a-z][\w.]*) = (?P<value>.+?)(?:\s+# (?P<says>.+))?$")
_MORE = re.compile(r"\s{12,}# (?P<says>.+)$")


def comments(text: str, schema: dict[str, Any]) -> dict[tuple[str, ...], str]:
    """The comment of each key of the TOML `text`, by its path in `schema`.  The first that says
    something wins; headers count as the key of their table."""
    found: dict[tuple[str, ...], str] = {}
    table: tuple[str, ...] = ()
    last: tuple[str, ...] | None = None
    for line in text.splitlines():
        bare = re.sub(r"^#( |$)", "", line) if not _MORE.match(line) else line
        if (more := _MORE.match(bare)) and last is not None:
            found[last] = f"{found.get(last, '')} {more['says']}".strip()
            continue
        last = None
        if header := _HEADER.match(bare):
            table = _path(header["path"].split("."), schema)
            last = _take(found, table, header["says"])
        elif key := _KEY.match(bare):
            last = _take(found, _path([*table, *key["path"].split(".")], schema), key["says"])
    return found


def _take(
    found: dict[tuple[str, ...], str], path: tuple[str, ...], says: str | None
) -> tuple[str, ...] | None:
    if not says or path in found:
        return None
    found[path] = says
    return path


def _path(names: list[str], schema: dict[str, Any]) -> tuple[str, ...]:
    """A path of the file as a path of the schema: names of the site's own become `EACH`."""
    path: list[str] = []
    here = schema
    for given in names:
        name = given.removesuffix("[]")
        here = _inside(here, schema)
        properties = here.get("properties", {})
        if name in properties:
            path.append(name)
            here = resolved(properties[name], schema)
        elif isinstance(here.get("additionalProperties"), dict):
            path.append(EACH)
            here = resolved(here["additionalProperties"], schema)
        else:
            path.append(name)  # an option of a driver, which no schema knows
            here = {}
        if here.get("type") == "array":
            item = resolved(here.get("items", {}), schema)
            if item.get("properties"):
                path[-1] = f"{path[-1]}[]"
                here = item
    return tuple(path)


def _inside(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    for one in schema.get("anyOf", ()):
        if "$ref" in one or one.get("type") == "object":
            return resolved(one, root)
    return schema
