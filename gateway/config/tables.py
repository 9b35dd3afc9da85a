"""The tables of the configuration file, as pydantic reads them.

This file says what one key may hold; checks.py says what several keys must agree on.  An unknown
key is a mistake.  config/garita.toml explains every key.

More than 400 lines: all tables of one file, so that the whole schema can be read in one place.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.config.alarms import AlarmsTable
from gateway.config.console import ConsoleTable
from gateway.config.desk import FreightTable, PartnersTable, VisitsTable
from gateway.config.evidence import EvidenceTable
from gateway.config.log import LogTable
from gateway.config.metrics import MetricsTable
from gateway.config.operators import OperatorTable
from gateway.config.patterns import PatternsTable
from gateway.config.reports import ReportsTable
from gateway.config.sync import SyncTable
from gateway.config.titles import Titles
from gateway.decide.policy import Action, Mode, Passback, Subsystem
from gateway.locale import LANGUAGES, _, worded
from gateway.proof.note import ED25519, NoteError, VerifierKey

ALWAYS = "always"
"""The name of the built-in schedule that is always open."""


def _language(value: str) -> str:
    if value not in LANGUAGES:
        expected = _(" or ").join(f"'{name}'" for name in LANGUAGES)
        raise ValueError(worded("Input should be {expected}", expected=expected))
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", value):
        raise ValueError(
            worded("use letters, digits, '-', '_' or '.', at most 64 (it becomes a topic)")
        )
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(worded("not an IANA time zone, such as America/Tijuana")) from error
    return value


def _clock(value: str) -> str:
    if value != "24:00":
        try:
            time.fromisoformat(value)
        except ValueError as error:
            raise ValueError(
                worded("expected a time such as 06:30 (or 24:00 for midnight)")
            ) from error
    return value


Name = Annotated[str, AfterValidator(_name)]
Zone = Annotated[str, AfterValidator(_zone)]
Clock = Annotated[str, AfterValidator(_clock)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class QuietWindowTable(_Table):
    """When the gateway may be restarted without being asked; it may go past midnight."""

    start: Clock = Field(alias="from")
    """When it begins: 02:00."""
    end: Clock = Field(alias="to")
    """When it ends."""

    @model_validator(mode="after")
    def _some(self) -> QuietWindowTable:
        if self.start in (self.end, "24:00"):
            raise ValueError(worded("a window begins before 24:00 and has an end of its own"))
        return self


class SiteTable(_Table):
    gateway: Name
    timezone: Zone
    # Where systemd/garita.service and the README put them.
    data_dir: Path = Path("/var/lib/garita")
    run_dir: Path = Path("/run/garita")
    key_file: str = "/etc/garita/site.key"
    language: Annotated[str, AfterValidator(_language)] = "en"
    clock_back_tolerance_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    quiet_window: QuietWindowTable = QuietWindowTable.model_validate(
        {"from": "03:00", "to": "04:00"}
    )


class HolidayTable(_Table):
    date: date
    """The day."""
    name: str
    """What the day is called."""


class PeriodTable(_Table):
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]] = Field(
        min_length=1
    )
    """The days on which the period begins."""
    start: Clock = Field(alias="from")
    """When it begins: 06:30."""
    end: Clock = Field(alias="to")
    """When it ends; 24:00 is midnight, and a time before `from` is on the next day."""


class ScheduleTable(_Table):
    """`first_in` is an access level: somebody who has it must enter by a door first that day,
    before the schedule opens that door to others."""

    periods: list[PeriodTable] = Field(min_length=1)
    first_in: str = ""


class AccessLevelTable(_Table):
    """Doors and areas that a level opens, each with its schedule.  A door asks the level's holders
    for `factors`, beside those that it asks of everybody."""

    doors: dict[Name, str] = {}
    areas: dict[Name, str] = {}
    factors: Mode = Mode.BADGE
    needs_escort: bool = False
    may_escort: bool = False


class PortTable(_Table):
    """What every device on a serial port has in common."""

    driver: str = ""
    """The driver, by its name (docs/drivers.md)."""
    port: str = ""
    """The serial port; `garita reader ports` lists them."""
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    """The speed of the line in bits a second."""
    parity: Literal["N", "E", "O"] = "N"
    """The parity bit: none, even or odd."""
    rs485: bool = False
    """The adapter needs TIOCSRS485 to change its direction."""
    options: dict[str, Any] = {}


class BusTable(PortTable):
    """An RS-485 line with several readers; each has `bus` and `address`."""

    driver: str = "osdp"
    """The protocol of the line."""


class ReaderTable(PortTable):
    """A reader on a port of its own, or at an address of a bus."""

    bus: str | None = None
    """The bus of which it is, instead of driver and port."""
    address: Annotated[int, Field(ge=0, le=126)] | None = None
    """Its address on the bus."""

    @model_validator(mode="after")
    def _place(self) -> ReaderTable:
        if self.bus is None:
            if not self.driver or not self.port or self.address is not None:
                raise ValueError(worded("a reader needs driver and port, or bus and address"))
        elif self.address is None or self.port or self.driver:
            raise ValueError(
                worded("a reader on a bus has an address, and neither driver nor port")
            )
        return self


class LockTable(PortTable):
    """A relay board on a port, or the outputs of a reader on a bus."""

    reader: str | None = None
    """The reader on a bus whose outputs are the relays, instead of driver and port."""

    @model_validator(mode="after")
    def _place(self) -> LockTable:
        if (self.reader is None) == (not self.driver or not self.port):
            raise ValueError(
                worded("a lock needs driver and port, or the reader whose output it is")
            )
        return self


class InputTable(PortTable):
    """A board of digital inputs, on a port or (GPIO) in the box."""

    @model_validator(mode="after")
    def _place(self) -> InputTable:
        if not self.driver:
            raise ValueError(worded("inputs need a driver: modbus (with a port) or gpio (without)"))
        return self


class InputRef(_Table):
    """One digital input.

    `normally` is the circuit's state while nothing happens.  With ``closed`` a cut wire looks like
    an opening, so somebody notices it.  The input counts as back to normal after `debounce_s`
    seconds without a change.
    """

    device: str
    """The reader on a bus, or the [inputs.NAME], that has the input."""
    input: Annotated[int, Field(ge=1, le=255)] = 1
    """Which input, counted from 1."""
    normally: Literal["closed", "open"] = "closed"
    """The circuit while nothing happens; with closed, a cut wire is noticed."""
    debounce_s: Annotated[float, Field(ge=0, le=1)] = 0.05
    """It counts as back to normal after so many seconds without a change."""


class CameraTable(_Table):
    driver: str = "opencv"
    """The driver, by its name."""
    options: dict[str, Any] = {}


class IdentifyTable(_Table):
    """A door that opens to a face without a badge.

    `far` is the false-accept rate of one comparison at `threshold`, as `garita face evaluate`
    measured it.  `stranger_passes` is the largest accepted chance that a stranger passes as anybody
    on the list.  The two limit how many people may be enrolled.
    """

    threshold: Annotated[float, Field(gt=0.2, le=0.5)]
    """The largest distance that counts as the same face."""
    far: Annotated[float, Field(gt=0, le=0.01)]
    """The false-accept rate of one comparison at this threshold, as `garita face evaluate` measured
    it."""
    stranger_passes: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    """The largest accepted chance that a stranger passes as anybody on the list; it limits how many
    may be enrolled."""

    @property
    def limit(self) -> int:
        """How many people may be enrolled, since a stranger is compared with each of them."""
        return int(self.stranger_passes / self.far)


class DoorTable(_Table):
    """A door.

    `fail` is what the lock does without power: a fail-secure strike stays locked, a fail-safe
    magnet unlocks.  `release` says whether the relay pulls or drops to unlock.  `remote_open` lets
    operators with such a key open it from afar, once a command (docs/threat-model.md).
    """

    mode: Mode
    reader: str
    """The reader at the way in."""
    lock: str
    """The relay board, or the reader with outputs, that drives the lock."""
    channel: Annotated[int, Field(ge=1, le=255)] = 1
    pulse_s: Annotated[float, Field(ge=0.1, le=60)] = 3.0
    fail: Literal["secure", "safe"]
    release: Literal["energise", "de-energise"] = "energise"
    camera: str | None = None
    """The camera that looks at whoever stands at the reader."""
    badge_max_age_s: Seconds = 5.0
    reader_out: str | None = None
    mode_out: Mode = Mode.BADGE
    contact: InputRef | None = None
    rex: InputRef | None = None
    fire: InputRef | None = None
    rex_s: Seconds = 5.0
    held_warn_s: Seconds = 20.0
    held_alarm_s: Seconds = 30.0
    on_fire: Literal["report", "release"] = "report"
    on_tamper: Literal["deny", "report"] = "deny"
    challenge: bool = False
    suspect: Literal["report", "deny"] = "report"
    identify: IdentifyTable | None = None
    area: str = ""
    from_area: str = ""
    remote_open: bool = False

    @model_validator(mode="after")
    def _wiring(self) -> DoorTable:
        if self.fail == "secure" and self.release == "de-energise":
            raise ValueError(
                worded(
                    "a fail-secure lock released by a dropped relay would open when the board "
                    "loses power: wire it to NO and use release = 'energise'"
                )
            )
        if self.mode.face and self.camera is None:
            raise ValueError(worded("mode '{mode}' needs a camera", mode=self.mode))
        if self.camera is None and (self.identify is not None or self.challenge):
            raise ValueError(worded("identify and challenge need a camera"))
        if self.mode_out.face:
            raise ValueError(worded("mode_out: there is no camera for the way out"))
        if self.held_alarm_s < self.held_warn_s:
            raise ValueError(worded("held_alarm_s comes after held_warn_s"))
        return self


class InterlockTable(_Table):
    """Doors of which at most one may be open."""

    doors: list[str] = Field(min_length=2)
    """The doors of which at most one may be open."""


class PinTable(_Table):
    """After `attempts` wrong PINs within `lock_s` seconds the gateway refuses the person's PIN for
    `lock_s` seconds.  `timeout_s` is the time for typing."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    lock_s: Annotated[float, Field(ge=10, le=86400)] = 300.0
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 15.0


