"""Pictures that people hand in: the format is named, and the size checked, before any decoding."""

from __future__ import annotations

import io
import resource
import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from gateway.people import pictures
from gateway.people.pictures import PictureError, PictureFault, inspect, load

HEIC_BRANDS = ("heic", "heix", "hevc", "mif1", "msf1")


def encoded(name: str, size: tuple[int, int] = (40, 30)) -> bytes:
    if name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(file, name)
    return file.getvalue()


def png(width: int, height: int) -> bytes:
    """A whole PNG of one colour: a few bytes a megapixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    # The rows are packed once and repeated: a flush in full makes a block that stands alone.
    rows = 100
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 + 3 * width) * rows) + packer.flush(zlib.Z_FULL_FLUSH)
    size = height * (1 + 3 * width)
    adler = (size % 65521) << 16 | 1  # of so many zeros
    packed = b"\x78\xda" + block * (height // rows) + packer.flush() + struct.pack(">I", adler)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def fault(data: bytes) -> tuple[PictureFault, str]:
    with pytest.raises(PictureError) as caught:
        inspect(data)
    return caught.value.fault, str(caught.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("JPEG", "JPEG"),
        ("PNG", "PNG"),
        ("BMP", "BMP"),
        ("WEBP", "WebP"),
        ("TIFF", "TIFF"),
        ("PPM", "PNM"),
        ("AVIF", "AVIF"),
        ("HEIF", "HEIC"),
    ],
)
def test_the_format_and_the_size_are_read_from_the_header(name: str, shown: str) -> None:
    header = inspect(encoded(name))
    assert (header.format, header.width, header.height) == (shown, 40, 30)


@pytest.mark.parametrize("brand", HEIC_BRANDS)
def test_an_iphones_picture_is_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, brand: str
) -> None:
    """Without the part garita[heic], by the brand in its first bytes."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    code, words = fault(b"\0\0\0\x18ftyp" + brand.encode() + bytes(4) + b"mif1heic" + bytes(500))
    assert code is PictureFault.FORMAT
    assert "HEIC" in words and "Most Compatible" in words and "garita[heic]" in words


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n" + bytes(100), "PDF"),
        (b"\xef\xbb\xbf\n%PDF-1.7\n", "PDF"),
        (encoded("GIF"), "GIF"),
        (b"\0\0\0\x14ftypqt  " + bytes(100), "MP4 or MOV"),
        (b"\0\0\0\x18ftypmp42" + bytes(4) + b"isommp41" + bytes(90), "MP4 or MOV"),
    ],
)
def test_a_format_that_is_not_read_is_named(data: bytes, name: str) -> None:
    code, words = fault(data)
    assert code is PictureFault.FORMAT and words.startswith(f"{name}: ") and "JPEG" in words


def test_avif_without_a_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_pillow_has_avif", lambda: False)
    code, words = fault(encoded("AVIF"))
    assert code is PictureFault.FORMAT and words.startswith("AVIF: ")


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (8_100, 8_100), (65_001, 1_000)])
def test_a_small_file_of_huge_pictures_is_refused_before_it_is_decoded(
    width: int, height: int, recwarn: pytest.WarningsRecorder
) -> None:
    data = png(width, height)
    assert len(data) < 3_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code, words = fault(data)
    assert code is PictureFault.TOO_MANY_PIXELS and "megapixels" in words
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 50_000 and not recwarn.list


def test_the_largest_photograph_that_is_read() -> None:
    assert inspect(png(8_000, 8_000)).width == 8_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        bytes(1000),
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"BM" + bytes(60),
        b"II*\0" + b"\xff" * 40,
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\0\0\0\x18ftypheic" + bytes(8),
        b"\0\0\0\x18ftypavif" + bytes(8),
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_not_a_picture_is_unreadable(data: bytes) -> None:
    assert fault(data)[0] is PictureFault.UNREADABLE


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "GIF", "BMP"])
def test_a_header_cut_at_any_byte_is_an_error_and_nothing_else(name: str) -> None:
    data = encoded(name)
    for end in range(0, min(len(data), 400)):
        try:
            inspect(data[:end])
        except PictureError:
            continue


def test_a_file_is_read_no_further_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG"))
    data, header = load(path)
    assert header.format == "JPEG" and data == path.read_bytes()
    for gone in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(PictureError) as caught:
            load(gone)
        assert caught.value.fault is PictureFault.UNREADABLE
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    with pytest.raises(PictureError) as caught:
        load(path)
    assert caught.value.fault is PictureFault.FILE_TOO_LARGE
