"""Lines for systemd's journal with their fields, by its own protocol.

A line is one datagram of fields to /run/systemd/journal/socket
(https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): ``NAME=value`` and a line feed, or for a value that
has line feeds itself ``NAME``, a line feed, its length (64 bits, little endian), the value and a
line feed.  What is too large for a datagram goes as a sealed memfd beside an empty one.

No field names a person or a badge: they hold names of devices and doors, places in the code, and
the words of the log line.
"""

from __future__ import annotations

import array
import errno
import fcntl
import logging
import os
import re
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
IDENTIFIER = "garita"
_NAMESPACE = uuid.UUID("5b2f3c0e-6a7d-4f0a-9a51-0d6f6e1c8a42")
_ABOUT = re.compile(r"(door|reader|lock|bus|witness|inputs) %s\b")
_TOO_LARGE = (errno.EMSGSIZE, errno.ENOBUFS)
_ROOT = str(Path(__file__).parents[2]) + "/"
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def is_journal(handle: int) -> bool:
    """Whether the journal reads what is written to `handle`: $JOURNAL_STREAM names the device and
    inode of the stream that systemd gave us (systemd.exec(5)).  A stream that somebody redirected
    is another one."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        stat = os.fstat(handle)
        return (int(device), int(inode)) == (stat.st_dev, stat.st_ino)
    except (OSError, ValueError):
        return False


def fields(record: logging.LogRecord, message: str) -> dict[str, str]:
    """The fields of one line; `message` is what people read."""
    template = str(record.msg)
    found = {
        "MESSAGE": message,
        "PRIORITY": str(priority(record.levelno)),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "MESSAGE_ID": message_id(record.name, template),
        "CODE_FILE": record.pathname.removeprefix(_ROOT),
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName or "",
        "GARITA_LOGGER": record.name,
        "GARITA_TEMPLATE": template,
    }
    about = _ABOUT.match(template)
    if about is not None and isinstance(record.args, tuple) and record.args:
        found[f"GARITA_{about[1].upper()}"] = str(record.args[0])
    if record.exc_info and record.exc_info[0] is not None:
        found["GARITA_ERROR"] = record.exc_info[0].__name__
    return found


def message_id(logger: str, template: str) -> str:
    """128 bits (hex) that are the same for each line of these words, whatever stands in them."""
    return uuid.uuid5(_NAMESPACE, f"{logger}\n{template}").hex


def priority(level: int) -> int:
    """syslog(3)'s number for a level of logging."""
    for least, number in ((50, 2), (40, 3), (30, 4), (20, 6)):
        if level >= least:
            return number
    return 7


def encoded(values: Mapping[str, str]) -> bytes:
    """The fields as the protocol has them."""
    data = bytearray()
    for name, value in values.items():
        raw = value.encode(errors="replace")
        if b"\n" in raw:
            data += name.encode() + b"\n" + len(raw).to_bytes(8, "little") + raw + b"\n"
        else:
            data += name.encode() + b"=" + raw + b"\n"
    return bytes(data)


class Journal:
    """Sends lines to the journal at `path`; may wait for it, so a thread calls it."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, data: bytes) -> None:
        """Send one encoded line; raises OSError if there is no journal."""
        try:
            self._socket.sendto(data, self._path)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_large(data)

    def _send_large(self, data: bytes) -> None:
        handle = os.memfd_create("garita-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(os.dup(handle), "wb") as file:
                file.write(data)
            fcntl.fcntl(handle, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [handle]))
            self._socket.sendmsg([b""], [rights], 0, self._path)
        finally:
            os.close(handle)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
