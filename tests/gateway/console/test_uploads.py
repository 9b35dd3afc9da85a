"""Files from a browser: read by a child that has little memory, little time and no files."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gateway import locale
from gateway.console.uploads import Limits, UploadError, apart, picture, taken

HERE = "gateway.console.apart"


def photograph(kind: str = "JPEG", size: tuple[int, int] = (2400, 1200), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 150)).save(out, kind, **more)
    return out.getvalue()


async def test_a_photograph_comes_back_small_upright_and_without_what_the_camera_wrote() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "a telephone"
    made = await picture(photograph(exif=exif.tobytes()), side=800)
    with Image.open(io.BytesIO(made)) as found:
        assert found.format == "JPEG"
        assert found.size == (400, 800)
        assert not found.getexif()
    assert b"telephone" not in made


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_other_kinds_of_photographs_become_jpeg(kind: str) -> None:
    made = await picture(photograph(kind, (300, 200)))
    with Image.open(io.BytesIO(made)) as found:
        assert found.format == "JPEG" and found.size == (300, 200)


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 60000 x 60000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(9999)))


@pytest.mark.parametrize(
    "data",
    [
        b"<script>alert(1)</script>",
        b"GIF89a" + bytes(200),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(id) system\n",
        photograph()[:900],
        bomb(),
        os.urandom(5000),
    ],
    ids=["markup", "gif", "postscript", "cut", "bomb", "noise"],
)
async def test_what_is_no_photograph_is_refused_with_a_sentence(data: bytes) -> None:
    locale.use("es")
    with pytest.raises(UploadError) as told:
        await picture(data)
    assert told.value.code == "refused"
    assert "foto" in str(told.value) or "imagen" in str(told.value)


async def test_a_reader_that_hangs_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(UploadError) as told:
        await apart("gateway.locale:use", b"", {}, Limits(wall_s=0.001))
    assert told.value.code == "too_slow"
    assert time.monotonic() - begun < 20


async def test_a_reader_that_dies_is_a_sentence_and_not_an_error_page() -> None:
    for task in ("gateway.locale:nothing", "os:abort", "gateway.locale:system"):
        with pytest.raises(UploadError) as told:
            await apart(task, b"")
        assert told.value.code == "unreadable"


async def test_an_answer_that_is_too_long_is_not_taken_into_memory() -> None:
    with pytest.raises(UploadError) as told:
        await apart(f"{HERE}:picture", photograph(), {"side": 1600}, Limits(answer=100))
    assert told.value.code == "too_large"


async def test_a_child_that_wants_too_much_memory_gets_none() -> None:
    with pytest.raises(UploadError) as told:
        await apart(f"{HERE}:picture", photograph(size=(6000, 6000)), {"side": 6000}, Limits(170))
    assert told.value.code in ("refused", "unreadable")


def test_a_child_may_open_no_file_for_writing_and_start_no_process() -> None:
    code = (
        "import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from gateway.console.apart import _limit\n_limit(1 << 29, 5)\n"
        "try:\n"
        " with open('here', 'w') as file: file.write('x')\n"
        " print('wrote')\n"
        "except OSError: print('no file')\n"
        "try: os.fork(); print('forked')\n"
        "except OSError: print('no process')\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd="/tmp",
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert "no file" in said.stdout
    if os.geteuid() != 0:  # RLIMIT_NPROC does not bind root
        assert "no process" in said.stdout


class Sent:
    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    async def read(self, size: int = -1) -> bytes:
        return self._data[:size]


async def test_a_file_that_is_missing_empty_or_too_large_is_not_taken() -> None:
    assert await taken(Sent(b"abc"), 3) == b"abc"
    for file, code in ((None, "missing"), ("text", "missing"), (Sent(b""), "missing")):
        with pytest.raises(UploadError) as told:
            await taken(file, 3)
        assert told.value.code == code
    with pytest.raises(UploadError) as told:
        await taken(Sent(b"abcd"), 3)
    assert told.value.code == "too_large"


def test_the_child_is_one_module_that_needs_no_web() -> None:
    code = (
        "import sys, gateway.console.apart\n"
        "print([m for m in ('starlette', 'uvicorn', 'jinja2', 'PIL') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
