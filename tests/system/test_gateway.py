"""The real daemon over ptys, a real broker and real files: what a site lives through."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from demo.rig import Rig
from drivers.readers.rdm6300 import encode
from drivers.simulated.camera import empty_video, person_video
from gateway.config import load
from gateway.daemon import control
from gateway.daemon.build import build
from gateway.daemon.supervisor import Watchdog
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import Event, NewEvent
from gateway.vault.sitekey import SiteKey

MakeRig = Callable[..., Rig]
PEOPLE = [
    {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"},
    {"id": "e2", "name": "Luis", "credentials": "em4100:18:1002", "access_levels": "plant"},
]
ANA, LUIS, NOBODY = 1001, 1002, 9009


@pytest.fixture
async def rig(make_rig: MakeRig) -> AsyncIterator[Rig]:
    """A gate with two people and the daemon running."""
    rig = make_rig()
    await prepared(rig)
    await rig.start(log=rig.folder / "log")
    yield rig


async def prepared(rig: Rig) -> None:
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")


def events(rig: Rig, prefix: str = "") -> list[Event]:
    reader = LedgerReader(rig.ledger_path)
    try:
        return [e for e in reader.after(0, 100_000) if e.type.startswith(prefix)]
    finally:
        reader.close()


async def tap(rig: Rig, number: int, door: str = "yard") -> dict[str, Any]:
    """Hold a badge to a door's reader; returns what the door answered."""
    before = (await rig.until(lambda s: True))["last"].get(door)
    (rig.yard_reader if door == "yard" else rig.gate_reader).present(18, number)
    status = await rig.until(lambda s: s["last"].get(door) not in (None, before))
    answer: dict[str, Any] = status["last"][door]
    return answer


async def test_a_badge_opens_and_the_record_was_there_first(rig: Rig) -> None:
    answer = await tap(rig, ANA)
    assert answer["reason"] == "granted"
    await rig.board.wait_for(2, True)
    await rig.board.wait_for(2, False)
    assert not any(rig.board.state.values())
    record = events(rig, "access.granted")[0]
    assert record.data["person"]["id"] == "e1" and record.subject == "yard"
    assert "1001" not in json.dumps(record.data)
    assert (await tap(rig, NOBODY))["reason"] == "denied_unknown_credential"
    assert rig.board.state[2] is False


async def test_a_burst_of_500_is_answered_whole_and_in_order(rig: Rig) -> None:
    numbers = [ANA if n % 3 else NOBODY + n for n in range(500)]
    await rig.yard_reader.send_all(
        b"".join(encode(bytes([18]) + number.to_bytes(4, "big")) for number in numbers)
    )
    await rig.until(lambda s: s["last_seq"] >= 500, 30)
    async with asyncio.timeout(20):
        while len(answers := events(rig, "access.")) < 500:
            await asyncio.sleep(0.05)
    expected = ["granted" if n == ANA else "denied_unknown_credential" for n in numbers]
    assert [event.data["reason"] for event in answers] == expected
    # The last record is on disk before its lock is released.
    async with asyncio.timeout(5):
        while sum(switch.on for switch in rig.board.log) < expected.count("granted"):
            await asyncio.sleep(0.01)
    assert sum(switch.on for switch in rig.board.log) == expected.count("granted")


async def test_garbage_on_the_line_opens_nothing_and_passes(rig: Rig) -> None:
    await rig.yard_reader.send_all(b"\x02" + os.urandom(200_000) + b"\x03")
    await rig.yard_reader.send_all(encode(b"\x12\0\0\x03\xe9")[:7])
    assert (await tap(rig, ANA))["reason"] in ("granted", "denied_bad_read")
    await rig.until(lambda s: s["last"]["yard"]["reason"] == "granted")
    granted = events(rig, "access.granted")
    assert len(granted) == 1


async def test_people_change_without_a_restart(rig: Rig) -> None:
    assert (await tap(rig, LUIS))["reason"] == "granted"
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE[:1])), "--apply")
    assert (await tap(rig, LUIS))["reason"] == "denied_unknown_credential"
    await rig.acli("people", "revoke", "e1", "--reason", "test")
    assert (await tap(rig, ANA))["reason"] == "denied_revoked"
    async with asyncio.timeout(10):
        while [e.type for e in events(rig, "people.")][-1] != "people.revoked":
            await asyncio.sleep(0.05)
    assert [e.type for e in events(rig, "people.")] == [
        "people.synced",
        "people.revocation_effective",  # of Luis, who left the list
        "people.synced",
        "people.revoked",
    ]


