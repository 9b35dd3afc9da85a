"""Another gate's log: only what its key signed is believed, and all of that, in any order."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ledger import chain
from gateway.ledger.event import Event, NewEvent
from gateway.ledger.pen import Head
from gateway.proof.checkpoint import Checkpoint, sign
from gateway.proof.keychange import sign_change
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import NoteError, Signer, VerifierKey
from gateway.uplink import cloud_event, peerkey, peers
from gateway.uplink.peers import PeerLog, Refused, open_head, sign_head

NOW = 1_790_000_000


def looked_for(log: PeerLog) -> None:
    """The gate has no record that says that its key changed."""
    wanted = log.wants(0.0)
    assert wanted is not None
    done = {"from": wanted[0], "to": wanted[1], "count": 0, "done": True}
    log.hear_answered(json.dumps(done).encode())


class Gate:
    """The log of a gate, as it publishes it."""

    def __init__(self, name: str = "garita/gate-2", run: str = "aa") -> None:
        self.private = Ed25519PrivateKey.generate()
        self.name, self.run = name, run
        self.events: list[Event] = []
        self.tree = Frontier()
        self.prev = chain.GENESIS
        self.add("ledger.created", chain=run)

    @property
    def key(self) -> VerifierKey:
        return self.signer.key

    @property
    def signer(self) -> Signer:
        return Signer(f"{self.name}/{self.run}", self.private)

    def add(self, kind: str = "area.moved", subject: str = "e1", **data: Any) -> bytes:
        seq = len(self.events) + 1
        at = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=seq)
        body = chain.body_of(NewEvent(kind, subject, data), f"{self.run}-{seq}", at)  # type: ignore[arg-type]
        digest = chain.link(self.prev, seq, chain.digest_of(body))
        self.events.append(chain.to_event(seq, body, digest, self.prev))
        self.tree.add(leaf_hash(body.encode()))
        self.prev = digest
        return self.message(seq)

    def message(self, seq: int) -> bytes:
        return cloud_event(self.events[seq - 1], "gate-2").encode()

    def head(self, time: int | None = None) -> bytes:
        seq = len(self.events)
        head = Head(self.run, seq, self.tree.root(), seq, self.prev.hex())
        return sign_head(head, self.signer, NOW + seq if time is None else time).write().encode()


def numbers(events: list[Event]) -> list[int]:
    return [event.seq for event in events]


def started(gate: Gate) -> PeerLog:
    """A log that was read to its end."""
    log = PeerLog(gate.key)
    for seq in range(1, len(gate.events) + 1):
        log.hear_record(gate.message(seq))
    log.hear_head(gate.head(), NOW + 1000)
    assert log.whole == log.head is not None
    return log


def test_a_record_is_believed_when_a_signed_head_leads_to_it() -> None:
    gate = Gate()
    log = started(gate)
    for _ in range(3):
        assert log.hear_record(gate.add()) == []
    gate.add("access.granted", "gate")
    log.hear_record(gate.message(5))
    assert sorted(numbers(log.hear_head(gate.head(), NOW + 1000))) == [2, 3, 4]
    assert log.whole is not None and log.whole.seq == 5 and log.wants(0) is None
    assert log.hear_record(gate.message(3)) == []  # once more
    assert log.hear_head(gate.head(), NOW + 1000) == []


def test_in_any_order_everything_is_believed_once() -> None:
    dice = random.Random(7)
    for _ in range(20):
        gate = Gate()
        log = started(gate)
        messages: list[tuple[str, bytes]] = []
        for _ in range(30):
            messages.append(("record", gate.add()))
            if dice.random() < 0.4:
                messages.append(("head", gate.head()))
        messages += [("head", gate.head()), *dice.choices(messages, k=10)]
        dice.shuffle(messages)
        found: list[int] = []
        for kind, message in messages:
            found += numbers(
                log.hear_head(message, NOW + 1000) if kind == "head" else log.hear_record(message)
            )
        while (wanted := log.wants(len(found) * 100.0 + 1e6)) is not None:
            for seq in range(wanted[0], wanted[1] + 1):
                found += numbers(log.hear_record(gate.message(seq)))
        assert sorted(found) == list(range(2, 32))


def test_a_hole_is_asked_for_after_a_moment_and_not_all_the_time() -> None:
    gate = Gate()
    log = started(gate)
    gate.add()
    gate.add()
    log.hear_head(gate.head(), NOW + 1000)
    assert log.wants(100.0) is None  # it may be on its way
    assert log.wants(102.1) == (2, 3)
    assert log.wants(103.0) is None
    assert numbers(log.hear_record(gate.message(3))) == [3]
    assert log.wants(103.5) == (2, 2)  # it goes on
    assert numbers(log.hear_record(gate.message(2))) == [2] and log.wants(200.0) is None


def test_a_forged_record_is_never_believed_and_does_not_hide_the_real_one() -> None:
    gate = Gate()
    log = started(gate)
    fake = Gate()  # the forger knows the whole chain and follows it on
    fake.events, fake.prev = list(gate.events), gate.prev
    log.hear_record(fake.add(subject="e666"))
    real = gate.add()
    assert log.hear_record(real) == []
    assert log.hear_head(fake.head(), NOW + 1000) == []
    looked_for(log)
    with pytest.raises(Refused):
        log.hear_head(fake.head(), NOW + 1000)
    found = log.hear_head(gate.head(), NOW + 1000)
    assert [event.subject for event in found] == ["e1"] and not log.fault


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 3},
        {"seq": "2"},
        {"seq": -1},
        {"seq": 2**70},
        {"hash": "00" * 32},
        {"hash": "zz"},
        {"prev": "00" * 32},
        {"prev": None},
        {"type": "org.garita.area.forgiven"},
        {"type": 5},
        {"time": "2030-01-01T00:00:00.000Z"},
        {"subject": "e666"},
        {"data": {"omitted": "too large for the broker", "bytes": 9}},
        {"data": []},
        {"id": {"a": 1}},
    ],
)
def test_a_record_that_was_touched_is_no_record(change: dict[str, Any]) -> None:
    gate = Gate()
    log = started(gate)
    message = json.dumps({**json.loads(gate.add()), **change}).encode()
    log.hear_record(message)
    assert log.hear_head(gate.head(), NOW + 1000) == []
    assert log.wants(0.0) is None and log.wants(3.0) == (2, 2)
    assert numbers(log.hear_record(gate.message(2))) == [2]


@pytest.mark.parametrize("message", [b"", b"{}", b"null", b"\xff\xfe", b"[" * 9999, b"x" * 300_000])
def test_nonsense_changes_nothing(message: bytes) -> None:
    log = started(Gate())
    assert log.hear_record(message) == []
    with pytest.raises(Refused):
        log.hear_head(message, NOW)
    assert not log.fault and log.wants(99.0) is None


def test_a_head_of_another_gate_or_key_or_form_is_refused() -> None:
    gate, other = Gate(), Gate("garita/gate-3")
    thief = Gate()
    log = started(gate)
    assert log.hear_head(thief.head(), NOW + 1000) == []  # perhaps the key changed
    looked_for(log)
    for wrong in (other.head(), thief.head()):
        with pytest.raises(Refused):
            log.hear_head(wrong, NOW + 1000)
    plain = sign(Checkpoint(gate.signer.name, 1, gate.tree.root()), gate.signer).write()
    with pytest.raises(Refused, match="newest"):  # a checkpoint as everybody publishes it
        log.hear_head(plain.encode(), NOW + 1000)
    good = gate.head(NOW + 500).decode()
    for wrong_text in (
        good.replace("garita-head 1 ", "garita-head 9 "),
        good.replace("\n", "\r\n"),
        good.replace("garita-head", "garita-head\u200b"),
        good + "x" * 5000,
        good.split("\n\n", maxsplit=1)[0] + "\n",
    ):
        with pytest.raises(Refused):
            log.hear_head(wrong_text.encode(), NOW + 1000)
    assert not log.fault


def test_a_head_from_the_future_is_refused_and_one_of_the_past_is_passed_over() -> None:
    gate = Gate()
    log = started(gate)
    old = gate.head(NOW + 1)
    gate.add()
    log.hear_record(gate.message(2))
    log.hear_head(gate.head(NOW + 60), NOW + 60)
    with pytest.raises(Refused, match="future"):
        log.hear_head(gate.head(NOW + 9999), NOW + 60)
    before = log.head
    assert log.hear_head(old, NOW + 5000) == [] and log.head == before  # replayed
    assert log.hear_head(gate.head(NOW + 30), NOW + 5000) == [] and log.head == before
    log.hear_head(gate.head(NOW + 90), NOW + 90)  # a sign of life without a record
    assert log.whole is not None and log.whole.time == NOW + 90


def test_a_fork_of_what_was_signed_ends_the_belief() -> None:
    gate = Gate()
    gate.add()
    log = started(gate)
    fork = Gate()
    fork.private = gate.private  # the box was copied, or the key stolen
    fork.add(subject="e2")
    with pytest.raises(Refused, match="two records"):
        log.hear_head(fork.head(NOW + 100), NOW + 100)
    assert log.fault
    gate.add()
    with pytest.raises(Refused):
        log.hear_head(gate.head(), NOW + 1000)
    assert log.hear_record(gate.message(3)) == []
    # Longer than what is known it is found at the place where they part.
    log = started(gate)
    for _ in range(3):
        log.hear_record(fork.add(subject="e2"))
    with pytest.raises(Refused, match="another one"):
        log.hear_head(fork.head(NOW + 100), NOW + 100)
    assert log.wants(1e9) is None


def test_a_log_that_began_anew_is_read_and_the_old_one_does_not_come_back() -> None:
    gate = Gate()
    log = started(gate)
    old = gate.head()
    anew = Gate(run="bb")
    anew.private = gate.private
    log.hear_record(anew.message(1))
    log.hear_record(anew.add(subject="e7"))
    found = log.hear_head(anew.head(NOW + 500), NOW + 500)
    assert [event.subject for event in found] == ["e7"]
    assert log.whole is not None and log.whole.origin.endswith("/bb")
    assert log.hear_head(old, NOW + 600) == []
    assert log.whole.origin.endswith("/bb")


def test_a_gate_that_was_never_read_is_read_back_so_far_and_then_from_there_on() -> None:
    gate = Gate()
    for _ in range(2500):
        gate.add()
    log = PeerLog(gate.key)
    log.hear_head(gate.head(), NOW + 9000)
    found: list[int] = []
    asked = []
    clock = 0.0
    while log.whole is None:
        clock += 1.0
        if (wanted := log.wants(clock)) is not None:
            asked.append(wanted)
            for seq in range(wanted[0], wanted[1] + 1):
                found += numbers(log.hear_record(gate.message(seq)))
    assert asked == [(1502, 2501), (502, 1501), (1, 501)]
    assert sorted(found) == list(range(2, 2502))
    again = PeerLog(gate.key)
    again.resume(log.kept)
    gate.add()
    again.hear_head(gate.head(), NOW + 9000)
    again.wants(0.0)
    assert again.wants(5.0) == (2502, 2502)
    assert numbers(again.hear_record(gate.message(2502))) == [2502]


def test_no_further_back_than_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "BACKFILL_S", 100.0)
    gate = Gate()
    for _ in range(500):
        gate.add()
    log = PeerLog(gate.key)
    log.hear_head(gate.head(), NOW + 9000)
    found: list[int] = []
    for seq in range(1, 502):
        found += numbers(log.hear_record(gate.message(seq)))
    assert log.whole is not None and 100 <= len(found) <= 102


def test_what_was_kept_and_is_nonsense_is_read_anew() -> None:
    gate = Gate()
    for kept in ({"seq": 1}, {"origin": "x", "seq": "y", "hash": 1, "time": 2}):
        log = PeerLog(gate.key)
        log.resume(kept)
        assert log.whole is None
    log.resume(started(Gate("garita/gate-9")).kept)
    assert log.whole is None


def test_a_record_that_the_gate_cannot_give_is_given_up_and_counted() -> None:
    gate = Gate()
    log = started(gate)
    gate.add()
    gate.add()
    log.hear_head(gate.head(), NOW + 1000)
    log.wants(0.0)
    done = json.dumps({"id": "x", "from": 2, "to": 3, "count": 1, "done": True}).encode()
    for tries in range(3):
        assert log.whole != log.head
        assert log.wants(10.0 * tries + 5) is not None
        log.hear_record(gate.message(2))  # record 3 is too large for the broker
        log.hear_answered(b"null")
        log.hear_answered(done)
    assert log.whole == log.head and log.missing == 2
    assert log.hear_record(gate.add()) == []
    assert numbers(log.hear_head(gate.head(), NOW + 1000)) == [4]


def test_a_flood_is_bounded_and_heals() -> None:
    gate = Gate()
    log = started(gate)
    fake = Gate(run="ff")
    for _ in range(peers.WAITING + 10):
        log.hear_record(fake.add())
    assert len(log._records) <= peers.WAITING
    for _ in range(40):
        gate.add()
        log.hear_head(gate.head(), NOW + 9000)
    assert len(log._gaps) <= peers.GAPS
    found: list[int] = []
    for seq in range(2, 42):
        found += numbers(log.hear_record(gate.message(seq)))
    for _ in range(50):
        if (wanted := log.wants(1e6 + len(found) * 100)) is None:
            break
        for seq in range(wanted[0], wanted[1] + 1):
            found += numbers(log.hear_record(gate.message(seq)))
    assert log.whole == log.head and set(found) == set(range(2, 42))


def test_a_head_is_a_checkpoint_that_any_reader_of_that_format_takes() -> None:
    gate = Gate()
    head = open_head(gate.head(), gate.key)
    assert (head.seq, head.hash, head.time) == (1, gate.prev.hex(), NOW + 1)
    with pytest.raises(NoteError):
        open_head(gate.head(), replace(gate.key, public=bytes(32)))


def change_key(gate: Gate) -> bytes:
    """The record with which the gate's key changes."""
    old = gate.signer
    gate.private = Ed25519PrivateKey.generate()
    return gate.add("ledger.key_changed", "gate-2", note=sign_change(old, gate.signer))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("order", ["as sent", "the head first", "backwards"])
