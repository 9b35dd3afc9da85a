"""Portraits: a small picture of an enrolled face, for a guard to compare with who stands there.

A site says whether it keeps them (`[face] portraits`).  A portrait is sealed with the person's own
key, so whatever destroys that key (gateway/people/faces.py) leaves no portrait that opens, here or
in a copy of the file.  Never decodes a picture.
"""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass

from gateway.locale import GaritaError, worded
from gateway.people.lookup import RosterUnavailable
from gateway.people.schema import now_text
from gateway.vault.templates import Vault, WrappedKey

MAX_BYTES = 64 * 1024
KIND = "portrait/jpeg"
"""What stands in a template's place for the model, so that neither opens as the other."""
_JPEG = b"\xff\xd8\xff"


class PortraitError(GaritaError):
    """These bytes can't become a portrait; the message is for people."""


@dataclass(frozen=True, slots=True)
class SealedPortrait:
    """A portrait as people.db holds it, with the key of its person."""

    id: str
    made_at: str
    sealed: bytes
    key: WrappedKey


def put(
    db: sqlite3.Connection,
    vault: Vault,
    person_id: str,
    key: WrappedKey,
    jpeg: bytes,
    *,
    by: str,
) -> None:
    """Make `jpeg` the portrait of a person, inside the caller's transaction; `key` is theirs.

    The one before is replaced.  Raises PortraitError for what is not a small JPEG, VaultError if
    the key does not open.
    """
    if not jpeg.startswith(_JPEG):
        raise PortraitError(worded("the portrait is not a JPEG picture"))
    if len(jpeg) > MAX_BYTES:
        raise PortraitError(worded("the portrait is larger than {n} KiB", n=MAX_BYTES // 1024))
    portrait_id = str(uuid.uuid4())
    sealed = vault.seal(person_id, portrait_id, KIND, jpeg, key)
    db.execute(
        "INSERT OR REPLACE INTO portrait (person_id, id, made_at, by, sealed) "
        "VALUES (?, ?, ?, ?, ?)",
        (person_id, portrait_id, now_text(), by, sealed),
    )


def find(db: sqlite3.Connection, person_id: str) -> SealedPortrait | None:
    """The portrait of a person; None if there is none.  Raises RosterUnavailable."""
    try:
        row = db.execute(
            "SELECT p.id, p.made_at, p.sealed, k.key_id, k.wrapped FROM portrait p "
            "JOIN person_key k ON k.person_id = p.person_id WHERE p.person_id = ?",
            (person_id,),
        ).fetchone()
    except sqlite3.Error as error:
        raise RosterUnavailable(f"people.db: {error}") from error
    return SealedPortrait(row[0], row[1], row[2], (row[3], row[4])) if row else None


def open_portrait(vault: Vault, person_id: str, found: SealedPortrait) -> bytes:
    """The JPEG; raises VaultError if it does not open."""
    return vault.open(person_id, found.id, KIND, found.sealed, found.key)
