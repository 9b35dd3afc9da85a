"""A gate of its own for the trials: one door, one reader, one person, in a folder of its own."""

from __future__ import annotations

import errno
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from gateway.ledger import LedgerReader
from gateway.selftest.writer import PERSON
from gateway.vault.sitekey import SiteKey

NAME = "selftest"
CARD = (18, 1001)
_CONFIG = """
[site]
gateway = "{name}"
timezone = "UTC"
data_dir = "data"
run_dir = "{run}"
key_file = "{folder}/site.key"

[access_levels.all]
doors = {{ yard = "always" }}

[readers.yard-in]
driver = "rdm6300"
port = "{folder}/dev/reader"
options = {{ hold_off_s = 0.0 }}

[locks.board]
driver = "lcus"
port = "{folder}/dev/board"

[doors.yard]
mode = "badge"
reader = "yard-in"
lock = "board"
channel = 1
pulse_s = 0.2
fail = "secure"

{mqtt}
"""
_PEOPLE = f"id,name,credentials,access_levels\n{PERSON},Soak,em4100:{CARD[0]}:{CARD[1]},all\n"


def make_gate(folder: Path) -> None:
    """A gate with one door, one person and an empty log, in a new folder.

    Raises OSError, KeyFileError, and subprocess.CalledProcessError with what the command said.
    """
    (folder / "dev").mkdir(parents=True)
    SiteKey.create(folder / "site.key")
    people = folder / "people.csv"
    people.write_text(_PEOPLE, encoding="utf-8")
    command = [sys.executable, "-m", "gateway.cli.main", "people", "sync", str(people), "--apply"]
    command += ["-c", str(folder / "garita.toml")]
    with tempfile.TemporaryDirectory(prefix="garita-") as run:
        write_config(folder, Path(run))
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    if found := verified(folder / "data"):
        raise OSError(errno.EIO, found[0], str(folder))


def begin_anew(gate: Path, template: Path) -> None:
    """Give the folder `gate` what `template` holds; what is in `gate/dev` stays."""
    shutil.rmtree(gate / "data", ignore_errors=True)
    shutil.copytree(template / "data", gate / "data")
    shutil.copy2(template / "site.key", gate / "site.key")


def write_config(gate: Path, run: Path, *, broker_port: int = 0) -> None:
    """Write the configuration of the gate in that folder.  `run` is where its socket is to be: the
    path of a socket has at most 107 bytes (unix(7)), and that of `gate` may be longer."""
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker_port}\n' if broker_port else ""
    text = _CONFIG.format(folder=gate, run=run, name=NAME, mqtt=mqtt)
    (gate / "garita.toml").write_text(text, encoding="utf-8")


def cut_job(gate: Path, chance: random.Random, kind: str, most: int = 300) -> dict[str, Any]:
    """A power cut at one of the first `most` operations, for forks.py.  The disk of the kinds
    ``full`` and ``errors`` fails for a while before; that of ``lies`` syncs nothing."""
    store, after = gate / "store", gate / "after"
    for folder in (store, after, gate / "after.part"):
        shutil.rmtree(folder, ignore_errors=True)
    at = chance.randrange(1, most)
    cut: dict[str, Any] = {
        "root": str(gate / "data"),
        "store": str(store),
        "after": str(after),
        "at": at,
        "lies": kind == "lies",
    }
    if kind in ("full", "errors"):
        begin = chance.randrange(1, at + 1)
        cut["trouble"] = {
            "code": errno.ENOSPC if kind == "full" else errno.EIO,
            "begin": begin,
            "end": begin + chance.randrange(1, 60),
            "share": chance.choice((0.2, 1.0)),
        }
    return cut


def power_is_back(gate: Path) -> None:
    """Put in place what the cut left, if there was one."""
    if (gate / "after").exists():
        shutil.rmtree(gate / "data")
        (gate / "after").rename(gate / "data")


def keep(gate: Path, seed: int) -> None:
    """Keep what a fault left beside the gate, under a name that begins with ``fault-``."""
    kept = gate.with_name(f"fault-{gate.name}-{seed}")
    for name in ("data", "judge", "store"):
        if (gate / name).exists():
            shutil.copytree(gate / name, kept / name)


def verified(data: Path) -> list[str]:
    """What `garita log verify` finds wrong."""
    reader = LedgerReader(data / "ledger.db")
    try:
        return [f"record {p.seq}: {p.what}" for p in reader.verify().problems]
    finally:
        reader.close()
