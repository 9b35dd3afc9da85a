"""What a reader shows for each signal: LED, buzzer and, where it has one, its display.

| signal  | LED                                | buzzer          |
|---------|------------------------------------|-----------------|
| idle    | red                                | -               |
| wait    | amber                              | -               |
| PIN     | amber, blinking slowly             | one short beep  |
| look    | blue and amber, blinking fast      | two short beeps |
| left    | blue, blinking slowly              | one long beep   |
| right   | amber, blinking slowly             | two long beeps  |
| straight| blue                               | -               |
| granted | green for 3 s                      | one long beep   |
| denied  | red, blinking fast for 2 s         | three short     |
| alarm   | red and black, blinking fast       | long, repeated  |

Each also has a rhythm and a sound of its own, for people who do not see the colours.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.base import Signal
from drivers.readers.osdp import messages
from drivers.readers.osdp.messages import Capability, Colour

_PIN_DS, _LOOK_DS = 150, 50


def payloads(signal: Signal, have: Mapping[int, tuple[int, int]], words: str) -> list[bytes]:
    """The commands that show `signal` on a reader with the capabilities `have`."""
    led, buzzer = _PATTERNS[signal]
    commands = [led]
    if buzzer and have.get(Capability.BUZZER, (0, 0))[0]:
        commands.append(buzzer)
    if have.get(Capability.TEXT, (0, 0))[0]:
        seconds = 3 if signal in (Signal.GRANTED, Signal.DENIED) else 0
        commands.append(messages.text(words, seconds=seconds))
    return commands


def _flash(on: Colour, off: Colour, on_ds: int, off_ds: int, total_ds: int) -> bytes:
    return messages.led_for(on, off, on_ds=on_ds, off_ds=off_ds, total_ds=total_ds)


_PATTERNS: Mapping[Signal, tuple[bytes, bytes]] = {
    Signal.IDLE: (messages.led(Colour.RED), messages.buzzer(0)),
    Signal.WAIT: (_flash(Colour.AMBER, Colour.AMBER, 10, 1, 30), b""),
    Signal.PIN: (_flash(Colour.AMBER, Colour.BLACK, 5, 5, _PIN_DS), messages.buzzer(1)),
    Signal.LOOK: (_flash(Colour.BLUE, Colour.AMBER, 2, 2, _LOOK_DS), messages.buzzer(1, 1, 2)),
    Signal.LEFT: (_flash(Colour.BLUE, Colour.BLACK, 5, 5, _LOOK_DS), messages.buzzer(4)),
    Signal.RIGHT: (_flash(Colour.AMBER, Colour.BLACK, 5, 5, _LOOK_DS), messages.buzzer(4, 3, 2)),
    Signal.STRAIGHT: (_flash(Colour.BLUE, Colour.BLUE, 10, 1, _LOOK_DS), b""),
    Signal.GRANTED: (_flash(Colour.GREEN, Colour.GREEN, 10, 1, 30), messages.buzzer(5)),
    Signal.DENIED: (_flash(Colour.RED, Colour.BLACK, 1, 1, 20), messages.buzzer(1, 1, 3)),
    Signal.ALARM: (
        messages.led(Colour.RED, Colour.BLACK, on_ds=1, off_ds=1),
        messages.buzzer(10, 5, 0),
    ),
}
