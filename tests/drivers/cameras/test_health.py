"""The watch over a camera's feed, on drawn yards with photographs of people.  Time is an
argument: nothing here waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from drivers.base import CameraState
from drivers.cameras.health import FeedHealth, Latch
from drivers.cameras.opencv import OpenCvCamera
from drivers.cameras.options import HealthOptions
from drivers.cameras.scene import SIZE
from drivers.simulated import feeds
from drivers.simulated.feeds import Image

pytestmark = pytest.mark.slow

FPS = 5.0
YARD = feeds.yard()
VIEW = feeds.view(YARD)
SENSOR = feeds.Sensor()
PEOPLE = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png")
Feed = Callable[[float], Image]


class Watch:
    """A FeedHealth, its time, and every state that it had after the scene was learned."""

    def __init__(self, scene: bytes | None = None, *, learn: bool = True, **options: float) -> None:
        self.health = FeedHealth(HealthOptions(looping=False, **options), scene=scene)
        self.now = 100.0
        if learn:
            self.show(lambda _: VIEW, 25)
            assert self.health.learned
            assert self.health.state is CameraState.OK

    def show(self, feed: Feed, seconds: float) -> dict[CameraState, float]:
        """Play `feed`; the states and the seconds after which each was first seen."""
        began, seen = self.now, dict[CameraState, float]()
        while self.now - began < seconds:
            self.health.look(SENSOR(feed(self.now - began)), self.now)
            seen.setdefault(self.health.state, self.now - began)
            self.now += 1 / FPS
        return seen


FAULTS: list[tuple[str, CameraState, float, Feed]] = [
    ("dark hand", CameraState.COVERED, 8, lambda _: feeds.covered(1, light=65)),
    ("hand", CameraState.COVERED, 8, lambda _: feeds.covered(2, light=90)),
    ("bright tape", CameraState.COVERED, 8, lambda _: feeds.covered(3, light=150)),
    ("defocus", CameraState.DEFOCUSED, 22, lambda _: feeds.defocused(VIEW, 6)),
    ("slow defocus", CameraState.DEFOCUSED, 75, lambda t: feeds.defocused(VIEW, min(7, t / 8))),
    ("turned 5 degrees", CameraState.MOVED, 22, lambda _: feeds.view(YARD, 53)),
    ("turned 10 degrees", CameraState.MOVED, 22, lambda _: feeds.view(YARD, -106, 20)),
    ("turned 20 degrees", CameraState.MOVED, 43, lambda _: feeds.view(YARD, 213)),
    ("turned 30 degrees", CameraState.MOVED, 43, lambda _: feeds.view(YARD, 320)),
    ("tilted 5 degrees", CameraState.MOVED, 43, lambda _: feeds.view(YARD, 0, 60)),
    ("rolled 5 degrees", CameraState.MOVED, 43, lambda _: feeds.view(YARD, roll=5)),
    ("rolled 30 degrees", CameraState.MOVED, 43, lambda _: feeds.view(YARD, roll=30)),
    ("night", CameraState.UNDEREXPOSED, 11, lambda _: feeds.exposed(VIEW, -3)),
    ("dazzled", CameraState.OVEREXPOSED, 11, lambda _: feeds.exposed(VIEW, 3)),
    ("lens cap", CameraState.BLACK, 1, lambda _: np.full_like(VIEW, 2)),
]


@pytest.mark.parametrize(
    ("state", "within", "feed"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_each_fault_is_found_named_and_over_when_it_is_gone(
    state: CameraState, within: float, feed: Feed
) -> None:
    watch = Watch()
    seen = watch.show(feed, within)
    assert set(seen) == {CameraState.OK, state}
    print(f"{state}: {seen[state]:.1f} s, {watch.health.detail}")
    assert watch.health.detail.startswith(f"{state} ")
    back = watch.show(lambda _: VIEW, 5)
    assert watch.health.state is CameraState.OK
    assert back[CameraState.OK] >= 2.5  # not at once: nothing flaps


def test_a_moved_camera_stays_moved_while_people_pass(photos: Path) -> None:
    turned, person = feeds.view(YARD, 320), feeds.person(photos / "biden.jpg")
    watch = Watch()
    watch.show(lambda _: turned, 45)
    assert watch.health.state is CameraState.MOVED
    passing = watch.show(lambda t: feeds.stand(turned, person, height=1, x=t % 4 / 3, y=0.7), 30)
    assert set(passing) == {CameraState.MOVED}


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("height", [1.3, 2.0, 3.2])
def test_somebody_who_fills_the_picture_is_no_fault(photos: Path, name: str, height: float) -> None:
    person = feeds.person(photos / name)

    def close(t: float) -> Image:
        size = height * (1 + 0.02 * math.sin(0.9 * t))
        x, y = 0.5 + 0.02 * math.sin(0.7 * t), 0.55 + 0.01 * math.sin(1.3 * t)
        return feeds.stand(VIEW, person, height=size, x=x, y=y + (height > 1.5) * 0.25)

    assert set(Watch().show(close, 60)) == {CameraState.OK}


def test_people_rain_headlights_and_lamps_raise_no_alarm(photos: Path) -> None:
    people = [feeds.person(photos / name) for name in PEOPLE]

    def day(t: float) -> Image:
        image = feeds.exposed(VIEW, 0.5) if t % 40 > 30 else VIEW  # a light is switched on
        if t % 12 < 8:
            x = -0.3 + 0.2 * (t % 12)
            image = feeds.stand(image, people[int(t / 12) % 5], height=1.2, x=x, y=0.7)
        if 60 <= t % 120 < 80:
            image = feeds.rain(image, t)
        return feeds.headlights(image, 2.0) if 90 <= t % 120 < 98 else image

    assert set(Watch().show(day, 240)) == {CameraState.OK}


def test_a_camera_turned_while_the_box_was_off_is_noticed() -> None:
    kept = Watch().health.to_bytes()
    assert kept is not None
    assert len(kept) == SIZE
    watch = Watch(kept, learn=False)
    assert set(watch.show(lambda _: VIEW, 45)) == {CameraState.OK}
    watch = Watch(kept, learn=False)
    assert CameraState.MOVED in watch.show(lambda _: feeds.view(YARD, 320), 45)
    watch.health.accept()
    assert set(watch.show(lambda _: feeds.view(YARD, 320), 60)) == {CameraState.OK}
    assert watch.health.learned


def test_what_is_no_scene_is_refused() -> None:
    kept = Watch().health.to_bytes()
    assert kept is not None
    damaged = bytearray(kept)
    damaged[500] ^= 1
    for data in (b"x", kept[:-1], kept + b"\0", bytes(damaged), bytes(SIZE)):
        with pytest.raises(ValueError, match="scene"):
            FeedHealth(scene=data)


def test_a_check_that_is_off_finds_nothing() -> None:
    off = Watch(covered_after_s=0, moved_after_s=0, exposure_after_s=0)
    for feed in (FAULTS[1][3], FAULTS[8][3], FAULTS[12][3]):
        assert set(off.show(feed, 50)) == {CameraState.OK}


def test_a_bare_wall_is_not_judged() -> None:
    wall = np.full_like(VIEW, 100)
    watch = Watch(learn=False)
    watch.show(lambda _: wall, 25)
    assert set(watch.show(lambda _: VIEW, 15)) == {CameraState.OK}


def test_frozen_is_found_by_time_at_any_rate() -> None:
    for fps in (1.0, 5.0, 30.0):
        health, now = FeedHealth(), 0.0
        while health.state is CameraState.OK:
            health.look(VIEW, now)
            now += 1 / fps
            assert now < 5
        assert health.state is CameraState.FROZEN
        assert now >= 2.0


def live(feed: Feed, fps: float = 15) -> Iterator[Image]:
    count = 0
    while True:
        yield feeds.jpeg(SENSOR(feed(count / fps)))
        count += 1


def play(frames: Iterator[Image], seconds: float, fps: float = 15) -> tuple[float, FeedHealth]:
    """When `looping` was first seen (infinity: never), and the watch."""
    health, found = FeedHealth(), math.inf
    for count in range(int(seconds * fps)):
        health.look(next(frames), count / fps)
        if health.state is CameraState.LOOPING:
            found = min(found, count / fps)
    return found, health


@pytest.mark.parametrize("again", [None, feeds.reencoded], ids=["exact", "encoded anew"])
@pytest.mark.parametrize("seconds", [1, 3, 7.4])
def test_a_recording_played_again_and_again_is_found(
    seconds: float, again: Callable[[Image, int], Image] | None
) -> None:
    frames = live(lambda _: VIEW)
    clip = [next(frames) for _ in range(int(seconds * 15))]
    found, health = play(feeds.looped(clip, again=again), 3 * seconds + 6)
    print(f"loop of {seconds} s: found after {found:.1f} s")
    assert found <= 3 * seconds + 6
    assert "looping period_s=" in health.detail


def test_a_loop_with_somebody_in_it_is_found(photos: Path) -> None:
    person = feeds.person(photos / "obama.jpg")
    frames = live(lambda t: feeds.stand(VIEW, person, height=1, x=0.15 * t - 0.2, y=0.7))
    clip = [next(frames) for _ in range(8 * 15)]
    assert play(feeds.looped(clip, again=feeds.reencoded), 24)[0] <= 24


@pytest.mark.parametrize(
    "feed",
    [
        lambda _: VIEW,
        lambda t: feeds.exposed(VIEW, 0.5) if int(t) % 2 else VIEW,
        lambda t: feeds.view(YARD, 4 * round(math.sin(2 * math.pi * t))),
    ],
    ids=["empty", "a lamp blinks", "a mast sways"],
)
def test_a_live_feed_is_no_loop(feed: Feed) -> None:
    assert play(live(feed), 30)[0] == math.inf


def test_a_change_of_size_and_odd_sizes_are_borne() -> None:
    health = FeedHealth()
    for count, size in enumerate([(480, 640), (120, 160), (721, 1283), (1080, 1920)] * 3):
        health.look(np.full((*size, 3), 90 + count, np.uint8), count * 0.6)
    assert health.state is CameraState.OK


def test_a_latch_neither_flaps_nor_is_fooled_by_a_moment() -> None:
    latch = Latch(10, 3)
    for _ in range(60):  # a flicker: one second in two
        assert not latch.update(True, 1)
        assert not latch.update(False, 1)
    for _ in range(3):
        latch.update(True, 3)
        latch.update(False, 0.5)  # a moment of health among much fault
    assert latch.update(True, 5)
    assert latch.update(False, 2.9)
    assert not latch.update(False, 0.2)


def test_a_rate_below_one_is_refused() -> None:
    camera = OpenCvCamera(OpenCvCamera.Options(source="none.avi"))
    for fps in (0, -1, 0.5, math.nan):
        with pytest.raises(ValueError, match="one frame a second"):
            camera.set_rate(fps)
