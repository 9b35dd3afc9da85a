"""Face chips to embeddings: dlib's network, converted to ONNX where set-up has done so; or a model
that a site brings, found by its name (entry points, group ``garita.embedders``).

dlib's: chips of 150 x 150 RGB pixels in, 128 numbers each out; both embedders compute the same
numbers from the same weights, so a template of one can be used with the other.  The converted
file is used only if it is undamaged and was made from the weights that are installed here;
otherwise dlib computes, and the log says why.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from drivers import registry
from gateway.face.vision.protocols import Embedder, Image, Points
from gateway.locale import GaritaError

BUILT_IN = "dlib"
CHIP_PX = 150
# Of the face around it; what dlib trained the network with.
_CHIP_PADDING = 0.25
CONVERSION = "1"
"""The version of the graph that gateway/face/vision/convert.py builds.  No other is used."""
_WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_DIGEST = 32
_SHA256 = {
    _WEIGHTS: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    LANDMARKS: "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
}
"""Of the files in face_recognition_models 0.3.0.  dlib looks at their form alone: with noise among
the numbers it computes embeddings all the same, and nobody knows who is like whom in them."""

log = logging.getLogger("garita.face.vision.embedder")


class ModelsMissing(GaritaError):
    """The model files are not installed, or are damaged."""


class Unusable(GaritaError):
    """The converted model cannot be used; says why."""


class _DlibNetwork:
    """The part that both ways of computing dlib's network share."""

    model = "dlib-resnet-v1"
    dimensions = 128

    def chip(self, image: Image, points: Points) -> Image:
        """The face upright, (150, 150, 3), as dlib trained the network."""
        whole = dlib.rectangle(0, 0, image.shape[1], image.shape[0])  # not looked at
        parts = [dlib.point(round(float(x)), round(float(y))) for x, y in points]
        shape = dlib.full_object_detection(whole, parts)
        found: Image = dlib.get_face_chip(image, shape, CHIP_PX, _CHIP_PADDING)
        return found


class DlibEmbedder(_DlibNetwork):
    """dlib's own code: 110 MB, needs nothing but the weights."""

    name = "dlib"

    def __init__(self, weights: Path) -> None:
        self._network = dlib.face_recognition_model_v1(str(weights))

    def embed_chips(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = [self._network.compute_face_descriptor(np.ascontiguousarray(c)) for c in chips]
        return np.asarray(found, dtype=np.float32).reshape(len(chips), -1)


class ConvertedEmbedder(_DlibNetwork):
    """The converted network in onnxruntime, on one core."""

    name = "dlib-onnx"

    def __init__(self, model: bytes, source: str) -> None:
        """`source` is the SHA-256 of the weights that `model` must be made of."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors have no common class
            raise Unusable(f"not a model ({type(error).__name__})") from None
        about = self._session.get_modelmeta().custom_metadata_map
        if about.get("source_sha256") != source or about.get("conversion") != CONVERSION:
            raise Unusable("made of other weights or by another version")

    def embed_chips(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._session.run(["embeddings"], {"chips": chips})[0]
        return found


def by_name(name: str = BUILT_IN, options: Mapping[str, Any] | None = None) -> Embedder:
    """The embedder that a site names.  "dlib" is always the built-in one; any other name is an
    entry point, built with `options` like a driver.

    Raises ModelsMissing, Unusable, drivers.registry.UnknownDriver, and pydantic.ValidationError
    for options it does not take.
    """
    if name == BUILT_IN:
        if options:
            raise Unusable(f"{BUILT_IN} takes no options")
        return best()
    made: Embedder = registry.load("embedders", name).make(options or {})
    if not (isinstance(made.model, str) and made.model and made.dimensions > 0):
        raise Unusable(f"{name}: it does not say its model or its dimensions")
    return made


def load(path: Path, weights: Path) -> ConvertedEmbedder:
    """The converted embedder from `path`: SHA-256, then ONNX.  Raises Unusable."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Unusable(error.strerror or type(error).__name__) from None
    if hashlib.sha256(raw[_DIGEST:]).digest() != raw[:_DIGEST]:
        raise Unusable("damaged")
    return ConvertedEmbedder(raw[_DIGEST:], hashlib.sha256(weights.read_bytes()).hexdigest())


def best() -> Embedder:
    """The converted embedder, or dlib's with the reason logged.  Raises ModelsMissing."""
    path, weights = converted_path(), weights_path()
    try:
        return load(path, weights)
    except Unusable as error:
        log.warning("%s: %s; embeddings by dlib, several times slower", path, error)
        return DlibEmbedder(weights)


def converted_path() -> Path:
    """Where set-up puts the converted network: inside the virtual environment."""
    return Path(sys.prefix) / "share" / "garita" / "dlib-resnet-v1.onnx.sealed"


def models_path() -> Path:
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise ModelsMissing("face_recognition_models is not installed")
    return Path(spec.origin).parent / "models"


def model_file(name: str) -> Path:
    """One of dlib's files, held against its hash.  Raises ModelsMissing."""
    path = models_path() / name
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelsMissing(f"{name} can't be read: {error.strerror}") from error
    if found != _SHA256[name]:
        raise ModelsMissing(f"{name} is damaged: install face_recognition_models again")
    return path


def weights_path() -> Path:
    """The file of the embedding's weights.  Raises ModelsMissing."""
    return model_file(_WEIGHTS)
