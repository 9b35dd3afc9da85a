"""The serial ports of this machine: their names, what is attached, and who uses them.

udev makes two names for a USB serial port.  It makes `/dev/serial/by-id/...` from the adapter's
vendor, model and serial number.  An adapter without a serial number (CH340) has the same name as
any other of its model, and the link leads to the one that came last.  udev makes
`/dev/serial/by-path/...` from the socket that the adapter is in.

`garita reader ports` and `garita check` use this module.  The daemon does not.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from gateway.config.mistakes import Loc
from gateway.config.tables import Tables, with_port
from gateway.locale import _

BY_ID, BY_PATH = "serial/by-id", "serial/by-path"
OURS = "garita"  # the folder of /dev in which the rules that we print make names
_NUMBERED = re.compile(r"/dev/tty[A-Za-z]+\d+$")


class IdName(StrEnum):
    """What the by-id name of a port is worth."""

    UNIQUE = "unique"
    NO_SERIAL = "no_serial"  # another adapter of this model would have the same name
    SHARED = "shared"  # another adapter that is attached now has the same name
    NONE = "none"  # not a USB adapter: there is no such name


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a port open."""

    pid: int
    command: str


@dataclass(frozen=True, slots=True)
class Port:
    """One serial port.  `device` is its name without links, such as /dev/ttyUSB0; `by_id` and
    `by_path` are the links that lead to it, "" without one.  `usb` is vendor:product in hex;
    `interface` the USB interface's name in /sys, which tells the socket."""

    device: str
    by_id: str = ""
    by_path: str = ""
    maker: str = ""
    product: str = ""
    usb: str = ""
    serial: str = ""
    interface: str = ""
    id_name: IdName = IdName.NONE
    twins: tuple[str, ...] = ()  # the other ports with the same by-id name
    used_by: tuple[str, ...] = ()  # tables of the configuration, such as readers.gate-in
    held_by: tuple[Holder, ...] = ()

    @property
    def attached(self) -> str:
        """What is attached, in words."""
        words = " ".join(part for part in (self.maker, self.product) if part)
        return f"{words} ({self.usb})" if self.usb and words else words or self.usb

    def rule(self, name: str) -> str:
        """A udev rule that gives the socket this port is in a name of its own, `/dev/garita/NAME`;
        "" when the port is not USB."""
        if not self.interface:
            return ""
        return f'SUBSYSTEM=="tty", KERNELS=="{self.interface}", SYMLINK+="{OURS}/{name}"'


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with the ports of a configuration on this machine (`mistakes`, by the place
    in the file), and what is unwise (`warnings`)."""

    mistakes: Sequence[tuple[Loc, str]] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look.  Tests give another `root`, with a /dev, /sys and /proc of their own."""

    root: Path = Path("/")
    comports: Callable[[], Sequence[Any]] = field(default=list_ports.comports)

    def ports(self, tables: Tables | None = None) -> list[Port]:
        """Every serial port, also those that only the configuration names, in order."""
        users = self._users(tables) if tables is not None else {}
        by_id, by_path = self._links(BY_ID), self._links(BY_PATH)
        found = {str(info.device): info for info in self.comports()}
        twins = _twins(found)
        ports = []
        for device in sorted({*found, *users}):
            info = found.get(device)
            same = tuple(sorted(twins.get(device, ())))
            ports.append(
                Port(
                    device=device,
                    by_id=by_id.get(device, ""),
                    by_path=by_path.get(device, ""),
                    maker=(info and info.manufacturer) or "",
                    product=(info and info.product) or "",
                    usb=f"{info.vid:04x}:{info.pid:04x}" if info and info.vid is not None else "",
                    serial=(info and info.serial_number) or "",
                    interface=_interface(info),
                    id_name=_id_name(info, same),
                    twins=same,
                    used_by=tuple(users.get(device, ())),
                    held_by=tuple(self.holders(device)),
                )
            )
        return ports

    def resolve(self, path: str) -> str | None:
        """The device behind `path`, without links; None when there is none now."""
        try:
            real = self._inside(path).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        return self._outside(real)

    def holders(self, device: str) -> Iterator[Holder]:
        """The processes that have `device` open, as far as this user may see them: all of them
        for root, else those of the same user."""
        proc = self.root / "proc"
        with contextlib.suppress(OSError):
            for process in sorted(proc.iterdir()):
                if process.name.isdigit() and self._has_open(process, device):
                    yield Holder(int(process.name), _command(process))

    def findings(self, tables: Tables) -> Findings:
        """What `garita check` says of the configured ports, as far as devices are attached."""
        configured = [(kind, name, table) for kind, name, table in with_port(tables)]
        ports = {port.device: port for port in self.ports(tables)}
        mistakes: list[tuple[Loc, str]] = []
        warnings: list[str] = []
        first: dict[str, str] = {}
        for kind, name, table in configured:
            device = self.resolve(table.port)
            if device is None:
                continue
            port = ports[device]
            if other := first.get(device):
                mistakes.append(((kind, name, "port"), _same(port, table.port, other)))
            first.setdefault(device, f"{kind}.{name}")
            warnings += _name_warnings(f"{kind}.{name}", name, table.port, port)
        return Findings(mistakes, warnings)

    def _users(self, tables: Tables) -> dict[str, list[str]]:
        """The tables of the configuration by the device that they lead to.  A port that is not
        attached stands under the name in the configuration."""
        users: dict[str, list[str]] = {}
        for kind, name, table in with_port(tables):
            device = self.resolve(table.port) or table.port
            users.setdefault(device, []).append(f"{kind}.{name}")
        return users

    def _links(self, folder: str) -> dict[str, str]:
        """The links in a folder of /dev, by the device that they lead to."""
        links: dict[str, str] = {}
        with contextlib.suppress(OSError):
            for link in sorted((self.root / "dev" / folder).iterdir()):
                device = self.resolve(f"/dev/{folder}/{link.name}")
                if device is not None:
                    links.setdefault(device, f"/dev/{folder}/{link.name}")
        return links

    def _has_open(self, process: Path, device: str) -> bool:
        try:
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(OSError):  # closed meanwhile
                    if str(descriptor.readlink()) == device:
                        return True
        except OSError:  # the process ended, or belongs to another user
            pass
        return False

    def _inside(self, path: str) -> Path:
        return self.root / path.lstrip("/") if self.root != Path("/") else Path(path)

    def _outside(self, path: Path) -> str:
        if self.root == Path("/") or not path.is_relative_to(self.root):
            return str(path)
        return "/" + str(path.relative_to(self.root))


