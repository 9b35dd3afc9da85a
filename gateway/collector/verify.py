"""Holds what is stored against the chain, the trees and the gateways' signatures, from SQL alone.

It believes nothing that the collector has noted of itself: it reads every record, follows the
chain from the origin's beginning, builds the tree anew and compares its root with each signed head.
So it finds what somebody changed in the database: a record edited, removed or put in, a cursor
moved, a column that says other than the record's text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.collector.logkeys import GatewayKeys
from gateway.ledger import chain
from gateway.locale import Message, worded
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import NoteError, VerifierKey

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_OF = "WHERE gateway = :gateway AND chain = :chain"
_HEADS = "SELECT size, root, note, verdict FROM checkpoints"
_COSIGNED = "SELECT size, root FROM cosignatures"
PAGE = 5_000
MOST_WRONG = 20
"""Mistakes that are told of one origin; a broken chain breaks at many places."""


@dataclass(slots=True)
class Verified:
    """What is stored of one origin of a gateway's log, and what is wrong with it."""

    gateway: str
    chain: str
    first: int
    last: int = 0
    records: int = 0
    omitted: int = 0
    """Records that came without their data; the tree ends before the first of them."""
    heads: int = 0
    """Signed heads whose root is that of what is stored."""
    proven: int = 0
    """The number of the last record under the largest of them; 0 if there is none."""
    key: str = ""
    """The key that signed: ``configured``, or how it became known, "" if none did."""
    lost: int = 0
    """Records that the gateway itself says were lost before this origin."""
    wrong: list[tuple[int, Message]] = field(default_factory=list)
    more: int = 0
    """Mistakes that are not in `wrong` any more."""

    def add(self, seq: int, what: Message) -> None:
        """Something is wrong at this record (0: with the whole)."""
        if len(self.wrong) < MOST_WRONG:
            self.wrong.append((seq, what))
        else:
            self.more += 1


def verify(
    db: Connection, keys: Mapping[str, VerifierKey], gateways: Collection[str] = ()
) -> Iterator[Verified]:
    """Go through every origin of these `gateways` (none named: of all), in order.

    `keys` are those of the configuration, by gateway.
    """
    from sqlalchemy import text  # noqa: PLC0415 - slow to load

    strays = db.execute(
        text("SELECT count(*) FROM events WHERE origin NOT IN (SELECT id FROM origins)")
    ).scalar_one()
    if strays:
        found = Verified("?", "?", 0, records=strays)
        found.add(0, worded("{count} records belong to no gateway", count=strays))
        yield found
    rows = db.execute(
        text(
            "SELECT o.id, o.gateway, o.chain, o.first, o.prev, o.missing, c.contiguous, c.hash,"
            " c.size, c.root, c.proven_size FROM origins o LEFT JOIN cursors c ON c.origin = o.id"
            " ORDER BY o.gateway, o.first, o.id"
        )
    ).all()
    for row in rows:
        if not gateways or row.gateway in gateways:
            chains = {one.id: one.chain for one in rows if one.gateway == row.gateway}
            yield _Origin(db, row, keys.get(row.gateway), chains).verified()


