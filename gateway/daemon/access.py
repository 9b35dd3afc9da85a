"""Who may ask the daemon for what: the accounts' groups, and one table of all operations.

root and the gateway's own account may do everything, and so may members of `garita-admin`; those of
`garita-desk` alone may look, and do a guard's acts.  An account that is in neither and in the
gateway's own group may do everything, as before there were the two groups: a site that gives nobody
one of them keeps what it has.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
import struct
from collections.abc import Iterable, Mapping
from enum import Enum

ADMIN_GROUP, DESK_GROUP = "garita-admin", "garita-desk"
_SO_PEERGROUPS = getattr(socket, "SO_PEERGROUPS", 59)  # Linux 4.13; asm-generic/socket.h
_MOST_BYTES = 1024  # what Python takes: 256 groups


class Takes(Enum):
    """What an operation takes."""

    DESK = "desk"  # a guard's act, or looking
    ADMIN = "admin"


class Rights(Enum):
    """What an asker may do."""

    ALL = "all"
    DESK = "desk"
    NONE = "none"

    def allow(self, operation: str) -> bool:
        """Whether that operation may be asked for; one that nobody put into the table takes an
        administrator."""
        if self is Rights.DESK:
            return OPERATIONS.get(operation) is Takes.DESK
        return self is Rights.ALL


OPERATIONS: Mapping[str, Takes] = {
    # looking
    "status": Takes.DESK,
    "muster": Takes.DESK,
    "door_waiting": Takes.DESK,
    "inputs": Takes.DESK,
    "still": Takes.DESK,
    "portrait": Takes.DESK,
    "checkpoint": Takes.DESK,  # signs the log's head for an export
    # a guard's acts
    "nudge": Takes.DESK,
    "operator_pin": Takes.DESK,
    "door_confirm": Takes.DESK,
    "door_confirm_extend": Takes.DESK,
    "door_service": Takes.DESK,
    "threat_set": Takes.DESK,
    "area_forgive": Takes.DESK,
    "desk_read": Takes.DESK,
    "desk_proof": Takes.DESK,
    "desk_card": Takes.DESK,
    "command": Takes.DESK,  # passes on what an operator's key signed; it is judged by that
    "errand.mark": Takes.DESK,  # the fingerprint of a temporary badge or a document
    "errand.owner": Takes.DESK,
    # enrolment, keys and pictures
    "errand.pin": Takes.ADMIN,
    "errand.enrol": Takes.ADMIN,
    "errand.keys": Takes.ADMIN,
    "errand.picture": Takes.ADMIN,
    "capture": Takes.ADMIN,
    "enrol_begin": Takes.ADMIN,
    "enrol_look": Takes.ADMIN,
    "enrol_store": Takes.ADMIN,
    "enrol_end": Takes.ADMIN,
    # the list, the policy and the devices
    "errand.profile": Takes.ADMIN,
    "errand.forget": Takes.ADMIN,
    "reload": Takes.ADMIN,
    "config": Takes.ADMIN,
    "interlock_override": Takes.ADMIN,
    "clock_accept": Takes.ADMIN,
    "camera_accept": Takes.ADMIN,
    "reader_watch": Takes.ADMIN,  # shows badge numbers
    "reader_install": Takes.ADMIN,
    "reader_install_end": Takes.ADMIN,
    "reader_test": Takes.ADMIN,
    "reader_comset": Takes.ADMIN,
    "archive": Takes.ADMIN,
    "log_key": Takes.ADMIN,
}
"""Every operation of the control socket; ``errand.`` stands before the acts of an errand."""


def operation(request: Mapping[str, object]) -> str:
    """The name in the table of what a request asks for."""
    name = str(request.get("op", ""))
    return f"errand.{request.get('act')}" if name == "errand" else name


def rights_of(peer: socket.socket) -> Rights:
    """What the process at the other end of a Unix socket may do, by the uid and the groups that it
    had when it connected (SO_PEERCRED, SO_PEERGROUPS of unix(7)).  Blocks, because groups may come
    from a directory service.  Raises OSError."""
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, gid = struct.unpack("iII", raw)
    return judged(uid, {gid, *_groups_of(peer, uid, gid)})


def _groups_of(peer: socket.socket, uid: int, gid: int) -> list[int]:
    try:
        more = peer.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_BYTES)
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
        # In more groups than fit: as the directory of accounts has them.
        try:
            return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
        except KeyError:
            return []
    return [one for (one,) in struct.iter_unpack("I", more)]


def judged(uid: int, groups: Iterable[int]) -> Rights:
    """What an account with these groups may do, asked by a process of the gateway's account."""
    held = set(groups)
    if uid in (0, os.geteuid()) or _id_of(ADMIN_GROUP) in held:
        return Rights.ALL
    if _id_of(DESK_GROUP) in held:
        return Rights.DESK
    return Rights.ALL if os.getegid() in held else Rights.NONE


def _id_of(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None
