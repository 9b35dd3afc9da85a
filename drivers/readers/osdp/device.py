"""One OSDP reader as the gateway sees it: the `BusDevice` of drivers/buses.py.

Everything that the gateway orders becomes an OSDP command here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from drivers.base import LinkStats, Signal
from drivers.readers.osdp import feedback, messages
from drivers.readers.osdp.messages import Capability, Cmd
from drivers.readers.osdp.session import ReaderSession


class OsdpDevice:
    """The reader behind `session`."""

    def __init__(self, session: ReaderSession) -> None:
        self._session = session

    @property
    def address(self) -> int:
        return self._session.address

    @property
    def online(self) -> bool:
        """Whether badges can come from this reader now."""
        return self._session.online

    @property
    def keyed(self) -> bool:
        """Whether this reader uses a key of its own (`secure` in its options)."""
        return self._session.secure

    @property
    def secured(self) -> bool:
        """Whether this reader is in the secure channel under a key of its own."""
        return self._session.secured

    @property
    def installing(self) -> bool:
        """Whether an install window is open."""
        return self._session.installing

    @property
    def stats(self) -> LinkStats:
        return self._session.stats

    def show(self, signal: Signal, words: str, now: float) -> None:
        """Show `signal` by LED and buzzer, and `words` where the reader has a display."""
        payloads = feedback.payloads(signal, self._session.capabilities, words)
        self._session.show(payloads, now)

    def output(
        self, number: int, *, on: bool, seconds: float, now: float, ttl_s: float
    ) -> int | None:
        """Switch output `number` (from 1).  With `seconds` above 0 the reader switches it back
        itself.  A reader that says it has this output is asked for its state afterwards."""
        has = self._session.capabilities.get(Capability.OUTPUTS, (0, 0))[1]
        then = bytes((Cmd.OSTAT,)) if number <= has else b""
        payload = messages.output(number - 1, on=on, seconds=seconds)
        return self._session.submit(payload, now, ttl_s, then=then)

    def ping(self, now: float, ttl_s: float) -> int | None:
        """Ask for the state of tamper and power, to measure the time of an answer."""
        return self._session.submit(bytes((Cmd.LSTAT,)), now, ttl_s)

    def set_line(self, address: int, baudrate: int, now: float, ttl_s: float) -> int | None:
        """Give the reader another address and speed (COMSET), for after its answer."""
        return self._session.submit(messages.comset(address, baudrate), now, ttl_s)

    def install(self, now: float, seconds: float, new_key: bytes) -> None:
        """Give the reader `new_key`; accepts the default key for `seconds`."""
        self._session.install(now, seconds, new_key)

    def end_install(self, now: float) -> None:
        """Close the install window before its time."""
        self._session.end_install(now)

    def about(self) -> Mapping[str, Any]:
        """For `garita reader show`."""
        session = self._session
        return {
            "step": session.step.value,
            "answers": not session.suspect,
            "identity": asdict(session.identity) if session.identity else None,
            "capabilities": {
                item.name.lower(): list(session.capabilities[item])
                for item in Capability
                if item in session.capabilities
            },
        }
