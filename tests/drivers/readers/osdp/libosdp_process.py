"""libosdp in a process of its own: its bindings may crash, and a power cut is a kill.

    libosdp_process.py reader FD ADDRESS KEY|install      libosdp_process.py panel FD ADDRESS KEY

Lines of JSON on stdin are orders, lines of JSON on stdout what it was told.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

from osdp import (
    Capability,
    Channel,
    Command,
    ControlPanel,
    LibFlag,
    LogLevel,
    PDCapabilities,
    PDInfo,
    PeripheralDevice,
    StatusReportType,
)

CAPABILITIES = PDCapabilities(
    [
        (Capability.OutputControl, 1, 2),
        (Capability.ContactStatusMonitoring, 1, 2),
        (Capability.LEDControl, 1, 1),
        (Capability.AudibleControl, 1, 1),
        (Capability.TextOutput, 1, 1),
    ]
)


class Line(Channel):  # type: ignore[misc]
    """The descriptor of a pty; `mute` cuts the wire from us."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.fd = fd
        self.mute = False

    def read(self, max_bytes: int) -> bytes:
        try:
            return os.read(self.fd, max_bytes)
        except OSError:
            return b""

    def write(self, buf: bytes) -> int:
        if self.mute:
            return len(buf)
        try:
            return os.write(self.fd, buf)
        except OSError:
            return len(buf)

    def flush(self) -> None:
        pass


def say(what: dict[str, Any]) -> None:
    plain = {k: v.hex() if isinstance(v, bytes) else v for k, v in what.items()}
    sys.stdout.write(json.dumps(plain) + "\n")
    sys.stdout.flush()


def bytes_of(order: dict[str, Any]) -> dict[str, Any]:
    hexed = ("data", "report")
    return {
        k: bytes.fromhex(v) if k in hexed and order.get("command") != Command.Text else v
        for k, v in order.items()
    }


def main() -> None:
    role, fd, address, key = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    line = Line(fd)
    status = {StatusReportType.Input: bytes(2), StatusReportType.Local: bytes(2)}

    def on_command(command: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        say(command)
        if command["command"] == Command.Status:
            kind = command["type"]
            return 0, {"command": Command.Status, "type": kind, "report": status[kind]}
        return 0, None

    def on_event(pd: int, event: dict[str, Any]) -> int:
        say(event)
        return 0

    install = key == "install"
    scbk = None if install else bytes.fromhex(key)
    flag = LibFlag.InstallMode if install else LibFlag.EnforceSecure
    info = PDInfo(address, line, scbk=scbk, flags=[flag])
    device: Any
    if role == "reader":
        device = PeripheralDevice(
            info, CAPABILITIES, log_level=LogLevel.Emergency, command_handler=on_command
        )
    else:
        device = ControlPanel([info], log_level=LogLevel.Emergency, event_handler=on_event)
    say({"ready": True})
    buffer = b""
    while True:
        device.ctx.refresh()
        if not select.select([0], [], [], 0.001)[0]:
            continue
        data = os.read(0, 65536)
        if not data:
            os._exit(0)
        buffer += data
        while b"\n" in buffer:
            text, buffer = buffer.split(b"\n", 1)
            order = bytes_of(json.loads(text))
            if "mute" in order:
                line.mute = order["mute"]
            elif "secure" in order:
                say({"secure": bool(device.ctx.sc_status())})
            elif role == "panel":
                say({"submitted": bool(device.ctx.submit_command(0, order))})
            else:
                if "report" in order:
                    status[order["type"]] = order["report"]
                device.ctx.submit_event(order)


if __name__ == "__main__":
    main()
