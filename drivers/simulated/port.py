"""A serial device made of a pty: the end that the wire's other party holds.

The gateway opens `path` as it would open a USB adapter; `unplug()` and `replug()` do what a
person at the connector does.  Runs in an asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from pathlib import Path


class VirtualPort:
    """A pty under a stable name; `received` gets what the gateway writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._master: int | None = None
        self._slave: int | None = None
        self.replug()

    def replug(self) -> None:
        """The device appears under its name."""
        if self._master is not None:
            return
        # Our own hold on the slave keeps the pty alive while the gateway reopens it.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self.path)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def unplug(self) -> None:
        """The device is gone: reads at the gateway end, its name too."""
        if self._master is None or self._slave is None:
            return
        self.path.unlink(missing_ok=True)
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = None

    close = unplug

    def send(self, data: bytes) -> None:
        """Bytes to the gateway, as many as fit now; BlockingIOError if none do."""
        if self._master is None:
            raise OSError("unplugged")
        os.write(self._master, data)

    async def send_all(self, data: bytes) -> None:
        """Bytes to the gateway, at its pace."""
        view = memoryview(data)
        while view:
            if self._master is None:
                raise OSError("unplugged")
            try:
                view = view[os.write(self._master, view[:1024]) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)

    def received(self, data: bytes) -> None:
        """What the gateway wrote; for subclasses."""

    def _readable(self) -> None:
        if self._master is None:
            return
        with contextlib.suppress(BlockingIOError, OSError):
            self.received(os.read(self._master, 4096))
