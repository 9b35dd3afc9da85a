"""A virtual RDM6300: sends the real frames of a card that is held to it."""

from __future__ import annotations

from drivers.readers import rdm6300
from drivers.simulated.port import VirtualPort


class VirtualRdm6300(VirtualPort):
    """`present(facility, number)` is one frame of an EM4100 card."""

    def present(self, facility: int, number: int) -> None:
        self.send(rdm6300.encode(bytes([facility]) + number.to_bytes(4, "big")))

    def garbage(self) -> None:
        """What a motor beside the cable does to a frame: one bit is wrong."""
        frame = bytearray(rdm6300.encode(bytes(5)))
        frame[3] ^= 0x01
        self.send(bytes(frame))
