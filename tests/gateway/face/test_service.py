"""The face process and the daemon's side of it: it may die, hang or send nonsense at any time."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from drivers.simulated.camera import black_video, empty_video, frozen_video, person_video
from gateway.decide.model import FaceOutcome, FaceResult
from gateway.face import wire
from gateway.face.enrolment import ExaminedPhotograph
from gateway.face.result import result_of
from gateway.face.service import FaceService
from gateway.face.vision import comparison
from gateway.face.vision.engine import MODEL
from gateway.people.pictures import inspect

pytestmark = pytest.mark.asyncio(loop_scope="module")
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> AsyncIterator[Live]:
    """One face process for all tests: its start takes seconds, and it comes back by itself."""
    live = Live(tmp_path_factory.mktemp("live"))
    task = asyncio.create_task(live.service.run())
    yield live
    pid = live.service.pid
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert pid is None or not Path(f"/proc/{pid}").exists()


@pytest_asyncio.fixture(loop_scope="module")
async def live(running: Live, photos: Path) -> Live:
    """The process is ready, and the person stands before its camera."""
    await asyncio.to_thread(person_video, photos / "obama3.jpg", running.video, seconds=1.0)
    await running.until("face", True)
    await running.until("camera", True)
    return running


@pytest.fixture(scope="module")
def obama(examined: Examined) -> Templates:
    return templates(examined, "obama.jpg", "obama2.jpg", "obama_partial_face.jpg")


@pytest.fixture(scope="module")
def biden(examined: Examined) -> Templates:
    return templates(examined, "biden.jpg")


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


async def test_people_see_what_the_camera_sees_and_what_keeps_a_face_from_being_enrolled(
    live: Live, photos: Path
) -> None:
    still = await live.service.still("gate")
    assert still["state"] == "ok"
    jpeg = base64.b64decode(still["still"])
    header = inspect(jpeg)
    assert header.format == "JPEG" and max(header.width, header.height) <= 640
    assert len(jpeg) <= 128 * 1024
    assert await live.service.still("nowhere") == {"refused": "no such camera"}

    async def look(after: int, *kept: str) -> dict[str, Any]:
        wanted = {"after": after, "threshold": THRESHOLD, "portrait": True}
        return await live.service.look("gate", kept=kept, **wanted)

    first = await look(0)
    assert first["refused"] == "" and len(first["template"]) == 684 and first["model"] == MODEL
    left, top, right, bottom = first["box"]
    assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    face = inspect(base64.b64decode(first["portrait"]))
    assert face.format == "JPEG" and max(face.width, face.height) <= 320
    assert face.height > face.width > 60
    second = await look(first["frame"], first["template"])
    assert second["frame"] > first["frame"]
    assert second["refused"] in ("", "same_picture")
    await asyncio.to_thread(person_video, photos / "biden.jpg", live.video, seconds=1.0)
    seen = set()
    async with asyncio.timeout(20):
        while "another_person" not in seen:
            answer = await look(second["frame"], first["template"])
            second = answer if "frame" in answer else second
            seen.add(answer["refused"])
            assert not (answer["refused"] and "template" in answer)
    await asyncio.to_thread(empty_video, live.video, seconds=1.0)
    async with asyncio.timeout(20):
        while (answer := await look(second["frame"]))["refused"] != "no_face":
            second = answer
    assert "template" not in answer and "portrait" not in answer and answer["still"]


async def test_a_look_that_takes_too_long_ends_no_process_that_the_doors_need(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = live.service.pid
    assert pid is not None
    monkeypatch.setattr("gateway.face.service.VIEW_S", 0.2)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert (await live.service.still("gate"))["refused"] == "unavailable"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert live.service.pid == pid
    monkeypatch.undo()
    assert (await live.service.still("gate"))["still"]


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
    first, starts = live.service.pid, live.service.starts
    os.kill(first, number)
    async with asyncio.timeout(5):
        result = await matching
    assert (result.outcome, result.detail) == (FaceOutcome.UNAVAILABLE, "died")
    assert (await live.match(obama)).outcome is FaceOutcome.UNAVAILABLE
    await live.until("face", False, "ended")
    await live.until("face", True)
    assert live.service.pid != first
    assert live.service.status()["starts"] == starts + 1


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
