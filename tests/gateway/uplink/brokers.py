"""Stand-ins for what mosquitto 2.0.11 can't be told to do, each for a few bytes only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def old_broker(port: int, *, answers: bool = True) -> AsyncIterator[int]:
    """A stand-in for the first bytes only: mosquitto 2.0 can't be told to refuse version 5.

    It answers CONNECT of version 5 as MQTT 3.1.1 tells a broker to (3.1.2.2: CONNACK 0x01, close),
    or just closes; any other connection goes through to the real broker at `port`.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65536)
        if first[8:9] == b"\x05":  # fixed header, "MQTT" with its length, protocol level
            if answers:
                writer.write(b"\x20\x02\x00\x01")
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        up_writer.write(first)
        for pair in ((reader, up_writer), (up_reader, writer)):
            task = asyncio.create_task(pipe(*pair))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def answering(*frames: bytes) -> AsyncIterator[int]:
    """A stand-in that answers CONNECT with a CONNACK of MQTT 5 and then each packet with the next
    of `frames`, for what mosquitto 2.0.11 never says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x20\x03\x00\x00\x00")
        for frame in frames:
            await reader.read(1000)
            writer.write(frame)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
