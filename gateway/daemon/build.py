"""All parts of one gateway, built from its settings.

Each part gets what it needs by keyword and nothing else; a part that is needed is built before the
one that needs it, so a wrong order here is a NameError at the first start.  Nothing runs yet: see
gateway/daemon/service.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.config import Settings
from gateway.config.inforce import InForce
from gateway.daemon import faceparts
from gateway.daemon.archiving import Archiving
from gateway.daemon.checkpoints import Checkpoints, head_file
from gateway.daemon.damage import Damages
from gateway.daemon.fleetwatch import FleetWatch
from gateway.daemon.jobs import Jobs
from gateway.daemon.listkeeper import GuardedRoster, ListKeeper
from gateway.daemon.logkeys import LogKeys, at_start
from gateway.daemon.measures import Measures, counting
from gateway.daemon.outbox import Outbox
from gateway.daemon.pictures import Pictures
from gateway.daemon.pulls import Pulls
from gateway.daemon.sharing import Sharing
from gateway.daemon.status import Status
from gateway.daemon.triggers import ThreatTriggers
from gateway.daemon.wiring import Plant, build_devices, build_doors
from gateway.devices import BusReader
from gateway.devices.ports import OnDevice
from gateway.doors.confirm import Confirmations
from gateway.doors.pinpad import PinLimits
from gateway.doors.rules import Rules, RulesInForce
from gateway.doors.services import Services, not_counted
from gateway.face.matcher import CardholderMatcher
from gateway.face.service import CHALLENGE_S, FaceService
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.people import Roster
from gateway.people.pins import Pins
from gateway.proof.note import Signer
from gateway.state.clock import Clock
from gateway.state.flapping import DeviceStates
from gateway.state.health import Health, synchronised
from gateway.state.presence import Presence, new_presence
from gateway.state.service import OutOfService
from gateway.state.threat import ThreatState
from gateway.uplink import Handlers, Uplink
from gateway.vault import logkey
from gateway.vault.readerkeys import ReaderKeys
from gateway.vault.sitekey import SiteKey

if TYPE_CHECKING:
    from gateway.daemon.cosigning import Cosigning

log = logging.getLogger("garita.daemon.build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one gateway; None for what the site does not have."""

    settings: Settings
    key: SiteKey
    ledger: Ledger
    clock: Clock
    plant: Plant
    reader_keys: ReaderKeys
    devices: DeviceStates
    damages: Damages
    lists: ListKeeper
    out_of_service: OutOfService
    presence: Presence
    threat: ThreatState
    triggers: ThreatTriggers
    confirmations: Confirmations
    pins: Pins
    pin_limits: PinLimits
    health: Health
    faces: FaceService | None
    matcher: CardholderMatcher | None
    pictures: Pictures
    uplink: Uplink | None
    outbox: Outbox
    pulls: Pulls
    jobs: Jobs
    status: Status
    archiving: Archiving
    sharing: Sharing | None
    fleet: FleetWatch | None
    checkpoints: Checkpoints | None
    logkeys: LogKeys | None
    """None if the key that signs them can't be read."""
    cosigning: Cosigning | None
    """None if the site names no witness and no mirror."""
    measures: Measures | None
    """None if the site has no [metrics]."""
    rules: RulesInForce
    limits: DoorLimits
    in_force: InForce


class _Broker:
    """Whether the broker is connected, as `Health` asks; None for a site without one."""

    def __init__(self, configured: bool, on_device: OnDevice) -> None:
        self.connected = False if configured else None
        self._on_device = on_device

    def changed(self, online: bool, detail: str) -> None:
        self.connected = online
        self._on_device("broker", "mqtt", online, detail)


