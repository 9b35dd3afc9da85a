"""What is stored: each record once, in order, in PostgreSQL and SQLite, whatever came and how."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gateway.collector import heads, schema
from gateway.collector.database import Database
from gateway.collector.heads import Heads
from gateway.collector.judge import Delivery, judge
from gateway.collector.leases import LeaseLost, Leases
from gateway.collector.sink import Sink, Written
from gateway.collector.verify import verify
from gateway.ledger.event import EventType, NewEvent
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint, cosigned_at, sign
from gateway.proof.keychange import sign_change
from gateway.proof.note import COSIGNATURE, Signer
from tests.gateway.collector.gates import badge
from tests.gateway.collector.logs import BEGIN, Log, with_changes
from tests.postgres import Postgres

NUMBERS = itertools.count()


class Store:
    """A database with a sink."""

    def __init__(self, database: Database) -> None:
        self.database = database
        schema.upgrade(database.engine)
        self.db = database.engine.connect()
        self.mirror = Signer("hq.example/mirror", Ed25519PrivateKey.generate(), COSIGNATURE)
        self.sink = Sink(database, Heads({}, self.mirror), base="garita", run=None)

    def take(self, messages: Sequence[Delivery]) -> Written:
        judged = [one for message in messages if (one := judge("garita", message)) is not None]
        return self.sink.write(self.db, judged, {})

    def rows(self, sql: str, **facts: Any) -> list[Any]:
        found = [tuple(row) for row in self.db.execute(text(sql), facts)]
        self.db.rollback()
        return found

    def stored(self) -> list[int]:
        return [seq for (seq,) in self.rows("SELECT seq FROM events ORDER BY origin, seq")]

    def holds(self, log: Log, contiguous: int | None = None) -> None:
        """All of the log's records are stored, and the root is that of the log."""
        found = self.rows(
            "SELECT contiguous, hash, root FROM cursors JOIN origins ON origins.id = origin"
            " WHERE chain = :chain",
            chain=log.chain,
        )
        assert [(n, bytes(h), bytes(r)) for n, h, r in found] == [
            (log.seq, log.hash, log.tree.root())
        ]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        database = Database.sqlite(tmp_path / "collected.db")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database(f"sink_{next(NUMBERS)}")
        database = Database.postgres(lambda: {"conninfo": url}, ttl_s=15)
    made = Store(database)
    yield made
    made.db.close()
    database.engine.dispose()


def test_records_are_stored_in_order_and_a_signed_head_proves_them_and_is_cosigned(
    store: Store,
) -> None:
    log = Log()
    done = store.take([*log.records, *log.badges(20), *log.checkpoint()])
    assert store.stored() == list(range(1, 23))
    store.holds(log)
    [(gateway, text_)] = done.cosigned
    found = note.parse(text_)
    assert gateway == "gate-1" and log.signer.key.signed(found)
    assert cosigned_at(found, store.mirror.key) is not None
    assert store.rows("SELECT verdict FROM checkpoints") == [("proven",)]
    assert store.rows("SELECT proven_size FROM cursors") == [(22,)]
    assert store.rows("SELECT how FROM keys") == [("first_use",)]
    assert not done.missing and not done.alarms


def test_a_head_that_comes_again_gets_its_cosignature_again(store: Store) -> None:
    log = Log()
    first = store.take([*log.records, *log.badges(3), *log.checkpoint()])
    again = store.take([log.head()])
    assert again.cosigned == first.cosigned and not again.alarms


def test_the_same_messages_again_change_nothing(store: Store) -> None:
    log = Log()
    messages = [*log.records, *log.badges(20), *log.checkpoint()]
    store.take(messages)
    before = store.rows("SELECT * FROM events ORDER BY seq"), store.rows("SELECT * FROM cursors")
    done = store.take(messages + messages)
    assert done.records == 0 and not done.alarms
    after = store.rows("SELECT * FROM events ORDER BY seq"), store.rows("SELECT * FROM cursors")
    assert after == before
    assert store.rows("SELECT count(*) FROM conflicts") == [(0,)]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_with_holes_and_duplicates_in_any_batches_ends_the_same(
    store: Store, seed: int
) -> None:
    chance = random.Random(seed)
    log = Log()
    messages = [*log.records, *log.badges(30), *log.checkpoint(), *log.badges(10)]
    mixed = messages[1:] + chance.choices(messages[1:], k=30)
    chance.shuffle(mixed)
    mixed.insert(chance.randrange(len(mixed)), messages[0])
    while mixed:
        count = chance.randrange(1, 12)
        store.take(mixed[:count])
        del mixed[:count]
    store.holds(log)
    assert store.stored() == list(range(1, log.seq + 1))
    assert store.rows("SELECT count(*) FROM conflicts") == [(0,)]
    assert store.rows("SELECT count(*) FROM early") == [(0,)]
    assert store.rows("SELECT verdict FROM checkpoints") == [("proven",)]


