"""The wires of a gate as the gate sees them: readers that report, locks it can drive, inputs.

This is where a sans-I/O driver meets a serial port.  Whatever comes or goes is told through
`on_device(kind, name, online, detail)`.  Nothing here knows people, policy or the ledger.
"""

from gateway.devices.bus import BusReader, ReaderBus
from gateway.devices.debounce import Debounce
from gateway.devices.inputs import GpioLines, InputBoard, make_inputs
from gateway.devices.locks import LockBoard, OutputLock, rest_board
from gateway.devices.readers import ReaderPort

__all__ = [
    "BusReader",
    "Debounce",
    "GpioLines",
    "InputBoard",
    "LockBoard",
    "OutputLock",
    "ReaderBus",
    "ReaderPort",
    "make_inputs",
    "rest_board",
]
