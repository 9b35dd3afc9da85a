"""A disk of which it is known what is safe on it, and what a power cut leaves.

A program works in a folder, and the kernel shows it its own writes at once.  On the disk they are
safe only after fsync(2).  Until then a power cut may keep any of them, in any order, and in part: a
drive writes sectors of 512 bytes, and the sector under the head may hold anything afterwards.  The
same holds for names: one that was given or taken away is safe when its folder was synced.

`Disk` is told of each write, sync and name (sqlitevfs.py and filecalls.py tell it).  It keeps what
is safe in a store beside the folder, and what is not in a list.  `cut` builds the folder as it may
be found after the power is back.

After Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014), whose model this is; it
is harsher than ext4, which keeps the order of names.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SECTOR = 512
SAVED = ("none", "all", "first", "any", "any")
"""What of the unsynced survives a cut: nothing, all, those up to one that is torn, or any of them.
"""

# The real calls: filecalls.py puts others in their place.
_open, _close, _pwrite, _truncate = os.open, os.close, os.pwrite, os.truncate
_rename = os.rename


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes of a file that are not safe yet."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Size:
    """A file got this size."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Names:
    """Names that were given to files (or taken away: None) in one step."""

    names: tuple[tuple[str, int | None], ...]


Change = Write | Size | Names


@dataclass(frozen=True, slots=True)
class Trouble:
    """A disk that fails from operation `begin` to before `end` with `code` (errno.h): each
    operation with the chance `share`."""

    code: int = errno.EIO
    begin: int = 0
    end: int = 0
    share: float = 1.0


