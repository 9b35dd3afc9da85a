"""The witness as a server: real connections, patient and hostile ones; and its commands."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from demo.broker import free_port
from gateway.proof.note import COSIGNATURE, VerifierKey
from gateway.proof.submission import cosignature_in
from gateway.witness import http as serving
from gateway.witness.config import WitnessTable
from gateway.witness.service import Witness, hashed
from tests.gateway.witness.conftest import LOG, WITNESS, GrowingLog


@pytest.fixture
def port(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(serving, "HEAD_S", 1.0)
    monkeypatch.setattr(serving, "BODY_S", 1.0)
    number = free_port()
    table = WitnessTable(name="w", listen=f"127.0.0.1:{number}", logs=[str(LOG.key)])
    server = serving.server_of(table, witness)
    thread = Thread(target=server.run)
    thread.start()
    _await_port(number)
    yield number
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def _await_port(number: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", number), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the witness does not listen")


def _ask(number: int, method: str, path: str, body: bytes | None = None) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=20)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("content-type", ""), answer.read()
    finally:
        connection.close()


def test_the_addresses_of_a_witness(port: int, log: GrowingLog) -> None:
    place = f"/{hashed(LOG.name)}/checkpoint"
    assert _ask(port, "GET", place)[0] == 404
    status, _, body = _ask(port, "POST", "/add-checkpoint", log.request(0, 9))
    assert status == 200
    assert cosignature_in(body, log.checkpoint(9).text, WITNESS.key) is not None
    status, media, body = _ask(port, "POST", "/add-checkpoint", log.request(0, 12))
    assert (status, media, body) == (409, "text/x.tlog.size", b"9\n")
    status, media, body = _ask(port, "GET", place)
    assert (status, media.split(";")[0]) == (200, "text/plain")
    assert body.startswith(log.checkpoint(9).text.encode())
    for method, path in (("GET", "/add-checkpoint"), ("GET", "/"), ("GET", "/x/../checkpoint")):
        assert _ask(port, method, path)[0] in (404, 405)


def test_one_connection_serves_many_requests(port: int, log: GrowingLog) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for old in range(5):
        connection.request("POST", "/add-checkpoint", log.request(old, old + 1))
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
    connection.close()


def test_hostile_connections(port: int, log: GrowingLog) -> None:
    assert _ask(port, "POST", "/add-checkpoint", b"x" * (serving.MOST_BODY + 1))[0] == 413

    def left(data: bytes) -> tuple[bytes, float]:
        """What comes back, and after how many seconds the server ends the connection."""
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), 30) as stream:
            got = b""
            with contextlib.suppress(ConnectionError):  # it need not hear us out
                stream.sendall(data)
                while piece := stream.recv(65536):
                    got += piece
        return got, time.monotonic() - begun

    # A head that never ends, one that is silent, and a body that does not come.
    assert left(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n")[1] < 20
    assert left(b"")[1] < 20
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nold 0\n"
    got, _ = left(head)
    assert got.startswith(b"HTTP/1.1 408")
    assert left(b"\x16\x03\x01 not HTTP\r\n\r\n")[0].startswith(b"HTTP/1.1 400")
    assert left(b"GET /" + b"a" * 200_000)[1] < 20
    assert _ask(port, "POST", "/add-checkpoint", log.request(0, 1))[0] == 200


def _config(folder: Path, number: int) -> Path:
    path = folder / "witness.toml"
    path.write_text(
        f'name = "witness.example/w1"\nlisten = "127.0.0.1:{number}"\nlogs = ["{LOG.key}"]\n'
    )
    return path


def test_the_process_from_its_file_to_a_kill_and_back(tmp_path: Path, log: GrowingLog) -> None:
    number = free_port()
    command = [sys.executable, "-m", "gateway.cli.main", "witness", "-c"]
    command.append(str(_config(tmp_path, number)))
    key = subprocess.run([*command, "key"], capture_output=True, text=True, timeout=60, check=True)
    vkey = VerifierKey.parse(key.stdout.strip())
    assert (vkey.name, vkey.kind) == ("witness.example/w1", COSIGNATURE)
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600
    for old, size, ended in ((0, 9, signal.SIGKILL), (9, 12, signal.SIGTERM)):
        running = subprocess.Popen(command)
        try:
            _await_port(number)
            status, _, body = _ask(number, "POST", "/add-checkpoint", log.request(old, size))
            assert status == 200
            assert cosignature_in(body, log.checkpoint(size).text, vkey) is not None
        finally:
            os.kill(running.pid, ended)
            running.wait(30)
    shown = subprocess.run(
        [*command[:-2], "logs", *command[-2:], "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (found,) = json.loads(shown.stdout)
    assert (found["origin"], found["size"]) == (LOG.name, 12)


def test_the_server_is_loaded_by_the_witness_alone() -> None:
    code = (
        "import sys, gateway.daemon.service, gateway.cli.main; "
        "assert not {'uvicorn', 'starlette', 'gateway.witness'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
