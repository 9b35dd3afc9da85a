"""The site's settings: one TOML file in, validated frozen values out.

`load()` returns `Settings` or raises `ConfigError` with every mistake found, each with
file, line, key and a reason that an installer can act on.  Relative paths are taken from
the folder of the file.  Nothing here opens a device or writes anything.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers import registry
from gateway.model import DAYS, HOLIDAY, AccessLevel, DoorPolicy, Mode, Period, Schedule, Site

ALWAYS = "always"
SCHEMA_HINT = "see config/garita.toml, which explains every key"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong.  `line` is 0 where it can't be told (a key that is missing)."""

    file: str
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.reason}" if self.key else f"{where}: {self.reason}"


class ConfigError(Exception):
    """The file can't be used; `mistakes` holds all of them, in the order of the file."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(map(str, mistakes)))


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", value):
        raise ValueError("use letters, digits, '-', '_' or '.', at most 64 (it becomes a topic)")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("not an IANA time zone, such as America/Tijuana") from error
    return value


def _clock(value: str) -> str:
    if value != "24:00":
        try:
            time.fromisoformat(value)
        except ValueError as error:
            raise ValueError("expected a time such as 06:30 (or 24:00 for midnight)") from error
    return value


Name = Annotated[str, AfterValidator(_name)]
Clock = Annotated[str, AfterValidator(_clock)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SiteTable(_Table):
    gateway: Name
    timezone: Annotated[str, AfterValidator(_zone)]
    data_dir: Path
    run_dir: Path
    key_file: str
    language: Literal["en", "es"] = "en"
    clock_back_tolerance_s: Annotated[float, Field(ge=1, le=3600)] = 60.0


class HolidayTable(_Table):
    date: date
    name: str


class PeriodTable(_Table):
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]] = Field(
        min_length=1
    )
    start: Clock = Field(alias="from")
    end: Clock = Field(alias="to")


class ScheduleTable(_Table):
    periods: list[PeriodTable] = Field(min_length=1)


class AccessLevelTable(_Table):
    doors: dict[Name, str]


class PortTable(_Table):
    """What every device on a serial port has in common."""

    driver: str
    port: str
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    rs485: bool = False
    options: dict[str, Any] = {}


class ReaderTable(PortTable):
    pass


class LockTable(PortTable):
    pass


class CameraTable(_Table):
    driver: str = "opencv"
    options: dict[str, Any] = {}


class DoorTable(_Table):
    """A door.  `fail` says what the lock does without power: a fail-secure strike stays
    locked, a fail-safe magnet lets go.  `release` says which way the relay opens it."""

    mode: Mode
    reader: str
    lock: str
    channel: Annotated[int, Field(ge=1, le=255)] = 1
    pulse_s: Annotated[float, Field(ge=0.1, le=60)] = 3.0
    fail: Literal["secure", "safe"]
    release: Literal["energise", "de-energise"] = "energise"
    camera: str | None = None
    badge_max_age_s: Seconds = 5.0

    @model_validator(mode="after")
    def _wiring(self) -> DoorTable:
        if self.fail == "secure" and self.release == "de-energise":
            raise ValueError(
                "a fail-secure lock released by a dropped relay would open when the board loses "
                "power: wire it to NO and use release = 'energise'"
            )
        if self.mode is Mode.BADGE_FACE and self.camera is None:
            raise ValueError("mode 'badge+face' needs a camera")
        return self


class FaceTable(_Table):
    """`threshold` is the largest distance that counts as the same face: docs/face.md says
    what was measured at 0.45, 0.50, 0.55 and 0.60."""

    threshold: Annotated[float, Field(gt=0.2, le=0.6)] = 0.50
    min_templates: Annotated[int, Field(ge=1, le=20)] = 3
    timeout_s: Annotated[float, Field(ge=0.3, le=15)] = 3.0
    max_frame_age_s: Annotated[float, Field(ge=0.05, le=2)] = 0.5
    frames: Annotated[int, Field(ge=1, le=10)] = 3
    min_face_px: Annotated[int, Field(ge=40, le=400)] = 80


class MqttSettings(_Table):
    """How to reach the broker.  The password lives in a file of its own, never here."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    base_topic: Name = "garita"
    client_id: str = ""
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=600)] = 30
    max_in_flight: Annotated[int, Field(ge=1, le=20)] = 20

    @model_validator(mode="after")
    def _credentials(self) -> MqttSettings:
        if self.password_file and not self.username:
            raise ValueError("password_file needs username")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("a client certificate needs both cert_file and key_file")
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("ca_file and cert_file need tls = true")
        return self


