"""Keeps what each camera should see, so that a camera that was turned while the box was off is
noticed.  The file is a convenience: if it can't be read, the cameras learn their scenes anew."""

from __future__ import annotations

import logging
from pathlib import Path

from gateway.vault.files import DamagedFile, FileThread, read_object, write_json

log = logging.getLogger("garita.face.scenes")


class Scenes:
    """Scenes by camera, in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = FileThread("camera scenes")
        self._held = self.read()

    def read(self) -> dict[str, str]:
        try:
            return {name: str(data) for name, data in read_object(self._path).items()}
        except FileNotFoundError:
            return {}
        except (OSError, DamagedFile) as error:
            log.warning("%s: %s; the cameras learn their scenes anew", self._path, error)
            return {}

    def put(self, camera: str, data: str) -> None:
        """Keep the scene of one camera; returns at once, a thread writes the file."""
        self._held[camera] = data
        self._files.soon(write_json, self._path, dict(self._held))

    def close(self) -> None:
        """Wait until everything is on the disk."""
        self._files.close()
