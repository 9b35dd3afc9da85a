"""The process that reads one file from a browser: gateway/console/uploads.py starts it.

It reads a line of JSON (the task, its arguments, the limits) and then the file from stdin.  Before
anything of the file is looked at, it gives up what a parser has no need of: more memory, more time,
files, other processes (setrlimit(2)).  It prints a line of JSON and then the bytes of the answer.
"""

from __future__ import annotations

import importlib
import io
import json
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

from gateway import locale
from gateway.locale import GaritaError, worded

Task = Callable[[bytes, Mapping[str, Any]], tuple[dict[str, Any], bytes]]

PIXELS = 50_000_000  # of a photograph: a telephone makes 12 to 50 million
FORMATS = ("JPEG", "PNG", "WEBP")


def main() -> int:
    """Do the task that stdin names."""
    head: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    _limit(int(head["memory"]), int(head["cpu"]))
    locale.use(str(head["language"]))
    answer: dict[str, Any]
    try:
        facts, payload = _task(str(head["task"]))(sys.stdin.buffer.read(), head["args"])
    except GaritaError as error:
        answer, payload = {"refused": str(error)}, b""
    except (MemoryError, RecursionError):
        answer, payload = {"refused": str(worded("the file holds too much"))}, b""
    else:
        answer = {"facts": facts}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + payload)
    sys.stdout.buffer.flush()
    return 0


def _limit(memory: int, cpu_s: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 64),  # modules are files too
    ):
        resource.setrlimit(what, (most, most))


def _task(name: str) -> Task:
    module, _colon, function = name.partition(":")
    if not module.startswith("gateway."):
        raise ValueError(name)
    found: Task = getattr(importlib.import_module(module), function)
    return found


def picture(data: bytes, args: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """A photograph as a JPEG of at most `side` pixels, upright and without its metadata.  Raises
    GaritaError for anything that is not a photograph."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = None  # its own limit only warns at first; ours is below
    side = int(args["side"])
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as found:
            if found.width * found.height > PIXELS:
                raise GaritaError(worded("the picture is too large"))
            found.draft("RGB", (side, side))  # a JPEG is read at a smaller size at once
            small = ImageOps.exif_transpose(found).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise GaritaError(
            worded("this is not a photograph (JPEG, PNG or WebP), or it is damaged")
        ) from error
    small.thumbnail((side, side))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=82, optimize=True)
    return {"width": small.width, "height": small.height}, out.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
