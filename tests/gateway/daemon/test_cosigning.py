"""Witnesses and mirrors cosign checkpoints; those that are late or lie delay nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demo.broker import free_port
from gateway.config.log import LogTable
from gateway.daemon import checkpoints, cosigning
from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.cosigning import Cosigning
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.heads import Heads
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint, cosign, cosigned_at, sign
from gateway.proof.note import COSIGNATURE, Note, Signer, VerifierKey
from gateway.uplink import witness as asking
from gateway.witness import http as serving
from gateway.witness.config import WitnessTable
from gateway.witness.judge import Logs
from gateway.witness.service import Witness
from gateway.witness.store import Store

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "example.com/site/g"
W1, W2, M1 = (
    Signer(f"w.example/{n}", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32), COSIGNATURE)
    for n in (1, 2, 3)
)


class World:
    """A log with its checkpoints, cosigned as `table` says."""

    def __init__(self, folder: Path, table: LogTable) -> None:
        self.path = folder / "ledger.db"
        self.ledger = Ledger.open(self.path, gateway="g")
        self.checkpoints = Checkpoints(
            ledger=self.ledger,
            gateway="g",
            name=NAME,
            key=KEY,
            path=folder / "log-head.json",
            every=1000,
            minutes=60,
            facts=dict,
            broker=False,
        )
        self.cosigning = Cosigning(
            table=table, ledger=self.ledger, path=self.path, checkpoints=self.checkpoints
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    def start(self) -> None:
        runs = (self.checkpoints.run, self.cosigning.run)
        self._tasks = [asyncio.create_task(run()) for run in runs]

    async def append(self, count: int) -> None:
        for n in range(count):
            await self.ledger.append(NewEvent(EventType.DOOR_REX, "yard", {"n": n}))

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.ledger.close()

    def newest(self) -> Note:
        assert self.checkpoints.newest is not None
        return self.checkpoints.newest


MakeWorld = Callable[..., World]


@pytest.fixture
async def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeWorld]:
    monkeypatch.setattr(checkpoints, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(cosigning, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(cosigning, "RETRY_S", (0.1, 0.2))
    made: list[World] = []

    def make(
        witnesses: dict[str, str] | None = None, mirrors: bool = False, quorum: int | None = None
    ) -> World:
        keys = {"w1": W1, "w2": W2}
        table = LogTable.model_validate(
            {
                "witnesses": {
                    name: {"key": str(keys[name].key), "url": url}
                    for name, url in (witnesses or {}).items()
                },
                "mirrors": {"hq": str(M1.key)} if mirrors else {},
                "quorum": quorum,
            }
        )
        world = World(tmp_path, table)
        made.append(world)
        return world

    yield make
    for world in made:
        await world.close()


class Served:
    """A real witness on a port."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        path = folder / f"{self.port}.db"
        Store.begin(path)
        self.store = Store(path)
        log = VerifierKey(f"{NAME}/0123456789abcdef", Signer(NAME, KEY).key.public)
        table = WitnessTable(name="w", listen=f"127.0.0.1:{self.port}", logs=[str(log)])
        self._server = serving.server_of(table, Witness(signer, Logs((log,)), self.store))
        self._thread = Thread(target=self._server.run)
        self._thread.start()
        until = time.monotonic() + 30
        while not self._server.started and time.monotonic() < until:
            time.sleep(0.02)

    def size(self, origin: str) -> int:
        held = self.store.held(origin)
        return held.checkpoint.size if held is not None else 0

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Signer], Served]]:
    made: list[Served] = []

    def start(signer: Signer) -> Served:
        made.append(Served(tmp_path, signer))
        return made[-1]

    yield start
    for one in made:
        one.stop()


