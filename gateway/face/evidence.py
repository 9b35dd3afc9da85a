"""Pictures of access decisions, sealed, for the time that a site allows.

In: a JPEG as bytes and the key that seals it (the holder's; the site's evidence key for a face that
matched nobody).  Out: ``evidence/YYYY-MM-DD/<event id>.sealed``, a whole file or none.  A picture
that can't be kept (disk nearly full, too large, a second one) is reported by the return value and
never raises, because a badge must not wait for a picture.  This module does not decode pictures and
imports neither NumPy nor OpenCV.  It waits for the disk, so the daemon calls it in a thread.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path

from gateway.locale import GaritaError, worded
from gateway.vault.files import adopt, write_whole
from gateway.vault.sitekey import Sealer, SealError, SiteKey

MAX_PICTURE = 1024 * 1024
MAX_TOTAL = 1024 * 1024 * 1024
MIN_FREE = 512 * 1024 * 1024  # below this the disk belongs to the log
_HEADER = 1024  # bytes at most: two ids
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,79}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class EvidenceError(GaritaError):
    """A picture is missing or does not open.  The message is for people."""


class Kept(StrEnum):
    """What became of a picture."""

    KEPT = "kept"
    TOO_LARGE = "too_large"
    FULL = "full"  # all pictures together, or the disk
    TWICE = "twice"  # the event has one already, which stays
    FAILED = "failed"


class Evidence:
    """The pictures below one folder.  Use it from one thread at a time."""

    def __init__(
        self, folder: Path, *, max_total: int = MAX_TOTAL, min_free: int = MIN_FREE
    ) -> None:
        self._folder = folder
        self._max_total = max_total
        self._min_free = min_free
        self._total: int | None = None  # bytes; None: to be counted

    def keep(
        self, event_id: str, day: date, jpeg: bytes, sealer: Sealer, holder: tuple[str, str] | None
    ) -> Kept:
        """Seal a picture for one event.  `holder` is (person id, key id) if `sealer` is a
        person's (`Vault.sealer`), None for `site_sealer`.  Never raises."""
        if not jpeg or len(jpeg) > MAX_PICTURE:
            return Kept.TOO_LARGE if jpeg else Kept.FAILED
        person, key_id = holder or ("", "")
        try:
            path = self._path(event_id, day)
            header = json.dumps({"person": person, "key_id": key_id}).encode() + b"\n"
            if len(header) > _HEADER:
                return Kept.FAILED
            if path.exists():
                return Kept.TWICE
            self._make(self._folder)
            if shutil.disk_usage(self._folder).free < self._min_free:
                return Kept.FULL
            if self._size() + len(jpeg) > self._max_total:
                self._total = None  # somebody else may have purged since they were counted
                if self._size() + len(jpeg) > self._max_total:
                    return Kept.FULL
            self._make(path.parent)
            data = header + sealer.seal(jpeg, event_id, day.isoformat(), person, key_id)
            write_whole(path, data, mode=0o600)
            self._total = self._size() + len(data)
        except (OSError, EvidenceError, ValueError):
            self._total = None
            return Kept.FAILED
        return Kept.KEPT

    def find(self, event_id: str, at: datetime, zone: tzinfo) -> date:
        """The day under which the picture of an event at the time `at` is kept: the site's day, or
        the day of UTC, which versions before 0.2 used."""
        days = (at.astimezone(zone).date(), at.astimezone(UTC).date())
        return next((day for day in days if self._path(event_id, day).exists()), days[0])

    def holder(self, event_id: str, day: date) -> tuple[str, str] | None:
        """The (person id, key id) that sealed a picture, or None for the site's evidence key.
        Only `open` proves it.  Raises EvidenceError."""
        return self._read(event_id, day)[0]

    def open(self, event_id: str, day: date, sealer: Sealer) -> bytes:
        """The JPEG of one event; raises EvidenceError if it is gone or does not open."""
        holder, sealed = self._read(event_id, day)
        person, key_id = holder or ("", "")
        try:
            return sealer.open(sealed, event_id, day.isoformat(), person, key_id)
        except SealError as error:
            raise EvidenceError(
                worded("the picture does not open: changed, or another key")
            ) from error

    def purge(self, today: date, days: int) -> int:
        """Delete pictures older than `days` days and return how many.

        `today` must come from a trusted clock.  A picture dated in the future by a wrong clock
        counts from the first purge that sees it.  Raises OSError; pictures deleted before the
        error stay deleted.
        """
        oldest = (today - timedelta(days=days)).isoformat()
        count = 0
        for folder in self._days():
            if _since(folder, today) < oldest:
                count += sum(1 for file in folder.iterdir() if file.suffix == ".sealed")
                shutil.rmtree(folder)
                self._total = None
        return count

    def _days(self) -> list[Path]:
        """The folders of days.  Links are left out, because they may lead anywhere."""
        if not self._folder.is_dir():
            return []
        return sorted(
            item
            for item in self._folder.iterdir()
            if _DAY.fullmatch(item.name) and item.is_dir() and not item.is_symlink()
        )

    def _size(self) -> int:
        if self._total is None:
            self._total = sum(
                file.lstat().st_size for folder in self._days() for file in folder.iterdir()
            )
        return self._total

    def _path(self, event_id: str, day: date) -> Path:
        if not _EVENT_ID.fullmatch(event_id):
            raise EvidenceError(worded("not the id of an event"))
        return self._folder / day.isoformat() / f"{event_id}.sealed"

    @staticmethod
    def _make(folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            adopt(folder)

    def _read(self, event_id: str, day: date) -> tuple[tuple[str, str] | None, bytes]:
        path = self._path(event_id, day)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_PICTURE + 2 * _HEADER)
            header, _, sealed = data.partition(b"\n")
            found = json.loads(header[:_HEADER])
            person, key_id = found["person"], found["key_id"]
        except FileNotFoundError as error:
            raise EvidenceError(
                worded("no picture is kept of {event_id}", event_id=event_id)
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvidenceError(
                worded("the picture of {event_id} is damaged", event_id=event_id)
            ) from error
        if not isinstance(person, str) or not isinstance(key_id, str):
            raise EvidenceError(worded("the picture of {event_id} is damaged", event_id=event_id))
        return ((person, key_id) if person else None), sealed


def _since(folder: Path, today: date) -> str:
    """The day from which the age of a folder's pictures counts.

    A wrong clock may have named the folder by a day in the future (tomorrow is allowed, because
    UTC may be a day ahead).  Then the folder's modification time counts, which is set to today
    once if it lies in the future too.
    """
    tomorrow = today + timedelta(days=1)
    if folder.name <= tomorrow.isoformat():
        return folder.name
    written = datetime.fromtimestamp(folder.lstat().st_mtime, UTC).date()
    if written <= tomorrow:
        return written.isoformat()
    noon = datetime.combine(today, time(12), UTC).timestamp()
    os.utime(folder, (noon, noon))
    return today.isoformat()


def site_sealer(key: SiteKey) -> Sealer:
    """Encryption of pictures of people who were not recognised."""
    return key.sealer("evidence")
