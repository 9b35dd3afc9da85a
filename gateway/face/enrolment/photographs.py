"""Examines photographs for enrolment: an embedding of the one face, or why it is refused.

In: picture files, or what the gateway's camera captured.  Out: one `ExaminedPhotograph` each.
Nothing is written and no picture is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gateway.face.vision.agreement import disagrees
from gateway.face.vision.embedder import BUILT_IN, by_name
from gateway.face.vision.engine import DETECTOR_PX, MODEL, Embedding, Engine
from gateway.face.vision.photograph import SUFFIXES, read
from gateway.face.vision.quality import Refusal, judge
from gateway.face.vision.score import RECOMMENDED
from gateway.locale import Message
from gateway.people.pictures import PictureError


@dataclass(frozen=True, slots=True)
class ExaminedPhotograph:
    """What one picture gave: `embedding` by `model`, or `refusal`.

    `quality` holds the measured figures where a face was found.  `detail` says more than the
    refusal's own sentence does: the format of a file, or why it can't be read.
    """

    name: str
    embedding: Embedding | None
    quality: dict[str, float]
    refusal: Refusal | None
    model: str = MODEL
    detail: Message | None = None


def make_engine(embedder: str = BUILT_IN, options: Mapping[str, Any] | None = None) -> Engine:
    """An engine for enrolment.  It also detects faces that are too small to enrol, so that the
    refusal can say so.  Raises what `gateway.face.vision.embedder.by_name` raises."""
    return Engine(DETECTOR_PX // 2, by_name(embedder, options))


def examine(engine: Engine, path: Path) -> ExaminedPhotograph:
    """Examine one photograph.  Never raises for what the file holds."""
    model = engine.embedder.model
    try:
        image = read(path)
    except PictureError as error:
        return ExaminedPhotograph(
            path.name, None, {}, Refusal(error.fault.value), model, error.message
        )
    faces = engine.detect(image)
    quality, refusal = judge(image, faces, engine.landmarks)
    embedding = engine.embed(image, faces[0]) if refusal is None else None
    return ExaminedPhotograph(
        path.name, embedding, quality.as_dict() if quality else {}, refusal, model
    )


def from_capture(
    name: str, template: bytes, quality: dict[str, float], model: str = MODEL
) -> ExaminedPhotograph:
    """What the running gateway's camera captured: `template` is little-endian float32."""
    embedding = np.frombuffer(template, "<f4").astype(np.float32)
    return ExaminedPhotograph(name, embedding, quality, None, model)


def agree(
    examined: Sequence[ExaminedPhotograph], usual: float = RECOMMENDED
) -> list[ExaminedPhotograph]:
    """The same photographs, where two more kinds are refused.

    A face that differs from the first accepted one is `ANOTHER_PERSON`; the same picture a
    second time is `SAME_PICTURE`, because it adds nothing.  `usual` is the model's usual
    threshold, a distance.
    """
    kept: list[Embedding] = []
    result = []
    for item in examined:
        embedding, refusal = item.embedding, item.refusal
        if embedding is not None:
            refusal = disagrees(embedding, kept, usual)
            if refusal is None:
                kept.append(embedding)
            else:
                embedding = None
        result.append(replace(item, embedding=embedding, refusal=refusal))
    return result


def photos_by_person(folder: Path) -> dict[str, list[Path]]:
    """The photographs in a folder by person: a sub-folder named by id for each person, or files
    ``ID.jpg`` and ``ID_2.jpg``."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            key = path.parent.name if path.parent != folder else path.stem.split("_")[0]
            found.setdefault(key, []).append(path)
    return found