class _Origin:
    """One origin on its way through the records."""

    def __init__(
        self, db: Connection, row: Row[Any], key: VerifierKey | None, chains: Mapping[int, str]
    ) -> None:
        self._db = db
        self._row = row
        self._key = key
        self._chains = chains
        self._found = Verified(row.gateway, row.chain, row.first, lost=row.missing or 0)
        self._heads: dict[int, list[tuple[str, bytes, str]]] = {}
        self._signed: dict[int, bytes] = {}  # what we cosigned
        self._tree = Frontier()

    def verified(self) -> Verified:
        self._read_heads()
        self._read_records()
        self._compare_with_cursor()
        return self._found

    def _execute(self, sql: str, **values: Any) -> Any:
        from sqlalchemy import text  # noqa: PLC0415

        options = {"stream_results": True, "yield_per": PAGE}
        return self._db.execute(text(sql), values, execution_options=options)

    def _read_heads(self) -> None:
        of = {"gateway": self._row.gateway, "chain": self._row.chain}
        for size, root, text_, verdict in self._execute(f"{_HEADS} {_OF}", **of):
            self._heads.setdefault(size, []).append((text_, root, verdict))
        for size, root in self._execute(f"{_COSIGNED} {_OF}", **of):
            self._signed[size] = root
        if self._key is None:
            kept = self._execute(
                "SELECT vkey, how FROM keys WHERE gateway = :gateway AND how <> 'renewed'"
                " ORDER BY since",
                gateway=self._row.gateway,
            )
            known = [(VerifierKey.parse(vkey).public, str(how)) for vkey, how in kept]
        else:
            known = [(self._key.public, "configured")]
        self._how = known[0][1] if known else ""
        self._keys = GatewayKeys(self._db, [public for public, _ in known], self._chains)

    def _read_records(self) -> None:
        found, prev, expected = self._found, bytes(self._row.prev), self._row.first
        rows = self._execute(
            "SELECT seq, time, id, type, subject, body, hash, omitted FROM events"
            " WHERE origin = :origin ORDER BY seq, time",
            origin=self._row.id,
        )
        for seq, time, id_, type_, subject, body, stored, omitted in rows:
            found.records += 1
            if seq < expected:
                found.add(seq, worded("record {seq} is stored twice", seq=seq))
                continue
            if seq > expected:
                last = worded("records {first} to {last} are missing", first=expected, last=seq - 1)
                found.add(seq, last)
            digest = bytes(stored)
            if omitted:
                found.omitted += 1
            elif not chain.fits(prev, seq, body, digest):
                found.add(seq, worded("record {seq} was changed", seq=seq))
            if not _says_the_same(body, time, id_, type_, subject):
                found.add(seq, worded("the columns of record {seq} were changed", seq=seq))
            prev, expected, found.last = digest, seq + 1, seq
            if not found.omitted and self._tree.size == seq - found.first:
                self._tree.add(leaf_hash(body.encode()))
                self._compare_with_heads(seq)
        self._prev = prev
        if self._tree.size and found.first == 1 and not _is_beginning(self._db, self._row.id):
            found.add(1, worded("the log does not begin with its first record"))

    def _compare_with_heads(self, seq: int) -> None:
        size, found = self._tree.size, self._found
        for text_, root, _verdict in self._heads.pop(size, ()):
            try:
                signed = self._opened(text_)
            except NoteError as error:
                found.add(seq, worded("a signed head is not the gateway's: {error}", error=error))
                continue
            if signed is None:
                continue
            if signed.size != size or signed.root != bytes(root):
                found.add(seq, worded("the columns of a signed head were changed"))
            elif signed.root == self._tree.root():
                found.heads += 1
                found.proven = seq
            else:
                found.add(
                    seq,
                    worded("the records up to {seq} are not those that were signed", seq=seq),
                )
        cosigned = self._signed.pop(size, None)
        if cosigned is not None and bytes(cosigned) != self._tree.root():
            found.add(seq, worded("we cosigned other records than those up to {seq}", seq=seq))

    def _opened(self, text_: str) -> Checkpoint | None:
        """The head, if a known key signed it; None while no key is known."""
        if not self._how:
            return None
        parsed = note.parse(text_)
        signed = self._keys.open(parsed)
        self._keys.check(self._row.id, self._row.first, signed.size, parsed)
        self._found.key = self._how
        return signed

    def _compare_with_cursor(self) -> None:
        """What the collector believes of itself, and heads of records that are not here."""
        row, found = self._row, self._found
        if row.contiguous is None:
            found.add(0, worded("the collector has not noted how far this log is stored"))
        elif (row.contiguous, bytes(row.hash)) != (found.last, self._prev):
            found.add(
                found.last,
                worded("the collector noted record {seq} as the last one", seq=row.contiguous),
            )
        elif row.size == self._tree.size and bytes(row.root) != self._tree.root():
            found.add(found.last, worded("the collector noted another root"))
        elif row.size > self._tree.size:
            found.add(found.last, worded("the collector noted a larger tree than there is"))
        late = [
            size for size, heads in self._heads.items() if any(v == "proven" for *_, v in heads)
        ]
        late += list(self._signed)
        if row.proven_size and row.proven_size > self._tree.size:
            late.append(row.proven_size)
        if late and not found.omitted:
            last = found.first + max(late) - 1
            found.add(found.last, worded("records up to {last} were stored once", last=last))


def _says_the_same(body: str, time: Any, *columns: str) -> bool:
    """Whether the columns that views show are what the record's text says.  A time that no database
    takes stands in the column as another one."""
    try:
        item = json.loads(body)
    except ValueError:
        return False
    if columns != (item.get("id"), item.get("type"), item.get("subject")):
        return False
    shown = datetime.fromisoformat(time) if isinstance(time, str) else time
    try:
        return bool(shown == datetime.fromisoformat(item["time"]))
    except (ValueError, KeyError, TypeError):
        return True


def _is_beginning(db: Connection, origin: int) -> bool:
    from sqlalchemy import text  # noqa: PLC0415

    sql = text("SELECT type FROM events WHERE origin = :origin AND seq = 1")
    return db.execute(sql, {"origin": origin}).scalars().first() == chain.CREATED
