"""Faults at a door with secure OSDP readers: what the door did, and how long it took to recover.

It does each fault to the running gateway through the virtual devices, and prints the figures of the
table in docs/faults.md.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import say
from demo.rig import Rig
from drivers.readers import wiegand
from drivers.readers.osdp import frame
from gateway.ledger import LedgerReader

ANA = wiegand.encode("h10301", 18, 1001)
PEOPLE = [
    {
        "id": "e1",
        "name": "Ana",
        "credentials": "h10301:18:1001;em4100:18:1001",
        "access_levels": "plant",
    },
]


class Bench:
    """A vault door and a yard door, with everything secured."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    @property
    def bus(self) -> Any:
        assert self.rig.bus is not None
        return self.rig.bus

    def events(self, kind: str) -> list[Any]:
        log = LedgerReader(self.rig.ledger_path)
        try:
            return [event for event in log.after(0, 100_000) if event.type == kind]
        finally:
            log.close()

    async def took(self, condition: Callable[[dict[str, Any]], Any]) -> float:
        begun = time.monotonic()
        await self.rig.until(condition, 30)
        return time.monotonic() - begun

    async def badge(self) -> str:
        """Show a badge at the vault's reader for leaving, which asks for a badge alone."""
        before = (await self.rig.until(lambda s: True))["last"].get("vault")
        self.rig.vault_out.card(ANA)
        status = await self.rig.until(lambda s: s["last"].get("vault") not in (None, before))
        return str(status["last"]["vault"]["reason"])

    @staticmethod
    def away(name: str) -> Callable[[dict[str, Any]], Any]:
        return lambda status: not status["readers"][name]["online"]

    @staticmethod
    def back(name: str) -> Callable[[dict[str, Any]], Any]:
        return lambda status: status["readers"][name]["secure"]


async def reader_power(bench: Bench) -> None:
    for away in (0.5, 5.0):
        bench.bus.dead.add(2)
        begun = time.monotonic()
        told = ""
        if away > 2:
            told = f"offline told after {await bench.took(bench.away('vault-out')):.2f} s, "
        await asyncio.sleep(max(0.0, away - (time.monotonic() - begun)))
        bench.rig.vault_out.power_cycle()
        restarts = (await bench.rig.until(lambda s: True))["readers"]["vault-out"]["stats"]
        bench.bus.dead.clear()
        took = await bench.took(
            lambda s, n=restarts["handshakes"]: (
                s["readers"]["vault-out"]["secure"]
                and s["readers"]["vault-out"]["stats"]["handshakes"] > n
            )
        )
        await asyncio.sleep(0.3)
        say(f"reader without power for {away:g} s", f"{told}secure again after {took:.2f} s")
        assert await bench.badge() == "granted"


async def adapter(bench: Bench) -> None:
    bench.bus.unplug()
    told = await bench.took(bench.away("vault-out"))
    bench.bus.replug()
    took = await bench.took(bench.back("vault-out"))
    say("RS-485 adapter unplugged", f"offline told after {told:.2f} s, back after {took:.2f} s")
    await asyncio.sleep(0.3)


async def stale(bench: Bench) -> None:
    bench.bus.dead.add(2)
    await bench.took(bench.away("vault-out"))
    bench.rig.vault_out.card(ANA)
    granted = len(bench.events("access.granted"))
    bench.bus.dead.clear()
    await bench.took(bench.back("vault-out"))
    await asyncio.sleep(0.5)
    assert len(bench.events("access.granted")) == granted
    say("badge shown while the line was cut", "refused as stale when it returned")


async def noise(bench: Bench) -> None:
    chance, send = random.Random(1), bench.bus.send

    def spoil(data: bytes) -> None:
        changed = bytearray(data)
        if chance.random() < 0.1:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        send(bytes(changed))

    before = len(bench.events("access.granted"))
    earlier = (await bench.rig.until(lambda s: True))["readers"]["vault-out"]["stats"]
    bench.bus.send = spoil
    for _ in range(40):
        bench.rig.vault_out.card(ANA)
        await asyncio.sleep(0.15)
    bench.bus.send = send
    await asyncio.sleep(0.5)
    stats = (await bench.rig.until(lambda s: True))["readers"]["vault-out"]["stats"]
    good = len(bench.events("access.granted")) - before
    say(
        "a wrong bit in 10 % of the answers, 40 badges",
        f"{good} granted once each, {stats['retries'] - earlier['retries']} retries, "
        f"{stats['handshakes'] - earlier['handshakes']} sessions lost",
    )


async def forged(bench: Bench) -> None:
    send = bench.bus.send
    packed = b"\x50\x00\x01\x1a\x00" + int(ANA.ljust(32, "0"), 2).to_bytes(4, "big")

    def inject(data: bytes) -> None:
        found = frame.Decoder().feed(data)
        for message in found:
            if message.address == 2:
                send(frame.plain(2, message.sequence, packed, reply=True))
        send(data)

    before = len(bench.events("access.granted"))
    bench.bus.send = inject
    await asyncio.sleep(1)
    bench.bus.send = send
    await asyncio.sleep(0.3)
    stats = (await bench.rig.until(lambda s: True))["readers"]["vault-out"]["stats"]
    assert len(bench.events("access.granted")) == before
    say(
        "a card in clear put before each answer, 1 s",
        f"{stats['refused']} refused, none granted, session kept",
    )


async def relay_board(bench: Bench) -> None:
    assert await bench.badge() == "granted"
    bench.rig.board.unplug()
    await bench.took(lambda s: any(d["kind"] == "lock" and not d["online"] for d in s["devices"]))
    denied = await bench.badge()
    bench.rig.board.replug()
    took = await bench.took(lambda s: all(d["online"] for d in s["devices"] if d["kind"] == "lock"))
    faults = len(bench.events("door.lock_fault"))
    text = f"{faults} door.lock_fault, then {denied}; back and at rest after {took:.2f} s"
    say("relay board unplugged while unlocked", text)


async def killed(bench: Bench) -> None:
    assert await bench.badge() == "granted"
    await bench.rig.board.wait_for(3, True)
    begun = time.monotonic()
    bench.rig.kill()
    await bench.rig.board.wait_for(3, False)
    rest = (time.monotonic() - begun) * 1000
    assert bench.rig.daemon is not None
    await bench.rig.daemon.wait()
    begun = time.monotonic()
    await bench.rig.start(wait=False)
    await bench.rig.until(bench.back("vault-out"), 30)
    say(
        "gateway killed (-9) while unlocked",
        f"relay at rest after {rest:.0f} ms; started anew, reader secure after "
        f"{time.monotonic() - begun:.1f} s",
    )


async def run(folder: Path) -> None:
    rig = Rig(folder, osdp=True, pulse_s=5.0)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.start(wait=False)
    await rig.until(lambda s: s["readers"]["vault-out"]["identity"] is not None)
    try:
        for name in ("vault-in", "vault-out"):
            await rig.acli("reader", "install", name)
        await asyncio.sleep(0.5)
        bench = Bench(rig)
        for fault in (reader_power, adapter, stale, noise, forged, relay_board, killed):
            await fault(bench)
    finally:
        await rig.stop()