async def test_a_reader_that_is_unplugged_comes_back(rig: Rig) -> None:
    rig.yard_reader.unplug()
    await rig.until(lambda s: any(d["name"] == "yard-in" and not d["online"] for d in s["devices"]))
    rig.yard_reader.replug()
    await rig.until_online("reader", timeout_s=5)
    assert (await tap(rig, ANA))["reason"] == "granted"
    kinds = [(e.type, e.subject) for e in events(rig, "device.")]
    assert ("device.offline", "yard-in") in kinds


async def test_a_lock_board_that_is_unplugged_denies_and_no_old_unlock_is_sent(rig: Rig) -> None:
    rig.board.unplug()
    await rig.until(lambda s: any(d["kind"] == "lock" and not d["online"] for d in s["devices"]))
    assert (await tap(rig, ANA))["reason"] == "denied_lock_unavailable"
    rig.board.log.clear()
    rig.board.state.clear()
    rig.board.replug()
    await rig.until_online("lock", timeout_s=5)
    await rig.board.wait_for(2, False)
    assert not any(switch.on for switch in rig.board.log)
    assert (await tap(rig, ANA))["reason"] == "granted"


async def test_a_stop_in_mid_pulse_locks_the_door(make_rig: MakeRig) -> None:
    rig = make_rig(pulse_s=30.0)
    await prepared(rig)
    await rig.start()
    await tap(rig, ANA)
    await rig.board.wait_for(2, True)
    assert await rig.stop_daemon() == 0
    await rig.board.wait_for(2, False)
    assert [e.type for e in events(rig)][-1] == "gateway.stopped"


async def test_kill_9_in_mid_pulse_locks_the_door(make_rig: MakeRig) -> None:
    rig = make_rig(pulse_s=30.0)
    await prepared(rig)
    await rig.start()
    await tap(rig, ANA)
    await rig.board.wait_for(2, True)
    rig.kill()
    await rig.board.wait_for(2, False, timeout_s=2.0)
    await rig.start()  # the port is free again, and the ledger too
    assert (await tap(rig, ANA))["reason"] == "granted"


async def test_kill_9_under_load_leaves_no_hole_and_loses_no_published_event(
    make_rig: MakeRig, broker: Any
) -> None:
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {broker.port}')
    await prepared(rig)
    published: dict[int, str] = {}
    statuses: list[str] = []

    async def audit() -> None:
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.subscribe("garita/#", qos=1)
            async for message in client.messages:
                payload: bytes = message.payload  # type: ignore[assignment]
                if str(message.topic).endswith("/events"):
                    item = json.loads(payload)
                    published[item["seq"]] = item["hash"]
                elif str(message.topic).endswith("/status"):
                    statuses.append(payload.decode())

    auditing = asyncio.create_task(audit())
    for _ in range(3):
        await rig.start()
        await rig.until_online("broker")
        burst = b"".join(encode(b"\x12" + (n % 7 + 998).to_bytes(4, "big")) for n in range(400))
        sending = asyncio.create_task(rig.yard_reader.send_all(burst))
        await asyncio.sleep(0.25)
        rig.kill()
        assert rig.daemon is not None
        await rig.daemon.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await rig.board.wait_for(2, False)
    assert (await rig.acli("log", "verify")).returncode == 0
    await rig.start()
    await rig.until(lambda s: s["mqtt"]["connected"] and s["mqtt"]["waiting"] == 0)
    stored = {event.seq: event.hash for event in events(rig)}
    async with asyncio.timeout(20):
        while max(stored) not in published:
            await asyncio.sleep(0.05)
    assert sorted(stored) == list(range(1, len(stored) + 1))
    assert set(range(1, max(stored) + 1)) <= set(published)
    assert all(published[seq] == digest for seq, digest in stored.items())
    assert "offline" in statuses and statuses[-1] == "online"  # the last will, then we are back
    auditing.cancel()
    await asyncio.gather(auditing, return_exceptions=True)