def _twins(found: Mapping[str, Any]) -> dict[str, set[str]]:
    """For each USB port, the other ports for which udev makes the same by-id name."""
    same: dict[tuple[object, ...], set[str]] = {}
    for device, info in found.items():
        if info.vid is not None:
            number = _interface(info).rpartition(":")[2]
            name = (info.vid, info.pid, info.manufacturer, info.product, info.serial_number, number)
            same.setdefault(name, set()).add(device)
    return {device: group - {device} for group in same.values() for device in group}


def _id_name(info: Any, twins: Sequence[str]) -> IdName:
    if info is None or info.vid is None:
        return IdName.NONE
    if twins:
        return IdName.SHARED
    return IdName.UNIQUE if info.serial_number else IdName.NO_SERIAL


def _interface(info: Any) -> str:
    """The name of a port's USB interface in /sys, such as 1-1.2:1.0; "" when it is not USB."""
    path = getattr(info, "usb_interface_path", None)
    return Path(path).name if path else ""


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _same(port: Port, path: str, other: str) -> str:
    """Two tables lead to one device."""
    said = _("leads to {device}, as the port of {other} does").format(
        device=port.device, other=other
    )
    if port.id_name is IdName.SHARED:
        said += _("; {device} and {others} have one by-id name: use their by-path names").format(
            device=port.device, others=", ".join(port.twins)
        )
    return said


def _name_warnings(where: str, name: str, path: str, port: Port) -> Iterator[str]:
    """A name that may lead to another adapter tomorrow."""
    if port.id_name is IdName.NONE:
        return
    if _NUMBERED.match(path):
        yield _(
            "{where}: {path} is a number that another adapter can get after a restart; {way}"
        ).format(where=where, path=path, way=_way(port, name))
    elif f"/{BY_ID}/" in path and port.id_name is not IdName.UNIQUE:
        if port.id_name is IdName.SHARED:
            why = _("{others} has the same name now").format(others=", ".join(port.twins))
        else:
            why = _("the adapter has no serial number, so another of its model has the same name")
        yield _("{where}: {path} is not the name of one adapter alone: {why}; {way}").format(
            where=where, path=path, why=why, way=_way(port, name)
        )


def _way(port: Port, name: str) -> str:
    """What to use in place of a name that is not unique."""
    ways = []
    if port.id_name is IdName.UNIQUE and port.by_id:
        ways.append(port.by_id)
    elif port.by_path:
        ways.append(port.by_path)
    if port.id_name is not IdName.UNIQUE and (rule := port.rule(name)):
        named = _(
            "/dev/{folder}/{name} with this rule in /etc/udev/rules.d/70-garita.rules: {rule}"
        )
        ways.append(named.format(folder=OURS, name=name, rule=rule))
    return _("use {ways}").format(ways=_(" or ").join(ways)) if ways else _("see docs/drivers.md")
