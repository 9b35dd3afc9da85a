"""Which parts of the console a record changes: the word before the dot of its type decides.

A page asks for a part again when it hears that part's topic (static/js/stream.js).  The topic
``alarms`` comes from gateway/console/follow/alarms.py: alarms also change without a record.
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
    "access": frozenset({"doors", "inside"}),
    "alarm": frozenset({"shift"}),
    "area": frozenset({"inside"}),
    "backup": frozenset({"devices"}),
    "camera": frozenset({"devices"}),
    "clock": frozenset({"devices"}),
    "command": frozenset({"doors"}),
    "device": frozenset({"devices", "doors"}),
    "door": frozenset({"doors", "waiting", "inside"}),
    "escort": frozenset({"people", "visitors"}),
    "face": frozenset({"people"}),
    "freight": frozenset({"trucks", "shift"}),
    "gateway": frozenset({"devices", "doors", "waiting"}),
    "grant": frozenset({"people"}),
    "interlock": frozenset({"doors"}),
    "ledger": frozenset({"devices"}),
    "operator": frozenset({"people"}),
    "partner": frozenset({"trucks", "people"}),
    "people": frozenset({"people"}),
    "reader": frozenset({"devices"}),
    "requirement": frozenset({"people"}),
    "seal": frozenset({"trucks"}),
    "shift": frozenset({"shift"}),
    "state": frozenset({"devices"}),
    "tables": frozenset({"people"}),
    "threat": frozenset({"doors", "devices"}),
    "uplink": frozenset({"devices"}),
    "visit": frozenset({"visitors", "inside", "shift"}),
}


def topics_of(event: Event) -> frozenset[str]:
    """The topics that `event` changes; every record changes `records`."""
    return _OF_WORD.get(event.type.partition(".")[0], frozenset()) | {"records"}
