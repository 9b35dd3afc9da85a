"""What no single key shows: names that lead nowhere, devices used twice, unwise choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from drivers import registry
from gateway.config.mistakes import Loc, reason
from gateway.config.tables import ALWAYS, Tables


def mistakes_across(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Mistakes that no single key shows: names that lead nowhere, devices used twice."""
    yield from _driver_mistakes(tables)
    ports: dict[str, str] = {}
    for kind, devices in (("readers", tables.readers), ("locks", tables.locks)):
        for name, device in devices.items():
            if other := ports.get(device.port):
                yield (kind, name, "port"), f"the same port as {other}"
            ports.setdefault(device.port, f"{kind}.{name}")
    readers: dict[str, str] = {}
    channels: dict[tuple[str, int], str] = {}
    for name, door in tables.doors.items():
        here = ("doors", name)
        if door.reader not in tables.readers:
            yield (*here, "reader"), f"there is no [readers.{door.reader}]"
        elif other := readers.get(door.reader):
            yield (*here, "reader"), f"reader {door.reader} belongs to door {other} already"
        readers.setdefault(door.reader, name)
        if door.lock not in tables.locks:
            yield (*here, "lock"), f"there is no [locks.{door.lock}]"
        elif other := channels.get((door.lock, door.channel)):
            yield (*here, "channel"), f"{door.lock} relay {door.channel} opens door {other} already"
        channels.setdefault((door.lock, door.channel), name)
        if door.camera is not None and door.camera not in tables.cameras:
            yield (*here, "camera"), f"there is no [cameras.{door.camera}]"
    for name, level in tables.access_levels.items():
        for door_name, schedule in level.doors.items():
            loc = ("access_levels", name, "doors", door_name)
            if door_name not in tables.doors:
                yield loc, f"there is no [doors.{door_name}]"
            if schedule != ALWAYS and schedule not in tables.schedules:
                yield loc, f"there is no [schedules.{schedule}] (built in: {ALWAYS})"
    if ALWAYS in tables.schedules:
        yield ("schedules", ALWAYS), "this name is built in"
    days = [holiday.date for holiday in tables.holidays]
    for index, day in enumerate(days):
        if day in days[:index]:
            yield ("holidays", index, "date"), f"{day} is listed twice"


def _driver_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    kinds: tuple[tuple[registry.Kind, Mapping[str, Any]], ...] = (
        ("readers", tables.readers),
        ("locks", tables.locks),
    )
    for kind, devices in kinds:
        for name, device in devices.items():
            try:
                made = registry.load(kind, device.driver).make(device.options)
            except registry.UnknownDriver as error:
                yield (kind, name, "driver"), str(error)
                continue
            except ValidationError as error:
                for item in error.errors():
                    yield (kind, name, "options", *item["loc"]), reason(item)
                continue
            for door_name, door in tables.doors.items():
                if kind == "locks" and door.lock == name and door.channel > made.channels:
                    yield (
                        ("doors", door_name, "channel"),
                        f"{name} has {made.channels} relay(s); set its options.channels",
                    )
    for name, camera in tables.cameras.items():
        try:
            registry.load("cameras", camera.driver).check(camera.options)
        except registry.UnknownDriver as error:
            yield ("cameras", name, "driver"), str(error)
        except ValidationError as error:
            for item in error.errors():
                yield ("cameras", name, "options", *item["loc"]), reason(item)


def warnings(tables: Tables) -> Iterator[str]:
    """What is legal and unwise, as sentences."""
    for name, camera in tables.cameras.items():
        source = str(camera.options.get("source", ""))
        if source and not source.isdigit() and "://" not in source and "/dev/" not in source:
            yield f"cameras.{name}: a file is no camera: for tests and demonstrations only"
    if tables.face.threshold > 0.55:
        yield "face.threshold: above 0.55 strangers begin to pass (docs/face.md)"
    if tables.mqtt is None:
        yield "mqtt: not configured; events stay in the ledger only"
    elif not tables.mqtt.tls and tables.mqtt.host not in ("localhost", "127.0.0.1", "::1"):
        yield "mqtt: events travel in clear; set tls = true"
    granted = {door for level in tables.access_levels.values() for door in level.doors}
    for door in tables.doors.keys() - granted:
        yield f"doors.{door}: no access level grants it, so nobody can pass"
