"""The converted network: the same numbers as dlib's, or not used at all."""

import hashlib
import logging
import os
import subprocess
import sys
import types
from pathlib import Path

import cv2
import dlib
import numpy as np
import pydantic
import pytest

from drivers import base, registry
from gateway.face import wire
from gateway.face.vision import convert, dlibfile, embedder
from gateway.face.vision.engine import Engine, Face
from gateway.face.vision.score import score

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "share" / "model"
    convert.convert(embedder.weights_path(), path)
    return path


@pytest.fixture(scope="module")
def weights():
    return embedder.weights_path().read_bytes()


def test_same_numbers_as_dlib_one_by_one_and_in_a_batch(converted):
    ours = embedder.load(converted, embedder.weights_path())
    chips = np.random.default_rng(7).integers(0, 256, (3, 150, 150, 3), dtype=np.uint8)
    expected = embedder.DlibEmbedder(embedder.weights_path()).embed_chips(chips)
    assert np.linalg.norm(ours.embed_chips(chips) - expected, axis=1).max() < 1e-4
    single = np.concatenate([ours.embed_chips(chip[None]) for chip in chips])
    assert np.linalg.norm(single - expected, axis=1).max() < 1e-4


PEOPLE = {
    "obama": ("obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face2.jpg"),
    "biden": ("biden.jpg",),
    "astronaut": ("astronaut.png",),
}


def picture(photos, name):
    return cv2.cvtColor(cv2.imread(str(photos / name)), cv2.COLOR_BGR2RGB)


def test_real_faces_give_the_same_numbers_and_the_same_decisions(converted, photos):
    weights = embedder.weights_path()
    engines = [
        Engine(80, embedder.load(converted, weights)),
        Engine(80, embedder.DlibEmbedder(weights)),
    ]
    assert [engine.embedder.name for engine in engines] == ["dlib-onnx", "dlib"]
    found = {who: [] for who in PEOPLE}
    for who, names in PEOPLE.items():
        for name in names:
            image = picture(photos, name)
            face = engines[0].detect(image)[0]
            ours, theirs = (engine.embed(image, face) for engine in engines)
            assert np.linalg.norm(ours - theirs) <= 1e-3, name
            found[who].append((ours, theirs))
    enrolled = found["obama"][:3]
    for who, pairs in found.items():
        for pair in pairs if who != "obama" else pairs[3:]:
            scores = [
                score(pair[way][None], np.stack([item[way] for item in enrolled])) for way in (0, 1)
            ]
            assert abs(scores[0] - scores[1]) <= 1e-3
            assert [value <= 0.40 for value in scores] == [who == "obama"] * 2, (who, scores)


def test_five_landmarks_in_their_order(converted, photos):
    engine = Engine(80, embedder.load(converted, embedder.weights_path()))
    for name in ("obama.jpg", "biden.jpg", "astronaut.png"):
        image = picture(photos, name)
        for flip in (False, True):
            shown = np.ascontiguousarray(image[:, ::-1]) if flip else image
            face = engine.detect(shown)[0]
            points = engine.landmarks(shown, face)
            assert points.shape == (5, 2) and points.dtype == np.float32
            x, y = points.T
            # From the picture's right to its left: outer, inner corner; inner, outer corner.
            assert x[0] > x[1] > x[3] > x[2], name
            assert x[3] < x[4] < x[1] and y[4] > y[:4].max() + 0.1 * face.width, name
            assert face.left < x.min() and x.max() < face.right, name


def test_the_chip_is_dlibs_own(converted, photos):
    engine = Engine(80, embedder.load(converted, embedder.weights_path()))
    image = picture(photos, "biden.jpg")
    face = engine.detect(image)[0]
    models = embedder.models_path()
    predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    box = dlib.rectangle(face.left, face.top, face.right, face.bottom)
    assert (engine.chip(image, face) == dlib.get_face_chip(image, predictor(image, box), 150)).all()


class Brought:
    """An embedder of another package's, of 16 numbers and its own size of chips."""

    name, model, dimensions = "brought", "brought-16", 16

    class Options(base.Options):
        path: str

    def __init__(self, options):
        self.path = options.path

    def chip(self, image, points):
        assert points.shape == (5, 2)
        return cv2.resize(image, (32, 32))

    def embed_chips(self, chips):
        assert chips.shape[1:] == (32, 32, 3)
        return chips.reshape(len(chips), -1)[:, : self.dimensions].astype(np.float32)


class Nameless(Brought):
    model = ""


def bring(monkeypatch, cls):
    point = types.SimpleNamespace(name="brought", value="x:Brought", load=lambda: cls)
    monkeypatch.setattr(registry, "_points", lambda kind: [point] * (kind == "embedders"))


def test_a_site_brings_its_own_model(monkeypatch):
    bring(monkeypatch, Brought)
    made = embedder.by_name("brought", {"path": "/models/x.onnx"})
    assert made.path == "/models/x.onnx"
    engine = Engine(80, made)
    image = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert engine.embed_all(image, [Face(20, 20, 150, 150)] * 2).shape == (2, 16)
    assert engine.embed_all(image, []).shape == (0, 16)
    with pytest.raises(pydantic.ValidationError, match="pth"):
        embedder.by_name("brought", {"path": "x", "pth": "y"})
    with pytest.raises(registry.UnknownDriver, match="there are: brought"):
        embedder.by_name("brouhgt", {})


