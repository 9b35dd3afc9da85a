"""Looks for a face that is to be enrolled among everybody who is enrolled already.

Whoever is enrolled under two ids could pass with either badge, and be removed under one of them
only.  Opens everybody's templates for the time of one command and keeps one row of numbers for
each person and model (gateway/face/vision/gallery.py).  Compares templates of one model only,
and leaves out people whose retention is over.  Reads people.db and writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from gateway.face.vision.gallery import Gallery, Rows
from gateway.locale import GaritaError
from gateway.vault.templates import Vault, VaultError


@dataclass(frozen=True, slots=True)
class Twin:
    """Another person with the same face: their id, their name and the distance to them."""

    person: str
    name: str
    distance: float


class DuplicateFace(GaritaError):
    """The face is enrolled for another person, who is `twin`."""

    def __init__(self, twin: Twin) -> None:
        super().__init__(f"this face is already enrolled as {twin.person} ({twin.name})")
        self.twin = twin


def open_templates(db: sqlite3.Connection, vault: Vault, person: str) -> dict[str, Rows]:
    """A person's templates by model, each (n, dimensions).  Raises VaultError if one does not
    open, ValueError if one has a wrong size."""
    found: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for key, model, sealed, key_id, wrapped in db.execute(
        "SELECT t.id, t.model, t.sealed, k.key_id, k.wrapped FROM template t "
        "LEFT JOIN person_key k ON k.person_id = t.person_id WHERE t.person_id = ?",
        (person,),
    ):
        own = None if key_id is None else (key_id, wrapped)
        plain = vault.open(person, key, model, sealed, own)
        found[model].append(np.frombuffer(plain, "<f4").astype(np.float32))
    return {model: np.stack(rows) for model, rows in found.items()}


class EnrolledFaces:
    """Everybody's faces, as people.db had them at the last `follow`.

    `limit` is the largest distance that counts as the same face: the gate's own threshold, at
    which the gate would let one person pass with the other's badge.  `today` is the site's day.
    """

    def __init__(self, vault: Vault, *, limit: float, today: date) -> None:
        self.limit = limit
        self._vault = vault
        self._today = today.isoformat()
        self._galleries: dict[str, Gallery] = defaultdict(Gallery)
        self._signs: dict[str, str] = {}
        self.unread: set[str] = set()
        """People with a template that does not open; they were not compared."""

    def follow(self, db: sqlite3.Connection) -> None:
        """Read what changed in people.db since the last call.

        Call it inside the transaction that enrols: otherwise two commands at one time could each
        miss the other's face.
        """
        wanted: dict[str, str] = dict(
            db.execute(
                "SELECT t.person_id, count(*) || ' ' || max(t.rowid) || ' ' || max(t.id) "
                "FROM template t LEFT JOIN face_consent c ON c.person_id = t.person_id "
                "WHERE c.until IS NULL OR c.until >= ? GROUP BY t.person_id",
                (self._today,),
            )
        )
        changed = {who for who, sign in wanted.items() if self._signs.get(who) != sign}
        opened: dict[str, dict[str, Rows]] = defaultdict(dict)
        for who in changed:
            self.unread.discard(who)
            try:
                for model, rows in open_templates(db, self._vault, who).items():
                    opened[model][who] = rows
            except (VaultError, ValueError):
                self.unread.add(who)
        stale = changed | (self._signs.keys() - wanted.keys())
        self.unread &= wanted.keys()
        for gallery in self._galleries.values():
            gallery.put(dict.fromkeys(stale, np.zeros((0, 1), np.float32)))
        for model, people in opened.items():
            self._galleries[model].put(people)
        self._signs = wanted

    def twin(self, db: sqlite3.Connection, person: str, model: str, faces: Rows) -> Twin | None:
        """The nearest other person within `limit` of `faces` (n, d), or None.  `person` is the
        one whose faces they are to be, and is left out."""
        nearest = self._galleries[model].nearest(faces, without=person)
        if nearest is None or nearest.distance > self.limit:
            return None
        row = db.execute("SELECT name FROM person WHERE id = ?", (nearest.person,)).fetchone()
        return Twin(nearest.person, str(row[0]) if row else "?", round(nearest.distance, 4))

    def uncompared(self, model: str) -> set[str]:
        """People who could not be compared: their templates do not open, or are of another
        model."""
        gallery = self._galleries[model]
        return {who for who in self._signs if who not in gallery}
