"""The watch over cameras: the cost of a frame, the time to find a loop, the cost of an idle
scene."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from benchmarks.figures import percentile, say
from demo.photos import fetch
from drivers.base import CameraState
from drivers.cameras.health import FeedHealth
from drivers.cameras.opencv import OpenCvCamera
from drivers.cameras.options import HealthOptions
from drivers.simulated import feeds
from drivers.simulated.camera import empty_video
from drivers.simulated.feeds import Image

FPS = 15
IDLE_S = 6.0


def cost(fps: float) -> list[float]:
    """Milliseconds for each frame of 640x480, with a full memory of frames."""
    sensor, view = feeds.Sensor(), feeds.view(feeds.yard())
    frames = [sensor(view) for _ in range(61)]
    health, took = FeedHealth(), []
    for count in range(2600):
        begun = time.perf_counter()
        health.look(frames[count % len(frames)], count / fps)
        took.append((time.perf_counter() - begun) * 1000)
    return took[2000:]


def seconds_until(state: CameraState, frames: Iterator[Image], limit: float) -> str:
    health = FeedHealth()
    for count, frame in enumerate(itertools.islice(frames, int(limit * FPS))):
        health.look(frame, count / FPS)
        if health.state is state:
            return f"{count / FPS:.1f} s"
    return f"not within {limit:.0f} s"


def false_alarms(photos: Path, minutes: float) -> int:
    """How often the state changes to a fault while people walk in and out of a yard."""
    sensor, view = feeds.Sensor(), feeds.view(feeds.yard())
    people = [feeds.person(photos / name) for name in ("obama.jpg", "biden.jpg", "obama3.jpg")]
    health, alarms, last = FeedHealth(HealthOptions()), 0, CameraState.OK
    for count in range(int(minutes * 60 * 5)):
        at = count / 5
        image = view
        if at > 25 and at % 12 < 8:
            person = people[int(at / 12) % 3]
            size = (0.9, 1.4, 2.2)[int(at / 36) % 3]
            image = feeds.stand(view, person, height=size, x=-0.3 + 0.2 * (at % 12), y=0.7)
        health.look(sensor(image), at)
        alarms += health.state is not last and health.state is not CameraState.OK
        last = health.state
    return alarms


def idle(video: Path, fps: float | None) -> float:
    """Share of one core (percent) while a camera plays `video`."""
    camera = OpenCvCamera(OpenCvCamera.Options(source=str(video)))
    camera.set_rate(fps)
    camera.start()
    camera.next(0, 5.0)
    began, spent = time.monotonic(), time.process_time()
    time.sleep(IDLE_S)
    share = (time.process_time() - spent) / (time.monotonic() - began) * 100
    camera.stop()
    time.sleep(0.3)
    return share


async def run(folder: Path) -> None:
    cv2.setNumThreads(1)
    for fps in (15, 5):
        took = cost(fps)
        figures = f"p50 {percentile(took, 0.5):.2f}  p95 {percentile(took, 0.95):.2f}"
        mean = sum(took) / len(took)
        say(f"a 640x480 frame at {fps} fps (ms)", f"{figures}  mean {mean:.2f}", "p50 0.3")
    sensor, view = feeds.Sensor(), feeds.view(feeds.yard())
    for length in (1, 5, 20):
        clip = [feeds.jpeg(sensor(view)) for _ in range(length * FPS)]
        for name, again in (("exact", None), ("encoded anew", feeds.reencoded)):
            found = seconds_until(
                CameraState.LOOPING, feeds.looped(clip, again=again), 3 * length + 6
            )
            say(f"still scene, loop of {length} s, {name}: found after", found)
    say("false alarms in 5 minutes of people in and out", str(false_alarms(fetch(), 5)), "0")
    video = folder / "empty.avi"
    empty_video(video, seconds=10)
    for rate in (None, 5.0):
        name = "every frame" if rate is None else f"{rate:.0f} frames a second"
        say(f"640x480 MJPG file at 15 fps, {name} (% of a core)", f"{idle(video, rate):.1f}")
