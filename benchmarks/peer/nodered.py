"""Node-RED on a gate of its own: the flow of flow.json does what the gateway does at one door.

Node and all packages come from npm by the hashes of package-lock.json, into .cache/peer, at first
use.  No script of a package runs, except that SQLite's binding is compiled here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from demo.broker import free_port
from demo.rig import ROOT
from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard

HERE = Path(__file__).parent
HOME = ROOT / ".cache" / "peer"
TABS = ("beside", "first")  # when the record is written: beside the relay, or before it
STARTED = ("Started flows", "Connected to broker", *["serial port"] * 2 * len(TABS))

LOCKED = ("package.json", "package-lock.json")


def install() -> Path:
    """Install what the lock names, once; returns the path of Node's binary.

    Raises subprocess.CalledProcessError; RuntimeError where there is no npm.
    """
    node = next(iter(HOME.glob("node_modules/node-linux-*/bin/node")), None)
    if node is not None and all(
        (HOME / name).exists() and (HOME / name).read_bytes() == (HERE / name).read_bytes()
        for name in LOCKED
    ):
        return node
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the peer needs npm and a C++ compiler: sudo apt install npm g++ make")
    print("  installing Node-RED into .cache/peer (the first time: some minutes)", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    shutil.copy(HERE / "package.json", HOME)
    shutil.copy(HERE / "package-lock.json", HOME / "package-lock.json.new")
    (HOME / "package-lock.json.new").rename(HOME / "package-lock.json")
    quiet = ("--no-audit", "--no-fund", "--silent")
    subprocess.run([npm, "ci", "--ignore-scripts", *quiet], cwd=HOME, check=True)
    node = next(iter(HOME.glob("node_modules/node-linux-*/bin/node")))
    # The headers of the Node that was installed, so that nothing is fetched for the compiler.
    env = os.environ | {
        "PATH": f"{node.parent}:{os.environ['PATH']}",
        "npm_config_nodedir": str(node.parents[1]),
    }
    build = [npm, "rebuild", "sqlite3", "--build-from-source", *quiet]
    subprocess.run(build, cwd=HOME, env=env, check=True)
    return node


class NodeRed:
    """The flow as a process, with a reader and a relay board for each of `TABS`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.readers = {tab: VirtualRdm6300(folder / f"{tab}-reader") for tab in TABS}
        self.boards = {tab: VirtualRelayBoard(folder / f"{tab}-board") for tab in TABS}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, node: Path, mqtt_port: int, badge: str, name: str) -> None:
        """Start it with one person on its list; returns when its ports are open."""
        path = self.folder / "gate.db"
        db = sqlite3.connect(path)
        db.execute("PRAGMA journal_mode = WAL")  # synchronous=FULL is the binding's default
        db.execute("CREATE TABLE people (badge TEXT PRIMARY KEY, name TEXT)")
        db.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, badge TEXT, name TEXT, data TEXT)")
        db.execute("INSERT INTO people VALUES (?, ?)", (badge, name))
        db.commit()
        db.close()
        for given in ("settings.js", "flow.json"):
            shutil.copy(HERE / given, self.folder)
        (self.folder / "package.json").write_text((HOME / "package.json").read_text())
        (self.folder / "node_modules").symlink_to(HOME / "node_modules")
        ports = {
            f"GATE_{tab.upper()}_{what}": str(self.folder / f"{tab}-{what.lower()}")
            for tab in TABS
            for what in ("READER", "BOARD")
        }
        env = os.environ | ports | {"GATE_DB": str(path), "GATE_MQTT": str(mqtt_port)}
        env["PORT"] = str(free_port())
        red = HOME / "node_modules" / "node-red" / "red.js"
        self._process = await asyncio.create_subprocess_exec(
            str(node), str(red), "-u", str(self.folder), env=env, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            await self._until(list(STARTED))
        self._reading = asyncio.create_task(self._until([]))

    async def _until(self, awaited: list[str]) -> None:
        """Read what it prints until all of `awaited` was there; for ever if nothing is awaited."""
        assert self._process is not None and self._process.stdout is not None
        ends, said = bool(awaited), list[str]()
        async for line in self._process.stdout:
            text = line.decode(errors="replace")
            said.append(text)
            found = next((words for words in awaited if words in text), None)
            if found is not None:
                awaited.remove(found)
                if ends and not awaited:
                    return
        if ends:
            raise RuntimeError(f"Node-RED ended: {''.join(said[-20:])}")

    def logged(self) -> int:
        """How many badges are in its log."""
        db = sqlite3.connect(self.folder / "gate.db")
        try:
            return int(db.execute("SELECT count(*) FROM log").fetchone()[0])
        finally:
            db.close()

    async def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self._reading.cancel()
        for port in (*self.readers.values(), *self.boards.values()):
            port.close()
