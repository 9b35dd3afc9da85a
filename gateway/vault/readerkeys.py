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
from pathlib import Path

from gateway import GaritaError
from gateway.vault.files import write_whole
from gateway.vault.sitekey import SealError, SiteKey

KEPT = 4  # keys of windows whose end is not known


class ReaderKeysError(GaritaError):
    """The file of reader keys can't be read or written; the message says why."""


class ReaderKeys:
    """Keys by the reader's name, in `path`."""

    def __init__(self, path: Path, key: SiteKey) -> None:
        self._path = path
        self._sealer = key.sealer("reader keys")
        self._held: dict[str, dict[str, str]] = self._read()

    def candidates(self, reader: str) -> list[bytes]:
        """The keys that the reader may hold, the newest last."""
        entry = self._held.get(reader, {})
        try:
            return [
                self._sealer.open(base64.b64decode(sealed), reader) for sealed in entry.values()
            ]
        except (SealError, binascii.Error) as error:
            raise ReaderKeysError(f"{self._path}: the key of {reader}: {error}") from error

    def new(self, reader: str) -> bytes:
        """A key for `reader`, on the disk before it is sent to anybody."""
        key = secrets.token_bytes(16)
        sealed = base64.b64encode(self._sealer.seal(key, reader)).decode()
        entry = self._held.get(reader, {})
        kept = [value for state, value in entry.items() if state != "current"][-KEPT:]
        current = {"current": entry["current"]} if "current" in entry else {}
        pending = {f"pending {n}": value for n, value in enumerate(kept, 1)}
        self._held[reader] = {**current, **pending, "pending": sealed}
        self._write()
        return key

    def taken(self, reader: str, key: bytes) -> None:
        """The reader has `key`: all others are worth nothing any more."""
        sealed = base64.b64encode(self._sealer.seal(key, reader)).decode()
        self._held[reader] = {"current": sealed}
        self._write()

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(k): {str(a): str(b) for a, b in v.items()} for k, v in data.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            raise ReaderKeysError(f"{self._path}: {error}") from error

    def _write(self) -> None:
        try:
            write_whole(self._path, json.dumps(self._held, indent=1).encode(), mode=0o600)
        except OSError as error:
            raise ReaderKeysError(f"{self._path}: {error}") from error
