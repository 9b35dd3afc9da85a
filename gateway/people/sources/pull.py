"""One pull of a configured source, and what people.db remembers of it between pulls.

A source that fails is recorded as one event, until it works again or fails for another reason.  A
list that trips is put aside in a file with the names of its tripwires until a person confirms it,
so that the person confirms the list that they were shown.  These files hold badge numbers, as
people.db does: the gateway's group, guards and HR, reads both.  Only the gateway's account writes
these files, so nobody puts another list under the name of a source.
"""

from __future__ import annotations

import json
import re
import sqlite3
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from gateway.config import SourceTable
from gateway.ledger.event import EventType
from gateway.locale import english, worded
from gateway.people.schema import now_text, put_event
from gateway.people.sources import Asked, Pulled, SourceError, read
from gateway.people.sources.errors import unusable
from gateway.people.sync.file import parse, to_json
from gateway.people.sync.plan import Plan
from gateway.people.sync.source import RowError, Source
from gateway.vault.files import adopt, write_whole

_COLUMNS = (
    "pulled_at",
    "good_at",
    "etag",
    "sha256",
    "serial",
    "failing_since",
    "reason",
    "waiting",
)
_TIMES = ("pulled_at", "good_at", "failing_since")
FOLDER_MODE = 0o750
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class State:
    """How a source stands.  Times are aware, None where there is none.  `waiting` names the
    tripwires of a list that is put aside."""

    name: str
    pulled_at: datetime | None = None
    good_at: datetime | None = None
    etag: str = ""
    sha256: str = ""
    serial: int = 0
    failing_since: datetime | None = None
    reason: str = ""
    waiting: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same for a script: times as RFC 3339 text, "" where there is none."""
        return {
            key: _time_text(value) if key in _TIMES else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Waiting:
    """A list put aside."""

    source: Source
    etag: str
    tripped: tuple[str, ...]


def state(db: sqlite3.Connection, name: str) -> State:
    """What is remembered of a source."""
    row = db.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM source_state WHERE name = ?",  # noqa: S608
        (name,),
    ).fetchone()
    if row is None:
        return State(name)
    known = {key: value for key, value in zip(_COLUMNS, row, strict=True) if value is not None}
    times = {key: datetime.fromisoformat(known[key]) if known.get(key) else None for key in _TIMES}
    return State(name, **{**known, **times})


def _time_text(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""


def pull(
    db: sqlite3.Connection, name: str, sources: Mapping[str, SourceTable], asked: Asked
) -> Pulled:
    """Ask a source, and those that it includes; raises SourceError, which is on record then."""
    table, known = sources[name], state(db, name)
    # A list that includes others is joined anew each time: if one source said "nothing new", its
    # people would be missing, or changes of the others would not be noticed.
    again = bool(table.include)
    etag = "" if again else known.etag
    try:
        found = read(name, table, replace(asked, etag=etag, serial=known.serial, again=again))
        for other in table.include:
            more = read(other, sources[other], replace(asked, etag="", serial=0, again=True))
            if found.source is None or more.source is None:
                raise SourceError(worded("{name} gave no list to join", name=other))
            _join(found.source, more.source)
        if found.source is not None and found.source.errors:
            raise unusable(found.source.errors)
    except SourceError as error:
        failed(db, name, english(error))
        raise
    return found


def _join(whole: Source, more: Source) -> None:
    """Put the people of `more` to those of `whole`; nobody may be in both."""
    whole.errors += more.errors
    ids = {person.id for person in whole.people}
    badges = {badge.key for person in whole.people for badge in person.credentials}
    for person in more.people:
        if person.id in ids:
            message = worded(
                "{more}: {id} is in {whole} too", more=more.name, id=person.id, whole=whole.name
            )
            whole.errors.append(RowError(0, "id", message))
        if any(badge.key in badges for badge in person.credentials):
            message = worded(
                "{more}: a badge of {id} is in {whole} too",
                more=more.name,
                id=person.id,
                whole=whole.name,
            )
            whole.errors.append(RowError(0, "credentials", message))
    whole.people += more.people
    whole.requirements |= more.requirements
    whole.kinds |= more.kinds
    whole.absent |= more.absent
    whole.revoked_at |= more.revoked_at
    whole.sha256 = f"{whole.sha256}+{more.sha256}"
    dates = [at for at in (whole.generated_at, more.generated_at) if at]
    whole.generated_at = min(dates) if len(dates) == 2 else None


def failed(db: sqlite3.Connection, name: str, reason: str) -> None:
    """Remember that a source gave no list; an event when that, or the reason, is new."""
    known = state(db, name)
    with db as connection:
        _remember(
            db,
            name,
            pulled_at=now_text(),
            failing_since=_time_text(known.failing_since) or now_text(),
            reason=reason,
        )
        # "Broke off after 812 bytes", and 907 the next time: the same failure.
        if _DIGITS.sub("#", known.reason) != _DIGITS.sub("#", reason):
            put_event(
                connection, EventType.PEOPLE_SYNC_FAILED, name, {"source": name, "detail": reason}
            )


def good(db: sqlite3.Connection, name: str, pulled: Pulled) -> None:
    """Remember a list that is in force, or that nothing has changed."""
    known, source = state(db, name), pulled.source
    with db as connection:
        marks: dict[str, Any] = {}
        if source is not None:
            marks = {"etag": pulled.etag, "sha256": source.sha256, "waiting": ""}
            marks["serial"] = source.serial or known.serial
        _remember(
            db, name, pulled_at=now_text(), good_at=now_text(), failing_since="", reason="", **marks
        )
        if known.failing_since:
            put_event(connection, EventType.PEOPLE_SYNC_RECOVERED, name, {"source": name})


def put_aside(db: sqlite3.Connection, folder: Path, name: str, pulled: Pulled, plan: Plan) -> None:
    """Let a list that tripped wait for a person; an event when it is another than before."""
    source, known = pulled.source, state(db, name)
    assert source is not None
    names = [item.name for item in plan.tripped]
    body = {
        "source": name,
        "put_aside": source.received_at.isoformat(timespec="seconds"),
        "modified_at": source.modified_at.isoformat() if source.modified_at else None,
        "sha256": source.sha256,
        "etag": pulled.etag,
        "serial": source.serial,
        "tripped": names,
        "absent": sorted(source.absent),
        "list": to_json(source),
    }
    _write(folder, f"{name}.json", json.dumps(body, ensure_ascii=False))
    with db as connection:
        _remember(
            db,
            name,
            pulled_at=now_text(),
            failing_since="",
            reason="",
            waiting=",".join(names),
            sha256=source.sha256,
        )
        if known.failing_since:
            put_event(connection, EventType.PEOPLE_SYNC_RECOVERED, name, {"source": name})
        if not known.waiting or known.sha256 != source.sha256:
            data = {"source": name, "tripped": names, "names": ", ".join(names)}
            data["why"] = [english(item.why) for item in plan.tripped]
            put_event(connection, EventType.PEOPLE_SYNC_WAITING, name, data)


def waiting(folder: Path, name: str, levels: Collection[str], zone: tzinfo) -> Waiting:
    """The list of a source that was put aside; raises SourceError if there is none."""
    try:
        body = json.loads((folder / f"{name}.json").read_text("utf-8"))
        source = Source(name, serial=body["serial"])
        parse(body["list"].encode(), source, json=True, levels=levels, zone=zone)
        source.sha256 = body["sha256"]
        source.received_at = datetime.fromisoformat(body["put_aside"])
        modified = body.get("modified_at")
        source.modified_at = datetime.fromisoformat(modified) if modified else None
        source.absent = set(body.get("absent", ()))  # the JSON of a list has every column
        found = Waiting(source, body["etag"], tuple(body["tripped"]))
    except FileNotFoundError as error:
        raise SourceError(worded("no list of {name} waits to be confirmed", name=name)) from error
    except PermissionError as error:  # put aside by an older version
        raise SourceError(
            worded(
                "this account may not read the list of {name}; the next pull changes that",
                name=name,
            )
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            worded("the list of {name} that waits is damaged; pull it again", name=name)
        ) from error
    if source.errors:
        raise unusable(source.errors)
    return found


def forget(db: sqlite3.Connection, folder: Path, name: str, *, dropped_by: str = "") -> None:
    """A list that waited is in force, overtaken, or (an event) dropped by somebody.

    Raises PermissionError if the list is forgotten and this account may not remove its file.
    """
    with db as connection:
        _remember(db, name, waiting="")
        if dropped_by:
            data = {"source": name, "by": dropped_by}
            put_event(connection, EventType.PEOPLE_SYNC_DROPPED, name, data)
    remove(db, folder, name)


def remove(db: sqlite3.Connection, folder: Path, name: str) -> None:
    """Remove the file of a list of `name` that waits no more; a name of anything else removes
    nothing.  Raises OSError."""
    if state(db, name).waiting:
        return
    with suppress(FileNotFoundError):
        for file in folder.iterdir():
            if file.name == f"{name}.json":
                file.unlink()


def _remember(db: sqlite3.Connection, name: str, **values: Any) -> None:
    db.execute("INSERT OR IGNORE INTO source_state (name) VALUES (?)", (name,))
    names = ", ".join(f"{key} = ?" for key in values)
    db.execute(
        f"UPDATE source_state SET {names} WHERE name = ?",  # noqa: S608 - our own names
        (*values.values(), name),
    )


def _write(folder: Path, name: str, text: str) -> None:
    """A file that is whole or not there, which the gateway's account writes and its group reads."""
    folder.mkdir(parents=True, exist_ok=True)
    adopt(folder)
    if stat.S_IMODE(folder.stat().st_mode) != FOLDER_MODE:  # it was 0700 in older versions
        folder.chmod(FOLDER_MODE)
    write_whole(folder / name, text.encode(), mode=0o640)
