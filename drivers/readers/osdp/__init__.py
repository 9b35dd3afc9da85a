"""OSDP v2 (IEC 60839-11-5): readers on RS-485 with a secure channel.

frame.py     bytes <-> frames          secure.py   keys, MAC chain, encryption
messages.py  commands and replies      cards.py    what a card's bits mean
session.py   one reader                bus.py      whose turn it is
"""

from drivers.readers.osdp.bus import BusOptions, OsdpBus, ReaderOptions, make_session
from drivers.readers.osdp.session import ReaderSession

__all__ = ["BusOptions", "OsdpBus", "ReaderOptions", "ReaderSession", "make_session"]
