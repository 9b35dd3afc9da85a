"""From a badge at an OSDP reader to its listener, and to the order at the reader's own output.

The gateway's `ReaderBus` runs in a process of its own on a pty.  The reader is ours
(drivers/simulated/osdp.py), and a thread slows the pty to the line's speed.  `python -m
benchmarks.bus --against FOLDER [BAUD]` measures an older tree in the same run, badge by badge.
"""

from __future__ import annotations

import asyncio
import os
import random
import select
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path
from typing import Any

from benchmarks.figures import say, spread
from drivers.readers import wiegand
from drivers.readers.osdp.messages import Cmd
from drivers.simulated.osdp import SimulatedReader

KEY = bytes(range(16))
TAPS = 40


class Reader(SimulatedReader):
    """A simulated reader that notes when an order to its output came."""

    ordered_at = 0.0

    def _do(self, code: int, data: bytes) -> bytes:
        if code == Cmd.OUT:
            self.ordered_at = time.monotonic()
        return super()._do(code, data)


class Side:
    """One tree's bus with one reader."""

    def __init__(self, tree: Path, baudrate: int) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self._byte_s = 10 / baudrate
        self._reader = Reader(0, KEY)
        self.events: list[float] = []
        self.orders: list[float] = []
        self.lost = 0
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()
        self._process = subprocess.Popen(
            [sys.executable, __file__, os.ttyname(self._theirs), str(baudrate)],
            env={**os.environ, "PYTHONPATH": str(tree)},
            cwd=tree,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._line(20) != "online":
            self.stop()
            raise TimeoutError(f"{tree}: the reader did not come online in 20 s")

    def _line(self, timeout_s: float) -> str:
        """The next line of the process; "" if none comes in time."""
        out = self._process.stdout
        assert out is not None
        return out.readline().strip() if select.select([out], [], [], timeout_s)[0] else ""

    def _answer(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 4096)
                if answer := self._reader.feed(data):
                    # As long as on the line: the question, then the answer from its first byte.
                    time.sleep(len(data) * self._byte_s)
                    os.write(self._ours, answer[:1])
                    time.sleep(len(answer) * self._byte_s)
                    os.write(self._ours, answer[1:])
            except OSError:
                return

    def tap(self, number: int) -> None:
        """Show a badge; note both times in milliseconds."""
        self._reader.ordered_at = 0.0
        begun = time.monotonic()
        self._reader.card(wiegand.encode("h10301", 18, number))
        if not (line := self._line(2)):
            self.lost += 1  # the session was lost on a busy machine
            return
        self.events.append((float(line) - begun) * 1000)
        while not self._reader.ordered_at and time.monotonic() < begun + 2:
            time.sleep(0.0005)
        self.orders.append((self._reader.ordered_at - begun) * 1000)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._theirs)
        self._thread.join(2)  # it reads until the other end is closed
        os.close(self._ours)


def measure(trees: dict[str, Path], *speeds: int) -> None:
    """Show badges to each tree in turns, at each speed (baud), and print the figures."""
    for baudrate in speeds:
        sides: dict[str, Side] = {}
        chance = random.Random(1)
        try:
            for name, tree in trees.items():
                sides[name] = Side(tree, baudrate)
            for number in range(TAPS):
                for side in sides.values():
                    time.sleep(0.15 + chance.random() * 0.05)
                    side.tap(number)
        finally:
            for side in sides.values():
                side.stop()
        for name, side in sides.items():
            about = f"{name}, {baudrate} baud" if name else f"{baudrate} baud"
            if side.lost:
                say(f"OSDP bus, {about}: badges without an event", str(side.lost))
            say(f"OSDP bus, {about}: badge to event (ms)", spread(side.events))
            say(
                f"OSDP bus, {about}: badge to the lock order at the reader (ms)",
                spread(side.orders),
            )


async def run(folder: Path) -> None:
    await asyncio.to_thread(measure, {"": Path(__file__).parents[1]}, 9600)


# The bus, in a process of its own; it runs older trees too


def serve(path: str, baudrate: int) -> None:
    """Print the time of each card when its listener gets it, and order the output at once."""
    from gateway.config import BusTable, ReaderTable  # noqa: PLC0415 - from the tree to measure
    from gateway.devices import ReaderBus  # noqa: PLC0415

    class Keys:
        def candidates(self, reader: str) -> list[bytes]:
            return [KEY]

    keys: Any = Keys()
    table = BusTable(driver="osdp", port=path, baudrate=baudrate)
    readers = {"r": ReaderTable(bus="b", address=0, options={"hold_off_s": 0.0})}
    bus = ReaderBus("b", table, readers, keys, lambda *about: None, lambda event: None)
    reader: Any = bus.readers["r"]

    def on_reading(reading: object, now: float) -> None:
        print(time.monotonic(), flush=True)
        reader.output(1, True, 3.0, lambda: None)

    listen = getattr(reader, "listen_readings", None) or reader.on_reading
    listen(on_reading)

    async def serving() -> None:
        task = asyncio.create_task(bus.port.run())
        while not reader.online:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        print("online", flush=True)
        await task

    asyncio.run(serving())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--against"]:
        both = {"before": Path(sys.argv[2]), "after": Path(__file__).parents[1]}
        measure(both, int(sys.argv[3]) if sys.argv[3:] else 9600)
    else:
        serve(sys.argv[1], int(sys.argv[2]))
