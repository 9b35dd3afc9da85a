"""Reports to the daemon how the cameras are, and what each should see.

Polls the cameras a few times a second.  A state goes out when it changes; the scene that a camera
has learned goes out every five minutes, and at once after an operator accepted a new one: the
daemon keeps it, so that a camera that was turned while the box was off is noticed.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from drivers.base import CameraDriver, CameraState
from gateway.face.vision.watch import Watcher

EVERY_S = 0.25
SCENES_EVERY_S = 300.0


class HealthReporter:
    """`send` takes a message for the daemon.  Call `run` in a thread; any thread may call
    `accept`."""

    def __init__(
        self,
        cameras: Mapping[str, CameraDriver],
        watchers: Mapping[str, Watcher],
        send: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._cameras = cameras
        self._watchers = watchers
        self._send = send
        self._states: dict[str, str] = {}
        self._scenes: dict[str, bytes] = {}
        self._scenes_due = time.monotonic() + SCENES_EVERY_S
        self._learning: dict[str, bool] = {}
        """Cameras whose new scene was accepted, and whether they have forgotten the old one."""

    def run(self) -> None:
        """Report for ever.  Ends the process if a watcher hangs: the daemon starts another."""
        while True:
            self.poll(time.monotonic())
            if stuck := [name for name, watcher in self._watchers.items() if watcher.stuck]:
                print(f"the watch over {', '.join(stuck)} hangs", file=sys.stderr, flush=True)
                os._exit(1)
            time.sleep(EVERY_S)

    def accept(self, name: str) -> None:
        """An operator says that this camera looks where it should.  Raises KeyError."""
        self._cameras[name].accept_scene()
        self._learning[name] = False

    def poll(self, now: float) -> None:
        """Report what has changed; `now` is monotonic seconds."""
        every = now >= self._scenes_due
        if every:
            self._scenes_due = now + SCENES_EVERY_S
        for name, camera in self._cameras.items():
            state = camera.state.value
            if self._states.get(name) != state and (camera.next(0, 0) or state != CameraState.OK):
                self._states[name] = state
                self._send({"camera": name, "state": state, "figures": camera.detail})
            if every or name in self._learning:
                self._report_scene(name, camera, every)

    def _report_scene(self, name: str, camera: CameraDriver, every: bool) -> None:
        scene = camera.scene
        forgotten = self._learning.get(name)
        if scene is None and forgotten is not None:
            self._learning[name] = True
        learned = scene is not None and bool(forgotten)
        if scene is None or not (every or learned) or self._scenes.get(name) == scene:
            return
        if learned:
            self._learning.pop(name, None)
        self._scenes[name] = scene
        self._send({"scene": name, "data": base64.b64encode(scene).decode()})
