"""The installer at a reader: keys and badges, with the gateway and without it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

import pytest
import serial

from demo.rig import Rig
from drivers.readers import wiegand
from gateway.ledger import LedgerReader

MakeRig = Callable[..., Rig]
CARD = wiegand.encode("h10301", 18, 51001)


def kinds(rig: Rig) -> list[str]:
    reader = LedgerReader(rig.ledger_path)
    try:
        return [e.type for e in reader.after(0, 1000) if e.type.startswith("reader.")]
    finally:
        reader.close()


async def test_reader_install_needs_no_gateway_and_the_gateway_finds_the_key(
    make_rig: MakeRig,
) -> None:
    rig = make_rig(osdp=True)
    done = await rig.acli("reader", "install", "vault-in")
    assert "opens the port itself" in done.stderr and "has a key of its own" in done.stdout
    assert kinds(rig) == ["reader.install_opened", "reader.key_set"]
    await rig.start(wait=False)
    await rig.until(lambda s: s["readers"]["vault-in"]["secure"])


async def test_reader_install_without_a_gateway_says_at_once_that_the_port_is_not_there(
    make_rig: MakeRig,
) -> None:
    rig = make_rig(osdp=True)
    assert rig.bus is not None
    rig.bus.unplug()
    begun = time.monotonic()
    done = await rig.acli("reader", "install", "vault-in", check=False)
    assert done.returncode == 5 and "rs485: not open: No such file" in done.stderr
    assert time.monotonic() - begun < 20
    rig.bus.replug()


@pytest.mark.parametrize("running", [False, True], ids=["no gateway", "gateway"])
async def test_reader_install_does_not_wait_for_what_is_known(
    make_rig: MakeRig, running: bool
) -> None:
    rig = make_rig(osdp=True)
    assert rig.bus is not None
    rig.vault_in.key = bytes(range(16))  # somebody else's, and it is not in install mode
    del rig.bus.readers[2]  # without power
    if running:
        await rig.start(wait=False)
        await rig.until(lambda s: s["readers"]["vault-in"]["identity"] is not None)
    begun = time.monotonic()
    other = await rig.acli("reader", "install", "vault-in", check=False)
    silent = await rig.acli("reader", "install", "vault-out", check=False)
    assert time.monotonic() - begun < 40  # two windows of 60 s each
    assert other.returncode == silent.returncode == 1
    assert "took no key: it does not take the default key: put it into" in other.stderr
    assert "took no key: no answer: check its power" in silent.stderr
    # No window stays open behind the installer's back.
    async with asyncio.timeout(10):
        while kinds(rig) != ["reader.install_opened", "reader.key_failed"] * 2:
            await asyncio.sleep(0.05)
    if running:
        status = await rig.until(lambda s: True)
        assert not any(reader["installing"] for reader in status["readers"].values())


async def test_reader_watch_shows_badges_beside_a_running_gateway(make_rig: MakeRig) -> None:
    rig = make_rig(osdp=True)
    people = [{"id": "e1", "name": "Ana", "credentials": "h10301:18:51001"}]
    people[0]["access_levels"] = "plant"
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    await rig.acli("reader", "install", "vault-in")
    await rig.start(wait=False, log=rig.folder / "log")
    await rig.until(lambda s: s["readers"]["vault-in"]["secure"])
    await rig.until_online("lock")
    watches = [
        asyncio.create_task(rig.acli("reader", "watch", name, "--seconds", "8", process=True))
        for name in ("vault-in", "yard-in")
    ]

    async def show() -> None:
        while True:
            rig.vault_in.card(CARD)
            rig.yard_reader.present(18, 5550100)
            rig.yard_reader.garbage()
            await asyncio.sleep(0.5)

    showing = asyncio.create_task(show())
    secure, plain = await asyncio.gather(*watches)
    showing.cancel()
    assert "h10301:18:51001" in secure.stdout
    assert "em4100:18:5550100" in plain.stdout and "not a card: checksum" in plain.stdout
    assert "in use" not in secure.stderr + plain.stderr
    # The doors went on, and the numbers are in no text log and in no record.
    answered = await rig.until(lambda s: s["last"].get("yard") and s["last"].get("vault"))
    assert answered["last"]["yard"]["reason"].startswith("denied_")
    for text in (rig.folder / "log", rig.ledger_path, rig.ledger_path.with_name("ledger.db-wal")):
        held = text.read_bytes() if text.exists() else b""
        assert b"51001" not in held and b"5550100" not in held


async def test_reader_watch_ends_with_the_gateway(make_rig: MakeRig) -> None:
    rig = make_rig()
    await rig.start()
    command = (sys.executable, "-m", "gateway.cli.main", "reader", "watch", "yard-in")
    watch = await asyncio.create_subprocess_exec(
        *command, "--seconds", "60", "-c", str(rig.config), stderr=asyncio.subprocess.PIPE
    )
    assert watch.stderr is not None
    async with asyncio.timeout(30):
        assert b"the gateway shows what yard-in reads" in await watch.stderr.readline()
        await rig.stop_daemon()
        assert b"the gateway" in await watch.stderr.read()
        assert await watch.wait() == 5


async def test_reader_watch_says_once_that_the_port_is_in_use(make_rig: MakeRig) -> None:
    rig = make_rig()
    with serial.Serial(str(rig.folder / "dev" / "yard-reader"), exclusive=True):
        done = await rig.acli("reader", "watch", "yard-in", "--seconds", "3")
    assert done.stderr.count("in use by another program") == 1