def test_a_hole_is_reported_until_it_is_filled(store: Store) -> None:
    log = Log()
    messages = [*log.records, *log.badges(9)]
    assert store.take([*messages[:4], *messages[6:]]).missing == {"gate-1": (4, 10)}
    assert store.stored() == [1, 2, 3, 4]
    assert store.rows("SELECT newest FROM gateways") == [(10,)]
    assert store.take(messages[4:6]).missing == {}
    store.holds(log)


def test_a_signed_head_tells_of_records_that_did_not_come(store: Store) -> None:
    log = Log()
    store.take([*log.records, *log.badges(5), *log.checkpoint()])
    log.badges(5)
    assert store.take(log.checkpoint()[1:]).missing == {"gate-1": (7, 13)}


def test_another_record_of_a_stored_number_is_a_conflict_once(store: Store) -> None:
    log = Log()
    store.take([*log.records, *log.badges(3)])
    forger = log.fork()
    forger.seq -= 1
    forged = forger.add(badge(1, door="vault"))
    for _ in range(3):
        store.take([forged])
    [(seq, why, message)] = store.rows("SELECT seq, why, message FROM conflicts")
    assert (seq, why) == (4, "another_record") and message == forged.payload.decode()
    [(kind,)] = store.rows("SELECT kind FROM alarms")
    assert kind == "conflict"
    store.holds(log)


def test_a_record_whose_hash_is_not_its_own_is_never_stored(store: Store) -> None:
    log = Log()
    store.take(log.records)
    [true] = log.badges(1)
    store.take([with_changes(true, data={"door": "vault"}), with_changes(true, subject="x")])
    assert store.stored() == [1]
    assert store.rows("SELECT DISTINCT why FROM conflicts") == [("wrong_hash",)]
    store.take([true])
    store.holds(log)
    assert store.rows("SELECT count(*) FROM conflicts") == [(2,)]


@pytest.mark.parametrize("more", [0, 5])
def test_a_forged_record_that_came_first_gives_way_to_what_the_gateway_signed(
    store: Store, more: int
) -> None:
    log = Log()
    store.take([*log.records, *log.badges(5), *log.checkpoint()])
    forger = log.fork()
    forged = forger.badges(1 + more)
    true = log.badges(3)
    store.take(forged)
    store.take(true)
    assert store.rows("SELECT contiguous FROM cursors") == [(7 + 1 + more,)]
    done = store.take(log.checkpoint())
    assert "replaced" in {alarm.kind for alarm in done.alarms}
    store.holds(log)
    assert store.stored() == list(range(1, log.seq + 1))
    held = {bytes(h) for (h,) in store.rows("SELECT hash FROM conflicts")}
    assert held == {judge("garita", one).hash for one in forged}  # type: ignore[union-attr]
    store.take(log.badges(2))
    store.holds(log)


def test_a_head_that_fits_nothing_is_an_alarm_and_is_not_cosigned(store: Store) -> None:
    log = Log()
    store.take([*log.records, *log.badges(5), *log.checkpoint()])
    other = log.fork()
    other.signer = log.signer  # the gateway's own key signs a second history
    other.badges(3)
    log.badges(3)
    store.take(log.badges(0))
    forked = other.head()
    store.take([*Log("gate-2").records, forked])
    done = store.take([log.add(badge(1)), forked])
    assert not done.cosigned
    assert store.rows("SELECT verdict, size FROM checkpoints ORDER BY size")[0] == ("proven", 7)
    assert ("proven", 10) not in store.rows("SELECT verdict, size FROM checkpoints")


