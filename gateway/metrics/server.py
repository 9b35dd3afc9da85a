"""The little server that shows the figures, in a thread with an event loop of its own.

What asks it may be slow, many or hostile, and a door must not notice.  So at most CONNECTIONS are
served at once, a new one is taken every BETWEEN_S at the earliest (the kernel holds or turns away
the others), a request has at most LONGEST bytes and LONGEST_S seconds, and the figures are made at
most once in FRESH_S, however many ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.metrics.text import CONTENT_TYPE

log = logging.getLogger("garita.metrics.server")

CONNECTIONS = 4
BACKLOG = 16
BETWEEN_S = 0.02
LONGEST = 8192  # bytes of a request
LONGEST_S = 5.0
FRESH_S = 1.0
END_S = 1.0  # for the thread, when the gateway stops
AGAIN_S = 10.0  # after an address that could not be had
_GET = re.compile(rb"(GET|HEAD) ([^ \r\n]+) HTTP/1\.[01]\r?\n", re.ASCII)


class MetricsServer:
    """Serves what `figures()` returns at `where`: a Unix socket's path, or an address and port.

    `figures` is called in the server's thread, and may raise what it likes: the answer is then
    503.
    """

    def __init__(self, where: Path | tuple[str, int], figures: Callable[[], bytes]) -> None:
        self._where, self._figures = where, figures
        self._made, self._made_at = b"", float("-inf")
        self._said = False

    async def run(self) -> None:
        """Serve until cancelled; raises OSError if the address can't be had."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        inner = asyncio.new_event_loop()
        task = inner.create_task(self._serve())
        outer = asyncio.get_running_loop()

        def work() -> None:
            error: BaseException | None = None
            try:
                inner.run_until_complete(task)
            except (asyncio.CancelledError, Exception) as raised:
                error = raised
            finally:
                inner.close()
            with contextlib.suppress(RuntimeError):  # the daemon's loop has ended
                outer.call_soon_threadsafe(_end, ended, error)

        threading.Thread(target=work, name="metrics", daemon=True).start()
        try:
            await asyncio.shield(ended)
        finally:
            with contextlib.suppress(RuntimeError):
                inner.call_soon_threadsafe(task.cancel)
            await asyncio.wait([ended], timeout=END_S)

    async def keep(self) -> None:
        """`run` for ever, for a process without a supervisor: an address that can't be had is told,
        and tried again."""
        while True:
            try:
                await self.run()
            except OSError as error:
                log.error("the figures are not shown: %s", error)
            await asyncio.sleep(AGAIN_S)

    async def _serve(self) -> None:
        """Take connections one by one, in the thread."""
        loop = asyncio.get_running_loop()
        slots = asyncio.Semaphore(CONNECTIONS)
        with _listener(self._where) as listener:
            async with asyncio.TaskGroup() as group:
                while True:
                    await slots.acquire()
                    try:
                        connection, _ = await loop.sock_accept(listener)
                    except OSError as error:  # such as no more descriptors
                        slots.release()
                        log.warning("a connection was not taken: %s", error)
                        await asyncio.sleep(1.0)
                        continue
                    task = group.create_task(self._one(connection))
                    task.add_done_callback(lambda _: slots.release())
                    await asyncio.sleep(BETWEEN_S)

    async def _one(self, connection: socket.socket) -> None:
        """One request and its answer; whatever the other end does, this ends."""
        loop = asyncio.get_running_loop()
        with connection, contextlib.suppress(OSError, TimeoutError):
            connection.setblocking(False)
            async with asyncio.timeout(LONGEST_S):
                request = b""
                while b"\r\n\r\n" not in request and b"\n\n" not in request:
                    if len(request) > LONGEST:
                        await loop.sock_sendall(connection, _answer(431))
                        return
                    chunk = await loop.sock_recv(connection, LONGEST)
                    if not chunk:
                        return
                    request += chunk
                await loop.sock_sendall(connection, self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        found = _GET.match(request)
        if found is None:
            return _answer(400 if b"HTTP/" not in request.split(b"\n", 1)[0] else 405)
        if found[2].split(b"?", 1)[0] != b"/metrics":
            return _answer(404)
        try:
            body = self._fresh()
        except Exception as error:
            if not self._said:
                log.exception("no figures")
                self._said = True
            return _answer(503, f"{type(error).__name__}\n".encode())
        self._said = False
        return _answer(200, body, head=found[1] == b"HEAD")

    def _fresh(self) -> bytes:
        """The figures, made anew if the last are older than FRESH_S.  Whoever else asks waits
        meanwhile: this thread does nothing else, and may wait for the disk."""
        if time.monotonic() - self._made_at > FRESH_S:
            self._made = self._figures()
            self._made_at = time.monotonic()
        return self._made


def _answer(status: int, body: bytes = b"", *, head: bool = False) -> bytes:
    words = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
    reason = words.get(status, "Bad Request")
    lines = (
        f"HTTP/1.1 {status} {reason}",
        f"Content-Type: {CONTENT_TYPE}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + (b"" if head else body)


def _end(ended: asyncio.Future[None], error: BaseException | None) -> None:
    if ended.done():
        return
    if isinstance(error, Exception):
        ended.set_exception(error)
    else:
        ended.set_result(None)


@contextlib.contextmanager
def _listener(where: Path | tuple[str, int]) -> Iterator[socket.socket]:
    """A listening socket; the file of a Unix socket is there as long as somebody listens."""
    if isinstance(where, tuple):
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        with socket.socket(family) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(where)
            yield _listening(made)
        return
    where.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(where.stat().st_mode):  # of a gateway that died; other files stay
            where.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(where))
        try:
            os.chmod(where, 0o660)  # noqa: PTH101 - until then nobody but us may connect
            yield _listening(made)
        finally:
            where.unlink(missing_ok=True)


def _listening(made: socket.socket) -> socket.socket:
    made.setblocking(False)
    made.listen(BACKLOG)
    return made
