"""The watch over alarms inside the daemon, and the siren's buzzers and relay."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Signal
from drivers.serialport import PortClosed
from gateway.config.mistakes import ConfigError
from gateway.daemon.alarmwatch import RELAY, AlarmWatch, Siren, is_wanted
from gateway.devices import SirenRelay
from gateway.devices.locks import LockBoard
from gateway.ledger import Ledger
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.console.site import write_site

ESCALATION = """
[[alarms.escalation]]
after_s = 60
to = { en = "Boss", es = "Jefa" }
siren = true
"""
SIREN = '\n[alarms.siren]\nlock = "board"\nchannel = 3\nseconds = 30\n'


class Buzzer:
    def __init__(self) -> None:
        self.shown: list[Signal] = []

    def signal(self, signal: Signal) -> None:
        self.shown.append(signal)


class Board:
    def __init__(self) -> None:
        self.ready, self.broken = True, False
        self.driven: list[tuple[str, bool]] = []

    def drive(self, door: str, released: bool) -> None:
        if self.broken:
            raise PortClosed(19, "gone", "board")
        self.driven.append((door, released))


def test_the_siren_drives_each_part_once_and_a_board_that_comes_back_sounds() -> None:
    buzzer, board = Buzzer(), Board()
    siren = Siren([buzzer], board)
    siren.sound(False)
    assert board.driven == [] and buzzer.shown == []
    for _ in range(3):
        siren.sound(True)
    assert board.driven == [(RELAY, True)] and buzzer.shown == [Signal.ALARM]
    board.ready = False
    siren.sound(True)
    board.ready = True  # it appears at rest
    siren.sound(True)
    assert board.driven == [(RELAY, True)] * 2
    board.broken = True
    siren.sound(False)
    board.broken = False
    siren.sound(False)
    assert buzzer.shown == [Signal.ALARM, Signal.IDLE]


async def test_it_escalates_once_and_by_a_clock_in_doubt_never(tmp_path: Path) -> None:
    settings = await asyncio.to_thread(write_site, tmp_path, ESCALATION + SIREN)
    assert is_wanted(settings)
    board = Board()
    with closing(Ledger.open(settings.ledger_path, gateway="prueba")) as ledger:
        began = datetime.now(UTC)
        await ledger.append(NewEvent(EventType.DOOR_FORCED, "main", {}, time=began))
        times: list[datetime | None] = [None]
        watch = AlarmWatch(settings, ledger.append, Siren([], board), lambda: times[0])
        await watch.look()
        assert ledger.last_seq and board.driven == []
        before = ledger.last_seq
        times[0] = began + timedelta(seconds=61)
        await watch.look()
        await watch.look()
        assert ledger.last_seq == before + 1
        # The escalation is on record with the real time, so the siren sounds from then on.
        assert board.driven == []
        times[0] = datetime.now(UTC) + timedelta(seconds=1)
        await watch.look()
        assert board.driven == [(RELAY, True)]
        times[0] = datetime.now(UTC) + timedelta(seconds=40)
        await watch.look()
        assert board.driven == [(RELAY, True), (RELAY, False)]


def test_a_site_without_either_starts_nothing(tmp_path: Path) -> None:
    assert not is_wanted(write_site(tmp_path))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[alarms.siren]\nlock = "board"\nchannel = 1\n', "alarms.siren.channel"),
        ('[alarms.siren]\nlock = "shed"\n', "alarms.siren.lock"),
        ('[alarms.siren]\nreaders = ["main-in"]\n', "alarms.siren.readers"),
        ("[alarms.siren]\n", "alarms.siren"),
        (ESCALATION, "alarms.escalation.0.siren"),
        ('[alarms.kinds.toaster]\npriority = "high"\n', "alarms.kinds"),
    ],
)
def test_a_siren_that_would_open_a_door_and_other_mistakes_are_refused(
    tmp_path: Path, text: str, key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        write_site(tmp_path, "\n" + text)
    assert any(mistake.key.startswith(key) for mistake in caught.value.mistakes), str(caught.value)


def test_the_relay_of_the_siren_is_at_rest_whenever_the_board_is(tmp_path: Path) -> None:
    """What the dead man sends, and what a clean stop sends, silences the siren too."""
    settings = write_site(tmp_path)
    table = settings.tables.locks["board"].model_copy(update={"options": {"channels": 4}})
    doors: dict[str, Any] = {RELAY: SirenRelay(4)}
    board = LockBoard("board", table, doors, lambda *_: None)
    other = LockBoard("board", table, {RELAY: SirenRelay(3)}, lambda *_: None)
    assert board.rest() and board.rest() != other.rest()
