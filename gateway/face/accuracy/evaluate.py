"""Tries the face match on labelled pictures and counts its errors.

In: pictures with names, as a folder or as a list of pairs.  Out: `Trials` for
gateway/face/accuracy/statistics.py.  Each split draws `templates` pictures of every person at
random; the others are presented at the door, `frames` at a tap.  Taps are scored as the gate scores
them: after each frame, and the best score of the tap counts.  Embeddings stay in memory; nothing is
written.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gateway.face.accuracy.statistics import Trials
from gateway.face.vision import photograph
from gateway.face.vision.embedder import BUILT_IN, by_name
from gateway.face.vision.engine import DETECTOR_PX, Embedding, Engine
from gateway.face.vision.quality import Refusal, judge
from gateway.face.vision.score import LENGTH, direction, score
from gateway.locale import GaritaError, Message, worded
from gateway.people.pictures import PictureError

SUFFIXES = photograph.SUFFIXES | {".pgm", ".ppm", ".tif", ".tiff"}
Score = Callable[[NDArray[np.float32], NDArray[np.float32]], float]


class BadData(GaritaError):
    """The data can't be evaluated.  The text says which file, which line and why."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, and whether they show the same person."""

    a: Path
    b: Path
    same: bool


@dataclass(frozen=True, slots=True)
class EvaluatedPicture:
    """One picture: the embedding of its widest face, or None, and the reason for which enrolment
    would refuse it."""

    embedding: Embedding | None
    refusal: Refusal | None


def people(folder: Path) -> dict[str, list[Path]]:
    """The pictures of a folder by person: sub-folders named by id, or ``ID_1.jpg``; as `garita
    people enroll --folder` reads them.  Raises BadData."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            key = path.parent.name if path.parent != folder else path.stem.split("_")[0]
            found.setdefault(key, []).append(path)
    if len(found) < 2:
        raise BadData(
            worded(
                "{folder}: pictures of two people or more are needed, found {n}",
                folder=folder,
                n=len(found),
            )
        )
    return found


def pairs(path: Path, images: Path | None = None) -> list[Pair]:
    """A list of pairs: CSV (``picture_a,picture_b,same``; 1/0, yes/no or true/false), or the
    form of Labeled Faces in the Wild (``Name 1 4``; ``Name 1 Other 2``).

    Pictures are looked for in `images`, or beside the list.  Raises BadData.
    """
    root = images or path.parent
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(
            worded("{path}: not a list of pairs: {error}", path=path, error=error)
        ) from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            pair = _csv_pair(line, root) if "," in line else _lfw_pair(line, root)
        except ValueError as error:
            if number == 1:  # a heading, or how many there are
                continue
            raise BadData(_line(path, number, error.args[0])) from error
        for picture in (pair.a, pair.b):
            if not picture.is_file():
                raise BadData(
                    _line(path, number, worded("there is no picture {picture}", picture=picture))
                )
        found.append(pair)
    if not any(item.same for item in found) or all(item.same for item in found):
        raise BadData(
            worded("{path}: pairs of the same and of different people are needed", path=path)
        )
    return found


def _line(path: Path, number: int, why: Message | str) -> Message:
    return worded("{path}, line {number}: {why}", path=path, number=number, why=why)


def look(
    paths: Sequence[Path],
    upscale: float,
    advance: Callable[[], object],
    model: tuple[str, Mapping[str, Any]] = (BUILT_IN, {}),
) -> dict[Path, EvaluatedPicture]:
    """Find and embed the widest face of each picture, on every processor; `advance` is called
    once a picture.  `model` is the embedder's name and options."""
    workers = max(1, min(len(os.sched_getaffinity(0)), 16, len(paths)))
    if not paths:
        return {}
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(upscale, *model)
    ) as pool:
        found = {}
        for path, seen in zip(paths, pool.map(_look, paths, chunksize=4), strict=True):
            found[path] = seen
            advance()
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """How a labelled folder is tried; `rule` makes one distance of a tap's faces.

    `gates` lets only those pictures be templates that enrolment would take.
    """

    templates: int = 3
    frames: int = 1
    splits: int = 10
    seed: int = 1
    gates: bool = True
    rule: Score = score


