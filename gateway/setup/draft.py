"""What a set-up was told, and garita.toml as it says so.

The text has one door and explains itself; everything else is added to the file later
(config/garita.toml explains every key).  `garita setup` and the console's wizard share it.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway import config
from gateway.config.mistakes import ConfigError, Mistake
from gateway.devices.attached import Machine
from gateway.locale import _
from gateway.locale.text import tidy
from gateway.people import account


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A gate with one door, one reader, one relay.  `camera` is a number or an address, "" for
    none.  `badge` is what the reader read, as the list has it.  `operator` is the name with which
    the first administrator signs in.  `broker` is the name by which the gateway reaches a broker
    that takes its certificate, "" for none.  `credential`: systemd hands the site key over."""

    gateway: str = ""
    timezone: str = "America/Tijuana"
    language: str = "en"
    reader_driver: str = ""
    reader_port: str = ""
    reader_baudrate: int = 9600
    lock_driver: str = "lcus"
    lock_port: str = ""
    channels: int = 1
    channel: int = 1
    fail: str = ""
    pulse_s: float = 3.0
    camera: str = ""
    door: str = "main-gate"
    person: str = ""
    badge: str = ""
    operator: str = ""
    broker: str = ""
    broker_port: int = 8883
    credential: bool = False

    def tidied(self) -> Draft:
        """The same without control characters and spaces around what was typed."""
        fields: dict[str, Any] = {
            name: tidy(value, 300)
            for name in self.__slots__
            if isinstance(value := getattr(self, name), str)
        }
        return replace(self, **fields)


SERVICE = Path("/etc/garita")
CREDENTIAL = "credential:site.key"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the gateway of a configuration at `config` keeps its files."""

    config: Path
    data_dir: Path
    run_dir: Path
    key_file: Path
    console_dir: Path | None = None
    """None: where the console's unit has it."""

    @property
    def certs(self) -> Path:
        """The folder of `garita certs`."""
        return self.config.parent / "certs"

    @property
    def of_service(self) -> bool:
        """Whether they are those of the service, which runs as an account of its own."""
        return self.config.parent == SERVICE

    @classmethod
    def of(cls, path: Path) -> Places:
        """As the service has them for /etc/garita/garita.toml; elsewhere beside the file."""
        folder = path.absolute().parent
        key = folder / "site.key"
        if folder == SERVICE:
            return cls(path.absolute(), Path("/var/lib/garita"), Path("/run/garita"), key)
        return cls(path.absolute(), folder / "data", folder / "run", key, folder / "console")


def missing(draft: Draft) -> dict[str, str]:
    """What has still to be said, by the name of the field."""
    found = {}
    said = {
        "gateway": _("Give this gate a name."),
        "reader_port": _("Choose the port of the reader."),
        "reader_driver": _("Hold a badge to the reader, so that its kind is known."),
        "lock_port": _("Choose the port of the relay board."),
        "fail": _("Say what the lock does without power."),
        "door": _("Give the door a name."),
        "person": _("Say who has this badge."),
        "badge": _("Hold the badge of the first administrator to the reader."),
        "operator": _("Choose the name with which they sign in."),
    }
    for name, why in said.items():
        if not getattr(draft, name).strip():
            found[name] = why
    if draft.reader_port and draft.reader_port == draft.lock_port:
        found["lock_port"] = _("The reader is on this port.")
    return found


