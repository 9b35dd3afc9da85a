"""The control socket: wrong, huge and silent callers do no harm."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.daemon.control import ControlError, ControlServer, Refused, Unreachable, ask
from gateway.ledger.operator import Operator
from gateway.locale import worded
from gateway.people import account


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Path]:
    async def refuse(request: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.sleep(0.05)
        known = "language" in request
        raise Refused(worded("the gateway is not running") if known else "not today")

    async def echo(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"said": request["text"]}

    async def whoami(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"by": request["by"], "name": request["by"].name}

    path = tmp_path / "run" / "garita.sock"
    handlers = {"echo": echo, "refuse": refuse, "whoami": whoami}
    known = partial(Operator, name="Ana", person="e1")
    task = asyncio.create_task(ControlServer(path, handlers, known).run())
    while not path.exists():
        await asyncio.sleep(0.01)
    yield path
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not path.exists()


async def test_question_and_answer(desk: Path) -> None:
    assert desk.stat().st_mode & 0o777 == 0o660  # guards are in the group
    answer = await asyncio.to_thread(ask, desk, "echo", text="ñ")
    assert answer["said"] == "ñ"


async def test_who_asks_is_what_the_kernel_says_and_not_the_request(desk: Path) -> None:
    answer = await asyncio.to_thread(ask, desk, "whoami", by="lgil")  # as older clients send it
    assert answer["by"] == account.own() != "lgil" and answer["name"] == "Ana"


async def test_each_asker_is_answered_in_their_language_at_the_same_time(desk: Path) -> None:
    languages = ["es", "en", "es", "xx", "en"]
    asked = (
        asyncio.to_thread(ask, desk, "refuse", language=language, timeout_s=20.0)
        for language in languages
    )
    said = [str(error) for error in await asyncio.gather(*asked, return_exceptions=True)]
    english, spanish = "the gateway is not running", "el gateway está detenido"
    assert said == [spanish, english, spanish, english, english]


async def test_errors_are_answers(desk: Path) -> None:
    with pytest.raises(ControlError, match="expected one of echo, refuse, whoami"):
        await asyncio.to_thread(ask, desk, "open the door")
    with pytest.raises(ControlError, match="KeyError"):
        await asyncio.to_thread(ask, desk, "echo")
    with pytest.raises(Refused, match="^not today$"):
        await asyncio.to_thread(ask, desk, "refuse")


def raw(path: Path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(4096)
        except OSError:
            return b""


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"[]\n", b"{\n", b'{"op": []}\n', b"\xff\xfe\n", b"x" * 1_000_000]
)
async def test_hostile_callers(desk: Path, data: bytes) -> None:
    answer = await asyncio.to_thread(raw, desk, data)
    assert answer == b"" or b'"ok": false' in answer
    assert (await asyncio.to_thread(ask, desk, "echo", text="still here"))["ok"]


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="not running"):
        ask(tmp_path / "none.sock", "status")
    left_over = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(left_over))
    with pytest.raises(Unreachable):
        ask(left_over, "status")
