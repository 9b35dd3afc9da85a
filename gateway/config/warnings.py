"""What `garita check` warns of: the file is valid, and may still not be what the site wants.

Pure: settled tables in, sentences in the language in use out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config import sync
from gateway.config.checks import OUR_EMBEDDER
from gateway.config.tables import Tables
from gateway.decide.policy import Action, Passback, Subsystem
from gateway.locale import _
from gateway.locale.text import flaw


def warnings(tables: Tables) -> Iterator[str]:
    """Sentences about settings that are legal and unwise."""
    for place, text in _texts(tables.model_dump(), ""):
        if why := flaw(text):
            yield f"{place}: {why}"
    for name, camera in tables.cameras.items():
        source = str(camera.options.get("source", ""))
        if source and not source.isdigit() and "://" not in source and "/dev/" not in source:
            yield _(
                "cameras.{name}: a file is no camera: for tests and demonstrations only"
            ).format(name=name)
    for name, reader in tables.readers.items():
        if reader.bus is not None and reader.options.get("secure") is False:
            yield _(
                "readers.{name}: without secure channel anybody on the wire can send cards"
            ).format(name=name)
    for name, lock in tables.locks.items():
        if lock.reader is not None:
            yield (
                _(
                    "locks.{name}: the relay of a reader outside can be reached by whoever takes "
                    "the reader off the wall; use a board on the safe side"
                ).format(name=name)
            )
    for name, level in tables.access_levels.items():
        for door_name in level.doors:
            opened = tables.doors[door_name]
            if level.factors.face and opened.camera is None:
                yield _(
                    "access_levels.{name}: door {door_name} has no camera: its holders stay out"
                ).format(name=name, door_name=door_name)
            if level.factors.pin and tables.readers[opened.reader].bus is None:
                yield _(
                    "access_levels.{name}: door {door_name} has no keypad: its holders stay out"
                ).format(name=name, door_name=door_name)
    if tables.face.keep_pictures == "all":
        yield _("face.keep_pictures: a picture of everybody who passes is kept; is that needed?")
    if tables.face.embedder != OUR_EMBEDDER:
        yield _(
            "face.embedder: the error rates in docs/face.md are of dlib's model, not of this one"
        )
    elif tables.face.threshold > 0.45:
        yield _("face.threshold: above 0.45 strangers begin to pass (docs/face.md)")
    if tables.mqtt is None:
        yield _("mqtt: not configured; events stay in the ledger only")
    elif not tables.mqtt.tls and any(
        address.host not in ("localhost", "127.0.0.1", "::1") for address in tables.mqtt.addresses
    ):
        yield _("mqtt: events travel in clear; set tls = true")
    yield from _policy_warnings(tables)
    yield from _remote_warnings(tables)
    yield from sync.warnings(tables.sync)
    for name in tables.freight.supervisors:
        yield _(
            "freight.supervisors: anybody can type a name; write an [operators.*] for {name}, as "
            "config/garita.toml shows"
        ).format(name=name)
    granted = {door for level in tables.access_levels.values() for door in level.doors}
    areas = {area for level in tables.access_levels.values() for area in level.areas}
    granted |= {n for n, d in tables.doors.items() if (d.area or d.from_area) in areas}
    for door in tables.doors.keys() - granted:
        yield _("doors.{door}: no access level grants it, so nobody can pass").format(door=door)


def _remote_warnings(tables: Tables) -> Iterator[str]:
    """Doors that open from afar to no key, and keys that open no door."""
    openers = [key for key in tables.command_keys.values() if "door_open" in key.commands]
    for name, door in tables.doors.items():
        keys = [key for key in openers if not key.doors or name in key.doors]
        if door.remote_open and not keys:
            yield _("doors.{name}: remote_open is set, and no command key may open it").format(
                name=name
            )
    if openers and not any(door.remote_open for door in tables.doors.values()):
        yield _("command_keys: a key may open doors, and no door has remote_open = true")


def _policy_warnings(tables: Tables) -> Iterator[str]:
    for name, area in tables.areas.items():
        into = [door for door in tables.doors.values() if door.area == name]
        out = any(d.reader_out for d in into) or any(
            d.from_area == name for d in tables.doors.values()
        )
        if not into:
            yield _("areas.{name}: no door leads into it").format(name=name)
        elif not out and area.passback in (Passback.SOFT, Passback.HARD):
            yield _("areas.{name}: nobody can be seen leaving it, so everybody passes once").format(
                name=name
            )
        elif not out and area.maximum:
            yield _("areas.{name}: nobody can be seen leaving it, so it fills up for good").format(
                name=name
            )
        elif not out and area.two_person:
            yield _(
                "areas.{name}: nobody can be seen leaving it, so later ones enter it alone"
            ).format(name=name)
    places = [("degraded", tables.degraded)]
    places += [(f"areas.{name}.degraded", area.degraded) for name, area in tables.areas.items()]
    for name, actions in places:
        if actions.get(Subsystem.CLOCK) in (Action.BADGE, Action.BADGE_PIN):
            yield _("{name}.clock: a clock set back lets in whoever has expired since").format(
                name=name
            )
        if actions.get(Subsystem.CAMERA) is Action.BADGE:
            yield _("{name}.camera: a hand on the lens does away with the face").format(name=name)
    if tables.threat_levels and not any(level.open_to for level in tables.threat_levels.values()):
        yield _("threat_levels: none is open to anybody where it closes (open_to)")


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text of the settings with its place: two names that look the same must be the same."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield place, str(key)
            yield from _texts(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, place)
