"""Badge and face: the time that the face adds, with a person in view and with one who steps in at
the tap; the cost of watching an empty scene; and face_recognition's own calls on the same
frames."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import io
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.figures import percentile, resident_mb, say
from demo.photos import fetch
from demo.rig import Rig
from drivers.base import CameraState, Frame
from drivers.simulated.camera import empty_video, person_video
from gateway.config import FaceTable
from gateway.face import enrolment
from gateway.face.vision.comparison import pack, unpack
from gateway.face.vision.gallery import Gallery
from gateway.face.vision.watch import Watcher
from gateway.face.vision.worker import Worker
from gateway.ledger import LedgerReader

TAPS = 60
STEPS_IN = 20
IDLE_S = 20.0
NAMES = ("obama.jpg", "obama2.jpg", "obama_partial_face.jpg")


def two(values: list[float]) -> str:
    return f"p50 {percentile(values, 0.5):.0f}  p95 {percentile(values, 0.95):.0f}"


def reference(photos: Path, frames: list[Any]) -> list[float]:
    """face_recognition's own calls on frames (ms)."""
    spec = importlib.util.spec_from_file_location("api", photos / "face_recognition_api.py")
    assert spec is not None and spec.loader is not None
    api: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    took = []
    for image in frames:
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        begun = time.perf_counter()
        api.face_encodings(rgb, api.face_locations(rgb))
        took.append((time.perf_counter() - begun) * 1000)
    return took


