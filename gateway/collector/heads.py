"""Signed heads of the gateways' logs: whether what is stored is what was signed.

A checkpoint of `size` records is held against the root of the tree over the stored ones.  If they
are equal, they are proven up to there, and the mirror cosigns: the records are stored.  If they are
not, somebody's record was stored in place of the gateway's, and repair.py looks for the right ones.

Which key a gateway signs with is known from the configuration; of a gateway that is not named there
the key counts that it used first (its log names it in the record before each checkpoint).  A change
of key that the old one signed on record is followed (logkeys.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from gateway.collector.alarms import Alarm
from gateway.collector.judge import Delivery, Head, Poison
from gateway.collector.logkeys import GatewayKeys, keys_of, learn
from gateway.collector.placing import Origin, Places
from gateway.collector.repair import repair
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint, cosign
from gateway.proof.merkle import Frontier, leaf_hash
from gateway.proof.note import Note, NoteError, Signer, VerifierKey
from gateway.proof.tiles import split

WAITING, PROVEN, WRONG = "waiting", "proven", "wrong"
MOST_WAITING = 1_000
"""Heads of a gateway that are kept without being proven."""
UNKNOWN_S, MOST_UNKNOWN = 600.0, 8
"""So long a head of an unknown key waits for a record that may say that the key changed, and so
many of a gateway do."""
PAGE = 5_000
NOT_BEFORE = 1_767_225_600
"""2026-01-01: with a clock that shows an earlier time nothing is cosigned, since a cosignature says
when it was made."""


@dataclass(slots=True)
class Found:
    """What the heads showed."""

    cosigned: list[tuple[str, str]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)
    """Up to which number each gateway has signed its newest origin."""


class Heads:
    """`keys` are the keys of the configuration, by gateway; `mirror` is our own, if there is one;
    `now` gives Unix seconds."""

    def __init__(
        self,
        keys: Mapping[str, VerifierKey],
        mirror: Signer | None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = dict(keys)
        self._mirror = mirror
        self._now = now
        self._unknown: dict[tuple[str, str, int, bytes], float] = {}
        """Heads of unknown keys, and when they were seen first."""

    def use(self, mirror: Signer | None) -> None:
        """Cosign with this key from now on; None: with none."""
        self._mirror = mirror

    def judge(self, db: Connection, places: Places, heads: Sequence[Head]) -> Found:
        """Take the heads that came, and look again at those that wait for records.

        It runs in the transaction of the records, after they were written.
        """
        found = Found()
        for head in heads:
            if not self._is_cosigned(db, head, found):
                self._keep(db, head, found)
        touched = {origin.gateway for origin, _ in places.placed.fresh}
        touched |= {head.gateway for head in heads}
        touched |= {record.gateway for record in places.early}
        touched |= {record.gateway for _, record in places.placed.compare}
        for gateway in sorted(touched):
            self._look(db, gateway, places.of.get(gateway, []), found)
        return found

    def _is_cosigned(self, db: Connection, head: Head, found: Found) -> bool:
        """A head that comes again: perhaps its gateway never got our cosignature."""
        if self._mirror is None:
            return False
        row = db.execute(
            text(
                "SELECT c.note, s.line FROM cosignatures s JOIN checkpoints c"
                " USING (gateway, chain, size, root) WHERE gateway = :gateway AND chain = :chain"
                " AND size = :size AND root = :root AND s.mirror = :mirror"
            ),
            {
                "gateway": head.gateway,
                "chain": head.chain,
                "size": head.checkpoint.size,
                "mirror": self._mirror.name,
                "root": head.checkpoint.root,
            },
        ).first()
        if row is None:
            return False
        signed = note.parse(row.note).with_signatures([note.parse_line(row.line)])
        found.cosigned.append((head.gateway, signed.write()))
        return True

    def _keep(self, db: Connection, head: Head, found: Found) -> None:
        """Remember a head that one of the gateway's keys may have signed."""
        point = head.checkpoint
        values = {
            "gateway": head.gateway,
            "chain": head.chain,
            "size": point.size,
            "root": point.root,
            "note": head.note.write(),
            "verdict": WAITING,
            "most": MOST_WAITING,
        }
        db.execute(
            text(
                "INSERT INTO checkpoints (gateway, chain, size, root, note, verdict)"
                " SELECT :gateway, :chain, :size, :root, :note, :verdict WHERE (SELECT count(*)"
                " FROM checkpoints WHERE gateway = :gateway AND verdict <> 'proven') < :most"
                " ON CONFLICT DO NOTHING"
            ),
            values,
        )

    def _look(self, db: Connection, gateway: str, origins: Sequence[Origin], found: Found) -> None:
        rows = db.execute(
            text(
                "SELECT chain, size, root, note FROM checkpoints WHERE gateway = :gateway"
                " AND verdict <> 'proven' ORDER BY size"
            ),
            {"gateway": gateway},
        ).all()
        chains = {origin.chain: origin for origin in origins}
        for row in rows:
            origin = chains.get(row.chain)
            if origin is None:
                continue  # its beginning has not come yet
            parsed = note.parse(row.note)
            try:
                keys = keys_of(db, origin, parsed, origins, self._keys.get(gateway))
                if keys is None:
                    continue  # the record that names the key has not come yet
                if self._waits(origin, row, keys, parsed):
                    continue
                signed = keys.open(parsed)
                last = origin.first + signed.size - 1
                found.newest[gateway] = max(found.newest.get(gateway, 0), last)
                tree = self._hold_against(db, origin, signed, found)
                if tree is not None:
                    # The records are the gateway's own now: they say which key speaks.
                    self._check_key(db, origin, signed, parsed, origins)
                    self._proven(db, origin, signed, parsed, tree, found)
            except NoteError:
                self._forget(db, gateway, row, parsed, found)

    def _forget(
        self, db: Connection, gateway: str, row: object, parsed: Note, found: Found
    ) -> None:
        """A head that the gateway did not sign is not kept among those that it did."""
        name = parsed.text.split("\n", 1)[0]
        message = Delivery("", f"{gateway}/checkpoint", parsed.write().encode())
        found.poison.append(Poison(gateway, message, "wrong_signature"))
        found.alarms.append(Alarm(gateway, "key_changed", name, {"origin": name}))
        db.execute(
            text(
                "DELETE FROM checkpoints WHERE gateway = :gateway AND chain = :chain"
                " AND size = :size AND root = :root"
            ),
            {
                "gateway": gateway,
                "chain": row.chain,  # type: ignore[attr-defined]
                "size": row.size,  # type: ignore[attr-defined]
                "root": row.root,  # type: ignore[attr-defined]
            },
        )

    # Keys

    def _waits(self, origin: Origin, row: object, keys: GatewayKeys, head: Note) -> bool:
        """Whether a record that has not come yet may say that the key changed to this one."""
        size = int(row.size)  # type: ignore[attr-defined]
        what = (origin.gateway, origin.chain, size, bytes(row.root))  # type: ignore[attr-defined]
        here = origin.contiguous >= origin.first + size - 1
        if here or not keys.may_be_known_later(head):
            self._unknown.pop(what, None)
            return False
        of = sum(1 for gateway, *_ in self._unknown if gateway == origin.gateway)
        if of >= MOST_UNKNOWN and what not in self._unknown:
            return False
        since = self._unknown.setdefault(what, time.monotonic())
        if time.monotonic() - since < UNKNOWN_S:
            return True
        del self._unknown[what]
        return False

    def _check_key(
        self,
        db: Connection,
        origin: Origin,
        signed: Checkpoint,
        head: Note,
        origins: Sequence[Origin],
    ) -> None:
        """Raises NoteError if another key speaks for the log at this size."""
        keys = keys_of(db, origin, head, origins, self._keys.get(origin.gateway))
        assert keys is not None and origin.id is not None
        keys.check(origin.id, origin.first, signed.size, head)
        if (renewed := keys.renewed(head)) is not None:
            learn(db, origin.gateway, renewed, "renewed")

    # Roots

    def _hold_against(
        self, db: Connection, origin: Origin, signed: Checkpoint, found: Found
    ) -> Frontier | None:
        """The tree over what the head signed, if that is what is stored or was found."""
        last = origin.first + signed.size - 1
        if signed.size <= origin.proven_size:
            tree = (
                Frontier(origin.proven_size, split(origin.proven_roots))
                if signed.size == origin.proven_size
                else self._tree_at(db, origin, Frontier(), signed.size)
            )
        elif signed.size == origin.tree.size:
            tree = Frontier(signed.size, origin.tree.roots)
        else:
            start = Frontier(origin.proven_size, split(origin.proven_roots))
            tree = self._tree_at(db, origin, start, signed.size)
        if tree is not None and tree.root() == signed.root:
            return tree
        if signed.size > origin.proven_size and (mended := repair(db, origin, signed)):
            found.alarms += mended
            return Frontier(origin.tree.size, origin.tree.roots)
        if tree is None:
            return None  # records are still missing, or came without their data
        self._verdict(db, origin, signed, WRONG)
        about = f"{origin.chain}:{signed.size}"
        data = {"size": signed.size, "seq": last, "root": signed.root.hex()}
        found.alarms.append(Alarm(origin.gateway, "root_differs", about, data))
        return None

    @staticmethod
    def _tree_at(db: Connection, origin: Origin, start: Frontier, size: int) -> Frontier | None:
        """The tree over the first `size` records, from `start` on; None if one is missing."""
        if size > origin.contiguous - origin.first + 1:
            return None
        while start.size < size:
            rows = db.execute(
                text(
                    "SELECT body, omitted FROM events WHERE origin = :origin AND seq >= :begin"
                    " AND seq < :end ORDER BY seq"
                ),
                {
                    "origin": origin.id,
                    "begin": origin.first + start.size,
                    "end": origin.first + min(size, start.size + PAGE),
                },
            ).all()
            if not rows:
                return None
            for body, omitted in rows:
                if omitted:
                    return None
                start.add(leaf_hash(body.encode()))
        return start

    def _proven(
        self,
        db: Connection,
        origin: Origin,
        signed: Checkpoint,
        head: Note,
        tree: Frontier,
        found: Found,
    ) -> None:
        self._verdict(db, origin, signed, PROVEN)
        if signed.size <= origin.proven_size:
            return
        origin.proven_size, origin.proven_roots = tree.size, b"".join(tree.roots)
        values = {"id": origin.id, "size": tree.size, "roots": origin.proven_roots}
        sql = (
            "UPDATE cursors SET proven_size = :size, proven_roots = :roots,"
            " proven_at = CURRENT_TIMESTAMP"
        )
        if origin.tree.size < tree.size:  # data that were missing have come
            origin.tree = Frontier(tree.size, tree.roots)
            sql += ", size = :size, roots = :roots, root = :root"
            values["root"] = tree.root()
        db.execute(text(f"{sql} WHERE origin = :id"), values)
        if self._mirror is not None and self._now() > NOT_BEFORE:
            found.cosigned.append((origin.gateway, self._cosign(db, origin, signed, head)))

    def _cosign(self, db: Connection, origin: Origin, signed: Checkpoint, head: Note) -> str:
        """Say that the records are stored; it is true from the commit on."""
        assert self._mirror is not None
        moment = int(self._now())
        line = cosign(head.text, self._mirror, moment)
        db.execute(
            text(
                "INSERT INTO cosignatures (gateway, chain, size, mirror, root, line, made)"
                " VALUES (:gateway, :chain, :size, :mirror, :root, :line, CURRENT_TIMESTAMP)"
                " ON CONFLICT DO NOTHING"
            ),
            {
                "gateway": origin.gateway,
                "chain": origin.chain,
                "size": signed.size,
                "mirror": self._mirror.name,
                "root": signed.root,
                "line": line.line(),
            },
        )
        return head.with_signatures([line]).write()

    @staticmethod
    def _verdict(db: Connection, origin: Origin, signed: Checkpoint, verdict: str) -> None:
        db.execute(
            text(
                "UPDATE checkpoints SET verdict = :verdict, judged = CURRENT_TIMESTAMP"
                " WHERE gateway = :gateway AND chain = :chain AND size = :size AND root = :root"
            ),
            {
                "verdict": verdict,
                "gateway": origin.gateway,
                "chain": origin.chain,
                "size": signed.size,
                "root": signed.root,
            },
        )
