"""Files of the gateway's own that are empty or damaged at a start (A7): the real daemon."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from demo.rig import Rig
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import Event, EventType, NewEvent

MakeRig = Callable[..., Rig]
ANA = 1001
PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]
SMALL = (
    "doors.json",
    "presence.json",
    "reader-keys.json",
    "commands.json",
    "mqtt.cursor",
    "scenes.json",
)


async def prepared(rig: Rig) -> None:
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")


async def tap(rig: Rig, door: str) -> str:
    reader = rig.yard_reader if door == "yard" else rig.gate_reader
    before = (await rig.until(lambda s: True))["last"].get(door)
    reader.present(18, ANA)
    status = await rig.until(lambda s: s["last"].get(door) not in (None, before))
    return str(status["last"][door]["reason"])


def online(status: dict[str, Any]) -> bool:
    states = {d["name"]: d["state"] for d in status["devices"]}
    return all(states.get(name) == "online" for name in ("gate-in", "yard-in", "board"))


def events(rig: Rig, prefix: str) -> list[Event]:
    with closing(LedgerReader(rig.ledger_path)) as reader:
        return [e for e in reader.after(0, 100_000) if e.type.startswith(prefix)]


@pytest.mark.parametrize("raw", [b"", b'{"gate": "hin'], ids=["empty", "cut off"])
async def test_small_files_that_are_damaged_stop_no_door_and_open_none(
    make_rig: MakeRig, raw: bytes
) -> None:
    rig = make_rig(osdp=True)
    await prepared(rig)
    await rig.start(wait=False)
    await rig.until(online)
    await rig.acli("door", "out-of-service", "gate", "--reason", "hinge")
    await rig.stop_daemon()
    for name in SMALL:
        (rig.ledger_path.parent / name).write_bytes(raw)
    await rig.start(wait=False)
    await rig.until(online)
    assert await tap(rig, "gate") == "denied_out_of_service"
    assert await tap(rig, "yard") == "granted"
    told = {e.subject: e.data["done"] for e in events(rig, "state.damaged")}
    assert told == {
        "doors.json": "from_log",
        "presence.json": "previous",
        "reader-keys.json": "readers_offline",
        "commands.json": "from_log",
    }
    folder = rig.ledger_path.parent
    for event in events(rig, "state.damaged"):
        name = event.data.get("aside", "reader-keys.json")  # which a person may restore
        assert (folder / name).read_bytes() == raw
    assert "hinge" in (folder / "doors.json").read_text()
    shown = (await rig.acli("status")).stdout
    assert "doors.json" in shown and "put aside" in shown


async def test_readers_without_keys_are_offline_and_all_other_doors_work(make_rig: MakeRig) -> None:
    """Neither version can be read: the file stays, and no key is given, because a person may
    restore it."""
    rig = make_rig(osdp=True)
    await prepared(rig)
    await rig.start(wait=False)
    await rig.until(online)
    await rig.stop_daemon()
    keys = rig.ledger_path.parent / "reader-keys.json"
    for path in (keys, keys.with_name("reader-keys.json.previous")):
        path.write_bytes(b"noise")
    await rig.start(wait=False)
    await rig.until(online)
    assert await tap(rig, "yard") == "granted"
    (told,) = events(rig, "state.damaged")
    assert (told.subject, told.data["done"]) == ("reader-keys.json", "readers_offline")
    status = await rig.until(lambda s: "vault-in" in str(s["devices"]))
    vault = {d["name"]: d for d in status["devices"]}["vault-in"]
    assert vault["state"] != "online" and "reader-keys.json" in vault["detail"]
    install = await rig.acli("reader", "install", "vault-in", "--seconds", "1", check=False)
    assert install.returncode != 0 and keys.read_bytes() == b"noise"


@pytest.mark.parametrize("raw", [b"", b"no database at all" * 100], ids=["empty", "garbage"])
async def test_a_damaged_list_denies_with_a_reason_from_the_start_on(
    make_rig: MakeRig, tmp_path: Path, raw: bytes
) -> None:
    rig = make_rig()
    await prepared(rig)
    with closing(sqlite3.connect(rig.people_path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    good = shutil.copy(rig.people_path, tmp_path / "good.db")
    for more in rig.people_path.parent.glob("people.db-*"):
        more.unlink()
    rig.people_path.write_bytes(raw)
    await rig.start()
    assert await tap(rig, "yard") == "denied_list_unavailable"
    (told,) = events(rig, "state.damaged")
    assert (told.subject, told.data["done"]) == ("people.db", "denies")
    shutil.copy(good, tmp_path / "back.db")
    (tmp_path / "back.db").replace(rig.people_path)
    assert await tap(rig, "yard") == "granted"  # restored, without a restart


async def test_the_copy_of_the_list_takes_over_while_the_gateway_runs(make_rig: MakeRig) -> None:
    rig = make_rig()
    await prepared(rig)
    await rig.start()
    await rig.until(lambda s: s["list_copy"]["as_of"], timeout_s=60)
    rig.people_path.write_bytes(b"no database at all" * 500)
    status = await rig.until(lambda s: s["list_copy"]["in_force"], timeout_s=60)
    assert status["people"]["total"] == 1 and await tap(rig, "yard") == "granted"
    (granted,) = events(rig, "access.granted")
    assert "list_copy" in granted.data["degraded"]
    shown = (await rig.acli("status")).stdout
    assert "people.db" in shown and "put aside" in shown


async def test_a_site_may_go_on_with_a_new_log(make_rig: MakeRig) -> None:
    """Its first record names the one that was put aside."""
    rig = make_rig(policy='[log]\non_damage = "new"')
    await prepared(rig)
    await rig.start()
    assert await tap(rig, "yard") == "granted"
    await rig.stop_daemon()
    known = max(event.seq for event in events(rig, ""))
    rig.ledger_path.write_bytes(b"noise" * 9999)
    await rig.start()
    assert await tap(rig, "yard") == "granted"
    first, anew = events(rig, "ledger.created")
    damaged = [e for e in events(rig, "state.damaged") if e.subject == "ledger.db"]
    (aside,) = [e.data["aside"] for e in damaged]
    assert first.data["aside"] == aside and first.data["known"] and first.data["not_before"]
    assert (rig.ledger_path.parent / aside).read_bytes().startswith(b"noise")
    assert anew.seq > known and anew.data["follows"]["known_seq"] <= known
    assert events(rig, "alarm.log_lost")


async def test_a_damaged_page_in_the_log_ends_with_what_to_do_and_no_traceback(
    make_rig: MakeRig,
) -> None:
    rig = make_rig()
    await prepared(rig)
    ledger = Ledger.open(rig.ledger_path, gateway="demo-gate")
    for _ in range(600):
        ledger.note(NewEvent(EventType.DOOR_OPENED, "yard", {"x": "y" * 300}))
    ledger.close()
    with closing(sqlite3.connect(rig.ledger_path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for damage in (b"\xff" * 4096, b"\0" * 4096):
        with rig.ledger_path.open("r+b") as file:
            file.seek(rig.ledger_path.stat().st_size // 8192 * 4096)
            file.write(damage)
        assert_refused(await rig.acli("run", check=False))


async def test_an_emptied_log_is_not_taken_for_a_new_one(make_rig: MakeRig) -> None:
    rig = make_rig()
    await prepared(rig)
    await rig.start()
    await rig.stop_daemon()
    rig.ledger_path.write_bytes(b"")
    assert_refused(await rig.acli("run", check=False))
    assert rig.ledger_path.stat().st_size == 0


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 5 and "Traceback" not in done.stderr, done
    assert "ledger.db" in done.stderr and "docs/operations.md" in done.stderr


def test_systemd_does_not_start_again_what_needs_a_person() -> None:
    unit = (Path(__file__).parents[2] / "systemd" / "garita.service").read_text()
    assert "\nRestartPreventExitStatus=4 5\n" in unit


async def test_a_log_that_cant_be_had_just_now_is_tried_again(make_rig: MakeRig) -> None:
    rig = make_rig()
    await prepared(rig)
    rig.ledger_path.unlink(missing_ok=True)
    lock = rig.ledger_path.with_name("ledger.db.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    done = await rig.acli("run", check=False)
    assert done.returncode == 75 and "Traceback" not in done.stderr
