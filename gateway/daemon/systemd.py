"""Messages to systemd: ready, stopping, a line of status, and that we still make progress.

The protocol is one datagram of ``KEY=value`` lines to the socket in $NOTIFY_SOCKET
(sd_notify(3)).  Without systemd every call does nothing.
"""

from __future__ import annotations

import os
import socket


def notify(**fields: str | int) -> None:
    """Send fields such as ``READY=1``; never raises: the gate works without systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket is written with a leading NUL
        address = "\0" + address[1:]
    message = "\n".join(f"{key}={value}" for key, value in fields.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.sendto(message.encode(), address)
    except OSError:
        return


def watchdog_interval() -> float | None:
    """Seconds between pings (half of what systemd allows), or None if systemd wants none."""
    try:
        allowed = int(os.environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return None
    owner = os.environ.get("WATCHDOG_PID")
    return allowed / 2 if owner in (None, str(os.getpid())) else None
