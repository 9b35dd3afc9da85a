"""One picture of a camera, for the installer who aims it: `picture()` asks a process for it.

The process loads OpenCV and talks to the camera, so the console stays small, and a camera that
hangs takes nothing with it.  The address goes over stdin, because it may hold a password.  The
picture is shown and kept nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

LONGEST_S = 15.0
MAX_BYTES = 2_000_000
WIDTH = 640
FRAMES = 5  # the first ones of a camera are dark
NETWORK_MS = 5000
_QUIET = {"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8", "OMP_NUM_THREADS": "1"}


async def picture(source: str) -> bytes | None:
    """A JPEG of the camera `source` (a number or an address); None if it gives no picture."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway.setup.snapshot",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **_QUIET},
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            data, _ = await process.communicate(source.encode())
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return data if data[:2] == b"\xff\xd8" and len(data) <= MAX_BYTES else None


def main() -> None:
    """The source comes on stdin, the JPEG goes to stdout; nothing where there is no picture."""
    import cv2  # noqa: PLC0415 - the console imports this file too, and must stay small

    source = sys.stdin.buffer.read(4096).decode()
    if source.isdecimal():
        capture = cv2.VideoCapture(int(source))
    else:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, NETWORK_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC]
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [*limits, NETWORK_MS])
    image = None
    for _ in range(FRAMES):
        got, frame = capture.read()
        image = frame if got else image
    if image is None:
        return
    height, width = image.shape[:2]
    if width > WIDTH:
        image = cv2.resize(image, (WIDTH, round(height * WIDTH / width)))
    good, data = cv2.imencode(".jpg", image)
    if good:
        sys.stdout.buffer.write(data.tobytes())


if __name__ == "__main__":
    main()
