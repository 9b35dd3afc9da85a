"""Readers, locks and inputs as the gateway sees them.

Here a sans-I/O driver meets a serial port.  A device that comes online or goes offline reports
that through `on_device(kind, name, online, detail)`; everything else that it reports goes to those
who listen to it.  Nothing here knows people or policy.
"""

from gateway.devices.bus import BusReader, ReaderBus
from gateway.devices.debounce import Debounce
from gateway.devices.inputs import InputDevice, LocalInputs, SerialInputs, make_inputs
from gateway.devices.listeners import Listeners, input_number
from gateway.devices.locks import LockBoard, OutputLock, SirenRelay, Wired, rest_board
from gateway.devices.readers import ReaderPort

__all__ = [
    "BusReader",
    "Debounce",
    "InputDevice",
    "Listeners",
    "LocalInputs",
    "LockBoard",
    "OutputLock",
    "ReaderBus",
    "ReaderPort",
    "SerialInputs",
    "SirenRelay",
    "Wired",
    "input_number",
    "make_inputs",
    "rest_board",
]
