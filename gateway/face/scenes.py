"""Keeps what each camera should see, so that a camera that was turned while the box was off is
noticed.  The file is a convenience: if it can't be read, the cameras learn their scenes anew."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from gateway.vault.files import FileThread
from gateway.vault.statefile import StateFile, Tell, json_object, log_damage

log = logging.getLogger("garita.face.scenes")


class Scenes:
    """Scenes by camera, in the file at `path`."""

    def __init__(self, path: Path, tell: Tell = log_damage) -> None:
        self._file = StateFile(path, _parse, mode=0o644, tell=tell)
        self._files = FileThread("camera scenes")
        try:
            self._held = self._file.restore(otherwise="learnt_anew").value or {}
        except OSError as error:
            log.warning("%s: %s; the cameras learn their scenes anew", path, error)
            self._held = {}

    def read(self) -> dict[str, str]:
        """The scenes that were kept."""
        return dict(self._held)

    def put(self, camera: str, data: str) -> None:
        """Keep the scene of one camera; returns at once, a thread writes the file."""
        self._held[camera] = data
        self._files.soon(self._file.write, json.dumps(self._held).encode())

    def close(self) -> None:
        """Wait until everything is on the disk."""
        self._files.close()


def _parse(raw: bytes) -> dict[str, str]:
    return {name: str(data) for name, data in json_object(raw).items()}
