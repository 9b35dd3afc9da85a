"""OSDP: poll interval, badge to event and badge to relay, beside libosdp's own control panel.

The readers are ours (drivers/simulated/osdp.py), in a process of their own, on a pty; the same
readers serve our panel, libosdp's, and the whole gateway.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from benchmarks.figures import percentile, say, spread
from demo.rig import Rig
from drivers.readers import wiegand
from drivers.readers.osdp.bus import OsdpBus
from drivers.readers.osdp.cards import CardDecoder
from drivers.readers.osdp.session import ReaderSession
from drivers.simulated.osdp import SimulatedReader

KEY = bytes(range(16))
POLL_S = 0.025
TAPS = 200


class Readers:
    """`count` simulated readers behind one end of a pty; a thread answers for them at once."""

    def __init__(self, count: int) -> None:
        self.ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.readers = [SimulatedReader(address, KEY) for address in range(count)]
        self.dead: set[int] = set()
        self.asked: dict[int, list[float]] = {address: [] for address in range(count)}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.is_set():
            with contextlib.suppress(OSError):
                data = os.read(self._theirs, 4096)
                for reader in self.readers:
                    if reader.address in self.dead:
                        continue
                    if answer := reader.feed(data):
                        self.asked[reader.address].append(time.monotonic())
                        os.write(self._theirs, answer)

    def gaps(self, since: float) -> list[float]:
        """Times between two questions to the same reader (ms), after `since`."""
        found = []
        for address, times in self.asked.items():
            if address not in self.dead:
                late = [at for at in times if at > since]
                found += [(b - a) * 1000 for a, b in pairwise(late)]
        return found

    def stop(self) -> None:
        self._end.set()
        os.write(self.ours, b"\0")
        self._thread.join(2)
        os.close(self.ours)
        os.close(self._theirs)


@contextlib.contextmanager
def panel(which: str, readers: Readers) -> Iterator[subprocess.Popen[str]]:
    """A control panel in a process of its own, which prints a line with the time of each card."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "benchmarks.osdp",
            which,
            str(readers.ours),
            str(len(readers.readers)),
        ],
        pass_fds=(readers.ours,),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def cpu_s(pid: int) -> float:
    """Processor time that a process has used, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def badge_to_event(which: str, count: int) -> tuple[list[float], float, list[float]]:
    """Times (ms), the panel's share of a core (idle, percent), poll intervals (ms)."""
    readers = Readers(count)
    chance = random.Random(1)
    took = []
    with panel(which, readers) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "online"
        time.sleep(0.7)
        since, used = time.monotonic(), cpu_s(process.pid)
        time.sleep(4)
        share = (cpu_s(process.pid) - used) / (time.monotonic() - since) * 100
        gaps = readers.gaps(since)
        for number in range(TAPS):
            time.sleep(0.04 + chance.random() * 0.05)
            reader = readers.readers[number % count]
            begun = time.monotonic()
            reader.card(wiegand.encode("h10301", 18, number))
            took.append((float(process.stdout.readline()) - begun) * 1000)
    readers.stop()
    return took, share, gaps


def with_dead(dead: int) -> list[float]:
    """Poll intervals (ms) of the readers that answer, among eight of which `dead` do not."""
    readers = Readers(8)
    readers.dead = set(range(8 - dead, 8))
    with panel("ours", readers) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(4)
        since = time.monotonic()
        time.sleep(6)
        gaps = readers.gaps(since)
    readers.stop()
    return gaps


async def badge_to_relay(folder: Path, count: int) -> list[float]:
    """Through the whole gateway: look-up, decision, record on disk, relay."""
    doors = "\n".join(
        f'[readers.r{n}]\nbus = "rs485"\naddress = {n}\noptions = {{ hold_off_s = 0.0 }}\n'
        for n in range(1, count + 1)
    )
    door = (
        '[buses.rs485]\nport = "dev/bus"\nbaudrate = 115200\n\n'
        + doors
        + '\n[doors.vault]\nmode = "badge"\nreader = "r1"\nlock = "board"\nchannel = 3\n'
        'pulse_s = 30.0\nfail = "secure"\n\n[access_levels.vault]\ndoors = { vault = "always" }\n'
    )
    rig = Rig(folder, osdp=True, osdp_doors=door, osdp_readers=count)
    person = {"id": "e1", "name": "Ana", "credentials": "h10301:18:1001"}
    people = [{**person, "access_levels": "vault"}]
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    await rig.start(wait=False)
    await rig.until(lambda s: len(s["readers"]) == count)
    for n in range(1, count + 1):
        await rig.acli("reader", "install", f"r{n}")
    await asyncio.sleep(1)
    assert rig.bus is not None
    took, chance = [], random.Random(2)
    for _ in range(TAPS):
        seen = len(rig.board.log)
        begun = time.monotonic()
        rig.bus.readers[1].card(wiegand.encode("h10301", 18, 1001))
        took.append((await rig.board.energised(seen) - begun) * 1000)
        await asyncio.sleep(0.03 + chance.random() * 0.05)
    await rig.stop()
    return took


