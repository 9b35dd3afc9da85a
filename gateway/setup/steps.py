"""What a set-up will do, as steps that are shown first and done then.

Each step may be done twice: one that is killed leaves nothing half, and the next run does what is
missing.  The configuration comes after the keys and certificates that it names, and before what
reads it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway import config
from gateway.config.mistakes import ConfigError
from gateway.locale import GaritaError, Message, system, worded
from gateway.setup import box, broker, edit
from gateway.setup.certs import CA, Certificates
from gateway.setup.draft import Draft, Places, toml
from gateway.setup.keeping import replace_kept
from gateway.setup.making import folders, make
from gateway.vault.authority import Kind
from gateway.vault.sitekey import SiteKey


class StepFailed(GaritaError):
    """A step could not be done; the message says why.  The steps before it are done."""


@dataclass(frozen=True, slots=True)
class Step:
    """`what` it does, in words; `do` does it and may return a remark."""

    what: Message
    do: Callable[[], Message | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a set-up is to reach.  `before` is what a configuration that is there says, None for a
    new gate.  `own_broker`: a mosquitto here."""

    places: Places
    after: Draft
    before: Draft | None = None
    by: str = "root"
    own_broker: bool = False
    broker_names: Sequence[str] = ()
    broker_clients: Sequence[str] = ()
    admins: Sequence[str] = ()
    desk: Sequence[str] = ()
    units: Sequence[str] = ()
    now: datetime | None = field(default=None)

    @property
    def text(self) -> str:
        """The configuration as it would be.  Raises NotEditable and OSError."""
        if self.before is None:
            return toml(self.after, self.places)
        text = self.places.config.read_text(encoding="utf-8")
        return edit.changed(text, self.before, self.after, self.places)


def steps(wanted: Wanted) -> list[Step]:
    """The steps that are still to do, in their order.  Raises NotEditable, ConfigError and OSError
    if the configuration can't be what is wanted."""
    return list(_steps(wanted))


def _steps(wanted: Wanted) -> Iterator[Step]:
    places = wanted.places
    if places.of_service and not box.has_account():
        yield Step(worded("accounts and groups of the service"), _done(box.make_accounts))
    if wanted.own_broker:
        held = Certificates(places.certs)
        if missing := list(_missing(wanted, held)):
            names = ", ".join(name for name, _make in missing)
            what = worded("certificates in {folder}: {names}", folder=held.folder, names=names)
            yield Step(what, _done(_certificates, wanted, missing))
    if wanted.after.credential and places.of_service and box.lacks_credential():
        what = worded("the site key as a credential of systemd")
        yield Step(what, _done(_credential, places))
    if wanted.before is None:
        yield Step(
            worded("site key, personnel list and {path}", path=places.config),
            _done(make, wanted.after, places, wanted.by),
        )
    else:
        text = wanted.text
        key = edit.checked(text, places).tables.site.key_file
        if key == str(places.key_file) and not places.key_file.exists():
            what = worded("site key {path}", path=places.key_file)
            yield Step(what, _done(_site_key, places))
        if text != places.config.read_text(encoding="utf-8"):
            yield Step(worded("changes in {path}", path=places.config), _writing(wanted, text))
    if wanted.own_broker:
        to = broker.BrokerPlaces.of(places.config)
        yield Step(worded("the broker: {path}", path=to.conf), _broker(wanted, to))
    for name, group in box.not_yet(box.groups_of(wanted.admins, wanted.desk)):
        yield Step(
            worded("{name} becomes a member of {group}", name=name, group=group),
            _done(box.join, name, group),
        )
    if wanted.units:
        names = ", ".join(wanted.units)
        yield Step(worded("start now and with the box: {names}", names=names), _units(wanted.units))


def _site_key(places: Places) -> None:
    folders(places)
    if not places.key_file.exists():
        SiteKey.create(places.key_file, places.data_dir)


def _credential(places: Places) -> None:
    """The configuration names the credential, so it is there first."""
    _site_key(places)
    box.encrypt(places.key_file)


def _missing(wanted: Wanted, held: Certificates) -> Iterator[tuple[str, Callable[[], object]]]:
    """The certificates that are not there yet, with how each is made."""
    now, gateway = wanted.now or datetime.now().astimezone(), wanted.after.gateway
    if not held.cert_path(CA).exists():
        yield CA, lambda: held.new_authority(gateway, now)
    names = list(dict.fromkeys([*wanted.broker_names, "localhost"]))
    if not held.cert_path(broker.SERVER).exists():
        yield broker.SERVER, lambda: held.issue(broker.SERVER, Kind.SERVER, now, names=names)
    for name in dict.fromkeys([gateway, *wanted.broker_clients]):
        if not held.cert_path(name).exists():
            reader = wanted.places.data_dir if name == gateway else None
            yield name, _client(held, name, now, reader)


def _client(
    held: Certificates, name: str, now: datetime, reader: Path | None
) -> Callable[[], object]:
    return lambda: held.issue(name, Kind.CLIENT, now, reader=reader)


def _certificates(wanted: Wanted, missing: Sequence[tuple[str, Callable[[], object]]]) -> None:
    folders(wanted.places)
    for _name, do in missing:
        do()


def _writing(wanted: Wanted, text: str) -> Callable[[], Message | None]:
    def do() -> Message | None:
        kept = replace_kept(wanted.places.config, text.encode(), 0o640)
        return worded("the old one is {path}", path=kept.old) if kept.old else None

    return do


def _broker(wanted: Wanted, to: broker.BrokerPlaces) -> Callable[[], Message | None]:
    def do() -> Message | None:
        held, after = Certificates(wanted.places.certs), wanted.after
        port, people = after.broker_port, wanted.broker_clients
        for item in broker.files(to, held, port=port, people=people):
            replace_kept(item.path, item.data, item.mode)
            if item.mode == 0o600:
                broker.own(item.path)
        if broker.program() is None:
            return worded("mosquitto is not installed: apt install mosquitto")
        mqtt = config.load(wanted.places.config).tables.mqtt
        if mqtt is None:
            return None
        version = broker.tried(to, mqtt, after.gateway)
        if box.restart("mosquitto.service"):
            return worded("tried (MQTT {version}), and mosquitto started again", version=version)
        return worded("tried (MQTT {version}): start mosquitto again", version=version)

    return do


def _units(units: Sequence[str]) -> Callable[[], Message | None]:
    def do() -> Message | None:
        for name in units:
            box.install_unit(name)
        if not box.systemd_runs():
            return worded(
                "systemd does not run here: systemctl enable --now {units}", units=" ".join(units)
            )
        box.enable(units)
        return None

    return do


def _done(work: Callable[..., object], *arguments: object) -> Callable[[], Message | None]:
    def do() -> None:
        work(*arguments)

    return do


def perform(step: Step) -> Message | None:
    """Do a step; returns its remark.  Raises StepFailed with a sentence, whatever went wrong."""
    try:
        return step.do()
    except ConfigError as error:
        raise StepFailed("; ".join(map(str, error.mistakes))) from error
    except GaritaError as error:
        raise StepFailed(str(error)) from error
    except OSError as error:
        why = system(error.strerror) or str(error)
        raise StepFailed(f"{error.filename}: {why}" if error.filename else why) from error


def host_names() -> list[str]:
    """By what others may reach this box: its name, with and without the domain."""
    return list(dict.fromkeys([socket.gethostname(), socket.getfqdn()]))
