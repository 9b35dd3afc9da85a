"""Records in a file for somebody else: JSON lines with their proof beside them, or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from gateway.desk.auditor.filters import Wanted
from gateway.desk.text import MARK, defused
from gateway.ledger import LedgerReader
from gateway.ledger import export as proofs
from gateway.ledger.event import Event
from gateway.ledger.heads import Heads
from gateway.vault.files import new_text_file

FORMATS = ("jsonl", "csv")
PROOF = ".proof"
"""What is added to an export's name for the file with its proof."""
COLUMNS = (
    "seq",
    "time",
    "type",
    "subject",
    "reason",
    "rule",
    "person_id",
    "person_name",
    "badge",
    "hash",
    "data",
    "local_time",
)


def head_of(ledger: LedgerReader, signed: int | None) -> Event | None:
    """The newest record that an export takes in: the newest one that is signed (`signed` is its
    number), or the newest of all if nothing is; None for an empty log."""
    head = ledger.get(signed) if signed else None
    return head if head is not None else next(iter(ledger.tail(1)), None)


def into(
    output: Path,
    format: str,
    path: Path,
    ledger: LedgerReader,
    wanted: Wanted,
    head: Event | None,
    zone: ZoneInfo,
    progress: Callable[[int], None] | None = None,
    may: Callable[[Event], bool] = lambda event: True,
) -> int:
    """Write the records of the log at `path`, up to `head`, that are asked for and that the reader
    `may` see, into the new file `output`; JSON lines get their proof beside them.

    Returns how many there are.  Raises LedgerUnavailable, OSError, and FileExistsError if one of
    the files is there already; then neither is left half written.
    """
    events = ledger.walk(progress, head.seq if head is not None else 0)
    with ExitStack() as files:
        proof = None
        if format == "jsonl" and head is not None:
            beside = files.enter_context(new_text_file(Path(f"{output}{PROOF}")))
            heads = Heads(path)
            proof = proofs.Proof(
                beside,
                head,
                wanted.asked,
                heads.newest_each(),
                heads.log_keys(),
                ledger.begins(),
            )
        file = files.enter_context(new_text_file(output))

        def fits(event: Event) -> bool:
            return wanted.fits(event) and may(event)

        return write(proofs.chosen(events, fits, proof), format, file, zone)


def write(events: Iterable[Event], format: str, file: IO[str], zone: ZoneInfo) -> int:
    """Write the events; returns how many there were."""
    count = 0
    writer = csv.writer(file)
    if format == "csv":
        file.write(MARK)  # Excel reads the file as UTF-8
        writer.writerow(COLUMNS)
    for event in events:
        count += 1
        if format == "jsonl":
            file.write(json.dumps(proofs.record(event), ensure_ascii=False) + "\n")
            continue
        person = event.data.get("person") or {}
        if not isinstance(person, dict):
            person = {"id": person}
        writer.writerow(
            defused(cell)
            for cell in (
                event.seq,
                event.time,
                event.type,
                event.subject,
                event.data.get("reason", ""),
                event.data.get("rule", ""),
                person.get("id", ""),
                person.get("name", ""),
                (event.data.get("credential") or {}).get("masked", ""),
                event.hash,
                json.dumps(dict(event.data), ensure_ascii=False),
                f"{datetime.fromisoformat(event.time).astimezone(zone):%Y-%m-%d %H:%M:%S}",
            )
        )
    return count
