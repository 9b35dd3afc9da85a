"""Writes the templates of one enrolment, with their event, in one transaction.

A person who could pass before can pass afterwards: a new enrolment takes the old one's place
only when it is complete and shows the same face, or when the operator says so (`Mode.REPLACE`).
Otherwise `store` raises and people.db is as it was.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from gateway.face.enrolment.duplicates import (
    DuplicateFace,
    EnrolledFaces,
    Twin,
    open_templates,
)
from gateway.face.enrolment.photographs import ExaminedPhotograph
from gateway.face.vision.gallery import Rows
from gateway.face.vision.score import score
from gateway.ledger.event import EventType
from gateway.locale import GaritaError
from gateway.people import faces, portraits
from gateway.people.schema import now_text, put_event
from gateway.vault.templates import Vault, VaultError, WrappedKey


class Mode(StrEnum):
    """What happens to the templates that a person has already."""

    RENEW = "renew"  # they go, if the new ones are complete and of the same face
    ADD = "add"  # they stay, if the new ones are of the same face
    REPLACE = "replace"  # they go, because the operator says so


class Obstacle(StrEnum):
    """Why a new enrolment does not take the place of the old one.  Stable codes."""

    INCOMPLETE = "incomplete"
    ANOTHER_FACE = "another_face"
    UNCOMPARABLE = "uncomparable"  # the old templates do not open, or are of another model


class NotStored(GaritaError):
    """The enrolment before stays as it was.  `good` is how many new pictures were usable, `kept`
    how many templates the person has, `distance` how far the new face is from the old one."""

    def __init__(
        self, obstacle: Obstacle, *, good: int, kept: int, distance: float | None = None
    ) -> None:
        super().__init__(f"{obstacle}: {good} good pictures, {kept} templates kept")
        self.obstacle = obstacle
        self.good = good
        self.kept = kept
        self.distance = distance


@dataclass(frozen=True, slots=True)
class Stored:
    """`total` templates that the person has now, of which `added` are new; `removed` are gone."""

    total: int
    added: int
    removed: int


def store(
    db: sqlite3.Connection,
    vault: Vault,
    enrolled: EnrolledFaces,
    person_id: str,
    examined: Sequence[ExaminedPhotograph],
    *,
    by: str,
    needed: int,
    mode: Mode = Mode.RENEW,
    allow_duplicate: bool = False,
    portrait: bytes = b"",
) -> Stored:
    """Write the usable photographs as templates of `person_id`, and `portrait` (a small JPEG, or
    nothing) as the picture that a guard compares.

    `needed` is how many make an enrolment complete (``face.min_templates``).  A person without
    templates may begin with fewer.  Nothing is written if no photograph is usable.

    Raises NotStored if the enrolment before must stay, DuplicateFace if another id has the face
    (unless `allow_duplicate`, which the event then says), LookupError if the id is not on the
    list, VaultError if the person's key does not open, PortraitError for a portrait that is not a
    small JPEG.  Whatever is raised, and whenever the process dies, people.db is as it was.
    """
    good = [item for item in examined if item.embedding is not None]
    model, new = _stack(good)
    with db as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM person WHERE id = ?", (person_id,)).fetchone():
            raise LookupError(f"nobody on the list has the id {person_id}")
        before = _count(connection, person_id)
        if not good:
            return Stored(total=before, added=0, removed=0)
        twin = _twin(connection, enrolled, person_id, model, new)
        if twin is not None and not allow_duplicate:
            raise DuplicateFace(twin)
        if before and mode is not Mode.REPLACE:
            complete = mode is Mode.ADD or len(good) >= needed
            _check_same_face(
                connection, vault, person_id, model, new, before, enrolled.limit, complete
            )
        removed = 0
        if mode is not Mode.ADD:
            # The key goes too: a damaged one must not stand in the way of a new enrolment.
            removed = faces.destroy(connection, person_id, why="new photographs", by=by) or 0
        key = faces.key_for(connection, vault, person_id)
        _insert(connection, vault, person_id, key, good)
        if portrait:
            portraits.put(connection, vault, person_id, key, portrait, by=by)
        total = _count(connection, person_id)
        data: dict[str, Any] = {
            "templates": len(good),
            "removed": removed,
            "total": total,
            "model": model,
            "quality": [item.quality for item in good],
            "by": by,
        }
        if portrait:
            data["portrait"] = True
        if twin is not None:
            data["duplicate_of"] = {"person": twin.person, "distance": twin.distance}
        put_event(connection, EventType.PEOPLE_ENROLLED, person_id, data)
    if removed:
        faces.scrub(db)
    return Stored(total=total, added=len(good), removed=removed)


def _stack(good: Sequence[ExaminedPhotograph]) -> tuple[str, Rows]:
    if len({item.model for item in good}) > 1:
        raise ValueError("pictures by more than one model")
    rows = [item.embedding for item in good if item.embedding is not None]
    return (good[0].model, np.stack(rows)) if rows else ("", np.zeros((0, 1), np.float32))


def _count(connection: sqlite3.Connection, person_id: str) -> int:
    row = connection.execute(
        "SELECT count(*) FROM template WHERE person_id = ?", (person_id,)
    ).fetchone()
    return int(row[0])


def _check_same_face(
    connection: sqlite3.Connection,
    vault: Vault,
    person_id: str,
    model: str,
    new: Rows,
    before: int,
    limit: float,
    complete: bool,
) -> None:
    """Raise NotStored unless the new face may take the old one's place, or join it."""
    if not complete:
        raise NotStored(Obstacle.INCOMPLETE, good=len(new), kept=before)
    try:
        old = open_templates(connection, vault, person_id).get(model)
    except (VaultError, ValueError):
        old = None
    if old is None:
        raise NotStored(Obstacle.UNCOMPARABLE, good=len(new), kept=before)
    distance = score(new, old)
    if distance > limit:
        raise NotStored(
            Obstacle.ANOTHER_FACE, good=len(new), kept=before, distance=round(distance, 4)
        )


def _insert(
    connection: sqlite3.Connection,
    vault: Vault,
    person_id: str,
    key: WrappedKey,
    good: Sequence[ExaminedPhotograph],
) -> None:
    for item in good:
        assert item.embedding is not None
        template_id = str(uuid.uuid4())
        plain = item.embedding.astype("<f4").tobytes()
        sealed = vault.seal(person_id, template_id, item.model, plain, key)
        connection.execute(
            "INSERT INTO template (id, person_id, model, created_at, quality, sealed) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (template_id, person_id, item.model, now_text(), json.dumps(item.quality), sealed),
        )


def _twin(
    connection: sqlite3.Connection,
    enrolled: EnrolledFaces,
    person_id: str,
    model: str,
    new: Rows,
) -> Twin | None:
    enrolled.follow(connection)
    return enrolled.twin(connection, person_id, model, new)
