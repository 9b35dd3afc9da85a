"""What a browser sends as a file is read by a process of its own, with limits.

A list, a photograph or a document from outside goes through parsers that are large and were not
written for a gate.  `apart` hands the bytes to a child (gateway/console/apart.py) that has no file,
no other process, little memory and little time.  If it crashes, hangs or asks for more, the child
dies and the page gets an `UploadError` with a sentence; the console goes on.

    facts, payload = await apart("gateway.console.apart:picture", data)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway import locale
from gateway.locale import GaritaError, Message, worded

MEGABYTE = 1024 * 1024
PICTURE_BYTES = 12 * MEGABYTE
LIST_BYTES = 40 * MEGABYTE


class UploadError(GaritaError):
    """A file is not taken; the message says why.  `code` is ``missing``, ``too_large``,
    ``too_slow``, ``unreadable`` or ``refused`` (by the parser, in words for people)."""

    def __init__(self, code: str, message: Message | str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use: memory (MB of address space), seconds of a core, seconds in all, bytes
    of its answer."""

    memory_mb: int = 512
    cpu_s: int = 20
    wall_s: float = 30.0
    answer: int = 32 * MEGABYTE


class File(Protocol):
    """A file of a form, as Starlette gives it."""

    @property
    def size(self) -> int | None: ...
    async def read(self, size: int = -1) -> bytes: ...


_one = asyncio.Semaphore(1)
"""Files are read one after the other, so that many at once take no more memory."""


async def taken(file: object, most: int) -> bytes:
    """The bytes of a file of a form, at most `most`.  Raises UploadError if there is none, if it is
    empty, or if it is larger."""
    if not hasattr(file, "read"):
        raise UploadError("missing", worded("choose a file first"))
    sent: File = file  # type: ignore[assignment]
    data = await sent.read(most + 1)
    if not data:
        raise UploadError("missing", worded("choose a file first"))
    if len(data) > most:
        raise UploadError(
            "too_large", worded("the file is larger than {n} MB", n=max(1, most // MEGABYTE))
        )
    return data


async def apart(
    task: str,
    data: bytes,
    args: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> tuple[dict[str, Any], bytes]:
    """Have `task` read `data` in a process of its own.

    `task` is ``package.module:function`` of this program and is written in the code, never taken
    from a request.  The function gets (`data`, `args`) and returns (facts that JSON can hold,
    bytes).  A GaritaError of the function becomes an UploadError with its sentence, in the language
    in use here.  Raises UploadError for everything that goes wrong.
    """
    bounds = limits or Limits()
    head = {
        "task": task,
        "args": dict(args or {}),
        "language": locale.language(),
        "memory": bounds.memory_mb * MEGABYTE,
        "cpu": bounds.cpu_s,
    }
    async with _one:
        try:
            async with asyncio.timeout(bounds.wall_s):
                said = await _child(json.dumps(head).encode() + b"\n" + data, bounds.answer)
        except TimeoutError as error:
            raise UploadError("too_slow", worded("the file takes too long to read")) from error
    first, _newline, payload = said.partition(b"\n")
    try:
        answer: dict[str, Any] = json.loads(first)
        refused, facts = answer.get("refused"), answer.get("facts")
    except (ValueError, AttributeError) as error:
        raise UploadError("unreadable", worded("the file can't be read")) from error
    if refused is not None:
        raise UploadError("refused", str(refused))
    if not isinstance(facts, dict):
        raise UploadError("unreadable", worded("the file can't be read"))
    return facts, payload


async def picture(data: bytes, *, side: int = 1600) -> bytes:
    """A photograph as a small JPEG of at most `side` pixels, without what the camera wrote into it
    (place, time, device).  Raises UploadError."""
    _facts, made = await apart("gateway.console.apart:picture", data, {"side": side})
    return made


async def _child(message: bytes, most: int) -> bytes:
    """What the child answers to `message`, at most `most` bytes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "gateway.console.apart",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        writing = asyncio.create_task(_write(process.stdin, message))
        said = await _read(process.stdout, most)
        await writing
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said


async def _write(pipe: asyncio.StreamWriter, message: bytes) -> None:
    try:
        pipe.write(message)
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the child ended; what it said tells why


async def _read(pipe: asyncio.StreamReader, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await pipe.read(65536):
        size += len(part)
        if size > most:
            raise UploadError("too_large", worded("the file holds too much"))
        parts.append(part)
    return b"".join(parts)
