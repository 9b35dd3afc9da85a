"""The secure channel keys of readers, sealed on the disk; a key for each reader.

`pending` is a key that a reader was being given when we last knew: until its answer is here
it may hold the old one or the new one, so both are kept and tried.  A window that came to
nothing may have given its key all the same, so the next one does not replace it.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
from pathlib import Path

from gateway.locale import GaritaError, worded
from gateway.vault.sitekey import SealError, SiteKey
from gateway.vault.statefile import StateFile, Tell, json_object, log_damage

KEPT = 4  # keys of windows whose end is not known


class ReaderKeysError(GaritaError):
    """The file of reader keys can't be read or written; the message says why."""


class ReaderKeys:
    """Keys by the reader's name, in `path`.

    `new` and `taken` wait for the disk.  Threads may call them at the same time, but those about
    one reader must come in their order.

    If the file is damaged, the version before counts: it has each key that a reader may hold, and
    of the reader that got a key last also the one that was replaced.  If neither can be read, the
    file stays as it is, so that a person can restore it: no reader has a key then, and none gets
    one.  `damage` says why, and every other method raises ReaderKeysError.

    `mend` says that a damaged file is put aside and written anew: the daemon alone does that.
    """

    def __init__(
        self, path: Path, key: SiteKey, tell: Tell = log_damage, *, mend: bool = False
    ) -> None:
        self._path = path
        self._file = StateFile(path, _parse, mode=0o600, tell=tell)
        self._sealer = key.sealer("reader keys")
        self.damage = ""
        self._held: dict[str, dict[str, str]] = self._read(mend)
        self._writing = threading.Lock()

    def candidates(self, reader: str) -> list[bytes]:
        """The keys that the reader may hold, the newest last."""
        self._refuse_damage()
        entry = self._held.get(reader, {})
        try:
            return [
                self._sealer.open(base64.b64decode(sealed), reader) for sealed in entry.values()
            ]
        except (SealError, binascii.Error) as error:
            raise ReaderKeysError(
                worded(
                    "{path}: the key of {reader}: {error}",
                    path=self._path,
                    reader=reader,
                    error=error,
                )
            ) from error

    def new(self, reader: str) -> bytes:
        """A key for `reader`, durable when this returns; raises ReaderKeysError if it is not."""
        self._refuse_damage()
        key = secrets.token_bytes(16)
        sealed = base64.b64encode(self._sealer.seal(key, reader)).decode()
        with self._writing:
            self._held[reader] = {**self._kept(reader), "pending": sealed}
            self._write()
        return key

    def _kept(self, reader: str) -> dict[str, str]:
        """What the reader may hold, with its newest windows numbered."""
        entry = self._held.get(reader, {})
        kept = [value for state, value in entry.items() if state != "current"][-KEPT:]
        current = {"current": entry["current"]} if "current" in entry else {}
        pending = {f"pending {n}": value for n, value in enumerate(kept, 1)}
        return {**current, **pending}

    def taken(self, reader: str, key: bytes) -> None:
        """The reader has `key`: forget all others.  Raises ReaderKeysError if that can't be
        written; the file then holds `key` among the others."""
        self._refuse_damage()
        sealed = base64.b64encode(self._sealer.seal(key, reader)).decode()
        with self._writing:
            self._held[reader] = {"current": sealed}
            self._write()

    def _read(self, mend: bool) -> dict[str, dict[str, str]]:
        try:
            kept = self._file.read()
        except OSError as error:
            self.damage = str(error)
            return {}
        if kept.value is None:
            self.damage = kept.damage
            if kept.damage and mend:
                self._file.tell(kept, "readers_offline")
            return {}
        if kept.damage and mend:
            self._file.give_back(kept, kept.raw, "previous")
        return kept.value

    def _refuse_damage(self) -> None:
        if self.damage:
            raise ReaderKeysError(
                worded(
                    "{path}: {error}. Restore it from a backup; or move it away, restart, and "
                    "install every reader again (garita reader install)",
                    path=self._path,
                    error=self.damage,
                )
            )

    def _write(self) -> None:
        try:
            self._file.write(json.dumps(self._held, indent=1).encode())
        except OSError as error:
            raise ReaderKeysError(f"{self._path}: {error}") from error


def _parse(raw: bytes) -> dict[str, dict[str, str]]:
    found = json_object(raw)
    return {name: {str(a): str(b) for a, b in held.items()} for name, held in found.items()}
