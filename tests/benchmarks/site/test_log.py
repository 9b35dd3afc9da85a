"""The simulated log is a real one: it verifies, and two of the same site have the same bytes."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path

from benchmarks.site import write
from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType
from gateway.ledger.heads import Heads


def rows(path: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT seq, body FROM events ORDER BY seq").fetchall()


def test_the_log_of_a_week_verifies_and_can_be_proved(tmp_path: Path) -> None:
    made = write(tmp_path / "ledger.db", first=date(2026, 10, 26), days=7, people=30)
    with closing(LedgerReader(made.path)) as reader:
        report = reader.verify(keys=[made.signer.key])
    assert report.ok, report.problems
    assert report.covered.last_seq == report.head_seq == made.last_seq
    assert not report.clock_back
    proof = Heads(made.path).prove(made.last_seq // 2)
    assert proof is not None


def test_the_same_site_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    one, two, other = (
        write(tmp_path / f"{n}.db", days=2, people=25, seed=seed)
        for n, seed in enumerate((4, 4, 5))
    )
    assert rows(one.path) == rows(two.path)
    assert rows(one.path) != rows(other.path)


def test_it_ends_with_the_record_that_was_asked_for(tmp_path: Path) -> None:
    made = write(tmp_path / "ledger.db", people=25, records=3000)
    assert made.last_seq == 3000
    assert rows(made.path)[-1][0] == 3000


def test_a_month_has_every_everyday_kind_of_record(tmp_path: Path) -> None:
    made = write(tmp_path / "ledger.db", people=30)
    kinds = Counter(json.loads(body)["type"] for _, body in rows(made.path))
    everyday = set(EVERYDAY.split())
    assert everyday <= set(EventType)
    assert not everyday - set(kinds)


EVERYDAY = """
access.granted access.denied door.entered door.no_entry door.closed door.held door.forced
alarm.seen alarm.resolved device.offline device.online shift.handed_over shift.taken_over
visit.expected visit.arrived visit.badge_issued visit.departed
freight.expected freight.arrived freight.inspected freight.signed freight.loading freight.departed
freight.held freight.released freight.spot_drawn seal.received seal.issued seal.affixed
seal.reconciled partner.added operator.added console.signed_in people.synced document.attached
review.recorded requirement.set ledger.checkpoint
"""
