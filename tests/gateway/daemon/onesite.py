"""A gateway of two doors and an OSDP reader in this process: all of it is real but its devices.

No task of it runs.  Its lock is said to be ready, because no board can be had here; tests/system
drives the daemon with boards and readers.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

from gateway import config
from gateway.config import Settings
from gateway.daemon import logkeys
from gateway.daemon.build import Parts, build
from gateway.daemon.service import Daemon, _open
from gateway.decide.model import Credential
from gateway.doors.attempt import AccessAttempt, RecentlyAdmitted
from gateway.doors.hardware import DoorCondition
from gateway.doors.services import loop_time
from gateway.doors.steps import Presented, Verdict
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.people.schema import open_admin
from gateway.people.sync import apply as lists
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey
from gateway.vault.statefile import Damage

KEY = SiteKey(bytes(32))
ANA, LUIS = Credential("em4100", "18", "1001"), Credential("em4100", "18", "1002")
CONFIG = """
[site]
gateway = "g"
timezone = "UTC"
data_dir = "data"
run_dir = "run"
key_file = "site.key"

[log]
on_damage = "{on_damage}"

[health]
list_copy_s = 1
{health}

[threat_levels.normal]
title = {{ en = "Normal", es = "Normal" }}
rank = 0

[threat_levels.high]
title = {{ en = "High", es = "Alto" }}
rank = 1


[access_levels.plant]
doors = {{ gate = "always", yard = "always" }}

[readers.gate-in]
driver = "rdm6300"
port = "dev/gate"

[readers.yard-in]
driver = "rdm6300"
port = "dev/yard"

[buses.rs485]
port = "dev/bus"
baudrate = 115200

[readers.vault-in]
bus = "rs485"
address = 1

[locks.board]
driver = "lcus"
port = "dev/board"
options = {{ channels = 3 }}

[doors.gate]
mode = "badge"
reader = "gate-in"
lock = "board"
channel = 1
fail = "safe"

[doors.yard]
mode = "badge"
reader = "yard-in"
lock = "board"
channel = 2
fail = "secure"

