"""docs/examples/garita-gwiot, installed by pip: its own tests, and a real daemon over a pty."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import invalidate_caches
from pathlib import Path

import pytest

from demo.rig import ROOT, Rig
from drivers.simulated.port import VirtualPort
from gateway.ledger import LedgerReader

EXAMPLE = ROOT / "docs" / "examples" / "garita-gwiot"
FRAME = bytes.fromhex("02 0A 02 2E 00 B6 D7 B5 F2 03")
BAD = FRAME[:8] + b"\xf3\x03"
SILENCE_S = 0.4

POLICY = """
[access_levels.mine]
doors = { front = "always" }

[readers.front-in]
driver = "gwiot"
port = "dev/front"

[doors.front]
mode = "badge"
reader = "front-in"
lock = "board"
channel = 3
fail = "secure"
pulse_s = 0.2
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip installed the example."""
    source, target = tmp_path_factory.mktemp("source") / "it", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source)  # setuptools builds beside the sources
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*pip, str(source)], check=True, capture_output=True)
    return target


@pytest.mark.parametrize("name", ["pyproject.toml", "garita_gwiot.py", "test_garita_gwiot.py"])
def test_the_guide_quotes_the_file(name: str) -> None:
    guide = (ROOT / "docs" / "drivers.md").read_text(encoding="utf-8")
    kind = "toml" if name.endswith("toml") else "python"
    assert f"```{kind}\n{(EXAMPLE / name).read_text(encoding='utf-8')}```\n" in guide


def test_its_own_tests_pass(package: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "test_garita_gwiot.py", tmp_path)
    env = {**os.environ, "PYTHONPATH": f"{package}:{ROOT}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


async def test_only_good_frames_open_the_door(
    package: Path, make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(package))  # for the commands that run in this process
    monkeypatch.setenv("PYTHONPATH", str(package))
    invalidate_caches()
    rig = make_rig(policy=POLICY)
    port = VirtualPort(rig.folder / "dev" / "front")

    def granted() -> int:
        with closing(LedgerReader(rig.ledger_path)) as reader:
            return sum(event.type == "access.granted" for event in reader.after(0, 10_000))

    try:
        person = {"id": "e1", "name": "Ana", "access_levels": "mine"}
        people = rig.write_people([{**person, "credentials": "em4100:46:11982773"}])
        await rig.acli("people", "sync", str(people), "--apply")
        await rig.start(wait=False)
        await rig.until(
            lambda s: {"front-in", "board"} <= {d["name"] for d in s["devices"] if d["online"]}
        )
        flood = random.Random(3).randbytes(20_000)
        for wrong in (BAD, FRAME[:6], FRAME[6:], b"\x55\xaa" + FRAME, BAD + FRAME, flood):
            for start in range(0, len(wrong), 1024):  # a pty takes so much at once
                port.send(wrong[start : start + 1024])
                await asyncio.sleep(0.005)
            await asyncio.sleep(SILENCE_S)
            assert granted() == 0
        port.send(FRAME[:4])
        await asyncio.sleep(0.02)
        port.send(FRAME[4:])
        await rig.until(lambda s: granted() == 1)
        await asyncio.sleep(SILENCE_S)
        port.send(FRAME + FRAME)
        await rig.until(lambda s: granted() >= 2)
    finally:
        port.close()