def build(settings: Settings, key: SiteKey, ledger: Ledger) -> Parts:
    """Build everything; must be called in the event loop.

    A file of our own that is damaged stops none of them.
    """
    tables, site, in_force = settings.tables, settings.site, InForce(settings)
    devices = DeviceStates(ledger.note)
    damages = Damages(tables.site.data_dir, ledger.note)
    out_of_service = OutOfService(settings.doors_path, damages)
    clock = Clock(
        ledger.marks.newest,
        tables.site.clock_back_tolerance_s,
        sure=ledger.marks.proven,
        synchronised=synchronised,
    )
    ledger.judge_clock_by(lambda: clock.sure)
    lists = _lists(settings, clock, damages)
    roster = GuardedRoster(settings.people_path, lists)
    presence = new_presence(settings)
    threat = ThreatState(
        site.threat_levels,
        settings.threat_path,
        site.gateway,
        tables.threat.on_unknown,
        damages,
    )
    confirmations = Confirmations(tables.health.confirm_s)
    pins = Pins(key)
    pin_limits = PinLimits(tables.pin.attempts, tables.pin.lock_s)
    faces = faceparts.service(settings, devices.change, damages)
    matcher = None
    if faces is not None:
        matcher = CardholderMatcher(
            faces, roster, key, tables.face, settings.evidence_path, settings.site.zone
        )
    broker = _Broker(tables.mqtt is not None, devices.change)

    reader_keys = ReaderKeys(settings.keys_path, key, damages, mend=True)
    plant = build_devices(
        settings,
        keys=reader_keys,
        on_device=devices.change,
        note=ledger.note,
    )
    health = Health(
        tables.site.data_dir,
        disk_free_mb=tables.health.disk_free_mb,
        list_max_age_h=tables.health.list_max_age_h,
        broker=lambda: broker.connected,
        list_copy=lists.failing,
        secured={n: partial(_is_secured, reader) for n, reader in plant.bus_readers().items()},
    )
    tally = counting(settings, ledger)
    services = Services(
        rules=RulesInForce(rules_of(settings)),
        roster=roster,
        ledger=ledger,
        clock=clock,
        key=key,
        faces=matcher,
        pins=pins,
        pin_limits=pin_limits,
        presence=presence,
        threat=lambda: threat.level,
        failing=health.failing,
        confirmations=confirmations,
        timed=tally.timed if tally is not None else not_counted,
    )
    build_doors(plant, settings, services=services, on_device=devices.change)
    if faces is not None:
        faceparts.announce(settings, plant, faces)

    pictures = Pictures(
        faces=faces,
        people=settings.people_path,
        key=key,
        wanted=tables.face.portraits,
        append=ledger.append,
    )
    outbox = Outbox(settings.people_path, ledger.append, lambda: ledger.chain)
    pulls = Pulls(settings, ledger.note)
    status = Status(
        in_force=in_force,
        ledger=ledger,
        clock=clock,
        roster=roster,
        devices=devices,
        plant=plant,
        presence=presence,
        threat=threat,
    )
    # Commands are late by the newest time that is known: a clock that was set back revives none.
    triggers = ThreatTriggers(
        settings,
        threat,
        ledger.append,
        lambda: (clock.latest(), clock.trusted),
        status.boot,
        damages,
    )
    triggers.desk.handle("sync", pulls.commanded)
    triggers.listen({**plant.inputs, **plant.bus_readers()})
    checkpoints = _checkpoints(settings, key, ledger, status, damages)
    cosigning = _cosigning(settings, ledger, checkpoints, status)
    uplink = None
    if tables.mqtt is not None:
        uplink = Uplink(
            tables.mqtt,
            site.gateway,
            LedgerReader(settings.ledger_path),
            ledger.wait_beyond,
            settings.cursor_path,
            status.state,
            lambda: checkpoints.text if checkpoints is not None else "",
            Handlers(
                state=broker.changed,
                note=ledger.note,
                command=triggers.desk.receive if tables.command_keys else None,
                bundle=pulls.on_bundle if pulls.takes_bundles else None,
                checkpoint=checkpoints.judge if checkpoints is not None else None,
                cosigned=cosigning.take if cosigning is not None and tables.log.mirrors else None,
            ),
            damages,
        )
    if uplink is not None:
        triggers.desk.answer_by(uplink.answer)
    jobs = Jobs(
        in_force=in_force,
        ledger=ledger,
        clock=clock,
        presence=presence,
        health=health,
        damages=damages,
    )
    outbox.on_act(jobs.on_act)
    outbox.on_act(damages.heard)
    archiving = Archiving(
        path=settings.ledger_path,
        name=site.gateway,
        ledger=ledger,
        table=tables.log,
        now=clock.sure_time,
    )
    sharing = _sharing(
        settings, ledger, presence, clock, checkpoints, devices.change, jobs.keep_soon, damages
    )
    if sharing is not None:
        status.add("peers", sharing.parts)
    parts: dict[str, Callable[[], object]] = {
        "archives": archiving.status,
        "damage": damages.shown,
        "list_copy": lists.status,
        "disk": health.disk,
        "mqtt": lambda: uplink.status() if uplink else None,
        "face": lambda: faceparts.status(faces, matcher),
    }
    for name, about in parts.items():
        status.add(name, about)
    return Parts(
        settings=settings,
        key=key,
        ledger=ledger,
        clock=clock,
        plant=plant,
        reader_keys=reader_keys,
        devices=devices,
        damages=damages,
        lists=lists,
        out_of_service=out_of_service,
        presence=presence,
        threat=threat,
        triggers=triggers,
        confirmations=confirmations,
        pins=pins,
        pin_limits=pin_limits,
        health=health,
        faces=faces,
        matcher=matcher,
        pictures=pictures,
        uplink=uplink,
        outbox=outbox,
        pulls=pulls,
        jobs=jobs,
        status=status,
        archiving=archiving,
        sharing=sharing,
        fleet=_fleet(settings, roster, ledger, clock),
        checkpoints=checkpoints,
        logkeys=_log_keys(settings, key, checkpoints),
        cosigning=cosigning,
        measures=Measures(
            settings,
            tally,
            plant=plant,
            ledger=ledger,
            clock=clock,
            devices=devices,
            list_version=roster.version,
            uplink=uplink,
            faces=faces,
            matcher=matcher,
        )
        if tally is not None
        else None,
        rules=services.rules,
        limits=DoorLimits(settings, services),
        in_force=in_force,
    )


