"""A small file of the gateway's state, which a fault of the disk must not turn into a closed site.

`StateFile` writes it whole (files.py) with a checksum, and keeps the version before beside it as
``NAME.previous``.  Whoever reads it learns what is damaged and gets the version before.  What that
one may be used for is the owner's to say: an old counter or an old list of closed doors could open
a door, so those owners ask the log first (docs/damage.md has a line for each file).

The checksum is white space at the file's end: 64 blanks and tabs, the bits of BLAKE2b over all that
stands before them.  JSON readers skip white space, so an older program reads a file of this one,
and this program reads a file without a checksum: one of an older program, or one that a person
wrote.

A damaged file is put aside under a name with the time and is never deleted; so is a folder, a
device or a link that has taken its place.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import logging
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from gateway.locale import GaritaError, english, worded
from gateway.vault.files import DamagedFile, sync_folder, write_whole

log = logging.getLogger("garita.vault.statefile")

T = TypeVar("T")

BITS = 64
MOST = 1_000_000  # bytes; what is larger is not ours
MOST_ASIDE = 50
"""So many damaged versions of one file are kept.  Those that come after them are replaced: the
first ones are nearest to the cause, and a disk that rots must not fill itself."""
_BLANKS = b" \t"  # a 0 and a 1
# The box lacks something just now; the file may be good.
_NOT_THE_FILE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN)
# What reading nonsense raises.
_NONSENSE = (ValueError, TypeError, LookupError, AttributeError, RecursionError, GaritaError)


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that was found damaged: its name, what is wrong with it (English), what was done about
    it (a code of `DAMAGED` in gateway/wording/text.py), and the name under which it was put aside,
    "" if it was not."""

    file: str
    detail: str
    done: str
    aside: str = ""


Tell = Callable[[Damage], None]


def log_damage(damage: Damage) -> None:
    """Tell the text log alone, where there is no daemon."""
    log.critical("%s: %s (%s)", damage.file, damage.detail, damage.done)


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """What a file and the version before it say.

    `value` is None if neither can be used.  `damage` says what is wrong with the file itself, ""
    if nothing is or if neither version is there.  `raw` is what `value` was read from.
    """

    value: T | None = None
    damage: str = ""
    raw: bytes = b""

    @property
    def missing(self) -> bool:
        """There is no such file, and there was none."""
        return self.value is None and not self.damage


class StateFile(Generic[T]):
    """The file `path`, whose content `parse` understands; `parse` raises what nonsense raises.

    `mode` is what the umask is applied to, `most` how many bytes it may have; `tell` is called with
    each damage that is found, in whichever thread finds it.  Everything here waits for the disk.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], T],
        *,
        mode: int = 0o640,
        most: int = MOST,
        tell: Tell = log_damage,
    ) -> None:
        self.path = path
        self.previous = path.with_name(f"{path.name}.previous")
        self._parse = parse
        self._mode = mode
        self._most = most
        self._tell = tell

    def read(self) -> Kept[T]:
        """What the file says; changes nothing.  Raises OSError if the box can read no file just
        now."""
        found, damage = self._look(self.path)
        if found is not None:
            return found
        before, wrong = self._look(self.previous)
        if before is None:
            if wrong:
                log.warning("%s: %s", self.previous, wrong)
            return Kept(damage=damage)
        if not damage:
            damage = english(DamagedFile(worded("{name} is missing", name=self.path.name)))
        return Kept(before.value, damage, before.raw)

    def restore(self, done: str = "previous", otherwise: str = "begun_anew") -> Kept[T]:
        """`read`, for the file's owner: puts a damaged file aside, writes the version before in its
        place if that can be used, and tells which of the two words was done.  Raises OSError as
        `read`."""
        kept = self.read()
        if kept.damage and kept.value is not None:
            self.give_back(kept, kept.raw, done)
        elif kept.damage:
            self.give_back(kept, None, otherwise)
        return kept

    def give_back(self, kept: Kept[T], data: bytes | None, done: str) -> None:
        """Put the damaged file aside, write `data` in its place (None: nothing), and tell what was
        `done`.  What can't be written is logged: its owner has the state in memory."""
        aside = ""
        try:
            aside = put_aside(self.path)
            if data is not None:
                self._write([data])
        except OSError as error:
            log.error("%s: %s", self.path, error)
        self._tell(Damage(self.path.name, kept.damage, done, aside))

    def tell(self, kept: Kept[T], done: str) -> None:
        """Tell of a damaged file that stays where it is, because a person may mend it."""
        self._tell(Damage(self.path.name, kept.damage, done))

    def write(self, data: bytes | Sequence[bytes]) -> None:
        """Replace the file; durable when this returns.

        The version before is kept.  If that was damaged meanwhile, it is put aside and told: the
        new one is good.  Raises OSError, and then the old one is still there.
        """
        pieces = [data] if isinstance(data, bytes) else list(data)
        before, damage = self._look(self.path)
        aside = put_aside(self.path) if damage else ""
        self._write(pieces, keep=before is not None)
        if damage:
            self._tell(Damage(self.path.name, damage, "written_anew", aside))

    def _write(self, pieces: Sequence[bytes], *, keep: bool = False) -> None:
        whole = [*pieces, _checksum(pieces)]
        write_whole(self.path, whole, mode=self._mode, keep=self.previous if keep else None)
        if not self.previous.exists():  # a first version is its own version before
            write_whole(self.previous, whole, mode=self._mode)

    def _look(self, path: Path) -> tuple[Kept[T] | None, str]:
        """What one of the two files says, or what is wrong with it ("": it is not there)."""
        try:
            raw = _content(path, self._most)
            return Kept(self._parse(raw), raw=raw), ""
        except FileNotFoundError:
            return None, ""
        except (OSError, *_NONSENSE) as error:
            if isinstance(error, OSError) and error.errno in _NOT_THE_FILE:
                raise
            return None, _why(path, error)