async def run(folder: Path) -> None:
    for count in (1, 4, 8):
        ours, share, gaps = await asyncio.to_thread(badge_to_event, "ours", count)
        theirs, their_share, their_gaps = await asyncio.to_thread(badge_to_event, "libosdp", count)
        say(f"{count} reader(s), badge to event (ms)", spread(ours))
        say("  libosdp's panel, same readers, same run (ms)", spread(theirs))
        ratio = percentile(ours, 0.5) / percentile(theirs, 0.5)
        say("  ratio of the medians", f"{ratio:.2f}", "0.5")
        say("  CPU of the panel (% of a core)", f"{share:.1f}", "5" if count == 1 else "")
        say("  CPU of libosdp's (%)", f"{their_share:.1f}")
        say("  poll interval (ms)", spread(gaps))
        say("  libosdp's poll interval (ms)", spread(their_gaps))
        if count == 1:
            tight, used, _ = await asyncio.to_thread(badge_to_event, "libosdp-tight", 1)
            say("  libosdp's, turned every millisecond (ms)", spread(tight))
            say("  its CPU (%)", f"{used:.1f}")
        relay = await badge_to_relay(folder / f"relay{count}", count)
        say("  badge to relay through the gateway (ms)", spread(relay))
    alive, half = await asyncio.to_thread(with_dead, 0), await asyncio.to_thread(with_dead, 4)
    say("poll interval, 8 of 8 alive (ms)", spread(alive))
    say("poll interval, 4 of 8 dead (ms)", spread(half))
    say("  ratio of the worst", f"{max(half) / max(alive):.2f}", "2")


# The panels, each in a process of its own


def our_panel(fd: int, count: int) -> None:
    """The sans-I/O bus with asyncio, as the gateway runs it, without the gateway."""
    import asyncio  # noqa: PLC0415

    sessions = {
        a: ReaderSession(a, CardDecoder(["h10301"]), keys=[KEY], poll_s=POLL_S)
        for a in range(count)
    }
    bus = OsdpBus(sessions, 115200)
    online = False

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        timer: list[asyncio.TimerHandle] = []

        def tell(events: list) -> None:  # type: ignore[type-arg]
            nonlocal online
            for event in events:
                if type(event.event).__name__ == "CardRead":
                    print(time.monotonic(), flush=True)
            alive = [s for s in sessions.values() if s.secured]
            if not online and len(alive) >= (count if count < 8 else 4):
                online = True
                loop.call_later(1.5, lambda: print("online", flush=True))

        def pump() -> None:
            while timer:
                timer.pop().cancel()
            step = bus.step(time.monotonic())
            if step.send:
                os.write(fd, step.send)
            tell(step.events)
            timer.append(loop.call_later(max(0.0, step.wake_at - time.monotonic()), pump))

        def readable() -> None:
            tell(bus.feed(os.read(fd, 4096), time.monotonic()))
            pump()

        loop.add_reader(fd, readable)
        pump()
        await asyncio.Event().wait()

    asyncio.run(serve())


def libosdp_panel(fd: int, count: int, *, tight: bool = False) -> None:
    """libosdp's control panel as its package runs it, in its own thread; with `tight`, in a loop of
    ours that runs every millisecond."""
    from osdp import Channel, ControlPanel, Event, LibFlag, LogLevel, PDInfo  # noqa: PLC0415

    os.set_blocking(fd, False)

    class Line(Channel):  # type: ignore[misc]
        def read(self, max_bytes: int) -> bytes:
            try:
                return os.read(fd, max_bytes)
            except BlockingIOError:
                return b""

        def write(self, buf: bytes) -> int:
            return os.write(fd, buf)

        def flush(self) -> None:
            pass

    def on_event(pd: int, event: dict) -> int:  # type: ignore[type-arg]
        if event["event"] == Event.CardRead:
            print(time.monotonic(), flush=True)
        return 0

    line = Line()
    infos = [PDInfo(a, line, scbk=KEY, flags=[LibFlag.EnforceSecure]) for a in range(count)]
    cp = ControlPanel(infos, log_level=LogLevel.Emergency, event_handler=on_event)
    if not tight:
        cp.start()
        assert cp.sc_wait_all(timeout=30)
        time.sleep(1)
        print("online", flush=True)
        threading.Event().wait()
    began, told = time.monotonic(), False
    while True:
        cp.ctx.refresh()
        if not told and time.monotonic() - began > 4:
            told = True
            print("online", flush=True)
        time.sleep(0.001)


if __name__ == "__main__":
    role, descriptor, number = sys.argv[1:4]
    panels = {
        "ours": our_panel,
        "libosdp": libosdp_panel,
        "libosdp-tight": partial(libosdp_panel, tight=True),
    }
    panels[role](int(descriptor), int(number))
