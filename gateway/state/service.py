"""Doors that an operator took out of service, kept over restarts."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.vault.files import FileThread, write_json


class OutOfService:
    """The doors out of service with the reason of each, in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = FileThread("doors out of service")

    def read(self) -> dict[str, str]:
        """All doors out of service, by name.  Raises OSError for a file that can't be read or
        understood: a guess could open a door that somebody closed."""
        try:
            return {str(k): str(v) for k, v in json.loads(self._path.read_text("utf-8")).items()}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError) as error:
            raise OSError(f"{self._path}: {error}") from error

    async def put(self, door: str, reason: str) -> None:
        """Take `door` out of service, or with an empty `reason` back into it; durable when this
        returns.  Raises OSError, and then the file is as before."""
        await self._files.run(self._put, door, reason)

    def _put(self, door: str, reason: str) -> None:
        held = self.read()
        held.pop(door, None)
        write_json(self._path, {**held, door: reason} if reason else held)
