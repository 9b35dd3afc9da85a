"""Lines in the journal, read from a socket by systemd's protocol, and lines that repeat."""

from __future__ import annotations

import array
import asyncio
import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from demo.rig import ROOT, Rig
from gateway.daemon import journal, textlog
from gateway.daemon.journal import Journal
from gateway.daemon.repeats import BURST, EVERY_S, MOST_PLACES, Repeats
from gateway.daemon.textlog import TextLog
from tests.gateway.daemon.test_textlog import line


class Socket:
    """The journal's end: takes datagrams and what is handed over beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(10)

    def entry(self) -> dict[str, str]:
        data, rights, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for _level, _kind, raw in rights:
            (handle,) = array.array("i", raw)
            with os.fdopen(handle, "rb") as file:
                assert not data
                file.seek(0)
                data = file.read()
                with pytest.raises(OSError, match="denied|not permitted"):  # sealed
                    os.pwrite(handle, b"x", 0)
        return parsed(data)


def parsed(data: bytes) -> dict[str, str]:
    """The protocol, as its page says; no field twice."""
    found: dict[str, str] = {}
    while data:
        head, _, rest = data.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if equals:
            data = rest
        else:
            length = int.from_bytes(rest[:8], "little")
            value, data = rest[8 : 8 + length], rest[8 + length :]
            assert data[:1] == b"\n"
            data = data[1:]
        key = name.decode("ascii")
        assert key == key.upper() and key[0].isalpha() and len(key) <= 64 and key not in found
        found[key] = value.decode()
    return found


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Socket]:
    made = Socket(tmp_path / "journal")
    yield made
    made.socket.close()


def test_a_line_has_its_fields(taken: Socket) -> None:
    log = TextLog(into=Journal(taken.path))
    log.handle(line("door %s: the lock can't be driven: %s", "yard", "no answer"))
    found = taken.entry()
    assert found["MESSAGE"] == "door yard: the lock can't be driven: no answer"
    assert (found["PRIORITY"], found["SYSLOG_IDENTIFIER"]) == ("4", "garita")
    assert found["GARITA_DOOR"] == "yard" and found["CODE_FILE"] == "gateway/x.py"
    assert found["GARITA_TEMPLATE"] == "door %s: the lock can't be driven: %s"
    log.handle(line("door %s: the lock can't be driven: %s", "main", "gone", level=logging.ERROR))
    other = taken.entry()
    assert other["MESSAGE_ID"] == found["MESSAGE_ID"] and len(other["MESSAGE_ID"]) == 32
    assert other["PRIORITY"] == "3" and other["CODE_LINE"] != found["CODE_LINE"]
    log.close()


def test_levels_are_those_of_syslog() -> None:
    levels = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
    assert [journal.priority(level) for level in levels] == [2, 3, 4, 6, 7]


def test_line_feeds_and_what_looks_like_a_field_stay_in_the_message(taken: Socket) -> None:
    log = TextLog(into=Journal(taken.path))
    for text in ("a\nPRIORITY=0\n", "\n", "a=b\nMESSAGE\n", "ñ\udcff\0"):
        log.handle(line("%s", text))
        found = taken.entry()
        assert found["PRIORITY"] == "4"
        assert found["MESSAGE"] == text.encode(errors="replace").decode()
    log.close()


def test_an_entry_that_no_datagram_takes_comes_as_a_sealed_file(taken: Socket) -> None:
    log = TextLog(into=Journal(taken.path))
    log.handle(line("%s", "y" * 3_000_000))
    assert taken.entry()["MESSAGE"] == "y" * 3_000_000
    log.handle(line("small again"))
    assert taken.entry()["MESSAGE"] == "small again"
    log.close()


def test_a_traceback_says_where_and_not_what_somebody_typed(taken: Socket) -> None:
    log = TextLog(into=Journal(taken.path))
    for error, told in ((ValueError("Ana 1234567"), False), (OSError(28, "No space"), True)):
        try:
            raise error
        except Exception:
            made = line("control: %s failed", "x")
            made.exc_info = sys.exc_info()
        log.handle(made)
        found = taken.entry()
        assert "test_journal.py" in found["MESSAGE"]
        assert found["GARITA_ERROR"] == type(error).__name__
        assert ("No space" in found["MESSAGE"]) == told and "1234567" not in found["MESSAGE"]
    log.close()


def test_without_a_journal_a_line_goes_to_stderr(tmp_path: Path) -> None:
    read, write = os.pipe()
    log = TextLog(write, Journal(tmp_path / "none"))
    log.handle(line("still here"))
    log.close()
    assert b"WARNING garita.x: still here\n" in os.read(read, 1000)
    os.close(read)
    os.close(write)


def test_only_the_stream_that_systemd_gave_is_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    with (tmp_path / "a").open("w") as ours, (tmp_path / "b").open("w") as other:
        assert not journal.is_journal(ours.fileno())
        stat = os.fstat(ours.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
        assert journal.is_journal(ours.fileno())
        assert not journal.is_journal(other.fileno())  # redirected
        for bad in ("", ":", "1", "x:y", "1:2:3"):
            monkeypatch.setenv("JOURNAL_STREAM", bad)
            assert not journal.is_journal(ours.fileno())
    assert not journal.is_journal(ours.fileno() if not ours.closed else 10_000)


def test_the_first_are_written_and_the_others_counted() -> None:
    repeats, mine = Repeats(), line("flood", place=7)
    passed = [repeats.admit(mine, 0.0) for _ in range(5000)]
    assert sum(passed) == BURST and passed[:BURST] == [True] * BURST
    assert repeats.admit(line("another place"), 0.0)
    assert repeats.admit(line("for debugging", place=7, level=logging.DEBUG), 0.0)
    assert repeats.due(EVERY_S - 0.1) == []
    (left,) = repeats.due(EVERY_S)
    assert (left.count, left.seconds, left.last.msg) == (5000 - BURST, EVERY_S, "flood")
    assert repeats.due(10 * EVERY_S) == [] and repeats.left_out == 5000 - BURST
    assert repeats.admit(mine, 10 * EVERY_S)  # a new minute


def test_a_line_an_hour_is_never_left_out() -> None:
    repeats, mine = Repeats(), line("now and then", place=8)
    assert all(repeats.admit(mine, n * EVERY_S * 0.9) for n in range(10 * BURST))


def test_what_is_remembered_is_bounded() -> None:
    repeats = Repeats()
    for _ in range(MOST_PLACES + 500):
        repeats.admit(line("x"), 0.0)
    assert len(repeats._places) == MOST_PLACES


def test_what_was_left_out_is_told_at_the_end(taken: Socket) -> None:
    log = TextLog(into=Journal(taken.path))
    threads = [
        threading.Thread(
            target=lambda: [log.handle(line("flood %s", n, place=9)) for n in range(50)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [taken.entry() for _ in range(BURST)]
    assert log.left_out == 200 - BURST
    log.close()
    last = taken.entry()
    assert last["MESSAGE"].startswith("… 180 more like this in ")
    assert last["MESSAGE"].endswith(": flood %s")
    assert last["MESSAGE_ID"] == found[0]["MESSAGE_ID"]


def test_the_count_reads_as_people_write_it() -> None:
    left = textlog._how_many(textlog.LeftOut(line("a replay request"), 4812, 60.2))
    assert left == "… 4,812 more like this in 60 s: a replay request"


async def test_a_flood_of_requests_writes_no_thousands_of_lines(
    make_rig: Callable[..., Rig], make_broker: Callable[..., Any], tmp_path: Path
) -> None:
    """Anybody at the broker may ask for replays and send commands: nonsense, a thousand times."""
    broker = make_broker()
    await asyncio.to_thread(broker.start)
    keys = f'[command_keys.room]\npublic_key = "{"A" * 43}="\ncommands = ["door_in_service"]\n'
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {broker.port}\n', policy=keys)
    log = tmp_path / "stderr"
    await rig.start(log=log)
    await rig.until(lambda s: s["mqtt"]["connected"])
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for number in range(1000):
            await client.publish("garita/demo-gate/replay", b"nonsense %d" % number)
            await client.publish("garita/demo-gate/command", b'{"x": 1}')
        for _ in range(50):
            await client.publish("garita/demo-gate/replay", b'{"id": "a", "from": 1, "to": 9}')
        rig.yard_reader.present(18, 5)
        await rig.until(lambda s: s["last"]["yard"])
        await asyncio.sleep(0.5)
    assert await rig.stop_daemon() == 0
    written = log.read_text(encoding="utf-8")
    assert "replay request" in written, written[-2000:]
    assert "more like this in" in written
    assert len(written.splitlines()) < 150, written[-3000:]


async def test_the_daemon_writes_to_the_journal_under_systemd(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """The daemon of a unit: a stream that JOURNAL_STREAM names.  The socket's path is ours, since
    a test may not take systemd's."""
    taken = Socket(tmp_path / "journal")
    rig = make_rig()
    person = {"id": "e1", "name": "Zacarias", "credentials": "em4100:18:1001"}
    await rig.acli("people", "sync", str(rig.write_people([person])), "--apply")
    stream, end = socket.socketpair()
    stat = os.fstat(end.fileno())
    start = (
        "import pathlib, runpy, sys; from gateway.daemon import journal;"
        f"journal.Journal.__init__.__defaults__ = (pathlib.Path({str(taken.path)!r}),);"
        f"sys.argv = ['x', '-c', {str(rig.config)!r}];"
        "runpy.run_module('gateway.daemon', run_name='__main__')"
    )
    rig.daemon = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        start,
        cwd=ROOT,
        stderr=end,
        env={**os.environ, "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"},
        start_new_session=True,
    )
    end.close()
    entries: list[dict[str, str]] = []

    def read() -> None:
        while not any("ready" in e["MESSAGE"] for e in entries):
            entries.append(taken.entry())

    await asyncio.to_thread(read)
    assert await rig.stop_daemon() == 0
    stream.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        assert stream.recv(65536) == b""
    ready = next(e for e in entries if "ready" in e["MESSAGE"])
    assert ready["CODE_FILE"] == "gateway/daemon/service.py" and ready["PRIORITY"] == "6"
    assert not any("Zacarias" in str(e) or "1001" in str(e) for e in entries)
    stream.close()
    taken.socket.close()
