"""From photographs to sealed templates on a person's row.  Command side: heavy imports.

`look()` takes one picture and says what was found or why it is refused; `store()` seals and
writes what was found, with its event, in one transaction.  No picture is kept.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from sqlite_utils import Database

from gateway.face.engine import DETECTOR_PX, MODEL, Embedding, Engine, Image, distances
from gateway.face.quality import Refusal, judge
from gateway.face.vault import Vault
from gateway.roster import faces
from gateway.roster.schema import now_text, put_event

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
MAX_BYTES = 32 * 1024 * 1024
MAX_SIDE = 1600
# Two pictures of one person lie closer than this; two people's almost never do (docs/face.md).
SAME_PERSON = 0.6
# Two shots of one person a second apart differ by more than this.
SAME_PICTURE = 0.02


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture gave: an embedding with its quality, or a refusal."""

    name: str
    embedding: Embedding | None
    quality: dict[str, float]
    refusal: Refusal | None


def make_engine() -> Engine:
    """An engine for enrolment: it also sees faces too small to enrol, to say so."""
    return Engine(DETECTOR_PX // 2)


def look(engine: Engine, path: Path) -> Look:
    """Examine one photograph; never raises for what the file holds."""
    image = _read(path)
    if image is None:
        return Look(path.name, None, {}, Refusal.UNREADABLE)
    faces = engine.detect(image)
    quality, refusal = judge(image, faces)
    embedding = engine.embed(image, faces[0]) if refusal is None else None
    return Look(path.name, embedding, quality.as_dict() if quality else {}, refusal)


def from_capture(name: str, template: bytes, quality: dict[str, float]) -> Look:
    """What the running gateway's camera gave (512 bytes, little-endian float32)."""
    return Look(name, np.frombuffer(template, "<f4").astype(np.float32), quality, None)


def agree(looks: Sequence[Look]) -> list[Look]:
    """The same looks, without those that show another face than the first good one, and
    without the same picture again, which would only pretend to be a further template."""
    kept: list[Embedding] = []
    result = []
    for item in looks:
        embedding, refusal = item.embedding, item.refusal
        if embedding is not None:
            near = distances(embedding, np.stack(kept)) if kept else None
            if near is None or (near[0] <= SAME_PERSON and near.min() >= SAME_PICTURE):
                kept.append(embedding)
            else:
                stranger = near[0] > SAME_PERSON
                refusal = Refusal.ANOTHER_PERSON if stranger else Refusal.SAME_PICTURE
                embedding = None
        result.append(Look(item.name, embedding, item.quality, refusal))
    return result


def store(
    db: Database, vault: Vault, person_id: str, looks: Sequence[Look], *, by: str, replace: bool
) -> int:
    """Write the good looks as templates of `person_id`; returns how many they have now.

    Raises LookupError if nobody on the list has that id, VaultError if their key or an older
    template does not open.  `replace` drops the templates that were there before.
    """
    good = [item for item in looks if item.embedding is not None]
    with db.conn as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM person WHERE id = ?", (person_id,)).fetchone():
            raise LookupError(f"nobody on the list has the id {person_id}")
        removed = 0
        if replace and good:
            # With the key: one that was damaged must not stand in the way of a new face.
            removed = faces.destroy(connection, person_id, why="new photographs", by=by) or 0
        wrapped = faces.key_for(connection, vault, person_id) if good else None
        for item in good:
            assert item.embedding is not None
            key = str(uuid.uuid4())
            sealed = vault.seal(
                person_id, key, MODEL, item.embedding.astype("<f4").tobytes(), wrapped
            )
            connection.execute(
                "INSERT INTO template (id, person_id, model, created_at, quality, sealed) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (key, person_id, MODEL, now_text(), json.dumps(item.quality), sealed),
            )
        row = connection.execute(
            "SELECT count(*) FROM template WHERE person_id = ?", (person_id,)
        ).fetchone()
        if good:
            data = {"templates": len(good), "removed": removed, "total": row[0], "model": MODEL}
            quality = [item.quality for item in good]
            put_event(
                connection, "people.enrolled", person_id, {**data, "quality": quality, "by": by}
            )
    if removed:
        faces.scrub(db.conn)
    return int(row[0])


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
