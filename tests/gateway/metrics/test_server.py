"""The server of the figures, and those who mean it no good."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from demo.broker import free_port
from gateway.metrics import server
from gateway.metrics.server import MetricsServer

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
Where = Path | tuple[str, int]


@contextlib.asynccontextmanager
async def serving(where: Where, figures: Callable[[], bytes]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(MetricsServer(where, figures).run())
    try:
        async with asyncio.timeout(10):
            while not task.done():
                with contextlib.suppress(OSError):
                    (await asyncio.to_thread(_connect, where)).close()
                    break
                await asyncio.sleep(0.01)
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await task


def _connect(where: Where, timeout_s: float = 10.0) -> socket.socket:
    family = socket.AF_UNIX if isinstance(where, Path) else socket.AF_INET
    made = socket.socket(family)
    made.settimeout(timeout_s)
    try:
        made.connect(str(where) if isinstance(where, Path) else where)
    except OSError:
        made.close()
        raise
    return made


def _ask(where: Where, request: bytes = GET, timeout_s: float = 10.0) -> bytes:
    with _connect(where, timeout_s) as made:
        made.sendall(request)
        answer = b""
        while chunk := made.recv(65536):
            answer += chunk
    return answer


@pytest.fixture(params=["unix", "tcp"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    return tmp_path / "m.sock" if request.param == "unix" else ("127.0.0.1", free_port())


async def test_it_answers_and_makes_the_figures_once_for_all(
    where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FRESH_S", 60.0)
    made = []

    def figures() -> bytes:
        made.append(threading.current_thread())
        return b"garita_x 1\n"

    async with serving(where, figures):
        answers = await asyncio.gather(*(asyncio.to_thread(_ask, where) for _ in range(6)))
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\ngarita_x 1\n")
        assert len(made) == 1 and made[0] is not threading.main_thread()
        head = await asyncio.to_thread(_ask, where, GET.replace(b"GET", b"HEAD"))
        assert b"Content-Length: 11" in head and head.endswith(b"\r\n\r\n")
        if isinstance(where, Path):
            assert where.stat().st_mode & 0o777 == 0o660
    if isinstance(where, Path):
        assert not where.exists()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics/../../etc/passwd HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", 200),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),  # TLS
        (b"\0" * 100 + b"\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405),
    ],
)
async def test_nonsense_has_an_answer(tmp_path: Path, request_: bytes, status: int) -> None:
    where = tmp_path / "m.sock"
    async with serving(where, lambda: b"x 1\n"):
        answer = await asyncio.to_thread(_ask, where, request_)
        assert answer.startswith(b"HTTP/1.1 %d " % status)


async def test_a_huge_request_is_cut_off(tmp_path: Path) -> None:
    where = tmp_path / "m.sock"

    def send() -> bytes:
        with _connect(where) as made:
            answer = b""
            with contextlib.suppress(OSError):
                for _ in range(1000):  # 8 MB, and no end of the header
                    made.sendall(b"X-Y: " + b"z" * 8192)
            with contextlib.suppress(OSError):
                answer = made.recv(100)
            return answer

    async with serving(where, lambda: b"x 1\n"):
        answer = await asyncio.to_thread(send)
        assert answer.startswith(b"HTTP/1.1 431") or answer == b""
        assert (await asyncio.to_thread(_ask, where)).startswith(b"HTTP/1.1 200")


async def test_figures_that_fail_are_an_answer_too(tmp_path: Path) -> None:
    where = tmp_path / "m.sock"

    def figures() -> bytes:
        raise RuntimeError("Ana 1234567")

    async with serving(where, figures):
        answer = await asyncio.to_thread(_ask, where)
        assert answer.startswith(b"HTTP/1.1 503") and b"Ana" not in answer


async def test_slow_readers_and_a_thousand_connections_go_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds a connection loses it after LONGEST_S; meanwhile no more than CONNECTIONS are
    served and the event loop of the doors goes on."""
    monkeypatch.setattr(server, "LONGEST_S", 0.5)
    where = ("127.0.0.1", free_port())
    held: list[socket.socket] = []

    def attack() -> None:
        for number in range(1000):
            made = socket.socket()
            made.setblocking(False)
            made.connect_ex(where)
            if number % 2:
                with contextlib.suppress(OSError):
                    made.send(b"GET /met")
            held.append(made)

    async with serving(where, lambda: b"x 1\n" * 500_000) as task:
        threads = threading.active_count()
        await asyncio.to_thread(attack)
        late = []
        for _ in range(50):
            begun = time.monotonic()
            await asyncio.sleep(0.01)
            late.append(time.monotonic() - begun - 0.01)
        assert sorted(late)[len(late) // 2] < 0.02  # a loop that is blocked is late each time
        assert threading.active_count() <= threads + server.CONNECTIONS + 2
        for made in held:
            made.close()
        answer = b""
        async with asyncio.timeout(20):
            while not answer.startswith(b"HTTP/1.1 200"):
                with contextlib.suppress(OSError):
                    answer = await asyncio.to_thread(_ask, where, GET, 2.0)
        assert not task.done()


async def test_an_address_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            await MetricsServer(("127.0.0.1", other.getsockname()[1]), bytes).run()


async def test_a_file_that_is_not_a_socket_stays(tmp_path: Path) -> None:
    where = tmp_path / "garita.toml"
    where.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        await MetricsServer(where, bytes).run()
    assert where.read_text() == "mine"


async def test_a_socket_that_a_dead_gateway_left_is_taken_over(tmp_path: Path) -> None:
    where = tmp_path / "m.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(where))
    left.close()
    async with serving(where, lambda: b"x 1\n"):
        assert (await asyncio.to_thread(_ask, where)).startswith(b"HTTP/1.1 200")
