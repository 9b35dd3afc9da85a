"""The brokers of the configuration, in their order, and what this run has learnt of each.

A gateway is connected to one of them.  When that connection fails, it goes on to the next, and
stays there until that one fails.  The brokers know nothing of each other (docs/scale.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.config import MqttSettings
from gateway.uplink.connection import MAXIMUM_PACKET, Broker
from gateway.uplink.oversize import Sizes


@dataclass(slots=True)
class Place:
    """One broker of the list.  What a broker lets us do, it alone says, so nothing here holds for
    another."""

    broker: Broker
    sizes: Sizes = field(default_factory=Sizes)
    may_look: bool = True
    """It lets us ask who is connected under our name."""
    skip_look: bool = False
    """The next connection is made without that question."""
    looks_cut: int = 0
    """Questions in a row at which it ended the connection."""
    cut_off: int = 0
    """Connections in a row that it closed soon, without a reason."""
    head_judged: bool = False
    """The log was held against the checkpoint that lies here."""

    @property
    def name(self) -> str:
        """``host:port``, for people."""
        return str(self.broker.address)


class Places:
    """`here` is the broker whose turn it is."""

    def __init__(
        self, settings: MqttSettings, client_id: str, maximum_packet: int = MAXIMUM_PACKET
    ) -> None:
        self._all = [
            Place(Broker(settings, client_id, maximum_packet, address))
            for address in settings.addresses
        ]
        self._at = 0
        self._failed = 0  # places in a row that failed

    @property
    def here(self) -> Place:
        return self._all[self._at]

    @property
    def names(self) -> list[str]:
        return [place.name for place in self._all]

    def good(self) -> None:
        """We are connected to the broker that is `here`."""
        self._failed = 0

    def onward(self) -> bool:
        """The broker that is `here` failed: the next one's turn.

        Returns whether there are brokers left that did not fail since the last good connection.
        """
        self._failed += 1
        self._at = (self._at + 1) % len(self._all)
        if self._failed < len(self._all):
            return True
        self._failed = 0
        return False
