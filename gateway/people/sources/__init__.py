"""Where lists come from beside a file by hand: HTTPS, SQL, LDAP, signed bundles.

`read()` gives the same `Source` whatever the kind, or None if nothing has changed since the last
time; SourceError says why there is no list, in words without a secret.  A source that hangs is
given up after its time-out.  What the list holds is judged by the same rules as a file.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar

from gateway.config import SourceTable
from gateway.locale import worded
from gateway.people.sources.errors import SourceError
from gateway.people.sync import profile
from gateway.people.sync.file import parse, read_people, to_json
from gateway.people.sync.header import OPTIONAL, good_header, read_header
from gateway.people.sync.rows import Row, collect
from gateway.people.sync.source import Source

__all__ = ["Asked", "Pulled", "SourceError", "read"]

MAX_PEOPLE = 1_000_000
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known when a source is asked: the levels of the policy, this gateway's name, the
    site's zone, whose signatures count, and the marks of the last list that was taken.

    With `again` that list is given once more, where "nothing has changed" would do otherwise.
    """

    levels: Collection[str]
    gateway: str
    zone: tzinfo
    trusted: Sequence[Path] = ()
    etag: str = ""
    serial: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """A list, or None: the source says that nothing has changed."""

    source: Source | None
    etag: str = ""


def read(name: str, table: SourceTable, asked: Asked) -> Pulled:
    """Ask a source for its list; raises SourceError."""
    if table.kind == "https":
        return _https(name, table, asked)
    if table.kind == "bundle":
        return _bundle(name, table, asked)
    if table.kind == "file":
        assert table.path is not None
        source = read_people(
            table.path, levels=asked.levels, zone=asked.zone, profile=_profile(table, asked)
        )
        source.name = name
        return Pulled(source)
    if table.kind == "sql":
        from gateway.people.sources import sql  # noqa: PLC0415 - an optional extra

        names, cells = _within(table.timeout_s, lambda: sql.fetch(table, MAX_PEOPLE))
        source = Source(name)
        names = read_header(names, source)
        if good_header(names, source):
            rows = ((n, dict(zip(names, row, strict=True))) for n, row in enumerate(cells, 1))
            collect(rows, source, asked.levels, asked.zone)
    else:
        from gateway.people.sources import ldap  # noqa: PLC0415 - an optional extra

        people: list[Row] = _within(table.timeout_s, lambda: ldap.fetch(table, MAX_PEOPLE))
        source = Source(name, absent=set(OPTIONAL).difference(table.attributes))
        collect(people, source, asked.levels, asked.zone)
    source.sha256 = hashlib.sha256(to_json(source).encode()).hexdigest()
    return Pulled(source)


def _profile(table: SourceTable, asked: Asked) -> profile.Profile | None:
    """The import profile of a source; raises SourceError if it can't be used."""
    if table.profile is None:
        return None
    try:
        return profile.load(table.profile, asked.levels)
    except profile.ProfileError as error:
        raise SourceError(*error.args) from error


def _https(name: str, table: SourceTable, asked: Asked) -> Pulled:
    from gateway.people.sources import https  # noqa: PLC0415 - only when it is used

    answer = _within(table.timeout_s, lambda: https.fetch(table, asked.etag))
    if answer is None:
        return Pulled(None, asked.etag)
    source = Source(name)
    parse(
        answer.body,
        source,
        json=answer.json,
        levels=asked.levels,
        zone=asked.zone,
        profile=_profile(table, asked),
    )
    return Pulled(source, answer.etag)


def _bundle(name: str, table: SourceTable, asked: Asked) -> Pulled:
    from gateway.people.sources import bundle  # noqa: PLC0415 - only when it is used

    assert table.path is not None
    keys = [bundle.load_public(path) for path in asked.trusted]
    found = bundle.open_file(table.path, keys, max_bytes=table.max_mb << 20)
    found.check(gateway=asked.gateway, after=asked.serial)
    if found.header.serial == asked.serial and not asked.again:
        return Pulled(None)
    source = Source(name, serial=found.header.serial)
    parse(
        found.body, source, json=found.header.format == "json", levels=asked.levels, zone=asked.zone
    )
    source.generated_at = found.header.generated_at
    return Pulled(source)


def _within(seconds: float, work: Callable[[], Result]) -> Result:
    """The result of `work`, or SourceError when it takes too long: a server that sends a byte
    now and then keeps every time-out of a socket happy."""
    done: list[Any] = []

    def run() -> None:
        try:
            done.append((True, work()))
        except BaseException as error:
            done.append((False, error))

    thread = threading.Thread(target=run, name="source", daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise SourceError(worded("no whole answer within {seconds:g} s", seconds=seconds))
    good, result = done[0]
    if not good:
        raise result
    found: Result = result
    return found
