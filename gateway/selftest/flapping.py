"""A broker that comes and goes: a door of TCP before a mosquitto, or before nothing.

Whoever connects is let through, cut off after a while, left without an answer, answered with noise,
or refused.  Where this machine has mosquitto, what the gateway publishes arrives there, and a
subscriber holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
from typing import Any

import aiomqtt

from gateway.selftest.trialgate import NAME


def mosquitto() -> str | None:
    """The broker of this machine, if it has one."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class FlappingBroker:
    """Listens on `port` of 127.0.0.1; `calm` lets everybody through."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._broker: asyncio.subprocess.Process | None = None
        self._behind = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Task[None] | None = None
        self.calm = False
        self.port = 0
        self.connections = 0
        self.received: dict[str, str] = {}
        """The hash of each event by its id, as a subscriber had it."""
        self.contradictions: list[str] = []

    @property
    def real(self) -> bool:
        """Whether there is a mosquitto behind it."""
        return self._broker is not None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        found = mosquitto()
        if found is None:
            return
        probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        self._behind = probe.sockets[0].getsockname()[1]
        probe.close()
        await probe.wait_closed()
        self._broker = await asyncio.create_subprocess_exec(
            found,
            "-p",
            str(self._behind),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ready = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(ready))
        async with asyncio.timeout(20):
            await ready.wait()

    async def close(self) -> None:
        """Cut everybody off and end the broker."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        if self._broker is not None and self._broker.returncode is None:
            self._broker.terminate()
            await self._broker.wait()

    def forget(self) -> None:
        """A new gate begins."""
        self.received.clear()
        self.contradictions.clear()

    async def _listen(self, ready: asyncio.Event) -> None:
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", self._behind) as client:
                    await client.subscribe(f"garita/{NAME}/events", qos=1)
                    ready.set()
                    async for message in client.messages:
                        self._take(json.loads(bytes(message.payload)))
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)

    def _take(self, event: dict[str, Any]) -> None:
        was = self.received.setdefault(event["id"], event["hash"])
        if was != event["hash"]:
            self.contradictions.append(f"two events have the id {event['id']}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            how = self._chance.choice(("through", "through", "cut", "cut", "hang", "noise", "shut"))
            if self.calm or how in ("through", "cut"):
                limit_s = None if self.calm or how == "through" else self._chance.uniform(0, 0.5)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(limit_s):
                        await self._relay(reader, writer)
            elif how == "hang":
                await asyncio.sleep(self._chance.uniform(0.1, 2.0))
            elif how == "noise":
                writer.write(self._chance.randbytes(self._chance.randrange(1, 5000)))
                with contextlib.suppress(OSError):
                    await writer.drain()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._behind:
            return
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open.add(ours)
        try:
            both = [
                asyncio.create_task(_pump(reader, ours)),
                asyncio.create_task(_pump(theirs, writer)),
            ]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in both:
                    task.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            self._open.discard(ours)
            ours.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
