"""The daemon's side of the face process: keeps it alive and asks it.

`match()` never raises and never waits much longer than it was told to: a process that dies,
hangs or answers nonsense is `unavailable`, which denies.  Imports nothing heavy.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.face import wire
from gateway.model import FaceOutcome, FaceResult

log = logging.getLogger("garita.face")

RETRY_S = (0.5, 10.0)
START_S = 30.0
GRACE_S = 1.0  # beyond its own deadline; then the process is taken to hang
# They print lines at each attempt to open a camera; its state is told once, by us.
QUIET = {"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
OnDevice = Callable[[str, str, bool, str], None]


class FaceService:
    """`config` is what gateway/face/worker.py's `Worker` takes."""

    def __init__(
        self, config: Mapping[str, Any], *, on_device: OnDevice, python: str = sys.executable
    ) -> None:
        self._config = config
        self._on_device = on_device
        self._python = python
        self._process: asyncio.subprocess.Process | None = None
        self._ready = False
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._starts = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it is ready."""
        return self._process.pid if self._process and self._ready else None

    def status(self) -> dict[str, Any]:
        return {"ready": self._ready, "pid": self.pid, "starts": self._starts}

    async def run(self) -> None:
        """Keep the process running until cancelled."""
        wait = RETRY_S[0]
        while True:
            begun = time.monotonic()
            detail = await self._live()
            self._on_device("face", "face", False, detail)
            for name in self._config["cameras"]:
                self._on_device("camera", name, False, "the face process is away")
            if time.monotonic() - begun > 60:
                wait = RETRY_S[0]
            await asyncio.sleep(wait)
            wait = min(wait * 2, RETRY_S[1])

    async def match(
        self,
        camera: str,
        templates: Sequence[bytes],
        *,
        threshold: float,
        tapped_at: float,
        timeout_s: float,
        max_age_s: float,
    ) -> FaceResult:
        """One-to-one comparison at `camera`; times are monotonic seconds."""
        deadline = time.monotonic() + timeout_s
        request = {
            "op": "match",
            "camera": camera,
            "templates": base64.b64encode(b"".join(templates)).decode(),
            "threshold": threshold,
            "tapped_at": tapped_at,
            "max_age_s": max_age_s,
            "deadline": deadline,
        }
        answer = await self._ask(request, timeout_s + GRACE_S)
        return _result(answer)

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
            return {"template": answer["template"], "quality": answer.get("quality", {})}
        return {"refused": str(answer.get("refused") or answer.get("detail"))}

    async def _ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        process = self._process
        if not self._ready or process is None or process.stdin is None:
            return {"outcome": "unavailable", "detail": "the face process is away"}
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            process.stdin.write(wire.encode({**request, "id": number}))
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            log.error("the face process does not answer: it is killed and started again")
            self._kill(process)
            return {"outcome": "unavailable", "detail": "no answer"}
        except (OSError, ValueError) as error:
            return {"outcome": "unavailable", "detail": type(error).__name__}
        finally:
            del self._waiting[number]

    async def _live(self) -> str:
        """One life of the process; returns how it ended."""
        self._starts += 1
        process = await asyncio.create_subprocess_exec(
            self._python,
            "-m",
            "gateway.face.worker",
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
                    if "ready" in message:
                        first.reschedule(None)
                    self._take(message)
        except asyncio.IncompleteReadError:
            return "ended"
        except TimeoutError:
            return "did not start"
        except (ValueError, OSError) as error:
            return f"sends nonsense: {error}"
        finally:
            self._ready = False
            self._kill(process)
            for future in self._waiting.values():
                if not future.done():
                    future.set_result({"outcome": "unavailable", "detail": "died"})
            await process.wait()

    def _take(self, message: Mapping[str, Any]) -> None:
        """A message of the process; an answer to nobody's question is dropped."""
        if "ready" in message:
            self._ready = True
            self._on_device("face", "face", True, "")
        elif "camera" in message:
            state = str(message.get("state"))
            online = state == "ok"
            self._on_device("camera", str(message["camera"]), online, "" if online else state)
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


def _result(answer: Mapping[str, Any]) -> FaceResult:
    """An answer as a result; anything out of form is `unavailable`."""
    try:
        distance, age = answer.get("distance"), answer.get("frame_age_s")
        if any(number is not None and not math.isfinite(number) for number in (distance, age)):
            raise ValueError("not a number")
        return FaceResult(
            FaceOutcome(answer["outcome"]),
            None if distance is None else float(distance),
            int(answer.get("frames", 0)),
            None if age is None else float(age),
            str(answer.get("detail", ""))[:80],
            {str(key): float(value) for key, value in answer.get("timing_ms", {}).items()},
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        return FaceResult(FaceOutcome.UNAVAILABLE, detail=f"nonsense: {type(error).__name__}")