class Peer:
    """Whoever answers in a witness's place: `answer(request)` for each connection, then the end."""

    def __init__(self, answer: Callable[[socket.socket, bytes], None]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._answer = answer
        self._over = threading.Event()
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                stream, _ = self._listening.accept()
            except OSError:
                return
            Thread(target=self._one, args=(stream,), daemon=True).start()

    def _one(self, stream: socket.socket) -> None:
        with stream, contextlib.suppress(OSError):
            stream.settimeout(60)
            data = stream.recv(65536)
            while b"\r\n\r\n" not in data:
                data += stream.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = next(
                (
                    int(r.split(b":")[1])
                    for r in head.split(b"\r\n")
                    if r[:15].lower() == b"content-length:"
                ),
                0,
            )
            while len(body) < length:
                body += stream.recv(65536)
            self.requests.append(head + b"\r\n\r\n" + body)
            self._answer(stream, self.requests[-1])

    def close(self) -> None:
        self._over.set()
        self._listening.close()


def answered(status: int, body: bytes, **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def until(condition: Callable[[], object], limit_s: float = 60) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.02)


async def test_what_witnesses_cosign_is_kept_shown_and_counted(
    make_world: MakeWorld, serve: Callable[[Signer], Served]
) -> None:
    one, two = serve(W1), serve(W2)
    world = make_world({"w1": one.url, "w2": two.url})
    await world.append(300)
    world.start()
    await until(lambda: (world.cosigning.status()["quorum"] or {}).get("size") == 302)
    # Another one, with a proof of consistency from the first.
    await world.append(5)
    made = await world.checkpoints.make()
    assert made is not None
    await until(lambda: (world.cosigning.status()["quorum"] or {}).get("size") == 308)
    shown = world.newest()
    for signer in (W1, W2):
        assert abs((cosigned_at(shown, signer.key) or 0) - time.time()) < 300
    kept = Heads(world.path).newest()
    assert kept is not None and set(kept.note.signatures) == set(shown.signatures)
    assert len(kept.note.signatures) == 3
    proven = Heads(world.path).prove(7)
    assert proven is not None and len(proven[1].checkpoint.signatures) == 3
    status = world.cosigning.status()
    assert status["needed"] == 2
    assert {name: seen["error"] for name, seen in status["cosigners"].items()} == {
        "w1": None,
        "w2": None,
    }
    json.dumps(status)


async def test_a_quorum_of_before_a_restart_is_remembered(
    make_world: MakeWorld, serve: Callable[[Signer], Served]
) -> None:
    one = serve(W1)
    world = make_world({"w1": one.url})
    await world.append(3)
    world.start()
    await until(lambda: world.cosigning.status()["quorum"])
    before = world.cosigning.status()["quorum"]
    await world.close()
    one.stop()
    world = make_world({"w1": one.url})
    world.start()
    await until(lambda: world.cosigning.status()["quorum"])
    assert world.cosigning.status()["quorum"] == before
    await until(lambda: world.cosigning.status()["cosigners"]["w1"]["error"])


async def test_a_witness_that_lost_its_file_begins_anew(
    make_world: MakeWorld, serve: Callable[[Signer], Served]
) -> None:
    one = serve(W1)
    world = make_world({"w1": one.url})
    world.start()
    await until(lambda: world.cosigning.status()["quorum"])
    one.store._db.execute("DELETE FROM heads")
    await world.append(3)
    await world.checkpoints.make()
    await until(lambda: one.size(world.checkpoints.signer().name) > 3)


def _slow(stream: socket.socket, request: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 10_000:
        stream.sendall(bytes([byte]))
        time.sleep(0.02)


def _silent(stream: socket.socket, request: bytes) -> None:
    stream.recv(1)


def _endless(stream: socket.socket, request: bytes) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        stream.sendall(b"x" * 65536)


def _continues(stream: socket.socket, request: bytes) -> None:
    while True:
        stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


LATER = Signer(W1.name, Ed25519PrivateKey.generate(), COSIGNATURE)


def _text(request: bytes) -> str:
    return note.parse(request.partition(b"\r\n\r\n")[2].partition(b"\n\n")[2]).text


def _sends(make: Callable[[str], bytes]) -> Callable[[socket.socket, bytes], None]:
    def answer(stream: socket.socket, request: bytes) -> None:
        if request.startswith(b"GET"):
            stream.sendall(answered(404, b""))
        else:
            stream.sendall(make(_text(request)))

    return answer


def _other(text: str) -> str:
    origin, size, root, _ = text.split("\n")
    return f"{origin}x\n{size}\n{root}\n"


LIES: dict[str, Callable[[socket.socket, bytes], None]] = {
    "slow": _slow,
    "silent": _silent,
    "endless": _endless,
    "continues": _continues,
    "not HTTP": lambda stream, _: stream.sendall(b"\x00\xff" * 1000),
    "cut off": lambda stream, _: stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx"),
    "redirect": _sends(lambda _: answered(302, b"", Location="http://127.0.0.1:1/")),
    "error": _sends(lambda _: answered(500, b"oops")),
    "nothing": _sends(lambda _: answered(200, b"")),
    "another key": _sends(
        lambda text: answered(200, f"{cosign(text, LATER, 9).line()}\n".encode())
    ),
    "another log": _sends(
        lambda text: answered(200, f"{cosign(_other(text), W1, 9).line()}\n".encode())
    ),
    "a log's signature": _sends(
        lambda text: answered(
            200, f"{replace(cosign(text, W1, 9), value=bytes(72)).line()}\n".encode()
        )
    ),
    "another size each time": _sends(lambda _: answered(409, b"%d\n" % (time.monotonic_ns() % 2))),
    "a size beyond all": _sends(lambda _: answered(409, b"9223372036854775808\n")),
    "a larger size": _sends(lambda _: answered(409, b"4711\n")),
    "no size": _sends(lambda _: answered(409, b"\xff" * 100)),
    "does not fit": _sends(lambda _: answered(422, b"")),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_witness_that_is_late_or_lies_delays_nothing_and_is_named(
    make_world: MakeWorld,
    serve: Callable[[Signer], Served],
    monkeypatch: pytest.MonkeyPatch,
    lie: str,
) -> None:
    monkeypatch.setattr(asking, "DEADLINE_S", 1.0)
    monkeypatch.setattr(cosigning, "FIRST_S", 0.3)
    good, peer = serve(W2), Peer(LIES[lie])
    world = make_world({"w1": peer.url, "w2": good.url}, quorum=1)
    try:
        world.start()
        await until(lambda: world.checkpoints.newest)
        # Another checkpoint and records meanwhile: each within seconds, not after the witness.
        async with asyncio.timeout(20):
            await world.append(20)
            assert await world.checkpoints.make() is not None
        await until(lambda: world.cosigning.status()["cosigners"]["w1"]["error"])
        await until(lambda: (world.cosigning.status()["quorum"] or {}).get("size", 0) >= 21)
        status = world.cosigning.status()["cosigners"]
        assert (status["w1"]["size"], status["w2"]["error"]) == (0, None)
        assert cosigned_at(world.newest(), W1.key) is None
        assert world.ledger.follows is None  # nobody but our own key makes the log begin anew
    finally:
        peer.close()


async def test_a_disk_image_that_was_put_back_begins_anew_when_a_witness_knows_better(
    make_world: MakeWorld, serve: Callable[[Signer], Served], tmp_path: Path
) -> None:
    one = serve(W1)
    world = make_world({"w1": one.url})
    await world.append(5)
    await world.close()
    before = (tmp_path / "ledger.db").read_bytes()
    world = make_world({"w1": one.url})
    await world.append(50)
    world.start()
    await until(lambda: world.cosigning.status()["quorum"])
    old, cosigned = world.checkpoints.signer().name, world.cosigning.status()["quorum"]["size"]
    await world.close()
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "ledger.db").write_bytes(before)
    world = make_world({"w1": one.url})
    world.start()
    await until(lambda: world.checkpoints.newest)
    assert world.ledger.follows is not None
    assert world.ledger.follows["known_by"] == "witness w1"
    assert world.ledger.follows["known_seq"] == cosigned
    # Nothing was signed of the old log that contradicts what the witness has.
    assert [h.checkpoint.origin for h in Heads(world.path).all()] != []
    assert all(h.checkpoint.origin != old for h in Heads(world.path).all())
    await until(lambda: one.size(world.checkpoints.signer().name))
    reader = LedgerReader(world.path)
    assert [e.type for e in reader.after(0, 1000)].count("alarm.log_lost") == 1
    reader.close()


def _cosigned(world: World, signer: Signer = M1, time_: int = 1_780_000_000) -> bytes:
    shown = world.newest()
    line = cosign(shown.text, signer, time_)
    return shown.with_signatures([line]).write().encode()


async def test_a_mirror_s_cosignature_comes_back(make_world: MakeWorld) -> None:
    world = make_world(mirrors=True)
    await world.append(3)
    world.start()
    await until(lambda: world.checkpoints.newest)
    older, payload = world.newest(), _cosigned(world)
    await world.append(3)
    assert await world.checkpoints.make() is not None
    world.cosigning.take(payload)  # late: for the checkpoint before the newest
    await until(lambda: world.cosigning.status()["quorum"])
    kept = Heads(world.path).of(older.text)
    assert kept is not None and cosigned_at(kept.note, M1.key) == 1_780_000_000
    assert len(world.newest().signatures) == 1
    # Twice, and again with another time: what was kept stays.
    world.cosigning.take(payload)
    world.cosigning.take(older.with_signatures([cosign(older.text, M1, 5)]).write().encode())
    world.cosigning.take(_cosigned(world))
    await until(lambda: len(world.newest().signatures) == 2)
    assert len(Heads(world.path).of(older.text).note.signatures) == 2  # type: ignore[union-attr]
    # The quorum's proof is chosen, not the newest checkpoint without one.
    assert await world.checkpoints.make() is not None
    trust = LogTable.model_validate({"mirrors": {"hq": str(M1.key)}}).trust()
    proven = Heads(world.path).prove(2, trust.met)
    assert proven is not None and cosigned_at(proven[1].checkpoint, M1.key)


async def test_what_others_send_in_a_mirror_s_place_changes_nothing(make_world: MakeWorld) -> None:
    world = make_world(mirrors=True)
    world.start()
    await until(lambda: world.checkpoints.newest)
    shown = world.newest()
    key = world.checkpoints.signer()
    other = sign(Checkpoint(key.name, 4711, bytes(32)), key)
    forged = replace(cosign(shown.text, M1, 9), value=bytes(72))
    elsewhere = sign(Checkpoint("elsewhere", 3, bytes(32)), Signer("elsewhere", KEY))
    for payload in (
        b"",
        b"\xff\xfe\x00",
        b"x" * 10_000_000,
        shown.write().encode(),
        shown.text.encode(),
        _cosigned(world, W1),
        _cosigned(world, Signer(M1.name, Ed25519PrivateKey.generate(), COSIGNATURE)),
        shown.with_signatures([forged]).write().encode(),
        other.with_signatures([cosign(other.text, M1, 9)]).write().encode(),
        elsewhere.with_signatures([cosign(elsewhere.text, M1, 9)]).write().encode(),
        shown.write().replace("\n", "\r\n").encode(),
        (shown.write() + f"{forged.line()}\n" * 500).encode(),
    ):
        world.cosigning.take(payload)
    for _ in range(10_000):  # a flood
        world.cosigning.take(shown.write().encode())
    world.cosigning.take(_cosigned(world))  # and the mirror itself
    await until(lambda: world.cosigning.status()["quorum"])
    assert world.newest().with_signatures([]).signatures[0] == shown.signatures[0]
    assert len(world.newest().signatures) == 2
    assert [h.note.text for h in Heads(world.path).all()] == [shown.text]
