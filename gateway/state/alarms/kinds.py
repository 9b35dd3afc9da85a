"""The kinds of alarm: which records raise one and which say that its cause is over, how urgent it
is, and what a guard is to do.

This is the site's master alarm list in the sense of ANSI/ISA-18.2-2016 (clause 9, rationalization):
an alarm is what a person has to answer within a time, and each kind has its consequence, the time
to answer and the answer.  The priority follows from the first two (`of_priority`); a site may set
another one in `[alarms.kinds.KIND]`.  Other records (a badge refused, a list that waits) are no
alarms.

Pure: `signal_of(event)` reads one record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.config.alarms import AlarmKind, Priority
from gateway.ledger.event import Event, EventType
from gateway.locale import N_

Consequence = Literal["minor", "major", "severe"]
Answer = Literal["seen", "resolved"]
URGENT_S = 180
SOON_S = 1800


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alarm.

    `answer` is what ends it: ``seen`` where nobody has to act once the cause is over (a reader that
    came back), else ``resolved``, which asks what became of it.  `respond_s` is the time within
    which somebody has to answer before the consequence comes about.  `delayed`: a cause that is
    over within `[alarms] delay_s` was no alarm.  `told_at_start`: the gateway tells after each
    start whether the cause still stands.  `restricted`: only the roles of `[alarms] see_duress` see
    it, and nothing sounds.  `shelvable`: a supervisor may shelve a source of it.
    """

    name: AlarmKind
    title: str
    consequence: Consequence
    respond_s: int
    effect: str
    steps: tuple[str, ...]
    answer: Answer = "resolved"
    delayed: bool = False
    told_at_start: bool = False
    restricted: bool = False
    shelvable: bool = True

    @property
    def priority(self) -> Priority:
        """How urgent it is unless the site says otherwise."""
        return of_priority(self.consequence, self.respond_s)


def of_priority(consequence: Consequence, respond_s: int) -> Priority:
    """The priority by severity of the consequence and the time to answer (ISA-18.2)."""
    rank = {"minor": 0, "major": 1, "severe": 2}[consequence]
    haste = 2 if respond_s <= URGENT_S else 1 if respond_s <= SOON_S else 0
    ranks: tuple[Priority, ...] = ("low", "low", "medium", "high", "high")
    return ranks[rank + haste]


_DOOR_STEPS = (
    N_("Look at the door on the camera, or go there with a second person"),
    N_("Close the door and pull it: it must lock"),
    N_("Look for whoever went in, and ask for their badge"),
)
_DEVICE_STEPS = (
    N_("Look whether it has power and whether its cable is in"),
    N_("Let people in as your instructions say while it is away"),
    N_("Call maintenance, and write down whom you told"),
)