class Disk:
    """What is safe of the folder `root`.

    The `cut_at`th operation is the last: the folder as the cut leaves it is built in `after`, and
    `die` is called with the number of changes that were not synced, and of those of which nothing
    is left; it must not return.  `store` is a new folder for what is safe.  A disk that `lies`
    syncs nothing: whoever trusts it loses records, and the lab has to see that.
    """

    def __init__(
        self,
        root: Path,
        store: Path,
        after: Path,
        *,
        chance: random.Random,
        cut_at: int,
        die: Callable[[int, int], object],
        trouble: Trouble | None = None,
        lies: bool = False,
    ) -> None:
        self.lock = threading.RLock()
        self._root = str(root.resolve())
        self._store = store
        self._after = after
        self._chance = chance
        self._cut_at = cut_at
        self._die = die
        self._trouble = trouble or Trouble()
        self._lies = lies
        self._count = 0
        self._next = 0
        self._unsafe: list[Change] = []
        self._dirty: dict[int, str] = {}
        self._live: dict[str, int] = {}
        self._safe: dict[str, int] = {}
        store.mkdir(parents=True)
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder) / name
                if path.is_file() and not name.endswith("-shm"):
                    number = self._new()
                    shutil.copyfile(path, self._kept(number))
                    self._live[self.name_of(str(path)) or ""] = number
        self._safe = dict(self._live)

    def name_of(self, path: str | os.PathLike[str]) -> str | None:
        """The path inside the folder; None for one outside."""
        text = os.path.abspath(os.fspath(path))  # noqa: PTH100 - no links are followed
        folder, name = os.path.split(text)
        text = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
        return text[len(self._root) + 1 :] if text.startswith(self._root + os.sep) else None

    def is_root(self, path: str) -> bool:
        """Whether this is the folder itself."""
        return os.path.realpath(path) == self._root

    def number(self, name: str) -> int | None:
        """The file that has this name now."""
        return self._live.get(name)

    # What the program does

    def failing(self) -> int:
        """The errno with which the operation that begins now fails; 0 for none."""
        trouble = self._trouble
        if trouble.begin <= self._count < trouble.end and self._chance.random() < trouble.share:
            self._step()
            return trouble.code
        return 0

    def created(self, name: str) -> int:
        """A new file got a name."""
        number = self._new()
        self._live[name] = number
        self._change(Names(((name, number),)))
        return number

    def dirtied(self, number: int, name: str) -> None:
        """A file was opened for writing by another than SQLite: what it holds is unsafe."""
        self._dirty[number] = name

    def opened_by_sqlite(self, number: int) -> None:
        """SQLite opened a file, and says itself from now on what it writes."""
        self._dirty.pop(number, None)

    def wrote(self, number: int, offset: int, data: bytes) -> None:
        """Bytes were written."""
        self._change(Write(number, offset, data))

    def resized(self, number: int, size: int) -> None:
        """A file was cut off, or made longer with zeros."""
        self._change(Size(number, size))

    def synced(self, number: int, *, folder: bool = False) -> None:
        """fsync(2) of a file; with `folder` of the folder as well, as SQLite does for a new one."""
        self._step()
        if self._lies:
            return
        rest: list[Change] = []
        for change in self._unsafe:
            mine = folder if isinstance(change, Names) else change.file == number
            if mine:
                self._keep(change)
            else:
                rest.append(change)
        self._unsafe = rest

    def synced_whole(self, number: int, content: bytes) -> None:
        """fsync(2) of a file that another than SQLite wrote."""
        self._dirty.pop(number, None)
        self._unsafe += [Size(number, 0), Write(number, 0, content)]
        self.synced(number)

    def synced_folder(self) -> None:
        """fsync(2) of the folder: its names are safe."""
        self.synced(-1, folder=True)

    def renamed(self, old: str, new: str) -> None:
        """rename(2), which is one step."""
        number = self._live.pop(old, None)
        if number is None:
            return
        self._live[new] = number
        if number in self._dirty:
            self._dirty[number] = new
        self._change(Names(((new, number), (old, None))))

    def linked(self, old: str, new: str) -> None:
        """link(2)."""
        number = self._live.get(old)
        if number is not None:
            self._live[new] = number
            self._change(Names(((new, number),)))

    def unlinked(self, name: str) -> None:
        """unlink(2)."""
        number = self._live.pop(name, None)
        if number is not None:
            self._dirty.pop(number, None)
            self._change(Names(((name, None),)))

    # The cut

    def cut(self) -> None:
        """The power is gone: build the folder as it may be found afterwards, and die."""
        for number, name in list(self._dirty.items()):
            path = Path(self._root) / name
            if not any(isinstance(c, Write) and c.file == number for c in self._unsafe):
                self._unsafe.append(Write(number, 0, path.read_bytes() if path.exists() else b""))
        gone = 0
        for left in survivors(self._unsafe, self._chance):
            gone += not left
            for change in left:
                self._keep(change)
        # Whoever kills this process meanwhile finds no `after`: then no power was cut.
        part = self._after.with_name(self._after.name + ".part")
        for folder, _, _ in os.walk(self._root):
            (part / os.path.relpath(folder, self._root)).mkdir(parents=True, exist_ok=True)
        for name, number in self._safe.items():
            shutil.copyfile(self._kept(number), part / name)
        _rename(part, self._after)
        self._die(len(self._unsafe), gone)

    def _new(self) -> int:
        self._next += 1
        self._kept(self._next).touch()
        return self._next

    def _kept(self, number: int) -> Path:
        return self._store / str(number)

    def _change(self, change: Change) -> None:
        self._unsafe.append(change)
        self._step()

    def _step(self) -> None:
        self._count += 1
        if self._count == self._cut_at:
            self.cut()

    def _keep(self, change: Change) -> None:
        """Make a change safe."""
        if isinstance(change, Names):
            for name, number in change.names:
                if number is None:
                    self._safe.pop(name, None)
                else:
                    self._safe[name] = number
        elif isinstance(change, Size):
            _truncate(self._kept(change.file), change.size)
        else:
            handle = _open(self._kept(change.file), os.O_WRONLY)
            try:
                _pwrite(handle, change.data, change.offset)
            finally:
                _close(handle)


def survivors(changes: Sequence[Change], chance: random.Random) -> Iterator[Sequence[Change]]:
    """What a power cut leaves of each of `changes` that were not synced: all, parts, or nothing."""
    how = chance.choice(SAVED)
    first = chance.randint(0, len(changes))
    share = chance.choice((0.1, 0.5, 0.9))
    for index, change in enumerate(changes):
        if how == "all" or (how == "first" and index < first):
            yield (change,)
        elif how == "first" and index == first:
            yield torn(change, chance)
        elif how == "any" and chance.random() < share:
            yield (change,) if chance.random() < 0.7 else torn(change, chance)
        else:
            yield ()


def torn(change: Change, chance: random.Random) -> Sequence[Change]:
    """Some of the sectors of a write; one of them may hold anything.  A name is whole or not."""
    if not isinstance(change, Write):
        return ()
    in_order = chance.random() < 0.5
    count = -(-len(change.data) // SECTOR)
    whole = chance.randint(0, count)
    left = []
    for index in range(count):
        if not (index < whole if in_order else chance.random() < 0.5):
            continue
        piece = change.data[index * SECTOR : (index + 1) * SECTOR]
        if chance.random() < 0.1:
            piece = chance.randbytes(len(piece))
        left.append(replace(change, offset=change.offset + index * SECTOR, data=piece))
    return left
