"""A verified copy of the personnel list in force, which takes over when people.db is damaged.

The copy is one file in the folder ``list-copy`` with its SHA-256 beside it.  SQLite's online backup
makes it from one version of the list, slowly, so that the log keeps the disk.

`take_over` puts the copy in the place of the damaged file.  Before that it takes away from it what
the log says was taken from people since the copy was made, so that nobody passes by it who lost
their access: whoever a later list changed or removed is suspended until a list is applied again.
It gives nothing back that was given since.  Acts that can still be read in the damaged file's
outbox go into the new one.

Everything here waits for the disk; standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gateway.decide.model import Credential
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.locale import GaritaError, worded
from gateway.people.lookup import SCHEMA_VERSION, RosterUnavailable
from gateway.people.schema import mark_all, open_admin
from gateway.vault.databases import damage_of
from gateway.vault.files import adopt, new_file, sync_folder
from gateway.vault.statefile import StateFile, json_object, put_aside

PAGES = 256
"""So many pages (1 MB) are copied between two pauses."""
PAUSE_S = 0.02
SPARE = 64_000_000
"""Bytes that stay free beside a copy: the log goes on meanwhile."""
_PIECE = 1 << 20


class NoCopy(GaritaError):
    """There is no copy that may take over; the message says why."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy: the name of its file, its SHA-256 (hex) and size, of which list version it is, when
    it was last known to be the list in force (Unix time), the log's newest record then, and the
    mark of the file that it was made of."""

    file: str
    sha256: str
    bytes: int
    version: int
    as_of: float
    seq: int
    hash: str
    mark: str


@dataclass(frozen=True, slots=True)
class Standin:
    """A copy is in force: of when it is (Unix time), which list version it has, and which file it
    is (device and inode)."""

    as_of: float
    version: int
    inode: str


def _record(kind: type[Any]) -> Callable[[bytes], Any]:
    def parse(raw: bytes) -> Any:
        held = json_object(raw)
        return kind(**{field.name: held[field.name] for field in fields(kind)})

    return parse


class ListCopy:
    """The copy of the list at `people`, in the folder ``list-copy`` beside it."""

    def __init__(self, people: Path) -> None:
        self.people = people
        self.folder = people.parent / "list-copy"
        self._about: StateFile[Copy] = StateFile(self.folder / "about.json", _record(Copy))
        self._standin: StateFile[Standin] = StateFile(
            self.folder / "in-force.json", _record(Standin)
        )

    def about(self) -> Copy | None:
        """What is known of the copy; None if there is none.  Raises OSError."""
        return self._about.read().value

    def confirm(self, copy: Copy, as_of: float) -> Copy:
        """Note that the list in force is still what `copy` holds; raises OSError."""
        fresh = Copy(**{**asdict(copy), "as_of": as_of})
        self._about.write(json.dumps(asdict(fresh)).encode())
        return fresh

    def standin(self) -> Standin | None:
        """The copy that is in force; None if the list itself is: another file has taken the place
        of people.db, or a list was applied.  Raises OSError.

        If that can't be read, a copy is in force and nobody knows of when: `as_of` is 0.
        """
        kept = self._standin.read()
        if kept.missing:
            return None
        found = kept.value or Standin(0.0, -1, _inode(self.people))
        if found.inode != _inode(self.people):
            return None
        try:
            newer = found.version >= 0 and _version(self.people) > found.version
        except sqlite3.Error:
            newer = False
        return None if newer else found

    def settle(self) -> None:
        """Forget that a copy was in force; raises OSError."""
        for path in (self._standin.path, self._standin.previous):
            path.unlink(missing_ok=True)

    def make(
        self, records: LedgerReader, now: float, ending: Callable[[], bool] = lambda: False
    ) -> Copy:
        """Make a new copy; the one before goes when this one is durable.  It is given up when
        `ending` says so.

        Raises RosterUnavailable if the list or the copy is not whole, NoCopy without room,
        LedgerUnavailable, and OSError.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        adopt(self.folder)
        mark = mark_of(self.people)
        size = sum(_size(Path(f"{self.people}{more}")) for more in ("", "-wal"))
        if shutil.disk_usage(self.folder).free < size + SPARE:
            raise NoCopy(worded("there is no room for a copy of the list"))
        # Before the copy: what the log says from here on may be missing in it.
        newest = records.get(records.last_seq)
        if newest is None:
            raise NoCopy(worded("the log is empty"))
        to = self.folder / f"people-{os.urandom(4).hex()}.db"
        with new_file(to, mode=0o600) as part:
            try:
                version = _copy_slowly(self.people, part, ending)
            except sqlite3.Error as error:
                raise RosterUnavailable(f"{self.people.name}: {error}") from error
            if why := inspect(part, deep=True):
                raise RosterUnavailable(
                    worded("the copy {name} is not good: {why}", name=to.name, why=why)
                )
            digest = _digest(part)
        made = Copy(to.name, digest, to.stat().st_size, version, now, newest.seq, newest.hash, mark)
        self._about.write(json.dumps(asdict(made)).encode())
        for path in self.folder.glob("people-*.db*"):
            if path.name != to.name:
                path.unlink(missing_ok=True)
        return made

    def take_over(
        self, records: LedgerReader, *, now: float, max_age_s: float, as_of: float = 0.0
    ) -> tuple[Standin, str, int]:
        """Put the copy in the place of the damaged list.

        `as_of` is when the copy was last known to be the list in force, if that is known better
        than its own note says.  Returns what is in force now, under which name the damaged file was
        put aside, and how many acts of its outbox could be saved.  Raises NoCopy, RosterUnavailable
        and OSError; then the damaged file is where it was.
        """
        copy = self._verified(records)
        since = max(copy.as_of, as_of)
        if now - since > max_age_s:
            raise NoCopy(worded("the copy of the list is too old"))
        stage = self.people.with_name(f".{self.people.name}.{os.urandom(8).hex()}.part")
        try:
            shutil.copyfile(self.folder / copy.file, stage)
            stage.chmod(0o660)
            adopt(stage)
            with closing(open_admin(stage)) as db:
                saved = list(_outbox(self.people))
                with db:
                    db.execute("BEGIN IMMEDIATE")
                    _narrow(db, records, copy.seq, saved)
                    _save(db, self.people, saved)
                    mark_all(db, why="list copy")
                version = int(db.execute("SELECT max(number) FROM list_version").fetchone()[0] or 0)
            with stage.open("rb") as file:
                os.fsync(file.fileno())
            aside = put_aside(self.people, "-wal", "-shm")
            for more in ("-wal", "-shm"):  # of a file that is gone
                put_aside(Path(f"{self.people}{more}"))
            found = Standin(since, version, _inode(stage))
            self._standin.write(json.dumps(asdict(found)).encode())
            stage.rename(self.people)
            sync_folder(self.people.parent)
        except sqlite3.Error as error:
            raise RosterUnavailable(f"{self.people.name}: {error}") from error
        finally:
            for more in ("", "-wal", "-shm"):
                Path(f"{stage}{more}").unlink(missing_ok=True)
        return found, aside, len(saved)

    def _verified(self, records: LedgerReader) -> Copy:
        """The copy, read back; the log reaches over it without a gap."""
        copy = self.about()
        if copy is None:
            raise NoCopy(worded("there is no copy of the list"))
        try:
            good = _digest(self.folder / copy.file) == copy.sha256
        except OSError as error:
            raise NoCopy(
                worded("the copy of the list can't be read: {error}", error=error.strerror)
            ) from error
        if not good:
            raise NoCopy(worded("the copy of the list is damaged"))
        try:
            event = records.get(copy.seq)
        except LedgerUnavailable as error:
            raise NoCopy(str(error)) from error
        if event is None or event.hash != copy.hash:
            raise NoCopy(worded("the log does not say who lost their access since the copy"))
        return copy


