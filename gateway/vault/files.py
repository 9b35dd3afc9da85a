"""Writing small files: whole on the disk, or as they were before.

`write_whole` is the only way in which this program replaces a file.  It writes a temporary file in
the same folder, syncs it, gives it the wanted name and syncs the folder (rename(2) and fsync(2):
a process that is killed, or a box that loses power, leaves the old file or the new one).

An installer runs `sudo garita people sync`; the gateway runs as its own user.  A file that root
made would lock the gateway out of its own list or log, and with it everyone out of the gate.  So
a new file gets the owner of the folder it lies in.  (SQLite does the same for its own side files.)

Everything here waits for the disk.  A coroutine calls it through a `FileThread`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

from gateway.locale import GaritaError, worded

log = logging.getLogger("garita.vault.files")

P = ParamSpec("P")
T = TypeVar("T")

_PART = re.compile(r"\..+\.[0-9a-f]{16}\.part")
_swept: set[Path] = set()


def adopt(path: Path) -> None:
    """Give `path`, made by root, to the owner of its folder; does nothing for other users."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def write_whole(
    path: Path,
    data: bytes | Sequence[bytes],
    *,
    mode: int = 0o640,
    replace: bool = True,
    keep: Path | None = None,
) -> None:
    """Write `data` (in one piece or several) to `path`, durable when this returns.

    Whatever happens on the way, `path` holds its old content or all of the new one.  Several
    writers may work at once: each has a temporary file of its own, and the last one wins.  `mode`
    is what the umask is applied to.  With `replace` False an existing file is left alone.  The old
    content gets the name `keep`, if there is any and one is given.

    Raises OSError (a full disk, no such folder) and, with `replace` False, FileExistsError.
    """
    folder = path.parent
    _sweep(folder)
    handle, part = _new_part(path, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in (data,) if isinstance(data, bytes) else data:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            adopt(part)
            if keep is not None:
                _keep(path, keep)
            if replace:
                part.replace(path)
            else:
                os.link(part, path)
                part.unlink()
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync_folder(folder)


@contextlib.contextmanager
def new_text_file(path: Path, *, mode: int = 0o640) -> Iterator[IO[str]]:
    """A new UTF-8 file, written piece by piece, that gets the name `path` when it is whole.  Raises
    as `new_file`."""
    with new_file(path, mode=mode) as part, part.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextlib.contextmanager
def new_file(path: Path, *, mode: int = 0o640) -> Iterator[Path]:
    """The temporary name of a new file, which gets the name `path` when it is whole.

    Whoever is interrupted leaves no file of that name, so half of an export is never taken for all
    of it.  Raises OSError, and FileExistsError if there is a file of that name.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    _sweep(path.parent)
    handle, part = _new_part(path, mode)
    try:
        with os.fdopen(handle, "wb"):
            yield part
            os.fsync(handle)
            adopt(part)
            try:
                os.link(part, path)
            except FileExistsError:
                raise
            except OSError:  # a stick with FAT has no hard links
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
                part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write `data` to a new file for somebody else, on any file system; raises as `new_file`."""
    with new_file(path) as part:
        part.write_bytes(data)


def write_json(path: Path, values: Mapping[str, Any], *, mode: int = 0o644) -> None:
    """`write_whole` for a small JSON object; raises OSError."""
    write_whole(path, json.dumps(values).encode(), mode=mode)


def make_shared(folder: Path) -> None:
    """Make a folder, if there is none, in which every account of its group may put files and take
    away its own alone (the sticky bit); raises OSError."""
    if not folder.exists():
        folder.mkdir(mode=0o770)
        folder.chmod(0o1770)
        adopt(folder)


class DamagedFile(GaritaError):
    """A file of the gateway's own that can't be understood; the message says what and why."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file that `write_json` made.

    Raises FileNotFoundError, OSError for a file that can't be read, and DamagedFile for one that is
    empty (a disk that lost power may leave that), cut off, or anything else than such an object.
    """
    raw = path.read_bytes()
    if not raw.strip(b"\0 \r\n\t"):
        raise DamagedFile(worded("{name} is empty", name=path.name))
    try:
        found = json.loads(raw.decode("utf-8"))
        if isinstance(found, dict):
            return found
        reason = "no JSON object"
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise DamagedFile(worded("{name} is damaged: {reason}", name=path.name, reason=reason))


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _keep(path: Path, name: Path) -> None:
    """Give the content of `path` another name.  It costs no bytes: whoever replaces `path` leaves
    this name to the old content."""
    part = name.with_name(f".{name.name}.{secrets.token_hex(8)}.part")
    try:
        os.link(path, part)
        part.replace(name)
    except FileNotFoundError:
        return
    except OSError as error:  # a file system without hard links
        log.warning("%s: the version before is not kept: %s", path, error)


def _new_part(path: Path, mode: int) -> tuple[int, Path]:
    """A temporary file for `path`: an open, locked handle and its name."""
    while True:
        part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            # The lock says that the writer lives.  It ends with the process, however that ends.
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:  # nobody swept it away before it was locked
                return handle, part
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what killed writers left in `folder`; once a process, so it costs nothing later."""
    if folder in _swept:
        return
    _swept.add(folder)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name):
                _remove_abandoned(entry.path)


def _remove_abandoned(part: str) -> None:
    """Remove a temporary file unless its writer lives."""
    with contextlib.suppress(OSError):
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            Path(part).unlink()
        finally:
            os.close(handle)


class FileThread:
    """Does the file work of one owner in a thread, in the order in which it was asked for.

    The thread starts with the first work.  `name` is the owner's, for the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do `work` and wait for it; returns what it returns, raises what it raises."""
        return await asyncio.wrap_future(self._pool.submit(work, *args, **kwargs))

    def soon(self, work: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Have `work` done without waiting for it; a failure is logged."""
        self._pool.submit(work, *args, **kwargs).add_done_callback(self._log_failure)

    def close(self) -> None:
        """Finish what was asked for, then end the thread; blocks until then."""
        self._pool.shutdown()

    def _log_failure(self, done: Future[Any]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("%s: %s", self._name, error)