def trials(
    seen: Mapping[str, Sequence[EvaluatedPicture]],
    plan: Plan,
    advance: Callable[[], object] = lambda: None,
) -> tuple[Trials, list[str]]:
    """Everybody's taps against everybody's templates, split by split.

    Returns the trials and the people who had too few good pictures to be enrolled or to tap
    (they take part in neither).  Raises BadData if fewer than two are left.
    """
    names = [name for name in seen if _enough(seen[name], plan)]
    if len(names) < 2:
        raise BadData(
            worded(
                "two people or more are needed with {templates} pictures good enough to enrol "
                "and {frames} more; there are {n}",
                templates=plan.templates,
                frames=plan.frames,
                n=len(names),
            )
        )
    genuine, impostor = [], []
    attempts = lost = 0
    random = np.random.default_rng(plan.seed)
    for _ in range(plan.splits):
        drawn = [_split(seen[name], plan, random) for name in names]
        to_everybody = _against([templates for templates, _ in drawn], plan.rule)
        for probe, (_, taps) in enumerate(drawn):
            for tap in taps:
                attempts += 1
                if not len(tap):
                    lost += 1
                    continue
                for holder, distance in enumerate(to_everybody(tap)):
                    if holder == probe:
                        genuine.append((distance, probe))
                    else:
                        impostor.append((distance, probe, holder))
        advance()
    good = np.array(genuine).reshape(-1, 2)
    bad = np.array(impostor).reshape(-1, 3)
    made = Trials(
        people=len(names),
        genuine=good[:, 0],
        genuine_person=good[:, 1].astype(np.int64),
        impostor=bad[:, 0],
        probe_person=bad[:, 1].astype(np.int64),
        holder_person=bad[:, 2].astype(np.int64),
        attempts=attempts,
        not_acquired=lost,
        splits=plan.splits,
    )
    return made, [name for name in seen if name not in names]


def pair_trials(
    listed: Sequence[Pair], seen: Mapping[Path, EvaluatedPicture], rule: Score = score
) -> Trials:
    """Each pair is one attempt: the first picture at the door, the second enrolled.

    Such a list does not say who is who, so the folder of a picture is taken for its person.  If
    all pictures lie in one folder, the trials have one person and no figures by person.
    """
    numbers: dict[str, int] = {}
    genuine, impostor = [], []
    lost = 0
    for item in listed:
        first, second = seen[item.a].embedding, seen[item.b].embedding
        if first is None or second is None:
            lost += 1
            continue
        who = [numbers.setdefault(str(path.parent), len(numbers)) for path in (item.a, item.b)]
        distance = rule(first[None], second[None])
        if item.same:
            genuine.append((distance, who[0]))
        else:
            impostor.append((distance, *who))
    good, bad = np.array(genuine).reshape(-1, 2), np.array(impostor).reshape(-1, 3)
    return Trials(
        people=max(1, len(numbers)),
        genuine=good[:, 0],
        genuine_person=good[:, 1].astype(np.int64),
        impostor=bad[:, 0],
        probe_person=bad[:, 1].astype(np.int64),
        holder_person=bad[:, 2].astype(np.int64),
        attempts=len(listed),
        not_acquired=lost,
    )


def at_the_gate(
    tap: NDArray[np.float32], templates: NDArray[np.float32], rule: Score = score
) -> float:
    """The distance that decides a tap of faces (k, 128): the gate scores after each frame what
    it has seen so far and opens at the first that is near enough, so the smallest counts."""
    return min(rule(tap[: count + 1], templates) for count in range(len(tap)))