def mark_of(people: Path) -> str:
    """Another text whenever something was written to the list."""
    found = []
    for more in ("", "-wal"):
        try:
            about = os.stat(f"{people}{more}")  # noqa: PTH116 - asked every other second
            found.append(f"{about.st_ino}.{about.st_mtime_ns}.{about.st_size}")
        except OSError:
            found.append("-")
    return " ".join(found)


def inspect(path: Path, *, deep: bool = False) -> str:
    """What is wrong with a list (English), "" if nothing or if it is only in use just now.  `deep`
    looks at every page: some seconds for a large list."""
    return damage_of(path, deep=deep, probe=_known_version)


def _known_version(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] <= SCHEMA_VERSION:
        db.execute("SELECT max(number) FROM list_version").fetchone()


def _copy_slowly(source: Path, to: Path, ending: Callable[[], bool]) -> int:
    """Returns the list version of the copy.  What is read is one version of the list: the read
    transaction stays open, so writers begin nothing anew."""

    def pause(status: int, remaining: int, total: int) -> None:
        if ending():
            raise NoCopy(worded("the gateway ends"))
        if remaining:
            os.fdatasync(handle)  # bit by bit, so that the log's own sync never waits long
            time.sleep(PAUSE_S)

    uri = f"{source.absolute().as_uri()}?mode=ro"
    handle = os.open(to, os.O_RDWR | os.O_CLOEXEC)
    try:
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)) as live,
            closing(sqlite3.connect(to)) as copy,
        ):
            live.execute("BEGIN")
            found = live.execute("SELECT max(number) FROM list_version").fetchone()[0]
            copy.execute("PRAGMA synchronous = OFF")
            copy.execute("PRAGMA cache_size = -2000")
            live.backup(copy, pages=PAGES, progress=pause)
            copy.execute("PRAGMA journal_mode = DELETE")
        os.fsync(handle)
    finally:
        os.close(handle)
    return int(found or 0)


def _narrow(
    db: sqlite3.Connection,
    records: LedgerReader,
    seq: int,
    saved: list[tuple[str, str, str, str, str]],
) -> None:
    """Take from people what the log, after record `seq`, and the saved acts took from them."""
    while events := records.after(seq, 2000):
        for event in events:
            _take(db, event.type, event.subject, event.data, event.time)
            seq = event.seq
    for _, at, kind, subject, data in saved:
        with suppress(ValueError):
            _take(db, kind, subject, json.loads(data), at)


