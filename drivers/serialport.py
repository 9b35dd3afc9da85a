"""A serial port that this process has for itself, and opens again when it was lost.

A callback gets arriving bytes with their monotonic time; `on_state` gets each change (open, lost,
why).  The port is opened exclusively.  When it vanishes, `run` opens it again with back-off, fast
enough that a replugged device is back within two seconds.  A write goes out now or raises: nothing
waits for a port that is away, because an old "unlock" must not be sent when it returns.

pyserial opens and configures the port; asyncio's `add_reader` reads it (docs/architecture.md
gives the reason).  The driver knows what the bytes mean; this file does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import termios
import time
from collections.abc import Callable, Iterator

import serial
import serial.rs485

from drivers.backoff import Backoff

log = logging.getLogger("garita.serial")

READ_SIZE = 4096
MAX_PENDING = 64 * 1024


class PortClosed(OSError):
    """The port is not open.  The data was not written and will not be."""


class SerialPort:
    """A port at `path`; `run()` keeps it open until it is cancelled.

    `on_bytes(data, now)` gets what arrives, `on_tick(now)` is called every `tick_s` seconds
    while the port is open, `on_state(online, detail)` at each change.  `retry_s` is the
    shortest and longest wait between attempts to open.  `progress_at` is a monotonic mark
    that moves at least once a second while the task lives, for a watchdog.
    """

    def __init__(
        self,
        path: str,
        *,
        baudrate: int = 9600,
        parity: str = "N",
        rs485: bool = False,
        on_bytes: Callable[[bytes, float], None],
        on_tick: Callable[[float], None] | None = None,
        on_state: Callable[[bool, str], None] | None = None,
        tick_s: float = 0.1,
        retry_s: tuple[float, float] = (0.1, 1.0),
    ) -> None:
        self.path = path
        self.progress_at = time.monotonic()
        self._baudrate = baudrate
        self._parity = parity
        self._rs485 = rs485
        self._on_bytes = on_bytes
        self._on_tick = on_tick
        self._on_state = on_state
        self._tick_s = tick_s
        self._retry_s = retry_s
        self._port: serial.Serial | None = None
        self._pending = bytearray()
        self._lost: asyncio.Future[str] | None = None

    @property
    def connected(self) -> bool:
        return self._port is not None

    def fileno(self) -> int:
        """The open port's descriptor; raises PortClosed."""
        if self._port is None:
            raise PortClosed(errno.ENODEV, "the port is not open", self.path)
        return int(self._port.fileno())

    def write(self, data: bytes) -> None:
        """Send `data` now, in order; raises PortClosed if the port is not open."""
        fd = self.fileno()
        if len(self._pending) + len(data) > MAX_PENDING:
            self._drop("the device takes no data")
            raise PortClosed(errno.EIO, "the device takes no data", self.path)
        self._pending += data
        self._flush(fd)
        if not self.connected:
            raise PortClosed(errno.EIO, "the port was lost while writing", self.path)

    @contextlib.contextmanager
    def opened(self) -> Iterator[serial.Serial]:
        """The open port in blocking mode, for one use without `run()`.  Raises OSError when it
        can't be opened."""
        port = self._open()
        try:
            os.set_blocking(port.fileno(), True)
            yield port
        finally:
            port.close()

    async def run(self) -> None:
        """Keep the port open for ever; closes it when the task is cancelled."""
        backoff = Backoff(*self._retry_s)
        while True:
            self.progress_at = time.monotonic()
            try:
                # A USB driver may block for seconds while it opens: not in the event loop.
                port = await asyncio.to_thread(self._open)
            except (OSError, serial.SerialException) as error:
                self._tell(False, _reason(error))
                await asyncio.sleep(backoff.pause_s())
                continue
            backoff.reset()
            try:
                reason = await self._serve(port)
            finally:
                self._drop("closed")
                await asyncio.to_thread(_close, port)
            self._tell(False, reason)
            await asyncio.sleep(self._retry_s[0])

    def _open(self) -> serial.Serial:
        port = serial.Serial(
            self.path,
            baudrate=self._baudrate,
            parity=self._parity,
            timeout=0,
            write_timeout=0,
            exclusive=True,  # flock: keeps out everyone who asks for the lock
        )
        try:
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)  # keeps out those who don't (not root)
            if self._rs485:
                port.rs485_mode = serial.rs485.RS485Settings()
            os.set_blocking(port.fileno(), False)
            # What arrived before we had the port is old: a badge of then must not open a door now.
            port.reset_input_buffer()
        except Exception:
            port.close()
            raise
        return port

    async def _serve(self, port: serial.Serial) -> str:
        """Read until the port is lost; returns why."""
        loop = asyncio.get_running_loop()
        self._port, self._lost = port, loop.create_future()
        loop.add_reader(port.fileno(), self._readable, port.fileno())
        self._tell(True, "")
        while True:
            self.progress_at = time.monotonic()
            done, _ = await asyncio.wait([self._lost], timeout=self._tick_s)
            if done:
                return self._lost.result()
            if self._on_tick is not None:
                self._call(self._on_tick, time.monotonic())

    def _readable(self, fd: int) -> None:
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._drop(_reason(error))
            return
        if not data:
            self._drop("hung up")
            return
        self._call(self._on_bytes, data, time.monotonic())

    def _flush(self, fd: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            sent = os.write(fd, self._pending)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._drop(_reason(error))
            return
        del self._pending[:sent]
        if self._pending:
            loop.add_writer(fd, self._flush, fd)
        else:
            loop.remove_writer(fd)

    def _drop(self, reason: str) -> None:
        """The port is lost: from now on writes raise, and `_serve` ends."""
        port, self._port = self._port, None
        if port is None:
            return
        self._pending.clear()
        loop = asyncio.get_running_loop()
        loop.remove_reader(port.fileno())
        loop.remove_writer(port.fileno())
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)

    def _tell(self, online: bool, detail: str) -> None:
        if self._on_state is not None:
            self._call(self._on_state, online, detail)

    def _call(self, handler: Callable[..., None], *args: object) -> None:
        """Call a handler; log its exception, so that a fault in it does not close the port."""
        try:
            handler(*args)
        except Exception:
            log.exception("%s: handler failed", self.path)


def _close(port: serial.Serial) -> None:
    """Close a port, in a thread: the kernel waits for what was sent to a device that takes no data,
    as long as half a minute (closing_wait of setserial(8))."""
    with contextlib.suppress(OSError, serial.SerialException):
        port.close()


def _reason(error: Exception) -> str:
    """What went wrong, in the system's words."""
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EBUSY):
        return "in use by another program"
    return os.strerror(number) if isinstance(number, int) else str(error)
