"""The last lines of the text log and the last records: what they are, not what they say."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.diag.box import UNITS, ran
from gateway.diag.keep import Keeper
from gateway.ledger import LedgerReader

LINES = 2000
RECORDS = 20_000
NEWEST = 300
_FILE = r"(?:gateway|drivers|site-packages|lib/python[\d.]+)/[\w/.-]+\.py"
_FRAME = re.compile(rf'File "[^"]*?({_FILE})", line (\d+), in ([\w<>]+)')
_PLACE = re.compile(r"(gateway|drivers|[a-z_]+)/[\w/]+\.py")
_CODE = re.compile(r"[A-Za-z_][\w.]{0,60}")
_PLAIN = (
    "PRIORITY",
    "CODE_LINE",
    "EXIT_STATUS",
    "EXIT_CODE",
    "JOB_RESULT",
    "UNIT_RESULT",
    "SIGNAL",
)
_ABOUT = ("GARITA_DOOR", "GARITA_READER", "GARITA_LOCK", "GARITA_BUS")


def journal(keeper: Keeper) -> list[dict[str, Any]]:
    """Lines of our units in systemd's journal: their places in the code and what they are about.
    The words are in the program's source, at the place named; what stood in them stays here."""
    named = [part for unit in UNITS for part in ("-u", unit)]
    text = ran("journalctl", *named, "-n", str(LINES), "-o", "json", "--no-pager")
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        found.append(_line(entry, keeper))
    return found


def _line(entry: dict[str, Any], keeper: Keeper) -> dict[str, Any]:
    made: dict[str, Any] = {}
    at = str(entry.get("__REALTIME_TIMESTAMP", ""))
    if re.fullmatch(r"\d{16}", at):
        made["at_us"] = int(at)
    for name in _PLAIN:
        value = str(entry.get(name, ""))
        if re.fullmatch(r"\d{1,5}|[a-z-]{1,20}", value):
            made[name.lower()] = value
    for name in _ABOUT:
        if name in entry:
            made[name.removeprefix("GARITA_").lower()] = keeper.word(str(entry[name]))
    place = str(entry.get("CODE_FILE", ""))
    if _PLACE.fullmatch(place):
        made["file"] = place
    if re.fullmatch(r"garita(\.[a-z_]+)*", str(entry.get("GARITA_LOGGER", ""))):
        made["logger"] = entry["GARITA_LOGGER"]
    if (kind := str(entry.get("GARITA_ERROR", ""))) and _CODE.fullmatch(kind):
        made["error"] = keeper.word(kind) if not kind.endswith(("Error", "Exception")) else kind
    message = entry.get("MESSAGE")
    if isinstance(message, str):
        frames = [f"{file}:{number} {name}" for file, number, name in _FRAME.findall(message)]
        if frames:
            made["frames"] = frames
    return made


def records(ledger: Path, keeper: Keeper) -> dict[str, Any]:
    """How many of the newest records are of each type and reason, and the newest with their times
    and the door or device that they are about.  Raises LedgerUnavailable or sqlite3.Error."""
    types: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    newest: list[dict[str, Any]] = []
    with closing(LedgerReader(ledger)) as reader:
        last = reader.last_seq
        seq = max(0, last - RECORDS)
        while events := reader.after(seq, 1000):
            seq = events[-1].seq
            for event in events:
                kind = keeper.word(event.type)
                types[kind] += 1
                reason = keeper.word(str(event.data.get("reason", "")))
                is_code = reason and not reason.startswith("<")
                if is_code:
                    reasons[reason] += 1
                newest.append(
                    {
                        "seq": event.seq,
                        "time": event.time,
                        "type": kind,
                        "about": keeper.word(event.subject),
                        "reason": reason if is_code else "",
                    }
                )
            newest = newest[-NEWEST:]
    return {"last_seq": last, "types": dict(types), "reasons": dict(reasons), "newest": newest}


def integrity(path: Path) -> dict[str, Any]:
    """Whether SQLite holds a database for sound, and its size and schema's number."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.execute("PRAGMA busy_timeout = 2000")
        sound = db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        version = db.execute("PRAGMA user_version").fetchone()[0]
        return {"sound": sound, "schema": version, "bytes": path.stat().st_size}
