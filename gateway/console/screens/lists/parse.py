"""Reads a list that a browser sent, in the process that gateway/console/apart.py is.

Out comes our own JSON of the list (gateway/people/sync/file.py), which the worker reads again as it
would any list: nothing that this process says is believed unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from gateway.locale import LANGUAGES, Message, speaking
from gateway.people.sync import profile
from gateway.people.sync.file import parse, to_json
from gateway.people.sync.source import RowError, Source

SHOWN = 200
"""Mistakes that are told; the others are counted."""


def read(data: bytes, args: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The list in `data` as JSON, or what is wrong with it.

    `args` are ``name`` of the file, ``json`` and ``delta`` (whether it is one), ``levels``,
    ``zone``, and ``profile``, the values of an import profile or None.  The facts have ``errors``
    (line, column, words by language), ``wrong`` (how many) and ``absent`` columns.
    """
    source = Source(str(args["name"]), removals=[] if args["delta"] else None)
    how = profile.make(args["profile"]) if args["profile"] else None
    parse(
        data,
        source,
        json=bool(args["json"]),
        levels=args["levels"],
        zone=ZoneInfo(str(args["zone"])),
        profile=how,
    )
    facts: dict[str, Any] = {
        "errors": [told(error) for error in source.errors[:SHOWN]],
        "wrong": len(source.errors),
        "absent": sorted(source.absent),
    }
    return facts, b"" if source.errors else to_json(source).encode()


def told(error: RowError) -> dict[str, Any]:
    """A mistake as JSON."""
    return {"line": error.line, "column": error.column, "says": said(error.message)}


def said(message: Message | str) -> dict[str, str]:
    """A sentence in every language, because a page may be read in another than it was made in."""
    found = {}
    for language in LANGUAGES:
        with speaking(language):
            found[language] = str(message)
    return found
