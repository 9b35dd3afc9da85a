"""A witness cosigns heads that only grew, and answers everything else as c2sp.org/tlog-witness."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint, cosigned_at, open_checkpoint, sign
from gateway.proof.note import NoteError, Signer, parse_line
from gateway.proof.submission import Submission, cosignature_in
from gateway.witness import store as stores
from gateway.witness.judge import SIZE, Logs
from gateway.witness.service import Answer, Witness, hashed
from gateway.witness.store import Store, StoreError
from tests.gateway.witness.conftest import LOG, NOW, WITNESS, GrowingLog


def status(answer: Answer) -> int:
    return answer.status


def sent(witness: Witness, submission: Submission) -> int:
    return witness.add_checkpoint(submission.write().encode()).status


def test_a_log_that_grows_is_cosigned_each_time(witness: Witness, log: GrowingLog) -> None:
    for old, size in ((0, 0), (0, 1), (1, 5), (5, 8), (8, 8), (8, 77)):
        answer = witness.add_checkpoint(log.request(old, size))
        assert (answer.status, answer.body.count("\n")) == (200, 1), answer
        text = log.checkpoint(size).text
        line = cosignature_in(answer.body.encode(), text, WITNESS.key)
        assert line is not None
        held = note.parse(witness.checkpoint(hashed(LOG.name)).body)
        assert open_checkpoint(held, LOG.key).size == size
        assert cosigned_at(held, WITNESS.key) == NOW


def test_a_head_that_another_one_contradicts_is_refused(witness: Witness, log: GrowingLog) -> None:
    fork = GrowingLog(fork=3)
    assert witness.add_checkpoint(log.request(0, 7)).status == 200
    assert status(witness.add_checkpoint(fork.request(7, 9))) == 422  # written anew
    assert status(witness.add_checkpoint(fork.request(7, 7))) == 422  # of the same size
    assert status(witness.add_checkpoint(log.request(9, 7))) == 400  # smaller than its old size
    cut = witness.add_checkpoint(log.request(0, 5))  # cut: it says what it knows
    assert (cut.status, cut.body, cut.media) == (409, "7\n", SIZE)
    assert status(witness.add_checkpoint(log.request(7, 7))) == 200  # and all that changed nothing


def test_a_proof_that_is_not_one(witness: Witness, log: GrowingLog) -> None:
    good = log.submission(0, 9)
    assert (
        status(witness.add_checkpoint(replace(good, hashes=(bytes(32),)).write().encode())) == 422
    )
    assert witness.add_checkpoint(good.write().encode()).status == 200
    more = log.submission(9, 20)
    for hashes in (
        (),
        more.hashes[:-1],
        (*more.hashes, bytes(32)),
        more.hashes[::-1],
        tuple(bytes(32) for _ in more.hashes),
    ):
        assert sent(witness, replace(more, hashes=hashes)) == 422
    assert witness.add_checkpoint(more.write().encode()).status == 200


def test_the_empty_tree_has_one_root(witness: Witness) -> None:
    wrong = sign(Checkpoint(LOG.name, 0, bytes(32)), LOG)
    assert status(witness.add_checkpoint(Submission(0, (), wrong).write().encode())) == 422


def test_who_signed(witness: Witness, log: GrowingLog) -> None:
    stranger = Signer("elsewhere.example/log", LOG.private)
    thief = Signer(LOG.name, Ed25519PrivateKey.generate())
    assert status(witness.add_checkpoint(GrowingLog(stranger).request(0, 3))) == 404
    assert status(witness.add_checkpoint(GrowingLog(thief).request(0, 3))) == 403
    # A line that claims to be of the known key and is not makes the note worthless.
    good = log.submission(0, 3)
    (line,) = good.checkpoint.signatures
    forged = replace(line, value=bytes(64))
    for lines in ((forged,), (line, forged), (forged, line)):
        note_ = replace(good.checkpoint, signatures=lines)
        assert (
            status(witness.add_checkpoint(replace(good, checkpoint=note_).write().encode())) == 403
        )
    # Lines of others are ignored, and are not handed on.
    more = good.checkpoint.with_signatures(GrowingLog(thief).checkpoint(3).signatures)
    assert witness.add_checkpoint(replace(good, checkpoint=more).write().encode()).status == 200
    assert len(note.parse(witness.checkpoint(hashed(LOG.name)).body).signatures) == 2


def test_a_gate_that_lost_records_goes_on_under_a_new_name(store: Store, log: GrowingLog) -> None:
    anew = GrowingLog(Signer("garita/gate-1/ffffffffffffffff", LOG.private))
    thief = Signer("garita/gate-1/eeeeeeeeeeeeeeee", Ed25519PrivateKey.generate())
    neighbour = Signer("garita/gate-2/ffffffffffffffff", LOG.private)
    witness = Witness(WITNESS, Logs((LOG.key,)), store, lambda: NOW)
    assert witness.add_checkpoint(log.request(0, 9)).status == 200
    assert witness.add_checkpoint(anew.request(0, 2)).status == 200
    assert status(witness.add_checkpoint(GrowingLog(thief).request(0, 2))) == 403
    assert status(witness.add_checkpoint(GrowingLog(neighbour).request(0, 2))) == 404
    strict = Witness(WITNESS, Logs((LOG.key,), new_origins=False), store, lambda: NOW)
    assert status(strict.add_checkpoint(anew.request(2, 3))) == 404
    # The old origin is still held against what was cosigned of it.
    assert status(witness.add_checkpoint(GrowingLog(fork=1).request(9, 9))) == 422


def test_a_new_key_of_a_log_stands_beside_the_old_one(store: Store, log: GrowingLog) -> None:
    renewed = Signer(LOG.name, Ed25519PrivateKey.generate())
    witness = Witness(WITNESS, Logs((LOG.key, renewed.key)), store, lambda: NOW)
    assert witness.add_checkpoint(log.request(0, 9)).status == 200
    assert witness.add_checkpoint(GrowingLog(renewed).request(9, 12)).status == 200


BAD = [
    b"",
    b"\xff\xfe",
    b"old 0",
    b"old 0\n",
    b"old 0\n\n",
    b"old -1\n\nx",
    b"old 00\n\n",
    b"old 9223372036854775808\n\n" + GrowingLog().checkpoint(3).write().encode(),
    b"old 0\r\n\r\n" + GrowingLog().checkpoint(3).write().encode(),
    b"old 0\nnot base64\n\n" + GrowingLog().checkpoint(3).write().encode(),
    b"old 0\nAAAA\n\n" + GrowingLog().checkpoint(3).write().encode(),
    b"old 1\n"
    + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64
    + b"\n"
    + GrowingLog().checkpoint(3).write().encode(),
    b"old 0\n\n" + GrowingLog().checkpoint(3).write().encode().replace(b"\n", b"\r\n"),
    b"old 0\n\n" + GrowingLog().checkpoint(3).text.encode(),
    b"old 0\n\n"
    + GrowingLog().checkpoint(3).text.encode() * 2
    + b"\n"
    + GrowingLog().checkpoint(3).signatures[0].line().encode()
    + b"\n",
    b"old 0\n\n" + GrowingLog().checkpoint(3).write().encode().replace(b"\n3\n", b"\n03\n"),
    b"old 0\n\n"
    + GrowingLog().checkpoint(3).write().encode()
    + GrowingLog().checkpoint(3).signatures[0].line().encode() * 5000,
]


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_what_is_not_a_request_is_refused(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status in (400, 403)
    assert witness.checkpoint(hashed(LOG.name)).status == 404


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 255))
def test_any_bytes_get_an_answer(more: bytes, at: int, byte: int) -> None:
    request = bytearray(GrowingLog().request(0, 3))
    request[at % len(request)] = byte
    for data in (more, bytes(request), b"old 0\n\n" + more):
        try:
            Submission.parse(data)
        except NoteError:
            continue


def test_two_at_once_never_take_it_back(store: Store, log: GrowingLog) -> None:
    """Many threads submit; each size that was cosigned is larger than the one before."""
    witness = Witness(WITNESS, Logs((LOG.key,)), store, lambda: NOW)
    requests = [log.request(old, size) for old in range(12) for size in range(old, 25)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(witness.add_checkpoint, requests))
    held = store.held(LOG.name)
    assert held is not None
    assert {answer.status for answer in answers} <= {200, 409}
    cosigned = [
        Submission.parse(body)
        for body, answer in zip(requests, answers, strict=True)
        if answer.status == 200
    ]
    sizes = sorted(Checkpoint.parse(one.checkpoint.text).size for one in cosigned)
    assert sizes[-1] == held.checkpoint.size
    steps = sorted((one.old, Checkpoint.parse(one.checkpoint.text).size) for one in cosigned)
    assert all(old <= size for old, size in steps)
    grown = [(old, size) for old, size in steps if old < size]
    assert [old for old, _ in grown[1:]] == [size for _, size in grown[:-1]]


def _submit(path: Path, sizes: list[int], cosigned: list[tuple[int, int]]) -> None:
    store, log = Store(path), GrowingLog()
    witness, known = Witness(WITNESS, Logs((LOG.key,)), store, lambda: NOW), 0
    for size in sizes:
        while known < size:
            answer = witness.add_checkpoint(log.request(known, size))
            if answer.status == 200:
                cosigned.append((known, size))
                known = size
            else:
                known = int(answer.body)


def test_two_processes_on_one_file(tmp_path: Path) -> None:
    path = tmp_path / "witness.db"
    Store.begin(path)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        both = [manager.list(), manager.list()]
        workers = [
            context.Process(target=_submit, args=(path, list(range(n + 1, 60, 2)), both[n]))
            for n in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
            assert worker.exitcode == 0
        steps = sorted(tuple(step) for part in both for step in part)
    assert steps[0][0] == 0 and steps[-1][1] == 59
    assert [old for old, _ in steps[1:]] == [size for _, size in steps[:-1]]  # one line of heads


def test_a_kill_loses_nothing_that_was_told(tmp_path: Path, log: GrowingLog) -> None:
    path = tmp_path / "witness.db"
    Store.begin(path)
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        witness, old = Witness(WITNESS, Logs((LOG.key,)), Store(path), lambda: NOW), 0
        for size in range(1, 10_000):
            if witness.add_checkpoint(log.request(old, size)).status == 200:
                os.write(tell, b"%d\n" % size)
                old = size
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as lines:
        for _ in range(20):
            newest = int(lines.readline())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        newest = max([newest, *(int(line) for line in lines if line.endswith(b"\n"))])
    held = Store(path).held(LOG.name)
    assert held is not None and held.checkpoint.size >= newest


def test_a_clock_in_1970_cosigns_nothing(store: Store, log: GrowingLog) -> None:
    clock = [float(NOW)]
    witness = Witness(WITNESS, Logs((LOG.key,)), store, lambda: clock[0])
    assert witness.add_checkpoint(log.request(0, 3)).status == 200
    clock[0] = 5.0
    assert status(witness.add_checkpoint(log.request(3, 4))) == 503
    clock[0] = NOW + 9.0
    assert witness.add_checkpoint(log.request(3, 4)).status == 200


def test_a_file_that_is_damaged_full_or_another_program_s(
    tmp_path: Path, log: GrowingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "witness.db"
    Store.begin(path)
    store = Store(path)
    witness = Witness(WITNESS, Logs((LOG.key,)), store, lambda: NOW)
    monkeypatch.setattr(stores, "MOST_HEADS", 0)
    assert status(witness.add_checkpoint(log.request(0, 3))) == 503
    monkeypatch.undo()
    assert witness.add_checkpoint(log.request(0, 3)).status == 200
    with sqlite3.connect(path) as db:
        db.execute("UPDATE heads SET note = 'nothing'")
    # It does not begin anew with a log of which it forgot what it cosigned.
    assert status(witness.add_checkpoint(log.request(0, 3))) == 503
    assert status(witness.checkpoint(hashed(LOG.name))) == 503
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE events (seq)")
    with pytest.raises(StoreError):
        Store(other)
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError):
        Store(garbage)


def test_a_full_disk_cosigns_nothing(store: Store, log: GrowingLog) -> None:
    witness = Witness(WITNESS, Logs((LOG.key,)), store, lambda: NOW)
    assert witness.add_checkpoint(log.request(0, 3)).status == 200
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    for n in range(200):  # other logs fill the file
        one = GrowingLog(Signer(f"garita/gate-1/{n:016x}", LOG.private))
        if witness.add_checkpoint(one.request(0, 2)).status == 503:
            break
    else:
        pytest.fail("the file never got full")
    store._db.execute("PRAGMA max_page_count = 100000")
    assert witness.add_checkpoint(log.request(3, 5)).status == 200


def test_an_answer_is_read_line_by_line(log: GrowingLog) -> None:
    text = log.checkpoint(3).text
    other = Signer("w2.example", Ed25519PrivateKey.generate(), WITNESS.kind)
    from gateway.proof.checkpoint import cosign

    good, foreign = cosign(text, WITNESS, NOW), cosign(text, other, NOW)
    wrong = cosign(log.checkpoint(4).text, WITNESS, NOW)
    rows = [foreign.line(), "rubbish", wrong.line(), good.line()]
    found = cosignature_in("".join(f"{row}\n" for row in rows).encode(), text, WITNESS.key)
    assert found == good == parse_line(good.line())
    for answer in (b"", b"\xff\n", wrong.line().encode(), b"\n" * 10**6, foreign.line().encode()):
        assert cosignature_in(answer, text, WITNESS.key) is None
