"""The dead man: a child process that puts a relay board to rest when the gateway dies.

The boards have no timed pulse, so a relay that the gateway energised before a `kill -9` would stay
energised.  `DeadMan.arm` starts a small child that inherits the serial port and the reading end of
a pipe.  When the gateway ends in any way, the kernel closes the pipe; the child then writes the
frames of rest and exits.  It has no part in normal work.

The child runs this file with the standard library only, so that it starts quickly and nothing
else of ours can break it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

DISARM = b"q"


class DeadMan:
    """The child process for one open port."""

    def __init__(self, child: subprocess.Popen[bytes], pipe: int) -> None:
        self._child = child
        self._pipe = pipe

    @classmethod
    def arm(cls, port: int, rest: bytes) -> DeadMan:
        """Start the child: it writes `rest` to the open descriptor `port` when this process dies.
        Raises OSError when it can't be started."""
        theirs, ours = os.pipe()
        try:
            child = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(Path(__file__)),
                    str(port),
                    str(theirs),
                    rest.hex(),
                ],
                pass_fds=(port, theirs),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a signal to our process group must not end the child
                cwd="/",
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(child, ours)

    @property
    def pid(self) -> int:
        return self._child.pid

    def disarm(self) -> None:
        """End the child without writing to the board; returns at once.  A thread waits for its
        end, because the child may hang in a write to a board that takes no data."""
        try:
            os.write(self._pipe, DISARM)
        except OSError:
            pass  # it has ended already
        finally:
            os.close(self._pipe)
        threading.Thread(target=self._reap, name="dead man's end", daemon=True).start()

    def _reap(self) -> None:
        try:
            self._child.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _guard(port: int, pipe: int, rest: bytes) -> None:
    """The child: wait for a byte or the end of the pipe; write `rest` only at the end."""
    import signal  # noqa: PLC0415 - only the child needs it

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if os.read(pipe, 1) == DISARM:
        return
    os.set_blocking(port, True)
    while rest:
        rest = rest[os.write(port, rest) :]


if __name__ == "__main__":
    _guard(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]))
