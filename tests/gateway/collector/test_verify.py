"""`garita collect verify`: whatever somebody changes in the database, it is found from SQL."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text

from gateway.collector.verify import Verified, verify
from gateway.ledger import chain
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import VerifierKey
from tests.gateway.collector.logs import Log
from tests.gateway.collector.test_sink import Store, store

__all__ = ["store"]


def verified(store: Store, log: Log | None = None) -> list[Verified]:
    keys = {} if log is None else {"gate-1": VerifierKey.parse(str(log.signer.key))}
    found = list(verify(store.db, keys))
    store.db.rollback()
    return found


def filled(store: Store) -> Log:
    log = Log()
    store.take([*log.records, *log.badges(20), *log.checkpoint()])
    store.take([*log.badges(5), *log.checkpoint()])
    return log


def test_what_is_stored_is_what_was_signed(store: Store) -> None:
    log = filled(store)
    (found,) = verified(store)
    assert (found.wrong, found.records, found.last, found.proven) == ([], 28, 28, 28)
    assert found.heads == 2 and found.key == "first_use"
    assert verified(store, log)[0].key == "configured"


def run(*statements: str) -> Callable[[Store], None]:
    def change(store: Store) -> None:
        with store.db.begin():
            for statement in statements:
                store.db.execute(text(statement))

    return change


CHANGES = {
    "a body is edited": (
        run("UPDATE events SET body = replace(body, 'Luis', 'Eva') WHERE seq = 3"),
        "record 3 was changed",
    ),
    "a record is removed": (run("DELETE FROM events WHERE seq = 7"), "records 7 to 7 are missing"),
    "the first record is removed": (run("DELETE FROM events WHERE seq = 1"), "are missing"),
    "the end is cut": (
        run("DELETE FROM events WHERE seq > 20"),
        "the collector noted record 28 as the last one",
    ),
    "the end is cut, and the cursor moved back": (
        run(
            "DELETE FROM events WHERE seq > 20",
            "UPDATE cursors SET contiguous = 20, size = 20, proven_size = 20,"
            " hash = (SELECT hash FROM events WHERE seq = 20)",
        ),
        "records up to 28 were stored once",
    ),
    "a record is put in twice": (
        run(
            "INSERT INTO events (origin, seq, time, id, type, subject, body, hash)"
            " SELECT origin, seq, '1999-01-01T00:00:00Z', id, type, subject, body, hash"
            " FROM events WHERE seq = 5"
        ),
        "stored twice",
    ),
    "two records change places": (
        run(
            "UPDATE events SET seq = 99 WHERE seq = 4",
            "UPDATE events SET seq = 4 WHERE seq = 5",
            "UPDATE events SET seq = 5 WHERE seq = 99",
        ),
        "record 4 was changed",
    ),
    "a column says something else": (
        run("UPDATE events SET type = 'access.denied' WHERE seq = 3"),
        "the columns of record 3 were changed",
    ),
    "a time is moved": (
        run("UPDATE events SET time = '2024-02-02T00:00:00Z' WHERE seq = 3"),
        "the columns of record 3 were changed",
    ),
    "the root is another": (
        run("UPDATE cursors SET root = hash"),
        "the collector noted another root",
    ),
    "a head's size is changed": (
        run("UPDATE checkpoints SET size = 10 WHERE size = 22"),
        "the columns of a signed head were changed",
    ),
    "a record of nobody": (
        run(
            "INSERT INTO events (origin, seq, time, id, type, subject, body, hash)"
            " SELECT 999, seq, time, id, type, subject, body, hash FROM events WHERE seq = 5"
        ),
        "1 records belong to no gateway",
    ),
    "we are made to have cosigned another root": (
        run("UPDATE cosignatures SET root = (SELECT hash FROM events WHERE seq = 2)"),
        "we cosigned other records",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_by_sql_is_found(store: Store, name: str) -> None:
    change, said = CHANGES[name]
    filled(store)
    change(store)
    wrong = [str(what) for one in verified(store) for _, what in one.wrong]
    assert any(said in what for what in wrong), wrong


def test_a_whole_history_that_fits_itself_is_not_what_was_signed(store: Store) -> None:
    """Bodies edited, the chain computed anew to the end, cursor and tree as well: the gateway's
    signature is what can't be made."""
    filled(store)
    prev, tree = bytes(32), Frontier()
    rows = store.rows("SELECT seq, body FROM events ORDER BY seq")
    with store.db.begin():
        for seq, text_ in rows:
            body = text_
            if seq == 3:
                item = json.loads(text_)
                item["data"]["person"]["name"] = "Somebody Else"
                body = chain.canonical(item)
            prev = chain.link(prev, seq, chain.digest_of(body))
            tree.add(leaf_hash(body.encode()))
            values = {"body": body, "hash": prev, "seq": seq}
            store.db.execute(
                text("UPDATE events SET body = :body, hash = :hash WHERE seq = :seq"), values
            )
        store.db.execute(
            text("UPDATE cursors SET hash = :hash, root = :root, roots = :roots"),
            {"hash": prev, "root": tree.root(), "roots": b"".join(tree.roots)},
        )
    (found,) = verified(store)
    said = [str(what) for _, what in found.wrong]
    assert any("not those that were signed" in what for what in said) and found.proven == 0


def test_a_head_of_another_key_counts_for_nothing(store: Store) -> None:
    filled(store)
    other = Log()
    found = verified(store, other)[0]
    assert found.heads == 0 and any("is not the gateway's" in str(w) for _, w in found.wrong)


def test_many_mistakes_are_counted(store: Store) -> None:
    filled(store)
    run("UPDATE events SET body = body || ' '")(store)
    (found,) = verified(store)
    assert len(found.wrong) == 20 and found.more > 5
