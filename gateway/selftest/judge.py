"""What was promised before a crash, held against what is there after it.

The judge is the world outside: it has what the gateway told it, and reads the files that the crash
left.  It reads copies, so that the gateway itself has to bring its files back.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.ledger import chain
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import parse

_LOG = "ledger.db"
_PEOPLE = "people.db"


@dataclass(slots=True)
class Promises:
    """What the gateway told the world since the last look."""

    records: list[tuple[int, str, str]] = field(default_factory=list)
    heads: list[Checkpoint] = field(default_factory=list)
    acts: list[int] = field(default_factory=list)
    file: dict[str, Any] | None = None
    opened: int = 0
    """Doors that were unlocked."""
    damage: list[str] = field(default_factory=list)
    """What it could not read of its own."""
    unsynced: int = 0
    """Changes that were not synced when the power went, and those that are gone."""
    gone: int = 0

    def take(self, said: dict[str, Any]) -> None:
        """One thing that it said."""
        if said["what"] == "record":
            self.records.append((said["seq"], said["id"], said["hash"]))
        elif said["what"] == "checkpoint":
            self.heads.append(Checkpoint.parse(parse(said["note"]).text))
        elif said["what"] == "act":
            self.acts.append(said["number"])
        elif said["what"] == "file":
            self.file = said
        elif said["what"] == "damage":
            self.damage.append(said["why"])
        elif said["what"] == "cut":
            self.unsynced += said["unsynced"]
            self.gone += said["gone"]


class Judge:
    """Follows one gate through its crashes; `faults` is what it found, which should be nothing."""

    def __init__(self, data: Path, scratch: Path) -> None:
        self._data = data
        self._scratch = scratch
        self._seq, self._hash = 0, chain.GENESIS
        self._ids: dict[str, int] = {}
        self._tree = Frontier()
        self._heads: dict[int, bytes] = {}
        self.hashes: dict[str, str] = {}
        """The hash of each record by its id."""
        self._acts: set[int] = set()
        self._told: dict[int, int] = {}
        self.granted = 0
        """Grants on record."""
        self.records = 0
        self.faults: list[str] = []

    def look(self, promises: Promises, *, small: Path | None = None) -> None:
        """Read what the crash left, and compare."""
        self._heads |= {head.size: head.root for head in promises.heads}
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        for name in (_LOG, _PEOPLE):
            for more in ("", "-wal", "-journal"):
                path = self._data / (name + more)
                if path.exists():
                    shutil.copyfile(path, self._scratch / path.name)
        try:
            rows = self._rows(
                _LOG, "SELECT seq, body, hash FROM events WHERE seq > ? ORDER BY seq", self._seq
            )
        except sqlite3.Error as error:
            self._wrong(f"the log can't be read: {error}")
            return
        granted = self.granted
        was = {seq: digest for seq, _, digest in promises.records}
        for seq, body, digest in rows:
            self._record(seq, body, digest, was.pop(seq, None))
        if promises.opened > self.granted - granted:
            self._wrong(
                f"a door was unlocked {promises.opened} times, and {self.granted - granted} grants "
                "are on record"
            )
        for seq in was:
            self._wrong(f"record {seq} was acknowledged and is gone")
        for size in self._heads:
            if size > self._seq:
                self._wrong(f"a checkpoint of {size} records was shown, and {self._seq} are here")
        self._look_at_acts(promises)
        if small is not None and promises.file is not None:
            self._look_at_file(small, promises.file)

    def finish(self) -> None:
        """The gate stopped in order: each act is in the log, once."""
        for number in self._acts:
            count = self._told.get(number, 0)
            if count != 1:
                self._wrong(f"grant {number} is in the log {count} times")

    def _record(self, seq: int, body: str, digest: bytes, told: str | None) -> None:
        if seq != self._seq + 1:
            self._wrong(f"record {seq} follows {self._seq}")
        if not chain.fits(self._hash, seq, body, digest):
            self._wrong(f"record {seq} does not fit the one before")
        if told is not None and told != digest.hex():
            self._wrong(f"record {seq} is another one than was acknowledged")
        item = json.loads(body)
        if item["id"] in self._ids:
            self._wrong(f"records {self._ids[item['id']]} and {seq} have one id")
        self._ids[item["id"]] = seq
        self.hashes[item["id"]] = digest.hex()
        if item["type"] == chain.CREATED and "follows" in item["data"]:
            self._wrong(f"the log begins anew at {seq}: {item['data']['follows']}")
        if item["type"] == "grant.given":
            number = item["data"]["grant"]
            self._told[number] = self._told.get(number, 0) + 1
        self.granted += item["type"] == "access.granted"
        self.records += 1
        self._seq, self._hash = seq, digest
        self._tree.add(leaf_hash(body.encode()))
        root = self._heads.pop(self._tree.size, None)
        if root is not None and root != self._tree.root():
            self._wrong(f"the checkpoint of {seq} records is of other records")

    def _look_at_acts(self, promises: Promises) -> None:
        self._acts |= set(promises.acts)
        if not promises.acts:
            return
        try:
            rows = self._rows(_PEOPLE, "SELECT id FROM temporary_grant WHERE id > ?", 0)
        except sqlite3.Error as error:
            self._wrong(f"the list can't be read: {error}")
            return
        held = {number for (number,) in rows}
        for number in promises.acts:
            if number not in held:
                self._wrong(f"grant {number} was given and is gone")

    def _look_at_file(self, path: Path, said: dict[str, Any]) -> None:
        try:
            held = json.loads(path.read_text("utf-8"))
            if held["seed"] != said["seed"] or held["n"] < said["n"]:
                self._wrong(f"{path.name} is older than the one that was written")
        except (OSError, ValueError, KeyError) as error:
            self._wrong(f"{path.name}: {error}")

    def _rows(self, name: str, sql: str, after: int) -> list[Any]:
        with closing(sqlite3.connect(self._scratch / name)) as db:
            return db.execute(sql, (after,)).fetchall()

    def _wrong(self, what: str) -> None:
        self.faults.append(what)
