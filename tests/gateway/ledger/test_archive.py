"""Records that leave ledger.db for archives: everything reads them there, and proofs go on."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ledger import (
    Ledger,
    LedgerDamaged,
    LedgerReader,
    LedgerUnavailable,
    apart,
    archiver,
    chain,
)
from gateway.ledger.archiver import Wanted
from gateway.ledger.archives import Archive, registered
from gateway.ledger.copies import copy_log
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.heads import Heads
from gateway.ledger.kept import Kept
from gateway.ledger.origin import Known
from gateway.ledger.pen import Head
from gateway.ledger.segment import Segment, SegmentWriter
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.note import Note, Signer, VerifierKey

EVER = Wanted(before="2999")
PRIVATE = Ed25519PrivateKey.generate()
COUNT = 1300


class Log:
    """A log with signed checkpoints in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.ledger = Ledger.open(self.path, gateway="g")

    def key(self) -> VerifierKey:
        return Signer(f"garita/g/{self.ledger.chain}", PRIVATE).key

    async def add(self, count: int, *, every: int = 200) -> None:
        for start in range(0, count, every):
            events = [_event(n) for n in range(start, min(count, start + every))]
            await asyncio.gather(*(self.ledger.append(event) for event in events))
            await self.sign()

    async def sign(self) -> None:
        await self.ledger.append(NewEvent("ledger.checkpoint", "g", {"key": str(self.key())}))
        assert await self.ledger.sign(self._signed)

    async def archive(self, wanted: Wanted = EVER) -> Archive | None:
        made = archiver.next_archive(self.path, wanted)
        if made is not None:
            await self.ledger.enter_archive(made)
            await self.ledger.prune()
        return made

    def rows(self) -> int:
        with closing(sqlite3.connect(self.path)) as db:
            return int(db.execute("SELECT count(*) FROM events").fetchone()[0])

    def reader(self) -> LedgerReader:
        return LedgerReader(self.path)

    def _signed(self, head: Head) -> Note:
        signer = Signer(f"garita/g/{head.chain}", PRIVATE)
        return sign(Checkpoint(signer.name, head.size, head.root), signer)


