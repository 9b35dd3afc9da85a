"""A person's data leave the archives; chain, tree, checkpoints and proofs stay as they were."""

import hashlib
import io
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable, apart, archiver, export, redact
from gateway.ledger.archives import Archives
from gateway.ledger.copies import copy_log
from gateway.ledger.event import NewEvent
from gateway.ledger.heads import Heads
from gateway.uplink.messages import cloud_event
from tests.gateway.ledger.test_archive import EVER, Log

ANA = "Ana Núñez"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiver, "STEP", 256)
    monkeypatch.setattr(archiver, "MOST", 512)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.ledger.close()


def _granted(person: str, name: str) -> NewEvent:
    data = {
        "person": {"id": person, "name": name, "company": "Acme"},
        "credential": {"masked": "**123", "fingerprint": "f" * 16},
        "face": {"distance": 0.31},
        "reason": "granted",
        "door": "main",
    }
    return NewEvent("access.granted", "main", data)


async def _fill(log: Log) -> list[int]:
    """Records of two people; returns the numbers of those that name Ana."""
    hers = []
    await log.add(300)
    for n in range(5):
        hers.append((await log.ledger.append(_granted("e500", ANA))).seq)
        await log.ledger.append(_granted("e600", "Luis"))
        note = {"by": "rosa", "reason": f"{ANA} lost badge {n}"}
        hers.append((await log.ledger.append(NewEvent("people.revoked", "e500", note))).seq)
    await log.add(600)
    while await log.archive(EVER):
        pass
    return hers


async def _redact(log: Log) -> redact.Plan:
    with closing(Archives(log.path)) as archives:
        with closing(sqlite3.connect(log.path)) as db:
            archives.refresh(db)
        names = redact.names_of(archives, "e500")
        assert names == {ANA}
        made = redact.plan(archives, redact.Person("e500", names), "redact-1")
        for part in made.told():
            data = {"act": made.act, "by": "rosa", "reason": "asked", "records": part}
            await log.ledger.append(NewEvent("ledger.redacted", "g", data))
        assert redact.carry_out(archives, made) == made.count
    return made


def _archives(log: Log) -> bytes:
    files = sorted((log.path.parent / "archive").iterdir())
    return b"".join(zstandard.open(path, "rb").read() for path in files)


async def test_the_person_is_gone_and_all_hashes_and_proofs_stay(log: Log) -> None:
    hers = await _fill(log)
    before = {event.seq: event for event, _ in log.reader().walk()}
    proof = Heads(log.path).prove(hers[0] + 1)
    assert ANA.encode() in _archives(log)
    made = await _redact(log)
    assert sorted(seq for found in made.rests.values() for seq in found) == hers

    held = _archives(log)
    for text in (ANA, "e500"):
        assert text.encode() not in held
    await log.sign()
    report = log.reader().verify(keys=[log.key()])
    assert (report.problems, report.redacted) == ([], len(hers))
    assert report.covered.last_seq == report.head_seq
    for event, _ in log.reader().walk(last=max(before)):
        was = before[event.seq]
        assert (event.hash, event.prev, event.time, event.type) == (
            was.hash,
            was.prev,
            was.time,
            was.type,
        )
        assert (event == was) == (event.seq not in hers)
    left = log.reader().get(hers[0])
    assert left
    assert left.data == {
        "person": {"id": "[redacted]", "name": "[redacted]", "company": "[redacted]"},
        "credential": {"masked": "[redacted]", "fingerprint": "[redacted]"},
        "face": {"distance": None},
        "reason": "granted",
        "door": "main",
    }
    note = log.reader().get(hers[1])
    assert note
    assert (note.subject, note.data["by"]) == ("[redacted]", "rosa")
    assert note.data["reason"] == "[redacted] lost badge 0"
    assert Heads(log.path).prove(hers[0] + 1) is not None
    assert proof is not None
    with pytest.raises(LedgerUnavailable, match="redacted"):
        Heads(log.path).prove(hers[0])
    for path in (log.path.parent / "archive").iterdir():
        assert apart.check(path, [log.key()]).problems == []


