"""What in the status needs a person, and what to do about it: the worst first.

For `garita status` and whoever else shows a gate to people.  A sentence says what is wrong, another
what to do; both are in the language in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gateway.locale import N_, _
from gateway.wording import health, loghealth, nextstep, words
from gateway.wording.details import detail

SHOWN = 4  # devices that one sentence names
_DOORS = ("forced", "tampered", "held", "out_of_service")

_DEVICES: Mapping[str, str] = {
    "reader": N_("Look at its cable and power. garita reader list shows its line."),
    "bus": N_("Look at the cable and the adapter of the line. garita reader list shows it."),
    "lock": N_("Look at its cable and power. Its doors stay shut until it is back."),
    "inputs": N_("Look at its cable and power. Its doors report no contact until it is back."),
    "camera": N_("Look at the camera: cable, lens, light. garita camera list says more."),
    "face": N_("Doors that ask for a face refuse. journalctl -u garita says why."),
    "peer": N_("Ask the other gate, and look at the line to it."),
}
_LOOK = N_("journalctl -u garita says more.")


class Need(NamedTuple):
    """`text` is what is wrong, `todo` what to do ("" if the text says it); `grave` if nobody passes
    or somebody passed by force."""

    text: str
    todo: str = ""
    grave: bool = False


def needs(answer: Mapping[str, Any], zone: ZoneInfo) -> list[Need]:
    """What of the status that the gateway answered needs a person; empty if nothing does."""
    found = [
        *_nobody_passes(answer),
        *_doors(answer),
        *_devices(answer),
        *_damage(answer),
        *_disk(answer),
        *_broker(answer),
        *(Need(said) for said, wrong in loghealth.lines(answer, zone) if wrong),
    ]
    return sorted(found, key=lambda need: not need.grave)


def _nobody_passes(answer: Mapping[str, Any]) -> Iterator[Need]:
    if not answer["ledger"]["ok"]:
        yield Need(
            _("the log can't be written, so nobody passes"),
            _("Look at the disk: df -h, then garita selftest. Make space if it is full."),
            True,
        )
    people = answer["people"] or {"error": _("there is no personnel list, so nobody passes")}
    if error := people.get("error"):
        yield Need(str(error), _("Bring a list: garita people sync FILE."), True)
    said, wrong = health.clock(answer)
    if wrong:
        yield Need(_("clock: {said}").format(said=said), "", True)


def _doors(answer: Mapping[str, Any]) -> Iterator[Need]:
    for state in _DOORS:
        names = [name for name, door in answer["doors"].items() if door["state"] == state]
        if names:
            text = _("{door}: {state}").format(door=_names(names), state=words.word(state))
            yield Need(
                f"{words.word('door')} {text}", nextstep.at_state(state), state in _DOORS[:2]
            )


def _devices(answer: Mapping[str, Any]) -> Iterator[Need]:
    away = [d for d in answer["devices"] if d["state"] != "online" and d["kind"] != "broker"]
    away.sort(key=lambda device: (device["kind"], device["state"]))
    for (kind, state), same in groupby(away, key=lambda d: (d["kind"], d["state"])):
        devices = list(same)
        said = _("{door}: {state}").format(
            door=_names([device["name"] for device in devices]), state=words.word(state)
        )
        why = {detail(device["detail"]) for device in devices} - {""}
        if len(why) == 1:
            said = f"{said}, {why.pop()}"
        yield Need(f"{words.word(kind)} {said}", _(_DEVICES.get(kind, _LOOK)))


def _damage(answer: Mapping[str, Any]) -> Iterator[Need]:
    for said in health.damage(answer.get("damage", ())):
        yield Need(said, _("docs/damage.md says what to do."))


def _disk(answer: Mapping[str, Any]) -> Iterator[Need]:
    disk = answer.get("disk")
    if not disk or (disk["free_mb"] or 0) >= disk["least_mb"]:
        return
    said = _("the disk can't be looked at")
    if disk["free_mb"] is not None:
        said = _("the disk has {free_mb} MB free, and should have {least_mb}").format(**disk)
    yield Need(said, _("Make space: a full disk shuts every door."))


def _broker(answer: Mapping[str, Any]) -> Iterator[Need]:
    mqtt = answer.get("mqtt")
    if not mqtt:
        return
    said, wrong = health.broker(mqtt)
    if wrong:
        yield Need(
            f"{words.word('broker')}: {said}",
            _("Doors go on, and the records wait. garita check --online says why."),
        )
    for said, wrong in health.broker_notes(mqtt):
        if wrong:
            yield Need(f"{words.word('broker')}: {said}", _("docs/mqtt.md says what to do."))


def _names(names: list[str]) -> str:
    if len(names) <= SHOWN + 1:
        return ", ".join(names)
    more = _("{names} and {n} more")
    return more.format(names=", ".join(names[:SHOWN]), n=len(names) - SHOWN)
