"""`garita restore`: a gate out of a backup.

Nobody at this box knows what the gate did after the backup was made; brokers, collectors and
witnesses may.  So the log never goes on where the backup ends: it begins a new origin, whose first
record says that it was restored.  Nothing that is signed then contradicts what was published.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import config
from gateway.backup import sealing
from gateway.backup.contents import (
    CONFIG,
    DATA,
    FORM,
    HEADER,
    IDENTITY,
    SECRET,
    SITE_KEY,
    BackupError,
    unpack,
)
from gateway.config import Settings
from gateway.ledger import Ledger, LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.origin import Known
from gateway.locale import worded
from gateway.people import RosterUnavailable
from gateway.people.schema import mark_anew
from gateway.vault.files import adopt, sync_folder, write_whole

SOURCE = "restore"
"""Who knows, as the first record of the new origin says it."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: where the log of the backup ended, the number with which it goes on, and the
    files that were there already and stayed."""

    header: dict[str, Any]
    last_seq: int
    first_seq: int
    kept: tuple[Path, ...]


def restore(
    source: Path, target: Path, *, passphrase: str = "", keys: Sequence[str] = ()
) -> Restored:
    """Restore the backup `source`; `target` is where the configuration belongs.

    The configuration and the site key that are there already stay.  The data folder must have no
    log and no list.  Raises BackupError, ConfigError and OSError; until the last step nothing of
    the gate is changed.
    """
    with _opened(source) as (header, parts):
        by = sealing.identities(
            sealed=parts[IDENTITY].read_bytes() if IDENTITY in parts else None,
            passphrase=passphrase,
            keys=keys,
        )
        secret = _unpacked(parts, SECRET, by)
        kept = tuple(_place_config(secret, target))
        settings = config.load(target)
        folder = settings.tables.site.data_dir
        for path in (settings.ledger_path, settings.people_path):
            if path.exists():
                raise BackupError(
                    worded(
                        "{path} is there: stop the gateway and move {folder} away first",
                        path=path,
                        folder=folder,
                    )
                )
        kept += tuple(_place_key(secret, settings))
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".restore-", dir=folder))
        try:
            _unpacked(parts, DATA, by, stage)
            last_seq, first_seq = _begin_origin(settings, stage)
            _move(stage, folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return Restored(header, last_seq, first_seq, kept)


@contextmanager
def _opened(source: Path) -> Iterator[tuple[dict[str, Any], dict[str, Path]]]:
    """The header of a backup and its parts in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=source.resolve().parent) as name:
        folder = Path(name)
        try:
            with tarfile.open(source) as tar:
                tar.extractall(folder, filter="data")
            header = json.loads((folder / HEADER).read_text("utf-8"))
            form = header["form"]
        except (tarfile.TarError, ValueError, KeyError, TypeError, FileNotFoundError) as error:
            if not source.exists():
                raise
            raise BackupError(worded("{path} is not a backup of a gate", path=source)) from error
        if form != FORM:
            raise BackupError(worded("the backup is of another form: {form}", form=form))
        yield header, {path.name: path for path in folder.iterdir()}


def _unpacked(
    parts: dict[str, Path], name: str, by: Sequence[Any], folder: Path | None = None
) -> Path:
    """A part of the backup, unpacked into `folder` or a new one beside it."""
    if folder is None:
        folder = next(iter(parts.values())).parent / f"{name}.d"
        folder.mkdir(mode=0o700)
    plain = parts.get(name)
    if plain is None:
        if (sealed := parts.get(f"{name}.age")) is None:
            raise BackupError(worded("the backup is damaged: {error}", error=name))
        plain = sealed.with_suffix("")
        with sealed.open("rb") as read, plain.open("wb") as write:
            sealing.opened(read, write, by)
    with plain.open("rb") as read:
        unpack(read, folder)
    return folder


def _place_config(secret: Path, target: Path) -> Iterator[Path]:
    """Put the files of the configuration's folder where they are missing; yields those that
    stayed.  The file itself gets the name of `target`."""
    held = secret / CONFIG
    first = True
    for path in sorted(p for p in held.rglob("*") if p.is_file()):
        name = path.relative_to(held)
        to = target.resolve().parent / name
        if path.suffix == ".toml" and len(name.parts) == 1 and _is_gate(path) and first:
            to, first = target, False
        if to.exists():
            yield to
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        write_whole(to, path.read_bytes(), mode=path.stat().st_mode & 0o777, replace=False)


def _is_gate(path: Path) -> bool:
    return "[site]" in path.read_text("utf-8", errors="replace")


def _place_key(secret: Path, settings: Settings) -> Iterator[Path]:
    name = settings.tables.site.key_file
    held = secret / SITE_KEY
    if not held.exists() or name.startswith("credential:"):
        return
    to = Path(name)
    if to.exists():
        if to.read_bytes() != held.read_bytes():
            raise BackupError(worded("{path} is another site key than that of the backup", path=to))
        yield to
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    write_whole(to, held.read_bytes(), mode=0o600, replace=False)


def _begin_origin(settings: Settings, stage: Path) -> tuple[int, int]:
    """Have the log in `stage` begin anew, before anybody can use it."""
    path = stage / settings.ledger_path.name
    if not path.exists():
        raise BackupError(worded("the backup is damaged: {error}", error=path.name))
    gateway = settings.site.gateway
    try:
        complete = settings.criteria.completed
        with closing(Ledger.open(path, gateway=gateway, complete=complete)) as ledger:
            chain, last_seq = ledger.chain, ledger.last_seq
        # No record has that hash: so the log is held to be another one from there on.
        known = [Known(SOURCE, chain, last_seq, SOURCE)]
        with closing(Ledger.open(path, gateway=gateway, complete=complete, known=known)) as ledger:
            first_seq, told = ledger.first_seq, dict(ledger.follows or {})
            ledger.append_sync(NewEvent(EventType.ALARM_LOG_LOST, gateway, told))
        mark_anew(stage / settings.people_path.name)
    except (LedgerUnavailable, RosterUnavailable) as error:
        raise BackupError(str(error)) from error
    return last_seq, first_seq


def _move(stage: Path, folder: Path) -> None:
    """Give the files their place, if it is free.  The log comes last: without it the gate does not
    take the folder for its own."""
    names = [path.name for path in stage.iterdir() if not path.name.endswith(".lock")]
    for name in names:
        to = folder / name
        if to.is_dir() and not any(to.iterdir()):
            to.rmdir()
        if to.exists():
            raise BackupError(worded("{path} is there: move it away first", path=to))
    for name in sorted(names, key=lambda name: name.startswith("ledger.db")):
        path = stage / name
        for one in (path, *path.rglob("*")):
            adopt(one)
        path.replace(folder / name)
    sync_folder(folder)
