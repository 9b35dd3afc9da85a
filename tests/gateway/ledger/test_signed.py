"""Attacks on a log that is signed, and one record shown without the others."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.daemon.checkpoints import Checkpoints
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable, chain
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.heads import Heads
from gateway.ledger.origin import Known
from gateway.proof.entry import EntryProof
from gateway.proof.note import NoteError, VerifierKey

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


async def signed_log(path: Path, *counts: int, key: Ed25519PrivateKey = KEY) -> None:
    """A log with so many records before each checkpoint."""
    ledger = Ledger.open(path, gateway="g")
    maker = Checkpoints(
        ledger=ledger,
        gateway="g",
        name="garita/g",
        key=key,
        path=path.with_name("head.json"),
        every=1000,
        minutes=60,
        facts=dict,
        broker=False,
    )
    for count in counts:
        for n in range(count):
            await ledger.append(NewEvent(EventType.DOOR_REX, "yard", {"n": n}))
        assert await maker.make() is not None
    ledger.close()


def problems(path: Path, keys: list[VerifierKey] | None = None) -> list[str]:
    with closing(LedgerReader(path)) as reader:
        return [problem.what for problem in reader.verify(keys=keys).problems]


def rewritten(path: Path, change: Callable[[int, str], str | None], first: int = 1) -> None:
    """The log with `change` made to its records and the chain written anew behind it."""
    with closing(sqlite3.connect(path)) as db, db:
        rows = db.execute("SELECT seq, id, body FROM events ORDER BY seq").fetchall()
        db.execute("DROP TRIGGER events_no_delete")
        db.execute("DELETE FROM events")
        prev, at = chain.GENESIS, first
        for seq, key, body in rows:
            if (new := change(seq, body)) is None:
                continue
            prev = chain.link(prev, at, chain.digest_of(new))
            db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (at, key, new, prev))
            at += 1
        db.execute("DELETE FROM tiles")


async def test_a_whole_log_is_signed_up_to_its_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 300, 300, 5)
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(NewEvent(EventType.DOOR_REX, "yard"))
    ledger.close()
    with closing(LedgerReader(path)) as reader:
        report = reader.verify(keys=Heads(path).log_keys())
    assert report.ok
    assert (report.covered.last_seq, report.covered.good) == (609, 3)
    assert report.head_seq == 610


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (lambda seq, body: body.replace('"n":7', '"n":8'), "not those that were signed"),
        (lambda seq, body: None if seq == 9 else body, "not those that were signed"),
        (lambda seq, body: None if seq > 40 else body, "not all are here"),
    ],
    ids=["edit", "removal", "cut tail"],
)
async def test_a_chain_written_anew_is_found_by_what_was_signed(
    tmp_path: Path, attack: Callable[[int, str], str | None], said: str
) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 20, 30)
    with closing(LedgerReader(path)) as reader:
        assert reader.verify().ok
    rewritten(path, attack)
    assert any(said in what for what in problems(path))


async def test_a_log_written_anew_as_a_whole_needs_the_key(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.db", tmp_path / "other.db"
    await signed_log(path, 20)
    keys = Heads(path).log_keys()
    await signed_log(other, 20, key=Ed25519PrivateKey.generate())
    assert problems(other) == []  # by the key that it names itself
    assert any("is not known" in what for what in problems(other, keys))
    # The chain's name copied as well: then the signature is wrong.
    with closing(sqlite3.connect(other)) as db, db:
        origin = keys[0].name
        notes = db.execute("SELECT rowid, note FROM (SELECT 1 rowid, note FROM checkpoints)")
        note = notes.fetchone()[1]
        forged = note.replace(note.split("\n", 1)[0], origin)
        db.execute("UPDATE checkpoints SET note = ?", (forged,))
    assert any("another key of" in what for what in problems(other, keys))


async def test_a_checkpoint_that_is_damaged_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 5)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE checkpoints SET note = 'x'")
    with pytest.raises(LedgerUnavailable, match="checkpoint is damaged"):
        Heads(path).newest()


async def test_one_record_is_proven_without_the_others(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 700)
    (key,) = Heads(path).log_keys()
    for seq in (1, 256, 257, 700):
        found = Heads(path).prove(seq)
        assert found is not None
        body, proof = found
        read = EntryProof.parse(proof.write())
        assert read.check(body, key).size == 702
        with pytest.raises(NoteError, match="not in the log"):
            read.check(body + b" ", key)
    with pytest.raises(LedgerUnavailable, match="no event 9999"):
        Heads(path).prove(9999)


async def test_a_record_that_is_not_signed_yet_has_no_proof(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 5)
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(NewEvent(EventType.DOOR_REX, "yard"))
    ledger.close()
    assert Heads(path).prove(8) is None


async def test_each_origin_has_its_own_tree(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 10)
    old = Heads(path).newest()
    assert old is not None
    lost = Known("mqtt.cursor", old.checkpoint.origin.rpartition("/")[2], 50)
    Ledger.open(path, gateway="g", known=[lost]).close()
    await signed_log(path, 10)
    new = Heads(path).newest()
    assert new is not None
    assert (new.first, new.checkpoint.size) == (51, 12)
    assert new.checkpoint.origin != old.checkpoint.origin
    found = Heads(path).prove(55)
    assert found is not None
    body, proof = found
    proof.check(body, Heads(path).log_keys()[1])
    assert [what for what in problems(path) if "noticed" not in what] == []
    with closing(LedgerReader(path)) as reader:
        assert reader.verify().covered.good == 2


async def test_a_log_from_before_there_were_checkpoints_verifies(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 10)
    with closing(sqlite3.connect(path)) as db, db:
        for table in ("checkpoints", "tiles", "origins", "clock_marks"):
            db.execute(f"DROP TABLE {table}")
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    assert problems(copy) == []
    assert Heads(copy).newest() is None
    assert Heads(copy).prove(3) is None