def test_a_change_of_key_that_the_old_one_signed_is_followed(times: int, order: str) -> None:
    gate = Gate()
    log, configured, first = started(gate), gate.key, gate.private
    before = [change_key(gate) for _ in range(times)]
    records = [*before, gate.add()]
    head = gate.head()
    if order == "as sent":
        for record in records:
            assert log.hear_record(record) == []
        believed = log.hear_head(head, NOW + 1000)
    elif order == "backwards":
        for record in reversed(records):
            log.hear_record(record)
        believed = log.hear_head(head, NOW + 1000)
    else:  # it was away when the key changed
        assert log.hear_head(head, NOW + 1000) == []
        assert log.wants(0.0) == (2, 1 + peerkey.BLOCK) and log.wants(1.0) is None
        for record in records:
            log.hear_record(record)
        believed = log.hear_head(head, NOW + 1000)
    assert numbers(believed) == [2 + times] and log.wants(100.0) is None
    again = PeerLog(configured)
    again.resume(log.kept)
    gate.add()
    assert again.hear_head(gate.head(), NOW + 1000) == []
    gate.private = first  # the old key counts for nothing any more
    for one in (log, again):
        gate.add()
        one.hear_head(gate.head(), NOW + 1000)
        assert one.head is not None and one.head.seq < len(gate.events)
    other = PeerLog(gate.key)  # somebody configures it anew: what was kept of the change is void
    other.resume({**log.kept, "configured": "00" * 32})
    gate.add()
    other.hear_head(gate.head(), NOW + 1000)
    assert other.head is not None and other.head.seq == len(gate.events)


