"""The web console: event to screen, memory, idle CPU, what watching costs a badge, the first page.

The daemon and the console are processes of their own, and the browsers are Debian's chromium.  What
watching costs a badge is measured with ten clients of the stream in place of ten browsers: for the
gateway they are the same, and on a small machine chromium would take the cores that both need.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from benchmarks.figures import percentile, resident_mb, say, spread
from benchmarks.latency import ANA, taps
from demo.rig import ROOT, Rig
from gateway.console.security.store import Store
from tests.gateway.console.booth import Booth
from tests.gateway.console.window import Window

BROWSERS = 10
IDLE_S = 20
FLOOD_S = 60
RATE = 200
FAST = {"latency": 300, "downloadThroughput": 200_000, "uploadThroughput": 96_000}
"""WebPageTest's profile "3G": 300 ms there and back, 1.6 Mbit/s down, 768 kbit/s up (bytes/s)."""
PERSON = {"id": "e1", "name": "Ana", "credentials": f"em4100:18:{ANA}", "access_levels": "plant"}


async def run(folder: Path) -> None:
    """Everything."""
    (folder / "gate").mkdir()
    booth = Booth(Rig(folder / "gate", pulse_s=30.0))
    await booth.start([PERSON])
    try:
        await _idle(booth)
        await _cost(booth)
        await _to_screen(booth)
        await _first_page(booth)
    finally:
        await booth.stop()
        await booth.rig.stop()
    await _flood(folder / "flood")


async def _idle(booth: Booth) -> None:
    assert booth.console is not None
    pid = booth.console.pid
    await asyncio.sleep(3)
    say("console's memory, nobody watches (MB)", f"{resident_mb(pid):.0f}", "70 MB")
    async with _watched(booth):
        before = _cpu_s(pid)
        await asyncio.sleep(IDLE_S)
        share = (_cpu_s(pid) - before) / IDLE_S
        say(f"console's CPU, idle, {BROWSERS} watch (of a core)", f"{share:.1%}", "2 %")


async def _cost(booth: Booth) -> None:
    """Badges at 20 a second, in turns with and without those who watch."""
    rig = booth.rig
    assert rig.daemon is not None and booth.console is not None
    await taps(rig, 40)
    alone: list[float] = []
    watched: list[float] = []
    daemon, console, seconds = [0.0, 0.0], 0.0, 0.0
    for _ in range(8):
        before = _cpu_s(rig.daemon.pid)
        alone += await taps(rig, 60)
        daemon[0] += _cpu_s(rig.daemon.pid) - before
        async with _watched(booth):
            before, own = _cpu_s(rig.daemon.pid), _cpu_s(booth.console.pid)
            begun = time.monotonic()
            watched += await taps(rig, 60)
            seconds += time.monotonic() - begun
            daemon[1] += _cpu_s(rig.daemon.pid) - before
            console += _cpu_s(booth.console.pid) - own
    say("badge to relay, nobody watches (ms)", spread(alone))
    say(f"badge to relay, {BROWSERS} watch (ms)", spread(watched))
    ratio = percentile(watched, 0.5) / percentile(alone, 0.5)
    say("  ratio of the medians", f"{ratio:.3f}", "1.03")
    each = [1000 * spent / len(alone) for spent in daemon]
    say("  the daemon's processor time a badge (ms)", f"{each[0]:.2f} / {each[1]:.2f} watched")
    say("  the console's share of a core, 20 badges/s", f"{console / seconds:.1%}")
    say("  console's memory afterwards (MB)", f"{resident_mb(booth.console.pid):.0f}", "70 MB")


async def _to_screen(booth: Booth) -> None:
    """From the time in the record to the frame after the tile is in place, in real browsers."""
    pages = [await booth.sign_in("rosa") for _ in range(BROWSERS)]
    await asyncio.sleep(2)
    for _ in range(60):
        await taps(booth.rig, 1)
        await asyncio.sleep(0.5)
    took = [ms for page in pages for ms in (await _times(page)).get("door", [])]
    say(
        f"event to screen, {BROWSERS} browsers (ms)",
        f"p50 {percentile(took, 0.5)}  p95 {percentile(took, 0.95)}  (n={len(took)})",
        "p95 150 ms",
    )
    for page in pages:
        await page.context.close()


