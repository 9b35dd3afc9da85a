"""From photographs to sealed templates on a person's row.  Command side: heavy imports.

`look()` takes one picture and says what was found or why it is refused; `store()` seals and
writes what was found, with its event, in one transaction, unless the face is somebody else's on
the list (gateway/face/duplicates.py).  No picture is kept.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gateway.face.duplicates import DuplicateFace, Known, Twin
from gateway.face.vision.embedder import BUILT_IN, by_name
from gateway.face.vision.engine import DETECTOR_PX, MODEL, Embedding, Engine, Image
from gateway.face.vision.quality import Refusal, judge
from gateway.face.vision.score import RECOMMENDED, score
from gateway.ledger.event import EventType
from gateway.people import faces
from gateway.people.schema import now_text, put_event
from gateway.vault.templates import Vault

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
MAX_BYTES = 32 * 1024 * 1024
MAX_SIDE = 1600
# Shares of the usual threshold, since another model has another scale (docs/face.md).
# Two pictures of one person lie closer than this; two people's almost never do.
SAME_PERSON = 1.5
# Two shots of one person a second apart differ by more than this.
SAME_PICTURE = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture gave: an embedding with its quality and the model that made it, or a
    refusal."""

    name: str
    embedding: Embedding | None
    quality: dict[str, float]
    refusal: Refusal | None
    model: str = MODEL


def make_engine(embedder: str = BUILT_IN, options: Mapping[str, Any] | None = None) -> Engine:
    """An engine for enrolment: it also sees faces too small to enrol, to say so.  Raises what
    `gateway.face.vision.embedder.by_name` does."""
    return Engine(DETECTOR_PX // 2, by_name(embedder, options))


def look(engine: Engine, path: Path) -> Look:
    """Examine one photograph; never raises for what the file holds."""
    image = _read(path)
    if image is None:
        return Look(path.name, None, {}, Refusal.UNREADABLE)
    faces = engine.detect(image)
    quality, refusal = judge(image, faces, engine.landmarks)
    embedding = engine.embed(image, faces[0]) if refusal is None else None
    measured = quality.as_dict() if quality else {}
    return Look(path.name, embedding, measured, refusal, engine.embedder.model)


def from_capture(name: str, template: bytes, quality: dict[str, float], model: str = MODEL) -> Look:
    """What the running gateway's camera gave: little-endian float32, and by which model."""
    return Look(name, np.frombuffer(template, "<f4").astype(np.float32), quality, None, model)


def agree(looks: Sequence[Look], usual: float = RECOMMENDED) -> list[Look]:
    """The same looks, without those that show another face than the first good one, and
    without the same picture again, which would only pretend to be a further template.
    `usual` is the model's usual threshold, in whose scale both limits are."""
    kept: list[Embedding] = []
    result = []
    for item in looks:
        embedding, refusal = item.embedding, item.refusal
        if embedding is not None:
            near = [score(embedding[None], other[None]) / usual for other in kept]
            if not near or (near[0] <= SAME_PERSON and min(near) >= SAME_PICTURE):
                kept.append(embedding)
            else:
                stranger = near[0] > SAME_PERSON
                refusal = Refusal.ANOTHER_PERSON if stranger else Refusal.SAME_PICTURE
                embedding = None
        result.append(replace_(item, embedding=embedding, refusal=refusal))
    return result


def store(
    db: sqlite3.Connection,
    vault: Vault,
    known: Known,
    person_id: str,
    looks: Sequence[Look],
    *,
    by: str,
    replace: bool,
    allow_duplicate: bool = False,
) -> int:
    """Write the good looks as templates of `person_id`; returns how many they have now.

    Raises DuplicateFace if `known` has the face under another id, unless that is allowed, which
    the event then says.  Raises LookupError if nobody on the list has that id, VaultError if
    their key or an older template does not open.  `replace` drops the templates that were there
    before.
    """
    good = [item for item in looks if item.embedding is not None]
    with db as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM person WHERE id = ?", (person_id,)).fetchone():
            raise LookupError(f"nobody on the list has the id {person_id}")
        removed = 0
        twin = _twin(connection, known, person_id, good)
        if twin is not None and not allow_duplicate:
            raise DuplicateFace(twin)
        if replace and good:
            # With the key: one that was damaged must not stand in the way of a new face.
            removed = faces.destroy(connection, person_id, why="new photographs", by=by) or 0
        wrapped = faces.key_for(connection, vault, person_id) if good else None
        for item in good:
            assert item.embedding is not None
            key = str(uuid.uuid4())
            plain = item.embedding.astype("<f4").tobytes()
            sealed = vault.seal(person_id, key, item.model, plain, wrapped)
            connection.execute(
                "INSERT INTO template (id, person_id, model, created_at, quality, sealed) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (key, person_id, item.model, now_text(), json.dumps(item.quality), sealed),
            )
        row = connection.execute(
            "SELECT count(*) FROM template WHERE person_id = ?", (person_id,)
        ).fetchone()
        if good:
            data: dict[str, Any] = {
                "templates": len(good),
                "removed": removed,
                "total": row[0],
                "model": good[0].model,
                "quality": [item.quality for item in good],
                "by": by,
            }
            if twin is not None:
                data["duplicate_of"] = {"person": twin.person, "distance": twin.distance}
            put_event(connection, EventType.PEOPLE_ENROLLED, person_id, data)
    if removed:
        faces.scrub(db)
    return int(row[0])


def _twin(
    connection: sqlite3.Connection, known: Known, person_id: str, good: Sequence[Look]
) -> Twin | None:
    embeddings = [item.embedding for item in good if item.embedding is not None]
    if not embeddings:
        return None
    if len({item.model for item in good}) > 1:
        raise ValueError("pictures by more than one model")
    known.follow(connection)
    return known.twin(connection, person_id, good[0].model, np.stack(embeddings))


def photos_by_person(folder: Path) -> dict[str, list[Path]]:
    """The pictures in a folder by person: sub-folders named by id, or files ``ID.jpg`` and
    ``ID_2.jpg``."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            key = path.parent.name if path.parent != folder else path.stem.split("_")[0]
            found.setdefault(key, []).append(path)
    return found


def _read(path: Path) -> Image | None:
    """A picture as RGB, at most 1600 pixels on its longer side; None if it is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        raw = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    if picture is None:
        return None
    scale = MAX_SIDE / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    rgb: Image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    return rgb
