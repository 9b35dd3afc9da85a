"""MQTT: a backlog goes to a real mosquitto; what that costs the doors meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.figures import percentile, say, spread
from benchmarks.latency import GOAL, PEOPLE, taps
from benchmarks.ledger import fill
from demo.broker import free_port
from demo.rig import Rig

BACKLOG = 50_000


async def run(folder: Path) -> None:
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert binary is not None, "sudo apt install mosquitto"
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
    rig = Rig(folder / "gate", pulse_s=30.0, mqtt=f'host = "127.0.0.1"\nport = {port}')
    rig.ledger_path.parent.mkdir(parents=True)
    fill(rig.ledger_path, BACKLOG)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start()
    await taps(rig, 20)
    alone = await taps(rig, 200)
    say("badge to relay, broker down (ms)", spread(alone), GOAL)
    broker = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        await rig.until(lambda s: s["mqtt"]["connected"], 60)
        begun = time.monotonic()
        during = await taps(rig, 60)
        await rig.until(lambda s: s["mqtt"]["waiting"] == 0, 120)
        seconds = time.monotonic() - begun
        say("backlog to the broker (events/s)", f"{BACKLOG / seconds:.0f}", "10,000")
        say("badge to relay while it drains (ms)", spread(during))
        ratio = percentile(during, 0.5) / percentile(alone, 0.5)
        say("  times that without, medians", f"{ratio:.2f}", "1.5")
        await asyncio.sleep(1)
        say("badge to relay, broker up (ms)", spread(await taps(rig, 200)), GOAL)
    finally:
        await rig.stop()
        broker.terminate()
        broker.wait()
