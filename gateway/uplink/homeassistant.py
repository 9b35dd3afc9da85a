"""Home Assistant's MQTT discovery: doors, areas and the log of a gateway to look at.

One retained message describes the gateway as a device (home-assistant.io, "MQTT", device
discovery).  Every entity reads the gateway's `state` and `status` topics; none has a command
topic, so nothing that Home Assistant sends can reach a door.  Pure: no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def topic(prefix: str, gateway: str) -> str:
    """Where Home Assistant looks; `prefix` is its discovery prefix.  An object id has no dot."""
    return f"{prefix}/device/garita-{gateway.replace('.', '_')}/config"


def discovery(base: str, gateway: str, state: Mapping[str, Any]) -> str:
    """The message for a gateway whose `state` message is this; `base` is ``<base>/<gateway>``."""
    identity = f"garita-{gateway}"
    found: dict[str, dict[str, Any]] = {
        "log": {
            "platform": "binary_sensor",
            "name": "Log",
            "device_class": "problem",
            "value_template": _on("not value_json.ledger.ok or value_json.ledger.follows"),
        },
        "clock": {
            "platform": "binary_sensor",
            "name": "Clock",
            "device_class": "problem",
            "value_template": _on("not value_json.clock_trusted"),
        },
        "devices": {
            "platform": "sensor",
            "name": "Devices offline",
            "value_template": "{{ value_json.devices | rejectattr('online') | list | count }}",
        },
    }
    if state.get("threat") is not None:
        found["threat"] = {
            "platform": "sensor",
            "name": "Threat level",
            "value_template": "{{ value_json.threat.level }}",
        }
    for name, door in state.get("doors", {}).items():
        at = f"value_json.doors[{json.dumps(name)}]"
        found[f"door-{name}"] = {
            "platform": "sensor",
            "name": f"Door {name}",
            "value_template": f"{{{{ {at}.state }}}}",
        }
        if door.get("open") is not None:
            found[f"door-{name}-contact"] = {
                "platform": "binary_sensor",
                "name": f"Door {name} contact",
                "device_class": "door",
                "value_template": _on(f"{at}.open"),
            }
    for name in state.get("areas", {}):
        found[f"area-{name}"] = {
            "platform": "sensor",
            "name": f"Inside {name}",
            "state_class": "measurement",
            "value_template": f"{{{{ value_json.areas[{json.dumps(name)}].inside }}}}",
        }
    for name, entity in found.items():
        entity["unique_id"] = f"{identity}-{name}"
    return json.dumps(
        {
            "device": {
                "identifiers": [identity],
                "name": gateway,
                "manufacturer": "Garita",
                "model": "Access-control gateway",
                "sw_version": str(state.get("version", "")),
            },
            "origin": {"name": "Garita", "sw_version": str(state.get("version", ""))},
            "state_topic": f"{base}/state",
            "availability_topic": f"{base}/status",
            "components": found,
        },
        ensure_ascii=False,
    )


def _on(condition: str) -> str:
    return f"{{{{ 'ON' if {condition} else 'OFF' }}}}"
