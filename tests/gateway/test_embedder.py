"""The converted network: the same numbers as dlib's, or not used at all."""

import hashlib
import logging

import numpy as np
import pytest

from gateway.face import convert, dlibfile, embedder


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