_ALL = (
    Kind(
        "duress",
        N_("duress"),
        "severe",
        60,
        N_("somebody is being forced to open"),
        (
            N_("Show nothing: nobody at the door may notice"),
            N_("Call the police and your supervisor"),
            N_("Do not send a guard to the door alone"),
        ),
        restricted=True,
        shelvable=False,
    ),
    Kind(
        "forced",
        N_("door forced"),
        "severe",
        120,
        N_("somebody is inside whom nobody let in"),
        _DOOR_STEPS,
    ),
    Kind(
        "fire",
        N_("fire alarm"),
        "severe",
        60,
        N_("people are in danger, and doors may be unlocked"),
        (
            N_("Follow the evacuation plan"),
            N_("Print the muster list and take it to the meeting point"),
            N_("Watch the doors that are unlocked"),
        ),
        told_at_start=True,
        shelvable=False,
    ),
    Kind(
        "tamper",
        N_("device opened"),
        "severe",
        600,
        N_("somebody may read badges or open the door from its wires"),
        (
            N_("Go and look at the device"),
            N_("Is maintenance at work there? Ask for their order"),
            N_("Close the cover; tell your supervisor if nobody knows of it"),
        ),
        told_at_start=True,
    ),
    Kind(
        "lent_badge",
        N_("lent badge"),
        "major",
        180,
        N_("somebody tries to come in with the badge of another person"),
        (
            N_("Stop the person at the door and ask for their own badge"),
            N_("Take the badge that is not theirs"),
            N_("Tell your supervisor: whose badge, whose face"),
        ),
        shelvable=False,
    ),
    Kind(
        "interlock",
        N_("both doors open"),
        "major",
        180,
        N_("the way in stands open from end to end"),
        (N_("Close one of the two doors"), N_("Look for whoever went through")),
    ),
    Kind(
        "held",
        N_("door held open"),
        "major",
        600,
        N_("anybody can walk in"),
        (
            N_("Look who holds the door open, and why"),
            N_("Close the door and pull it: it must lock"),
        ),
    ),
    Kind(
        "alone",
        N_("alone in an area"),
        "major",
        600,
        N_("one person is alone where nobody may be"),
        (N_("Call the person out, or send a second one"),),
    ),
    Kind(
        "log",
        N_("log at fault"),
        "severe",
        1200,
        N_("records are missing or can't be written, and badges may be refused"),
        (
            N_("Write down by hand who comes and goes"),
            N_("Call the administrator now"),
        ),
        shelvable=False,
    ),
    Kind(
        "clock",
        N_("clock is wrong"),
        "major",
        900,
        N_("badges are refused, or times in the log are wrong"),
        (
            N_("Compare the clock on the screen with another one"),
            N_("Call the administrator"),
        ),
        "seen",
        told_at_start=True,
    ),
    Kind(
        "lock",
        N_("lock at fault"),
        "major",
        900,
        N_("a door does not open, or does not lock"),
        (
            N_("Pull the door: is it locked?"),
            N_("If it is not, put somebody there"),
            N_("Call maintenance, and write down whom you told"),
        ),
        "seen",
        delayed=True,
        told_at_start=True,
    ),
    Kind(
        "reader",
        N_("reader does not work"),
        "minor",
        900,
        N_("nobody can enter there by badge"),
        _DEVICE_STEPS,
        "seen",
        delayed=True,
        told_at_start=True,
    ),
    Kind(
        "camera",
        N_("camera does not work"),
        "minor",
        900,
        N_("faces are not compared, and nobody sees the place"),
        _DEVICE_STEPS,
        "seen",
        delayed=True,
        told_at_start=True,
    ),
    Kind(
        "face",
        N_("face match does not work"),
        "minor",
        900,
        N_("doors that ask for a face refuse people"),
        (N_("Let people in as your instructions say while it is away"),),
        "seen",
        delayed=True,
        told_at_start=True,
    ),
    Kind(
        "inputs",
        N_("inputs do not work"),
        "major",
        1800,
        N_("nobody knows whether doors are open"),
        _DEVICE_STEPS,
        "seen",
        delayed=True,
        told_at_start=True,
    ),
    Kind(
        "broker",
        N_("no link to headquarters"),
        "minor",
        3600,
        N_("headquarters does not see this gate; the doors work as always"),
        (N_("Nothing at the gate; tell the administrator if it lasts for an hour"),),
        "seen",
        delayed=True,
        told_at_start=True,
    ),
    Kind(
        "list",
        N_("list is late at other gates"),
        "minor",
        3600,
        N_("another gate still lets in whom this one refuses"),
        (N_("Call the gates that it names"),),
        "seen",
    ),
    Kind(
        "program",
        N_("part of the gateway failed"),
        "minor",
        3600,
        N_("something does not work until it has begun anew"),
        (N_("Tell the administrator if it comes again"),),
        "seen",
    ),
)
OUTCOMES: Mapping[str, str] = {
    "fixed": N_("dealt with"),
    "false_alarm": N_("false alarm"),
    "passed_on": N_("passed on"),
    "work": N_("a test, or work on it"),
}
"""What became of an alarm, as whoever closes it says."""
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
PRIORITIES: tuple[Priority, ...] = ("high", "medium", "low")

