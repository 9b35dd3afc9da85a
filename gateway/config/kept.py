"""The configurations that were in force, kept so that one of them can be put back.

Each is a file of its own, ``NUMBER-TIME-VERSION.toml``.  The highest number was in force last; the
version is the beginning of the content's SHA-256, so a damaged file is known as one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.locale import worded
from gateway.vault.files import DamagedFile, adopt, write_whole

MOST = 30
_NAME = re.compile(r"(\d{6})-(\d{8}T\d{6}Z)-([0-9a-f]{12})\.toml")
_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Kept:
    """One of them: since when (by the box's clock, UTC) it was in force."""

    number: int
    since: datetime
    version: str
    path: Path

    def read(self) -> bytes:
        """Its content; raises OSError, and DamagedFile for one that is not as it was written."""
        raw = self.path.read_bytes()
        if version_of(raw) != self.version:
            raise DamagedFile(worded("{name} is damaged", name=self.path.name))
        return raw


def version_of(raw: bytes) -> str:
    """The version of a configuration, as records and `garita status` name it."""
    return hashlib.sha256(raw).hexdigest()[:12]


def kept(folder: Path) -> list[Kept]:
    """All of them, the newest first; raises OSError for a folder that can't be read."""
    try:
        names = sorted((one.name for one in folder.iterdir()), reverse=True)
    except FileNotFoundError:
        return []
    found = ((name, _NAME.fullmatch(name)) for name in names)
    return [
        Kept(
            int(parts[1]),
            datetime.strptime(parts[2], _TIME).replace(tzinfo=UTC),
            parts[3],
            folder / name,
        )
        for name, parts in found
        if parts is not None
    ]


def keep(folder: Path, raw: bytes) -> Path | None:
    """Keep `raw` as the newest; returns its file, None if the newest is the same already.  The
    oldest go where there are more than MOST.  Raises OSError."""
    known = kept(folder)
    version = version_of(raw)
    if known and known[0].version == version and _is_good(known[0]):
        return None
    if not folder.exists():
        folder.mkdir(mode=0o750, parents=True)
        adopt(folder)
    number = known[0].number + 1 if known else 1
    path = folder / f"{number:06d}-{datetime.now(UTC):{_TIME}}-{version}.toml"
    write_whole(path, raw, mode=0o640)
    for old in known[MOST - 1 :]:
        old.path.unlink(missing_ok=True)
    return path


def find(folder: Path, version: str) -> Kept | None:
    """The newest of that version, or whose version begins so if `version` has 4 digits or more;
    None if there is none or if it names several."""
    if len(version) < 4:
        return None
    fits = [one for one in kept(folder) if one.version.startswith(version)]
    return fits[0] if len({one.version for one in fits}) == 1 else None


def _is_good(one: Kept) -> bool:
    try:
        one.read()
    except (OSError, DamagedFile):
        return False
    return True
