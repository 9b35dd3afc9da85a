"""A packet is there whole or not at all: it is made in a hidden folder and renamed at the end.

A process that was killed leaves its hidden folder.  The next one that makes a packet beside it
removes it: the lock in it says that nobody works there any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.evidence import zipped
from gateway.evidence.errors import PacketError
from gateway.locale import system, worded
from gateway.vault.files import adopt, sync_folder

_LEFT = re.compile(r"\..+\.[0-9a-f]{16}\.packet")


@dataclass(frozen=True, slots=True)
class Working:
    """Where a packet is made: `packet` becomes `output`, with the zip `target` beside it."""

    folder: Path
    packet: Path
    output: Path
    target: Path | None

    def files(self) -> list[str]:
        """The paths of the files that are there, with ``/``, in order."""
        return sorted(
            path.relative_to(self.packet).as_posix()
            for path in self.packet.rglob("*")
            if path.is_file()
        )

    def finish(self) -> Path | None:
        """Give the packet its name; returns the zip.  Raises OSError, and PacketError if somebody
        took the name meanwhile."""
        zip_part = self.folder / "packet.zip"
        if self.target is not None:
            names = self.files()
            # The manifest and its seal come first: whoever looks into the zip sees them.
            first = [name for name in names if name.startswith("manifest.")]
            rest = [name for name in names if name not in first]
            zipped.write(self.packet, [*first, *rest], zip_part)
        for path in (self.packet, *self.packet.rglob("*"), zip_part):
            if path.exists():
                _settle(path)
        _free(self.output, self.target)
        self.packet.rename(self.output)
        if self.target is not None:
            zip_part.rename(self.target)
        sync_folder(self.output.parent)
        return self.target


@contextmanager
def working(output: Path, target: Path | None) -> Iterator[Working]:
    """A place to make a packet in; it is gone afterwards, whatever happens.

    Raises PacketError if there is something of that name already, or no folder to put it in.
    """
    output = output.absolute()
    try:
        _free(output, target)
        _sweep(output.parent)
        name = f".{output.name}.{secrets.token_hex(8)}.packet"
        folder = output.parent / name
        folder.mkdir(mode=0o750)
        adopt(folder)
    except OSError as error:
        raise PacketError(
            worded("{path}: {error}", path=str(output), error=system(error.strerror))
        ) from error
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "packet").mkdir(mode=0o750)
        yield Working(folder, folder / "packet", output, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _free(output: Path, target: Path | None) -> None:
    if output.is_dir() and not any(output.iterdir()):
        output.rmdir()
    for path in (output, target):
        if path is not None and (path.exists() or path.is_symlink()):
            raise PacketError(worded("{path} is there already", path=str(path)))


def _settle(path: Path) -> None:
    """Make a file or folder durable, and its folder's owner its own."""
    adopt(path)
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(parent: Path) -> None:
    """Remove what killed processes left here."""
    with contextlib.suppress(OSError):
        for entry in parent.iterdir():
            if _LEFT.fullmatch(entry.name) and not entry.is_symlink() and entry.is_dir():
                _remove_abandoned(entry)


def _remove_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(handle)
