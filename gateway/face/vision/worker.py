"""The face process: owns the cameras and the models, answers the daemon, keeps nothing on disk.

Requests come in on stdin and answers go out on stdout (gateway/face/wire.py).  It may crash
or be killed at any time: the daemon treats what it did not answer as no match and starts it
again.  It ends when stdin does, so it never outlives the daemon.  It knows templates by the ids
of people, never names, badges or keys.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, cast

import cv2
import numpy as np
from pydantic import ValidationError

from drivers import registry
from drivers.base import CameraDriver, CameraState
from gateway.face import wire
from gateway.face.vision import quality
from gateway.face.vision.embedder import BUILT_IN, Unusable, by_name
from gateway.face.vision.engine import DIMENSIONS, Embedding, Engine, Face, Image, ModelsMissing
from gateway.face.vision.gallery import Gallery, Rows
from gateway.face.vision.liveness import Challenge, Observation, draw
from gateway.face.vision.score import score
from gateway.face.vision.watch import Look, Watcher

HEALTH_EVERY_S = 0.25
SCENES_EVERY_S = 300.0
PR_SET_PDEATHSIG = 1
JPEG_QUALITY = 85
PICTURE_PX, PICTURE_BYTES = 1280, 1024 * 1024
CHALLENGE_S = 10.0


class Worker:
    """`config` has the cameras, `frames` (how many looks before it is another's),
    `min_face_px` and `others` (how many other people each face is scored against)."""

    def __init__(self, config: Mapping[str, Any], out: BinaryIO) -> None:
        self._out = out
        self._out_lock = threading.Lock()
        self._frames = int(config["frames"])
        self._others = int(config.get("others", 0))
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
        self._gallery = Gallery()
        # Four a camera: a challenge at each of two readers, and enrolments, keep nobody waiting.
        self._pool = ThreadPoolExecutor(max_workers=max(1, 4 * len(self.cameras)))

    def run(self, requests: BinaryIO) -> None:
        """Serve until the daemon closes our stdin."""
        for camera in self.cameras.values():
            camera.start()
        # The first pass through the network costs more than all later ones.
        self.engine.embed(np.zeros((160, 160, 3), np.uint8), Face(20, 20, 140, 140))
        for watcher in self.watchers.values():
            watcher.start()
        threading.Thread(target=self._tell_health, daemon=True).start()
        self._send({"ready": True, **self._model()})
        while len(header := requests.read(wire.HEADER)) == wire.HEADER:
            message = wire.decode(requests.read(wire.size(header)))
            if message.get("op") == "gallery":  # in order, and nobody waits for an answer
                self._take_gallery(message)
            elif message.get("op") == "accept_scene":
                self.cameras[str(message["camera"])].accept_scene()
            else:
                self._pool.submit(self._answer, message)
        os._exit(0)  # threads inside OpenCV may hang; nothing here needs an orderly end

    def _model(self) -> dict[str, str]:
        """Which code embeds, and what its templates are marked with."""
        return {"embedder": self.engine.embedder.name, "model": self.engine.embedder.model}

    def _answer(self, request: Mapping[str, Any]) -> None:
        try:
            operations = {"match": self.match, "identify": self.identify, "capture": self.capture}
            operation = operations[request["op"]]
            with self.watchers[str(request["camera"])].attention():
                answer = operation(request)
        except Exception as error:
            answer = {"outcome": "unavailable", "detail": type(error).__name__}
        self._send({"id": request.get("id"), **answer})

    def _send(self, message: Mapping[str, Any]) -> None:
        with self._out_lock:
            self._out.write(wire.encode(message))
            self._out.flush()

    def _arrival(self, camera: str) -> Any:
        return lambda track, at: self._send({"arrived": camera, "track": track, "at": at})

    def _tell_health(self) -> None:
        told: dict[str, str] = {}
        scenes: dict[str, bytes] = {}
        scenes_at = time.monotonic() + SCENES_EVERY_S
        while True:
            for name, camera in self.cameras.items():
                state = camera.state.value
                if told.get(name) != state and (camera.next(0, 0) or state != CameraState.OK):
                    told[name] = state
                    self._send({"camera": name, "state": state, "figures": camera.detail})
            if stuck := [name for name, watcher in self.watchers.items() if watcher.stuck]:
                print(f"the watch over {', '.join(stuck)} hangs", file=sys.stderr, flush=True)
                os._exit(1)  # the daemon starts another
            if time.monotonic() >= scenes_at:
                scenes_at = time.monotonic() + SCENES_EVERY_S
                for name, camera in self.cameras.items():
                    scene = camera.scene
                    if scene is not None and scenes.get(name) != scene:
                        scenes[name] = scene
                        self._send({"scene": name, "data": base64.b64encode(scene).decode()})
            time.sleep(HEALTH_EVERY_S)

    def _take_gallery(self, message: Mapping[str, Any]) -> None:
        size = self.engine.embedder.dimensions
        people = {str(key): unpack(text, size) for key, text in message["people"].items()}
        self._gallery.put(people, replace=bool(message.get("replace")))

    def match(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Compare the nearest face with one person's templates.

        It must be there on a frame taken after the tap; the looks that are compared may be
        older, if they are of the same track and within `max_age_s`.  So a face that is already
        known costs one frame and one comparison.  `frames` looks that do not fit are a mismatch.
        """
        templates = unpack(request["templates"], self.engine.embedder.dimensions)
        if not len(templates) or not np.isfinite(templates).all():
            return {"outcome": "unavailable", "detail": "no usable template"}
        begun = time.monotonic()
        tapped_at, deadline = float(request["tapped_at"]), float(request["deadline"])
        max_age, threshold = float(request["max_age_s"]), float(request["threshold"])
        camera = str(request["camera"])
        watcher = self.watchers[camera]
        best, looks, newest = float("inf"), 0, 0.0
        last: tuple[Look, Rows] | None = None
        while (seen := watcher.look(tapped_at, deadline, newer_than=newest)) is not None:
            newest = seen.samples[-1].at
            fresh = [s.embedding for s in seen.samples if seen.seen_at - s.at <= max_age]
            if not fresh:
                continue
            looks += 1
            probes = np.stack(fresh)
            distance = score(probes, templates)
            best = min(best, distance)
            last = seen, probes
            if distance <= threshold:
                told = self._told("match", distance, len(fresh), last, request, begun)
                if not request.get("challenge"):
                    return told
                return self._challenge(request, templates, seen, told)
            if looks >= self._frames:
                break
        if last is not None:
            return self._told("mismatch", best, looks, last, request, begun)
        state = self.cameras[camera].state
        if state is not CameraState.OK or watcher.newest is None:
            fault = CameraState.NO_SIGNAL if state is CameraState.OK else state
            return {"outcome": "camera_fault", "detail": fault.value}
        return {"outcome": "no_face", "timing_ms": {"wait": _ms(begun)}}

    def _challenge(
        self, request: Mapping[str, Any], templates: Rows, seen: Look, told: dict[str, Any]
    ) -> dict[str, Any]:
        """Have the person turn their head as nobody could foresee, and compare once more: the
        one who turned must be the one who matched."""
        watcher = self.watchers[str(request["camera"])]
        turns, pauses = draw()
        looks: queue.SimpleQueue[tuple[int, Observation]] = queue.SimpleQueue()
        challenge = Challenge(turns, time.monotonic(), CHALLENGE_S, pauses)
        prompted = ""
        with watcher.shown(lambda track, look: looks.put((track, look))):
            while challenge.verdict is None:
                if challenge.prompt != prompted:
                    prompted = challenge.prompt
                    self._send({"prompt": str(prompted), "id": request.get("id")})
                try:
                    track, look = looks.get(timeout=0.1)
                except queue.Empty:
                    challenge.tick(time.monotonic())
                    continue
                if track == seen.track:
                    challenge.see(look)
                else:  # somebody else is nearer now, or the face was lost and found
                    challenge.tick(look.at)
        verdict, lives = challenge.verdict, dict(told["liveness"])
        passed, detail = verdict.passed, str(verdict.reason)
        if passed and not self._still_theirs(request, templates, seen.track):
            passed, detail = False, "another_face"
        lives |= {"challenge": passed, "detail": detail}
        timing = {**told["timing_ms"], "challenge": verdict.measured["seconds"] * 1000}
        return {**told, "liveness": lives, "timing_ms": timing}

    def _still_theirs(self, request: Mapping[str, Any], templates: Rows, track: int) -> bool:
        """Whether who stands there now is the holder too: by looks from here on alone, for
        those of before are of who matched before."""
        watcher = self.watchers[str(request["camera"])]
        since = newest = time.monotonic()
        for _ in range(self._frames):
            again = watcher.look(since, since + 2.0, newer_than=newest)
            if again is None or again.track != track:
                return False
            newest = again.samples[-1].at
            fresh = [sample.embedding for sample in again.samples if sample.at > since]
            if score(np.stack(fresh), templates) <= float(request["threshold"]):
                return True
        return False

    def identify(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Whose face is it, of everybody enrolled: of the track that was announced, which must
        still be there.  The nearest two looks of it must agree on the person."""
        begun = time.monotonic()
        deadline, threshold = float(request["deadline"]), float(request["threshold"])
        watcher = self.watchers[str(request["camera"])]
        asked_at, newest, looks = float(request["tapped_at"]), 0.0, 0
        answer: dict[str, Any] = {"outcome": "no_face", "detail": "the face is gone"}
        while (seen := watcher.look(asked_at, deadline, newer_than=newest)) is not None:
            newest = seen.samples[-1].at
            if seen.track != int(request["track"]):
                return answer
            looks += 1
            probes = np.stack([sample.embedding for sample in seen.samples])
            each = [self._gallery.nearest(probe[None, :]) for probe in probes[-2:]]
            near = self._gallery.nearest(probes)
            agreed = len(each) == 2 and len({item and item.person for item in each}) == 1
            known = near is not None and agreed and near.distance <= threshold
            if known or looks >= self._frames:
                outcome = "match" if known else "mismatch"
                distance = near.distance if near else None
                person = near.person if known and near else ""
                asked = {**request, "person": person}  # who is found is none of the others
                answer = self._told(outcome, distance, len(probes), (seen, probes), asked, begun)
                return {**answer, "person": person, "searched": len(self._gallery)}
        return answer

    def _told(
        self,
        outcome: str,
        distance: float | None,
        looks: int,
        last: tuple[Look, Rows],
        request: Mapping[str, Any],
        begun: float,
    ) -> dict[str, Any]:
        """An answer with what it rests on."""
        waited = _ms(begun)
        scoring = time.monotonic()
        seen, probes = last
        sample = seen.samples[-1]
        person = str(request.get("person", ""))
        answer: dict[str, Any] = {
            "outcome": outcome,
            "distance": distance,
            "frames": looks,
            "track": seen.track,
            "present_s": max(0.0, float(request["tapped_at"]) - seen.first_at),
            "quality": sample.quality,
            "model": self.engine.embedder.model,
            "frame_hash": hashlib.sha256(sample.picture.tobytes()).hexdigest(),
            "liveness": {
                "challenge": None,
                "suspect": bool(seen.suspicions),
                "detail": ", ".join(seen.suspicions),
            },
            "cues": dict(seen.cues),
            "others": self._score_others(probes, person, float(request["threshold"])),
        }
        if outcome == "mismatch" and person:
            near = self._gallery.nearest(probes, without=person)
            if near is not None:
                answer["nearest"] = {"person": near.person, "distance": near.distance}
        if request.get("picture"):
            answer["picture"] = base64.b64encode(_jpeg(sample.picture)).decode()
        now = time.monotonic()
        answer["frame_age_s"], answer["seen_age_s"] = now - sample.at, now - seen.seen_at
        answer["timing_ms"] = {"wait": waited, "score": _ms(scoring)}
        return answer

    def _score_others(self, probes: Rows, person: str, threshold: float) -> dict[str, Any]:
        """This face against people drawn at random who are not its badge's holder: what the
        site's own false-accept rate is reckoned from."""
        scores = self._gallery.others(probes, self._others, without=person)
        below = sum(value <= threshold for value in scores)
        return {"n": len(scores), "nearest": min(scores, default=None), "below": below}

    def capture(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One face good enough to enrol, or why there was none."""
        camera = self.cameras[str(request["camera"])]
        oldest = float(request["tapped_at"]) - float(request["max_age_s"])
        deadline, number = float(request["deadline"]), 0
        refused: str = quality.Refusal.NO_FACE
        while (left := deadline - time.monotonic()) > 0:
            if camera.state is not CameraState.OK:
                return {"refused": camera.state.value}
            frame = camera.next(number, min(0.1, left))
            if frame is None:
                continue
            number = frame.number
            if frame.at < oldest:
                continue
            image: Image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
            faces = self.engine.detect(image)
            measured, refusal = quality.judge(image, faces, self.engine.landmarks)
            if refusal is None and measured is not None:
                embedding = self.engine.embed(image, faces[0])
                answer = {"template": pack(embedding), "quality": measured.as_dict()}
                return {**answer, **self._model()}
            refused = refusal or refused
        return {"refused": refused if number else CameraState.NO_SIGNAL.value}


def _jpeg(picture: Image) -> bytes:
    """A picture for the evidence, at most PICTURE_PX on its longer side: what a large camera gives
    would fit neither the wire nor the limit of what is kept."""
    scale = PICTURE_PX / max(picture.shape[:2])
    if scale < 1:
        picture = cast(
            Image, cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        )
    good, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    data = jpeg.tobytes() if good else b""
    return data if len(data) <= PICTURE_BYTES else b""


def _scene(text: str) -> bytes:
    """A scene that was kept; what is no base64 is passed on as damaged, which the camera says."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _ms(since: float) -> float:
    return (time.monotonic() - since) * 1000


def pack(embedding: Embedding) -> str:
    """An embedding as text for the wire: base64 of little-endian float32."""
    return base64.b64encode(embedding.astype("<f4").tobytes()).decode()


def unpack(text: str, dimensions: int = DIMENSIONS) -> Rows:
    """Templates from the wire, shape (n, dimensions); raises ValueError for anything else."""
    raw = base64.b64decode(text, validate=True)
    return np.frombuffer(raw, "<f4").reshape(-1, dimensions).astype(np.float32)


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
    try:
        worker = Worker(wire.decode(requests.read(wire.size(header))), out)
    except (registry.UnknownDriver, Unusable, ModelsMissing, ValidationError) as error:
        sys.exit(f"the face process can't start: {error}")
    worker.run(requests)


if __name__ == "__main__":
    main()