class FaceTable(_Table):
    """The face match.  `threshold` is the largest distance that counts as the same face;
    docs/face.md has the measurements.  With dlib's model it is at most 0.5 (checks.py)."""

    embedder: Name = "dlib"
    embedder_options: dict[str, Any] = {}
    threshold: Annotated[float, Field(gt=0.2, le=2.0)] = 0.40
    min_templates: Annotated[int, Field(ge=1, le=20)] = 3
    timeout_s: Annotated[float, Field(ge=0.3, le=15)] = 3.0
    max_frame_age_s: Annotated[float, Field(ge=0.05, le=5)] = 1.5
    frames: Annotated[int, Field(ge=1, le=10)] = 3
    others: Annotated[int, Field(ge=0, le=1000)] = 20
    lent_threshold: Annotated[float, Field(gt=0.2, le=2.0)] = 0.36
    min_face_px: Annotated[int, Field(ge=40, le=400)] = 80
    # False, so that an update does not stop a site's enrolment.  The sample file has true, so that
    # a new site decides by itself (docs/privacy.md).
    require_consent: bool = False
    keep_pictures: Literal["never", "denied", "all"] = "never"
    keep_pictures_days: Annotated[int, Field(ge=1, le=365)] = 7
    # A small picture of each face that is enrolled at a camera, for the guard who compares.
    portraits: bool = False