async def _first_page(booth: Booth) -> None:
    page = await booth.sign_in("rosa")
    wire = await page.context.new_cdp_session(page)
    await wire.send("Network.enable")
    await wire.send("Network.clearBrowserCache")
    await wire.send("Network.emulateNetworkConditions", {"offline": False, **FAST})
    sizes: dict[str, int] = {}
    wire.on(
        "Network.loadingFinished",
        lambda done: sizes.__setitem__(done["requestId"], done["encodedDataLength"]),
    )
    await page.goto(booth.url, wait_until="load")
    told: dict[str, Any] = json.loads(
        await page.evaluate(
            """() => JSON.stringify({
            paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
            load: performance.getEntriesByType('navigation')[0].loadEventEnd})"""
        )
    )
    say("first page, all of it (KB)", f"{sum(sizes.values()) / 1024:.0f}", "150 KB")
    say("first page on 3G, to be read (ms)", f"{told['paint']:.0f}", "1,000 ms")
    say("  and with its scripts (ms)", f"{told['load']:.0f}")
    await page.context.close()


async def _flood(folder: Path) -> None:
    """200 events a second for a minute: frames of the page, its elements and its memory."""
    folder.mkdir()
    window = Window(folder)
    await window.start()
    try:
        page = await window.open()
        await page.wait_for_selector('html[data-link="good"]')
        await page.evaluate(
            """() => { window.gaps = []; let last = performance.now();
            const frame = (now) => { gaps.push(now - last); last = now;
              requestAnimationFrame(frame); };
            requestAnimationFrame(frame); }"""
        )
        heap: list[float] = []
        begun, count = time.monotonic(), 0
        while time.monotonic() - begun < FLOOD_S:
            await asyncio.gather(*(window.deny(f"Person {count + n}") for n in range(20)))
            count += 20
            if count % (RATE * 10) == 0:
                heap.append(await _heap_mb(page))
            await asyncio.sleep(max(0.0, begun + count / RATE - time.monotonic()))
        gaps = await page.evaluate("gaps")
        await page.locator('[data-part="door:main"]', has_text=f"Person {count - 1}").wait_for()
        elements = await page.evaluate("document.querySelectorAll('*').length")
        say(
            f"{count} events in {FLOOD_S} s: median frame (ms)",
            f"{percentile(gaps, 0.5):.0f}",
            "50",
        )
        say("  the page's memory, every 10 s (MB)", " ".join(f"{mb:.1f}" for mb in heap))
        say("  the page's elements at the end", str(elements))
    finally:
        await window.stop()


async def _times(page: Page) -> dict[str, list[int]]:
    """What static/js/times.js noted."""
    found: dict[str, list[int]] = await page.evaluate(
        """() => new Promise((done) =>
        document.dispatchEvent(new CustomEvent('garita:times', { detail: done })))"""
    )
    return found


async def _heap_mb(page: Page) -> float:
    """The page's JavaScript memory after a collection."""
    wire = await page.context.new_cdp_session(page)
    await wire.send("HeapProfiler.collectGarbage")
    used = (await wire.send("Runtime.getHeapUsage"))["usedSize"]
    await wire.detach()
    return float(used) / 1024 / 1024


def _cpu_s(pid: int) -> float:
    """Seconds of a processor that the process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def _watched(booth: Booth) -> AsyncIterator[None]:
    """Ten streams with all parts, each of a session of its own, read by another process."""
    table = booth.settings.tables.console
    with closing(Store(table.data_dir / "console.db")) as store:
        tokens = [store.begin("rosa") for _ in range(BROWSERS)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys, benchmarks.console as c; c.watch(int(sys.argv[1]), sys.argv[2:])",
        str(table.address[1]),
        *tokens,
        cwd=ROOT,
    )
    await asyncio.sleep(1.5)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def watch(port: int, tokens: list[str]) -> None:
    """Read a stream for each token until killed."""

    async def read(token: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET /stream?parts=1 HTTP/1.1\r\nHost: x\r\nCookie: garita={token}\r\n\r\n"
        writer.write(head.encode())
        while await reader.read(65536):
            pass

    os.nice(19)  # they stand for other machines

    async def all_of_them() -> None:
        await asyncio.gather(*map(read, tokens))

    asyncio.run(all_of_them())
