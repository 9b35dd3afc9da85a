"""Compares who stands at a camera with templates: the face process's answers to the daemon.

In: requests of the daemon, as gateway/face/service.py makes them.  Out: answers, as dictionaries
for the wire.  Each call waits for frames until the request's deadline, so each runs in a thread
of its own.  Keeps no template and no picture after the answer.
"""

from __future__ import annotations

import base64
import hashlib
import queue
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import cv2
import numpy as np

from drivers.base import CameraDriver, CameraState
from gateway.face.vision import quality
from gateway.face.vision.engine import DIMENSIONS, Embedding, Engine, Image
from gateway.face.vision.gallery import Gallery, Rows
from gateway.face.vision.liveness import Challenge, Observation, draw
from gateway.face.vision.score import score
from gateway.face.vision.watch import TrackedFace, Watcher

JPEG_QUALITY = 85
PICTURE_PX, PICTURE_BYTES = 1280, 1024 * 1024
CHALLENGE_S = 10.0


class Comparisons:
    """Answers `match`, `identify` and `capture`.

    `frames` is how many looks may fail before the answer is a mismatch; `others` is how many
    other people each face is scored against; `send` takes a message for the daemon.  `cameras`
    and `watchers` have the same names.
    """

    def __init__(
        self,
        *,
        cameras: Mapping[str, CameraDriver],
        watchers: Mapping[str, Watcher],
        engine: Engine,
        gallery: Gallery,
        frames: int,
        others: int,
        send: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.cameras = cameras
        self.watchers = watchers
        self.engine = engine
        self._gallery = gallery
        self._frames = frames
        self._others = others
        self._send = send

    def match(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Compare the nearest face with one person's templates.

        The face must be on a frame taken after the tap.  The samples that are compared may be
        older, as long as they are of the same track and within `max_age_s`: a face that is
        known already costs one frame and one comparison.  After `frames` looks that do not
        match, the answer is a mismatch.
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
        last: tuple[TrackedFace, Rows] | None = None
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
        self, request: Mapping[str, Any], templates: Rows, seen: TrackedFace, told: dict[str, Any]
    ) -> dict[str, Any]:
        """Ask the person for unforeseeable turns of the head, then compare once more: the person
        who turned must be the one who matched."""
        watcher = self.watchers[str(request["camera"])]
        turns, pauses = draw()
        looks: queue.SimpleQueue[tuple[int, Observation]] = queue.SimpleQueue()
        started = time.monotonic()
        challenge = Challenge(turns, started, CHALLENGE_S, pauses)
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
                if look.at <= started:
                    continue  # taken before: it tells nothing of this challenge
                if track == seen.track:
                    challenge.see(look)
                else:  # another face is nearer now, or the face was lost and found again
                    challenge.tick(look.at)
        verdict, lives = challenge.verdict, dict(told["liveness"])
        passed, detail = verdict.passed, str(verdict.reason)
        if passed and not self._still_theirs(request, templates, seen.track):
            passed, detail = False, "another_face"
        lives |= {"challenge": passed, "detail": detail}
        timing = {**told["timing_ms"], "challenge": verdict.measured["seconds"] * 1000}
        return {**told, "liveness": lives, "timing_ms": timing}

    def _still_theirs(self, request: Mapping[str, Any], templates: Rows, track: int) -> bool:
        """Whether the holder stands there now.  Uses samples taken from now on only, because the
        earlier ones show whoever matched before the challenge."""
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
        """Find whose face the announced track is, among everybody enrolled.

        The track must still be there, and its newest two samples must have the same nearest
        person."""
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
                asked = {**request, "person": person}  # the person found is not an "other"
                answer = self._told(outcome, distance, len(probes), (seen, probes), asked, begun)
                return {**answer, "person": person, "searched": len(self._gallery)}
        return answer

    def _told(
        self,
        outcome: str,
        distance: float | None,
        looks: int,
        last: tuple[TrackedFace, Rows],
        request: Mapping[str, Any],
        begun: float,
    ) -> dict[str, Any]:
        """An answer with the figures that it is based on, for the record."""
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
        """Score this face against people drawn at random, without the badge's holder.  The site's
        own false-accept rate is computed from these."""
        scores = self._gallery.others(probes, self._others, without=person)
        below = sum(value <= threshold for value in scores)
        return {"n": len(scores), "nearest": min(scores, default=None), "below": below}

    def capture(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Capture one face that is good enough to enrol, or say why there was none."""
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
                return {**answer, **self.model()}
            refused = refusal or refused
        return {"refused": refused if number else CameraState.NO_SIGNAL.value}

    def model(self) -> dict[str, str]:
        """Which code embeds, and what its templates are marked with."""
        return {"embedder": self.engine.embedder.name, "model": self.engine.embedder.model}


def _jpeg(picture: Image) -> bytes:
    """A picture for the evidence, at most PICTURE_PX on its longer side: a large camera's picture
    would be too large for the wire and for what is kept.  Empty if it can't be encoded."""
    scale = PICTURE_PX / max(picture.shape[:2])
    if scale < 1:
        picture = cast(
            Image, cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        )
    good, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    data = jpeg.tobytes() if good else b""
    return data if len(data) <= PICTURE_BYTES else b""


def _ms(since: float) -> float:
    """Milliseconds since a monotonic time."""
    return (time.monotonic() - since) * 1000


def pack(embedding: Embedding) -> str:
    """An embedding as text for the wire: base64 of little-endian float32."""
    return base64.b64encode(embedding.astype("<f4").tobytes()).decode()


def unpack(text: str, dimensions: int = DIMENSIONS) -> Rows:
    """Templates from the wire, shape (n, dimensions); raises ValueError for anything else."""
    raw = base64.b64decode(text, validate=True)
    return np.frombuffer(raw, "<f4").reshape(-1, dimensions).astype(np.float32)
