"""Drivers from a package outside the tree: docs/drivers.md's own example, built by pip, in use.

The package is made of the blocks of that page, so that the page can't be wrong.  Only the devices
are simulated: each is a pty (or a named pipe, or a picture file) that speaks what its driver says.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import invalidate_caches
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from demo.rig import Rig
from drivers.base import CameraState
from drivers.simulated.port import VirtualPort
from gateway.face.vision.worker import Worker
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event

DOCS = Path(__file__).parents[2] / "docs" / "drivers.md"
MakeRig = Callable[..., Rig]

POLICY = """
[access_levels.mine]
doors = {{ front = "always", back = "always" }}

[readers.front-in]
driver = "my-reader"
port = "dev/front"

[buses.mine]
driver = "my-bus"
port = "dev/mine"

[readers.back-in]
bus = "mine"
address = 3

[locks.own]
driver = "my-lock"
port = "dev/own"

[locks.outputs]
reader = "back-in"

[inputs.contacts]
driver = "my-board"
port = "dev/contacts"

[inputs.lines]
driver = "my-lines"
options = {{ pipe = "{pipe}" }}

[doors.front]
mode = "badge"
reader = "front-in"
lock = "own"
channel = 2
fail = "secure"
pulse_s = 0.3
contact = {{ device = "contacts", input = 5 }}
rex = {{ device = "lines", input = 1, normally = "open" }}

[doors.back]
mode = "badge"
reader = "back-in"
lock = "outputs"
channel = 4
fail = "secure"
pulse_s = 0.3
"""


class Board(VirtualPort):
    """The input board and the relay board of the page: what is written is kept."""

    def __init__(self, path: Path) -> None:
        self.wrote = b""
        self.bits = 0x10  # input 5: the door is shut
        super().__init__(path)

    def received(self, data: bytes) -> None:
        self.wrote += data
        for _ in range(data.count(b"?")):
            self.send(f"{self.bits:x}\n".encode())


class Line(VirtualPort):
    """The bus of the page, with one reader at address 3."""

    def __init__(self, path: Path) -> None:
        self.cards: list[int] = []
        self.orders: list[bytes] = []
        self._rest = b""
        super().__init__(path)

    def received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line == b"3?":
                self.send(f"3{self.cards.pop(0)}\n".encode() if self.cards else b"3-\n")
            else:
                self.orders.append(line)
                self.send(b"3+\n")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip installed the page's package."""
    project = tmp_path_factory.mktemp("project")
    (project / "my_drivers").mkdir()
    for _, name, text in re.findall(
        r"^```(toml|python)\n# ((?:my_drivers/)?\w+\.(?:toml|py))\n(.*?)^```$",
        DOCS.read_text(encoding="utf-8"),
        re.S | re.M,
    ):
        (project / name).write_text(text)
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*pip, str(project)], check=True, capture_output=True)
    return target


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package is installed, for this process and for those that it starts."""
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.setenv("PYTHONPATH", str(package))
    invalidate_caches()
    yield package
    for name in [name for name in sys.modules if name.startswith("my_drivers")]:
        del sys.modules[name]


def access(path: Path) -> list[Event]:
    with closing(LedgerReader(path)) as reader:
        return [event for event in reader.after(0, 10_000) if event.type.startswith("access.")]


async def test_a_gateway_whose_devices_all_have_drivers_from_outside(
    installed: Path, make_rig: MakeRig, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rig = make_rig(policy=POLICY.format(pipe=pipe))
    dev = rig.folder / "dev"
    front, own, contacts = (Board(dev / name) for name in ("front", "own", "contacts"))
    line = Line(dev / "mine")
    try:
        people = [
            {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "mine"},
            {"id": "e2", "name": "Eva", "credentials": "em4100:0:77", "access_levels": "mine"},
        ]
        await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
        assert "front" in (await rig.acli("check")).stdout
        await rig.start(wait=False)
        mine = {"front-in", "back-in", "own", "outputs", "contacts", "lines", "mine"}
        await rig.until(lambda s: mine <= {d["name"] for d in s["devices"] if d["online"]})

        # Reader, lock, board: a badge, one pulse, and the way through.
        assert own.wrote.endswith(b"2=0\n")
        front.send(b"18,10")
        front.send(b"01\n")
        await rig.until(lambda s: (s["last"]["front"] or {}).get("reason") == "granted")
        await rig.until(lambda s: b"2=1\n" in own.wrote)
        contacts.bits = 0
        await rig.until(lambda s: s["doors"]["front"]["state"] == "open")
        contacts.bits = 0x10
        await rig.until(lambda s: s["doors"]["front"]["state"] == "locked")
        assert own.wrote.endswith(b"2=0\n")
        # Lines of the box: a request to exit makes an opening no break-in.
        fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"1")
        await rig.until(lambda s: True)
        contacts.bits = 0
        await rig.until(lambda s: s["doors"]["front"]["state"] == "open")
        os.write(fd, b"0")
        os.close(fd)
        contacts.bits = 0x10
        await rig.until(lambda s: s["doors"]["front"]["state"] == "locked")
        # Bus: a badge, and the output of the same reader as the lock.
        assert line.orders == [b"3.4"]
        line.cards.append(77)
        await rig.until(lambda s: (s["last"]["back"] or {}).get("reason") == "granted")
        await rig.until(lambda s: line.orders == [b"3.4", b"3!4", b"3.4"])
        shown = await rig.acli("reader", "show", "back-in")
        assert "in clear" in shown.stdout
        tested = await rig.acli("reader", "test", "back-in")
        assert "20 answers" in tested.stdout
        refused = await rig.acli("reader", "install", "back-in", check=False)
        assert refused.returncode == 1
        assert [e.data["reason"] for e in access(rig.ledger_path)] == ["granted", "granted"]
    finally:
        for device in (front, own, contacts, line):
            device.close()


def test_the_face_process_reads_a_camera_with_a_driver_from_outside(
    installed: Path, tmp_path: Path, engine: object
) -> None:
    picture = tmp_path / "picture.png"
    config: dict[str, Any] = {
        "cameras": {"gate": {"driver": "my-camera", "options": {"file": str(picture)}}},
        "frames": 3,
        "min_face_px": 80,
    }
    camera = Worker(config, BytesIO()).cameras["gate"]
    assert camera.state is CameraState.NO_SIGNAL
    camera.start()
    try:
        cv2.imwrite(str(picture), np.full((120, 160, 3), 90, np.uint8))
        frame = camera.next(0, 10)
        assert frame is not None and frame.image.shape == (120, 160, 3)
        assert time.monotonic() - frame.at < 5 and camera.state is CameraState.OK
    finally:
        camera.stop()


async def test_a_mistake_in_its_options_is_named(installed: Path, make_rig: MakeRig) -> None:
    rig = make_rig(policy=POLICY.format(pipe="/none").replace("pipe =", "pip ="))
    done = rig.cli("check", check=False)
    assert done.returncode == 4
    assert "inputs.lines.options.pip: unknown key" in done.stderr
    assert "inputs.lines.options.pipe: missing" in done.stderr
