"""A command at a real terminal (a pty of 80 by 24), as somebody at a serial console types to it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
GARITA = (sys.executable, "-m", "gateway.cli.main")


class Terminal:
    """Runs `words` with the pty as its stdin, stdout and stderr."""

    def __init__(self, *words: str, command: Sequence[str] = GARITA, **environment: str) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.text = ""
        self._read = 0
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**os.environ, "TERM": "vt100", "COLUMNS": "", **environment},
        )
        os.close(slave)

    def expect(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait for text that `pattern` finds after what was found before.  A space in it is any
        space, because lines are wrapped."""
        pattern = pattern.replace(" ", r"\s+")
        end = time.monotonic() + seconds
        while (found := re.compile(pattern).search(self.text, self._read)) is None:
            left = end - time.monotonic()
            assert left > 0 and self._more(left), f"no {pattern!r} in:\n{self.text[self._read :]}"
        self._read = found.end()
        return found

    def send(self, line: str = "") -> None:
        """Type a line."""
        os.write(self._master, line.encode() + b"\n")

    def answer(self, question: str, line: str = "", seconds: float = 60) -> None:
        """Wait for a question, and type a line."""
        self.expect(question, seconds)
        self.send(line)

    def interrupt(self) -> None:
        """Ctrl-C, as the terminal's driver makes a signal of it."""
        os.write(self._master, b"\x03")

    def end(self, seconds: float = 60) -> int:
        """Read to the end; the exit code."""
        end = time.monotonic() + seconds
        while self._more(max(0.0, end - time.monotonic())):
            pass
        return self.process.wait(timeout=10)

    def close(self) -> None:
        """Take the terminal away, and end what still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    def _more(self, seconds: float) -> bool:
        """Take what comes within `seconds`; False at the end."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.text += data.decode("utf-8", "replace").replace("\r", "")
        return bool(data)