class AreaTable(_Table):
    """A place that doors lead into; `Area` in gateway/decide/policy.py says what each key means."""

    title: Titles | None = None
    requires: list[str] = []
    passback: Passback = Passback.OFF
    passback_minutes: Annotated[float, Field(gt=0, le=10080)] | None = None
    """With passback = "timed": for so long the same badge is denied."""
    maximum: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    two_person: bool = False
    second_s: Annotated[float, Field(ge=1, le=60)] = 15.0
    alone: bool = False
    degraded: dict[Subsystem, Action] = {}
    shared: list[Name] = []
    """Other gates that lead into this area too, by their names in [peers]."""

    @model_validator(mode="after")
    def _timed(self) -> AreaTable:
        if (self.passback is Passback.TIMED) != (self.passback_minutes is not None):
            raise ValueError(worded("passback = 'timed' and passback_minutes go together"))
        return self


class RequirementTable(_Table):
    """A kind of requirement.  `garita requirement set` gives one to a person or company."""

    title: Titles
    of: Literal["person", "company"] = "person"
    warn_days: Annotated[int, Field(ge=0, le=365)] = 30
    criteria: list[str] = []
    exempt: list[str] = []

    @model_validator(mode="after")
    def _whose(self) -> RequirementTable:
        if self.exempt and self.of != "company":
            raise ValueError(worded("exempt names companies: it goes with of = 'company'"))
        return self


class ThreatLevelTable(_Table):
    """What a threat level changes; `ThreatLevel` in gateway/decide/policy.py says what each
    means."""

    title: Titles
    rank: Annotated[int, Field(ge=0, le=100)]
    closed: list[str] = []
    open_to: list[str] = []
    factors: Mode = Mode.BADGE
    face_threshold: Annotated[float, Field(gt=0.2, le=0.6)] | None = None
    two_person: list[str] = []


