"""Side by side in one run: this gateway, a Node-RED flow that does the same job, and the floor.

The job: a badge over a serial port, who holds it (SQLite), the relay's frame to another port, a
record in SQLite (WAL, synchronous=FULL), and the event to the same mosquitto with QoS 1.  Node-RED
does it in two ways: with the record beside the relay, as flows are drawn, and with the record
before the relay, as this gateway does it.  The floor (benchmarks/bare.py) has no MQTT.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

from benchmarks.figures import family_mb, percentile, say, spread
from benchmarks.floor import BareGate, burst, tap_times
from benchmarks.latency import started
from benchmarks.peer.nodered import TABS, NodeRed, install
from demo.broker import free_port
from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard

ROUNDS, TAPS = 12, 50
BURSTS, BURST = 5, 500
NAMES = {
    "ours": "this gateway, record durable first",
    "first": "Node-RED, record durable first",
    "beside": "Node-RED, record beside",
    "floor": "the floor, record durable first",
}


async def run(folder: Path) -> None:
    """Print the figures."""
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert binary is not None, "sudo apt install mosquitto"
    node = await asyncio.to_thread(install)
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
    broker = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)
    rig = await started(folder / "gate", mqtt=f'host = "127.0.0.1"\nport = {port}')
    bare = await BareGate.start(folder / "bare")
    red = NodeRed(folder / "red")
    try:
        await red.start(node, port, "12000003E9", "Ana")
        await rig.until(lambda status: status["mqtt"]["connected"], 30)
        assert rig.daemon is not None
        pids = {"this gateway": rig.daemon.pid, "Node-RED": red.pid, "the floor": bare.pid}
        for name, pid in pids.items():
            say(f"memory of {name}, idle (MB)", f"{family_mb(pid):.0f}")
        await _compare(
            {
                "ours": (rig.yard_reader, rig.board),
                **{tab: (red.readers[tab], red.boards[tab]) for tab in TABS},
                "floor": (bare.reader, bare.board),
            }
        )
        for name, pid in pids.items():
            say(f"memory of {name}, afterwards (MB)", f"{family_mb(pid):.0f}")
    finally:
        await red.stop()
        await bare.stop()
        await rig.stop()
        broker.terminate()
        broker.wait()


async def _compare(gates: dict[str, tuple[VirtualRdm6300, VirtualRelayBoard]]) -> None:
    """In turns, because the disk of a shared machine varies."""
    took: dict[str, list[float]] = {name: [] for name in gates}
    for reader, board in gates.values():
        await tap_times(reader, board, 20)
    for _ in range(ROUNDS):
        for name, (reader, board) in gates.items():
            took[name] += await tap_times(reader, board, TAPS)
    least = percentile(took["floor"], 0.5)
    for name, values in took.items():
        say(f"badge to relay: {NAMES[name]} (ms)", spread(values))
        if name != "floor":
            ratio = percentile(values, 0.5) / least
            say("  times the floor, medians", f"{ratio:.2f}", "1.15" if name == "ours" else "")
    ratio = percentile(took["ours"], 0.99) / percentile(took["first"], 0.99)
    say("p99 of ours, times that of Node-RED, record first", f"{ratio:.2f}", "1.00")
    seconds: dict[str, list[float]] = {name: [] for name in gates}
    for _ in range(BURSTS):
        for name, (reader, board) in gates.items():
            last, answered = await burst(reader, board, BURST)
            assert answered == BURST, f"{name} answered {answered}"
            seconds[name].append(last)
    for name, values in seconds.items():
        say(
            f"burst of {BURST}: {NAMES[name]} (s)",
            f"median {percentile(values, 0.5):.3f}  worst {max(values):.3f}",
            "0.25" if name == "ours" else "",
        )