@pytest.mark.parametrize("beyond", [False, True])
def test_a_head_that_somebody_else_signed_is_put_aside(
    store: Store, beyond: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    store.take([*log.records, *log.badges(5), *log.checkpoint()])
    forger = log.fork()
    if beyond:  # a record that has not come might say that the key changed: for a while it waits
        forger.badges(2)
        assert not store.take([forger.head()]).alarms
        monkeypatch.setattr(heads, "UNKNOWN_S", 0.0)
        head = forger.head()
    else:
        point = Checkpoint(forger.signer.name, 5, bytes(32))
        topic = f"garita/{log.gateway}/checkpoint"
        head = Delivery("b1", topic, sign(point, forger.signer).write().encode())
    done = store.take([head])
    assert not done.cosigned and not done.missing
    assert {alarm.kind for alarm in done.alarms} == {"key_changed", "quarantine"}
    assert store.rows("SELECT size FROM checkpoints") == [(7,)]


def test_a_new_origin_goes_on_and_the_old_one_stays(store: Store) -> None:
    old = Log()
    store.take([*old.records, *old.badges(9)])
    told = {
        "chain": old.chain,
        "seq": 4,
        "hash": "00" * 32,
        "known_chain": old.chain,
        "known_seq": 10,
        "known_by": "broker",
        "missing": 6,
    }
    new = Log(chain="aaaabbbbccccdddd", first=11, prev=bytes(32), follows=told)
    done = store.take([*new.records, *new.badges(5), *new.checkpoint()])
    assert [(alarm.kind, alarm.about) for alarm in done.alarms] == [("log_lost", new.chain)]
    store.holds(old)
    store.holds(new)
    assert store.rows(
        "SELECT first, follows_chain, follows_seq, known_seq, missing FROM origins WHERE first > 1"
    ) == [(11, old.chain, 4, 10, 6)]


def test_a_gateway_that_was_replaced_begins_another_log_whose_numbers_are_used_again(
    store: Store,
) -> None:
    old, new = Log(), Log(chain="aaaabbbbccccdddd")
    store.take([*old.records, *old.badges(9)])
    late, messages = new.records, new.badges(5)
    done = store.take(messages)  # its first record is lost
    assert done.unknown == {"gate-1"} and done.records == 0
    done = store.take(late)
    assert [(alarm.kind, alarm.about) for alarm in done.alarms] == [("log_anew", new.chain)]
    store.holds(old)
    store.holds(new)
    assert store.rows("SELECT count(*) FROM conflicts") == [(0,)]


def test_an_act_of_a_new_log_that_came_too_early_is_not_a_conflict_in_the_end(
    store: Store,
) -> None:
    old, new = Log(), Log(chain="aaaabbbbccccdddd")
    store.take([*old.records, *old.badges(9)])
    act = new.add(NewEvent(EventType.PEOPLE_REVOKED, "e1", {"by": "hr"}), id_="5f1c2d3e")
    store.take([act])  # its id does not say of which log it is, and the old one has its number
    store.take([*new.records, *new.badges(2), act])
    store.take([*new.records, act])
    assert store.rows("SELECT count(*) FROM conflicts") == [(0,)]
    assert store.rows("SELECT kind FROM alarms") == [("log_anew",)]
    store.holds(new)


def test_an_older_image_that_was_put_back_is_conflicts_and_no_record_is_lost(store: Store) -> None:
    log = Log()
    store.take([*log.records, *log.badges(3)])
    image = log.fork()
    store.take(log.badges(4))
    again = [image.add(badge(n, door="dock")) for n in range(4)]
    store.take(again)
    store.holds(log)
    assert store.rows("SELECT count(*) FROM conflicts WHERE why = 'another_record'") == [(4,)]


def test_a_record_without_its_data_is_stored_and_filled_when_it_comes(store: Store) -> None:
    log = Log()
    store.take([*log.records, *log.badges(2)])
    [whole] = log.badges(1)
    store.take([log.omitted()])
    store.take([*log.badges(2), *log.checkpoint()])
    assert store.stored() == list(range(1, 8))
    assert store.rows("SELECT verdict FROM checkpoints") == [("waiting",)]
    assert store.take([whole]).cosigned
    store.holds(log)
    assert store.rows("SELECT count(*) FROM events WHERE omitted") == [(0,)]


def test_what_is_not_understood_is_kept_once_counted_and_stops_nothing(store: Store) -> None:
    log = Log()
    bad = [b"", b"{", b"\xff\xfe", b"[]", b'{"seq": 1}', b'{"a":' * 50_000, b"NaN", b'"\\u0000"']
    poison = [Delivery("b1", "garita/gate-1/events", one) for one in bad]
    store.take([*poison, *log.records, *poison, *log.badges(2)])
    store.holds(log)
    assert store.rows("SELECT count(*), min(count), max(count) FROM quarantine") == [(8, 2, 2)]
    assert {why for (why,) in store.rows("SELECT why FROM quarantine")} == {
        "not_json",
        "not_a_record",
    }


def test_times_that_cannot_be_are_kept(store: Store) -> None:
    log = Log()
    odd = [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)]
    messages = [log.add(badge(n), when=when) for n, when in enumerate(odd)]
    body = log.fork()
    store.take([*log.records, *messages])
    store.holds(log)
    unreadable = body.add(NewEvent(EventType.DOOR_REX, "yard", {}))
    store.take([with_changes(unreadable, time="yesterday")])
    assert store.rows("SELECT why FROM conflicts") == [("wrong_hash",)]


