"""What a backup holds.  It is a tar file, so that nobody needs this program to open it:

    garita-backup.json            which gateway, when, how far its log went
    identity.age                  only with a passphrase: the key of the others, sealed with it
    secret.tar.zst.age            the folder of the configuration, and the site key
    data.tar.zst.age              the data folder; data.tar.zst if it was asked for in clear

    tar xf gate.backup && age -d -o key identity.age
    age -d -i key data.tar.zst.age | zstd -d | tar x

The order matters while the gate works.  What says how far the log went comes before the log, so it
never knows more than the log that is beside it; archives of the log come after it, because records
leave the log for them.
"""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import zstandard

from gateway.locale import GaritaError, worded
from gateway.vault.copies import FOLDER as COPIES
from gateway.vault.copies import copy_database

FORM = "garita-backup/1"
HEADER, IDENTITY = "garita-backup.json", "identity.age"
SECRET, DATA = "secret.tar.zst", "data.tar.zst"
SITE_KEY = "site.key"
CONFIG = "config/"
MOST_CONFIG = 20_000_000  # bytes; a larger file in the configuration's folder is not ours
_LOG, _ARCHIVES = "ledger.db", "archive"
_SIDE = ("-wal", "-shm", "-journal", ".lock", ".part", ".sock")


class BackupError(GaritaError):
    """The backup can't be made or used; the message says why."""


def data_files(folder: Path) -> Iterator[Path]:
    """The files of a data folder in the order in which they are copied, relative to it."""
    found = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.name.endswith(_SIDE)
    )
    # Copies of before an upgrade are there to go back on this box; a backup is newer than they are.
    found = [path for path in found if COPIES not in path.parts]
    last = [path for path in found if path.parts[0] in (_LOG, _ARCHIVES)]
    yield from (path for path in found if path not in last and not _hidden(path))
    yield from (path for path in last if path.parts[0] == _LOG)
    yield from (path for path in last if path.parts[0] == _ARCHIVES and not _hidden(path))


def config_files(config: Path, but: Collection[Path]) -> Iterator[Path]:
    """The files in the folder of the configuration, which itself comes first; `but` are folders
    that are no part of it, wherever they are."""
    folder = config.resolve().parent
    yield config.resolve()
    for path in sorted(folder.rglob("*")):
        ours = path.is_file() and not path.is_symlink() and not _hidden(path.relative_to(folder))
        if any(path.is_relative_to(one.resolve()) for one in but):
            continue
        if ours and path != config.resolve() and path.stat().st_size <= MOST_CONFIG:
            yield path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def pack_data(folder: Path, stage: Path, to: IO[bytes]) -> None:
    """Pack a data folder; databases are copied to the folder `stage` first, whole, while others
    write them.  Raises OSError and BackupError."""
    with _packing(to) as tar:
        for path in data_files(folder):
            source = folder / path
            try:
                if path.suffix == ".db" and path.parts[0] != _ARCHIVES:
                    source = _copied(source, stage)
                tar.add(source, path.as_posix(), recursive=False)
            except FileNotFoundError:
                continue  # it was replaced by another, or is gone: it was not needed
            finally:
                if source.parent == stage:
                    source.unlink(missing_ok=True)


def pack_secret(
    config: Path,
    but: Collection[Path],
    site_key: bytes | None,
    stage: Path,
    to: IO[bytes],
) -> None:
    """Pack the configuration's folder without the folders `but`, and the site key (None: it can't
    be had)."""
    folder = config.resolve().parent
    with _packing(to) as tar:
        for path in config_files(config, but):
            tar.add(path, CONFIG + path.relative_to(folder).as_posix(), recursive=False)
        if site_key is not None:
            held = stage / SITE_KEY
            held.touch(mode=0o600)
            held.write_bytes(site_key)
            tar.add(held, SITE_KEY)
            held.unlink()


def unpack(source: IO[bytes], folder: Path) -> None:
    """Unpack what `pack_data` or `pack_secret` wrote; raises BackupError if it is cut off, damaged
    or leads out of `folder`."""
    try:
        with (
            zstandard.ZstdDecompressor().stream_reader(source) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            tar.extractall(folder, filter="data")
            while plain.read(1 << 16):  # up to the end: what is cut off is noticed there
                pass
    except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
        raise BackupError(worded("the backup is damaged: {error}", error=error)) from error


@contextmanager
def _packing(to: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """A tar file inside zstd, which is ended only when all of it was written."""
    plain = zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(to, closefd=False)
    with tarfile.open(fileobj=plain, mode="w|") as tar:
        yield tar
    plain.close()  # type: ignore[no-untyped-call]


def _copied(source: Path, stage: Path) -> Path:
    """A whole copy of a database that others may be writing (SQLite's online backup)."""
    to = stage / source.name
    try:
        copy_database(source, to)
    except sqlite3.Error as error:
        raise BackupError(f"{source}: {error}") from error
    return to
