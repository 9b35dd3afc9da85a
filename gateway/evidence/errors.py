"""What may keep a packet from being made."""

from __future__ import annotations

from gateway.locale import GaritaError


class PacketError(GaritaError):
    """The packet can't be made as it was asked for; the message says why.  Nothing was left."""


class UnknownCriterion(PacketError):
    """A criterion was named that the site's set does not have."""