async def test_a_log_that_is_locked_denies_loudly_and_recovers(rig: Rig) -> None:
    other = sqlite3.connect(rig.ledger_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert (await tap(rig, ANA))["reason"] == "denied_ledger_unavailable"
    assert rig.board.state[2] is False
    status = await rig.until(lambda s: not s["ledger"]["ok"])
    assert status["unrecorded"] == 1
    other.execute("ROLLBACK")
    assert (await tap(rig, ANA))["reason"] == "granted"
    assert "ledger.recovered" in [e.type for e in events(rig)]
    assert "nobody passes until it can" in (rig.folder / "log").read_text()
    assert (await rig.acli("log", "verify")).returncode == 0


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "gate0" / "data"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_denies_and_recovers_when_there_is_room(
    full_disk: Path, make_rig: MakeRig
) -> None:
    rig = make_rig()
    await prepared(rig)
    await rig.start()
    with (full_disk / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 4096)
    async with asyncio.timeout(60):
        while (await tap(rig, ANA))["reason"] == "granted":
            continue  # the log has some room of its own left
    answer = (await rig.until(lambda s: True))["last"]["yard"]
    assert answer["reason"] == "denied_ledger_unavailable"
    await rig.board.wait_for(2, False)
    (full_disk / "ballast").unlink()
    assert (await tap(rig, ANA))["reason"] == "granted"
    assert (await rig.acli("log", "verify")).returncode == 0
    await rig.stop()


async def test_a_damaged_list_denies_and_a_good_one_opens_again(rig: Rig) -> None:
    with sqlite3.connect(rig.people_path) as db:
        db.execute("UPDATE person SET access_levels = 'oops'")
    assert (await tap(rig, ANA))["reason"] == "denied_list_unavailable"
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    assert (await tap(rig, ANA))["reason"] == "granted"


async def killed(rig: Rig) -> None:
    assert rig.daemon is not None
    rig.kill()
    await rig.daemon.wait()


async def test_a_clock_behind_the_log_denies_until_it_is_accepted(make_rig: MakeRig) -> None:
    rig = make_rig()
    await prepared(rig)
    ledger = Ledger.open(rig.ledger_path, gateway="demo-gate")
    later = datetime.now(UTC) + timedelta(hours=3)
    await ledger.append(NewEvent("test.future", time=later))
    ledger.close()
    # A1: the second boot with the same wrong clock is judged as the first, also after a kill.
    for _ in range(2):
        await rig.start()
        assert (await tap(rig, ANA))["reason"] == "denied_clock_untrusted"
        await killed(rig)
    await rig.start()
    assert (await tap(rig, ANA))["reason"] == "denied_clock_untrusted"
    assert "not trusted" in (await rig.acli("status")).stdout
    done = await rig.acli("clock", "accept")
    assert re.search(r"\b10[78]\d\d s ahead", done.stdout)
    assert (await tap(rig, ANA))["reason"] == "granted"
    assert "clock.accepted" in [e.type for e in events(rig)]


async def test_a_clock_that_leapt_lets_people_pass_and_says_that_it_is_in_doubt(
    make_rig: MakeRig,
) -> None:
    """A2, as far as it shows at the running gateway; tests/gateway/daemon/test_jobs.py has what it
    destroys."""
    rig = make_rig()
    await prepared(rig)
    Ledger.open(rig.ledger_path, gateway="demo-gate").close()
    with closing(sqlite3.connect(rig.ledger_path)) as db, db:
        then = "2020-01-01T00:00:00.000Z"
        db.execute("UPDATE clock_marks SET high = ?, sure = ?", (then, then))
    for _ in range(2):
        await rig.start()
        assert (await tap(rig, ANA))["reason"] == "granted"
        status = await rig.acli("status")
        assert "nothing is destroyed" in status.stdout and "ahead" in status.stdout
        await killed(rig)
    assert any(e.data.get("ahead_s", 0) > 1e8 for e in events(rig, "clock.stepped"))
    await rig.start()
    await rig.acli("clock", "accept")
    assert json.loads((await rig.acli("status", "--json")).stdout)["clock_sure"]


async def test_a_second_daemon_is_refused_and_told_which_runs(rig: Rig) -> None:
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.daemon", "-c", str(rig.config), stderr=subprocess.PIPE
    )
    _, err = await asyncio.wait_for(second.communicate(), 20)
    assert second.returncode == 5 and b"Traceback" not in err
    assert rig.daemon is not None
    said = f"a gateway of this configuration runs already: process {rig.daemon.pid}."
    assert said.encode() in err and b"systemctl stop garita" in err
    assert (await tap(rig, ANA))["reason"] == "granted"


