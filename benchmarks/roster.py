"""A personnel list of a quarter of a million people, four requirements each."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.figures import say, spread
from benchmarks.latency import GOAL, taps
from demo.rig import Rig
from gateway import config
from gateway.decide.model import Credential
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import NewEvent
from gateway.people import Roster
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync import history
from gateway.people.sync.file import read_people
from gateway.people.sync.rehearsal import rehearse
from gateway.vault.sitekey import SiteKey

PEOPLE = 250_000
EVENTS = 100_000
HEAD = "id,name,company,role,valid_from,valid_until,status,credentials,access_levels"
KINDS = ("background-check", "security-training", "threat-awareness", "medical")
REQUIRES = "," + ",".join(f"requires:{kind}" for kind in KINDS)


def row(n: int, role: str = "Welder", status: str = "active") -> str:
    month = n % 9 + 1
    days = f"2027-0{month}-31,2027-0{month}-01,2027-0{month}-15,2028-0{month}-28"
    if month in (2, 4, 6, 9):
        days = days.replace("-31", "-28")
    return (
        f"e{n},Person {n},Company {n % 500},{role},2026-01-01,2035-12-31,{status},"
        f"em4100:18:{n},plant,{days}\n"
    )


def write(path: Path, changed: int = 0, *, suspended: bool = False) -> Path:
    """Write a list.  The first `changed` people have another role; with `suspended`, every second
    person is suspended."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{HEAD}{REQUIRES}\n")
        for n in range(PEOPLE):
            status = "suspended" if suspended and n % 2 else "active"
            file.write(row(n, "Foreman" if n < changed else "Welder", status))
    return path


def write_delta(path: Path, role: str) -> Path:
    """Write a delta of a thousand changes: 400 other roles, 300 new people, 300 who leave."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"op,{HEAD}{REQUIRES}\n")
        file.writelines("change," + row(n, role) for n in range(5000, 5400))
        file.writelines("add," + row(n) for n in range(PEOPLE, PEOPLE + 300))
        file.writelines(f"remove,e{n},,,,,,,,,,,,\n" for n in range(9000, 9300))
    return path


async def run(folder: Path) -> None:
    rig = Rig(folder, pulse_s=30.0)
    command = ("people", "sync", "--apply")
    for what, changed in (("first sync", 0), ("sync with 1,000 changes", 1000)):
        path = write(folder / "people.csv", changed)
        begun = time.monotonic()
        await rig.acli(*command, str(path))
        say(
            f"{what}, {PEOPLE:,} people (s, whole command)",
            f"{time.monotonic() - begun:.1f}",
            "30 s",
        )
    delta(rig, folder)
    await rehearsal(rig, folder)
    roster = Roster(rig.people_path)
    random.seed(1)
    took = []
    for _ in range(5000):
        badge = Credential("em4100", "18", str(random.randrange(PEOPLE)))
        begun = time.perf_counter()
        assert roster.find(badge).list_version
        took.append((time.perf_counter() - begun) * 1e6)
    say("look-up of a badge (µs)", spread(took))
    await rig.start()
    await taps(rig, 20)
    say("badge to relay with this list (ms)", spread(await taps(rig, 600, 200_001)), GOAL)
    await rig.stop()


def delta(rig: Rig, folder: Path) -> None:
    """Measure a delta of a thousand changes, in process and as a command, and its rollback."""
    path = write_delta(folder / "delta.csv", "Fitter")
    db = open_admin(rig.people_path)
    begun = time.monotonic()
    found = read_people(path, levels={"plant"}, zone=UTC, delta=True)
    assert not found.errors
    sync.apply(db, sync.plan(db, found), by="bench")
    say("delta of 1,000 (s, read to in force)", f"{time.monotonic() - begun:.2f}", "1 s")
    begun = time.monotonic()
    sync.apply(db, history.rollback(db, 2, {"plant"}), by="bench")
    say("rollback of it (s)", f"{time.monotonic() - begun:.2f}")
    db.close()
    write_delta(path, "Rigger")
    begun = time.monotonic()
    rig.cli("people", "sync", "--apply", "--delta", str(path))
    say("delta of 1,000 (s, whole command)", f"{time.monotonic() - begun:.2f}", "1 s")


async def rehearsal(rig: Rig, folder: Path) -> None:
    """Rehearse a hundred thousand badges of the past month on a list that changes a thousand
    people, and on one that changes every second person."""
    settings = config.load(rig.config)
    key = SiteKey.load(settings.tables.site.key_file)
    ledger = Ledger.open(settings.ledger_path, gateway=settings.site.gateway)
    since = datetime.now(UTC) - timedelta(days=30)
    for first in range(0, EVENTS, 250):
        await asyncio.gather(
            *(ledger.append_soon(_badge(key, n, since)) for n in range(first, first + 250))
        )
    ledger.close()
    for what, changed, suspended in (("1,000", 1000, False), ("half of the people", 0, True)):
        path = write(folder / "people.csv", changed, suspended=suspended)
        db = open_admin(rig.people_path)
        plan = sync.plan(db, read_people(path, levels={"plant"}, zone=UTC))
        with closing(LedgerReader(settings.ledger_path)) as records:
            begun = time.monotonic()
            tried = rehearse(db, plan, settings.site, key, records, since)
            took = time.monotonic() - begun
        db.close()
        assert tried.events > EVENTS - 10
        say(f"rehearsal, {EVENTS:,} badges, {what} changed (s)", f"{took:.1f}", "20 s")


def _badge(key: SiteKey, n: int, since: datetime) -> NewEvent:
    """A grant as a reader records it."""
    holder = n * 7 % PEOPLE
    badge = Credential("em4100", "18", str(holder))
    data = {
        "door": "gate",
        "reader": "gate-in",
        "way": "in",
        "reason": "granted",
        "rule": "plant/always",
        "list_version": 1,
        "policy_version": "0",
        "degraded": [],
        "took_ms": 1.5,
        "person": {"id": f"e{holder}", "name": f"Person {holder}", "company": ""},
        "credential": {"masked": badge.masked, "fingerprint": key.fingerprint(badge.key)},
    }
    return NewEvent("access.granted", "gate", data, since + timedelta(seconds=20 * n + 60))
