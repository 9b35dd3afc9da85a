"""The simulated reader against libosdp's control panel: somebody else's idea of the other end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from osdp import Command, CommandLEDColor, Event

from drivers.readers import wiegand
from drivers.readers.osdp.messages import Colour
from drivers.simulated.osdp import SimulatedReader
from tests.drivers.readers.osdp.peer import KEY, Libosdp, pipe

pytestmark = pytest.mark.slow

CARD = wiegand.encode("h10301", 18, 1001)


class Line:
    """A simulated reader behind a descriptor, answered by a thread."""

    def __init__(self, reader: SimulatedReader, fd: int) -> None:
        self.reader, self._fd = reader, fd
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                if answer := self.reader.feed(os.read(self._fd, 4096)):
                    os.write(self._fd, answer)
            except BlockingIOError:
                time.sleep(0.0005)

    def stop(self) -> None:
        self._end.set()
        self._thread.join(5)


@pytest.fixture
def line() -> Iterator[tuple[SimulatedReader, Libosdp]]:
    ours, theirs = pipe()
    line = Line(SimulatedReader(5, KEY), theirs)
    panel = Libosdp("panel", ours, 5, KEY.hex())
    try:
        deadline = time.monotonic() + 10
        while {"secure": True} not in panel.told:
            assert time.monotonic() < deadline
            panel.order(secure=1)
            time.sleep(0.05)
        yield line.reader, panel
    finally:
        panel.power_off()
        line.stop()
        os.close(ours)
        os.close(theirs)


def event(panel: Libosdp, kind: int) -> dict[str, Any]:
    panel.wait(lambda: any(entry.get("event") == kind for entry in panel.told))
    return next(entry for entry in panel.told if entry.get("event") == kind)


def test_libosdps_panel_gets_cards_and_keys(line: tuple[SimulatedReader, Libosdp]) -> None:
    reader, panel = line
    reader.card(CARD)
    card = event(panel, Event.CardRead)
    assert card["length"] == 26
    assert card["data"] == int(CARD.ljust(32, "0"), 2).to_bytes(4, "big").hex()
    reader.press("47#")
    assert event(panel, Event.KeyPress)["data"] == b"47\r".hex()


def test_libosdps_panel_drives_led_buzzer_output_and_key(
    line: tuple[SimulatedReader, Libosdp],
) -> None:
    reader, panel = line
    led = {
        "command": Command.LED,
        "reader": 0,
        "led_number": 0,
        "control_code": 1,
        "on_count": 1,
        "off_count": 0,
        "on_color": CommandLEDColor.Green,
        "off_color": 0,
        "timer_count": 0,
        "temporary": False,
    }
    buzz = {
        "command": Command.Buzzer,
        "reader": 0,
        "control_code": 2,
        "on_count": 1,
        "off_count": 1,
        "rep_count": 3,
    }
    out = {"command": Command.Output, "output_no": 1, "control_code": 2, "timer_count": 0}
    text = {
        "command": Command.Text,
        "reader": 0,
        "control_code": 2,
        "temp_time": 0,
        "offset_row": 1,
        "offset_col": 1,
        "data": "PASE",
    }
    for command in (led, buzz, out, text):
        panel.order(**command)
    new = bytes(range(50, 66))
    panel.order(command=Command.Keyset, type=1, data=new)
    deadline = time.monotonic() + 5
    while reader.key != new and time.monotonic() < deadline:
        time.sleep(0.02)
    assert reader.led is Colour.GREEN and reader.beeps == 3 and reader.shown == "PASE"
    assert reader.outputs == [False, True] and reader.key == new
