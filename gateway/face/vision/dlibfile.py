"""Reader of dlib's saved ResNet (dlib_face_recognition_resnet_model_v1.dat).

Bytes in, the layers from input to output with their weights out.  The format is that of
`serialize()` in dlib's dnn/core.h and dnn/layers.h: packed integers, strings with their length,
tensors as four sizes and little-endian float32.  It knows the layers of this network and no
other; whatever else it meets is a `BadModel` with the place.  Executes nothing of the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.locale import GaritaError

MAX_BYTES = 64 << 20
_MAX_NAME = 64
_MAX_VERSIONS = 400
_SIGN = 0x80


class BadModel(GaritaError):
    """The bytes are not the network that is expected; says what and where."""


@dataclass(frozen=True, slots=True)
class Layer:
    """`kind` is dlib's name; `numbers` its sizes in the order of the file; `params` flat."""

    kind: str
    numbers: tuple[int, ...] = ()
    params: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class Network:
    """`mean` is taken from the pixels (RGB), which are then divided by 256; chips are
    `size` x `size` pixels."""

    mean: tuple[float, float, float]
    size: int
    layers: tuple[Layer, ...]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise self.bad("the file ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def bad(self, why: str) -> BadModel:
        return BadModel(f"byte {self._at}: {why}")

    def peek(self) -> bytes:
        return self._data[self._at : self._at + 2]

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def integer(self) -> int:
        head = self.take(1)[0]
        size = head & 0x0F
        if head & 0x70 or not 1 <= size <= 8:
            raise self.bad("not an integer")
        value = int.from_bytes(self.take(size), "little")
        return -value if head & _SIGN else value

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > 1100:
            raise self.bad("not a number")
        return math.ldexp(mantissa, exponent)

    def name(self) -> str:
        size = self.integer()
        if not 1 <= size <= _MAX_NAME:
            raise self.bad("not a name")
        return self.take(size).decode("ascii", "replace")

    def flag(self) -> None:
        if self.take(1) not in (b"0", b"1"):
            raise self.bad("not a flag")

    def tensor(self) -> NDArray[np.float32]:
        if self.integer() != 2:
            raise self.bad("unknown version of a tensor")
        sizes = self.integers(4)
        if min(sizes) < 0:
            raise self.bad("a tensor of negative size")
        raw = self.take(4 * math.prod(sizes))  # take() bounds it by what is left
        values = np.frombuffer(raw, "<f4")
        if not np.isfinite(values).all():
            raise self.bad("a weight is not a number")
        return values.astype(np.float32)

    def alias(self) -> None:
        self.integers(5)  # version and four sizes, which the layer's own numbers repeat


def read(data: bytes) -> Network:
    """The network in `data`.  Raises BadModel."""
    if len(data) > MAX_BYTES:
        raise BadModel(f"larger than {MAX_BYTES} bytes")
    reader = _Reader(data)
    if reader.integer() != 1 or reader.name() != "loss_metric_2":
        raise reader.bad("not a loss_metric network")
    for _ in range(2):  # the loss's margin and threshold: of training only
        reader.real()
    for _ in range(_MAX_VERSIONS):  # the nesting: each layer's version, outermost first
        if reader.peek() == b"\x01\x15":
            break
        reader.integer()
    if reader.name() != "input_rgb_image_sized":
        raise reader.bad("not an input of sized RGB pictures")
    mean = (reader.real(), reader.real(), reader.real())
    rows, columns = reader.integers(2)
    if rows != columns or not 1 <= rows <= 1024:
        raise reader.bad("not a square input")
    layers: list[Layer] = []
    while not layers or layers[-1].kind != "fc_2":
        layers.append(_layer(reader))
        for _ in range(3):
            reader.flag()
        for _ in range(3):
            reader.tensor()  # gradients and a cached output: nothing of the model
        if len(layers) == 1:
            reader.integer()  # the innermost layer notes how many pictures make a sample
    if reader.left:
        raise reader.bad("more bytes after the last layer")
    return Network(mean, rows, tuple(layers))


def _layer(reader: _Reader) -> Layer:
    kind = reader.name()
    match kind:
        case "relu_" | "add_prev_1" | "add_prev_":
            return Layer(kind)
        case "max_pool_2" | "avg_pool_2":
            return Layer(kind, reader.integers(6))
        case "con_4":
            params, numbers = reader.tensor(), reader.integers(7)
            _skip(reader)
            return Layer(kind, numbers, params)
        case "affine_":
            params = reader.tensor()
            reader.alias()
            reader.alias()
            return Layer(kind, reader.integers(1), params)
        case "fc_2":
            numbers, params = reader.integers(2), reader.tensor()
            _skip(reader, bias_mode=True)
            return Layer(kind, numbers, params)
    raise reader.bad(f"unknown layer {kind!r}")


def _skip(reader: _Reader, bias_mode: bool = False) -> None:
    """Past the shapes of filters and biases, and four multipliers of training."""
    reader.alias()
    reader.alias()
    if bias_mode:
        reader.integer()
    for _ in range(4):
        reader.real()