def frames_of(video: Path) -> list[Any]:
    capture, frames = cv2.VideoCapture(str(video)), []
    while True:
        good, image = capture.read()
        if not good:
            return frames
        frames.append(image)


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Taps:
    """Badges at the gate, and what the log says of each."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.reader = LedgerReader(rig.ledger_path)

    async def tap(self, before: Callable[[], None] = lambda: None) -> float:
        """Badge to relay, ms."""
        rig, seen = self.rig, len(self.rig.board.log)
        before()
        begun = time.monotonic()
        rig.gate_reader.present(18, 1001)
        while not (on := [s for s in rig.board.log[seen:] if s.on]):
            await asyncio.sleep(0.001)
            assert time.monotonic() - begun < 6, "not granted"
        return (on[0].at - begun) * 1000

    def faces(self) -> list[dict[str, Any]]:
        events = self.reader.after(0, 100_000)
        return [event.data["face"] for event in events if "face" in event.data]


async def in_view(folder: Path, photos: Path, fps: int) -> None:
    """Somebody stands there for half a second or more before each badge."""
    rig = await gate(folder, photos, fps)
    taps = Taps(rig)
    took = []
    for _ in range(TAPS):
        await asyncio.sleep(0.5 + random.random() / fps)
        took.append(await taps.tap())
        await asyncio.sleep(0.4)
    adds = [face["timing_ms"]["total"] for face in taps.faces()]
    say(f"{fps} frames/s, in view: the face adds (ms)", two(adds), "p50 10, p95 60")
    say("  badge + face to relay (ms)", two(took))
    ages = [face["frame_age_s"] * 1000 for face in taps.faces()]
    say("  age of the newest look that was compared (ms)", two(ages))
    seen = [face["seen_age_s"] * 1000 for face in taps.faces()]
    say("  age of the frame that showed them still there (ms)", two(seen))
    status = await rig.until(lambda s: True)
    say("  memory of the face process (MB)", f"{resident_mb(status['face']['pid']):.0f}")
    await rig.stop()


async def gate(folder: Path, photos: Path, fps: int = 15) -> Rig:
    """A gate with one person enrolled, who stands before its camera."""
    folder.mkdir()
    rig = Rig(folder, camera=True, pulse_s=0.3)
    person_video(photos / "obama3.jpg", rig.video, seconds=3.0, fps=fps)
    people = [{"id": "e1", "name": "A", "credentials": "em4100:18:1001", "access_levels": "plant"}]
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    await rig.acli("people", "enroll", "e1", *(str(photos / name) for name in NAMES))
    await rig.start()
    await rig.until_online("camera", "face")
    return rig


class Stage:
    """A camera whose scene changes on command, with real frames at their real pace.  So the moment
    at which somebody steps in is known to the millisecond."""

    def __init__(self, empty: list[Any], person: list[Any], fps: int) -> None:
        self._scenes, self._fps = {False: empty, True: person}, fps
        self._begun = time.monotonic()
        self.there = False
        self.state = CameraState.OK

    def set_rate(self, fps: float | None) -> None:
        """Does nothing: this camera shows every frame."""

    def next(self, after: int, timeout_s: float) -> Frame:
        number = max(after + 1, int((time.monotonic() - self._begun) * self._fps))
        time.sleep(max(0.0, self._begun + number / self._fps - time.monotonic()))
        scene = self._scenes[self.there]
        return Frame(scene[number % len(scene)], time.monotonic(), number)


def steps_in(folder: Path, photos: Path) -> list[float]:
    """Milliseconds from the tap to the answer, if somebody steps into an empty scene at the tap."""
    person_video(photos / "obama3.jpg", folder / "person.avi", seconds=3.0)
    empty_video(folder / "empty.avi", seconds=2.0)
    stage = Stage(frames_of(folder / "empty.avi"), frames_of(folder / "person.avi"), 15)
    worker = Worker({"cameras": {}, "frames": 3, "min_face_px": 80}, io.BytesIO())
    watcher = Watcher(stage, worker.engine, 80)  # type: ignore[arg-type]
    worker.cameras["gate"], worker.watchers["gate"] = stage, watcher  # type: ignore[assignment]
    watcher.start()
    engine = enrolment.make_engine()
    looks = [enrolment.examine(engine, photos / name) for name in NAMES]
    rows = np.concatenate([unpack(pack(k.embedding)) for k in looks if k.embedding is not None])
    templates = base64.b64encode(rows.astype("<f4").tobytes()).decode()
    took = []
    for _ in range(STEPS_IN):
        stage.there = False
        time.sleep(2.0 + random.random())
        stage.there = True
        now = time.monotonic()
        request = {"camera": "gate", "person": "e1", "templates": templates, "tapped_at": now}
        answer = worker.comparisons.match(
            {**request, "deadline": now + 3, "max_age_s": 1.5, "threshold": FaceTable().threshold}
        )
        assert answer["outcome"] == "match", answer["outcome"]
        took.append((time.monotonic() - now) * 1000)
    watcher.stop()
    return took


async def run(folder: Path) -> None:
    photos = fetch()
    for fps in (15, 30, 60):
        await in_view(folder / f"view{fps}", photos, fps)
    took = await asyncio.to_thread(steps_in, folder, photos)
    say("steps in at the tap: until the answer (ms)", two(took), "p95 350")
    rig = await gate(folder / "idle", photos)
    empty_video(rig.video, seconds=4.0)
    await asyncio.sleep(9.0)
    pid = (await rig.until(lambda s: True))["face"]["pid"]
    before = cpu_s(pid)
    await asyncio.sleep(IDLE_S)
    share = (cpu_s(pid) - before) / IDLE_S
    say("idle scene, 640x480 at 15 frames/s (share of a core)", f"{share:.1%}", "5 %")
    await rig.stop()
    video = folder / "view15" / "camera.avi"
    say("face_recognition's own calls, same frames (ms)", two(reference(photos, frames_of(video))))
    search()


def search() -> None:
    """The search of one face among 100,000 people."""
    random_ = np.random.default_rng(1)
    gallery = Gallery()
    rows = random_.normal(size=(100_000, 128)).astype(np.float32) * 0.07
    gallery.put({f"e{n}": rows[n : n + 1] for n in range(len(rows))})
    gallery.nearest(rows[:1])
    took = []
    for index in range(100):
        begun = time.perf_counter()
        gallery.nearest(rows[index : index + 1] + 0.001, without="e1")
        took.append((time.perf_counter() - begun) * 1000)
    p50, p95 = percentile(took, 0.5), percentile(took, 0.95)
    say("one face among 100,000 people (ms)", f"p50 {p50:.1f}  p95 {p95:.1f}", "10")