_RAISES: Mapping[str, str] = {
    EventType.ALARM_DURESS: "duress",
    EventType.DOOR_FORCED: "forced",
    EventType.DOOR_FIRE: "fire",
    EventType.DOOR_TAMPER: "tamper",
    EventType.ALARM_LENT_BADGE: "lent_badge",
    EventType.INTERLOCK_BREACHED: "interlock",
    EventType.DOOR_HELD: "held",
    EventType.AREA_ALONE: "alone",
    EventType.ALARM_LOG_LOST: "log",
    EventType.LEDGER_RECOVERED: "log",
    EventType.LEDGER_LATE: "log",
    EventType.STATE_DAMAGED: "log",
    EventType.DOOR_LOCK_FAULT: "lock",
    EventType.DOOR_INPUT_CHATTER: "inputs",
    EventType.UPLINK_NAME_TAKEN: "broker",
    EventType.ALARM_LIST_LATE: "list",
    EventType.GATEWAY_TASK_FAILED: "program",
}
_ENDS: Mapping[str, str] = {
    EventType.DOOR_FORCED_CLEARED: "forced",
    EventType.DOOR_FIRE_CLEARED: "fire",
    EventType.DOOR_TAMPER_CLEARED: "tamper",
    EventType.DOOR_HELD_CLEARED: "held",
    EventType.UPLINK_NAME_FREE: "broker",
}
_STANDS = frozenset(
    {
        EventType.DOOR_FORCED,
        EventType.DOOR_FIRE,
        EventType.DOOR_TAMPER,
        EventType.DOOR_HELD,
        EventType.UPLINK_NAME_TAKEN,
    }
)
_DEVICES = frozenset({EventType.DEVICE_OFFLINE, EventType.DEVICE_UNSTABLE, EventType.DEVICE_ONLINE})
_DEVICE_KINDS: Mapping[str, str] = {
    "reader": "reader",
    "bus": "reader",
    "lock": "lock",
    "camera": "camera",
    "face": "face",
    "inputs": "inputs",
    "broker": "broker",
}
SIGNALS = frozenset(
    {*_RAISES, *_ENDS, *_DEVICES, EventType.CLOCK_STEPPED, EventType.CLOCK_ACCEPTED}
)
"""Every type of record that `signal_of` knows."""


def raised_by(kind: str) -> str:
    """The type of record that raises alarms of a kind, for a search in the log; the one type if
    there are several."""
    own = next((name for name, raised in _RAISES.items() if raised == kind), "")
    if kind in _DEVICE_KINDS.values():
        return EventType.DEVICE_OFFLINE
    return own or EventType.CLOCK_STEPPED


@dataclass(frozen=True, slots=True)
class Signal:
    """What a record says of an alarm: its cause began and stands (True), is over (False), or was a
    moment (None).  `key` names the cause: the same cause has one alarm at a time."""

    kind: str
    subject: str
    key: str
    stands: bool | None


def signal_of(event: Event) -> Signal | None:
    """What a record says of an alarm; None for a record that is about none."""
    kind = event.type
    if kind in _DEVICES:
        return _of_device(event)
    if kind in (EventType.CLOCK_STEPPED, EventType.CLOCK_ACCEPTED):
        doubted = kind == EventType.CLOCK_STEPPED and (
            event.data.get("trusted") is False or bool(event.data.get("ahead_s"))
        )
        return Signal("clock", event.subject, "clock", doubted)
    name = _RAISES.get(kind) or _ENDS.get(kind)
    if name is None:
        return None
    about = [kind.removesuffix("_cleared").removesuffix("_free").removesuffix("_taken")]
    about += [event.subject, *_apart(event)]
    stands = kind in _STANDS if kind in _STANDS or kind in _ENDS else None
    return Signal(name, event.subject, ":".join(about), stands)


def _of_device(event: Event) -> Signal | None:
    device = str(event.data.get("kind", ""))
    name = _DEVICE_KINDS.get(device)
    if name is None:
        return None
    stands = event.type != EventType.DEVICE_ONLINE
    return Signal(name, event.subject, f"{device}:{event.subject}", stands)


def _apart(event: Event) -> list[str]:
    """What tells apart causes of one kind at one place."""
    if event.type in (EventType.DOOR_TAMPER, EventType.DOOR_TAMPER_CLEARED):
        return [str(event.data.get("device", ""))]
    if event.type in (EventType.ALARM_DURESS, EventType.ALARM_LENT_BADGE):
        person = event.data.get("person", "")
        return [str(person.get("id", "") if isinstance(person, dict) else person)]
    if event.type == EventType.STATE_DAMAGED:
        return [str(event.data.get("detail", ""))]
    return []