def _lists(settings: Settings, clock: Clock, damages: Damages) -> ListKeeper:
    health = settings.tables.health
    return ListKeeper(
        settings.people_path,
        settings.ledger_path,
        every_s=health.list_copy_s,
        max_age_h=health.list_max_age_h,
        now=clock.now,
        tell=damages,
    )


def _sharing(
    settings: Settings,
    ledger: Ledger,
    presence: Presence,
    clock: Clock,
    checkpoints: Checkpoints | None,
    on_device: OnDevice,
    on_taken: Callable[[], None],
    damages: Damages,
) -> Sharing | None:
    """What keeps areas the same at several gates; nothing of our log is signed before it was held
    against what the broker knows."""
    tables = settings.tables
    if not tables.peers or tables.mqtt is None:
        return None

    def signer() -> Signer | None:
        signed = checkpoints is not None and checkpoints.newest is not None
        return checkpoints.signer() if signed and checkpoints is not None else None

    return Sharing(
        gateway=settings.site.gateway,
        mqtt=tables.mqtt,
        peers=tables.peers,
        shared={n: frozenset(area.shared) for n, area in tables.areas.items() if area.shared},
        ledger=ledger,
        presence=presence,
        signer=signer,
        now=clock.now,
        on_device=on_device,
        path=settings.head_path,
        on_taken=on_taken,
        tell=damages,
    )


def _fleet(settings: Settings, roster: Roster, ledger: Ledger, clock: Clock) -> FleetWatch | None:
    bundles, mqtt = settings.tables.sync.bundles, settings.tables.mqtt
    if bundles is None or not bundles.watch or mqtt is None:
        return None
    return FleetWatch(
        gateway=settings.site.gateway,
        mqtt=mqtt,
        gates=bundles.watch,
        late_s=bundles.late_minutes * 60,
        roster=roster,
        ledger=ledger,
        now=lambda: clock.now() if clock.trusted else None,
    )


def _checkpoints(
    settings: Settings, key: SiteKey, ledger: Ledger, status: Status, damages: Damages
) -> Checkpoints | None:
    """A key that can't be read closes no door: the log goes on without checkpoints, and says so."""
    logkey.restore(settings.log_key_path, key, damages)
    try:
        private = at_start(settings.log_key_path, key, settings.ledger_path)
    except (logkey.LogKeyError, LedgerUnavailable) as error:
        said = str(error)
        log.error("no checkpoints of the log: %s", said)
        status.add("checkpoint", lambda: {"error": said})
        return None
    broker = settings.tables.mqtt is not None
    head_file(settings.head_path, damages).restore(otherwise="signed_anew")
    made = Checkpoints.of(
        settings, ledger, private, facts=status.bound, broker=broker, tell=damages
    )
    status.add("checkpoint", lambda: made.newest and {"note": made.newest.write()})
    return made


def _log_keys(settings: Settings, key: SiteKey, checkpoints: Checkpoints | None) -> LogKeys | None:
    if checkpoints is None:
        return None
    named = bool(settings.tables.operators)
    return LogKeys(checkpoints, settings.log_key_path, key, operators=named)


def _cosigning(
    settings: Settings, ledger: Ledger, checkpoints: Checkpoints | None, status: Status
) -> Cosigning | None:
    table = settings.tables.log
    if checkpoints is None or not table.cosigners:
        return None
    from gateway.daemon.cosigning import Cosigning  # noqa: PLC0415 - brings an HTTP client

    made = Cosigning(table=table, ledger=ledger, path=settings.ledger_path, checkpoints=checkpoints)
    status.add("witnesses", made.status)
    return made


def rules_of(settings: Settings) -> Rules:
    """What attempts go by."""
    tables = settings.tables
    return Rules(settings.site, tables.pin.timeout_s, tables.presence.escort_s)


class DoorLimits:
    """How long (seconds) a door may rightly wait for one badge.  An attempt may still go by the
    settings of before, so it never becomes less."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self._services = services
        self.seconds = 0.0
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Count with these settings too; the rules of `services` are theirs already."""
        self.seconds = max(self.seconds, self._needed(settings))

    def _needed(self, settings: Settings) -> float:
        """For faces (one found, then two that turn as they are told), PINs, a guard, another
        badge, and then for the disk."""
        challenged = any(door.challenge for door in settings.site.doors.values())
        challenge_s = CHALLENGE_S if challenged else 0.0
        faces_s = 3 * settings.tables.face.timeout_s + 2 * challenge_s
        return faces_s + self._services.longest_wait_s + 10.0


def _is_secured(reader: BusReader) -> bool:
    return reader.device.secured
