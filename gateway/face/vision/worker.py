"""The face process: owns the cameras and the models, answers the daemon, keeps nothing on disk.

Requests come in on stdin and answers go out on stdout (gateway/face/wire.py).  The process may
crash or be killed at any time: for the daemon an unanswered request is not a match, and it starts
the process again.  The process ends when its stdin is closed, so it does not outlive the daemon.
It knows templates by the ids of people; it never gets names, badges or keys.
"""

from __future__ import annotations

import base64
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError

from drivers import registry
from drivers.base import CameraDriver
from gateway.face import wire
from gateway.face.vision.comparison import Comparisons, unpack
from gateway.face.vision.embedder import BUILT_IN, Unusable, by_name
from gateway.face.vision.engine import Engine, Face, ModelsMissing
from gateway.face.vision.gallery import Gallery
from gateway.face.vision.health import HealthReporter
from gateway.face.vision.views import Views
from gateway.face.vision.watch import Watcher

PR_SET_PDEATHSIG = 1


class Worker:
    """`config` has the cameras, `frames` (how many looks may fail before the answer is a
    mismatch), `min_face_px` and `others` (how many other people each face is scored against)."""

    def __init__(self, config: Mapping[str, Any], out: BinaryIO) -> None:
        self._out = out
        self._out_lock = threading.Lock()
        min_face_px = int(config["min_face_px"])
        self.cameras: dict[str, CameraDriver] = {
            name: registry.load("cameras", item["driver"]).make(item["options"])
            for name, item in config["cameras"].items()
        }
        for name, scene in config.get("scenes", {}).items():
            if name in self.cameras:
                self.cameras[name].use_scene(_scene(scene))
        self.engine = Engine(
            min_face_px, by_name(config.get("embedder", BUILT_IN), config.get("embedder_options"))
        )
        self.watchers = {
            name: Watcher(camera, self.engine, min_face_px, self._arrival(name))
            for name, camera in self.cameras.items()
        }
        self.gallery = Gallery()
        self.comparisons = Comparisons(
            cameras=self.cameras,
            watchers=self.watchers,
            engine=self.engine,
            gallery=self.gallery,
            frames=int(config["frames"]),
            others=int(config.get("others", 0)),
            send=self._send,
        )
        self._views = Views(self.cameras, self.engine)
        self._health = HealthReporter(self.cameras, self.watchers, self._send)
        # Four a camera: a challenge at each of two readers, and enrolments, keep nobody waiting.
        self._pool = ThreadPoolExecutor(max_workers=max(1, 4 * len(self.cameras)))
        self._viewing = ThreadPoolExecutor(max_workers=1)  # no door waits for who only watches

    def run(self, requests: BinaryIO) -> None:
        """Serve until the daemon closes our stdin."""
        for camera in self.cameras.values():
            camera.start()
        # The first pass through the network costs more than all later ones.
        self.engine.embed(np.zeros((160, 160, 3), np.uint8), Face(20, 20, 140, 140))
        for watcher in self.watchers.values():
            watcher.start()
        threading.Thread(target=self._health.run, daemon=True).start()
        self._send({"ready": True, **self.comparisons.model()})
        while len(header := requests.read(wire.HEADER)) == wire.HEADER:
            message = wire.decode(requests.read(wire.size(header)))
            if message.get("op") == "gallery":  # in order, and nobody waits for an answer
                self._take_gallery(message)
            elif message.get("op") == "accept_scene":
                self._health.accept(str(message["camera"]))
            elif message.get("op") in ("still", "look"):
                self._viewing.submit(self._view, message)
            else:
                self._pool.submit(self._answer, message)
        os._exit(0)  # threads inside OpenCV may hang; nothing here needs an orderly end

    def _answer(self, request: Mapping[str, Any]) -> None:
        try:
            answers = self.comparisons
            operations = {
                "match": answers.match,
                "identify": answers.identify,
                "capture": answers.capture,
            }
            operation = operations[request["op"]]
            with self.watchers[str(request["camera"])].attention():
                answer = operation(request)
        except Exception as error:
            answer = {"outcome": "unavailable", "detail": type(error).__name__}
        self._send({"id": request.get("id"), **answer})

    def _view(self, request: Mapping[str, Any]) -> None:
        try:
            view = self._views.look if request["op"] == "look" else self._views.still
            answer = view(request)
        except Exception as error:
            answer = {"refused": "unavailable", "detail": type(error).__name__}
        self._send({"id": request.get("id"), **answer})

    def _send(self, message: Mapping[str, Any]) -> None:
        with self._out_lock:
            self._out.write(wire.encode(message))
            self._out.flush()

    def _arrival(self, camera: str) -> Any:
        return lambda track, at: self._send({"arrived": camera, "track": track, "at": at})

    def _take_gallery(self, message: Mapping[str, Any]) -> None:
        size = self.engine.embedder.dimensions
        people = {str(key): unpack(text, size) for key, text in message["people"].items()}
        self.gallery.put(people, replace=bool(message.get("replace")))


def _scene(text: str) -> bytes:
    """A scene that the daemon kept.  Text that is not base64 becomes empty bytes, which the camera
    reports as damaged."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def main() -> None:
    """The first message on stdin is the configuration."""
    # Two ways to end: our stdin is closed, or the kernel kills us when our parent dies.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's to handle
    # Lines that libraries print must not get between our messages.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    header = requests.read(wire.HEADER)
    if len(header) < wire.HEADER:
        return
    try:
        worker = Worker(wire.decode(requests.read(wire.size(header))), out)
    except (registry.UnknownDriver, Unusable, ModelsMissing, ValidationError) as error:
        if not isinstance(error, ValidationError):  # which shows options, and they have passwords
            out.write(wire.encode({"away": str(error)[:200]}))
            out.flush()
        sys.exit(f"the face process can't start: {error}")
    worker.run(requests)


if __name__ == "__main__":
    main()
