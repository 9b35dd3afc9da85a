"""libosdp at the other end of a pty: the peer that none of us wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path
from typing import Any

from osdp import CardFormat, Event, StatusReportType

KEY = bytes(range(16))


class Libosdp:
    """A process that runs libosdp; `told` holds what it was told, in order."""

    def __init__(self, role: str, fd: int, address: int, key: str) -> None:
        self.told: list[dict[str, Any]] = []
        self._arguments = [role, str(fd), str(address), key]
        self._fd = fd
        self._process: subprocess.Popen[str] | None = None
        self.power_on()

    def power_on(self) -> None:
        script = Path(__file__).with_name("libosdp_process.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=(self._fd,),
        )
        ready = len(self.told)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        self.wait(lambda: {"ready": True} in self.told[ready:])

    def power_off(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process = None

    def order(self, **what: Any) -> None:
        assert self._process is not None and self._process.stdin is not None
        plain = {k: v.hex() if isinstance(v, bytes) else v for k, v in what.items()}
        self._process.stdin.write(json.dumps(plain) + "\n")
        self._process.stdin.flush()

    def wait(self, condition: Any, timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, self.told
            time.sleep(0.005)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for text in lines:
                self.told.append(json.loads(text))


class Peer(Libosdp):
    """A reader of libosdp's."""

    def __init__(
        self, fd: int, address: int = 1, key: bytes | None = KEY, *, install: bool = False
    ) -> None:
        self.inputs = [0, 0]
        super().__init__("reader", fd, address, "install" if install else (key or KEY).hex())

    @property
    def commands(self) -> list[dict[str, Any]]:
        return [entry for entry in self.told if "command" in entry]

    def mute(self, muted: bool) -> None:
        self.order(mute=muted)

    def card(self, bits: str) -> None:
        """Somebody holds a card to it."""
        size = -(-len(bits) // 8)
        packed = int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")
        self.order(
            event=Event.CardRead,
            reader_no=0,
            direction=0,
            length=len(bits),
            format=CardFormat.Wiegand,
            data=packed,
        )

    def keys(self, pressed: str) -> None:
        codes = {"#": 0x0D, "*": 0x7F}
        data = bytes(codes.get(k, ord(k)) for k in pressed)
        self.order(event=Event.KeyPress, reader_no=0, data=data)

    def tamper(self, active: bool) -> None:
        report = bytes((active, 0))
        self.order(event=Event.Status, type=StatusReportType.Local, report=report)

    def input(self, number: int, active: bool) -> None:
        self.inputs[number - 1] = int(active)
        report = bytes(self.inputs)
        self.order(event=Event.Status, type=StatusReportType.Input, report=report)


def pipe() -> tuple[int, int]:
    """A pair of connected descriptors, both non-blocking: ours and the peer's."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    os.set_blocking(slave, False)
    return master, slave
