"""What does not work just now, as `decide()` gets it: a word for each thing that fails.

The camera and the face process are not here, because each badge tries them.  A job looks at disk
and clock every few seconds (in a thread: a disk may hang); the rest is asked at each badge and
costs nothing.  What can't be found out counts as failing.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from gateway.decide.policy import Subsystem

LOOK_EVERY_S = 5.0
_TIMEX_SIZE = 256  # struct timex of Linux is 208 bytes at most
_STATUS = slice(40, 44)  # its `status`, on 64-bit Linux (linux/timex.h)
_STA_UNSYNC = 0x40


class Health:
    """`broker`: whether MQTT is connected, None without a broker; `secured`: for each reader,
    whether it talks in a secure channel now; `list_copy`: of when the copy of the list is that is
    in force, "" if the list itself is."""

    def __init__(
        self,
        data_dir: Path,
        *,
        disk_free_mb: int,
        list_max_age_h: float | None,
        broker: Callable[[], bool | None] = lambda: None,
        secured: Mapping[str, Callable[[], bool]] | None = None,
        list_copy: Callable[[], str] = str,
    ) -> None:
        self._data_dir = data_dir
        self.use(disk_free_mb=disk_free_mb, list_max_age_h=list_max_age_h)
        self._broker = broker
        self._secured = secured or {}
        self._list_copy = list_copy
        self._looked: dict[Subsystem, str] = {}
        self._free_mb: int | None = None
        self.look()

    def use(self, *, disk_free_mb: int, list_max_age_h: float | None) -> None:
        """Judge by other limits from now on."""
        self._disk_free_mb, self._list_max_age_h = disk_free_mb, list_max_age_h

    def look(self) -> None:
        """Look at disk and clock; may wait for the disk."""
        looked = {}
        try:
            stat = os.statvfs(self._data_dir)
            self._free_mb = stat.f_bavail * stat.f_frsize // 1_000_000
            if self._free_mb < self._disk_free_mb:
                looked[Subsystem.DISK] = f"{self._free_mb} MB free"
        except OSError as error:
            self._free_mb, looked[Subsystem.DISK] = None, str(error.strerror)
        if not synchronised():
            looked[Subsystem.SYNC] = "no time server"
        self._looked = looked

    def disk(self) -> dict[str, int | None]:
        """How much was free when it last looked, and how much has to be (MB); None: not known."""
        return {"free_mb": self._free_mb, "least_mb": self._disk_free_mb}

    def failing(
        self, reader: str, applied_at: datetime | None, now: datetime
    ) -> dict[Subsystem, str]:
        """What fails for a badge at `reader`; `applied_at` is the list's."""
        found = dict(self._looked)
        if self._list_max_age_h is not None:
            hours = (now - applied_at).total_seconds() / 3600 if applied_at else float("inf")
            if hours > self._list_max_age_h:
                found[Subsystem.LIST_OLD] = f"{hours:.0f} h"
        if copy := self._list_copy():
            found[Subsystem.LIST_COPY] = copy
        if self._broker() is False:
            found[Subsystem.BROKER] = "away"
        secured = self._secured.get(reader)
        if secured is None or not secured():
            found[Subsystem.CHANNEL] = "in clear"
        return found


def synchronised() -> bool:
    """Whether the kernel holds its clock for synchronised (adjtimex(2), which reads only)."""
    buffer = (ctypes.c_byte * _TIMEX_SIZE)()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(buffer))
    except (AttributeError, OSError):
        return False
    status = int.from_bytes(bytes(buffer)[_STATUS], "little")
    return bool(state >= 0 and not status & _STA_UNSYNC)