class Tables(_Table):
    """The whole file."""

    site: SiteTable
    holidays: list[HolidayTable] = []
    schedules: dict[Name, ScheduleTable] = {}
    access_levels: dict[Name, AccessLevelTable] = {}
    readers: dict[Name, ReaderTable]
    locks: dict[Name, LockTable]
    cameras: dict[Name, CameraTable] = {}
    doors: dict[Name, DoorTable] = Field(min_length=1)
    face: FaceTable = FaceTable()
    mqtt: MqttSettings | None = None


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
            _in_order(
                Mistake(name, lines.find(item["loc"]), _dotted(item["loc"]), _reason(item))
                for item in error.errors()
            )
        ) from error
    mistakes = [Mistake(name, lines.find(loc), _dotted(loc), why) for loc, why in _cross(tables)]
    if mistakes:
        raise ConfigError(_in_order(iter(mistakes)))
    tables = _absolute(tables, path.resolve().parent)
    version = hashlib.sha256(raw).hexdigest()[:12]
    return Settings(path, tables, _site(tables, version), tuple(_warnings(tables)))


Loc = tuple[int | str, ...]


class KeyLines:
    """Finds the line of a key in TOML text, well enough for a message: tables by their
    headers, keys by their names below them."""

    _HEADER = re.compile(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$")
    _KEY = re.compile(
        r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*="""
    )

    def __init__(self, text: str) -> None:
        self._lines: dict[Loc, int] = {}
        table: Loc = ()
        arrays: Counter[Loc] = Counter()
        for number, line in enumerate(text.splitlines(), 1):
            if header := self._HEADER.match(line):
                table = self._split(header[1])
                if line.lstrip().startswith("[["):
                    arrays[table] += 1
                    table = (*table, arrays[table] - 1)
                self._lines.setdefault(table, number)
            elif key := self._KEY.match(line):
                self._lines.setdefault((*table, *self._split(key[1])), number)

    @staticmethod
    def _split(text: str) -> Loc:
        parts = re.findall(r"""\"([^\"]*)\"|'([^']*)'|([\w-]+)""", text)
        return tuple(next(p for p in part if p) if any(part) else "" for part in parts)

    def find(self, loc: Loc) -> int:
        """The line of `loc`, or of the nearest thing around it; 0 if there is none."""
        while loc:
            if loc in self._lines:
                return self._lines[loc]
            loc = loc[:-1]
        return 0


def _dotted(loc: Loc) -> str:
    return ".".join(str(part) for part in loc if part != "[key]")


def _reason(item: Mapping[str, Any]) -> str:
    kind, text = item["type"], str(item["msg"])
    if kind == "extra_forbidden":
        return f"unknown key; {SCHEMA_HINT}"
    if kind == "missing":
        return f"missing; {SCHEMA_HINT}"
    return text.removeprefix("Value error, ")


def _in_order(mistakes: Iterator[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda mistake: (mistake.line, mistake.key))


def _cross(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Mistakes that no single key shows: names that lead nowhere, devices used twice."""
    yield from _driver_mistakes(tables)
    ports: dict[str, str] = {}
    for kind, devices in (("readers", tables.readers), ("locks", tables.locks)):
        for name, device in devices.items():
            if other := ports.get(device.port):
                yield (kind, name, "port"), f"the same port as {other}"
            ports.setdefault(device.port, f"{kind}.{name}")
    readers: dict[str, str] = {}
    channels: dict[tuple[str, int], str] = {}
    for name, door in tables.doors.items():
        here = ("doors", name)
        if door.reader not in tables.readers:
            yield (*here, "reader"), f"there is no [readers.{door.reader}]"
        elif other := readers.get(door.reader):
            yield (*here, "reader"), f"reader {door.reader} belongs to door {other} already"
        readers.setdefault(door.reader, name)
        if door.lock not in tables.locks:
            yield (*here, "lock"), f"there is no [locks.{door.lock}]"
        elif other := channels.get((door.lock, door.channel)):
            yield (*here, "channel"), f"{door.lock} relay {door.channel} opens door {other} already"
        channels.setdefault((door.lock, door.channel), name)
        if door.camera is not None and door.camera not in tables.cameras:
            yield (*here, "camera"), f"there is no [cameras.{door.camera}]"
    for name, level in tables.access_levels.items():
        for door_name, schedule in level.doors.items():
            loc = ("access_levels", name, "doors", door_name)
            if door_name not in tables.doors:
                yield loc, f"there is no [doors.{door_name}]"
            if schedule != ALWAYS and schedule not in tables.schedules:
                yield loc, f"there is no [schedules.{schedule}] (built in: {ALWAYS})"
    if ALWAYS in tables.schedules:
        yield ("schedules", ALWAYS), "this name is built in"
    days = [holiday.date for holiday in tables.holidays]
    for index, day in enumerate(days):
        if day in days[:index]:
            yield ("holidays", index, "date"), f"{day} is listed twice"


def _driver_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    kinds: tuple[tuple[registry.Kind, Mapping[str, Any]], ...] = (
        ("readers", tables.readers),
        ("locks", tables.locks),
    )
    for kind, devices in kinds:
        for name, device in devices.items():
            try:
                made = registry.load(kind, device.driver).make(device.options)
            except registry.UnknownDriver as error:
                yield (kind, name, "driver"), str(error)
                continue
            except ValidationError as error:
                for item in error.errors():
                    yield (kind, name, "options", *item["loc"]), _reason(item)
                continue
            for door_name, door in tables.doors.items():
                if kind == "locks" and door.lock == name and door.channel > made.channels:
                    yield (
                        ("doors", door_name, "channel"),
                        f"{name} has {made.channels} relay(s); set its options.channels",
                    )
    for name, camera in tables.cameras.items():
        try:
            registry.load("cameras", camera.driver).check(camera.options)
        except registry.UnknownDriver as error:
            yield ("cameras", name, "driver"), str(error)
        except ValidationError as error:
            for item in error.errors():
                yield ("cameras", name, "options", *item["loc"]), _reason(item)


def _warnings(tables: Tables) -> Iterator[str]:
    for name, camera in tables.cameras.items():
        source = str(camera.options.get("source", ""))
        if source and not source.isdigit() and "://" not in source and "/dev/" not in source:
            yield f"cameras.{name}: a file is no camera: for tests and demonstrations only"
    if tables.face.threshold > 0.55:
        yield "face.threshold: above 0.55 strangers begin to pass (docs/face.md)"
    if tables.mqtt is None:
        yield "mqtt: not configured; events stay in the ledger only"
    elif not tables.mqtt.tls and tables.mqtt.host not in ("localhost", "127.0.0.1", "::1"):
        yield "mqtt: events travel in clear; set tls = true"
    granted = {door for level in tables.access_levels.values() for door in level.doors}
    for door in tables.doors.keys() - granted:
        yield f"doors.{door}: no access level grants it, so nobody can pass"


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
    return tables.model_copy(update={"site": site, "mqtt": mqtt})


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
            )
            for name, door in tables.doors.items()
        },
        schedules=schedules,
        holidays={holiday.date: holiday.name for holiday in tables.holidays},
        access_levels={
            name: AccessLevel(name, dict(level.doors))
            for name, level in tables.access_levels.items()
        },
        policy_version=version,
    )
