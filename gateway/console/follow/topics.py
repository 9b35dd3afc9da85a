"""Which parts of the console a record changes: the word before the dot of its type decides.

A page asks for a part again when it hears that part's topic (static/js/stream.js).
"""

from __future__ import annotations

from gateway.ledger.event import Event

TOPICS = frozenset(
    {
        "alarms",
        "devices",
        "doors",
        "inside",
        "people",
        "records",
        "shift",
        "trucks",
        "visitors",
        "waiting",
    }
)

_OF_WORD: dict[str, frozenset[str]] = {
    "access": frozenset({"doors", "inside", "alarms"}),
    "alarm": frozenset({"alarms", "shift"}),
    "area": frozenset({"inside"}),
    "camera": frozenset({"devices", "alarms"}),
    "clock": frozenset({"devices", "alarms"}),
    "command": frozenset({"doors"}),
    "device": frozenset({"devices", "alarms", "doors"}),
    "door": frozenset({"doors", "alarms", "waiting", "inside"}),
    "escort": frozenset({"people", "visitors"}),
    "face": frozenset({"people"}),
    "freight": frozenset({"trucks", "shift"}),
    "gateway": frozenset({"devices", "doors", "alarms", "waiting"}),
    "grant": frozenset({"people"}),
    "interlock": frozenset({"doors", "alarms"}),
    "ledger": frozenset({"devices", "alarms"}),
    "operator": frozenset({"people"}),
    "partner": frozenset({"trucks", "people"}),
    "people": frozenset({"people", "alarms"}),
    "reader": frozenset({"devices", "alarms"}),
    "requirement": frozenset({"people"}),
    "seal": frozenset({"trucks"}),
    "shift": frozenset({"shift"}),
    "state": frozenset({"devices", "alarms"}),
    "tables": frozenset({"people", "alarms"}),
    "threat": frozenset({"doors", "devices", "alarms"}),
    "uplink": frozenset({"devices", "alarms"}),
    "visit": frozenset({"visitors", "inside", "shift"}),
}


def topics_of(event: Event) -> frozenset[str]:
    """The topics that `event` changes; every record changes `records`."""
    return _OF_WORD.get(event.type.partition(".")[0], frozenset()) | {"records"}