[doors.vault]
mode = "badge"
reader = "vault-in"
lock = "board"
channel = 3
fail = "secure"
"""


class Site:
    """The gateway in `folder`; `start` builds it as the daemon does, `stop` ends it in order."""

    def __init__(self, folder: Path, *, on_damage: str = "stop", health: str = "") -> None:
        folder.mkdir(exist_ok=True)
        (folder / "site.toml").write_text(CONFIG.format(on_damage=on_damage, health=health))
        self.settings: Settings = config.load(folder / "site.toml")
        self.data = self.settings.tables.site.data_dir
        self.data.mkdir(exist_ok=True)
        self.ledger: Ledger
        self.parts: Parts
        self._daemon: Daemon

    def people(self, *rows: str) -> None:
        """Put a list in force: ``id,name,levels,badges`` for each person."""
        path = self.data.parent / "list.csv"
        whole = [",".join(COLUMNS)]
        for row in rows:
            key, badge = row.split(",")
            whole.append(f"{key},{key.title()},,,,,active,{badge},plant")
        path.write_text("\n".join(whole) + "\n")
        source = read_people(path, levels=frozenset({"plant"}), zone=UTC)
        assert source.errors == []
        with closing(open_admin(self.settings.people_path)) as db:
            lists.apply(db, lists.plan(db, source), by="hr")

    async def start(self, about: dict[str, Any] | None = None) -> None:
        """As `serve` does, up to where tasks would run."""
        self.ledger = await _open(self.settings, about)
        self.ledger._timeout_s = 60.0  # the machine of a test may be busy
        await logkeys.hold_against(
            self.settings.log_key_path, KEY, self.ledger, self.settings.ledger_path
        )
        self.parts = build(self.settings, KEY, self.ledger)
        if about:
            self.parts.damages(Damage("ledger.db", about["why"], "new_log", about["aside"]))
        await self.parts.lists.at_start()
        self._daemon = Daemon(self.parts)
        await self.ledger.append(NewEvent(EventType.GATEWAY_STARTED, "g"))
        self._daemon._restore()
        await self.settled()

    async def settled(self) -> None:
        """Everything that was noted is on record."""
        for _ in range(3):
            await asyncio.sleep(0)
        await self.ledger.ping(5)
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """In order."""
        if self.parts.checkpoints is not None:
            await self.parts.checkpoints.make()
        await self.parts.jobs.keep_presence()
        self.crash()

    def crash(self) -> None:
        self.ledger.close()

    def verdict(self, door: str, badge: Credential) -> Verdict:
        """What this door says to a badge, if its lock and its reader work."""
        controller = self.parts.plant.doors[door]
        reader = controller.readers[0]
        attempt = AccessAttempt(
            reader._services, reader._point, Presented(badge), loop_time(), RecentlyAdmitted()
        )
        out = bool(controller.hardware.door.out_of_service)
        (found,) = attempt.next(DoorCondition(True, out, False, ""))  # type: ignore[misc]
        assert isinstance(found, Verdict)
        return found

    def says(self, door: str, badge: Credential) -> str:
        return str(self.verdict(door, badge).decision.reason)

    def events(self, kind: str) -> list[Event]:
        with closing(LedgerReader(self.settings.ledger_path)) as reader:
            return [e for e in reader.after(0, 100_000) if e.type == kind]

    def told(self) -> dict[str, str]:
        """What was done about which file, as the log says it."""
        return {e.subject: str(e.data["done"]) for e in self.events("state.damaged")}

    def ledger_records(self) -> set[str]:
        """The ids of all records."""
        with closing(LedgerReader(self.settings.ledger_path)) as reader:
            return {event.id for event in reader.after(0, 100_000)}

    async def lived(self) -> None:
        """Leave behind what a site has: the gate out of service, a raised level, a reader's key, a
        command that was taken, a revocation, a copy of the list, a checkpoint, a cursor."""
        self.people(f"ana,{ANA.key}", f"luis,{LUIS.key}")
        with closing(open_admin(self.settings.people_path)) as db:
            lists.set_revoked(db, "luis", revoked=True, why="left", by="hr")
        await self.start()
        parts = self.parts
        await parts.outbox.move()
        for reason in ("rain", "hinge"):
            await parts.out_of_service.put("gate", reason)
            await self.ledger.append(
                NewEvent(EventType.DOOR_OUT_OF_SERVICE, "gate", {"reason": reason})
            )
        for level in ("high", "normal", "high"):
            await parts.threat.set(level, "ana", "drill", self.ledger.append)
        keys = parts.reader_keys
        keys.taken("vault-in", keys.new("vault-in"))
        for counter in (4, 5):
            self.take(counter)
            data = {"key": "k", "counter": counter, "command": "sync"}
            await self.ledger.append(NewEvent(EventType.COMMAND_ACCEPTED, "g", data))
        self.cursor(3)
        self.cursor(self.ledger.last_seq)
        await parts.lists.look()
        assert parts.checkpoints is not None
        await parts.checkpoints.make()
        await parts.jobs.keep_presence()
        await self.stop()

    def take(self, counter: int) -> str:
        """Take a command of key ``k``; why it is refused, "" if it is not."""
        from gateway.daemon.signed import Refused

        class Taken:
            key = "k"

        Taken.counter = counter  # type: ignore[attr-defined]
        try:
            self.parts.triggers.counters._take(Taken)  # type: ignore[arg-type]
        except Refused as refused:
            return str(refused)
        return ""

    def cursor(self, seq: int) -> int:
        """Where publishing goes on; after that `seq` is published."""
        from gateway.uplink.cursor import Cursor

        made = Cursor(self.settings.cursor_path, self.parts.damages)
        with closing(LedgerReader(self.settings.ledger_path)) as reader:
            made.load(reader)
        found, made.seq = made.seq, seq
        made.save()
        return found


def keyed(site: Site) -> bool:
    """Whether the reader's key can be had."""
    return not site.parts.reader_keys.damage and bool(site.parts.reader_keys.candidates("vault-in"))


def held(site: Site, name: str) -> Any:
    return json.loads((site.data / name).read_text())
