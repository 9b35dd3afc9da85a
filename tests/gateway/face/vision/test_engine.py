"""The engine's faces and numbers against dlib's own answers, on real photographs."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from gateway.face.enrolment import ExaminedPhotograph
from gateway.face.vision.engine import Engine, Face, distances

THRESHOLD = 0.40
Examined = Callable[[str], ExaminedPhotograph]


class Templates(list[bytes]):
    """Templates that a failing test does not print."""

    def __repr__(self) -> str:
        return f"<{len(self)} templates>"


def templates(examined: Examined, *names: str) -> Templates:
    looks = [examined(name) for name in names]
    good = (look.embedding for look in looks if look.embedding is not None)
    return Templates(embedding.astype("<f4").tobytes() for embedding in good)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> ModuleType:
    """face_recognition's own module, from its source distribution."""
    folder = tmp_path_factory.mktemp("reference")
    shutil.copy(photos / "face_recognition_api.py", folder / "api.py")
    spec = importlib.util.spec_from_file_location("reference_api", folder / "api.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_embedding_is_face_recognitions_own(
    engine: Engine, reference: ModuleType, photos: Path
) -> None:
    for name in ("obama.jpg", "biden.jpg"):
        image = reference.load_image_file(str(photos / name))
        (box,) = reference.face_locations(image)
        top, right, bottom, left = box
        (theirs,) = reference.face_encodings(image, [box], model="small")
        ours = engine.embed(image, Face(left, top, right, bottom))
        assert np.abs(ours - theirs).max() < 1e-6


def test_people_are_told_apart(examined: Examined) -> None:
    obama = templates(examined, "obama.jpg", "obama2.jpg", "obama3.jpg")
    biden = templates(examined, "biden.jpg")
    stack = np.frombuffer(b"".join(obama), "<f4").reshape(-1, 128)
    same = distances(stack[0], stack[1:])
    other = distances(np.frombuffer(biden[0], "<f4"), stack)
    assert same.max() <= 0.5 < other.min()


FACES = Path(__file__).parents[5] / "shared" / "faces"


@pytest.mark.skipif(not (FACES / "johns").is_dir(), reason="the extra faces are not here")
def test_more_people_are_told_apart(engine: Engine) -> None:
    """Five people of one first name: three pictures enrolled, the others looked at."""
    people: dict[str, list[Any]] = {}
    for folder in sorted((FACES / "johns").iterdir()):
        found = []
        for path in sorted(folder.iterdir())[:7]:
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            if faces := engine.detect(image):
                found.append(engine.embed(image, faces[0]))
        people[folder.name] = found
    wrong_in = wrong_out = tries = 0
    for name, embeddings in people.items():
        enrolled = np.stack(embeddings[:3])
        for other, others in people.items():
            for embedding in others[3:]:
                near = distances(embedding, enrolled).min() <= THRESHOLD
                tries += 1
                wrong_in += near and other != name
                wrong_out += not near and other == name
    assert tries > 80 and wrong_in == 0 and wrong_out <= 2
