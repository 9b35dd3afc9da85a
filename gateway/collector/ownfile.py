"""The collector's SQLite file: held against damage before it is opened, and looked at meanwhile.

A damaged file is put aside and a new one begins: the gateways have their records, and are asked for
all of them.  What the collector cosigned before is forgotten with the file, so it must not cosign
as if it were new: it is `silent` as long as a damaged file lies there.  A person compares the two
and takes it away (docs/damage.md).
"""

from __future__ import annotations

import glob
import logging
import os
from pathlib import Path

from gateway.vault.databases import SIDES, damage_of, identity, is_damage
from gateway.vault.statefile import put_aside

log = logging.getLogger("garita.collector.ownfile")


class OwnFile:
    """The file at `path`; None for a server, of which nothing is known here."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._deep = True
        self._identity = (0, 0)
        self.lost = ""
        """The name under which the file of before was put aside in this run."""

    def hold(self) -> None:
        """Before it is opened: put it aside if it is damaged.  Each page is looked at, at the start
        and after an error that tells of damage.  Raises OSError."""
        if self._path is None:
            return
        if os.path.lexists(self._path) and (why := damage_of(self._path, deep=self._deep)):
            self.lost = put_aside(self._path, *SIDES)
            log.critical("%s; it is %s now, and a new one begins", why, self.lost)
        self._deep = False

    def opened(self) -> None:
        """It is there and has its tables."""
        if self._path is not None:
            self._identity = identity(self._path)

    def look(self) -> None:
        """Raise OSError if the file was removed or replaced: SQLite goes on writing the old one."""
        if self._path is not None and identity(self._path) != self._identity:
            self._deep = True
            raise OSError(f"{self._path} is another file than the one that is written")

    def doubt(self, error: BaseException) -> None:
        """Something failed; look closely before it is opened again if it tells of damage."""
        self._deep = self._deep or is_damage(getattr(error, "orig", error))

    @property
    def silent(self) -> bool:
        """Whether a damaged file lies there, so that nothing may be cosigned."""
        if self._path is None:
            return False
        return any(self._path.parent.glob(f"{glob.escape(self._path.name)}.damaged-*Z"))
