"""The daemon's side of the face process: keeps it alive and asks it.

`match()` never raises and never waits much longer than its timeout.  If the process dies, hangs or
sends nonsense, the answer is `unavailable`, which denies.  This module loads no model.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import os
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from drivers.backoff import Backoff
from gateway.config import parts
from gateway.face import wire

log = logging.getLogger("garita.face.service")

RETRY_S = (0.5, 10.0)
START_S = 30.0
CHALLENGE_S = 14.0  # the longest that a challenge may take, with a last look
VIEW_S = 5.0  # for a picture that somebody only watches
GRACE_S = 1.0  # beyond the deadline; after that the process is assumed to hang
# Both print lines at each attempt to open a camera; we report its state once.
QUIET = {"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
# More threads in the linear algebra would take cores that the gate needs.
QUIET |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
MAX_SCENE = 65_536  # text; a scene is some 26,000
ARRIVAL_MAX_AGE_S = 1.0  # whoever was announced earlier may be gone
OnDevice = Callable[[str, str, bool, str], None]
OnArrival = Callable[[int, float], None]
OnPrompt = Callable[[str], None]


class FaceService:
    """`config` is what gateway/face/vision/worker.py's `Worker` takes."""

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        on_device: OnDevice,
        on_scene: Callable[[str, str], None] = lambda camera, data: None,
        python: str = sys.executable,
    ) -> None:
        self._config = config
        self._on_device = on_device
        self._on_scene = on_scene
        self._python = python
        self._process: asyncio.subprocess.Process | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._prompts: dict[int, OnPrompt] = {}
        self._arrivals: dict[str, list[OnArrival]] = {}
        self.starts = 0
        self.embedder = self.model = ""
        """What embeds, and what its templates are marked with, as the process says once ready."""
        self.ready = asyncio.Event()
        """Set while the process can be asked."""

    @property
    def pid(self) -> int | None:
        """The process's id while it is ready."""
        return self._process.pid if self._process and self.ready.is_set() else None

    @property
    def cameras(self) -> Collection[str]:
        """The names of the cameras."""
        names: Collection[str] = self._config["cameras"]
        return names

    def status(self) -> dict[str, Any]:
        return {
            "ready": self.ready.is_set(),
            "pid": self.pid,
            "starts": self.starts,
            "embedder": self.embedder,
            "model": self.model,
        }

    def on_arrival(self, camera: str, callback: OnArrival) -> None:
        """`callback(track, at)` when somebody new stands before `camera`."""
        self._arrivals.setdefault(camera, []).append(callback)

    async def run(self) -> None:
        """Keep the process running until cancelled."""
        backoff = Backoff(*RETRY_S)
        while True:
            begun = time.monotonic()
            missing = await asyncio.to_thread(parts.face_missing)
            detail = f"not installed: {missing}" if missing else await self._live()
            self._on_device("face", "face", False, detail)
            for name in self._config["cameras"]:
                self._on_device("camera", name, False, "the face process is away")
            await asyncio.sleep(backoff.pause_s(time.monotonic() - begun))

    async def match(
        self,
        camera: str,
        person_id: str,
        templates: Sequence[bytes],
        *,
        threshold: float,
        tapped_at: float,
        timeout_s: float,
        max_age_s: float,
        challenge: bool = False,
        picture: bool = False,
        on_prompt: OnPrompt | None = None,
    ) -> dict[str, Any]:
        """Compare the face at `camera` with `templates` within `timeout_s`.

        With `challenge` the person is then asked to turn their head, for CHALLENGE_S at most.
        `tapped_at` is monotonic seconds, `max_age_s` the age of the oldest sample.  Returns the
        worker's answer: read it with gateway.face.result.result_of.
        """
        deadline = time.monotonic() + timeout_s
        request = {
            "op": "match",
            "camera": camera,
            "person": person_id,
            "templates": base64.b64encode(b"".join(templates)).decode(),
            "threshold": threshold,
            "tapped_at": tapped_at,
            "max_age_s": max_age_s,
            "deadline": deadline,
            "challenge": challenge,
            "picture": picture,
        }
        longest = timeout_s + (CHALLENGE_S if challenge else 0.0) + GRACE_S
        return await self._ask(request, longest, on_prompt)

    async def identify(
        self, camera: str, track: int, *, threshold: float, timeout_s: float
    ) -> dict[str, Any]:
        """Find whose face `track` is, among everybody in the gallery."""
        now = time.monotonic()
        request = {
            "op": "identify",
            "camera": camera,
            "track": track,
            "threshold": threshold,
            "tapped_at": now,
            "deadline": now + timeout_s,
        }
        return await self._ask(request, timeout_s + GRACE_S)

    def gallery(self, people: Mapping[str, bytes], *, replace: bool = False) -> bool:
        """Send people's templates to the process (b"" removes a person).  Returns False if the
        process is not ready."""
        process = self._process
        if not self.ready.is_set() or process is None or process.stdin is None:
            return False
        packed = {key: base64.b64encode(value).decode() for key, value in people.items()}
        message = wire.encode({"op": "gallery", "people": packed, "replace": replace})
        process.stdin.write(message)
        return True

    def accept_scene(self, camera: str) -> bool:
        """Tell the process that `camera` looks where it should.  False if it is not ready."""
        process = self._process
        if not self.ready.is_set() or process is None or process.stdin is None:
            return False
        process.stdin.write(wire.encode({"op": "accept_scene", "camera": camera}))
        return True

    async def drained(self) -> None:
        """Wait until the process has read what was sent, or nearly all of it."""
        process = self._process
        if process is not None and process.stdin is not None:
            await process.stdin.drain()

    async def capture(self, camera: str, timeout_s: float) -> dict[str, Any]:
        """A face for enrolment: ``template`` (base64) and ``quality``, or ``refused``."""
        if camera not in self._config["cameras"]:
            return {"refused": "no such camera"}
        now = time.monotonic()
        request = {
            "op": "capture",
            "camera": camera,
            "tapped_at": now,
            "max_age_s": 0.5,
            "deadline": now + timeout_s,
        }
        answer = await self._ask(request, timeout_s + GRACE_S)
        if "template" in answer:
            kept = ("template", "quality", "model")
            return {key: answer[key] for key in kept if key in answer}
        return {"refused": str(answer.get("refused") or answer.get("detail"))}

    async def still(self, camera: str) -> dict[str, Any]:
        """What `camera` sees now: ``still`` (a small JPEG, base64) and ``state``, or ``refused``.
        A slow answer is no reason to end the process that the doors need."""
        if camera not in self._config["cameras"]:
            return {"refused": "no such camera"}
        return await self._view({"op": "still", "camera": camera})

    async def look(
        self, camera: str, *, after: int, kept: Sequence[str], threshold: float, portrait: bool
    ) -> dict[str, Any]:
        """A look at the nearest face for an enrolment; gateway/face/vision/views.py says what the
        answer holds.  `kept` are the templates (base64) of the looks that were good before."""
        if camera not in self._config["cameras"]:
            return {"refused": "no such camera"}
        rows = b"".join(base64.b64decode(item) for item in kept)
        request = {
            "op": "look",
            "camera": camera,
            "after": after,
            "kept": base64.b64encode(rows).decode(),
            "embedder": self._config.get("embedder", "dlib"),
            "threshold": threshold,
            "portrait": portrait,
        }
        return await self._view(request)

    async def _view(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = await self._ask(request, VIEW_S, patient=True)
        if answer.get("outcome") == "unavailable":
            return {"refused": "unavailable", "detail": str(answer.get("detail", ""))}
        return answer

    async def _ask(
        self,
        request: dict[str, Any],
        timeout_s: float,
        on_prompt: OnPrompt | None = None,
        *,
        patient: bool = False,
    ) -> dict[str, Any]:
        process = self._process
        if not self.ready.is_set() or process is None or process.stdin is None:
            return {"outcome": "unavailable", "detail": "the face process is away"}
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        if on_prompt is not None:
            self._prompts[number] = on_prompt
        try:
            process.stdin.write(wire.encode({**request, "id": number}))
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            if not patient:
                log.error("the face process does not answer: it is killed and started again")
                self._kill(process)
            return {"outcome": "unavailable", "detail": "no answer"}
        except (OSError, ValueError) as error:
            return {"outcome": "unavailable", "detail": type(error).__name__}
        finally:
            del self._waiting[number]
            self._prompts.pop(number, None)

    async def _live(self) -> str:
        """One life of the process; returns how it ended."""
        self.starts += 1
        process = await asyncio.create_subprocess_exec(
            self._python,
            "-m",
            "gateway.face.vision.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **QUIET},
        )
        self._process = process
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(wire.encode(self._config))
            first = asyncio.timeout(START_S)
            async with first:
                while True:
                    header = await process.stdout.readexactly(wire.HEADER)
                    body = await process.stdout.readexactly(wire.size(header))
                    message = wire.decode(body)
                    if "away" in message:  # it ends, and can't say so later
                        return str(message["away"])[:200]
                    if "ready" in message:
                        first.reschedule(None)
                    self._take(message)
        except asyncio.IncompleteReadError:
            return "ended"
        except TimeoutError:
            return "did not start"
        except (ValueError, OSError) as error:
            return f"sends nonsense: {error}"
        except (KeyError, TypeError, ArithmeticError, RecursionError) as error:
            return f"sends nonsense: {type(error).__name__}"
        finally:
            self.ready.clear()
            self._kill(process)
            for future in self._waiting.values():
                if not future.done():
                    future.set_result({"outcome": "unavailable", "detail": "died"})
            await process.wait()

    def _take(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the process.  An answer that nobody waits for is dropped."""
        if "ready" in message:
            self.embedder = str(message.get("embedder", ""))[:80]
            self.model = str(message.get("model", ""))[:80]
            self.ready.set()
            self._on_device("face", "face", True, "")
        elif "scene" in message:
            camera, data = str(message["scene"]), str(message["data"])
            if camera in self._config["cameras"] and len(data) <= MAX_SCENE:
                self._on_scene(camera, data)
        elif "arrived" in message:
            if time.monotonic() - float(message["at"]) < ARRIVAL_MAX_AGE_S:
                for arrived in self._arrivals.get(str(message["arrived"]), ()):
                    arrived(int(message["track"]), float(message["at"]))
        elif "prompt" in message:
            prompt = self._prompts.get(message.get("id", 0))
            if prompt is not None:
                prompt(str(message["prompt"]))
        elif "camera" in message:
            camera, state = str(message["camera"]), str(message.get("state"))[:80]
            online = state == "ok"
            if camera in self._config["cameras"]:
                self._on_device("camera", camera, online, "" if online else state)
        else:
            future = self._waiting.get(message.get("id", 0))
            if future is not None and not future.done():
                future.set_result(dict(message))

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            try:
                process.kill()
            except ProcessLookupError:
                return