def test_a_mirror_whose_clock_shows_1970_says_nothing(store: Store) -> None:
    store.sink = Sink(
        store.database, Heads({}, store.mirror, now=lambda: 3600.0), base="garita", run=None
    )
    log = Log()
    done = store.take([*log.records, *log.badges(3), *log.checkpoint()])
    assert not done.cosigned
    assert store.rows("SELECT verdict FROM checkpoints") == [("proven",)]


def test_a_database_without_room_takes_nothing_and_later_all(tmp_path: Path) -> None:
    database = Database.sqlite(tmp_path / "collected.db")
    store = Store(database)
    log = Log()
    store.take(log.records)
    pages = store.rows("PRAGMA page_count")[0][0]
    store.db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    store.db.rollback()
    messages = log.badges(500)
    with pytest.raises(OperationalError, match="full"):
        store.take(messages)
    assert store.stored() == [1]
    store.db.exec_driver_sql("PRAGMA max_page_count = 100000")
    store.db.rollback()
    store.take(messages)
    store.holds(log)
    store.db.close()
    database.engine.dispose()


def test_records_are_in_the_partition_of_their_month(postgres: Postgres) -> None:
    url = postgres.database("sink_months")
    database = Database.postgres(lambda: {"conninfo": url}, ttl_s=15)
    store = Store(database)
    log = Log()
    days = [(1970, 1), (2021, 5), (2026, 12), (2027, 1), (2199, 1)]
    messages = [log.add(badge(1), when=datetime(y, m, 1, tzinfo=UTC)) for y, m in days]
    store.take([*log.records, *messages])
    found = store.rows("SELECT tableoid::regclass::text FROM events WHERE seq > 1 ORDER BY seq")
    odd = "events_elsewhen"
    named = ["events_2021_05", "events_2026_12", "events_2027_01"]
    assert [name for (name,) in found] == [odd, *named, odd]
    store.holds(log)
    store.db.close()
    database.engine.dispose()


def test_an_act_with_an_id_of_its_own_is_stored_like_any(store: Store) -> None:
    log = Log()
    act = log.add(NewEvent(EventType.PEOPLE_REVOKED, "e1", {"by": "hr"}), id_="5f1c2d3e")
    messages = [*log.records, act, *log.badges(2)]
    store.take([messages[0], *reversed(messages[1:])])
    store.holds(log)
    store.take(messages)
    assert store.rows("SELECT count(*) FROM conflicts") == [(0,)]


def test_a_forged_number_far_ahead_does_not_move_the_newest(store: Store) -> None:
    log = Log()
    store.take([*log.records, *log.badges(3)])
    forger = log.fork()
    forger.seq = 2**61
    done = store.take([forger.add(badge(1), when=BEGIN)])
    assert store.rows("SELECT newest FROM gateways") == [(4,)]
    assert not done.missing and not done.unknown


def test_many_gateways_in_one_batch(store: Store) -> None:
    logs = [Log(f"gate-{n}", f"{n:016x}") for n in range(40)]
    messages = [message for log in logs for message in (*log.records, *log.badges(3))]
    random.Random(1).shuffle(messages)
    store.take(messages)
    store.take(messages)
    for log in logs:
        store.holds(log)


def test_without_the_lease_nothing_is_written(postgres: Postgres) -> None:
    url = postgres.database("sink_leases")
    database = Database.postgres(lambda: {"conninfo": url}, ttl_s=15)
    schema.upgrade(database.engine)
    connect: Callable[[], Any] = lambda: psycopg.connect(url, autocommit=True)  # noqa: E731
    with connect() as raw:
        raw.execute("INSERT INTO gateways (name) VALUES ('gate-1')")
        leases = Leases("hq-1")
        leases.join(raw)
        plan = leases.renew(raw)
        sink = Sink(database, Heads({}, None), base="garita", run=leases.run)
        log = Log()
        batch = [judge("garita", message) for message in log.records]
        with database.engine.connect() as db:
            sink.write(db, batch, plan.held)  # type: ignore[arg-type]
            leases.leave(raw)
            batch = [judge("garita", message) for message in log.badges(1)]
            with pytest.raises(LeaseLost):
                sink.write(db, batch, plan.held)  # type: ignore[arg-type]
            assert db.execute(text("SELECT count(*) FROM events")).scalar() == 1
    database.engine.dispose()


