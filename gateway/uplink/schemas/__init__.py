"""What the messages on each topic look like: one JSON Schema (2020-12) a topic.

The tests hold what a real gateway publishes against them.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

TOPICS: dict[str, str] = {
    "status": "<base>/<gw>/status",
    "state": "<base>/<gw>/state",
    "instance": "<base>/<gw>/instance",
    "checkpoint": "<base>/<gw>/checkpoint",
    "cosigned": "<base>/<gw>/cosigned/<mirror>",
    "head": "<base>/<gw>/head",
    "events": "<base>/<gw>/events",
    "replay": "<base>/<gw>/replay",
    "replayed": "<base>/<gw>/replay/<id>",
    "command": "<base>/<gw>/command",
    "answer": "<base>/<gw>/command/answer",
    "bundle": "<base>/people/bundle/<n>",
    "discovery": "<home assistant>/device/garita-<gw>/config",
}
"""The name of each schema, and the topic whose messages it describes.  A message that is not JSON
is described as the string that it is."""


def schema(name: str) -> dict[str, Any]:
    """The schema of one topic, complete in itself; raises KeyError for an unknown name."""
    if name not in TOPICS:
        raise KeyError(name)
    file = resources.files(__name__) / f"{name}.schema.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if name == "replayed":
        # With an id of its own, its references stay within it (JSON Schema 2020-12, 9.3.1).
        found["$defs"]["event"] = {"$id": "urn:garita:schema:events", **schema("events")}
    return found


def text(name: str) -> str:
    """The same as JSON for a file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"