def test_a_new_key_without_a_record_is_refused_after_it_was_looked_for() -> None:
    gate = Gate()
    log = started(gate)
    gate.private = Ed25519PrivateKey.generate()
    thief = Signer("garita/gate-2/aa", Ed25519PrivateKey.generate())
    log.hear_record(gate.add("ledger.key_changed", note=sign_change(thief, gate.signer)))
    assert log.hear_head(gate.head(), NOW + 1000) == []
    wanted = log.wants(0.0)
    assert wanted is not None
    first, last = wanted
    log.hear_answered(json.dumps({"from": first, "to": last, "count": 3, "done": True}).encode())
    assert log.wants(20.0) == (last + 1, last + peerkey.BLOCK)
    done = {"from": last + 1, "to": last + peerkey.BLOCK, "count": 0, "done": True}
    log.hear_answered(json.dumps(done).encode())
    for _ in range(3):  # it is not asked for anew for each forged head
        with pytest.raises(Refused):
            log.hear_head(gate.head(), NOW + 1000)
        assert log.wants(100.0) is None
    assert log.hear_head(gate.head(), NOW + 1000 + 2 * peerkey.AGAIN_S) == []
    assert log.wants(200.0) == wanted  # somebody else may have answered


def test_a_gate_that_does_not_answer_is_not_looked_at_for_ever() -> None:
    gate = Gate()
    log = started(gate)
    gate.private = Ed25519PrivateKey.generate()
    gate.add()
    assert log.hear_head(gate.head(), NOW + 1000) == []
    asked = [log.wants(20.0 * n) for n in range(10)]
    assert asked.count(None) == 10 - peerkey.IN_VAIN
    with pytest.raises(Refused):
        log.hear_head(gate.head(), NOW + 1000)
