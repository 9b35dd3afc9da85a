"""A real gateway at simulated devices, in the chroot of try.sh: a badge opens its door.

    gate.py                     a badge opens the door
    gate.py COMMAND             an upgrade, while the gateway works; then the new version takes over
    gate.py COMMAND refused     likewise, but the upgrade is refused: the version before works on

Run by the installed program's own Python.  Says what it did; ends with 1 if a door stayed shut.
"""

from __future__ import annotations

import asyncio
import grp
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard

CONFIG, SOCKET = Path("/etc/garita/garita.toml"), Path("/run/garita/garita.sock")
LIB = Path("/usr/lib/garita")
CARD = (18, 1001)
TEXT = """
[site]
gateway = "gate-1"
timezone = "UTC"
[access_levels.all]
doors = { yard = "always" }
[readers.yard-in]
driver = "rdm6300"
port = "/run/garita-try/reader"
options = { hold_off_s = 0.0 }
[locks.board]
driver = "lcus"
port = "/run/garita-try/board"
[doors.yard]
mode = "badge"
reader = "yard-in"
lock = "board"
channel = 1
pulse_s = 0.2
fail = "secure"
"""


def garita(*words: str) -> str:
    done = subprocess.run(["garita", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"garita {' '.join(words)}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def prepare(folder: Path) -> None:
    """Configuration, key and list, as the pages of docs/ say."""
    if not CONFIG.exists():
        CONFIG.write_text(TEXT, encoding="utf-8")
        CONFIG.chmod(0o640)
        os.chown(CONFIG, 0, grp.getgrnam("garita").gr_gid)
        garita("key", "new")
    people = folder / "people.csv"
    card = f"em4100:{CARD[0]}:{CARD[1]}"
    people.write_text(f"id,name,credentials,access_levels\ne1,Ana,{card},all\n", encoding="utf-8")
    garita("people", "sync", str(people), "--apply")


class Gate:
    """The gateway as the unit runs it, and its devices."""

    def __init__(self, folder: Path) -> None:
        self.reader = VirtualRdm6300(folder / "reader")
        self.board = VirtualRelayBoard(folder / "board")
        self.opened: dict[str, int] = {}
        self.process: asyncio.subprocess.Process | None = None
        self.own()

    def own(self) -> None:
        """The gateway's account may open the ports."""
        for port in (self.reader, self.board):
            shutil.chown(port.path.resolve(), "garita")

    async def start(self) -> None:
        SOCKET.parent.mkdir(exist_ok=True)
        shutil.chown(SOCKET.parent, "garita", "garita")
        words = ("setpriv", "--reuid=garita", "--regid=garita", "--init-groups", "--no-new-privs")
        self.process = await asyncio.create_subprocess_exec(*words, "garita", "run")

    async def end(self) -> None:
        """End the gateway, however the test went: it must not outlive the chroot."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def tree(self) -> str:
        """The folder whose Python the process runs."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/cmdline").read_text().split("/bin/python3")[0]

    async def opens(self) -> None:
        """Hold the badge to the reader until the door opens, for half a minute at most."""
        since = len(self.board.log)
        for _ in range(30):
            self.reader.present(*CARD)
            try:
                await self.board.energised(since, 1.0)
            except TimeoutError:
                continue
            self.opened[self.tree()] = self.opened.get(self.tree(), 0) + 1
            return
        sys.exit("gate: the door stayed shut")

    async def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = await self.process.wait()
        if code:
            sys.exit(f"gate: garita run ended with {code}")
        shutil.rmtree(SOCKET.parent)  # as systemd does (RuntimeDirectory), with the mark in it
        # Our hold on a pty keeps it in exclusive use (TIOCEXCL): plug the devices in anew.
        for port in (self.reader, self.board):
            port.unplug()
            port.replug()
        self.own()


async def main(folder: Path) -> None:
    gate = Gate(folder)
    try:
        await tried(gate)
    finally:
        await gate.end()
    for tree, times in gate.opened.items():
        print(f"gate: the program in {tree}: a badge opened the door {times} times", flush=True)
    if refused():
        return
    events = [json.loads(line) for line in garita("log", "export").splitlines()]
    granted = sum(event.get("type", "").endswith("access.granted") for event in events)
    print(f"gate: {granted} grants in the log; verify: {garita('log', 'verify').splitlines()[-1]}")
    if not granted:
        sys.exit("gate: no grant is in the log")


def refused() -> bool:
    return sys.argv[2:] == ["refused"]


async def tried(gate: Gate) -> None:
    await gate.start()
    await gate.opens()
    if sys.argv[1:]:
        upgrade = await asyncio.create_subprocess_shell(sys.argv[1])
        # Badges go on while dpkg works.
        while upgrade.returncode is None:
            await gate.opens()
            await asyncio.sleep(0.2)
        if upgrade.returncode:
            sys.exit(f"gate: the upgrade ended with {upgrade.returncode}")
        await gate.opens()
        await gate.stop()
        if refused():
            return
        # systemd isn't here, so the quiet window is now: what `--restart-in-window` does between.
        if not (LIB / "next").is_symlink():
            sys.exit("gate: no version waits to be put in force")
        switch = await asyncio.create_subprocess_exec(LIB / "assemble", "--switch")
        if await switch.wait():
            sys.exit("gate: the new version was not put in force")
        await gate.start()
        await gate.opens()
    await gate.stop()


FOLDER = Path("/run/garita-try")
FOLDER.mkdir(exist_ok=True)
prepare(FOLDER)
asyncio.run(main(FOLDER))
