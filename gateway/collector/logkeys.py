"""Which keys speak for a gateway's log: the one that is known, and those to which it changed on
record.

A gateway's key changes by a record that the old key and the new one both sign (gateway/proof/
keychange.py).  Whoever has one of the two follows the stored records to the other.  From such a
record on the old key counts for nothing, in this origin and in those that begin behind it.

Records that no signed head covers yet may be forged, though not the signatures in them: somebody
can send a true change once more, at another place.  So `open` takes a head of any of these keys,
and `check`, which asks for the key of its size, is for a head whose records are proven.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.collector.placing import Origin
from gateway.ledger.event import EventType
from gateway.proof.checkpoint import Checkpoint, open_checkpoint
from gateway.proof.keychange import KeyChange, LogKeys
from gateway.proof.note import ED25519, Note, NoteError, VerifierKey

if TYPE_CHECKING:
    from sqlalchemy import Connection

Key = bytes
"""A public key: 32 bytes."""


@dataclass(frozen=True, slots=True)
class _Change:
    origin: int
    chain: str
    seq: int
    note: str
    old: Key
    new: Key


class GatewayKeys:
    """The keys of one gateway.

    `known` are public keys that were got elsewhere, or that the gateway used first; `origins` are
    the chain's name of each of its origins, by the row's number.
    """

    def __init__(self, db: Connection, known: Collection[Key], origins: Mapping[int, str]) -> None:
        self._known = frozenset(known)
        self._changes = list(_changes(db, origins))
        self._line = self._followed(self._changes)

    def open(self, head: Note) -> Checkpoint:
        """The checkpoint, if one of the gateway's keys signed it; raises NoteError."""
        name, found = head.text.split("\n", 1)[0], None
        for public in self._line:
            try:
                return open_checkpoint(head, VerifierKey(name, public))
            except NoteError as error:
                found = error
        raise found or NoteError("the key of the log is not known")

    def may_be_known_later(self, head: Note) -> bool:
        """Whether a key signed it of which nothing is known yet."""
        name = head.text.split("\n", 1)[0]
        return any(line.name == name for line in head.signatures) and not any(
            VerifierKey(name, public).lines(head) for public in self._line
        )

    def check(self, origin: int, first: int, size: int, head: Note) -> None:
        """Whether the key signed that speaks for the origin, which begins with record `first`, at
        this size; raises NoteError."""
        name = head.text.split("\n", 1)[0]
        over = {one.old for one in self._changes if one.origin != origin and one.seq < first}
        trusted = [VerifierKey(name, public) for public in self._line - over]
        keys = LogKeys(trusted)
        for one in self._changes:
            if one.origin == origin and {one.old, one.new} & self._line:
                keys.change(one.seq - first + 1, one.note)
        keys.check(size, head)

    def renewed(self, head: Note) -> VerifierKey | None:
        """The key that signed, if it became known by a change."""
        name = head.text.split("\n", 1)[0]
        keys = (VerifierKey(name, public) for public in self._line - self._known)
        return next((key for key in keys if key.lines(head)), None)

    def _followed(self, changes: Iterable[_Change]) -> frozenset[Key]:
        """The known keys, and all to which and from which they changed."""
        held, left = set(self._known), list(changes)
        while near := [one for one in left if {one.old, one.new} & held]:
            held |= {key for one in near for key in (one.old, one.new)}
            left = [one for one in left if one not in near]
        return frozenset(held)


def _changes(db: Connection, origins: Mapping[int, str]) -> Iterable[_Change]:
    from sqlalchemy import text  # noqa: PLC0415 - slow to load

    rows = db.execute(  # by the type alone: such records are few, and there is an index
        text("SELECT origin, seq, body FROM events WHERE type = :type ORDER BY origin, seq"),
        {"type": str(EventType.LEDGER_KEY_CHANGED)},
    ).all()
    for origin, seq, body in rows:
        chain = origins.get(origin)
        if chain is None:
            continue
        try:
            note = str(json.loads(body)["data"]["note"])
            found = KeyChange.open(note)
        except (NoteError, ValueError, KeyError, TypeError):
            continue
        if found.old.name.rpartition("/")[2] == chain:
            yield _Change(origin, chain, seq, note, found.old.public, found.new.public)


def keys_of(
    db: Connection,
    origin: Origin,
    head: Note,
    origins: Sequence[Origin],
    configured: VerifierKey | None,
) -> GatewayKeys | None:
    """The keys of the gateway that has these `origins`; None while none is known.

    Without a configured one, the key counts that it used first.  Raises NoteError if the head is of
    another log than the configuration says.
    """
    from sqlalchemy import text  # noqa: PLC0415 - slow to load

    name = head.text.split("\n", 1)[0]
    chains = {one.id: one.chain for one in origins if one.id is not None}
    if configured is not None:
        # The name of the log's key ends with the origin's own.
        if configured.name.rpartition("/")[0] != name.rpartition("/")[0]:
            raise NoteError("the log has another name than in the configuration")
        return GatewayKeys(db, [configured.public], chains)
    known = db.execute(
        text("SELECT vkey FROM keys WHERE gateway = :gateway AND how <> 'renewed' ORDER BY since"),
        {"gateway": origin.gateway},
    ).scalars()
    if used := {VerifierKey.parse(vkey).public for vkey in known}:
        return GatewayKeys(db, used, chains)
    named = _named(db, origin, name)
    if named is None:
        return None
    keys = GatewayKeys(db, [named.public], chains)
    with contextlib.suppress(NoteError):
        keys.open(head)
        learn(db, origin.gateway, named, "first_use")
    return keys


def learn(db: Connection, gateway: str, key: VerifierKey, how: str) -> None:
    """Keep the key, and how it became known: ``first_use`` or ``renewed``."""
    from sqlalchemy import text  # noqa: PLC0415 - slow to load

    db.execute(
        text(
            "INSERT INTO keys (gateway, vkey, how) VALUES (:gateway, :vkey, :how)"
            " ON CONFLICT DO NOTHING"
        ),
        {"gateway": gateway, "vkey": str(key), "how": how},
    )


def _named(db: Connection, origin: Origin, name: str) -> VerifierKey | None:
    """The key that the log itself names."""
    from sqlalchemy import text  # noqa: PLC0415 - slow to load

    bodies = db.execute(
        text(
            "SELECT body FROM events WHERE origin = :origin AND type = :type"
            " ORDER BY seq DESC LIMIT 3"
        ),
        {"origin": origin.id, "type": str(EventType.LEDGER_CHECKPOINT)},
    ).scalars()
    for body in bodies:
        try:
            key = VerifierKey.parse(str(json.loads(body)["data"]["key"]))
        except (NoteError, ValueError, KeyError, TypeError):
            continue
        if key.name == name and key.kind == ED25519:
            return key
    return None
