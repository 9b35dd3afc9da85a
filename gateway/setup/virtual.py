"""Devices for a gate without any: a reader and a relay board as ptys, to try a set-up with."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import termios
import threading
from pathlib import Path

from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard
from gateway.locale import _
from gateway.setup.found import FoundPort

BADGE = (18, 1001)


class VirtualGate:
    """A reader and a relay board in `folder`; make it inside an event loop."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.reader = VirtualRdm6300(folder / "reader")
        self.board = VirtualRelayBoard(folder / "board")

    @property
    def ports(self) -> list[FoundPort]:
        """As the machine's ports are listed."""
        return [
            FoundPort(str(self.reader.path), str(self.reader.path), _("simulated reader")),
            FoundPort(str(self.board.path), str(self.board.path), _("simulated relay board")),
        ]

    def hold_badge(self) -> None:
        """Somebody holds the badge to the reader.  Raises OSError if nobody takes its bytes."""
        self.reader.present(*BADGE)

    @property
    def unlocked(self) -> bool:
        """Whether the relay is energised now."""
        return bool(self.board.state.get(1))

    def close(self) -> None:
        """Take the devices away."""
        self.reader.close()
        self.board.close()


class VirtualGateThread:
    """The same for whoever has no event loop: it lives in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._gate = asyncio.run_coroutine_threadsafe(self._made(folder), self._loop).result()

    @staticmethod
    async def _made(folder: Path) -> VirtualGate:
        return VirtualGate(folder)

    @property
    def ports(self) -> list[FoundPort]:
        """As the machine's ports are listed."""
        return self._gate.ports

    def hold_badge(self) -> None:
        """Somebody holds the badge to the reader; nothing happens if nobody takes its bytes."""
        with contextlib.suppress(OSError):
            self._gate.hold_badge()

    def give(self, folder: Path) -> None:
        """Let the owner of `folder`, whom root starts the gateway as, use the devices."""
        owner = folder.stat()
        if os.geteuid() != 0:
            return
        for port in self.ports:
            os.chown(port.path, owner.st_uid, owner.st_gid)
            # Whoever listened had the port alone; we hold the pty open, so the kernel keeps that.
            handle = os.open(port.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                fcntl.ioctl(handle, termios.TIOCNXCL)
            finally:
                os.close(handle)

    def close(self) -> None:
        """Take the devices away."""
        asyncio.run_coroutine_threadsafe(self._closed(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _closed(self) -> None:
        self._gate.close()
