"""The checkpoint of who is inside: a file of JSON lines that spares reading the log.

The first line says of which log it is and how far it goes; each line after it is a person who was
seen.  If it is damaged the version before counts: the log from there on says the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from gateway.locale import worded
from gateway.state.movement import Move, Whereabouts
from gateway.vault.files import DamagedFile
from gateway.vault.statefile import StateFile, Tell, json_object, log_damage

MOST = 256_000_000
"""Bytes of the file; a person takes some 150."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A grant that the door has not confirmed yet."""

    person: str
    name: str
    company: str
    area: str
    at: datetime
    levels: tuple[str, ...]


@dataclass(slots=True)
class Known:
    """All that is known of who is where, up to record `seq`.

    `pending` are the grants of each door by the number of their record, `open` the doors that stand
    open, `entered` when somebody of an access level last entered by a door.  `untold` are movements
    that are not yet on record for other gates, `peers` how far each other gate's log was read.
    """

    seq: int = 0
    people: dict[str, Whereabouts] = field(default_factory=dict)
    pending: dict[str, dict[int, Pending]] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    entered: dict[str, dict[str, datetime]] = field(default_factory=dict)
    untold: dict[str, Move] = field(default_factory=dict)
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of `Presence`; lines of JSON, so that writing many people holds nobody up."""

    header: Mapping[str, Any]
    people: list[tuple[str, Whereabouts]]

    def save(self, path: Path, tell: Tell = log_damage) -> None:
        """Write it whole or not at all; for a thread.  Raises OSError."""
        lines: list[Any] = [self.header, *(_row(key, seen) for key, seen in self.people)]
        file = StateFile(path, _whole, most=MOST, tell=tell)
        # The last line ends without a break: the checksum stands behind it (statefile.py), where
        # readers of lines take it for the end of that one.
        head, *rows = (json.dumps(line, ensure_ascii=True).encode() for line in lines)
        file.write([head, *(b"\n" + row for row in rows)])


def _row(key: str, seen: Whereabouts) -> list[Any]:
    row = [key, seen.name, seen.company, seen.area, seen.since.isoformat(), seen.free]
    return [*row, seen.gate, seen.seq] if seen.gate else row


def checkpoint(known: Known, chain: str) -> Checkpoint:
    """Everything as it is now, for `save`; `chain` names the log that it is of."""
    header: dict[str, Any] = {
        "chain": chain,
        "seq": known.seq,
        "pending": [
            [door, seq, p.person, p.name, p.company, p.area, p.at.isoformat(), list(p.levels)]
            for door, items in known.pending.items()
            for seq, p in items.items()
        ],
        "open": sorted(known.open),
        "entered": {
            door: {level: at.isoformat() for level, at in levels.items()}
            for door, levels in known.entered.items()
        },
        "people": len(known.people),
    }
    if known.untold:
        header["untold"] = [
            [move.gate, move.person, dict(move.event().data)] for move in known.untold.values()
        ]
    if known.peers:
        header["peers"] = {name: dict(item) for name, item in known.peers.items()}
    return Checkpoint(header, list(known.people.items()))


def _whole(raw: bytes) -> None:
    """Raises ValueError for a file that is cut off; to read it all takes seconds."""
    lines = raw.rstrip(b"\n")  # a file of before there were checksums ends with a break
    head, *_ = lines.split(b"\n", 1)
    if lines.count(b"\n") != json_object(head)["people"]:
        raise ValueError("cut off")


def of(path: Path, chain: str, last_seq: int, tell: Tell = log_damage) -> StateFile[Known]:
    """The checkpoint at `path` of the log `chain`, which ends with `last_seq`."""
    return StateFile(path, partial(_read, chain=chain, last_seq=last_seq), most=MOST, tell=tell)


def _read(raw: bytes, chain: str, last_seq: int) -> Known:
    """Raises DamagedFile for a checkpoint that is not of this log, and what nonsense raises."""
    head, *lines = raw.decode("utf-8").splitlines()
    data = json.loads(head)
    known = Known(seq=int(data["seq"]))
    if data["chain"] != chain or not 0 < known.seq <= last_seq:
        raise DamagedFile(worded("who is inside was kept for another log than this one"))
    for key, name, company, area, since, free, *other in map(json.loads, lines):
        gate, seq = other or ("", 0)
        at = datetime.fromisoformat(since)
        known.people[str(key)] = Whereabouts(
            str(name), str(company), str(area), at, bool(free), str(gate), int(seq)
        )
    if len(known.people) != data["people"]:
        raise ValueError("cut off")
    for door, number, person, name, company, area, at_text, levels in data["pending"]:
        when = datetime.fromisoformat(at_text)
        item = Pending(person, name, company, area, when, tuple(levels))
        known.pending.setdefault(str(door), {})[int(number)] = item
    known.entered = {
        str(door): {str(level): datetime.fromisoformat(at) for level, at in levels.items()}
        for door, levels in data["entered"].items()
    }
    known.open = set(map(str, data["open"]))
    for gate, person, told in data.get("untold", ()):
        move = Move.read(str(gate), 0, str(person), told)
        known.untold[move.id] = move
    known.peers = {str(name): dict(item) for name, item in data.get("peers", {}).items()}
    return known
