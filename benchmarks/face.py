"""Badge and face with a person already in view: how long, and what it is made of."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from pathlib import Path
from typing import Any

import cv2

from benchmarks.figures import percentile, resident_mb, say
from demo.photos import fetch
from demo.rig import Rig
from drivers.simulated.camera import person_video
from gateway.ledger import LedgerReader

TAPS = 40
NAMES = ("obama.jpg", "obama2.jpg", "obama_partial_face.jpg")


def two(values: list[float]) -> str:
    return f"p50 {percentile(values, 0.5):.0f}  p95 {percentile(values, 0.95):.0f}"


def reference(photos: Path, video: Path) -> list[float]:
    """face_recognition's own calls on the frames of the same video (ms)."""
    spec = importlib.util.spec_from_file_location("api", photos / "face_recognition_api.py")
    assert spec is not None and spec.loader is not None
    api: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    capture, took = cv2.VideoCapture(str(video)), []
    while True:
        good, image = capture.read()
        if not good:
            return took
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        begun = time.perf_counter()
        api.face_encodings(rgb, api.face_locations(rgb))
        took.append((time.perf_counter() - begun) * 1000)


async def run(folder: Path) -> None:
    photos = fetch()
    rig = Rig(folder, camera=True, pulse_s=1.0)
    person_video(photos / "obama3.jpg", rig.video, seconds=3.0)
    people = [{"id": "e1", "name": "A", "credentials": "em4100:18:1001", "access_levels": "plant"}]
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    await rig.acli("people", "enroll", "e1", *(str(photos / name) for name in NAMES))
    begun = time.monotonic()
    await rig.start()
    await rig.until_online("camera", "face")
    say("start to face process and camera ready (s)", f"{time.monotonic() - begun:.1f}")
    took = []
    for _ in range(TAPS):
        seen = len(rig.board.log)
        begun = time.monotonic()
        rig.gate_reader.present(18, 1001)
        while not (on := [s for s in rig.board.log[seen:] if s.on]):
            await asyncio.sleep(0.001)
            assert time.monotonic() - begun < 6, "not granted"
        took.append((on[0].at - begun) * 1000)
        await asyncio.sleep(0.3)
    say("badge + face to relay, person in view (ms)", two(took))
    events = [e for e in LedgerReader(rig.ledger_path).after(0, 10_000) if "face" in e.data]
    parts: dict[str, list[float]] = {}
    for event in events:
        for part, value in event.data["face"]["timing_ms"].items():
            parts.setdefault(part, []).append(value)
    for part, values in parts.items():
        say(f"  {part} (ms)", two(values))
    status = await rig.until(lambda s: True)
    say("memory of the face process (MB)", f"{resident_mb(status['face']['pid']):.0f}")
    await rig.stop()
    say("face_recognition's own calls, same frames (ms)", two(reference(photos, rig.video)))