class ThreatTable(_Table):
    """What sets the threat level beside `garita threat set` and signed commands.

    The input raises the level to `input_level` and never lowers it.  `on_unknown` is the level when
    the gateway can't read the present one; without it, the strictest.
    """

    input: InputRef | None = None
    input_level: str = ""
    """The level to which the input raises; it never lowers."""
    on_unknown: str = ""

    @model_validator(mode="after")
    def _both(self) -> ThreatTable:
        if (self.input is None) != (not self.input_level):
            raise ValueError(worded("input and input_level go together"))
        return self


RemoteCommand = Literal[
    "threat_set",
    "sync",
    "door_open",
    "door_confirm",
    "door_out_of_service",
    "door_in_service",
    "person_revoke",
]


class CommandKeyTable(_Table):
    """Who may send signed commands: an Ed25519 public key, 32 bytes in base64.

    `operator` names the one of `[operators]` who holds the key; a key that lets people in has one.
    `doors` are the doors for which its commands count; none named: all.  `through` is the way on
    which they come: by the broker, or from the operator's browser through the console, which can
    only ask for a door to be opened.
    """

    public_key: str
    commands: list[RemoteCommand] = ["threat_set"]
    operator: str = ""
    doors: list[Name] = []
    through: Literal["broker", "console"] = "broker"

    @model_validator(mode="after")
    def _way(self) -> CommandKeyTable:
        if self.through == "console" and list(self.commands) != ["door_open"]:
            raise ValueError(
                worded("through = 'console' is for commands = ['door_open'] and no other")
            )
        return self

    @model_validator(mode="after")
    def _key(self) -> CommandKeyTable:
        try:
            good = len(base64.b64decode(self.public_key, validate=True)) == 32
        except ValueError:
            good = False
        if not good:
            raise ValueError(
                worded("public_key: expected 32 bytes in base64 (garita command keygen)")
            )
        return self


class PresenceTable(_Table):
    """At the time `forgive_at` the gateway forgives passbacks.  For `escort_s` seconds an escort's
    badge counts for visitors at the same reader, and a visitor waits for it."""

    forgive_at: Clock | None = None
    escort_s: Annotated[float, Field(ge=1, le=60)] = 20.0


class HealthTable(_Table):
    """When the list counts as old and the disk as full, and how many seconds a guard has to
    confirm."""

    list_max_age_h: Annotated[float, Field(gt=0, le=8784)] | None = None
    list_copy_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """A copy of the list is made after each change, at most once in so many seconds."""
    disk_free_mb: Annotated[int, Field(ge=1)] = 200
    """Less free space counts as a full disk."""
    confirm_s: Annotated[float, Field(ge=5, le=300)] = 60.0


class PeerTable(_Table):
    """Another gate whose movements we take in areas that both lead into.

    `key` is what `garita log key` prints there.  It stays good when that gate's log begins a new
    origin, because the key stays the same and the name before the chain does.
    """

    key: str
    stale_s: Annotated[float, Field(ge=15, le=86400)] = 60.0
    """After so many seconds without a sign the gate counts as away."""

    @model_validator(mode="after")
    def _readable(self) -> PeerTable:
        try:
            found = VerifierKey.parse(self.key.strip())
        except NoteError as error:
            raise ValueError(
                worded("expected the line that `garita log key` prints there")
            ) from error
        if found.kind != ED25519 or found.name.count("/") < 2:
            raise ValueError(worded("expected the line that `garita log key` prints there"))
        return self

    @property
    def verifier(self) -> VerifierKey:
        """The key of that gate's log, under the name of the origin at which it was written down."""
        return VerifierKey.parse(self.key.strip())


class CriteriaTable(_Table):
    """The criteria that records are evidence for: a set by name, and a file of the site's."""

    set: str = "ctpat-msc-2020"
    file: Path | None = None


class BrokerAddress(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:/@\[\]]+))(?::(?P<port>\d{1,5}))?", re.ASCII
)


def broker_address(text: str, port: int) -> BrokerAddress:
    """``host``, ``host:port`` or ``[IPv6 address]:port``; `port` where it has none.  Raises
    ValueError."""
    found = _ADDRESS.fullmatch(text)
    number = int(found["port"] or port) if found else 0
    if found is None or not 1 <= number <= 65535:
        raise ValueError(worded("{text!r} is not a broker: write host or host:port", text=text))
    return BrokerAddress(found["six"] or found["name"], number)