async def test_the_face_process_killed_at_the_gate(make_rig: MakeRig, photos: Path) -> None:
    rig = make_rig(camera=True)
    await asyncio.to_thread(person_video, photos / "obama3.jpg", rig.video, seconds=1.0)
    await prepared(rig)
    names = ("obama.jpg", "obama2.jpg", "obama_partial_face.jpg")
    await rig.acli("people", "enroll", "e1", *(str(photos / name) for name in names))
    await rig.start()
    await rig.until_online("face", "camera")
    assert (await tap(rig, ANA, "gate"))["reason"] == "granted"
    assert (await tap(rig, LUIS, "gate"))["reason"] == "denied_face_not_enrolled"
    await asyncio.to_thread(empty_video, rig.video, seconds=1.0)
    await asyncio.sleep(2.2)
    tapping = asyncio.create_task(tap(rig, ANA, "gate"))
    await asyncio.sleep(0.5)
    os.kill((await rig.until(lambda s: True))["face"]["pid"], signal.SIGKILL)
    assert (await tapping)["reason"] == "denied_face_unavailable"
    assert (await tap(rig, ANA, "yard"))["reason"] == "granted"  # a badge door goes on
    await rig.until(lambda s: s["face"]["starts"] == 2)
    await asyncio.to_thread(person_video, photos / "obama3.jpg", rig.video, seconds=1.0)
    await rig.until_online("face", "camera")
    await asyncio.sleep(1.2)
    assert (await tap(rig, ANA, "gate"))["reason"] == "granted"
    # Enrolment through the running gateway's camera.
    enrol = ("people", "enroll", "e2", "--camera", "gate", "--shots", "3")
    done = await rig.acli(*enrol, check=False)
    assert done.returncode == 1 and "already enrolled as e1" in done.stdout
    done = await rig.acli(*enrol, "--allow-duplicate")
    assert "e2: 3 templates" in done.stdout
    worker = (await rig.until(lambda s: True))["face"]["pid"]
    rig.kill()
    async with asyncio.timeout(10):
        while Path(f"/proc/{worker}").exists():  # it does not outlive its gateway
            await asyncio.sleep(0.05)


async def test_systemd_is_told_ready_and_pinged_only_while_all_make_progress(
    make_rig: MakeRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(10)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    rig = make_rig()
    await rig.start(wait=False)
    seen = [await asyncio.to_thread(listener.recv, 4096) for _ in range(3)]
    assert seen[0].startswith(b"READY=1") and seen[1:] == [b"WATCHDOG=1"] * 2
    await rig.stop_daemon()
    last = b""
    while b"STOPPING" not in last:
        last = await asyncio.to_thread(listener.recv, 4096)
    listener.close()

    settings = load(rig.config)
    ledger = Ledger.open(rig.ledger_path, gateway="demo-gate")
    parts = build(settings, SiteKey.load(settings.tables.site.key_file), ledger)
    watchdog = Watchdog(parts.plant, parts.ledger, lambda: parts.limits.seconds)
    assert await watchdog.stalled() == []
    parts.plant.readers[0].port.progress_at -= 60
    parts.plant.doors["yard"].readers[0]._serving = True
    parts.plant.doors["yard"].readers[0]._progress_at -= 120
    assert await watchdog.stalled() == ["reader gate-in", "door yard yard-in"]
    ledger.close()
    assert "ledger" in await watchdog.stalled()  # its thread has ended


async def test_start_is_refused_with_a_reason_not_a_traceback(make_rig: MakeRig) -> None:
    rig = make_rig()
    for file, content, code, message in (
        ("site.key", "short", 5, "site key"),
        ("garita.toml", "[site]\nname = 1\n", 4, "unknown key"),
        ("garita.toml", "", 4, "missing"),
    ):
        old = (rig.folder / file).read_text()
        (rig.folder / file).write_text(content)
        done = await rig.acli("run", check=False)
        assert done.returncode == code and message in done.stderr, done
        assert "Traceback" not in done.stderr
        (rig.folder / file).write_text(old)


async def test_no_badge_number_reaches_a_text_log(rig: Rig) -> None:
    for number in (ANA, NOBODY):
        await tap(rig, number)
    rig.yard_reader.garbage()
    await rig.until(lambda s: s["last"]["yard"]["reason"] == "denied_bad_read")
    await rig.stop_daemon()
    text = (rig.folder / "log").read_text()
    assert "1001" not in text and "9009" not in text
    with pytest.raises(control.Unreachable):
        control.ask(rig.socket, "status")
