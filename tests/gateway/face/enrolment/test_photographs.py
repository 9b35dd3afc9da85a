"""What enrolment takes, and each reason why it refuses a photograph."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gateway.face import enrolment
from gateway.face.enrolment import ExaminedPhotograph
from gateway.face.vision.engine import Engine, Face
from gateway.face.vision.quality import MAX_TURN, Refusal, judge, pose
from gateway.people import Roster
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault

KEY = SiteKey(bytes(range(32)))
THRESHOLD = 0.40
Examined = Callable[[str], ExaminedPhotograph]


def picture(path: Path, image: Any) -> Path:
    cv2.imwrite(str(path), image)
    return path


def test_every_refusal(engine: Engine, examined: Examined, photos: Path, tmp_path: Path) -> None:
    good = cv2.imread(str(photos / "obama.jpg"))
    assert good is not None
    half = cv2.resize(good, None, fx=0.5, fy=0.5)
    small = cv2.resize(good, None, fx=0.25, fy=0.25)
    grey = np.full_like(good, 128)
    junk = tmp_path / "junk.jpg"
    junk.write_bytes(b"\xff\xd8\xff" + os.urandom(500))
    cases = {
        Refusal.NO_FACE: picture(tmp_path / "none.png", grey),
        Refusal.SEVERAL_FACES: picture(tmp_path / "two.png", np.hstack([half, half])),
        Refusal.TOO_SMALL: picture(tmp_path / "small.png", small),
        Refusal.TOO_BLURRED: picture(tmp_path / "blur.png", cv2.GaussianBlur(good, (0, 0), 9)),
        Refusal.TOO_DARK: picture(tmp_path / "dark.png", (good * 0.15).astype(np.uint8)),
        Refusal.UNREADABLE: junk,
    }
    for refusal, path in cases.items():
        look = enrolment.examine(engine, path)
        assert (look.refusal, look.embedding) == (refusal, None), path.name
    assert enrolment.examine(engine, tmp_path / "missing.jpg").refusal is Refusal.UNREADABLE
    assert examined("obama.jpg").refusal is None
    bright = np.full((200, 200, 3), 250, np.uint8)
    assert judge(bright, [Face(20, 20, 180, 180)], engine.landmarks)[1] is Refusal.TOO_BRIGHT


def test_a_head_that_turns_is_refused_by_what_its_landmarks_say() -> None:
    """Points of a head 100 px wide, its nose 25 px in front of its eyes."""
    for degrees, refused in ((0, False), (20, False), (40, True), (-40, True)):
        angle = np.radians(degrees)
        eyes = np.array([45, 15, -45, -15]) * np.cos(angle)
        nose = 22.5 * np.sin(angle)
        points = np.array([*((100 + x, 80) for x in eyes), (100 + nose, 120)], np.float32)
        assert (abs(pose(points)[0]) > MAX_TURN) == refused, degrees
        assert pose(points)[1] == 0
    upright = np.array([(145, 80), (115, 80), (55, 80), (85, 80), (100, 120)], np.float32)
    turn, roll = pose(upright @ cv2.getRotationMatrix2D((0, 0), -30, 1)[:, :2].T.astype("f4"))
    assert abs(turn) < 1e-6 and abs(roll - 30) < 1e-3
    assert not abs(pose(np.zeros((5, 2), np.float32))[0]) <= MAX_TURN


def test_pose_and_light_of_real_faces(
    engine: Engine, examined: Examined, photos: Path, tmp_path: Path
) -> None:
    good = cv2.imread(str(photos / "obama.jpg"))
    assert good is not None
    rgb = cv2.cvtColor(good, cv2.COLOR_BGR2RGB)
    (face,) = engine.detect(rgb)
    middle, size = (face.left + face.right) / 2, rgb.shape[1::-1]
    turned = cv2.warpAffine(good, cv2.getRotationMatrix2D((middle, face.bottom), 32, 1), size)
    look = enrolment.examine(engine, picture(tmp_path / "tilted.png", turned))
    assert look.refusal is Refusal.TILTED and 27 < abs(look.quality["roll"]) < 37
    across = (np.arange(good.shape[1]) - middle) / (face.width / 2)
    gain = 0.2 + 0.8 / (1 + np.exp(-6 * across))
    lit = picture(tmp_path / "lit.png", (good * gain[None, :, None]).astype(np.uint8))
    look = enrolment.examine(engine, lit)
    assert look.refusal is Refusal.SIDE_LIGHT and look.quality["side_light"] > 0.3
    # A face whose landmarks say that it looks away, whatever the detector says.
    away = np.array([(145, 80), (125, 80), (55, 80), (85, 80), (130, 120)], np.float32)
    assert judge(rgb, [face], lambda *_: away)[1] is Refusal.TURNED_AWAY
    for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"):
        look = examined(name)
        assert look.refusal is None and {"turn", "roll", "side_light"} <= set(look.quality), name


def test_a_strangers_picture_and_the_same_picture_twice(examined: Examined) -> None:
    names = ("obama.jpg", "biden.jpg", "obama.jpg", "obama2.jpg")
    looks = enrolment.agree([examined(name) for name in names])
    assert [look.refusal for look in looks] == [
        None,
        Refusal.ANOTHER_PERSON,
        Refusal.SAME_PICTURE,
        None,
    ]


def test_photographs_by_person(tmp_path: Path) -> None:
    for name in ("e1/1.jpg", "e1/2.PNG", "e2_1.jpg", "e2_2.jpeg", "e3.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = enrolment.photos_by_person(tmp_path)
    assert {key: len(paths) for key, paths in found.items()} == {"e1": 2, "e2": 2, "e3": 1}


def test_templates_are_sealed_on_the_disk(examined: Examined, tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    (tmp_path / "p.csv").write_text(",".join(COLUMNS) + "\ne1,A,,,,,,,\n")
    db = open_admin(path)
    sync.apply(db, sync.plan(db, read_people(tmp_path / "p.csv", levels=(), zone=UTC)), by="t")
    look = examined("obama.jpg")
    assert look.embedding is not None
    vault = Vault(KEY)
    known = enrolment.EnrolledFaces(vault, limit=THRESHOLD, today=date(2026, 11, 25))

    def store(person: str, mode: enrolment.Mode) -> int:
        given = {"by": "t", "needed": 1, "mode": mode}
        return enrolment.store(db, vault, known, person, [look], **given).total

    assert store("e1", enrolment.Mode.RENEW) == 1
    assert store("e1", enrolment.Mode.ADD) == 2
    assert store("e1", enrolment.Mode.RENEW) == 1
    with pytest.raises(LookupError, match="nobody"):
        store("e2", enrolment.Mode.RENEW)
    db.close()
    (sealed,) = Roster(path).templates("e1")
    plain = look.embedding.astype("<f4").tobytes()
    assert vault.open("e1", sealed.id, sealed.model, sealed.sealed, sealed.key) == plain
    on_disk = b"".join(item.read_bytes() for item in tmp_path.glob("people.db*"))
    assert plain[:16] not in on_disk
    event = Roster(path).outbox(10)[-1]
    assert event.type == "people.enrolled" and "quality" in event.data