class MqttSettings(_Table):
    """How to reach the broker, or the first of several that can be reached.

    The password is in a file of its own.  `brokers` are ``host``, ``host:port`` or
    ``[IPv6 address]:port``; without a port they have `port`.  They share login and certificates.
    """

    host: str = ""
    """The broker; or `brokers` for several."""
    brokers: Annotated[list[str], Field(max_length=8)] = []
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    base_topic: Name = "garita"
    client_id: str = ""
    """How the gateway calls itself to the broker; left out: made of its name."""
    username: str | None = None
    """The login, if the broker asks for one."""
    password_file: Path | None = None
    """The file with the password of that login, mode 0600."""
    tls: bool = False
    """Speak TLS."""
    ca_file: Path | None = None
    """Who vouches for the broker's certificate, if that is nobody whom the system knows."""
    cert_file: Path | None = None
    """The gateway's own certificate, if the broker asks for one."""
    key_file: Path | None = None
    """The private key of that certificate."""
    keepalive_s: Annotated[int, Field(ge=5, le=600)] = 30
    """The longest time without a sign of life to the broker."""
    max_in_flight: Annotated[int, Field(ge=1, le=20)] = 20
    """So many events are on their way without an answer at most."""
    home_assistant: str = ""
    """Home Assistant's discovery prefix (its default is ``homeassistant``); "": no discovery."""

    @property
    def addresses(self) -> tuple[BrokerAddress, ...]:
        """The brokers in the order in which they are tried; at least one."""
        return tuple(broker_address(text, self.port) for text in self.brokers or [self.host])

    @field_validator("home_assistant")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", value):
            raise ValueError(worded("home_assistant is a topic, such as homeassistant"))
        return value

    @model_validator(mode="after")
    def _which_brokers(self) -> MqttSettings:
        if bool(self.host) == bool(self.brokers):
            raise ValueError(worded("write host (one broker) or brokers (a list), not both"))
        if self.brokers and len(set(self.addresses)) < len(self.addresses):
            raise ValueError(worded("brokers names one broker twice"))
        return self

    @model_validator(mode="after")
    def _credentials(self) -> MqttSettings:
        if self.password_file and not self.username:
            raise ValueError(worded("password_file needs username"))
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError(worded("a client certificate needs both cert_file and key_file"))
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError(worded("ca_file and cert_file need tls = true"))
        return self


class Tables(_Table):
    """The whole file."""

    site: SiteTable
    holidays: list[HolidayTable] = []
    schedules: dict[Name, ScheduleTable] = {}
    access_levels: dict[Name, AccessLevelTable] = {}
    buses: dict[Name, BusTable] = {}
    readers: dict[Name, ReaderTable]
    inputs: dict[Name, InputTable] = {}
    locks: dict[Name, LockTable]
    cameras: dict[Name, CameraTable] = {}
    doors: dict[Name, DoorTable] = Field(min_length=1)
    interlocks: dict[Name, InterlockTable] = {}
    areas: dict[Name, AreaTable] = {}
    requirements: dict[Name, RequirementTable] = {}
    threat_levels: dict[Name, ThreatLevelTable] = {}
    threat: ThreatTable = ThreatTable()
    command_keys: dict[Name, CommandKeyTable] = {}
    degraded: dict[Subsystem, Action] = {}
    presence: PresenceTable = PresenceTable()
    health: HealthTable = HealthTable()
    log: LogTable = LogTable()
    peers: dict[Name, PeerTable] = {}
    criteria: CriteriaTable = CriteriaTable()
    pin: PinTable = PinTable()
    face: FaceTable = FaceTable()
    visits: VisitsTable = VisitsTable()
    partners: PartnersTable = PartnersTable()
    freight: FreightTable = FreightTable()
    operators: dict[Name, OperatorTable] = {}
    console: ConsoleTable = ConsoleTable()
    evidence: EvidenceTable = EvidenceTable()
    alarms: AlarmsTable = AlarmsTable()
    patterns: PatternsTable = PatternsTable()
    metrics: MetricsTable = MetricsTable()
    mqtt: MqttSettings | None = None
    reports: ReportsTable = ReportsTable()
    sync: SyncTable = SyncTable()


def with_port(tables: Tables) -> Iterator[tuple[str, str, PortTable]]:
    """Every table that names a port: its kind (``buses``, ``readers`` ...), its name, the table."""
    kinds: tuple[tuple[str, Mapping[str, PortTable]], ...] = (
        ("buses", tables.buses),
        ("readers", tables.readers),
        ("inputs", tables.inputs),
        ("locks", tables.locks),
    )
    for kind, devices in kinds:
        for name, table in devices.items():
            if table.port:
                yield kind, name, table
