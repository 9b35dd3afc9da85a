"""The last step: the real gateway runs, somebody holds the badge, and the record is shown."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import IO

from gateway.config import Settings
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, EventType
from gateway.locale import _
from gateway.setup.trial import Seen, Trial
from gateway.setup.virtual import VirtualGateThread
from gateway.wording import text as wording
from gateway.wording import words
from gateway.wording.details import detail

LOOK_S = 0.2
HELD_S = 2.0  # between two times that the simulated badge is held
_SHOWN = (EventType.ACCESS_GRANTED, EventType.DOOR_UNLOCKED)


class FirstBadge:
    """Waits at most `wait_s` seconds for the first opening; `say` gets what happens."""

    def __init__(
        self,
        settings: Settings,
        wait_s: float,
        say: Callable[[str], None],
        virtual: VirtualGateThread | None = None,
    ) -> None:
        self._settings = settings
        self._wait_s = wait_s
        self._say = say
        self._virtual = virtual
        self._after = self._newest()
        self._told: dict[str, object] = {}
        self._held = 0.0

    def run(self) -> bool:
        """Whether the badge opened the door.  A gateway that was started for this ends again."""
        with tempfile.TemporaryFile() as said:
            opened = asyncio.run(self._opened(said))
            if opened:
                for event in self._records():
                    when = words.moment(event.time, self._settings.site.zone)
                    told = wording.describe(event, zone=self._settings.site.zone)
                    self._say(f"  {event.seq}  {when}  {event.subject}  {told}")
                return True
            said.seek(0)
            for line in said.read().decode("utf-8", "replace").splitlines()[-3:]:
                self._say(f"  {line}")
            return False

    async def _opened(self, said: IO[bytes]) -> bool:
        trial = Trial(self._settings, self._after, said)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._wait_s
        try:
            await trial.start()
            while loop.time() < end:
                seen = await trial.look()
                if seen.opened:
                    return True
                if seen.why:
                    self._once(
                        "ended", seen.why, _("The gateway ended: {why}").format(why=seen.why)
                    )
                    return False
                self._tell(seen, loop.time())
                await asyncio.sleep(LOOK_S)
            return False
        finally:
            await trial.stop()

    def _tell(self, seen: Seen, now: float) -> None:
        if not seen.running:
            self._once("state", "starts", _("The gateway starts ..."))
            return
        away: Mapping[str, str] = seen.away or {}
        if away:
            named = ", ".join(f"{name} ({detail(why)})" for name, why in away.items())
            self._once("away", named, _("Not there: {names}").format(names=named))
            if not self._needless(away):
                return
        self._once("state", "ready", _("Hold the badge to the reader."))
        if seen.answer is not None and seen.answer.get("type") == EventType.ACCESS_DENIED:
            reason = str(seen.answer["reason"])
            told = _("Refused: {why}").format(why=wording.reason(reason))
            self._once("denied", reason, told)
        if self._virtual is not None and now - self._held > HELD_S:
            self._held = now
            self._virtual.hold_badge()

    def _needless(self, away: Mapping[str, str]) -> bool:
        """Whether a badge can open a door without what is away, such as the broker."""
        tables = self._settings.tables
        return not {*tables.readers, *tables.buses, *tables.locks} & set(away)

    def _once(self, key: str, value: object, text: str) -> None:
        """Say what is new."""
        if self._told.get(key) != value:
            self._told[key] = value
            self._say(text)

    def _newest(self) -> int:
        try:
            with closing(LedgerReader(self._settings.ledger_path)) as reader:
                return reader.last_seq
        except LedgerUnavailable:
            return 0

    def _records(self) -> list[Event]:
        with closing(LedgerReader(self._settings.ledger_path)) as reader:
            events = [event for event in reader.tail(100) if event.seq > self._after]
        return [event for event in events if event.type in _SHOWN]