def _event(n: int) -> NewEvent:
    person = {"id": f"e{n % 7}", "name": f"Name {n % 7}"}
    data = {"n": n, "person": person, "reason": "granted"}
    return NewEvent("access.granted", "door", data, id=f"act-{n}" if n % 100 == 0 else "")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives of hundreds of records, in place of many thousands."""
    monkeypatch.setattr(archiver, "STEP", 256)
    monkeypatch.setattr(archiver, "MOST", 512)
    monkeypatch.setattr(archiver, "STAYS", 100)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.ledger.close()


def _all(reader: LedgerReader) -> list[Event]:
    return [event for event, _ in reader.walk()]


async def test_everything_reads_through_archives(log: Log) -> None:
    await log.add(COUNT)
    reader = log.reader()
    before = _all(reader)
    marks = [event.seq for event in reader.back("ledger.checkpoint", since="2000")]
    found = [event.seq for event in reader.search(person="e3")]
    files = [made.file for made in [await log.archive(), await log.archive()] if made]
    assert [(a.first, a.last) for a in registered(log.path)] == [(1, 512), (513, 1024)]
    assert sorted(p.name for p in (log.path.parent / "archive").iterdir()) == files
    assert log.rows() == len(before) - 1024 + 1  # the first record of the origin stays

    assert _all(reader) == before
    assert reader.get(1) == before[0]
    assert reader.get(777) == before[776]
    assert reader.get(1025) == before[1024]
    assert reader.after(500, 600) == before[500:1100]
    assert reader.tail(400) == before[-400:]
    assert [event.seq for event in reader.back("ledger.checkpoint", since="2000")] == marks
    assert [event.seq for event in reader.search(person="e3")] == found
    assert reader.newest("ledger.created") == before[0]
    assert reader.mentions("Name 3")
    assert not reader.mentions("Name 33")


async def test_a_reader_that_is_open_sees_no_hole_while_records_move(log: Log) -> None:
    await log.add(COUNT)
    reader = log.reader()
    seen = 0
    for event, _ in reader.walk():
        seen += 1
        assert event.seq == seen
        if seen == 30:
            await log.archive()
        if seen == 600:
            await log.archive()
    assert seen >= COUNT


async def test_verify_goes_on_over_archives_and_a_restart(log: Log, tmp_path: Path) -> None:
    await log.add(COUNT)
    while await log.archive():
        pass
    log.ledger.close()
    log.ledger = Ledger.open(log.path, gateway="g")
    await log.add(300)
    report = log.reader().verify(keys=[log.key()])
    assert report.problems == []
    assert report.count == log.ledger.last_seq
    assert report.covered.last_seq == report.head_seq
    assert report.covered.good == len(Heads(log.path).all())


async def test_a_proof_of_an_archived_record_is_as_before(log: Log) -> None:
    await log.add(COUNT)
    heads = Heads(log.path)
    before = [heads.prove(seq) for seq in (1, 5, 300, 777)]
    root = await log.ledger.root_at(301)
    while await log.archive():
        pass
    assert [heads.prove(seq) for seq in (1, 5, 300, 777)] == before
    assert await log.ledger.root_at(301) == root
    body, proof = before[3] or (b"", None)
    assert proof
    proof.check(body, log.key())


async def test_an_archive_is_good_by_itself_and_with_plain_zstd(log: Log) -> None:
    await log.add(COUNT)
    made = [await log.archive(), await log.archive()]
    for one in made:
        assert one
        path = log.path.parent / "archive" / one.file
        found = apart.check(path, [log.key()])
        assert (found.problems, found.signed, found.first, found.last) == (
            [],
            True,
            one.first,
            one.last,
        )
        with zstandard.open(path, "rt", encoding="utf-8", newline="\n") as file:
            lines = file.read().splitlines()
        assert len(lines) == one.last - one.first + 3
        assert json.loads(lines[1])["id"].startswith(log.ledger.chain)
    other = Signer(log.key().name, Ed25519PrivateKey.generate()).key
    assert apart.check(path, [other]).problems


def _rewritten(path: Path, change: tuple[str, str]) -> None:
    """The archive with one text replaced, and everything else made to fit as its maker could."""
    with closing(Segment(path)) as segment:
        opening, closing_part = segment.opening, segment.closing
        rows = list(segment.rows(segment.first, segment.last))
    with path.open("wb") as file:
        writer, prev = SegmentWriter(file, opening), opening.prev
        for kept in rows:
            body = kept.body.replace(*change)
            digest = chain.link(prev, kept.seq, chain.digest_of(body))
            writer.add(Kept(kept.seq, body, digest, prev))
            prev = digest
        writer.finish(closing_part.consistency, closing_part.checkpoints)


async def test_an_archive_written_anew_is_found_together_and_apart(log: Log) -> None:
    await log.add(COUNT)
    made = await log.archive()
    assert made
    path = log.path.parent / "archive" / made.file
    _rewritten(path, ('"n":77,', '"n":78,'))
    whats = [what for _, what in apart.check(path, [log.key()]).problems]
    assert whats == ["the records up to here are not those that were signed"]
    report = log.reader().verify(keys=[log.key()])
    assert any("not those that were signed" in problem.what for problem in report.problems)
    assert (513, "the record or its link was changed") in [(p.seq, p.what) for p in report.problems]


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "junk", "gone", "index"])
async def test_a_damaged_or_missing_archive_is_named_and_the_rest_is_checked(
    log: Log, harm: str
) -> None:
    await log.add(COUNT)
    made = await log.archive()
    assert made
    await log.archive()
    path = log.path.parent / "archive" / made.file
    whole = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        at = len(whole) // 3
        new = {
            "cut": whole[:at],
            "flip": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
            "empty": b"",
            "junk": b"\0" * len(whole),
            "index": whole[:-300] + b"9" * 280 + whole[-20:],
        }[harm]
        path.write_bytes(new)
        assert apart.check(path, [log.key()]).problems
    report = log.reader().verify(keys=[log.key()])
    assert any(made.file in problem.what for problem in report.problems)
    assert report.head_seq == log.ledger.last_seq
    assert report.covered.last_seq == report.head_seq
    with pytest.raises(LedgerUnavailable, match=made.file):
        _all(log.reader())
    with pytest.raises(LedgerUnavailable, match=made.file):
        log.reader().get(77)
    assert log.reader().tail(5)[-1].seq == report.head_seq
    # Nothing at the gate needs it: the log goes on, and knows its past.
    assert (await log.ledger.append(_event(100))).seq == 102
    known = [Known("people.db", log.ledger.chain, 77, "ab" * 32)]
    log.ledger.close()
    log.ledger = Ledger.open(log.path, gateway="g", known=known)
    assert log.ledger.follows is None


async def test_what_no_archive_holds_is_read_although_an_archive_is_gone(log: Log) -> None:
    await log.add(300)
    await log.ledger.append(NewEvent("document.attached", "d", {}))
    await log.add(COUNT)
    await log.ledger.append(NewEvent("document.attached", "e", {}))
    first, second = await log.archive(), await log.archive()
    assert first and second
    reader = log.reader()
    found = [event.subject for event in reader.back("document.attached")]
    (log.path.parent / "archive" / second.file).unlink()
    assert (
        [event.subject for event in log.reader().back("document.attached")] == found == ["e", "d"]
    )
    assert list(log.reader().back("document.retired")) == []
    with pytest.raises(LedgerUnavailable, match=second.file):
        list(log.reader().back("access.granted"))
    (log.path.parent / "archive" / first.file).unlink()
    with pytest.raises(LedgerUnavailable, match=first.file):
        list(log.reader().back("document.attached"))


async def test_what_is_known_elsewhere_is_compared_with_archived_records(log: Log) -> None:
    await log.add(COUNT)
    event = log.reader().get(77)
    assert event
    await log.archive()
    log.ledger.close()
    known = Known("people.db", log.ledger.chain, 77, event.hash)
    log.ledger = Ledger.open(log.path, gateway="g", known=[known])
    assert log.ledger.follows is None
    log.ledger.close()
    other = Known("people.db", log.ledger.chain, 77, "ab" * 32)
    log.ledger = Ledger.open(log.path, gateway="g", known=[other])
    assert log.ledger.follows is not None


async def test_an_id_is_taken_once_also_when_its_record_is_archived(log: Log) -> None:
    await log.add(COUNT)
    await log.archive()
    last = log.ledger.last_seq
    again = await log.ledger.append(_event(300))
    assert again.seq == 303
    assert log.ledger.last_seq == last


async def test_a_copy_holds_all_in_one_file_and_needs_no_archive(log: Log, tmp_path: Path) -> None:
    await log.add(COUNT)
    before = _all(log.reader())
    while await log.archive():
        pass
    to = tmp_path / "elsewhere" / "copy.db"
    to.parent.mkdir()
    assert copy_log(log.path, to) == len(before)
    report = LedgerReader(to, copy=True).verify(keys=[log.key()])
    assert (report.problems, report.count) == ([], len(before))
    assert report.covered.good == len(Heads(log.path).all())
    assert _all(LedgerReader(to, copy=True)) == before


async def test_a_copy_of_the_file_alone_says_which_archive_it_lacks(
    log: Log, tmp_path: Path
) -> None:
    await log.add(COUNT)
    made = await log.archive()
    assert made
    log.ledger.close()
    to = tmp_path / "elsewhere" / "ledger.db"
    to.parent.mkdir()
    shutil.copy(log.path, to)
    report = LedgerReader(to).verify(keys=[log.key()])
    assert [problem.what for problem in report.problems if made.file in problem.what]
    log.ledger = Ledger.open(log.path, gateway="g")


async def test_deleted_archives_leave_a_log_that_is_good_from_there_on(
    log: Log, tmp_path: Path
) -> None:
    await log.add(COUNT)
    made = await log.archive()
    assert made
    await log.archive()
    await log.ledger.forget_archive(made.last)
    (log.path.parent / "archive" / made.file).unlink()
    report = log.reader().verify(keys=[log.key()])
    assert (report.problems, report.begins) == ([], 513)
    assert report.covered.last_seq == report.head_seq
    assert [event.seq for event in _all(log.reader())][:2] == [513, 514]
    assert log.reader().get(77) is None
    assert log.reader().get(1) is not None
    with pytest.raises(LedgerUnavailable):
        Heads(log.path).prove(77)
    assert Heads(log.path).prove(600)
    to = tmp_path / "copy.db"
    copy_log(log.path, to)
    copied = LedgerReader(to, copy=True).verify(keys=[log.key()])
    assert (copied.problems, copied.begins) == ([], 513)


async def test_a_changed_record_is_not_archived(log: Log) -> None:
    await log.add(COUNT)
    with closing(sqlite3.connect(log.path)) as db:
        db.execute("DROP TRIGGER events_no_update")
        db.execute("UPDATE events SET body = replace(body, 'Name', 'Nome') WHERE seq = 99")
        db.commit()
    with pytest.raises(LedgerDamaged, match="99"):
        archiver.next_archive(log.path, EVER)
    assert not list((log.path.parent / "archive").iterdir())


async def test_records_that_are_not_archived_can_still_not_be_deleted(log: Log) -> None:
    await log.add(COUNT)
    await log.archive()
    with closing(sqlite3.connect(log.path)) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("DELETE FROM events WHERE seq = 700")


async def test_an_archive_of_another_log_is_not_entered(log: Log) -> None:
    await log.add(COUNT)
    made = archiver.next_archive(log.path, EVER)
    assert made
    row = {name: getattr(made, name) for name in Archive.__slots__}
    with pytest.raises(LedgerDamaged):
        await log.ledger.enter_archive(Archive(**{**row, "hash": b"x" * 32}))
    await log.ledger.enter_archive(made)
    with pytest.raises(LedgerDamaged):
        await log.ledger.enter_archive(made)


async def test_nothing_is_due_without_a_checkpoint_or_before_its_time(log: Log) -> None:
    await asyncio.gather(*(log.ledger.append(_event(n)) for n in range(1, 400)))
    assert archiver.next_archive(log.path, EVER) is None
    await log.sign()
    assert archiver.next_archive(log.path, Wanted()) is None
    assert archiver.next_archive(log.path, Wanted(before="2000")) is None
    made = await log.archive()
    assert made
    assert made.last == 400  # the newest record stays
    await log.add(30)
    assert archiver.next_archive(log.path, EVER) is None  # too few for a file
    made = await log.archive(Wanted(now=True))
    assert made
    assert log.reader().verify(keys=[log.key()]).problems == []


async def test_the_oldest_go_while_the_file_is_too_large(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.add(COUNT)
    assert archiver.next_archive(log.path, Wanted(above_mb=1000)) is None
    monkeypatch.setattr(archiver, "_SIZE", "SELECT 2000000")
    made = await log.archive(Wanted(above_mb=1))
    assert made
    assert (made.first, made.last) == (1, 512)


async def test_a_new_origin_ends_the_archive_of_the_one_before(log: Log) -> None:
    await log.add(600)
    await asyncio.gather(*(log.ledger.append(_event(n)) for n in range(1, 20)))  # nobody signs them
    last = log.ledger.last_seq
    await log.ledger.begin_origin([Known("broker", log.ledger.chain, last + 50)])
    await log.add(300)
    while await log.archive():
        pass
    assert [(a.first, a.last, a.origin) for a in registered(log.path)][:2] == [
        (1, 512, 1),
        (513, last, 1),
    ]
    report = log.reader().verify()
    assert [problem.what for problem in report.problems] == [
        f"records {last + 1} to {last + 50} are missing (the gateway noticed: see the next record)"
    ]
    after = log.reader().after(last - 1, 2)
    assert [event.seq for event in after] == [last, last + 51]
    assert after[1].prev == after[0].hash
    assert log.reader().get(last + 51) == after[1]


async def test_the_process_answers_with_the_row_and_leaves_half_files_of_others(log: Log) -> None:
    await log.add(COUNT)
    arguments = [sys.executable, "-m", "gateway.ledger.archiver", str(log.path), "--now"]
    done = subprocess.run(arguments, capture_output=True, check=True)
    made = archiver.read(done.stdout)
    assert made
    assert made.last == log.ledger.last_seq - 1
    again = archiver.read(subprocess.run(arguments, capture_output=True, check=True).stdout)
    assert again
    assert again.hash == made.hash
    await log.ledger.enter_archive(again)
    done = subprocess.run(arguments, capture_output=True, check=True)
    assert archiver.read(done.stdout) is None
    arguments[3] = str(log.path.parent / "none.db")
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"none.db" in done.stderr


async def test_a_gate_that_dies_while_records_leave_the_file_goes_on_with_it(log: Log) -> None:
    await log.add(COUNT)
    before = _all(log.reader())
    made = archiver.next_archive(log.path, EVER)
    assert made
    await log.ledger.enter_archive(made)
    log.ledger.close()  # none or some of the records have left the file
    assert _all(log.reader()) == before
    log.ledger = Ledger.open(log.path, gateway="g")
    await log.ledger.prune()
    assert log.rows() == len(before) - made.last + 1
    assert _all(log.reader()) == before
    assert log.reader().verify(keys=[log.key()]).problems == []


async def test_clock_marks_that_are_lost_are_found_again_over_archives(log: Log) -> None:
    await log.add(COUNT)
    marks = log.ledger.marks
    await log.archive()
    log.ledger.close()
    with closing(sqlite3.connect(log.path)) as db:
        db.execute("DELETE FROM clock_marks")
        db.commit()
    log.ledger = Ledger.open(log.path, gateway="g")
    assert log.ledger.marks.high == marks.high
