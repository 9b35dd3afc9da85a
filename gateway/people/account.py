"""The account behind a command, as the kernel knows it.

The environment is never asked: anybody can write SUDO_USER.  The login uid is the one with which
somebody logged in.  It stays the same under sudo and su, and an account without privileges can't
change it (proc(5), audit's loginuid).  Where it is not set, as in a service or a container, the
real uid counts.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from pathlib import Path

UNSET = 2**32 - 1
_PROC = Path("/proc")


def own() -> str:
    """The account of this process: its login uid if it has one, else its real uid."""
    uid = os.getuid()
    try:
        folder = os.open(_PROC / "self", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return name_of(uid)
    try:
        login = _login_uid(folder)
    finally:
        os.close(folder)
    return name_of(uid if login is None else login)


def of_peer(peer: socket.socket) -> str:
    """The account of the process at the other end of a Unix socket.

    The uid is the one at the time of the connection (SO_PEERCRED).  The login uid counts only if
    it is surely that process's: one of the same number may have taken its place.  Blocks, because
    names may come from a directory service.  Raises OSError if the kernel does not say who it is.
    """
    size = struct.calcsize("3i")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, _ = struct.unpack("iII", raw)
    if pid <= 0:  # of another pid namespace
        return name_of(uid)
    login = _login_uid_of(peer, pid, uid)
    return name_of(uid if login is None else login)


def name_of(uid: int) -> str:
    """The name of an account; ``uid 1234`` for one without a name, as in some containers."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"


def exists(account: str) -> bool:
    """Whether this machine knows an account of that name."""
    try:
        pwd.getpwnam(account)
    except (KeyError, ValueError):
        return False
    return True


def _login_uid_of(peer: socket.socket, pid: int, uid: int) -> int | None:
    try:
        # The open folder stays that of one process: what is read from it is of no other.
        folder = os.open(_PROC / str(pid), os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        login = _login_uid(folder)
        same = os.fstat(folder).st_uid == uid and _holds_its_end(peer)
        return login if same else None
    except OSError:
        return None
    finally:
        os.close(folder)


def _holds_its_end(peer: socket.socket) -> bool:
    try:
        return peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True


def _login_uid(folder: int) -> int | None:
    """The login uid in an open folder of /proc; None if it is not set."""
    try:
        file = os.open("loginuid", os.O_RDONLY, dir_fd=folder)
        try:
            uid = int(os.read(file, 32))
        finally:
            os.close(file)
    except (OSError, ValueError):
        return None
    return None if uid == UNSET else uid
