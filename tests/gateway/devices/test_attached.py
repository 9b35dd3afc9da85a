"""Serial ports: names that are not unique, two tables on one device, and who holds a port.

The machine is a stand-in: a /dev, /sys and /proc under tmp_path, laid out as Linux and udev do.
pyserial's own code reads it, with its absolute paths turned into that folder.  The tests at the
end use real ptys and the real /proc.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from serial.tools import list_ports_linux
from typer.testing import CliRunner

from gateway import config
from gateway.cli.main import app
from gateway.config.tables import Tables
from gateway.devices import attached
from gateway.devices.attached import Holder, IdName, Machine
from gateway.vault.sitekey import SiteKey

CH340 = {"idVendor": "1a86", "idProduct": "7523", "product": "USB Serial"}
FTDI = {
    "idVendor": "0403",
    "idProduct": "6001",
    "manufacturer": "FTDI",
    "product": "FT232R USB UART",
    "serial": "A10KZP4V",
}

CONFIG = """
[site]
gateway = "g"
timezone = "America/Tijuana"
data_dir = "data"
run_dir = "run"
key_file = "site.key"

[access_levels.all]
doors = {{ gate = "always" }}

[readers.gate-in]
driver = "rdm6300"
port = "{reader}"

[locks.board]
driver = "lcus"
port = "{lock}"

[doors.gate]
mode = "badge"
reader = "gate-in"
lock = "board"
fail = "secure"
"""


class Box:
    """A made-up machine in a folder."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        for folder in ("dev/serial/by-id", "dev/serial/by-path", "sys/class/tty", "proc"):
            (root / folder).mkdir(parents=True)

        def turned(path: str) -> str:
            return str(root) + path if path.startswith(("/dev/", "/sys/")) else path

        def back(path: str) -> str:
            return path.removeprefix(str(root))

        def opened(path: str) -> Any:
            return Path(turned(path)).open()

        def dev(pattern: str) -> list[Path]:
            return sorted((root / "dev").glob(Path(pattern).name))

        def plain(name: str) -> Callable[..., Any]:
            return lambda path: getattr(os.path, name)(turned(path))

        paths = SimpleNamespace(
            exists=plain("exists"),
            islink=plain("islink"),
            realpath=lambda path: back(os.path.realpath(turned(path))),
            basename=os.path.basename,
            dirname=os.path.dirname,
            join=os.path.join,
        )
        monkeypatch.setattr(list_ports_linux, "os", SimpleNamespace(path=paths))
        monkeypatch.setattr(
            list_ports_linux,
            "glob",
            SimpleNamespace(glob=lambda pattern: [f"/dev/{p.name}" for p in dev(pattern)]),
        )
        monkeypatch.setattr(list_ports_linux, "open", opened, raising=False)
        self.machine = Machine(root, list_ports_linux.comports)

    def plug(self, tty: str, socket: str, about: dict[str, str], *, id_name: str) -> str:
        """An adapter in a USB socket; udev moves a by-id link that is there to it."""
        usb = self.root / "sys/devices/usb1" / socket
        interface = usb / f"{socket}:1.0"
        serial = interface / tty
        serial.mkdir(parents=True)
        for key, value in {"bNumInterfaces": "1", **about}.items():
            (usb / key).write_text(value + "\n")
        bus = self.root / "sys/bus/usb-serial"
        bus.mkdir(parents=True, exist_ok=True)
        (serial / "subsystem").symlink_to(bus)
        shown = self.root / "sys/class/tty" / tty
        shown.mkdir()
        (shown / "device").symlink_to(serial)
        (self.root / "dev" / tty).touch()
        for link in (
            self.root / "dev/serial/by-id" / id_name,
            self.root / "dev/serial/by-path" / f"pci-0000:00:14.0-usb-0:{socket[2:]}:1.0-port0",
        ):
            link.unlink(missing_ok=True)
            link.symlink_to(f"../../{tty}")
        return f"/dev/serial/by-id/{id_name}"

    def tables(self, reader: str, lock: str) -> Tables:
        path = self.root / "garita.toml"
        path.write_text(CONFIG.format(reader=reader, lock=lock))
        return config.load(path).tables


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    return Box(tmp_path, monkeypatch)