# The key changes


def changed(log: Log, *, by: Signer | None = None) -> tuple[Delivery, Signer]:
    """The record with which the log's key changes, signed by its own key or `by`; the old key."""
    old, new = log.signer, Signer(log.signer.name, Ed25519PrivateKey.generate())
    note_ = sign_change(by or old, new)
    record = log.add(NewEvent(EventType.LEDGER_KEY_CHANGED, log.gateway, {"note": note_}))
    log.signer = new
    return record, old


@pytest.mark.parametrize("configured", ["", "old", "new"])
@pytest.mark.parametrize("order", ["as sent", "the head first"])
def test_a_change_of_key_that_the_old_one_signed_is_followed(
    store: Store, configured: str, order: str
) -> None:
    log = Log()
    batches = [[*log.records, *log.badges(5), *log.checkpoint()], log.badges(3)]
    old_head = batches[0][-1]
    record, old = changed(log)
    signer = {"": None, "old": old, "new": log.signer}[configured]
    keys = {log.gateway: signer.key} if signer else {}
    store.sink = Sink(store.database, Heads(keys, store.mirror), base="garita", run=None)
    after = [record, *log.badges(2), *log.checkpoint()]
    batches.append(after if order == "as sent" else [after[-1]])
    if order != "as sent":
        batches.append(after)
    done = [store.take(batch) for batch in batches]
    if configured == "new":  # as if the collector came after the change
        store.take([old_head])
    assert [alarm for one in done for alarm in one.alarms if configured != "new"] == []
    proven = store.rows("SELECT max(size) FROM checkpoints WHERE verdict = 'proven'")
    assert proven == [(log.tree.size,)]
    store.holds(log)
    (found,) = verify(store.db, keys)
    store.db.rollback()
    assert found.wrong == [] and found.proven == log.seq
    assert found.heads == (2 if configured != "new" else found.heads)
    # The next origin is signed with the new key; the old one counts for nothing any more.
    told = {"chain": log.chain, "seq": log.seq, "hash": log.hash.hex(), "missing": 0}
    for key, good in ((log.signer, True), (old, False)):
        if configured == "new" and not good:
            continue
        facts = {"first": log.seq + 1, "prev": log.hash, "follows": told}
        chain = f"{int(good)}36d086c136d1b3a"
        after_ = Log(chain=chain, key=key.private, **facts)
        done_ = store.take([*after_.records, *after_.badges(2), *after_.checkpoint()])
        kinds = {alarm.kind for alarm in done_.alarms}
        assert ("key_changed" in kinds) is not good and bool(done_.cosigned) is good


def test_a_new_key_without_a_record_or_with_a_forged_one_stays_an_alarm(store: Store) -> None:
    for forged in (False, True):
        log = Log(gateway=f"gate-{int(forged)}")
        store.take([*log.records, *log.badges(5), *log.checkpoint()])
        thief = Signer(log.signer.name, Ed25519PrivateKey.generate())
        if forged:
            store.take([changed(log, by=thief)[0]])
        else:
            log.signer = thief
        done = store.take([*log.badges(2), *log.checkpoint()])
        assert "key_changed" in {alarm.kind for alarm in done.alarms} and not done.cosigned


def test_the_old_key_signs_nothing_behind_the_change(store: Store) -> None:
    log = Log()
    store.take([*log.records, *log.badges(5), *log.checkpoint()])
    record, old = changed(log)
    store.take([record, *log.badges(2), *log.checkpoint()])
    log.signer = old
    done = store.take([*log.badges(2), *log.checkpoint()])
    assert "key_changed" in {alarm.kind for alarm in done.alarms} and not done.cosigned
    (found,) = verify(store.db, {})
    store.db.rollback()
    assert found.wrong == []  # it is put aside


def test_a_true_change_that_is_sent_again_at_another_place_stops_nothing(store: Store) -> None:
    """Whoever read it on the broker can put the note into a record of theirs."""
    log = Log()
    store.take([*log.records, *log.badges(5), *log.checkpoint()])
    forger = log.fork()
    record, _ = changed(log)
    data = {"note": json.loads(record.payload)["data"]["note"]}
    forged = forger.badges(1)  # stored before the gate's own of that number
    forged.append(forger.add(NewEvent(EventType.LEDGER_KEY_CHANGED, log.gateway, data)))
    store.take(forged)
    done = store.take([record, *log.badges(4), *log.checkpoint()])
    assert "key_changed" not in {alarm.kind for alarm in done.alarms} and done.cosigned
    store.holds(log)
