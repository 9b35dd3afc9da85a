"""Serves the wizard on this machine until somebody ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import uvicorn

from gateway.console.setup.web import app_of
from gateway.console.setup.wizard import wizard
from gateway.setup.virtual import VirtualGate

HOST = "127.0.0.1"


def serve(path: Path, port: int, virtual: bool, say: Callable[[str], None]) -> None:
    """Run the wizard for a configuration at `path`; `say` gets its one-time address.

    With `virtual`, devices are simulated.  Raises OSError if the port is taken.
    """
    devices = path.absolute().parent / "dev" if virtual else None
    asyncio.run(_serve(path, port, devices, say))


async def _serve(path: Path, port: int, devices: Path | None, say: Callable[[str], None]) -> None:
    run = wizard(path, VirtualGate(devices) if devices is not None else None)
    server: uvicorn.Server | None = None

    def finish() -> None:
        assert server is not None
        server.should_exit = True

    config = uvicorn.Config(
        app_of(run, finish),
        host=HOST,
        port=port,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    say(f"http://{HOST}:{port}/?code={run.code}")
    await server.serve()
