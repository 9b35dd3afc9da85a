"""A gate for trials: virtual devices, a configuration, and the real daemon.

The demo, the system tests and the benchmarks run the gateway through this, as a process of its own
with ptys, a real broker and real video files.  Only the devices (a reader, a relay board, a camera)
are simulated; nothing of the gateway is replaced.  It is in this folder because it starts the
gateway: drivers/simulated may not know the gateway, and the demo may not need tests/.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from drivers.simulated.osdp import SimulatedReader, VirtualOsdpBus
from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard
from gateway.daemon import control

ROOT = Path(__file__).parents[1]

CONFIG = """
[site]
gateway = "demo-gate"
timezone = "America/Tijuana"
data_dir = "data"
run_dir = "run"
key_file = "site.key"
{site}

[schedules.never-today]
periods = [{{ days = ["holiday"], from = "03:00", to = "03:01" }}]

[access_levels.plant]
doors = {{ gate = "always", yard = "always"{vault_always} }}

[access_levels.nights]
doors = {{ gate = "never-today", yard = "never-today" }}

[readers.gate-in]
driver = "rdm6300"
port = "dev/gate-reader"
options = {{ hold_off_s = {hold_off_s} }}

[readers.yard-in]
driver = "rdm6300"
port = "dev/yard-reader"
options = {{ hold_off_s = {hold_off_s} }}

{osdp}

[locks.board]
driver = "lcus"
port = "dev/board"
options = {{ channels = 3 }}

{camera}

[doors.gate]
mode = "{gate_mode}"
reader = "gate-in"
lock = "board"
channel = 1
pulse_s = {pulse_s}
fail = "safe"
{gate_camera}
{gate_more}

[doors.yard]
mode = "badge"
reader = "yard-in"
lock = "board"
channel = 2
pulse_s = {pulse_s}
fail = "secure"
{yard_more}

[face]
timeout_s = {face_timeout_s}

{policy}

{mqtt}
"""

OSDP = """
[buses.rs485]
port = "dev/bus"
baudrate = 115200

[readers.vault-in]
bus = "rs485"
address = 1
options = {{ hold_off_s = 0.0 }}

[readers.vault-out]
bus = "rs485"
address = 2
options = {{ hold_off_s = 0.0 }}

[doors.vault]
mode = "badge+pin"
reader = "vault-in"
reader_out = "vault-out"
lock = "board"
channel = 3
pulse_s = {pulse_s}
fail = "secure"
contact = {{ device = "vault-in", input = 1 }}
rex = {{ device = "vault-in", input = 2, normally = "open" }}
held_warn_s = 1.0
held_alarm_s = 1.5

