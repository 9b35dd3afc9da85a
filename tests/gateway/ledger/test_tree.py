"""The tree beside the records: grown as they come, taken over, found again, computed anew."""

from __future__ import annotations

import sqlite3

import pytest

from gateway.ledger import chain, tree
from gateway.ledger.tree import SLICE, LedgerTree, tiles_of
from gateway.proof.merkle import includes, inclusion, leaf_hash, root_of
from gateway.proof.tiles import subtree_of


@pytest.fixture
def db() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(chain.SCHEMA + tree.SCHEMA)
    return made


def written(db: sqlite3.Connection, begin: int, count: int) -> list[str]:
    bodies = [f'{{"n":{n}}}' for n in range(begin, begin + count)]
    db.executemany(
        "INSERT INTO events VALUES (?, NULL, ?, x'00')",
        [(begin + n, body) for n, body in enumerate(bodies)],
    )
    return bodies


def root(first: int, count: int) -> bytes:
    return root_of([leaf_hash(f'{{"n":{n}}}'.encode()) for n in range(first, first + count)])


def caught_up(db: sqlite3.Connection, grown: LedgerTree, last: int) -> None:
    while grown.behind(last):
        grown.take_over(db)
        grown.stored(grown.store(db))


@pytest.mark.parametrize("first", [1, 700])
@pytest.mark.parametrize("count", [1, 255, 256, 257, SLICE * 3 + 5])
def test_a_log_of_before_is_taken_over_slice_by_slice(
    db: sqlite3.Connection, first: int, count: int
) -> None:
    written(db, first, count)
    grown = LedgerTree(first)
    caught_up(db, grown, first + count - 1)
    assert (grown.size, grown.root()) == (count, root(first, count))


def test_it_grows_with_the_records_and_is_found_again(db: sqlite3.Connection) -> None:
    grown = LedgerTree(1)
    caught_up(db, grown, 0)
    for begin in range(1, 1001, 100):
        grown.add(written(db, begin, 100))
        grown.stored(grown.store(db))
        assert grown.root() == root(1, begin + 99)
    again = LedgerTree(1)
    caught_up(db, again, 1000)
    assert again.root() == grown.root()


def test_tiles_that_a_crash_lost_are_made_again(db: sqlite3.Connection) -> None:
    written(db, 1, 2000)
    grown = LedgerTree(1)
    caught_up(db, grown, 2000)
    db.execute("DELETE FROM tiles WHERE idx > 3")
    again = LedgerTree(1)
    caught_up(db, again, 2000)
    assert again.root() == root(1, 2000)
    assert db.execute("SELECT count(*) FROM tiles").fetchone() == (7,)


@pytest.mark.parametrize("stored", [True, False])
def test_a_proof_is_made_from_tiles_and_without_them(db: sqlite3.Connection, stored: bool) -> None:
    written(db, 1, 1500)
    if stored:
        caught_up(db, LedgerTree(1), 1500)
    subtree = subtree_of(tiles_of(db, 1, 1300))
    for index in (0, 255, 256, 1299):
        proof = inclusion(subtree, index, 1300)
        leaf = leaf_hash(f'{{"n":{index + 1}}}'.encode())
        assert includes(root(1, 1300), 1300, index, leaf, proof)


def test_a_record_that_is_missing_gives_no_proof(db: sqlite3.Connection) -> None:
    written(db, 1, 100)
    with pytest.raises(LookupError, match="missing"):
        inclusion(subtree_of(tiles_of(db, 1, 120)), 3, 120)
