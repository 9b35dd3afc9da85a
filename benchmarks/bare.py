"""The smallest program that does the same job: one blocking loop, one door, no checks, no chain.

It reads an RDM6300 frame, looks the badge up in SQLite, commits a record (WAL, FULL) and writes the
relay frame.  ``make bench`` runs it beside the gateway, so that a slow disk or a busy machine shows
in both.

    python -m benchmarks.bare READER BOARD FOLDER
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tty
from pathlib import Path

import serial


def main() -> None:
    reader = serial.Serial(sys.argv[1], 9600)
    board = serial.Serial(sys.argv[2], 9600)
    tty.setraw(reader.fileno())  # pyserial's own setting makes a read return without a byte
    os.set_blocking(reader.fileno(), True)
    db = sqlite3.connect(Path(sys.argv[3]) / "bare-gate.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE people (badge TEXT PRIMARY KEY, name TEXT)")
    db.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, badge TEXT, name TEXT, data TEXT)")
    db.execute("INSERT INTO people VALUES ('12000003E9', 'Ana')")
    print("ready", flush=True)
    frame = b""
    while True:
        while len(frame) < 14:
            frame += os.read(reader.fileno(), 64)
        badge, frame = frame[1:11].decode(), frame[14:]
        row = db.execute("SELECT name FROM people WHERE badge = ?", (badge,)).fetchone()
        if row is not None:
            db.execute(
                "INSERT INTO log (badge, name, data) VALUES (?, ?, ?)", (badge, row[0], "x" * 500)
            )
            os.write(board.fileno(), b"\xa0\x02\x01\xa3")


if __name__ == "__main__":
    main()
