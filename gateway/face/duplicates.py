"""Whether a face that is to be enrolled is somebody else's already.  Command side: heavy imports.

Opens everybody's templates for the time of one command and keeps one row a person and model
(gateway/face/vision/gallery.py), so that a face has one identity on the list: whoever is enrolled
twice could pass with either badge, and be removed under one name only.  Only templates of one model
are compared, and nobody whose retention is over.  Reads people.db; writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from gateway import GaritaError
from gateway.face.vision.gallery import Gallery
from gateway.vault.templates import Vault, VaultError


@dataclass(frozen=True, slots=True)
class Twin:
    """Somebody else with this face: who, by which name, and how far away (a score)."""

    person: str
    name: str
    distance: float


class DuplicateFace(GaritaError):
    """The face is enrolled for somebody else; says for whom."""

    def __init__(self, twin: Twin) -> None:
        super().__init__(f"this face is already enrolled as {twin.person} ({twin.name})")
        self.twin = twin


class Known:
    """Everybody's faces, as they are in people.db at the last `follow`.

    `limit` is the largest score that is the same face: the gate's own threshold, at which it
    would let the one pass with the other's badge.
    """

    def __init__(self, vault: Vault, *, limit: float, today: date) -> None:
        self._vault = vault
        self._limit = limit
        self._today = today.isoformat()
        self._galleries: dict[str, Gallery] = defaultdict(Gallery)
        self._signs: dict[str, str] = {}
        self.unread: set[str] = set()
        """People with a template that does not open: they were not compared."""

    def follow(self, db: sqlite3.Connection) -> None:
        """Bring this after the list; what did not change is not opened again.  Call it in the
        transaction that enrols, so that two commands at a time can't pass one another."""
        wanted: dict[str, str] = dict(
            db.execute(
                "SELECT t.person_id, count(*) || ' ' || max(t.rowid) || ' ' || max(t.id) "
                "FROM template t LEFT JOIN face_consent c ON c.person_id = t.person_id "
                "WHERE c.until IS NULL OR c.until >= ? GROUP BY t.person_id",
                (self._today,),
            )
        )
        changed = {who for who, sign in wanted.items() if self._signs.get(who) != sign}
        opened: dict[str, dict[str, NDArray[np.float32]]] = defaultdict(dict)
        for who in changed:
            self.unread.discard(who)
            try:
                for model, rows in self._open(db, who).items():
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

    def _open(self, db: sqlite3.Connection, person: str) -> dict[str, NDArray[np.float32]]:
        found: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
        for key, model, sealed, key_id, wrapped in db.execute(
            "SELECT t.id, t.model, t.sealed, k.key_id, k.wrapped FROM template t "
            "LEFT JOIN person_key k ON k.person_id = t.person_id WHERE t.person_id = ?",
            (person,),
        ):
            own = None if key_id is None else (key_id, wrapped)
            plain = self._vault.open(person, key, model, sealed, own)
            found[model].append(np.frombuffer(plain, "<f4").astype(np.float32))
        return {model: np.stack(rows) for model, rows in found.items()}

    def twin(
        self, db: sqlite3.Connection, person: str, model: str, faces: NDArray[np.float32]
    ) -> Twin | None:
        """Who else has the face of `faces` (n, d), which are to be `person`'s: the nearest, or
        None."""
        nearest = self._galleries[model].nearest(faces, without=person)
        if nearest is None or nearest.distance > self._limit:
            return None
        row = db.execute("SELECT name FROM person WHERE id = ?", (nearest.person,)).fetchone()
        return Twin(nearest.person, str(row[0]) if row else "?", round(nearest.distance, 4))

    def uncompared(self, model: str) -> set[str]:
        """Who could not be compared: their templates do not open or are of another model."""
        gallery = self._galleries[model]
        return {who for who in self._signs if who not in gallery}