def json_object(raw: bytes) -> dict[str, Any]:
    """A parser for `StateFile`: the JSON object in `raw`; raises ValueError."""
    found = json.loads(raw.decode("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def put_aside(path: Path, *more: str) -> str:
    """Give a damaged file, or whatever is in its place, a name with the time; returns the name, ""
    if nothing was there.  `more` are endings of files that go with it, such as ``-wal``.

    Raises OSError.  It is renamed and not read, so it may be of any size.
    """
    if not os.path.lexists(path):
        return ""
    kept = sum(1 for _ in path.parent.glob(f"{glob.escape(path.name)}.damaged-*Z"))
    if kept >= MOST_ASIDE:
        log.error("%s: %d damaged versions are kept already; this one is not", path, kept)
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return ""
    now = datetime.now(UTC)
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}")):
        now += timedelta(seconds=1)
    # The file first: SQLite deletes what lies beside a database that is not there.
    path.rename(aside)
    for ending in more:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{aside}{ending}")
    sync_folder(path.parent)
    log.critical("%s is damaged and was put aside as %s", path, aside.name)
    return aside.name


def _content(path: Path, most: int) -> bytes:
    """What stands before the checksum.  Raises OSError, and DamagedFile for what is no file, too
    large, empty, or not what was written."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for ever
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise DamagedFile(worded("{name} is not a file", name=path.name))
        if about.st_size > most:
            raise DamagedFile(worded("{name} is too large", name=path.name))
        raw = file.read(most)
    if not raw.strip(b"\0 \r\n\t"):  # a disk that lost power may leave that
        raise DamagedFile(worded("{name} is empty", name=path.name))
    data, end = raw[:-BITS], raw[-BITS:]
    if end.strip(_BLANKS):
        return raw  # without a checksum
    if end != _checksum([data]):
        raise DamagedFile(worded("{name} is not as it was written", name=path.name))
    return data


def _checksum(pieces: Iterable[bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=BITS // 8)
    for piece in pieces:
        digest.update(piece)
    bits = int.from_bytes(digest.digest(), "big")
    return bytes(_BLANKS[bits >> n & 1] for n in reversed(range(BITS)))


def _why(path: Path, error: Exception) -> str:
    """What is wrong with a file, in English."""
    if isinstance(error, DamagedFile):
        return english(error)
    if isinstance(error, OSError):
        said = worded("{name} can't be read: {error}", name=path.name, error=error.strerror)
    else:
        reason = english(error) if isinstance(error, GaritaError) else str(error)
        reason = reason or type(error).__name__
        said = worded("{name} is damaged: {reason}", name=path.name, reason=reason)
    return english(DamagedFile(said))