CH340_NAME = "usb-1a86_USB_Serial-if00-port0"
FTDI_NAME = "usb-FTDI_FT232R_USB_UART_A10KZP4V-if00-port0"


def test_two_ch340_share_one_by_id_name_and_an_ftdi_does_not(box: Box) -> None:
    box.plug("ttyUSB0", "1-1", CH340, id_name=CH340_NAME)
    box.plug("ttyUSB1", "1-2", CH340, id_name=CH340_NAME)
    ftdi = box.plug("ttyUSB2", "1-3", FTDI, id_name=FTDI_NAME)
    first, second, third = box.machine.ports()
    assert (first.device, first.by_id, first.id_name) == ("/dev/ttyUSB0", "", IdName.SHARED)
    assert second.by_id == f"/dev/serial/by-id/{CH340_NAME}"
    assert first.twins == ("/dev/ttyUSB1",) and second.twins == ("/dev/ttyUSB0",)
    assert first.by_path == "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"
    assert second.by_path.endswith("usb-0:2:1.0-port0")
    assert first.attached == "USB Serial (1a86:7523)"
    assert first.rule("gate-in") == (
        'SUBSYSTEM=="tty", KERNELS=="1-1:1.0", SYMLINK+="garita/gate-in"'
    )
    assert (third.by_id, third.id_name, third.twins) == (ftdi, IdName.UNIQUE, ())
    assert third.attached == "FTDI FT232R USB UART (0403:6001)"


def test_two_adapters_of_one_serial_number_are_no_better(box: Box) -> None:
    for number in (0, 1):
        copy = {**FTDI, "serial": "0001"}
        box.plug(f"ttyUSB{number}", f"1-{number + 1}", copy, id_name="usb-x_0001-if00-port0")
    assert {port.id_name for port in box.machine.ports()} == {IdName.SHARED}


def test_one_adapter_without_a_serial_number_is_warned_of_with_two_ways_out(box: Box) -> None:
    name = box.plug("ttyUSB0", "1-1", CH340, id_name=CH340_NAME)
    found = box.machine.findings(box.tables(name, "/dev/serial/by-id/not-attached"))
    assert not found.mistakes
    (warning,) = found.warnings
    assert warning.startswith(f"readers.gate-in: {name} is not the name of one adapter alone")
    assert "has no serial number" in warning
    assert "use /dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0 or /dev/garita/gate-in" in (
        warning
    )
    assert 'KERNELS=="1-1:1.0", SYMLINK+="garita/gate-in"' in warning


def test_names_that_stay_are_not_warned_of_and_numbers_are(box: Box) -> None:
    box.plug("ttyUSB0", "1-1", CH340, id_name=CH340_NAME)
    ftdi = box.plug("ttyUSB1", "1-2", FTDI, id_name=FTDI_NAME)
    by_path = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"
    assert not box.machine.findings(box.tables(by_path, ftdi)).warnings
    first, second = box.machine.findings(box.tables("/dev/ttyUSB0", "/dev/ttyUSB1")).warnings
    assert "/dev/ttyUSB0 is a number" in first and by_path in first
    assert second.endswith(f"use {ftdi}")


@pytest.mark.parametrize("plain", [True, False])
def test_two_tables_that_lead_to_one_device_are_a_mistake(box: Box, plain: bool) -> None:
    by_id = box.plug("ttyUSB0", "1-1", CH340, id_name=CH340_NAME)
    other = "/dev/ttyUSB0" if plain else "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"
    ((loc, why),) = box.machine.findings(box.tables(by_id, other)).mistakes
    assert loc == ("locks", "board", "port")
    assert why == "leads to /dev/ttyUSB0, as the port of readers.gate-in does"


def test_a_shared_name_that_leads_to_the_others_device_is_named_as_the_cause(box: Box) -> None:
    """The reader has its by-path name; the lock has the name that both adapters share, and the
    link leads to the reader's adapter today."""
    box.plug("ttyUSB0", "1-1", CH340, id_name=CH340_NAME)
    by_id = box.plug("ttyUSB1", "1-2", CH340, id_name=CH340_NAME)
    by_path = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0"
    found = box.machine.findings(box.tables(by_path, by_id))
    ((_, why),) = found.mistakes
    assert "/dev/ttyUSB1 and /dev/ttyUSB0 have one by-id name" in why
    assert any("/dev/ttyUSB0 has the same name now" in text for text in found.warnings)


