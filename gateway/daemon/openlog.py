"""Opens the log of a site, held against everything on this box that knows how far it went.

A memory card that loses writes, an older copy that somebody puts back, a file that somebody
empties: the log alone can't tell.  Other files can: the cursor of what was published, the
checkpoint of who is inside, the head that was signed last, and the mark in people.db of the last
act that was recorded.  Each of them may be too old, and none is ever too new.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from gateway.config import Settings
from gateway.daemon.checkpoints import head_file
from gateway.ledger import Ledger
from gateway.ledger.chain import utc_text
from gateway.ledger.origin import Known
from gateway.people import RosterUnavailable
from gateway.people.schema import mark_anew
from gateway.state.presencefile import MOST
from gateway.uplink.cursor import cursor_file
from gateway.vault.statefile import StateFile, json_object, put_aside

log = logging.getLogger("garita.daemon.openlog")

T = TypeVar("T")


def open_log(settings: Settings, about: Mapping[str, Any] | None = None) -> Ledger:
    """The site's log for writing; raises LedgerBusy, LedgerDamaged or LedgerUnavailable.

    `about` is what the first record of a log that is created says.

    If the log lacks records that are known elsewhere, a new origin begins in it, and `follows` of
    the ledger says what is missing.
    """
    begins = not settings.ledger_path.exists()
    ledger = Ledger.open(
        settings.ledger_path,
        gateway=settings.site.gateway,
        complete=settings.criteria.completed,
        known=known_of(settings),
        about=about,
    )
    if begins or ledger.is_new:  # it does not know what was marked before
        try:
            mark_anew(settings.people_path)
        except RosterUnavailable as error:  # badges are denied, with that reason; doors go on
            log.critical("the personnel list can't be used: %s", error)
    return ledger


def set_aside(settings: Settings, why: str) -> dict[str, Any]:
    """Put a damaged log aside, whole; its archives stay.  Returns what the first record of the new
    log says: the old one's name, `why`, how far it is known to have gone and by whom, and the time
    before which no clock can be right.  Raises OSError.
    """
    path = settings.ledger_path
    times = [0.0]
    for more in ("", "-wal"):
        with contextlib.suppress(OSError):
            times.append(os.lstat(f"{path}{more}").st_mtime)
    known = [{k: v for k, v in asdict(one).items() if v} for one in known_of(settings)]
    aside = put_aside(path, "-wal", "-shm")
    written = datetime.fromtimestamp(min(max(times), time.time()), UTC)
    return {"aside": aside, "why": why, "known": known, "not_before": utc_text(written)}


def known_of(settings: Settings) -> list[Known]:
    """What the files beside the log know of it.  One that is missing or damaged knows nothing."""
    sources: dict[str, tuple[Path, Callable[[Path], Known]]] = {
        "mqtt.cursor": (settings.cursor_path, _cursor),
        "presence.json": (settings.presence_path, _presence),
        "log-head.json": (settings.head_path, _head),
        "people.db": (settings.people_path, _people),
    }
    return list(_read(sources))


def _read(sources: dict[str, tuple[Path, Callable[[Path], Known]]]) -> Iterator[Known]:
    for name, (path, read) in sources.items():
        try:
            found = read(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError, KeyError, AttributeError, sqlite3.Error) as error:
            log.warning("%s does not say how far the log went: %s", path.name, error)
            continue
        if found.chain and found.seq > 0:
            yield Known(name, found.chain, found.seq, found.hash)


def _cursor(path: Path) -> Known:
    return _kept(cursor_file(path), lambda told: Known("", *told))


def _presence(path: Path) -> Known:
    def first_line(raw: bytes) -> dict[str, Any]:
        return json_object(raw.split(b"\n", 1)[0])

    file = StateFile(path, first_line, most=MOST)
    return _kept(file, lambda head: Known("", str(head["chain"]), int(head["seq"])))


def _head(path: Path) -> Known:
    return _kept(
        head_file(path),
        lambda held: Known("", str(held["chain"]), int(held["seq"]), str(held["hash"])),
    )


def _kept(file: StateFile[T], known: Callable[[T], Known]) -> Known:
    """What a file says, or the version before of one that is damaged: that knows less."""
    kept = file.read()
    if kept.value is None:
        raise ValueError(kept.damage) if kept.damage else FileNotFoundError(file.path)
    return known(kept.value)


def _people(path: Path) -> Known:
    if not path.exists():
        raise FileNotFoundError(path)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'log_mark'").fetchone():
            return Known("", "", 0)  # a list of before there were marks
        row = db.execute("SELECT chain, seq, hash FROM log_mark").fetchone()
    return Known("", str(row[0]), int(row[1]), str(row[2])) if row else Known("", "", 0)
