"""The ledger over MQTT: `Uplink` publishes it from a cursor and answers replay requests."""

from gateway.uplink.client import Uplink
from gateway.uplink.cursor import Cursor
from gateway.uplink.handlers import Handlers
from gateway.uplink.messages import cloud_event, parse_replay

__all__ = ["Cursor", "Handlers", "Uplink", "cloud_event", "parse_replay"]
