"""Faces: dlib's own answers, real photographs, and a process that may die at any time."""

from __future__ import annotations

import asyncio
import functools
import http.server
import importlib.util
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, date
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.base import CameraState
from drivers.cameras.opencv import OpenCvCamera
from drivers.simulated.camera import black_video, empty_video, frozen_video, person_video
from gateway.decide.model import FaceOutcome, FaceResult
from gateway.face import enrolment, wire
from gateway.face.service import FaceService, result_of
from gateway.face.vision import comparison
from gateway.face.vision.engine import MODEL, Engine, Face, distances
from gateway.face.vision.quality import MAX_TURN, Refusal, judge, pose
from gateway.people import Roster
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault, VaultError

KEY = SiteKey(bytes(range(32)))
THRESHOLD = 0.40


@pytest.fixture(scope="module")
def engine() -> Engine:
    return enrolment.make_engine()


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


class Templates(list[bytes]):
    """Templates that a failing test does not print."""

    def __repr__(self) -> str:
        return f"<{len(self)} templates>"


def templates(engine: Engine, photos: Path, *names: str) -> Templates:
    looks = [enrolment.examine(engine, photos / name) for name in names]
    good = (look.embedding for look in looks if look.embedding is not None)
    return Templates(embedding.astype("<f4").tobytes() for embedding in good)


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


def test_people_are_told_apart(engine: Engine, photos: Path) -> None:
    obama = templates(engine, photos, "obama.jpg", "obama2.jpg", "obama3.jpg")
    biden = templates(engine, photos, "biden.jpg")
    stack = np.frombuffer(b"".join(obama), "<f4").reshape(-1, 128)
    same = distances(stack[0], stack[1:])
    other = distances(np.frombuffer(biden[0], "<f4"), stack)
    assert same.max() <= 0.5 < other.min()


# Enrolment


def picture(path: Path, image: Any) -> Path:
    cv2.imwrite(str(path), image)
    return path


def test_every_refusal(engine: Engine, photos: Path, tmp_path: Path) -> None:
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
    assert enrolment.examine(engine, photos / "obama.jpg").refusal is None
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


def test_pose_and_light_of_real_faces(engine: Engine, photos: Path, tmp_path: Path) -> None:
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
        look = enrolment.examine(engine, photos / name)
        assert look.refusal is None and {"turn", "roll", "side_light"} <= set(look.quality), name


def test_a_strangers_picture_and_the_same_picture_twice(engine: Engine, photos: Path) -> None:
    names = ("obama.jpg", "biden.jpg", "obama.jpg", "obama2.jpg")
    looks = enrolment.agree([enrolment.examine(engine, photos / name) for name in names])
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


