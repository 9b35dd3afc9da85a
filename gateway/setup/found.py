"""What is attached to this box: serial ports and cameras, by names that stay."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.devices.attached import IdName, Machine

_VIDEO = Path("sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class FoundPort:
    """A serial port.  `path` is the name for garita.toml; it leads to this adapter (or to this
    socket) also after a restart, if `steady`.  `held_by` is the program that uses it now."""

    device: str
    path: str
    about: str = ""
    steady: bool = True
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera of the box: `source` is its number, as the driver takes it."""

    source: str
    about: str


def ports(machine: Machine | None = None) -> list[FoundPort]:
    """Every serial port of the machine; USB adapters, which readers and boards have, first."""
    found = []
    for port in (machine or Machine()).ports():
        unique = port.id_name is IdName.UNIQUE
        path = (port.by_id if unique else "") or port.by_path or port.device
        steady = port.id_name is IdName.NONE or path != port.device
        held = ", ".join(who.command for who in port.held_by)
        found.append(FoundPort(port.device, path, port.attached, steady, held))
    return sorted(found, key=lambda port: (not port.about, port.device))


def cameras(root: Path = Path("/")) -> Iterator[FoundCamera]:
    """The cameras of the box (V4L2).  One camera has several nodes; only the first gives a
    picture."""
    with contextlib.suppress(OSError):
        for node in sorted((root / _VIDEO).iterdir()):
            with contextlib.suppress(OSError):
                number = node.name.removeprefix("video")
                first = (node / "index").read_text("ascii").strip() == "0"
                if first and number.isdigit():
                    name = (node / "name").read_text("utf-8", "replace").strip()
                    yield FoundCamera(number, name[:80])
