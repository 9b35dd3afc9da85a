"""OSDP v2 (IEC 60839-11-5): readers on RS-485 with a secure channel.

frame.py     bytes <-> frames          secure.py    keys, MAC chain, encryption
messages.py  commands and replies      cards.py     what a card's bits mean
session.py   one reader                feedback.py  what it shows
bus.py       whose turn it is
"""

from drivers.readers.osdp.bus import OsdpBus, OsdpPanel
from drivers.readers.osdp.session import ReaderSession

__all__ = ["OsdpBus", "OsdpPanel", "ReaderSession"]
