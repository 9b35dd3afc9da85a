"""What the gateway's status says of clock and broker, as sentences, for commands and the console.

Each comes with whether somebody has to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.locale import N_, Message, _
from gateway.wording.details import detail
from gateway.wording.text import DAMAGED, duration

_TAKEN = {
    "connected": N_("ANOTHER gateway has this name: host {host}, started {since}"),
    "asking": N_("ANOTHER gateway wants this name: host {host}, started {since}"),
    "takeover": N_("ANOTHER gateway or client takes over our connection"),
}


def clock(answer: Mapping[str, Any]) -> tuple[str, bool]:
    """How far the clock is trusted."""
    if not answer["clock_trusted"]:
        said = _("not trusted: {behind} behind the newest record; set it, or garita clock accept")
        return said.format(behind=duration(answer.get("clock_behind_s", 0.0))), True
    if answer["clock_sure"]:
        return _("trusted"), False
    ahead = answer["clock_ahead_s"]
    said = (
        _("trusted, but it leapt {ahead} ahead: nothing is destroyed until it is synchronised")
        if ahead
        else _("trusted; nothing is destroyed until it is synchronised, or garita clock accept")
    )
    return said.format(ahead=duration(ahead)), False


def broker(mqtt: Mapping[str, Any]) -> tuple[str, bool]:
    """Whether the broker is there, and what waits for it."""
    connected = _("connected") if mqtt["connected"] else _("not connected")
    if len(mqtt.get("brokers", ())) > 1:
        connected = f"{connected}, {mqtt['broker']}"
    said = _("{connected} (MQTT {version}), published {published}, waiting {waiting}").format(
        connected=connected,
        version=mqtt["version"],
        published=mqtt["published"],
        waiting=mqtt["waiting"],
    )
    return said, not mqtt["connected"]


def broker_notes(mqtt: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """What else there is to say of the broker: our name, our files, what was left out."""
    if taken := mqtt["name_taken_by"]:
        said = _(_TAKEN[taken["how"]])
        yield said.format(host=taken["host"], since=taken["since"]), True
    for item in mqtt.get("credentials", ()):
        yield str(Message(item["text"], item["facts"])), bool(item["wrong"])
    if skipped := mqtt.get("skipped"):
        said = _("event {event} ({bytes} bytes) went without its data: {detail}")
        yield said.format(**skipped), False


def damage(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Each file that was damaged: what is wrong, what was done about it, where it is now."""
    for one in found:
        if not one["done"]:
            said = _("{file} was damaged, and is put aside as {aside}: look at it, move it away")
            yield said.format(**one)
            continue
        known = DAMAGED.get(one["done"])
        done = _(known) if known else one["done"]
        said = f"{detail(one['detail'])}; {done}"
        if one["aside"]:
            said += "; " + _("it was put aside as {aside}").format(**one)
        yield said