def _against(
    enrolled: Sequence[NDArray[np.float32]], rule: Score
) -> Callable[[NDArray[np.float32]], list[float]]:
    """`at_the_gate` of a tap against each person's templates; the gate's own rule for all at
    once, which matters with hundreds of people (a test compares the two)."""
    if rule is not score:
        return lambda tap: [at_the_gate(tap, templates, rule) for templates in enrolled]
    known = np.stack([direction(templates) for templates in enrolled])

    def at_once(tap: NDArray[np.float32]) -> list[float]:
        seen = np.stack([direction(tap[: count + 1]) for count in range(len(tap))])
        apart = LENGTH * np.linalg.norm(seen[:, None] - known[None], axis=2)
        found: list[float] = np.where(np.isfinite(apart), apart, np.inf).min(axis=0).tolist()
        return found

    return at_once


def _enough(pictures: Sequence[EvaluatedPicture], plan: Plan) -> bool:
    fit = sum(_enrollable(item, plan) for item in pictures)
    return fit >= plan.templates and len(pictures) >= plan.templates + plan.frames


def _enrollable(item: EvaluatedPicture, plan: Plan) -> bool:
    return item.embedding is not None and (item.refusal is None or not plan.gates)


def _split(
    pictures: Sequence[EvaluatedPicture], plan: Plan, random: np.random.Generator
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """(templates (n, 128), taps each (k, 128)); a tap in which no picture gave a face is empty."""
    order = random.permutation(len(pictures))
    chosen = [at for at in order if _enrollable(pictures[at], plan)][: plan.templates]
    left = [pictures[at].embedding for at in order if at not in chosen]
    taps = []
    for start in range(0, len(left) - plan.frames + 1, plan.frames):
        faces = [item for item in left[start : start + plan.frames] if item is not None]
        taps.append(np.stack(faces) if faces else np.empty((0, 0), np.float32))
    templates = [pictures[at].embedding for at in chosen]
    return np.stack([item for item in templates if item is not None]), taps


_engine: Engine | None = None
_upscale = 1.0


def _start(upscale: float, name: str, options: Mapping[str, Any]) -> None:
    """One engine a process; a face half as wide as the detector's window is found too."""
    global _engine, _upscale
    cv2.setNumThreads(1)
    _engine, _upscale = Engine(DETECTOR_PX // 2, by_name(name, options)), upscale


def _look(path: Path) -> EvaluatedPicture:
    try:
        image = photograph.read(path, _upscale)
    except PictureError as error:
        return EvaluatedPicture(None, Refusal(error.fault.value))
    assert _engine is not None
    faces = _engine.detect(image)
    if not faces:
        return EvaluatedPicture(None, Refusal.NO_FACE)
    return EvaluatedPicture(
        _engine.embed(image, faces[0]), judge(image, faces, _engine.landmarks)[1]
    )


_SAME = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}


def _csv_pair(line: str, root: Path) -> Pair:
    cells = [cell.strip() for cell in next(csv.reader([line]))]
    if len(cells) != 3 or cells[2].lower() not in _SAME:
        raise ValueError(worded("a line is picture_a,picture_b,same with same 1 or 0"))
    return Pair(root / cells[0], root / cells[1], _SAME[cells[2].lower()])


def _lfw_pair(line: str, root: Path) -> Pair:
    cells = re.split(r"\s+", line.strip())
    if len(cells) == 3 and cells[1].isdigit() and cells[2].isdigit():
        return Pair(_lfw(root, cells[0], cells[1]), _lfw(root, cells[0], cells[2]), True)
    if len(cells) == 4 and cells[1].isdigit() and cells[3].isdigit():
        return Pair(_lfw(root, cells[0], cells[1]), _lfw(root, cells[2], cells[3]), False)
    raise ValueError(worded("a line is NAME N M, or NAME N OTHER M"))


def _lfw(root: Path, name: str, number: str) -> Path:
    return root / name / f"{name}_{int(number):04d}.jpg"


def pictures_of(listed: Sequence[Pair]) -> Iterator[Path]:
    """Each picture of a list of pairs once, in order."""
    return iter(dict.fromkeys(path for item in listed for path in (item.a, item.b)))
