"""Make the folder of a gateway that has worked for a while, with the code of any commit.

    cd WORKTREE_OF_THAT_COMMIT && python .../tests/data/make_old_folder.py OUT.tar.xz

A real daemon on virtual devices and a real mosquitto.  The archive holds the configuration (with
@FOLDER@ and @PORT@ where they stood), the made-up site key, what is so (facts.json), and two data
folders: `killed` as `kill -9` left it, with the write-ahead logs of SQLite, and `stopped` as the
next clean stop left it.  tests/gateway/daemon/test_old_folder.py starts today's daemon on it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))

from demo.rig import Rig
from drivers.readers import wiegand

PIN = "4711"
ANA, BEN, EVA = "h10301:18:1001", "em4100:18:1002", "em4100:18:1003"
VISITOR = "em4100:18:777"
POLICY = """
[areas.yard]
title = { en = "Yard", es = "Patio" }
passback = "hard"

[threat_levels.normal]
title = { en = "Normal", es = "Normal" }
rank = 0

[threat_levels.elevated]
title = { en = "Elevated", es = "Elevado" }
rank = 5

[visits]
access_levels = ["plant"]

[freight]
spot_check_percent = 0
"""
PEOPLE = [
    {"id": "e1", "name": "Ana", "credentials": ANA, "access_levels": "plant"},
    {"id": "e2", "name": "Ben", "credentials": BEN, "access_levels": "plant"},
    {"id": "e3", "name": "Eva", "credentials": EVA, "access_levels": "nights"},
]


def start_broker(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A mosquitto on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    conf = folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin") or "mosquitto"
    return subprocess.Popen([binary, "-c", str(conf)], stderr=subprocess.DEVNULL), port


async def answer(rig: Rig, door: str, present: Any) -> dict[str, Any]:
    """Show a badge; the answer at `door`."""
    before = (await rig.until(lambda s: True))["last"].get(door)
    present()
    status = await rig.until(lambda s: s["last"].get(door) not in (None, before))
    found: dict[str, Any] = status["last"][door]
    return found


async def published(rig: Rig) -> int:
    """Wait until everything is published and the cursor is on the disk; the cursor."""
    path = rig.folder / "data" / "mqtt.cursor"
    while True:
        status = await rig.until(lambda s: s["mqtt"]["connected"] and s["mqtt"]["waiting"] == 0)
        await asyncio.sleep(0.2)
        if path.exists() and int(path.read_text().split()[1]) == status["last_seq"]:
            return int(status["last_seq"])


async def work(rig: Rig) -> None:
    """What a gateway sees in a while."""
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.acli("people", "pin", "e1", stdin=f"{PIN}\n")
    await rig.start(wait=False)
    await rig.until(lambda s: s["readers"]["vault-in"]["identity"] is not None)
    for reader in ("vault-in", "vault-out"):
        await rig.acli("reader", "install", reader, "--seconds", "20")
    await rig.until(lambda s: all(r["secure"] for r in s["readers"].values()))
    await asyncio.sleep(0.3)

    rig.vault_in.card(wiegand.encode("h10301", 18, 1001))
    await rig.until(lambda s: s["doors"]["vault"]["state"] == "waiting")
    for key in f"{PIN}#":
        rig.vault_in.press(key)
    await rig.until(lambda s: (s["last"]["vault"] or {}).get("reason") == "granted")
    for number in (1002, 9999, 1003):
        await answer(rig, "yard", lambda n=number: rig.yard_reader.present(18, n))

    await rig.acli(
        "visit",
        "walk-in",
        "José",
        "--host",
        "Ana",
        "--no-escort",
        "--until",
        "23:59",
        "--id-kind",
        "ine",
    )
    await rig.acli("visit", "badge", "1", VISITOR)
    await answer(rig, "yard", lambda: rig.yard_reader.present(18, 777))
    await rig.acli(
        "partner", "add", "Norte", "--until", "2099-01-01", "--programme", "oea", "--number", "1"
    )
    await rig.acli("freight", "seals", "receive", "AB100000..AB100002", "--certificate", "T")
    truck = ("--driver", "Juan", "--carrier", "Norte", "--tractor", "AB1")
    await rig.acli("freight", "expect", "--eta", "23:50", *truck, "--unit", "5301")
    await rig.acli("freight", "arrive", "1", *truck, "--trailer", "5301", "--id-kind", "licence")
    await rig.acli(
        "freight",
        "inspect",
        "1",
        "tractor-trailer-17",
        "--ok",
        "1-15,17",
        "--na",
        "16",
        "--inspector",
        "Rosa",
    )
    await rig.acli("freight", "inspect", "1", "pests", "--ok", "1-5", "--inspector", "Rosa")
    await rig.acli("freight", "sign", "1", "--by", "Laura")
    await rig.acli("freight", "load", "1")
    await rig.acli("freight", "load", "1", "--done", "--document", "bill_of_lading=77")
    await rig.acli("freight", "seal", "1", "AB100000", "--vvtt", "all")
    await rig.acli("threat", "set", "elevated", "--reason", "a call")
    await rig.acli("door", "out-of-service", "gate", "--reason", "painting")


def facts(rig: Rig, cursor: int) -> dict[str, Any]:
    tail = rig.cli("log", "tail", "--json", "-n", "1").stdout
    last = json.loads(tail.splitlines()[-1])
    inside = [row["person"] for row in json.loads(rig.cli("muster", "--json").stdout)]
    return {"cursor": cursor, "last_seq": last["seq"], "head": last["hash"], "inside": inside}


async def make(target: Path) -> None:
    """Write the archive."""
    with tempfile.TemporaryDirectory() as name:
        folder, kept = Path(name, "gate"), Path(name, "kept")
        folder.mkdir()
        kept.mkdir()
        broker, port = start_broker(Path(name))
        mqtt = f'host = "127.0.0.1"\nport = {port}'
        rig = Rig(
            folder,
            osdp=True,
            mqtt=mqtt,
            policy=POLICY,
            yard_more='area = "yard"',
            gate_more='from_area = "yard"',
        )
        try:
            await work(rig)
            found: dict[str, Any] = {}
            cursor = await published(rig)
            # One that the broker has not: it is away when the gateway is killed.
            broker.kill()
            broker.wait()
            await rig.until(lambda s: not s["mqtt"]["connected"])
            await answer(rig, "yard", lambda: rig.yard_reader.present(18, 9998))
            rig.kill()
            assert rig.daemon is not None
            await rig.daemon.wait()
            data = folder / "data"
            shutil.copytree(data, kept / "killed")
            found["killed"] = facts(rig, cursor)
            await rig.start()
            await answer(rig, "yard", lambda: rig.yard_reader.present(18, 9997))
            assert await rig.stop_daemon() == 0
            shutil.copytree(data, kept / "stopped")
            found["stopped"] = facts(rig, cursor)
            keys = (rig.vault_in.key, rig.vault_out.key)
            found["reader_keys"] = [key.hex() if key else "" for key in keys]
            found["pin"] = PIN
            (kept / "facts.json").write_text(json.dumps(found, indent=1) + "\n")
            text = rig.config.read_text(encoding="utf-8")
            text = text.replace(str(folder), "@FOLDER@").replace(f"port = {port}", "port = @PORT@")
            (kept / "garita.toml").write_text(text, encoding="utf-8")
            shutil.copy(folder / "site.key", kept / "site.key")
        finally:
            await rig.stop()
            broker.kill()
            broker.wait()
        with tarfile.open(target, "w:xz", preset=9) as archive:
            for item in sorted(kept.rglob("*")):
                if item.is_file():
                    info = archive.gettarinfo(item, str(item.relative_to(kept)))
                    info.uid = info.gid = 0
                    info.uname = info.gname = "root"
                    with item.open("rb") as file:
                        archive.addfile(info, file)
    print(f"{target}: {target.stat().st_size} bytes; {json.dumps(found)}")


if __name__ == "__main__":
    asyncio.run(make(Path(sys.argv[1]).absolute()))
