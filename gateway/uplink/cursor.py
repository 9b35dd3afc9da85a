"""How far the ledger was published, in a small file that survives a power cut."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from gateway.ledger.event import Event
from gateway.ledger.kept import Kept
from gateway.vault.statefile import StateFile, Tell, log_damage

log = logging.getLogger("garita.uplink.cursor")


class Records(Protocol):
    """What is read of the ledger."""

    @property
    def last_seq(self) -> int: ...
    def after(self, seq: int, limit: int) -> list[Event]: ...
    def kept_after(self, seq: int, limit: int) -> list[Kept]: ...
    def get(self, seq: int) -> Event | None: ...


def cursor_file(path: Path, tell: Tell = log_damage) -> StateFile[tuple[str, int]]:
    """The file of a cursor: the name of the log's first chain, and the number."""
    return StateFile(path, _parse, tell=tell)


def _parse(raw: bytes) -> tuple[str, int]:
    chain, number = raw.decode("ascii").split()
    return chain, int(number)


class Cursor:
    """The number of the newest record that the broker has: ``chain seq`` in the file `path`.

    The number may be too low, because subscribers drop what comes twice by its id.  It is never too
    high, because what is skipped would be lost.  If the file is damaged, the version before counts,
    which says a little less.  A file that is missing, of another ledger or ahead of it counts as
    none, and everything is published again.  `load` and `save` wait for the disk: call them in a
    thread.
    """

    def __init__(self, path: Path, tell: Tell = log_damage) -> None:
        self._file = cursor_file(path, tell)
        self._chain = ""
        self._saved = -1
        self.seq = 0

    def load(self, records: Records) -> None:
        """Read the file and compare it with the ledger; raises LedgerUnavailable."""
        first = records.get(1)
        self._chain = str(first.data.get("chain", "")) if first else ""
        self.seq = self._saved = 0
        kept = self._file.restore(otherwise="published_again")
        if kept.value is None:
            if kept.damage:
                log.error("%s: everything is published again", kept.damage)
            return
        chain, seq = kept.value
        if chain == self._chain and 0 <= seq <= records.last_seq:
            self.seq = self._saved = seq
        else:
            log.error("the cursor is not of this ledger: everything is published again")

    def save(self) -> None:
        """Write the file; a failure is logged and costs messages that come twice, none is lost."""
        seq = self.seq
        if seq == self._saved or not self._chain:
            return
        try:
            self._file.write(f"{self._chain} {seq}\n".encode("ascii"))
            self._saved = seq
        except OSError as error:
            log.error("the cursor can't be saved: %s", error)