[pin]
timeout_s = 2.0
"""

CAMERA = """
[cameras.gate]
options = {{ source = "{source}" }}
"""


_STREAMS = threading.Lock()  # a command run in process has the process's streams to itself


def example_config(folder: Path) -> Path:
    """Write the example configuration to `folder`/config/garita.toml; what the gateway writes is
    to lie in `folder`/var, and not where a real box has it."""
    text = (ROOT / "config" / "garita.toml").read_text(encoding="utf-8")
    for real, ours in (
        ("/var/lib/garita", "../var/data"),
        ("/run/garita", "../var/run"),
        ("/etc/garita/site.key", "../var/site.key"),
    ):
        text = text.replace(f'"{real}"', f'"{ours}"')
    path = folder / "config" / "garita.toml"
    path.parent.mkdir(parents=True)
    (folder / "var" / "data").mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


class Rig:
    """One gate in `folder`.  Use it inside an event loop, and call `stop()` at the end."""

    in_process = False
    """Run `garita ...` inside this process: tests do, it saves them an interpreter a command."""

    def __init__(
        self,
        folder: Path,
        *,
        camera: bool = False,
        mqtt: str = "",
        site: str = "",
        hold_off_s: float = 0.0,
        pulse_s: float = 0.3,
        face_timeout_s: float = 3.0,
        osdp: bool = False,
        osdp_doors: str = "",
        osdp_readers: int = 2,
        gate_more: str = "",
        yard_more: str = "",
        policy: str = "",
    ) -> None:
        self.folder = folder
        self.config = folder / "garita.toml"
        self.video = folder / "camera.avi"
        self.socket = folder / "run" / "garita.sock"
        self.ledger_path = folder / "data" / "ledger.db"
        self.people_path = folder / "data" / "people.db"
        self.daemon: asyncio.subprocess.Process | None = None
        (folder / "dev").mkdir(parents=True, exist_ok=True)
        # On a real box ports have absolute paths, so make those in the file absolute.
        text = CONFIG.format(
            site=site,
            hold_off_s=hold_off_s,
            pulse_s=pulse_s,
            face_timeout_s=face_timeout_s,
            osdp=(osdp_doors or OSDP.format(pulse_s=pulse_s)) if osdp else "",
            vault_always=', vault = "always"' if osdp and not osdp_doors else "",
            camera=CAMERA.format(source=self.video) if camera else "",
            gate_mode="badge+face" if camera else "badge",
            gate_more=gate_more,
            yard_more=yard_more,
            policy=policy,
            gate_camera='camera = "gate"' if camera else "",
            mqtt=f"[mqtt]\n{mqtt}" if mqtt else "",
        )
        self.config.write_text(text.replace('"dev/', f'"{folder}/dev/'), encoding="utf-8")
        self.gate_reader = VirtualRdm6300(folder / "dev" / "gate-reader")
        self.yard_reader = VirtualRdm6300(folder / "dev" / "yard-reader")
        self.board = VirtualRelayBoard(folder / "dev" / "board")
        self.vault_in, self.vault_out = SimulatedReader(1), SimulatedReader(2)
        self.vault_in.inputs[0] = True  # the door is shut: its contact is closed
        self.bus: VirtualOsdpBus | None = None
        if osdp:
            more = [SimulatedReader(address) for address in range(3, osdp_readers + 1)]
            readers = (self.vault_in, self.vault_out, *more)[: max(1, osdp_readers)]
            self.bus = VirtualOsdpBus(folder / "dev" / "bus", readers)
        if not (folder / "site.key").exists():
            self.cli("key", "new", str(folder / "site.key"), config=False)

    def cli(
        self,
        *arguments: str,
        config: bool = True,
        check: bool = True,
        stdin: str | None = None,
        process: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run `garita ...` as a user would; raises AssertionError if it fails.

        With `process` it is a process of its own, whatever `in_process` says; a second command
        at the same time is one too, because two would share one stdout.
        """
        given = [*arguments, "-c", str(self.config)] if config else list(arguments)
        inside = self.in_process and not process and arguments[0] != "run"
        if inside and _STREAMS.acquire(blocking=False):
            try:
                # In a thread: commands may start an event loop of their own.
                with ThreadPoolExecutor(1) as thread:
                    done = thread.submit(_within, given, stdin).result()
            finally:
                _STREAMS.release()
        else:
            command = [sys.executable, "-m", "gateway.cli.main", *given]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=ROOT, input=stdin
            )
        if check and done.returncode:
            raise AssertionError(f"garita {arguments[0]}: {done.stdout}{done.stderr}")
        return done

    async def acli(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Like `cli`, in a thread, so that the virtual devices go on meanwhile."""
        return await asyncio.to_thread(self.cli, *arguments, **options)

    def write_people(self, rows: Sequence[Mapping[str, str]]) -> Path:
        """Write a personnel list as CSV, with the keys as columns; returns its path."""
        columns = (
            "id",
            "name",
            "valid_from",
            "valid_until",
            "status",
            "credentials",
            "access_levels",
        )
        lines = [",".join(columns)]
        lines += [",".join(str(row.get(column, "")) for column in columns) for row in rows]
        path = self.folder / "people.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    async def start(self, *, wait: bool = True, log: Path | None = None) -> None:
        """Start the daemon and wait until its devices are online."""
        with contextlib.ExitStack() as stack:
            target: Any = subprocess.DEVNULL
            if log is not None:
                target = stack.enter_context(log.open("ab"))
            self.daemon = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.daemon",
                "-c",
                str(self.config),
                stdout=target,
                stderr=target,
                cwd=ROOT,
                start_new_session=True,
            )
        if wait:
            await self.until(self._ready)

    def _ready(self, status: Mapping[str, Any]) -> bool:
        # Check by name, because a device that has not opened its port yet is not on the list.  When
        # it opens the port, it drops what came before.
        online = {d["name"] for d in status["devices"] if d["online"]}
        return {"gate-in", "yard-in"} <= online and self._online(status, "reader", "lock")

    @staticmethod
    def _online(status: Mapping[str, Any], *kinds: str) -> bool:
        # A reader on a bus is not online until it has a key.
        on_bus = status.get("readers", {})
        found = [d for d in status["devices"] if d["kind"] in kinds and d["name"] not in on_bus]
        return {d["kind"] for d in found} == set(kinds) and all(d["online"] for d in found)

    async def until(self, condition: Any, timeout_s: float = 20.0) -> dict[str, Any]:
        """Wait until `condition(status)` holds; returns that status."""
        status: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    with contextlib.suppress(control.ControlError):
                        status = await asyncio.to_thread(control.ask, self.socket, "status")
                        if condition(status):
                            return status
                    if self.daemon is not None and self.daemon.returncode is not None:
                        raise AssertionError(f"the daemon ended with {self.daemon.returncode}")
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise AssertionError(f"it did not come to that; status: {status}") from error

    async def until_online(self, *kinds: str, timeout_s: float = 30.0) -> dict[str, Any]:
        """Wait until every device of these kinds is online."""
        return await self.until(lambda status: self._online(status, *kinds), timeout_s)

    def kill(self) -> None:
        """Kill the daemon with SIGKILL, so that it can't tidy up."""
        if self.daemon is not None and self.daemon.returncode is None:
            os.kill(self.daemon.pid, signal.SIGKILL)

    async def stop_daemon(self) -> int:
        """Send SIGTERM and wait for the end; returns the exit code."""
        assert self.daemon is not None
        if self.daemon.returncode is None:
            self.daemon.terminate()
        async with asyncio.timeout(20):
            return await self.daemon.wait()

    async def stop(self) -> None:
        """Stop the daemon and close the devices, in any state."""
        if self.daemon is not None and self.daemon.returncode is None:
            try:
                await self.stop_daemon()
            except TimeoutError:
                self.kill()
                await self.daemon.wait()
        for device in (self.gate_reader, self.yard_reader, self.board, self.bus):
            if device is not None:
                device.close()


def _within(arguments: list[str], stdin: str | None) -> subprocess.CompletedProcess[str]:
    """Run `garita ...` in this process, with streams of its own and without our environment."""
    from typer.testing import CliRunner  # noqa: PLC0415 - the demo and the benchmarks need neither

    from gateway import locale  # noqa: PLC0415
    from gateway.cli.main import app  # noqa: PLC0415

    language = locale.language()
    env = {"GARITA_CONFIG": None, "GARITA_LANG": None, "COLUMNS": "80"}
    try:
        result = CliRunner().invoke(app, arguments, input=stdin, env=env, prog_name="garita")
    finally:
        locale.use(language)
    return subprocess.CompletedProcess(
        ["garita", *arguments], result.exit_code, result.stdout, result.stderr
    )
