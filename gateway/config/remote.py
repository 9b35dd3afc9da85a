"""The file of an operator who sends signed commands from elsewhere: who they are, and the brokers.

name = "rosa"                    # the key's name in [command_keys] of the gateways
key_file = "rosa.key"            # made by `garita remote keygen`

[mqtt]                           # as in the gateway's configuration
host = "broker.example.com"
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gateway.config.reading import read
from gateway.config.tables import MqttSettings, Name
from gateway.locale import N_

HINT = N_("see docs/remote.md, which explains every key")


class RemoteTable(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    key_file: Path
    mqtt: MqttSettings


def load_remote(path: Path) -> RemoteTable:
    """Read the file; relative paths in it start at its folder.  Raises ConfigError."""
    table, _, _ = read(path, RemoteTable, HINT)
    base = path.resolve().parent
    files = ("password_file", "ca_file", "cert_file", "key_file")
    mqtt = table.mqtt.model_copy(
        update={key: base / value for key in files if (value := getattr(table.mqtt, key))}
    )
    return table.model_copy(update={"mqtt": mqtt, "key_file": base / table.key_file})
