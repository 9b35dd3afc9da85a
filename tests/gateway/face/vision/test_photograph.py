"""A photograph from a file to an array, whatever telephone took it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gateway.face.enrolment import ExaminedPhotograph, examine
from gateway.face.vision.engine import Engine
from gateway.face.vision.photograph import read
from gateway.face.vision.quality import Refusal
from gateway.face.vision.score import RECOMMENDED, score
from gateway.people.pictures import PictureError, PictureFault


def saved(folder: Path, kind: str, picture: Image.Image, **more: object) -> Path:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = folder / f"x.{kind.lower()}"
    picture.save(path, kind, **more)
    return path


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "AVIF", "HEIF"])
def test_each_format_gives_the_same_picture(tmp_path: Path, kind: str) -> None:
    ramp = np.zeros((64, 96, 3), np.uint8)
    ramp[..., 0], ramp[..., 2] = np.arange(96) * 2, 200  # red grows to the right, blue everywhere
    found = read(saved(tmp_path, kind, Image.fromarray(ramp)))
    assert found.shape == (64, 96, 3) and found.dtype == np.uint8
    assert np.abs(found.astype(int) - ramp).mean() < 6


def test_a_telephone_held_upright_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    lying = np.zeros((64, 96, 3), np.uint8)
    lying[:, :48] = 255  # light on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned a quarter clockwise
    found = read(saved(tmp_path, "JPEG", Image.fromarray(lying), exif=exif))
    assert found.shape == (96, 64, 3)
    assert found[:40].mean() > 200 > 50 > found[56:].mean()


def test_an_iphones_photograph_is_enrolled(
    engine: Engine,
    examined: Callable[[str], ExaminedPhotograph],
    photos: Path,
    tmp_path: Path,
) -> None:
    """The portrait saved as an iPhone would: HEIC gives the same face as JPEG."""
    with Image.open(photos / "obama2.jpg") as portrait:
        path = saved(tmp_path, "HEIF", portrait.convert("RGB"))
    path = path.rename(tmp_path / "IMG_0001.HEIC")
    found = examine(engine, path)
    jpeg = examined("obama2.jpg")
    assert found.refusal is None and found.embedding is not None and jpeg.embedding is not None
    assert score(found.embedding[None], jpeg.embedding[None]) < RECOMMENDED / 2


def test_what_is_wrong_with_a_file_is_said_with_its_photograph(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\n")
    found = examine(engine, tmp_path / "a.pdf")
    assert found.refusal is Refusal.FORMAT and str(found.detail).startswith("PDF: ")
    found = examine(engine, tmp_path / "none.jpg")
    assert found.refusal is Refusal.UNREADABLE and "No such file" in str(found.detail)
    assert {fault.value for fault in PictureFault} <= {refusal.value for refusal in Refusal}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "AVIF"])
def test_a_picture_that_ends_in_the_middle_is_damaged(tmp_path: Path, kind: str) -> None:
    path = saved(tmp_path, kind, Image.effect_noise((300, 300), 90).convert("RGB"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PictureError) as caught:
        read(path)
    assert caught.value.fault is PictureFault.UNREADABLE


def test_size_is_bounded_and_tiny_pictures_are_enlarged_if_asked(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "big.png"), np.zeros((100, 3200, 3), np.uint8))
    assert read(tmp_path / "big.png").shape == (50, 1600, 3)
    cv2.imwrite(str(tmp_path / "tiny.pgm"), np.zeros((92, 112), np.uint8))
    assert read(tmp_path / "tiny.pgm").shape == (92, 112, 3)
    assert read(tmp_path / "tiny.pgm", 3).shape == (276, 336, 3)
