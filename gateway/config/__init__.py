"""The site's settings: one TOML file in, validated frozen values out.

`load()` returns `Settings`, or raises `ConfigError` with every mistake: file, line, key, and a
reason that an installer can act on.  Relative paths start at the folder of the file.  This package
opens no device and writes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config import criteria
from gateway.config.checks import criteria_mistakes, mistakes_across
from gateway.config.criteria import Criteria
from gateway.config.mistakes import ConfigError, Mistake, dotted, in_order
from gateway.config.reading import parse, read_file
from gateway.config.site import site_policy
from gateway.config.sync import SourceTable, SyncTable, absolute
from gateway.config.tables import (
    BrokerAddress,
    BusTable,
    DoorTable,
    FaceTable,
    InputRef,
    InputTable,
    LockTable,
    MqttSettings,
    PortTable,
    ReaderTable,
    Tables,
)
from gateway.config.warnings import warnings
from gateway.decide.policy import Site

__all__ = [
    "BrokerAddress",
    "BusTable",
    "ConfigError",
    "DoorTable",
    "FaceTable",
    "InputRef",
    "InputTable",
    "LockTable",
    "Mistake",
    "MqttSettings",
    "PortTable",
    "ReaderTable",
    "Settings",
    "SourceTable",
    "SyncTable",
    "load",
    "load_text",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a valid file, and the paths of the files that belong to them.

    `warnings` are sentences about settings that are legal and unwise; `raw` is the file's content.
    """

    path: Path
    tables: Tables
    site: Site
    criteria: Criteria
    warnings: tuple[str, ...] = ()
    raw: bytes = field(default=b"", repr=False)

    @property
    def digest(self) -> str:
        """The SHA-256 of the file, in hex; its first 12 digits are the policy's version."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def kept_path(self) -> Path:
        """The folder of the configurations that were in force."""
        return self.tables.site.data_dir / "config"

    @property
    def people_path(self) -> Path:
        return self.tables.site.data_dir / "people.db"

    @property
    def ledger_path(self) -> Path:
        return self.tables.site.data_dir / "ledger.db"

    @property
    def cursor_path(self) -> Path:
        return self.tables.site.data_dir / "mqtt.cursor"

    @property
    def head_path(self) -> Path:
        """The head of the log that was signed last."""
        return self.tables.site.data_dir / "log-head.json"

    @property
    def log_key_path(self) -> Path:
        """The key with which the gateway signs heads, sealed with the site key."""
        return self.tables.site.data_dir / "log-key.json"

    @property
    def keys_path(self) -> Path:
        return self.tables.site.data_dir / "reader-keys.json"

    @property
    def backup_path(self) -> Path:
        """When the newest backup was made; the log has the record."""
        return self.tables.site.data_dir / "backup.json"

    @property
    def patterns_path(self) -> Path:
        """What the patterns have learnt (gateway/patterns)."""
        return self.tables.site.data_dir / "patterns" / "patterns.db"

    @property
    def scenes_path(self) -> Path:
        return self.tables.site.data_dir / "scenes.json"

    @property
    def evidence_path(self) -> Path:
        return self.tables.site.data_dir / "evidence"

    @property
    def documents_path(self) -> Path:
        """The folder of the site's documents, each under its SHA-256."""
        return self.tables.site.data_dir / "documents"

    @property
    def reports_path(self) -> Path:
        """Which weeks' reports were sent."""
        return self.tables.site.data_dir / "reports.json"

    @property
    def doors_path(self) -> Path:
        return self.tables.site.data_dir / "doors.json"

    @property
    def presence_path(self) -> Path:
        return self.tables.site.data_dir / "presence.json"

    @property
    def threat_path(self) -> Path:
        return self.tables.site.data_dir / "threat.json"

    @property
    def commands_path(self) -> Path:
        return self.tables.site.data_dir / "commands.json"

    @property
    def pending_path(self) -> Path:
        """The folder of lists that wait until somebody confirms them; they hold badge numbers."""
        return self.tables.site.data_dir / "pending"

    @property
    def profile_folders(self) -> tuple[Path, Path]:
        """Where import profiles are: those of root beside the configuration, which come first, and
        those that the running gateway writes for HR."""
        return self.path.parent / "profiles", self.tables.site.data_dir / "profiles"

    @property
    def bundle_path(self) -> Path:
        """The newest signed list that came over MQTT."""
        return self.tables.site.data_dir / "mqtt.bundle"

    @property
    def socket_path(self) -> Path:
        return self.tables.site.run_dir / "garita.sock"


