"""Whether this program can take over the gate: asked before it does.

Each look yields findings, as `garita selftest` does.  Nothing of the site's is written: a list of
an older schema is brought up in a copy, so that a migration which would fail fails here.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from gateway.config import Settings
from gateway.decide.model import Credential
from gateway.ledger import LedgerReader, LedgerUnavailable, chain
from gateway.locale import N_, worded
from gateway.people import Roster, RosterUnavailable
from gateway.selftest.finding import Finding, bad, good, unknown
from gateway.upgrade.databases import Database, databases, list_of
from gateway.vault.copies import CopyError, check_room, needed

TAIL = 1000
"""So many of the newest records are read and held against their hashes."""


def check(settings: Settings) -> Iterator[Finding]:
    """Everything that a new program needs: databases that it can bring up, room for it, a log that
    it reads.  (Whoever has `settings` has a configuration that it takes.)"""
    try:
        found = databases(settings)
    except (sqlite3.Error, OSError) as error:
        yield bad("databases", N_("databases"), str(error))
        found = []
    for one in found:
        yield schema(one)
    yield from room(settings, [one for one in found if one.changes])
    yield from people(settings)
    yield from log(settings)


def schema(one: Database) -> Finding:
    """The schema version of one database."""
    facts = {"name": one.path.name, "found": one.found, "wanted": one.wanted}
    if one.newer:
        said = worded(
            "{name} has schema {found}, and this program knows {wanted}: a newer one made it "
            "(garita upgrade --undo of that one goes back)",
            **facts,
        )
        return bad("schema", N_("schema"), said)
    if one.changes:
        said = worded(
            "{name}: schema {found} becomes {wanted}, after a copy of what is there", **facts
        )
        return good("schema", N_("schema"), said)
    return good("schema", N_("schema"), worded("{name}: schema {found}", **facts))


def room(settings: Settings, changing: list[Database]) -> Iterator[Finding]:
    """Whether the disk has room for the copies."""
    folder = settings.tables.site.data_dir
    if not folder.is_dir():
        yield unknown("space", N_("space"), worded("{path} is not there yet", path=folder))
        return
    wanted = sum(needed(one.path) for one in changing)
    try:
        for one in changing:
            check_room(one.path)
    except CopyError as error:
        yield bad("space", N_("space"), str(error))
        return
    free = shutil.disk_usage(folder).free
    said = worded(
        "{free} MB free; the copies and changes take {wanted} MB",
        free=free // 1_000_000,
        wanted=-(-wanted // 1_000_000),
    )
    yield (good if free > wanted else bad)("space", N_("space"), said)


def people(settings: Settings) -> Iterator[Finding]:
    """Whether the list can be brought up and read; tried on a copy if it has to change."""
    path = settings.people_path
    if not path.exists():
        yield unknown("people", N_("list"), worded("no list yet"))
        return
    try:
        with list_of(path) as current, closing(Roster(current)) as roster:
            version = roster.version()
            roster.find(Credential("check", "", "0"))  # as a badge would be looked up
        total = version.total if version else 0
        said = worded("{name} is read by this program: {total} people", name=path.name, total=total)
        yield good("people", N_("list"), said)
    except (RosterUnavailable, OSError) as error:
        yield bad("people", N_("list"), str(error))


def log(settings: Settings) -> Iterator[Finding]:
    """Whether the newest records can be read and fit their hashes."""
    path = settings.ledger_path
    if not path.exists():
        yield unknown("log", N_("log"), worded("no log yet"))
        return
    try:
        with closing(LedgerReader(path)) as records:
            last = records.last_seq
            broken = tail(records, last)
    except LedgerUnavailable as error:
        yield bad("log", N_("log"), str(error))
        return
    if broken:
        said = worded(
            "record {seq} or its link was changed: `garita log verify` says more", seq=broken
        )
        yield bad("log", N_("log"), said)
        return
    yield good("log", N_("log"), worded("{count} records; the newest fit their hashes", count=last))


def tail(records: LedgerReader, last: int, count: int = TAIL) -> int:
    """The first of the newest `count` records that does not fit its hash or the one before; 0 if
    all do.  Raises LedgerUnavailable."""
    for kept in records.between(max(2, last - count + 1), last):
        if kept.redacted is None and not chain.fits(kept.prev, kept.seq, kept.body, kept.hash):
            return kept.seq
    return 0