def toml(draft: Draft, places: Places) -> str:
    """The text of garita.toml."""
    camera = ""
    if draft.camera:
        source = draft.camera if draft.camera.isdecimal() else _text(draft.camera)
        camera = f"\n[cameras.{_key(draft.door)}]\noptions = {{ source = {source} }}\n"
    console = ""
    if places.console_dir is not None:  # no unit: the console runs as whoever made the gate
        where = _text(str(places.console_dir))
        console = f"\n[console]\naccount = {_text(account.own())}\ndata_dir = {where}\n"
    door_camera = f"camera = {_text(draft.door)}\n" if draft.camera else ""
    return f"""\
# Made by the set-up.  config/garita.toml explains every key, and what else there is.
#   garita check                           names every mistake with line, key and reason

[site]
gateway = {_text(draft.gateway)}
timezone = {_text(draft.timezone)}
language = {_text(draft.language)}
data_dir = {_text(str(places.data_dir))}
run_dir = {_text(str(places.run_dir))}
key_file = {_text(CREDENTIAL if draft.credential else str(places.key_file))}

[access_levels.all]                # the list gives each person levels by name
doors = {{ {_key(draft.door)} = "always" }}

[readers.{_key(draft.door + "-in")}]
driver = {_text(draft.reader_driver)}
port = {_text(draft.reader_port)}
baudrate = {draft.reader_baudrate}

[locks.board]
driver = {_text(draft.lock_driver)}
port = {_text(draft.lock_port)}
options = {{ channels = {draft.channels} }}
{camera}
[doors.{_key(draft.door)}]
mode = "badge"                     # docs/doors.md: a PIN, a face, contacts, the way out
reader = {_text(draft.door + "-in")}
lock = "board"
channel = {draft.channel}
pulse_s = {draft.pulse_s}
fail = {_text(draft.fail)}
{door_camera}
[operators.{_key(draft.operator)}]
person = "e1"
roles = ["administrator", "supervisor", "guard"]
{console}{_mqtt(draft, places)}"""


def _mqtt(draft: Draft, places: Places) -> str:
    if not draft.broker:
        return ""
    lines = [f"{key} = {_value(value)}" for key, value in mqtt(draft, places).items()]
    return "\n".join(["", "[mqtt]                             # docs/mqtt.md", *lines, ""])


def mqtt(draft: Draft, places: Places) -> dict[str, str | int | bool]:
    """The keys of [mqtt] for a broker that knows the gateway by its certificate."""
    return {
        "host": draft.broker,
        "port": draft.broker_port,
        "tls": True,
        "ca_file": str(places.certs / "ca.pem"),
        "cert_file": str(places.certs / f"{draft.gateway}.pem"),
        "key_file": str(places.certs / f"{draft.gateway}.key"),
    }


def _value(value: str | int | bool) -> str:
    return _text(value) if isinstance(value, str) else str(value).lower()


def mistakes(draft: Draft, places: Places) -> list[Mistake]:
    """What `garita check` would say of the file, with the ports that are attached now."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "garita.toml"
        path.write_text(toml(draft, places), encoding="utf-8")
        try:
            tables = config.load(path).tables
        except ConfigError as error:
            return error.mistakes
    ports = Machine().findings(tables)
    return [Mistake("garita.toml", 0, ".".join(map(str, loc)), why) for loc, why in ports.mistakes]


KEYS = {
    "gateway": ("site.gateway",),
    "timezone": ("site.timezone",),
    "door": ("doors", "readers"),
    "reader_driver": ("readers.",),
    "lock_driver": ("locks.",),
    "channel": ("doors.", "locks."),
    "operator": ("operators",),
}
"""The keys of garita.toml whose mistakes are those of an answer."""


def wrong(draft: Draft, places: Places, *names: str) -> dict[str, str]:
    """What is missing or wrong in the answers `names`, by the name of the answer."""
    found = {name: why for name, why in missing(draft).items() if name in names}
    for mistake in mistakes(draft, places):
        for name, keys in KEYS.items():
            if name in names and name not in found and mistake.key.startswith(keys):
                found[name] = mistake.reason
    return found


def _text(value: str) -> str:
    """A string of TOML.  JSON's escapes are TOML's, but for DEL, which JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(value: str) -> str:
    """A bare key, or a quoted one for what is not: the check of names refuses that, and says so."""
    return value if re.fullmatch(r"[A-Za-z0-9_-]+", value) else _text(value)