def test_templates_are_sealed_on_the_disk(engine: Engine, photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    (tmp_path / "p.csv").write_text(",".join(COLUMNS) + "\ne1,A,,,,,,,\n")
    db = open_admin(path)
    sync.apply(db, sync.plan(db, read_people(tmp_path / "p.csv", levels=(), zone=UTC)), by="t")
    look = enrolment.examine(engine, photos / "obama.jpg")
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


def test_a_template_opens_only_where_it_belongs() -> None:
    vault = Vault(KEY)
    plain = os.urandom(512)
    sealed = vault.seal("e1", "t1", "m", plain)
    assert vault.open("e1", "t1", "m", sealed) == plain
    assert vault.seal("e1", "t1", "m", plain) != sealed
    flipped = bytearray(sealed)
    flipped[40] ^= 1
    for wrong in (
        ("e2", "t1", "m", sealed),
        ("e1", "t2", "m", sealed),
        ("e1t", "1", "m", sealed),
        ("e1", "t1", "n", sealed),
        ("e1", "t1", "m", bytes(flipped)),
        ("e1", "t1", "m", sealed[:10]),
        ("e1", "t1", "m", b""),
    ):
        with pytest.raises(VaultError):
            vault.open(*wrong)
    with pytest.raises(VaultError):
        Vault(SiteKey(bytes(32))).open("e1", "t1", "m", sealed)


# Cameras


def camera(source: Path | str, **options: Any) -> OpenCvCamera:
    return OpenCvCamera(OpenCvCamera.Options(source=str(source), **options))


def wait_state(cam: OpenCvCamera, state: CameraState, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while cam.state is not state:
        assert time.monotonic() < deadline, cam.state
        time.sleep(0.02)


def test_a_camera_keeps_the_newest_frame_and_its_time(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "cam.avi"
    person_video(photos / "obama.jpg", path, seconds=1.0)
    cam = camera(path)
    cam.start()
    first = cam.next(0, 10)
    assert first is not None and first.image.shape == (480, 640, 3)
    time.sleep(1.5)  # beyond the end of the file: it goes on from its beginning
    later = cam.next(first.number, 1)
    assert later is not None and later.number > first.number + 5
    assert time.monotonic() - later.at < 0.5
    assert cam.state is CameraState.OK
    cam.stop()


def test_a_missing_camera_has_no_signal_and_returns(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "cam.avi"
    cam = camera(path)
    cam.start()
    wait_state(cam, CameraState.NO_SIGNAL)
    assert cam.next(0, 0.1) is None
    empty_video(path, seconds=1.0)
    wait_state(cam, CameraState.OK)
    path.unlink()
    wait_state(cam, CameraState.NO_SIGNAL)
    cam.stop()


def test_a_frozen_and_a_black_feed_are_seen(photos: Path, tmp_path: Path) -> None:
    frozen, black = tmp_path / "frozen.avi", tmp_path / "black.avi"
    frozen_video(photos / "obama.jpg", frozen)
    black_video(black)
    still, dark = camera(frozen, frozen_after_s=0.5), camera(black)
    still.start()
    dark.start()
    wait_state(still, CameraState.FROZEN)
    wait_state(dark, CameraState.BLACK)
    still.stop()
    dark.stop()


def test_a_network_camera_is_opened_again_when_it_is_back(photos: Path, tmp_path: Path) -> None:
    """HTTP stands in for RTSP, for which there is no server here: the same path in OpenCV."""
    person_video(photos / "obama.jpg", tmp_path / "cam.avi", seconds=1.0)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    def serve(port: int) -> http.server.ThreadingHTTPServer:
        handler = functools.partial(Quiet, directory=str(tmp_path))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    server = serve(0)
    port = server.server_address[1]
    cam = camera(f"http://127.0.0.1:{port}/cam.avi")
    cam.start()
    assert cam.next(0, 15) is not None
    server.shutdown()
    server.server_close()
    wait_state(cam, CameraState.NO_SIGNAL)
    server = serve(port)
    wait_state(cam, CameraState.OK, 20)
    cam.stop()
    server.shutdown()
    server.server_close()


def test_a_cameras_password_is_not_shown() -> None:
    cam = camera("rtsp://admin:secret@192.0.2.7/stream")
    assert cam.label == "rtsp://…@192.0.2.7/stream"


# The process


class Live:
    def __init__(self, folder: Path, **worker: Any) -> None:
        self.video = folder / "gate.avi"
        options = {"source": str(self.video), "frozen_after_s": 1.0}
        self.devices: dict[str, tuple[bool, str]] = {}
        self.service = FaceService(
            {
                "cameras": {"gate": {"driver": "opencv", "options": options}},
                "frames": 3,
                "min_face_px": 80,
            }
            | worker,
            on_device=self._on_device,
        )

    def _on_device(self, kind: str, name: str, online: bool, detail: str) -> None:
        self.devices[kind] = (online, detail)

    async def until(self, kind: str, online: bool, detail: str = "", timeout_s: float = 30) -> None:
        async with asyncio.timeout(timeout_s):
            while self.devices.get(kind) != (online, detail):
                await asyncio.sleep(0.02)

    async def match(self, templates: Templates, timeout_s: float = 3.0, **more: Any) -> FaceResult:
        now = time.monotonic()
        wanted = {"threshold": THRESHOLD, "tapped_at": now, "max_age_s": 1.5} | more
        answer = await self.service.match("gate", "e1", templates, timeout_s=timeout_s, **wanted)
        return result_of(answer, THRESHOLD)


@pytest.fixture
async def live(tmp_path: Path, photos: Path) -> AsyncIterator[Live]:
    live = Live(tmp_path)
    await asyncio.to_thread(person_video, photos / "obama3.jpg", live.video, seconds=1.0)
    task = asyncio.create_task(live.service.run())
    await live.until("face", True)
    await live.until("camera", True)
    yield live
    pid = live.service.pid
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert pid is None or not Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def obama(engine: Engine, photos: Path) -> Templates:
    return templates(engine, photos, "obama.jpg", "obama2.jpg", "obama_partial_face.jpg")


@pytest.fixture(scope="module")
def biden(engine: Engine, photos: Path) -> Templates:
    return templates(engine, photos, "biden.jpg")


async def test_the_holder_matches_another_does_not_and_nobody_is_nobody(
    live: Live, obama: Templates, biden: Templates, photos: Path
) -> None:
    match = await live.match(obama)
    assert match.outcome is FaceOutcome.MATCH
    assert match.distance is not None and match.distance <= THRESHOLD
    assert match.frame_age_s is not None and 0 <= match.frame_age_s <= 1.0
    assert match.seen_age_s is not None and 0 <= match.seen_age_s <= match.frame_age_s
    assert {"wait", "score"} <= set(match.about["timing_ms"])
    assert len(match.about["frame_hash"]) == 64 and match.about["quality"]["width_px"] > 80
    other = await live.match(biden)
    assert other.outcome is FaceOutcome.MISMATCH and other.frames == 3
    assert other.distance is not None and other.distance > THRESHOLD
    none = await live.match(Templates())
    assert none.outcome is FaceOutcome.UNAVAILABLE
    await asyncio.to_thread(empty_video, live.video, seconds=1.0)
    await asyncio.sleep(2.2)
    assert (await live.match(obama, 1.0)).outcome is FaceOutcome.NO_FACE


async def test_a_face_from_before_the_tap_does_not_match(live: Live, obama: Templates) -> None:
    """Frames must be younger than the limit, counted from the tap."""
    future = time.monotonic() + 100
    result = await live.match(obama, 0.6, tapped_at=future)
    assert result.outcome is FaceOutcome.NO_FACE
    assert (await live.match(obama, 0.6, max_age_s=-1.0)).outcome is FaceOutcome.NO_FACE


async def test_enrolment_from_the_gates_camera(live: Live, obama: Templates) -> None:
    answer = await live.service.capture("gate", 5.0)
    assert len(answer["template"]) == 684 and answer["quality"]["width_px"] > 80
    assert answer["model"] == live.service.status()["model"] == MODEL
    assert live.service.status()["embedder"] in ("dlib-onnx", "dlib")
    assert {"turn", "roll", "side_light"} <= set(answer["quality"])
    assert await live.service.capture("nowhere", 1.0) == {"refused": "no such camera"}


@pytest.mark.parametrize("fault", ["frozen", "black", "no_signal"])
async def test_a_camera_out_of_order_is_a_fault_at_once_and_heals(
    live: Live, obama: Templates, photos: Path, fault: str
) -> None:
    if fault == "frozen":
        await asyncio.to_thread(frozen_video, photos / "obama.jpg", live.video, seconds=3.0)
    elif fault == "black":
        await asyncio.to_thread(black_video, live.video)
    else:
        live.video.unlink()
    await live.until("camera", False, fault)
    started = time.monotonic()
    result = await live.match(obama, 5.0)
    assert (result.outcome, result.detail) == (FaceOutcome.CAMERA_FAULT, fault)
    assert time.monotonic() - started < 2.0
    await asyncio.to_thread(person_video, photos / "obama3.jpg", live.video, seconds=1.0)
    await live.until("camera", True)
    assert (await live.match(obama)).outcome is FaceOutcome.MATCH


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_killed_in_the_middle_of_a_match_it_is_no_match_and_returns(
    live: Live, biden: Templates, obama: Templates, number: signal.Signals
) -> None:
    await asyncio.to_thread(empty_video, live.video, seconds=1.0)
    await asyncio.sleep(2.2)
    matching = asyncio.create_task(live.match(obama, 10.0))
    await asyncio.sleep(0.3)
    assert live.service.pid is not None and not matching.done()
    first = live.service.pid
    os.kill(first, number)
    async with asyncio.timeout(5):
        result = await matching
    assert (result.outcome, result.detail) == (FaceOutcome.UNAVAILABLE, "died")
    assert (await live.match(obama)).outcome is FaceOutcome.UNAVAILABLE
    await live.until("face", False, "ended")
    await live.until("face", True)
    assert live.service.pid != first
    assert live.service.status()["starts"] == 2


async def test_a_process_that_hangs_is_killed(live: Live, obama: Templates) -> None:
    pid = live.service.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    result = await live.match(obama, 0.5)
    assert (result.outcome, result.detail) == (FaceOutcome.UNAVAILABLE, "no answer")
    await live.until("face", False, "ended")
    await live.until("face", True)
    assert live.service.pid != pid


NONSENSE = {
    "silent": "import time; time.sleep(60)",
    "ends": "pass",
    "huge": "import os,time; os.write(1, b'\\xff\\xff\\xff\\xff'); time.sleep(60)",
    "text": "import os,time; os.write(1, b'\\0\\0\\0\\4oops'); time.sleep(60)",
    "list": "import os,time; os.write(1, b'\\0\\0\\0\\2[]'); time.sleep(60)",
}
OUT_OF_FORM = [
    {"arrived": "gate"},
    {"arrived": "gate", "at": "soon", "track": 1},
    {"prompt": "left", "id": []},
    {"scene": "gate"},
    {"id": {}},
]


@pytest.mark.parametrize("what", NONSENSE)
async def test_a_process_that_sends_nonsense_never_matches(
    tmp_path: Path, what: str, obama: Templates
) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\n{NONSENSE[what]}\n")
    fake.chmod(0o755)
    live = Live(tmp_path)
    live.service._python = str(fake)
    task = asyncio.create_task(live.service.run())
    await asyncio.sleep(0.5)
    assert (await live.match(obama, 0.3)).outcome is FaceOutcome.UNAVAILABLE
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("message", OUT_OF_FORM)
async def test_a_message_out_of_form_ends_the_conversation_and_is_told(
    tmp_path: Path, message: dict[str, Any]
) -> None:
    fake = tmp_path / "python"
    said = wire.encode({"ready": True}) + wire.encode(message)
    fake.write_text(f"#!{sys.executable}\nimport os,time; os.write(1, {said!r}); time.sleep(60)\n")
    fake.chmod(0o755)
    live = Live(tmp_path)
    live.service._python = str(fake)
    task = asyncio.create_task(live.service.run())
    async with asyncio.timeout(10):
        while not live.devices.get("face", (True, ""))[1].startswith("sends nonsense"):
            assert not task.done()
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_nothing_is_kept_of_cameras_that_are_not_ours(tmp_path: Path) -> None:
    live, kept = Live(tmp_path), []
    live.service._on_scene = lambda camera, data: kept.append((camera, data))
    for camera, data in (("gate", "AAAA"), ("nowhere", "AAAA"), ("gate", "A" * 100_000)):
        live.service._take({"scene": camera, "data": data})
    assert kept == [("gate", "AAAA")]
    live.service._take({"camera": "nowhere", "state": "ok"})
    assert live.devices == {}
    live.service._take({"camera": "gate", "state": "x" * 1000})
    assert live.devices == {"camera": (False, "x" * 80)}


async def test_a_challenge_has_its_time_beside_the_looks(tmp_path: Path) -> None:
    """A face that comes at the last moment still turns its head before anybody calls it a hang."""
    live, asked = Live(tmp_path), []

    async def ask(request: dict[str, Any], timeout_s: float, prompt: Any) -> dict[str, Any]:
        asked.append((request["deadline"] - time.monotonic(), timeout_s))
        return {}

    live.service._ask = ask  # type: ignore[method-assign]
    await live.match(Templates(), 2.5, challenge=True)
    await live.match(Templates(), 2.5)
    (looking, longest), (_, plain) = asked
    assert looking <= 2.5 and longest >= 2.5 + comparison.CHALLENGE_S + 2.0
    assert plain < 5


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"outcome": "yes"},
        {"outcome": "match", "distance": "near"},
        {"outcome": "match", "distance": float("nan")},
        {"outcome": "match", "distance": float("inf")},
        {"outcome": "match", "distance": [0.1]},
        {"outcome": "match", "distance": 0.1, "frames": "x"},
        {"outcome": "match", "distance": 0.1, "timing_ms": 5},
        {"outcome": ["match"]},
        {"outcome": "match", "distance": 0.1, "frames": float("inf")},
        {"outcome": "match", "distance": 10**400},
        {"outcome": "match", "distance": 0.1, "others": {"n": float("inf"), "below": 0}},
        {"outcome": "mismatch", "nearest": {"person": "e2", "distance": float("nan")}},
        {"outcome": "mismatch", "nearest": {"person": "e2", "distance": None}},
    ],
)
def test_answers_out_of_form_are_unavailable(answer: dict[str, Any]) -> None:
    assert result_of(answer, 0.5).outcome is FaceOutcome.UNAVAILABLE


def test_what_is_for_the_record_alone_is_in_its_form() -> None:
    answer = {"outcome": "match", "distance": 0.1, "frame_hash": "<b>" * 9, "present_s": -5.0}
    about = result_of(answer, 0.5).about
    assert (about["frame_hash"], about["present_s"]) == ("", 0.0)
    good = {**answer, "frame_hash": "0f" * 32, "present_s": 2.5}
    about = result_of(good, 0.5).about
    assert (about["frame_hash"], about["present_s"]) == ("0f" * 32, 2.5)


def test_messages_have_a_limit() -> None:
    assert wire.decode(wire.encode({"a": 1})[wire.HEADER :]) == {"a": 1}
    with pytest.raises(ValueError, match="too large"):
        wire.encode({"a": "x" * (wire.LIMIT + 1)})
    with pytest.raises(ValueError, match="too large"):
        wire.size(b"\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="object"):
        wire.decode(b"[]")


FACES = Path(__file__).parents[4] / "shared" / "faces"


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
