"""The face process: owns the cameras and dlib, answers the daemon, keeps nothing.

Requests come in on stdin and answers go out on stdout (gateway/face/wire.py).  It may crash
or be killed at any time: the daemon treats what it did not answer as no match and starts it
again.  It ends when stdin does, so it never outlives the daemon.  A template reaches it only
with a request and is forgotten with the answer.
"""

from __future__ import annotations

import base64
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import cv2
import numpy as np

from drivers import registry
from drivers.cameras.opencv import CameraState, Frame, OpenCvCamera
from gateway.face import quality, wire
from gateway.face.engine import DIMENSIONS, Embedding, Engine, Face, Image, distances

HEALTH_EVERY_S = 0.25
PR_SET_PDEATHSIG = 1


class Worker:
    """`config` has the cameras, `frames` (how many faces to compare before it is another's)
    and `min_face_px`."""

    def __init__(self, config: Mapping[str, Any], out: BinaryIO) -> None:
        self._out = out
        self._out_lock = threading.Lock()
        self._frames = int(config["frames"])
        self._min_face_px = int(config["min_face_px"])
        self._cameras: dict[str, OpenCvCamera] = {
            name: registry.load("cameras", item["driver"]).make(item["options"])
            for name, item in config["cameras"].items()
        }
        self._engine = Engine(self._min_face_px)
        # Two a camera: an enrolment must not keep a badge waiting.
        self._pool = ThreadPoolExecutor(max_workers=max(1, 2 * len(self._cameras)))

    def run(self, requests: BinaryIO) -> None:
        """Serve until the daemon closes our stdin."""
        for camera in self._cameras.values():
            camera.start()
        # The first pass through the network costs more than all later ones.
        self._engine.embed(np.zeros((160, 160, 3), np.uint8), Face(20, 20, 140, 140))
        threading.Thread(target=self._tell_health, daemon=True).start()
        self._send({"ready": True})
        while len(header := requests.read(wire.HEADER)) == wire.HEADER:
            message = wire.decode(requests.read(wire.size(header)))
            self._pool.submit(self._answer, message)
        os._exit(0)  # threads inside OpenCV may hang; nothing here needs an orderly end

    def _answer(self, request: Mapping[str, Any]) -> None:
        try:
            operation = {"match": self.match, "capture": self.capture}[request["op"]]
            answer = operation(request)
        except Exception as error:
            answer = {"outcome": "unavailable", "detail": type(error).__name__}
        self._send({"id": request.get("id"), **answer})

    def _send(self, message: Mapping[str, Any]) -> None:
        with self._out_lock:
            self._out.write(wire.encode(message))
            self._out.flush()

    def _tell_health(self) -> None:
        told: dict[str, str] = {}
        while True:
            for name, camera in self._cameras.items():
                state = camera.state.value
                if told.get(name) != state and (camera.next(0, 0) or state != CameraState.OK):
                    told[name] = state
                    self._send({"camera": name, "state": state})
            time.sleep(HEALTH_EVERY_S)

    def match(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Compare the nearest face with the templates, frame by frame, until one matches,
        `frames` faces did not, or the time is over.  Only frames taken after the tap or at
        most `max_age_s` before it are looked at, and only while they are fresh."""
        raw = base64.b64decode(request["templates"])
        templates = np.frombuffer(raw, "<f4").reshape(-1, DIMENSIONS)
        if not len(templates) or not np.isfinite(templates).all():
            return {"outcome": "unavailable", "detail": "no usable template"}
        looking = Looking(self._cameras[request["camera"]], request)
        best, compared = float("inf"), 0
        while (frame := looking.next()) is not None:
            with looking.timed("detect"):
                image, face = self._nearest(frame)
            if face is None:
                continue
            with looking.timed("embed"):
                embedding = self._engine.embed(image, face)
            distance = float(distances(embedding, templates).min())
            age = time.monotonic() - frame.at
            compared += 1
            best = min(best, distance)
            if distance <= float(request["threshold"]):
                return looking.answer("match", distance, compared, age)
            if compared >= self._frames:
                return looking.answer("mismatch", best, compared, age)
        if compared:
            return looking.answer("mismatch", best, compared, None)
        if looking.fault:
            return looking.answer("camera_fault", None, 0, None)
        return looking.answer("no_face", None, 0, None)

    def capture(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One face good enough to enrol, or why there was none."""
        looking = Looking(self._cameras[request["camera"]], request)
        refused: str = quality.Refusal.NO_FACE
        while (frame := looking.next()) is not None:
            image: Image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
            faces = self._engine.detect(image)
            measured, refusal = quality.judge(image, faces)
            if refusal is None and measured is not None:
                embedding = self._engine.embed(image, faces[0])
                return {"template": pack(embedding), "quality": measured.as_dict()}
            refused = refusal or refused
        return {"refused": looking.fault or refused}

    def _nearest(self, frame: Frame) -> tuple[Image, Face | None]:
        """The widest face of a frame: who stands nearest, not who waits behind."""
        image: Image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
        faces = [f for f in self._engine.detect(image) if f.width >= self._min_face_px * 0.8]
        return image, faces[0] if faces else None


class Looking:
    """The fresh frames of one request, and what its time went into."""

    def __init__(self, camera: OpenCvCamera, request: Mapping[str, Any]) -> None:
        self._camera = camera
        self._max_age = float(request["max_age_s"])
        self._oldest = float(request["tapped_at"]) - self._max_age
        self._deadline = float(request["deadline"])
        self._number = 0
        self._spent = dict.fromkeys(("wait", "detect", "embed"), 0.0)
        self.fault = ""

    def next(self) -> Frame | None:
        """The next frame worth looking at; None when the time is over or the camera is out."""
        started = time.monotonic()
        try:
            while (now := time.monotonic()) < self._deadline:
                self.fault = "" if self._camera.state is CameraState.OK else self._camera.state
                if self.fault:
                    return None
                frame = self._camera.next(self._number, min(0.1, self._deadline - now))
                if frame is None:
                    continue
                self._number = frame.number
                if frame.at >= self._oldest and time.monotonic() - frame.at <= self._max_age:
                    return frame
            if not self._number:
                self.fault = CameraState.NO_SIGNAL
            return None
        finally:
            self._spent["wait"] += (time.monotonic() - started) * 1000

    def timed(self, part: str) -> _Timed:
        return _Timed(self._spent, part)

    def answer(
        self, outcome: str, distance: float | None, frames: int, age: float | None
    ) -> dict[str, Any]:
        return {
            "outcome": outcome,
            "distance": distance,
            "frames": frames,
            "frame_age_s": age,
            "detail": self.fault,
            "timing_ms": self._spent,
        }


class _Timed:
    """Adds the time of a block, in ms, to a part."""

    def __init__(self, spent: dict[str, float], part: str) -> None:
        self._spent, self._part, self._started = spent, part, 0.0

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._spent[self._part] += (time.monotonic() - self._started) * 1000


def pack(embedding: Embedding) -> str:
    """An embedding as text for the wire: base64 of little-endian float32."""
    return base64.b64encode(embedding.astype("<f4").tobytes()).decode()


def main() -> None:
    """The first message on stdin is the configuration."""
    # Both belts: we end with our stdin, and the kernel ends us with our parent.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's to handle
    # What libraries print must not get between our messages.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    header = requests.read(wire.HEADER)
    if len(header) < wire.HEADER:
        return
    Worker(wire.decode(requests.read(wire.size(header))), out).run(requests)


if __name__ == "__main__":
    main()
