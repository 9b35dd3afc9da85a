"""OSDP's commands and replies as values (IEC 60839-11-5, clauses 6 and 7).

The functions build commands for the panel, and parse the data of replies into values.  Data that
is not as the standard says gives None; nothing raises.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum


class Cmd(IntEnum):
    POLL, ID, CAP = 0x60, 0x61, 0x62
    LSTAT, ISTAT, OSTAT, RSTAT = 0x64, 0x65, 0x66, 0x67
    OUT, LED, BUZ, TEXT = 0x68, 0x69, 0x6A, 0x6B
    COMSET, KEYSET = 0x6E, 0x75
    CHLNG, SCRYPT = 0x76, 0x77


class Reply(IntEnum):
    ACK, NAK = 0x40, 0x41
    PDID, PDCAP = 0x45, 0x46
    LSTATR, ISTATR, OSTATR, RSTATR = 0x48, 0x49, 0x4A, 0x4B
    RAW, FMT, KEYPAD, COM = 0x50, 0x51, 0x53, 0x54
    CCRYPT, RMAC_I, BUSY = 0x76, 0x78, 0x79


class Nak(IntEnum):
    """Why a reader refused a command (NAK)."""

    CHECK = 1  # bad CRC or checksum: send it again
    LENGTH = 2
    UNKNOWN_COMMAND = 3
    SEQUENCE = 4  # the session has lost step
    SECURITY_BLOCK = 5  # this security block is not supported
    SECURITY = 6  # the secure channel is required, or not there
    BIO_TYPE = 7
    BIO_FORMAT = 8
    UNABLE = 9


class Capability(IntEnum):
    CONTACTS = 1
    OUTPUTS = 2
    CARD_FORMAT = 3
    LED = 4
    BUZZER = 5
    TEXT = 6
    CHECK = 8
    SECURITY = 9
    BUFFER = 10


class Colour(IntEnum):
    BLACK, RED, GREEN, AMBER, BLUE, MAGENTA, CYAN, WHITE = range(8)


@dataclass(frozen=True, slots=True)
class Identity:
    """PDID: who made the reader (IEEE OUI as hex), which it is, what it runs."""

    vendor: str
    model: int
    version: int
    serial: str
    firmware: str


def led(on: Colour, off: Colour = Colour.BLACK, *, on_ds: int = 0, off_ds: int = 0) -> bytes:
    """LED 0 of reader 0 for good: steady `on`, or flashing; times in tenths of a second.  A
    temporary pattern that runs is cancelled."""
    steady = on_ds == 0
    permanent = bytes((1, 1 if steady else on_ds, 0 if steady else off_ds, on, off))
    return bytes((Cmd.LED, 0, 0, 1)) + bytes(6) + permanent


def led_for(on: Colour, off: Colour, *, on_ds: int, off_ds: int, total_ds: int) -> bytes:
    """LED 0 of reader 0 for `total_ds` tenths of a second, then as it was before."""
    temporary = bytes((2, on_ds, off_ds, on, off)) + struct.pack("<H", total_ds)
    return bytes((Cmd.LED, 0, 0)) + temporary + bytes(5)


def buzzer(on_ds: int, off_ds: int = 0, times: int = 1) -> bytes:
    """The default tone; times in tenths of a second.  `on_ds` 0 is silence."""
    tone = 2 if on_ds else 1
    return bytes((Cmd.BUZ, 0, tone, on_ds, off_ds, times))


def text(words: str, *, seconds: int = 0) -> bytes:
    """Words on the display of reader 0, for good or for `seconds`; printable ASCII alone."""
    ascii_words = words.encode("ascii", "replace")[:32]
    control = 4 if seconds else 2  # without wrap it would be 1 and 3
    return bytes((Cmd.TEXT, 0, control, seconds, 1, 1, len(ascii_words))) + ascii_words


def output(number: int, *, on: bool, seconds: float = 0.0) -> bytes:
    """Output `number` (from 0).  `seconds` > 0: by itself back to rest after that time."""
    if on and seconds > 0:
        return struct.pack("<BBBH", Cmd.OUT, number, 5, min(0xFFFF, max(1, round(seconds * 10))))
    return struct.pack("<BBBH", Cmd.OUT, number, 2 if on else 1, 0)


def comset(address: int, baudrate: int) -> bytes:
    """Give the reader another address and speed (baud), for after its answer."""
    return struct.pack("<BBI", Cmd.COMSET, address, baudrate)


def keyset(scbk: bytes) -> bytes:
    """A new secure channel base key."""
    return bytes((Cmd.KEYSET, 1, len(scbk))) + scbk


def identity(data: bytes) -> Identity | None:
    if len(data) != 12:
        return None
    serial, firmware = int.from_bytes(data[5:9], "little"), ".".join(map(str, data[9:12]))
    return Identity(data[:3].hex(), data[3], data[4], f"{serial:08x}", firmware)


def capabilities(data: bytes) -> dict[int, tuple[int, int]] | None:
    """Function code -> (level, how many)."""
    if len(data) % 3:
        return None
    return {data[i]: (data[i + 1], data[i + 2]) for i in range(0, len(data), 3)}


def raw_card(data: bytes) -> str | None:
    """The bits of a card, as text of 0 and 1, first bit first."""
    if len(data) < 4:
        return None
    count = data[2] | data[3] << 8
    packed = data[4:]
    if not count or len(packed) != (count + 7) // 8:
        return None
    return "".join(f"{byte:08b}" for byte in packed)[:count]


def formatted_card(data: bytes) -> str | None:
    """The characters that the reader made of a card itself."""
    if len(data) < 3 or len(data) != 3 + data[2]:
        return None
    digits = data[3:]
    if data[1]:  # read backwards
        digits = digits[::-1]
    return digits.decode("ascii") if digits.isalnum() and digits.isascii() else None


def keys(data: bytes) -> str | None:
    """Keys as pressed: digits, ``*`` (also sent as DEL) and ``#`` (also sent as CR)."""
    if len(data) < 2 or len(data) != 2 + data[1]:
        return None
    table = {0x0D: "#", 0x7F: "*", 0x23: "#", 0x2A: "*"}
    # Some readers send the number of the key itself rather than its character.
    return "".join(
        table.get(b) or (chr(b) if 0x30 <= b <= 0x39 else str(b) if b <= 9 else "?")
        for b in data[2:]
    )


def com(data: bytes) -> tuple[int, int] | None:
    """The address and speed (baud) that the reader will use."""
    if len(data) != 5:
        return None
    return data[0], int.from_bytes(data[1:], "little")
