"""Ports and cameras of a box, with a /sys and a /dev of the test's own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from gateway.devices.attached import Machine
from gateway.setup.found import cameras, ports
from gateway.setup.snapshot import picture


def adapter(device: str, serial: str | None, number: int) -> SimpleNamespace:
    return SimpleNamespace(
        device=device,
        vid=0x1A86,
        pid=0x7523,
        manufacturer="QinHeng",
        product="CH340",
        serial_number=serial,
        usb_interface_path=f"/sys/devices/1-1.{number}:1.0",
    )


def test_a_port_is_named_so_that_it_is_the_same_tomorrow(tmp_path: Path) -> None:
    for name in ("by-id", "by-path"):
        (tmp_path / "dev" / "serial" / name).mkdir(parents=True)
    for number, link in ((0, "by-id/usb-A"), (1, "by-path/pci-1.2"), (0, "by-path/pci-1.1")):
        device = tmp_path / "dev" / f"ttyUSB{number}"
        device.touch()
        (tmp_path / "dev" / "serial" / link).symlink_to(device)
    found = [
        adapter("/dev/ttyUSB0", "A1", 1),
        adapter("/dev/ttyUSB1", None, 2),
        adapter("/dev/ttyUSB2", None, 3),
        SimpleNamespace(
            device="/dev/ttyS0",
            vid=None,
            pid=None,
            manufacturer=None,
            product=None,
            serial_number=None,
        ),
    ]
    listed = {port.device: port for port in ports(Machine(tmp_path, lambda: found))}
    assert listed["/dev/ttyUSB0"].path == "/dev/serial/by-id/usb-A"
    # Two adapters without a serial number: only the socket tells them apart.
    assert listed["/dev/ttyUSB1"].path == "/dev/serial/by-path/pci-1.2"
    assert listed["/dev/ttyUSB1"].steady and not listed["/dev/ttyUSB2"].steady
    assert listed["/dev/ttyS0"].steady
    assert list(listed)[-1] == "/dev/ttyS0"


def test_a_camera_is_listed_once(tmp_path: Path) -> None:
    for node, index in (("video0", "0"), ("video1", "1"), ("video2", "0"), ("oops", "0")):
        folder = tmp_path / "sys" / "class" / "video4linux" / node
        folder.mkdir(parents=True)
        (folder / "index").write_text(f"{index}\n")
        (folder / "name").write_text(f"Camera {node}\n")
    found = [(camera.source, camera.about) for camera in cameras(tmp_path)]
    assert found == [("0", "Camera video0"), ("2", "Camera video2")]
    assert list(cameras(tmp_path / "none")) == []


async def test_a_camera_shows_one_picture(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (1280, 720))
    for shade in range(10):
        writer.write(np.full((720, 1280, 3), 20 * shade, np.uint8))
    writer.release()
    data = await picture(str(path))
    assert data is not None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.shape[:2] == (360, 640)


async def test_what_gives_no_picture_gives_none(tmp_path: Path) -> None:
    assert await picture(str(tmp_path / "none.avi")) is None
    assert await picture("97") is None
