"""collector.toml: which brokers are heard, where records are stored, whose keys are known.

config/collector.toml explains every key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.collector.leases import TTL_S
from gateway.config import MqttSettings
from gateway.config.log import LogKey
from gateway.config.metrics import MetricsTable
from gateway.config.reading import read
from gateway.config.tables import Name
from gateway.locale import N_, worded
from gateway.proof.note import VerifierKey, good_name

HINT = N_("see config/collector.toml, which explains every key")
DEFAULT_CONFIG = Path("/etc/garita/collector.toml")
MOST_GATEWAYS = 20_000
_MQTT_FILES = ("password_file", "ca_file", "cert_file", "key_file")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewayTable(_Table):
    """What is known of one gateway beforehand."""

    key: LogKey
    """The public key of its log, as `garita log key` prints it: of any of its origins."""

    @property
    def vkey(self) -> VerifierKey:
        return VerifierKey.parse(self.key)


class MirrorTable(_Table):
    """The key with which this headquarters says that it has stored the records (tlog-mirror)."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    key_file: Path = Path("mirror.key")

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not good_name(name):
            raise ValueError(worded("the name of a key has no spaces and no plus sign"))
        return name


class CollectorTable(_Table):
    """The keys of collector.toml."""

    name: Name
    """This collector among those of one database; no two that run have the same."""
    database: Annotated[str, Field(min_length=1)]
    """``postgresql://...`` (libpq's form, several hosts are possible), or the path of an SQLite
    file for a site with a few gateways."""
    password_file: Path | None = None
    mqtt: MqttSettings
    gateways: Annotated[dict[Name, GatewayTable], Field(max_length=MOST_GATEWAYS)] = {}
    discover: bool = True
    """Also read gateways of which no key is known; what they send is stored and marked."""
    lease_s: Annotated[float, Field(ge=1, le=300)] = TTL_S
    batch: Annotated[int, Field(ge=1, le=5_000)] = 500
    """Messages in one transaction, at most."""
    replay_per_s: Annotated[float, Field(ge=1, le=100_000)] = 2_000
    """Records that gateways are asked for again, a second, all together."""
    mirror: MirrorTable | None = None
    metrics: MetricsTable = MetricsTable()

    @field_validator("database")
    @classmethod
    def _where(cls, text: str) -> str:
        if "://" in text and not text.startswith(("postgresql://", "postgres://")):
            raise ValueError(worded("write postgresql://... or the path of an SQLite file"))
        return text

    @model_validator(mode="after")
    def _password(self) -> CollectorTable:
        if self.password_file is not None and not self.is_postgres:
            raise ValueError(worded("an SQLite file has no password"))
        return self

    @property
    def is_postgres(self) -> bool:
        return self.database.startswith(("postgresql://", "postgres://"))

    def connection_facts(self) -> dict[str, Any]:
        """What psycopg.connect takes; reads the password's file anew each time.

        Raises OSError if it can't be read.
        """
        facts: dict[str, Any] = {"conninfo": self.database, "connect_timeout": 10}
        if self.password_file is not None:
            facts["password"] = self.password_file.read_text(encoding="utf-8-sig").rstrip("\r\n")
        return facts


def load(path: Path) -> CollectorTable:
    """Read the file at `path`, relative paths from its folder; raises ConfigError."""
    table, _, _ = read(path, CollectorTable, HINT)
    base = path.resolve().parent
    files = {key: base / value for key in _MQTT_FILES if (value := getattr(table.mqtt, key))}
    update: dict[str, Any] = {"mqtt": table.mqtt.model_copy(update=files)}
    if table.password_file is not None:
        update["password_file"] = base / table.password_file
    if not table.is_postgres:
        update["database"] = str(base / table.database)
    if table.mirror is not None:
        key_file = base / table.mirror.key_file
        update["mirror"] = table.mirror.model_copy(update={"key_file": key_file})
    return table.model_copy(update=update)
