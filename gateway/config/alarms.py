"""The table [alarms]: how urgent each kind of alarm is, what to do about it, who is told if nobody
answers, and what sounds.

gateway/state/alarms says which kinds there are and how urgent they are if the site says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.config.mistakes import Loc
from gateway.config.operators import Role
from gateway.config.titles import Titles
from gateway.locale import _, worded

Priority = Literal["high", "medium", "low", "none"]
AlarmKind = Literal[
    "duress",
    "forced",
    "fire",
    "tamper",
    "lent_badge",
    "interlock",
    "held",
    "alone",
    "log",
    "clock",
    "lock",
    "reader",
    "camera",
    "face",
    "inputs",
    "broker",
    "list",
    "program",
]
MOST_STEPS = 12


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KindTable(_Table):
    """How urgent a kind of alarm is at this site; ``none``: it is no alarm here, and a record
    alone."""

    priority: Priority


class InstructionTable(_Table):
    """What a guard does, step by step, when an alarm of `kinds` comes from one of `subjects`
    (doors, devices; none named: from any).  With `required` every step is ticked before the alarm
    counts as resolved."""

    kinds: list[AlarmKind] = Field(min_length=1)
    """The kinds of alarm that these steps are for."""
    subjects: list[str] = []
    steps: list[Titles] = Field(min_length=1, max_length=MOST_STEPS)
    required: bool = False


class EscalationTable(_Table):
    """Whom the gateway turns to when nobody has answered an alarm for `after_s` seconds: a record
    goes out over MQTT, every screen shows `to`, and with `siren` the siren sounds."""

    after_s: Annotated[float, Field(ge=10, le=86400)]
    """After so many seconds in which nobody answered."""
    priorities: list[Literal["high", "medium", "low"]] = Field(default=["high"], min_length=1)
    """Alarms of these priorities."""
    to: Titles
    siren: bool = False
    """Sound the siren too."""


class SirenTable(_Table):
    """What sounds at the gate beside the screens: the buzzers of `readers` on a bus, and a relay
    (`channel` of the board `lock`) that drives no door.  An alarm of `priorities` starts it at
    once; an escalation with `siren` does in any case.  It sounds for at most `seconds`, and until
    somebody says that they saw the alarm."""

    readers: list[str] = []
    lock: str = ""
    channel: Annotated[int, Field(ge=1, le=255)] = 1
    """The relay of that board, counted from 1."""
    seconds: Annotated[float, Field(ge=1, le=600)] = 60.0
    """It sounds for so many seconds at most."""
    priorities: list[Literal["high", "medium", "low"]] = []

    @model_validator(mode="after")
    def _something(self) -> SirenTable:
        if not self.readers and not self.lock:
            raise ValueError(worded("a siren needs readers, or a lock board with a channel"))
        return self


class AlarmsTable(_Table):
    """Alarms.  `see_duress`: the roles that see duress alarms; nobody else learns of them.
    `delay_s`: a device that is back within so many seconds was no alarm.  `shelve_max_h`: for how
    long a supervisor may shelve a source at most."""

    kinds: dict[AlarmKind, KindTable] = {}
    instructions: dict[str, InstructionTable] = {}
    escalation: list[EscalationTable] = Field(default=[], max_length=5)
    siren: SirenTable | None = None
    see_duress: list[Role] = ["supervisor", "administrator", "auditor"]
    delay_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    shelve_max_h: Annotated[float, Field(gt=0, le=168)] = 8.0

    def instruction(self, kind: str, subject: str) -> InstructionTable | None:
        """What to do about an alarm: instructions that name its subject come before general
        ones; None if the site has none."""
        fits = [one for one in self.instructions.values() if kind in one.kinds]
        named = [one for one in fits if subject in one.subjects]
        general = [one for one in fits if not one.subjects]
        return next(iter(named + general), None)


def mistakes(
    alarms: AlarmsTable,
    *,
    bus_readers: Collection[str],
    door_readers: Mapping[str, str],
    boards: Collection[str],
    driven: Mapping[tuple[str, int], str],
) -> Iterator[tuple[Loc, str]]:
    """What does not fit the rest of the file.  `boards` are the lock boards on a port of their own,
    `driven` the doors by board and channel: a siren never shares a door's relay."""
    siren = alarms.siren
    if siren is None:
        for index, one in enumerate(alarms.escalation):
            if one.siren:
                yield ("alarms", "escalation", index, "siren"), _("there is no [alarms.siren]")
        return
    for name in siren.readers:
        if door := door_readers.get(name):
            yield (
                ("alarms", "siren", "readers"),
                _("{name} serves the door {door}: it shows what the door does").format(
                    name=name, door=door
                ),
            )
        if name not in bus_readers:
            yield (
                ("alarms", "siren", "readers"),
                _("there is no reader {name} on a bus").format(name=name),
            )
    if siren.lock and siren.lock not in boards:
        yield (
            ("alarms", "siren", "lock"),
            _("there is no relay board [locks.{name}]").format(name=siren.lock),
        )
    if door := driven.get((siren.lock, siren.channel)):
        yield (
            ("alarms", "siren", "channel"),
            _("this relay drives the door {door}: a siren would open it").format(door=door),
        )