def load(path: Path) -> Settings:
    """Read and validate the file at `path`; raises ConfigError with every mistake."""
    return load_text(path, read_file(path))


def load_text(path: Path, raw: bytes) -> Settings:
    """The settings of the text `raw`, as if it were the content of the file at `path`.  Raises
    ConfigError."""
    name = str(path)
    tables, lines = parse(raw, name, Tables)
    mistakes = [
        Mistake(name, lines.find(loc), dotted(loc), why) for loc, why in mistakes_across(tables)
    ]
    if mistakes:
        raise ConfigError(in_order(iter(mistakes)))
    tables = _absolute(tables, path.resolve().parent)
    version = hashlib.sha256(raw).hexdigest()[:12]
    known = _criteria(tables)
    unknown = [
        Mistake(name, lines.find(loc), dotted(loc), why)
        for loc, why in criteria_mistakes(tables, known.criteria)
    ]
    if unknown:
        raise ConfigError(in_order(iter(unknown)))
    site = site_policy(tables, version, known)
    return Settings(path, tables, site, known, tuple(warnings(tables)), raw)


def _absolute(tables: Tables, base: Path) -> Tables:
    """The same tables with every path made absolute."""
    site = tables.site
    key = site.key_file
    site = site.model_copy(
        update={
            "data_dir": base / site.data_dir,
            "run_dir": base / site.run_dir,
            "key_file": key if key.startswith("credential:") else str(base / key),
        }
    )
    mqtt = tables.mqtt
    if mqtt is not None:
        files = ("password_file", "ca_file", "cert_file", "key_file")
        mqtt = mqtt.model_copy(
            update={key: base / value for key in files if (value := getattr(mqtt, key)) is not None}
        )
    freight = tables.freight.model_copy(
        update={
            key: base / value
            for key in ("checklists", "pictures_dir")
            if (value := getattr(tables.freight, key)) is not None
        }
    )
    known = tables.criteria
    if known.file is not None:
        known = known.model_copy(update={"file": base / known.file})
    sync = absolute(tables.sync, base)
    witnesses = {
        name: one.model_copy(update={"ca_file": base / one.ca_file}) if one.ca_file else one
        for name, one in tables.log.witnesses.items()
    }
    log = tables.log.model_copy(update={"witnesses": witnesses})
    console = tables.console.model_copy(
        update={
            key: base / value
            for key in ("data_dir", "cert_file", "cert_key_file")
            if (value := getattr(tables.console, key)) is not None
        }
    )
    if (oidc := console.oidc) is not None:
        secret = {"client_secret_file": base / oidc.client_secret_file}
        console = console.model_copy(update={"oidc": oidc.model_copy(update=secret)})
    return tables.model_copy(
        update={
            "site": site,
            "mqtt": mqtt,
            "criteria": known,
            "sync": sync,
            "freight": freight,
            "log": log,
            "console": console,
            "evidence": tables.evidence.absolute(base),
            "reports": tables.reports.absolute(base),
        }
    )


def _criteria(tables: Tables) -> Criteria:
    """The criteria that records are evidence for; raises ConfigError that names their file."""
    try:
        return criteria.load(tables.criteria.set, tables.criteria.file)
    except criteria.CriteriaError as error:
        raise ConfigError([Mistake(str(error.path), 0, error.key, str(error.reason))]) from error