def test_a_model_that_does_not_keep_its_word_is_refused(monkeypatch):
    bring(monkeypatch, Nameless)
    with pytest.raises(embedder.Unusable, match="its model"):
        embedder.by_name("brought", {"path": ""})
    made = Brought(Brought.Options(path=""))
    made.dimensions = 20_000
    with pytest.raises(ValueError, match="brought gave"):
        Engine(80, made).embed(np.zeros((200, 200, 3), np.uint8), Face(20, 20, 150, 150))


def test_nobody_takes_the_place_of_ours(monkeypatch):
    point = types.SimpleNamespace(name="dlib", value="x:Brought", load=lambda: Brought)
    monkeypatch.setattr(registry, "_points", lambda kind: [point])
    assert embedder.by_name("dlib", {}).model == "dlib-resnet-v1"
    with pytest.raises(embedder.Unusable, match="no options"):
        embedder.by_name("dlib", {"path": "x"})


@pytest.mark.parametrize("harm", ["missing", "short", "bit", "foreign", "not a model"])
def test_a_file_that_is_not_ours_falls_back_to_dlib_and_says_so(
    converted, tmp_path, monkeypatch, caplog, harm
):
    raw = bytearray(converted.read_bytes())
    path = tmp_path / "model"
    if harm == "short":
        raw = raw[:1000]
    elif harm == "bit":
        raw[len(raw) // 2] ^= 1
    elif harm == "foreign":  # whole, but of other weights
        data = convert.build(dlibfile.read(embedder.weights_path().read_bytes()), "0" * 64)
        raw = hashlib.sha256(data).digest() + data
    elif harm == "not a model":
        raw = hashlib.sha256(b"hello").digest() + b"hello"
    if harm != "missing":
        path.write_bytes(raw)
    monkeypatch.setattr(embedder, "converted_path", lambda: path)
    with caplog.at_level(logging.WARNING):
        assert embedder.best().name == "dlib"
    assert str(path) in caplog.text


def test_a_conversion_that_differs_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.write_bytes(b"before")
    build = convert.build

    def wrong(network, source):
        first = network.layers[0]
        layers = (dlibfile.Layer(first.kind, first.numbers, first.params * 1.1),)
        return build(dlibfile.Network(network.mean, 150, layers + network.layers[1:]), source)

    monkeypatch.setattr(convert, "build", wrong)
    with pytest.raises(embedder.Unusable, match="differs from dlib"):
        convert.convert(embedder.weights_path(), target)
    assert target.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("size", [0, 1, 5, 300, 400, 19_500, 22_000_000])
def test_weights_cut_short_are_refused(weights, size):
    with pytest.raises(dlibfile.BadModel):
        dlibfile.read(weights[:size])


def test_weights_with_more_behind_them_are_refused(weights):
    with pytest.raises(dlibfile.BadModel, match="more bytes"):
        dlibfile.read(weights + b"\x00")


def test_weights_with_forged_bytes_are_read_or_refused_never_worse(weights):
    random = np.random.default_rng(3)
    for _ in range(40):
        raw = bytearray(weights[:20_000])
        for at in random.integers(0, 20_000, 3):
            raw[at] = random.integers(0, 256)
        with pytest.raises(dlibfile.BadModel):
            dlibfile.read(bytes(raw))


def test_a_tensor_that_claims_to_be_huge_costs_nothing(weights):
    at = weights.index(b"\x05con_4") + len(b"\x05con_4\x01\x02")
    forged = weights[:at] + b"\x08" + b"\xff" * 7 + b"\x0f" + weights[at + 3 :]
    with pytest.raises(dlibfile.BadModel, match="ends too early"):
        dlibfile.read(forged)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [("nobody", {}, "no driver 'nobody'"), ("dlib", {"path": "x"}, "takes no options")],
)
def test_a_face_process_without_its_model_ends_with_a_sentence(name, options, why):
    config = {"cameras": {}, "frames": 3, "min_face_px": 80}
    config |= {"embedder": name, "embedder_options": options}
    command = [sys.executable, "-m", "gateway.face.vision.worker"]
    sent = wire.encode(config)
    done = subprocess.run(command, input=sent, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1 and b"ready" not in done.stdout
    told = wire.decode(done.stdout[wire.HEADER :])["away"]  # for the status
    assert why in told and done.stderr.decode().endswith(f"{told}\n")
    assert why in done.stderr.decode() and b"Traceback" not in done.stderr


def test_the_runtime_of_the_models_reports_nothing_and_makes_no_id_for_this_box(
    tmp_path: Path,
) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environ |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", "import gateway.face.vision.embedder"],
        env=environ,
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "telemetry" not in done.stderr
    assert not list(tmp_path.rglob("*onnxruntime*"))
