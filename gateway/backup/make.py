"""`garita backup`: one file with everything a gate needs, made while the gate works."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from gateway import __version__
from gateway.backup.contents import (
    DATA,
    FORM,
    HEADER,
    IDENTITY,
    SECRET,
    BackupError,
    pack_data,
    pack_secret,
)
from gateway.backup.sealing import Sealing
from gateway.config import Settings
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType
from gateway.people.schema import open_admin, put_event
from gateway.vault.files import new_file
from gateway.vault.statefile import StateFile, json_object


def make(settings: Settings, to: Path, sealing: Sealing, *, clear: bool = False) -> dict[str, Any]:
    """Write the backup `to`, a new file; returns its header.

    With `clear` the data are not encrypted, and the keys are all the same.  Raises BackupError,
    OSError (a full disk), and FileExistsError; nothing is left behind then.
    """
    folder = settings.tables.site.data_dir
    header = _header(settings)
    # Beside the data: with the same rights, and never on a stick that goes from hand to hand.
    stage = Path(tempfile.mkdtemp(prefix=".backup-", dir=folder))
    try:
        secret, data = stage / f"{SECRET}.age", stage / (DATA if clear else f"{DATA}.age")
        key = _site_key(settings)
        header["site_key"] = key is not None
        but = (folder, settings.tables.site.run_dir)
        _written(secret, sealing, lambda file: pack_secret(settings.path, but, key, stage, file))
        _written(data, None if clear else sealing, lambda file: pack_data(folder, stage, file))
        with new_file(to, mode=0o600) as part, tarfile.open(part, "w") as tar:
            _add(tar, stage, HEADER, json.dumps(header, indent=2).encode())
            if sealing.identity is not None:
                _add(tar, stage, IDENTITY, sealing.identity)
            for path in (secret, data):
                tar.add(path, path.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return header


def record(
    settings: Settings, header: Mapping[str, Any], to: Path, *, clear: bool, by: str
) -> None:
    """Have the log say that a backup was made, with the name of its file and how far it goes; and
    keep its time beside the data, so that nobody has to search the log for it.

    The record comes after the backup and is not in it.  Raises RosterUnavailable, sqlite3.Error or
    OSError if it can't be written; a gate without people.db has no record.
    """
    about = {key: header[key] for key in ("time", "last_seq")}
    note = json.dumps({**about, "file": to.name}).encode()
    StateFile(settings.backup_path, json_object, mode=0o644).write(note)
    if not settings.people_path.exists():
        return
    data = {"file": to.name, "bytes": to.stat().st_size, "clear": clear, "by": by}
    data |= {key: header[key] for key in ("last_seq", "site_key")}
    with closing(open_admin(settings.people_path)) as db, db:
        put_event(db, EventType.BACKUP_MADE, settings.site.gateway, data)


def _header(settings: Settings) -> dict[str, Any]:
    try:
        with closing(LedgerReader(settings.ledger_path)) as reader:
            last = reader.tail(1)
    except LedgerUnavailable as error:
        raise BackupError(str(error)) from error
    return {
        "form": FORM,
        "gateway": settings.site.gateway,
        "version": __version__,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "last_seq": last[0].seq if last else 0,
    }


def _site_key(settings: Settings) -> bytes | None:
    """The file of the site key; None where it is a credential of the service, or not ours to
    read: then it has to be kept elsewhere, as it always should."""
    name = settings.tables.site.key_file
    if name.startswith("credential:"):
        return None
    try:
        return Path(name).read_bytes()
    except OSError:
        return None


def _written(to: Path, sealing: Sealing | None, pack: Callable[[IO[bytes]], None]) -> None:
    """Have a part packed into the file `to`, and encrypted unless `sealing` is None."""
    if sealing is None:
        with to.open("wb") as file:
            pack(file)
        return
    plain = to.with_suffix(".plain")
    try:
        with plain.open("w+b") as file:
            pack(file)
            file.seek(0)
            with to.open("wb") as sealed:
                sealing.seal(file, sealed)
    finally:
        plain.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, stage: Path, name: str, data: bytes) -> None:
    path = stage / name
    path.write_bytes(data)
    tar.add(path, name)
