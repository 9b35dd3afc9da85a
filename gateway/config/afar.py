"""Mistakes in what comes from elsewhere: commands of operators, movements of other gates.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.mistakes import Loc
from gateway.config.tables import Tables
from gateway.locale import _

LETS_IN = frozenset({"door_open", "door_confirm"})  # commands


def remote_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Command keys that name nobody, or doors and operators that are not there; doors that can't
    be opened from afar as their areas are."""
    for name, key in tables.command_keys.items():
        here = ("command_keys", name)
        if key.operator and key.operator not in tables.operators:
            yield (
                (*here, "operator"),
                _("there is no [operators.{operator}]").format(operator=key.operator),
            )
        if not key.operator and LETS_IN.intersection(key.commands):
            yield (
                (*here, "operator"),
                _("a key that lets people in is held by one of [operators]: name them"),
            )
        for door in key.doors:
            if door not in tables.doors:
                yield (*here, "doors"), _("there is no [doors.{door_name}]").format(door_name=door)
    for name, door_table in tables.doors.items():
        area = tables.areas.get(door_table.area)
        if door_table.remote_open and area is not None and area.two_person:
            yield (
                ("doors", name, "remote_open"),
                _("nobody enters [areas.{area}] alone, and a command can't see who comes").format(
                    area=door_table.area
                ),
            )


def peer_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Other gates that this one takes movements from."""
    for name, peer in tables.peers.items():
        if name == tables.site.gateway:
            yield ("peers", name), _("this is the gateway itself")
        if (of := peer.verifier.name.split("/")[-2]) != name:
            yield ("peers", name, "key"), _("this is the key of {gate}").format(gate=of)
    bundles = tables.sync.bundles
    if bundles is not None and tables.site.gateway in bundles.watch:
        yield ("sync", "bundles", "watch"), _("this is the gateway itself")
    if bundles is not None and bundles.watch and tables.mqtt is None:
        yield (
            ("sync", "bundles", "watch"),
            _("other gates are heard over MQTT: [mqtt] is missing"),
        )
    if tables.peers and tables.mqtt is None:
        yield ("peers",), _("other gates are heard over MQTT: [mqtt] is missing")
