"""Challenge and passive cues on rendered heads and sheets, with landmarks from the geometry.

No photograph and no detector: the picture on each surface is a random texture, the five points
are projected.  What real faces and dlib's landmarks do is benchmarks/spoof.py's matter.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from drivers.simulated import presentation as stage
from gateway.face.vision.engine import Face
from gateway.face.vision.liveness import (
    Challenge,
    ChallengeReason,
    ChallengeResult,
    Observation,
    Passive,
    Prompt,
    Suspicion,
    Turn,
    draw,
)

pytestmark = pytest.mark.slow

FPS = 12
FIVE = np.array([[45.0, 0], [18, 0], [-45, 0], [-18, 0], [0, 50]])
BOX = np.array([[-65.0, -45], [65, 90]])
SIZE = (420, 340)  # less to render
WALL = stage.wall(3, SIZE)
SKIN = stage.Portrait(stage.wall(8, (500, 600)), (250.0, 260.0), 1.6, 0.0)
HEAD = stage.head()
SHEET = stage.sheet((88, 124))


def observe(
    at: float, surface: stage.Surface, pose: stage.Pose, noise: np.random.Generator
) -> Observation:
    frame = stage.sensor(stage.render(WALL, SKIN, surface, pose), noise)
    middle = stage.project(stage.sheet((1, 1)), replace(pose, yaw=0.0, pitch=0.0), BOX, SIZE)
    (left, top), (right, bottom) = middle.round().astype(int)
    face = Face(int(left), int(top), int(right), int(bottom))
    points = stage.project(surface, pose, FIVE, SIZE)
    return Observation(at, cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), face, points)


@functools.cache
def observed(index: int, surface: stage.Surface, pose: stage.Pose) -> Observation:
    """Frame `index` of a performance, rendered once: many tests begin alike, and rendering is most
    of their time.  An observation is frozen, and nothing writes into its picture."""
    seen = observe(index / FPS, surface, pose, np.random.default_rng(index))
    seen.grey.flags.writeable = seen.points.flags.writeable = False
    return seen


def obeying(
    challenge: Challenge, surface: stage.Surface, *, reach: float = 30.0, nod: float = 0.0
) -> Iterator[Observation]:
    """Turns `surface` as prompted, at 100 degrees a second; ends after twelve seconds."""
    yaw = 0.0
    for index in range(1, 12 * FPS):
        aim = {Prompt.LEFT: reach, Prompt.RIGHT: -reach}.get(challenge.prompt, 0.0)
        yaw += float(np.clip(aim - yaw, -100 / FPS, 100 / FPS))
        angle = float(np.deg2rad(yaw))
        pose = stage.Pose(yaw=angle, pitch=nod * abs(angle), x=3 * np.sin(index / 5))
        yield observed(index, surface, pose)


def run(
    challenge: Challenge,
    surface: stage.Surface,
    change: Callable[[int, Observation], Observation] = lambda _, seen: seen,
    **how: float,
) -> ChallengeResult:
    for index, seen in enumerate(obeying(challenge, surface, **how)):
        if (verdict := challenge.see(change(index, seen))) is not None:
            return verdict
    raise AssertionError("no verdict in twelve seconds")


def left_right() -> Challenge:
    return Challenge((Turn.LEFT, Turn.RIGHT), 0.0, 4.0, (0.2, 0.3))


def test_a_head_that_turns_as_asked_passes() -> None:
    verdict = run(left_right(), HEAD)
    assert verdict.passed and verdict.reason is ChallengeReason.PASSED
    assert verdict.measured["asked"] == ["left", "right"]
    assert all(turn["relief"] > 0.006 for turn in verdict.measured["turns"])


def test_the_prompt_leads_from_straight_over_the_turns_to_done() -> None:
    challenge = left_right()
    told = [challenge.prompt]
    for seen in obeying(challenge, HEAD):
        challenge.see(seen)
        if challenge.prompt != told[-1]:
            told.append(challenge.prompt)
        if challenge.verdict:
            break
    assert told == [
        Prompt.STRAIGHT,
        Prompt.LEFT,
        Prompt.STRAIGHT,
        Prompt.RIGHT,
        Prompt.STRAIGHT,
        Prompt.DONE,
    ]


@pytest.mark.parametrize(
    ("surface", "how"),
    [
        (SHEET, {}),
        (SHEET, {"reach": 40.0}),
        (SHEET, {"reach": 40.0, "nod": 0.8}),
        (stage.bent((88, 124), 80), {"reach": 38.0}),
        (stage.bent((88, 124), 60), {"reach": 32.0}),
        (stage.folded((88, 124), 0.55), {"reach": 28.0}),
    ],
    ids=["flat", "flat_far", "flat_nodding", "bent", "bent_tight", "folded"],
)
def test_a_sheet_that_turns_as_asked_does_not_pass(
    surface: stage.Surface, how: dict[str, float]
) -> None:
    verdict = run(left_right(), surface, **how)
    assert not verdict.passed
    assert verdict.reason in {
        ChallengeReason.FLAT,
        ChallengeReason.NO_RESPONSE,
        ChallengeReason.WRONG_TURN,
    }


def test_a_flat_sheet_whose_landmarks_lie_is_called_flat() -> None:
    """Landmarks that follow a head, on a picture that is flat."""

    def lie(_: int, seen: Observation) -> Observation:
        return replace(seen, points=heads[round(seen.at * FPS)])

    challenge, noise, yaw = left_right(), np.random.default_rng(1), 0.0
    heads: dict[int, np.ndarray] = {}
    for index in range(1, 12 * FPS):
        aim = {Prompt.LEFT: 30.0, Prompt.RIGHT: -30.0}.get(challenge.prompt, 0.0)
        yaw += float(np.clip(aim - yaw, -100 / FPS, 100 / FPS))
        pose = stage.Pose(yaw=float(np.deg2rad(yaw)))
        heads[index] = stage.project(HEAD, pose, FIVE, SIZE)
        if verdict := challenge.see(lie(index, observe(index / FPS, SHEET, pose, noise))):
            break
    assert verdict is not None and verdict.reason is ChallengeReason.FLAT


def test_a_turn_to_the_other_side_fails() -> None:
    verdict = run(Challenge((Turn.RIGHT,), 0.0, 8.0), HEAD, reach=-30.0)
    assert verdict.reason is ChallengeReason.WRONG_TURN


def test_a_turn_before_it_is_asked_fails() -> None:
    challenge = Challenge((Turn.LEFT,), 0.0, 8.0, (5.0,))
    noise = np.random.default_rng(1)
    verdict = None
    for index in range(1, 40):
        pose = stage.Pose(yaw=min(0.5, max(0, index - 11) * 0.14))
        verdict = verdict or challenge.see(observe(index / FPS, HEAD, pose, noise))
    assert verdict is not None and verdict.reason is ChallengeReason.EARLY_TURN


def test_nobody_who_answers_is_no_response() -> None:
    assert (
        run(Challenge((Turn.LEFT,), 0.0, 2.0), HEAD, reach=0.0).reason
        is ChallengeReason.NO_RESPONSE
    )
    empty = Challenge((Turn.LEFT,), 0.0, 2.0)
    assert empty.tick(1.9) is None
    verdict = empty.tick(2.1)
    assert verdict is not None and verdict.reason is ChallengeReason.NO_RESPONSE


def nan_points(index: int, seen: Observation) -> Observation:
    return replace(seen, points=np.full((5, 2), np.nan, np.float32))


def far_points(index: int, seen: Observation) -> Observation:
    return replace(seen, points=seen.points + 1e6)


def few_points(index: int, seen: Observation) -> Observation:
    return replace(seen, points=seen.points[:4])


def swapped_points(index: int, seen: Observation) -> Observation:
    return replace(seen, points=seen.points[::-1].copy())


def box_outside(index: int, seen: Observation) -> Observation:
    return replace(seen, face=Face(340, 100, 480, 260))


def no_box(index: int, seen: Observation) -> Observation:
    return replace(seen, face=Face(200, 200, 200, 200))


def tiny_picture(index: int, seen: Observation) -> Observation:
    return replace(seen, grey=seen.grey[:8, :8])


def colour(index: int, seen: Observation) -> Observation:
    return replace(seen, grey=np.dstack([seen.grey] * 3))


def empty_picture(index: int, seen: Observation) -> Observation:
    return replace(seen, grey=np.empty((0, 0), np.uint8))


def black(index: int, seen: Observation) -> Observation:
    return replace(seen, grey=np.zeros_like(seen.grey))


def noise_only(index: int, seen: Observation) -> Observation:
    random = np.random.default_rng(index)
    return replace(seen, grey=random.integers(0, 255, seen.grey.shape, np.uint8))


def stopped_clock(index: int, seen: Observation) -> Observation:
    return replace(seen, at=min(seen.at, 0.9))


def backward_clock(index: int, seen: Observation) -> Observation:
    return replace(seen, at=seen.at - 0.4 if index == 14 else seen.at)


def leaping_clock(index: int, seen: Observation) -> Observation:
    return replace(seen, at=seen.at + (1.5 if index >= 14 else 0))


def nan_clock(index: int, seen: Observation) -> Observation:
    return replace(seen, at=float("nan") if index == 14 else seen.at)


def two_faces_swapping(index: int, seen: Observation) -> Observation:
    if index % 2:
        return seen
    f = seen.face
    shifted = Face(f.left + 60, f.top, f.right + 60, f.bottom)
    moved = seen.points - np.array([-60, 0], np.float32)
    return replace(seen, face=shifted, points=moved.astype(np.float32))


def cut_to_another(index: int, seen: Observation) -> Observation:
    """The box stays, the face in it is another from one frame on."""
    return replace(seen, grey=cv2.flip(seen.grey, 0)) if index >= 14 else seen


def other_size(index: int, seen: Observation) -> Observation:
    return replace(seen, grey=np.pad(seen.grey, ((0, 2), (0, 2)))) if index % 2 else seen


@pytest.mark.parametrize(
    "change",
    [
        nan_points,
        far_points,
        few_points,
        swapped_points,
        box_outside,
        no_box,
        tiny_picture,
        colour,
        empty_picture,
        black,
        noise_only,
        stopped_clock,
        backward_clock,
        leaping_clock,
        nan_clock,
        two_faces_swapping,
        cut_to_another,
        other_size,
    ],
)
def test_what_is_odd_never_passes(
    change: Callable[[int, Observation], Observation],
) -> None:
    challenge, passive = left_right(), Passive()
    for index, seen in enumerate(obeying(challenge, HEAD)):
        passive.see(change(index, seen))
        if challenge.see(change(index, seen)):
            break
        if index > 60:
            challenge.tick(9.0)
    assert challenge.verdict is not None and not challenge.verdict.passed


def test_frames_that_repeat_end_it() -> None:
    challenge = left_right()
    seen = observe(0.1, HEAD, stage.Pose(), np.random.default_rng(1))
    for index in range(1, 8):
        verdict = challenge.see(replace(seen, at=index / FPS, grey=seen.grey.copy()))
    assert verdict is not None and verdict.reason is ChallengeReason.FRAMES_REPEATED


def test_a_face_that_leaves_ends_it() -> None:
    challenge = left_right()
    assert challenge.see(observe(0.1, HEAD, stage.Pose(), np.random.default_rng(1))) is None
    assert challenge.tick(0.5) is None
    verdict = challenge.tick(0.7)
    assert verdict is not None and verdict.reason is ChallengeReason.FACE_LOST


def test_a_verdict_is_final() -> None:
    challenge = Challenge((Turn.LEFT,), 0.0, 0.5)
    failed = challenge.tick(0.6)
    for seen in itertools.islice(obeying(challenge, HEAD), 5):
        assert challenge.see(seen) is failed
    assert challenge.tick(0.1) is failed and challenge.prompt is Prompt.DONE


def test_the_same_frames_give_the_same_figures() -> None:
    assert run(left_right(), HEAD) == run(left_right(), HEAD)


@pytest.mark.parametrize(
    ("turns", "started", "timeout", "pauses"),
    [
        ((), 0.0, 5.0, ()),
        ((Turn.LEFT,), float("nan"), 5.0, ()),
        ((Turn.LEFT,), 0.0, 0.0, ()),
        ((Turn.LEFT,), 0.0, float("inf"), ()),
        ((Turn.LEFT,), 0.0, 5.0, (0.1, 0.2)),
        (("up",), 0.0, 5.0, ()),
    ],
)
def test_a_challenge_that_makes_no_sense_is_refused(
    turns: tuple[Turn, ...], started: float, timeout: float, pauses: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError):
        Challenge(turns, started, timeout, pauses)


def test_draw_gives_every_order_and_pauses_in_range() -> None:
    drawn = [draw(2) for _ in range(200)]
    assert len({turns for turns, _ in drawn}) == 4
    assert all(0.3 <= pause <= 1.2 for _, pauses in drawn for pause in pauses)


def watched(surface: stage.Surface, pose: Callable[[float], stage.Pose]) -> Passive:
    passive, noise = Passive(), np.random.default_rng(2)
    for index in range(3 * FPS):
        at = index / FPS
        passive.see(observe(at, surface, pose(at), noise))
    return passive


def test_a_sheet_that_is_moved_about_is_rigid() -> None:
    passive = watched(SHEET, lambda at: stage.Pose(x=12 * np.sin(3 * at), yaw=0.1 * np.sin(2 * at)))
    assert Suspicion.RIGID in passive.suspicions and passive.suspect


def test_a_sheet_that_fills_the_picture_carries_its_background() -> None:
    wide = stage.sheet((600, 600))
    passive = watched(wide, lambda at: stage.Pose(x=20 * at - 30))
    assert Suspicion.CARRIED in passive.suspicions


def test_a_head_before_a_wall_does_not() -> None:
    passive = watched(
        HEAD, lambda at: stage.Pose(x=15 * np.sin(3 * at), yaw=0.25 * np.sin(2.5 * at))
    )
    assert passive.scores["carried"] < 0.2
    assert not passive.suspect


def test_what_was_not_measured_accuses_nobody() -> None:
    assert Passive().scores == {} and not Passive().suspect
