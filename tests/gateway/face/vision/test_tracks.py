"""Faces followed from frame to frame, and the gallery of all people: arrays in, answers out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.face.vision.comparison import pack, unpack
from gateway.face.vision.engine import Face
from gateway.face.vision.gallery import Gallery
from gateway.face.vision.score import score
from gateway.face.vision.tracks import GAP_S, UNDETECTED_S, Sample, Tracker
from gateway.face.vision.watch import Motion

RANDOM = np.random.default_rng(7)
STEP = 1 / 15


def texture(seed: int) -> NDArray[np.uint8]:
    """Something with the structure of a face, 48 x 48."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6)).astype(np.float32)
    return np.kron(coarse, np.ones((8, 8), np.float32)).astype(np.uint8)


def scene(*things: tuple[NDArray[np.uint8], int, int]) -> NDArray[np.uint8]:
    """A grey wall with noise, and textures at places (left, top)."""
    picture = np.full((240, 320), 100, np.uint8)
    for thing, left, top in things:
        picture[top : top + 48, left : left + 48] = thing
    return (picture + RANDOM.integers(0, 6, picture.shape)).astype(np.uint8)


def box(left: int, top: int) -> Face:
    return Face(left, top, left + 48, top + 48)


def sample(vector: NDArray[np.float32], at: float) -> Sample:
    return Sample(vector, at, 1, {}, np.zeros((2, 2, 3), np.uint8))


def test_a_face_that_walks_is_one_track() -> None:
    tracker, face = Tracker(1.0), texture(1)
    tracker.detected([box(40, 60)], scene((face, 40, 60)), 0.0)
    for step in range(1, 15):
        tracker.follow(scene((face, 40 + 8 * step, 60)), step * STEP)
    (track,) = tracker.tracks
    assert track.id == 1 and track.seen_at == pytest.approx(14 * STEP)
    assert abs(track.box.left - (40 + 8 * 14)) <= 1


def test_a_face_that_left_is_gone_and_its_successor_is_another() -> None:
    tracker, first, second = Tracker(1.0), texture(1), texture(2)
    tracker.detected([box(40, 60)], scene((first, 40, 60)), 0.0)
    tracker.follow(scene(), STEP)
    assert tracker.tracks[0].seen_at == 0.0  # not seen on the frame after
    tracker.follow(scene(), GAP_S + STEP)
    assert not tracker.tracks
    tracker.detected([box(40, 60)], scene((second, 40, 60)), GAP_S + 2 * STEP)
    assert [track.id for track in tracker.tracks] == [2]


def test_who_is_not_detected_for_long_is_no_face() -> None:
    """Something on the wall that looked like a face once is not followed for ever."""
    tracker, face = Tracker(1.0), texture(1)
    tracker.detected([box(40, 60)], scene((face, 40, 60)), 0.0)
    at = 0.0
    while at < UNDETECTED_S + STEP:
        at += STEP
        tracker.follow(scene((face, 40, 60)), at)
    assert not tracker.tracks


def test_two_people_are_two_tracks_and_the_nearest_is_the_widest() -> None:
    tracker, near, far = Tracker(1.0), texture(1), texture(2)
    picture = scene((near, 40, 60), (far, 200, 60))
    tracker.detected([Face(40, 60, 88, 108), Face(200, 60, 230, 90)], picture, 0.0)
    assert len(tracker.tracks) == 2
    assert tracker.nearest is not None and tracker.nearest.box.left == 40


def test_samples_of_another_face_begin_anew() -> None:
    """A cut in the feed puts another face in the same place: what was known is not theirs."""
    tracker = Tracker(1.0)
    tracker.detected([box(40, 60)], scene((texture(1), 40, 60)), 0.0)
    (track,) = tracker.tracks
    one, other = np.zeros(128, np.float32), np.full(128, 0.1, np.float32)
    assert track.add(sample(one, 0.1)) and track.add(sample(one + 0.01, 0.2))
    assert not track.add(sample(other, 0.3))
    assert [item.at for item in track.samples] == [0.3] and track.first_at == 0.3


def test_odd_boxes_and_flat_pictures_are_no_tracks() -> None:
    tracker = Tracker(1.0)
    flat = np.full((240, 320), 50, np.uint8)
    tracker.detected([Face(-500, -500, -400, -400), Face(318, 0, 330, 9)], flat, 0.0)
    assert not tracker.tracks
    tracker.detected([box(280, 200)], flat, 0.0)
    tracker.follow(flat, STEP)  # a flat patch correlates with nothing
    assert tracker.tracks[0].seen_at == 0.0


def test_noise_is_no_movement_and_a_person_is() -> None:
    motion = Motion()
    motion.moved(scene())
    assert not any(motion.moved(scene()) for _ in range(50))
    assert motion.moved(scene((texture(1), 100, 100)))


# The gallery


def people(count: int) -> dict[str, NDArray[np.float32]]:
    return {f"e{n}": RANDOM.normal(size=(3, 128)).astype(np.float32) for n in range(count)}


def test_the_gallery_finds_the_nearest_and_leaves_one_out() -> None:
    gallery, everyone = Gallery(), people(50)
    assert gallery.nearest(everyone["e1"]) is None
    gallery.put(everyone)
    found = gallery.nearest(everyone["e7"] + 0.001)
    assert found is not None and found.person == "e7" and found.distance < 0.02
    without = gallery.nearest(everyone["e7"], without="e7")
    brute = min(
        (score(everyone["e7"], rows), name) for name, rows in everyone.items() if name != "e7"
    )
    assert without is not None and without.person == brute[1]
    assert without.distance == pytest.approx(brute[0], abs=1e-4)


def test_the_gallery_forgets_whom_it_should() -> None:
    gallery, everyone = Gallery(), people(3)
    gallery.put(everyone)
    gallery.put({"e1": np.zeros((0, 128), np.float32)})
    assert len(gallery) == 2
    found = gallery.nearest(everyone["e1"])
    assert found is not None and found.person != "e1"
    gallery.put({"e9": everyone["e0"]}, replace=True)
    assert len(gallery) == 1
    assert gallery.nearest(everyone["e0"], without="e9") is None


def test_what_is_no_direction_is_nobody() -> None:
    gallery, everyone = Gallery(), people(3)
    gallery.put({**everyone, "nan": np.full((3, 128), np.nan, np.float32)})
    gallery.put({"zero": np.zeros((3, 128), np.float32)})
    assert len(gallery) == 3
    assert gallery.nearest(np.full((1, 128), np.inf, np.float32)) is None
    assert gallery.others(np.zeros((1, 128), np.float32), 5, without="") == []


def test_others_are_drawn_without_the_one_and_without_doubles() -> None:
    gallery, everyone = Gallery(), people(10)
    gallery.put(everyone)
    for _ in range(20):
        scores = gallery.others(everyone["e3"], 20, without="e3")
        assert len(scores) == len(set(scores)) == 9 and min(scores) > 0.1
        assert len(gallery.others(everyone["e3"], 4, without="e3")) == 4
    assert gallery.others(everyone["e3"], 0, without="e3") == []


def test_templates_cross_the_wire_or_are_refused() -> None:
    vector = RANDOM.normal(size=128).astype(np.float32)
    assert np.array_equal(unpack(pack(vector))[0], vector)
    for junk in ("AAAA", "not base64!", "é"):
        with pytest.raises(ValueError):
            unpack(junk)
