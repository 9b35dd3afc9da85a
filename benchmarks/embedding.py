"""One embedding by our converted model, by dlib's own code and by face_recognition, in one run.

It prints the times, how far the embeddings lie apart on real faces, and whether any pair of
pictures gets another decision.  It uses the tests' portraits and those of ``GARITA_FACES``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import percentile, say
from demo.photos import fetch
from gateway.face.vision import embedder
from gateway.face.vision.embedder import DlibEmbedder, Unusable
from gateway.face.vision.engine import Engine
from gateway.face.vision.photograph import read
from gateway.people.pictures import PictureError

NAMES = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png")
MOST = 30  # portraits of each folder
THRESHOLDS = (0.36, 0.40, 0.45, 0.50, 0.60)


def portraits(photos: Path) -> list[Any]:
    """Pictures, RGB."""
    paths = [photos / name for name in NAMES]
    for name in filter(None, os.environ.get("GARITA_FACES", "").split(":")):
        found = sorted(path for path in Path(name).rglob("*") if path.is_file())
        paths += found[:: max(1, len(found) // MOST)]
    found = []
    for path in paths:
        with contextlib.suppress(PictureError):  # a folder may hold other files
            found.append(read(path, 3))
    return found


def reference(photos: Path) -> Any:
    """face_recognition's own module, from its source distribution."""
    spec = importlib.util.spec_from_file_location("api", photos / "face_recognition_api.py")
    assert spec is not None and spec.loader is not None
    api: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    return api


async def run(folder: Path) -> None:
    photos = fetch()
    weights = embedder.weights_path()
    try:
        ours = Engine(80, embedder.load(embedder.converted_path(), weights))
    except Unusable as error:
        say("the converted model", f"not usable: {error} (python -m gateway.face.vision.convert)")
        return
    dlibs, api = Engine(80, DlibEmbedder(weights)), reference(photos)
    found: dict[str, list[Any]] = {"dlib-onnx": [], "dlib": [], "face_recognition": []}
    took: dict[str, list[float]] = {name: [] for name in found}
    for image in portraits(photos):
        faces = ours.detect(image)
        if not faces:
            continue
        face = faces[0]
        box = [(face.top, face.right, face.bottom, face.left)]
        calls = {
            "dlib-onnx": lambda image=image, face=face: ours.embed(image, face),
            "dlib": lambda image=image, face=face: dlibs.embed(image, face),
            "face_recognition": lambda image=image, box=box: api.face_encodings(
                image, box, model="small"
            )[0],
        }
        for name, call in calls.items():
            begun = time.perf_counter()
            found[name].append(call())
            took[name].append((time.perf_counter() - begun) * 1000)
    for name, values in took.items():
        goal = "12" if name == "dlib-onnx" else ""
        each = f"p50 {percentile(values, 0.5):.1f}  p95 {percentile(values, 0.95):.1f}"
        say(f"{name}: landmarks, chip and embedding (ms)", f"{each}  (n={len(values)})", goal)
    rows = {name: np.asarray(values, np.float64) for name, values in found.items()}
    for name in ("dlib", "face_recognition"):
        worst = np.linalg.norm(rows["dlib-onnx"] - rows[name], axis=1).max()
        say(f"largest distance of dlib-onnx to {name}", f"{worst:.1e}", "1e-3")
    pairs = np.triu_indices(len(rows["dlib"]), 1)
    apart = {name: np.linalg.norm(v[pairs[0]] - v[pairs[1]], axis=1) for name, v in rows.items()}
    for threshold in THRESHOLDS:
        same = (apart["dlib-onnx"] <= threshold) != (apart["face_recognition"] <= threshold)
        say(f"pairs decided differently at {threshold:.2f}", f"{same.sum()} of {len(same)}", "0")