def test_broken_links_loops_and_missing_folders_are_no_ports(box: Box, tmp_path: Path) -> None:
    by_id = box.root / "dev/serial/by-id"
    (by_id / "gone").symlink_to("../../ttyUSB9")
    (by_id / "loop").symlink_to("loop")
    assert box.machine.ports() == []
    assert box.machine.resolve("/dev/serial/by-id/loop") is None
    found = box.machine.findings(box.tables("/dev/serial/by-id/gone", "/dev/serial/by-id/loop"))
    assert not found.mistakes and not found.warnings
    empty = Machine(tmp_path / "nothing", lambda: [])
    assert empty.ports() == [] and list(empty.holders("/dev/ttyUSB0")) == []


# The commands


def run(box: Box, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr(attached, "Machine", lambda: box.machine)
    done = CliRunner().invoke(app, [*arguments, "-c", str(box.root / "garita.toml")])
    return done


def test_check_names_the_line_and_ends_with_code_4(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_id = box.plug("ttyUSB0", "1-1", CH340, id_name=CH340_NAME)
    box.tables(by_id, "/dev/ttyUSB0")
    SiteKey.create(box.root / "site.key")
    done = run(box, monkeypatch, "check")
    line = (box.root / "garita.toml").read_text().splitlines().index('port = "/dev/ttyUSB0"') + 1
    assert done.exit_code == 4
    assert f"garita.toml:{line}: locks.board.port: leads to /dev/ttyUSB0" in done.stderr
    box.tables(by_id, "/dev/ttyS9")
    done = run(box, monkeypatch, "check")
    assert done.exit_code == 0 and "is not the name of one adapter alone" in done.stdout


def test_reader_ports_lists_both_names_what_is_attached_and_who_uses_it(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_id = box.plug("ttyUSB0", "1-1", CH340, id_name=CH340_NAME)
    box.tables(by_id, "/dev/ttyUSB7")
    process = box.root / "proc/123/fd"
    process.mkdir(parents=True)
    (process / "3").symlink_to("/dev/ttyUSB0")
    (box.root / "proc/123/comm").write_text("minicom\n")
    done = run(box, monkeypatch, "reader", "ports")
    assert done.exit_code == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0] == "/dev/ttyUSB0  USB Serial (1a86:7523)"
    assert any(line.startswith("by-id") and "no serial number" in line for line in lines)
    assert any(line.startswith("by-path") for line in lines)
    assert any(line.split(maxsplit=2)[-1] == "readers.gate-in" for line in lines)
    assert any("minicom (123)" in line for line in lines)
    assert "/dev/ttyUSB7" in lines and any(line.endswith("locks.board") for line in lines)
    done = run(box, monkeypatch, "reader", "ports", "--json")
    first, second = json.loads(done.stdout)
    assert first["id_name"] == "no_serial" and first["held_by"] == [
        {"pid": 123, "command": "minicom"}
    ]
    assert second["used_by"] == ["locks.board"]


def test_reader_ports_works_without_a_configuration(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.plug("ttyUSB0", "1-1", FTDI, id_name=FTDI_NAME)
    done = run(box, monkeypatch, "reader", "ports")
    assert done.exit_code == 0 and "unique" in done.stdout and "can't be read" in done.stderr


# Real ptys, and the real /proc


def test_two_links_to_one_pty_are_one_device_and_its_holder_is_seen(
    tmp_path: Path, box: Box
) -> None:
    master, slave = os.openpty()
    device = os.ttyname(slave)
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(device)
    tables = box.tables(str(tmp_path / "one"), str(tmp_path / "two"))
    machine = Machine(comports=lambda: [])
    ((loc, why),) = machine.findings(tables).mistakes
    assert loc == ("locks", "board", "port") and device in why
    code = f"import os, sys; os.open({device!r}, os.O_RDWR | os.O_NOCTTY); print(); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None and child.stdout.readline()
        (port,) = machine.ports(tables)
        assert port.device == device and port.used_by == ("readers.gate-in", "locks.board")
        comm = Path(f"/proc/{child.pid}/comm").read_text().strip()
        assert Holder(child.pid, comm) in port.held_by
    finally:
        child.communicate(b"\n")
        os.close(master)
        os.close(slave)