async def test_a_copy_and_an_export_hold_what_is_left_and_are_good(
    log: Log, tmp_path: Path
) -> None:
    hers = await _fill(log)
    await _redact(log)
    await log.sign()
    to = tmp_path / "copy.db"
    copy_log(log.path, to)
    assert ANA.encode() not in to.read_bytes()
    report = LedgerReader(to, copy=True).verify(keys=[log.key()])
    assert (report.problems, report.redacted) == ([], len(hers))

    reader = log.reader()
    shown, written = io.StringIO(), io.StringIO()
    proof = export.Proof(
        written, reader.tail(1)[0], {"type": "x"}, Heads(log.path).newest_each(), [log.key()]
    )
    for event in export.chosen(reader.walk(), lambda event: True, proof):
        shown.write(json.dumps(export.record(event), ensure_ascii=False) + "\n")
    assert ANA not in shown.getvalue() + written.getvalue()
    found = export.check(
        shown.getvalue().splitlines(), written.getvalue().splitlines(), [log.key()]
    )
    assert (found.unlinked, found.covered.last_seq) == (0, reader.last_seq)
    event = log.reader().get(hers[0])
    assert event
    sent = json.loads(cloud_event(event, "g"))
    assert (sent["data"]["omitted"], sent["hash"]) == ("redacted", event.hash)


async def test_what_is_left_is_held_against_the_record_of_the_act(log: Log) -> None:
    hers = await _fill(log)
    with closing(Archives(log.path)) as archives:
        with closing(sqlite3.connect(log.path)) as db:
            archives.refresh(db)
        made = redact.plan(archives, redact.Person("e500", frozenset({ANA})), "redact-1")
        for found in made.rests.values():  # somebody hides a refusal, and no act says so
            for seq in found:
                found[seq] = found[seq].replace("granted", "denied_x")
        redact.carry_out(archives, made)
    report = log.reader().verify(keys=[log.key()])
    assert [problem.seq for problem in report.problems] == hers
    assert "not what the log says" in report.problems[0].what


async def test_an_act_that_was_interrupted_is_told_and_done_again(log: Log) -> None:
    hers = await _fill(log)
    with closing(Archives(log.path)) as archives:
        with closing(sqlite3.connect(log.path)) as db:
            archives.refresh(db)
        made = redact.plan(archives, redact.Person("e500", frozenset({ANA})), "redact-1")
        records = next(made.told())
        assert (
            records[0][1]
            == hashlib.sha256(next(iter(made.rests.values()))[records[0][0]].encode()).hexdigest()
        )
        await log.ledger.append(NewEvent("ledger.redacted", "g", {"records": records}))
    report = log.reader().verify()
    assert [problem.seq for problem in report.problems] == hers
    assert "redact it again" in report.problems[0].what
    await _redact(log)
    assert log.reader().verify().problems == []


async def test_a_second_person_is_taken_out_of_what_is_left_of_the_first(log: Log) -> None:
    await log.add(300)
    data = {"person": {"id": "e500", "name": ANA}, "host": {"id": "e600", "name": "Luis Gómez"}}
    seq = (await log.ledger.append(NewEvent("visit.arrived", "7", data))).seq
    await log.add(300)
    await log.archive(EVER)
    await _redact(log)
    with closing(Archives(log.path)) as archives:
        with closing(sqlite3.connect(log.path)) as db:
            archives.refresh(db)
        made = redact.plan(archives, redact.Person("e600", frozenset({"Luis Gómez"})), "redact-2")
        assert [list(found) for found in made.rests.values()] == [[seq]]
        for part in made.told():
            await log.ledger.append(NewEvent("ledger.redacted", "g", {"records": part}))
        redact.carry_out(archives, made)
    assert b"Luis G" not in _archives(log)
    report = log.reader().verify(keys=[log.key()])
    assert (report.problems, report.redacted) == ([], 1)


async def test_a_copy_that_is_put_in_the_logs_place_is_archived_again(
    log: Log, tmp_path: Path
) -> None:
    hers = await _fill(log)
    await _redact(log)
    await log.sign()
    to = tmp_path / "copy.db"
    copy_log(log.path, to)
    with pytest.raises(LedgerUnavailable, match="redacted"):
        Heads(to).prove(hers[0])
    log.ledger.close()
    shutil.move(log.path.parent / "archive", tmp_path / "old")
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (log.path.parent / name).unlink(missing_ok=True)
    to.replace(log.path)
    log.ledger = Ledger.open(log.path, gateway="g")
    await log.add(300)
    while await log.archive(EVER):
        pass
    assert log.rows() < 300
    report = log.reader().verify(keys=[log.key()])
    assert (report.problems, report.redacted) == ([], len(hers))
    assert ANA.encode() not in _archives(log)
