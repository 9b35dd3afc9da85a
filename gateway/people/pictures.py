"""What kind of picture a file holds and how many pixels it has, read from its first bytes.

A picture of 400 kB can decode to gigabytes, so every place that takes pictures from people
(enrolment, evaluation, freight) calls `inspect` first and decodes only what it returns.  Pillow
reads the headers and decodes nothing here.  HEIC, the format of an iPhone's camera, needs the
optional part `garita[heic]`; without it the error names the format and the way out.
"""

from __future__ import annotations

import importlib
import io
import warnings
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.locale import N_, GaritaError, Message

MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 65_000_000
"""The largest photographs of telephones have 50 and 64 megapixels; decoded, 65 take 195 MB."""

READ_BY_PILLOW = frozenset({"HEIC", "AVIF"})
"""Formats that OpenCV does not read in every version that we accept."""

_PILLOW = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM", "GIF")
_BRANDS = {
    "HEIC": frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}),
    "AVIF": frozenset({b"avif", b"avis"}),
}
"""Brands of ISO/IEC 23008-12 (HEIF), annex B, and of the AV1 Image File Format, section 6."""


class PictureFault(StrEnum):
    """What is wrong with a picture.  Stable codes."""

    UNREADABLE = "unreadable"
    FORMAT = "format_not_read"
    TOO_MANY_PIXELS = "too_many_pixels"
    FILE_TOO_LARGE = "file_too_large"


class PictureError(GaritaError):
    """A picture can't be used: `fault` is the code, `message` the sentence for people."""

    def __init__(self, fault: PictureFault, message: Message) -> None:
        super().__init__(str(message))
        self.fault = fault
        self.message = message


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """`format` as people call it ("JPEG", "HEIC"); `width` and `height` in pixels."""

    format: str
    width: int
    height: int


def load(path: Path) -> tuple[bytes, PictureHeader]:
    """The bytes of a picture file, at most 32 MiB, and its header.  Raises PictureError."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _too_large_a_file(size)
        # One byte more than allowed shows that the file grew since stat().
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise PictureError(PictureFault.UNREADABLE, Message(N_("{why}"), {"why": why})) from error
    if len(data) > MAX_BYTES:
        raise _too_large_a_file(len(data))
    return data, inspect(data)


def inspect(data: bytes) -> PictureHeader:
    """The format and size of a picture that may be decoded.

    Raises PictureError for a format that is not read here, for more than `MAX_PIXELS`, and for
    bytes that are not a picture.
    """
    header = _inspect(data)
    if header.width * header.height > MAX_PIXELS:
        raise PictureError(
            PictureFault.TOO_MANY_PIXELS,
            Message(
                N_("{width} x {height} pixels; at most {limit} megapixels are read: scale it down"),
                {
                    "width": header.width,
                    "height": header.height,
                    "limit": MAX_PIXELS // 1_000_000,
                },
            ),
        )
    return header


def name_of(data: bytes) -> str:
    """The name of a format that is told by its first bytes alone ("HEIC", "AVIF", "PDF"), or ""."""
    if data[4:8] == b"ftyp":
        end = min(max(16, int.from_bytes(data[:4], "big")), 256)
        brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
        # A file of either kind also lists the general brand mif1, so the special one decides.
        return next((name for name in ("AVIF", "HEIC") if brands & _BRANDS[name]), "MP4 or MOV")
    if data.lstrip(b"\xef\xbb\xbf\r\n\t ")[:5] == b"%PDF-":
        return "PDF"
    return ""


def _inspect(data: bytes) -> PictureHeader:
    name = name_of(data)
    if name == "HEIC":
        formats: tuple[str, ...] = ("HEIF",)
        if not _heif_reader():
            raise PictureError(
                PictureFault.FORMAT,
                Message(
                    N_(
                        "a HEIC picture, as iPhones take them: save it as JPEG, set the iPhone to "
                        "Settings > Camera > Formats > Most Compatible, or have garita[heic] "
                        "installed here"
                    )
                ),
            )
    elif name == "AVIF":
        formats = ("AVIF",)
        if not _pillow_has_avif():
            raise _not_read(name)
    elif name:
        raise _not_read(name)
    else:
        formats = _PILLOW
    header = _by_pillow(data, formats, name)
    if header.format == "GIF":
        raise _not_read("GIF")
    return header


def _by_pillow(data: bytes, formats: tuple[str, ...], name: str) -> PictureHeader:
    from PIL import Image  # noqa: PLC0415 - a desk that takes no pictures does not load it

    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures on stderr; MAX_PIXELS is our own limit.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as picture:
                width, height = picture.size
                return PictureHeader(name or _plain(picture.format), width, height)
    except Image.DecompressionBombError:
        raise PictureError(
            PictureFault.TOO_MANY_PIXELS,
            Message(
                N_("more than {limit} megapixels: scale it down"),
                {"limit": MAX_PIXELS // 1_000_000},
            ),
        ) from None
    except Exception as error:  # Pillow's readers raise what they like for a damaged header
        raise PictureError(
            PictureFault.UNREADABLE, Message(N_("not a picture that can be read"))
        ) from error


def _plain(name: str | None) -> str:
    return {"MPO": "JPEG", "WEBP": "WebP", "PPM": "PNM"}.get(name or "", name or "")


def _heif_reader() -> bool:
    """Whether pillow-heif is installed; its reader is then known to Pillow."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except (ImportError, OSError):  # OSError: a library that it needs does not load
        return False
    return True


def _pillow_has_avif() -> bool:
    from PIL import features  # noqa: PLC0415

    return bool(features.check("avif"))


def _not_read(name: str) -> PictureError:
    return PictureError(
        PictureFault.FORMAT,
        Message(
            N_("{format}: a format that is not read here; save the picture as JPEG"),
            {"format": name},
        ),
    )


def _too_large_a_file(size: int) -> PictureError:
    return PictureError(
        PictureFault.FILE_TOO_LARGE,
        Message(
            N_("a file of {size} MB; at most {limit} MB are read"),
            {"size": size // 1_000_000, "limit": MAX_BYTES // (1024 * 1024)},
        ),
    )
