"""The site's settings: one TOML file in, validated frozen values out.

`load()` returns `Settings` or raises `ConfigError` with every mistake found, each with
file, line, key and a reason that an installer can act on.  Relative paths are taken from
the folder of the file.  Nothing here opens a device or writes anything.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from gateway.config.checks import mistakes_across, warnings
from gateway.config.mistakes import ConfigError, KeyLines, Mistake, dotted, in_order, reason
from gateway.config.tables import (
    ALWAYS,
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
from gateway.model import DAYS, HOLIDAY, AccessLevel, DoorPolicy, Period, Schedule, Site

__all__ = [
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
    "load",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """A file that was found good."""

    path: Path
    tables: Tables
    site: Site
    warnings: tuple[str, ...] = ()

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
    def keys_path(self) -> Path:
        return self.tables.site.data_dir / "reader-keys.json"

    @property
    def doors_path(self) -> Path:
        return self.tables.site.data_dir / "doors.json"

    @property
    def socket_path(self) -> Path:
        return self.tables.site.run_dir / "garita.sock"


def load(path: Path) -> Settings:
    """Read and validate `path`; raises ConfigError with every mistake."""
    name = str(path)
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        data = tomllib.loads(text)
    except OSError as error:
        raise ConfigError([Mistake(name, 0, "", f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError([Mistake(name, line, "", "not UTF-8 text")]) from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else 0
        raise ConfigError([Mistake(name, line, "", f"not valid TOML: {error}")]) from error

    lines = KeyLines(text)
    try:
        tables = Tables.model_validate(data)
    except ValidationError as error:
        raise ConfigError(
            in_order(
                Mistake(name, lines.find(item["loc"]), dotted(item["loc"]), reason(item))
                for item in error.errors()
            )
        ) from error
    mistakes = [
        Mistake(name, lines.find(loc), dotted(loc), why) for loc, why in mistakes_across(tables)
    ]
    if mistakes:
        raise ConfigError(in_order(iter(mistakes)))
    tables = _absolute(tables, path.resolve().parent)
    version = hashlib.sha256(raw).hexdigest()[:12]
    return Settings(path, tables, _site(tables, version), tuple(warnings(tables)))


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
    return tables.model_copy(update={"site": site, "mqtt": mqtt, "freight": freight})


def _site(tables: Tables, version: str) -> Site:
    """The part of the settings that `decide()` sees."""
    everyday = Period(frozenset((*DAYS, HOLIDAY)), time(0), None)
    schedules = {ALWAYS: Schedule(ALWAYS, (everyday,))}
    for name, table in tables.schedules.items():
        schedules[name] = Schedule(
            name,
            tuple(
                Period(
                    frozenset(period.days),
                    time(0) if period.start == "24:00" else time.fromisoformat(period.start),
                    None if period.end == "24:00" else time.fromisoformat(period.end),
                )
                for period in table.periods
            ),
        )
    return Site(
        gateway=tables.site.gateway,
        zone=ZoneInfo(tables.site.timezone),
        doors={
            name: DoorPolicy(
                name,
                door.mode,
                door.badge_max_age_s,
                tables.face.threshold,
                tables.face.min_templates,
                door.on_tamper == "deny",
                door.mode_out,
            )
            for name, door in tables.doors.items()
        },
        schedules=schedules,
        holidays={holiday.date: holiday.name for holiday in tables.holidays},
        access_levels={
            name: AccessLevel(name, dict(level.doors), level.factors)
            for name, level in tables.access_levels.items()
        },
        policy_version=version,
    )
