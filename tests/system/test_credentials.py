"""A gateway whose own certificate expired says so wherever somebody looks."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.rig import ROOT, Rig
from gateway.ledger.reader import LedgerReader
from tests.gateway.uplink.certificates import DAY, Authority


def words(text: str) -> str:
    return " ".join(text.split())


async def test_a_gateway_whose_certificate_expired_says_so_in_check_status_and_record(
    make_rig: Callable[..., Rig],
    make_broker: Callable[..., Any],
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    server, old = authority.make("server"), authority.make("old", begins=-60 * DAY, ends=-DAY)
    broker = make_broker(
        f"allow_anonymous true\ncafile {authority.ca_file}\ncertfile {server[0]}\n"
        f"keyfile {server[1]}\nrequire_certificate true"
    )
    broker.start()
    rig = make_rig(
        mqtt=f'host = "127.0.0.1"\nport = {broker.port}\ntls = true\n'
        f'ca_file = "{authority.ca_file}"\ncert_file = "{old[0]}"\nkey_file = "{old[1]}"',
        site='language = "es"',
    )
    day = (datetime.now(UTC) - DAY).date()
    spanish = f"old.pem: el certificado venció el {day}"
    done = await rig.acli("check")
    assert f"mqtt: {spanish}" in words(done.stdout)
    done = await rig.acli("check", "--online", check=False)
    assert done.returncode == 5 and f"{broker.port}: {spanish}" in words(done.stdout)
    await rig.start(wait=False)
    status = await rig.until(lambda s: any(d["kind"] == "broker" for d in s["devices"]))
    assert not status["mqtt"]["connected"] and status["mqtt"]["credentials"][0]["wrong"]
    assert spanish in words((await rig.acli("status")).stdout)

    def said() -> list[str]:
        with closing(LedgerReader(rig.ledger_path)) as reader:
            events = reader.after(0, 1000)
        return [event.data["detail"] for event in events if event.type == "device.offline"]

    # Records are in English; the record of it follows the state.
    await rig.until(lambda _: f"old.pem: the certificate expired on {day}" in said())


async def test_a_gateway_with_an_encrypted_key_asks_nobody_at_its_terminal(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """OpenSSL asked "Enter PEM pass phrase" in the event loop, and every door waited."""
    authority = Authority(tmp_path)
    locked = authority.make("locked", phrase=b"secret")
    rig = make_rig(
        mqtt=f'host = "127.0.0.1"\nport = 1\ntls = true\nca_file = "{authority.ca_file}"\n'
        f'cert_file = "{locked[0]}"\nkey_file = "{locked[1]}"'
    )
    daemon = [sys.executable, "-m", "gateway.daemon", "-c", str(rig.config)]
    rig.daemon = await asyncio.create_subprocess_exec(  # with a terminal of its own, as /dev/tty
        *(sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", *daemon),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    status = await rig.until(lambda s: rig._ready(s) and s["mqtt"]["credentials"])
    assert "encrypted" in status["mqtt"]["credentials"][0]["text"]
    rig.yard_reader.present(18, 1001)
    await rig.until(lambda s: s["last"]["yard"])
    assert "encrypted" in words((await rig.acli("status")).stdout)
    assert "encrypted" in words((await rig.acli("check")).stdout)
    os.kill(status["pid"], signal.SIGTERM)
    printed, _ = await rig.daemon.communicate()
    assert b"key is encrypted" in printed and b"Enter PEM" not in printed