_BY_PERSON: dict[str, tuple[str, ...]] = {
    EventType.PEOPLE_REVOKED: (
        "INSERT OR IGNORE INTO revocation (person_id, at, why, by) VALUES (:who, :at, :why, :by)",
    ),
    EventType.PEOPLE_REVOCATION_EFFECTIVE: (
        "UPDATE person SET status = 'suspended' WHERE id = :who AND status = 'active'",
    ),
    EventType.PEOPLE_PIN_SET: ("DELETE FROM pin WHERE person_id = :who",),
    EventType.PEOPLE_PIN_CLEARED: ("DELETE FROM pin WHERE person_id = :who",),
    EventType.GRANT_ENDED: ("DELETE FROM temporary_grant WHERE person_id = :who",),
    EventType.FACE_KEY_DESTROYED: (
        "DELETE FROM template WHERE person_id = :who",
        "DELETE FROM portrait WHERE person_id = :who",
        "DELETE FROM person_key WHERE person_id = :who",
    ),
    EventType.FACE_FORGOTTEN: ("DELETE FROM face_consent WHERE person_id = :who",),
    EventType.REQUIREMENT_SET: ("DELETE FROM requirement WHERE subject = :who AND kind = :kind",),
    EventType.REQUIREMENT_REMOVED: (
        "DELETE FROM requirement WHERE subject = :who AND kind = :kind",
    ),
    EventType.VISIT_DEPARTED: ("DELETE FROM visit_badge WHERE person_id = :who",),
    EventType.VISIT_BADGE_RETURNED: ("DELETE FROM visit_badge WHERE person_id = :who",),
    EventType.VISIT_CANCELLED: ("DELETE FROM visit_badge WHERE person_id = :who",),
    EventType.VISIT_REFUSED: ("DELETE FROM visit_badge WHERE person_id = :who",),
    EventType.OPERATOR_CHANGED: ("UPDATE operator SET ended_at = :at WHERE name = :who",),
    EventType.OPERATOR_ENDED: ("UPDATE operator SET ended_at = :at WHERE name = :who",),
}
_LISTS = (EventType.PEOPLE_SYNCED, EventType.PEOPLE_SYNCED_PART, EventType.PEOPLE_ROLLED_BACK)


def _take(db: sqlite3.Connection, kind: str, subject: str, data: Any, at: str) -> None:
    facts = {"who": subject, "at": at, "kind": str(data.get("kind", ""))}
    facts |= {"why": str(data.get("reason", "")), "by": str(data.get("by", ""))}
    for sql in _BY_PERSON.get(kind, ()):
        db.execute(sql, facts)
    if kind == EventType.PEOPLE_BADGE_LOST:
        rows = db.execute("SELECT key FROM credential WHERE person_id = ?", (subject,)).fetchall()
        for (key,) in rows:  # the record has the badge's last digits alone
            if Credential(*key.split(":", 2)).masked == data.get("badge"):
                db.execute(
                    "INSERT OR IGNORE INTO lost_badge (key, person_id, at, why, by) "
                    "VALUES (:key, :who, :at, :why, :by)",
                    {**facts, "key": key},
                )
    if kind in _LISTS:
        people = data.get("people") or {}
        touched = [*people.get("changed", ()), *people.get("removed", ())]
        db.executemany(
            _BY_PERSON[EventType.PEOPLE_REVOCATION_EFFECTIVE][0], [{"who": key} for key in touched]
        )


def _outbox(damaged: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """The acts that can still be read in a damaged list."""
    with suppress(sqlite3.Error, OSError):
        uri = f"{damaged.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=1)) as db:
            for row in db.execute("SELECT id, created_at, type, subject, data FROM outbox"):
                if all(isinstance(cell, str) for cell in row):
                    yield row


def _save(
    db: sqlite3.Connection, damaged: Path, saved: list[tuple[str, str, str, str, str]]
) -> None:
    """Take over the acts that wait to be recorded, and what can be read of who is shut out."""
    db.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?)", saved)
    tables = {
        "revocation": "person_id, at, why, by",
        "lost_badge": "key, person_id, at, why, by",
    }
    for table, columns in tables.items():
        with suppress(sqlite3.Error, OSError):
            uri = f"{damaged.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=1)) as old:
                marks = ", ".join("?" * len(columns.split(",")))
                for row in old.execute(f"SELECT {columns} FROM {table}"):  # noqa: S608 - our names
                    db.execute(
                        f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608
                        row,
                    )


def _version(people: Path) -> int:
    uri = f"{people.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=1)) as db:
        return int(db.execute("SELECT max(number) FROM list_version").fetchone()[0] or 0)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            time.sleep(0)
    return digest.hexdigest()


def _inode(path: Path) -> str:
    try:
        about = path.stat()
    except OSError:
        return ""
    return f"{about.st_dev}.{about.st_ino}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
