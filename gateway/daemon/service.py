"""The gateway process: wiring only.

Builds the parts from the settings, runs them in one supervised TaskGroup, and takes them
down in order.  A part that fails is started again with back-off and is an event; it never
takes the gate with it.  This process must stay small: it never imports OpenCV, NumPy or
dlib, which live in the face process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date
from functools import partial
from typing import Any

from drivers.serialport import SerialPort
from gateway import __version__
from gateway.config import Settings
from gateway.daemon.commands import Command, Refused
from gateway.daemon.control import ControlServer
from gateway.daemon.jobs import Jobs
from gateway.daemon.operations import Operations
from gateway.daemon.pulls import Pulls
from gateway.daemon.systemd import notify, watchdog_interval
from gateway.daemon.triggers import ThreatTriggers
from gateway.daemon.wiring import build_plant
from gateway.devices import BusReader, LockBoard
from gateway.doors.attempt import Services
from gateway.doors.confirm import Confirmations
from gateway.doors.pinpad import PinLimits
from gateway.face.evidence import Evidence
from gateway.face.matcher import CardholderMatcher
from gateway.face.scenes import Scenes
from gateway.face.service import CHALLENGE_S, FaceService
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.people import Roster, RosterUnavailable, faces
from gateway.people.pins import Pins
from gateway.state.clock import Clock
from gateway.state.flapping import DeviceStates
from gateway.state.health import Health
from gateway.state.presence import new_presence
from gateway.state.restore import open_alarms, wrong_pins
from gateway.state.service import read_service
from gateway.state.threat import ThreatState
from gateway.uplink import Uplink
from gateway.vault.readerkeys import ReaderKeys
from gateway.vault.sitekey import SiteKey

log = logging.getLogger("garita.daemon.service")

OUTBOX_POLL_S = 0.5
CLOCK_POLL_S = 1.0
RETENTION_POLL_S = 3600.0
READER_STALL_S = 5.0


class Daemon:
    """All parts of one gateway."""

    def __init__(self, settings: Settings, key: SiteKey, ledger: Ledger) -> None:
        tables = settings.tables
        self._settings = settings
        self._started = time.monotonic()
        self._stop = asyncio.Event()
        self._nudge = asyncio.Event()
        self._out_of_service = read_service(settings.doors_path)
        self.devices = DeviceStates(self.note)
        self._secured: dict[str, Callable[[], bool]] = {}  # readers that can be, on buses
        self.ledger = ledger
        self.clock = Clock(ledger.last_time, tables.site.clock_back_tolerance_s)
        self.roster = Roster(settings.people_path)
        self._scenes = Scenes(settings.scenes_path)
        self.faces = self._face_service()
        self.matcher = None
        if self.faces is not None:
            self.matcher = CardholderMatcher(
                self.faces, self.roster, key, tables.face, settings.evidence_path
            )
        self.pin_limits = PinLimits(tables.pin.attempts, tables.pin.lock_s)
        site = settings.site
        self.presence = new_presence(settings)
        self.threat = ThreatState(
            site.threat_levels, settings.threat_path, site.gateway, tables.threat.on_unknown
        )
        self.guard = Confirmations(tables.health.confirm_s)
        self.health = Health(
            tables.site.data_dir,
            disk_free_mb=tables.health.disk_free_mb,
            list_max_age_h=tables.health.list_max_age_h,
            broker=lambda: self.uplink.connected if self.uplink else None,
            secured=self._secured,
        )
        self.chores = Jobs(self)
        parts = Services(
            settings.site,
            self.roster,
            ledger,
            self.clock,
            key,
            self.matcher,
            Pins(key),
            self.pin_limits,
            tables.pin.timeout_s,
            self.presence,
            lambda: self.threat.level,
            self.health.failing,
            self.guard,
            tables.presence.escort_s,
        )
        self._longest_wait_s = parts.longest_wait_s
        challenged = any(door.challenge for door in site.doors.values())
        self._challenge_s = CHALLENGE_S if challenged else 0.0
        plant = build_plant(settings, parts, ReaderKeys(settings.keys_path, key), self)
        self.buses, self.readers, self.boards = plant.buses, plant.readers, plant.boards
        self.gates, self.interlocks, self.inputs = plant.gates, plant.interlocks, plant.inputs
        self._announce_faces()
        self.pulls = Pulls(settings, self.note)
        self.threat_ways = ThreatTriggers(
            settings, self.threat, ledger.append, lambda: (self.clock.now(), self.clock.trusted)
        )
        on_buses = {n: r for bus in self.buses.values() for n, r in bus.readers.items()}
        self._secured |= {name: partial(_is_secured, r) for name, r in on_buses.items()}
        self.threat_ways.desk.handle("sync", self._commanded_sync)
        self.threat_ways.listen({**self.inputs, **on_buses})
        self.uplink = self._make_uplink()

    def _face_service(self) -> FaceService | None:
        tables = self._settings.tables
        if not tables.cameras:
            return None
        worker = {
            "cameras": {
                name: {"driver": camera.driver, "options": camera.options}
                for name, camera in tables.cameras.items()
            },
            "frames": tables.face.frames,
            "min_face_px": tables.face.min_face_px,
            "others": tables.face.others,
            "embedder": tables.face.embedder,
            "embedder_options": tables.face.embedder_options,
            "scenes": self._scenes.read(),
        }
        return FaceService(worker, on_device=self.on_device, on_scene=self._scenes.put)

    def _announce_faces(self) -> None:
        """At a door that opens to a face alone, whoever stands before its camera is a claim."""
        for name, door in self._settings.tables.doors.items():
            if self.faces is not None and door.identify is not None and door.camera is not None:
                self.faces.on_arrival(door.camera, self.gates[name].lanes[0].on_arrival)

    def _make_uplink(self) -> Uplink | None:
        if self._settings.tables.mqtt is None:
            return None
        return Uplink(
            self._settings.tables.mqtt,
            self._settings.site.gateway,
            LedgerReader(self._settings.ledger_path),
            self.ledger.wait_beyond,
            self._settings.cursor_path,
            self.state,
            lambda online, detail: self.on_device("broker", "mqtt", online, detail),
            self.threat_ways.desk.receive if self._settings.tables.command_keys else None,
            self.pulls.on_bundle if self.pulls.takes_bundles else None,
        )

    async def _commanded_sync(self, command: Command) -> Mapping[str, Any]:
        """The source with a schedule is pulled now; its tripwires hold as ever."""
        source = self.pulls.pull_now()
        if not source:
            raise Refused("no source has a schedule")
        return {"source": source}

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._nudge.set)
        await self._append(
            NewEvent(
                EventType.GATEWAY_STARTED,
                self._settings.site.gateway,
                {"version": __version__, "policy_version": self._settings.site.policy_version},
            )
        )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._supervise(name, run), name=name)
                    for name, run in self._tasks().items()
                ]
                self._restore()
                # What lives from here on lives to the end: the collector need not look at it.
                gc.collect()
                gc.freeze()
                notify(READY=1, STATUS="serving")
                log.info("ready: %d door(s)", len(self.gates))
                await self._stop.wait()
                notify(STOPPING=1)
                # To rest while the ports are open; no badge is served between here and the end.
                for board in self.boards.values():
                    board.close()
                await end(tasks)
        finally:
            self.devices.settle()
            await self._append(NewEvent(EventType.GATEWAY_STOPPED, self._settings.site.gateway))
            await self.chores.keep()

    def _tasks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        tasks: dict[str, Callable[[], Awaitable[None]]] = {
            "control": ControlServer(
                self._settings.socket_path,
                {
                    "status": self._op_status,
                    "nudge": self._op_nudge,
                    "clock_accept": self._op_clock_accept,
                    "capture": self._op_capture,
                    **Operations(self).table(),
                },
            ).run,
            "outbox": self._drain_outbox,
            "clock": self._watch_clock,
            "retention": self._keep_retention,
            "watchdog": self._watchdog,
            "chores": self.chores.run,
            "pulls": self.pulls.run,
        }
        tasks |= {f"inputs {name}": board.run for name, board in self.inputs.items()}
        tasks |= {f"{kind} {name}": port.run for (kind, name), port in self._ports().items()}
        tasks |= {
            f"door {name} {lane.reader}": lane.run
            for name, gate in self.gates.items()
            for lane in gate.lanes
        }
        if self.faces is not None:
            tasks["face"] = self.faces.run
        if self.matcher is not None:
            keep = self.matcher.keep_gallery
            tasks["gallery"] = lambda: keep(self._settings.people_path)
        if self.uplink is not None:
            tasks["uplink"] = self.uplink.run
            tasks["commands"] = self.threat_ways.desk.run
        return tasks

    def _ports(self) -> dict[tuple[str, str], SerialPort]:
        """Every serial port that has to be kept open."""
        boards = {n: b for n, b in self.boards.items() if isinstance(b, LockBoard)}
        ports = {("lock", name): board.port for name, board in boards.items()}
        ports |= {("reader", reader.name): reader.port for reader in self.readers}
        ports |= {("bus", name): bus.port for name, bus in self.buses.items()}
        return ports

    def _restore(self) -> None:
        """What must outlive a restart: doors out of service, alarms that were open, wrong PINs
        of late, the threat level, who is inside."""
        for name, reason in self._out_of_service.items():
            if name in self.gates:
                self.gates[name].carry_out(self.gates[name].door.set_out_of_service(reason))
        reader = LedgerReader(self._settings.ledger_path)
        try:
            wrong = wrong_pins(reader, self.pin_limits.lock_s)
            alarms = open_alarms(reader, [n for n, g in self.gates.items() if g.door.watched])
            changed = self.threat.restore(reader.newest)
            self._restore_presence(reader)
        finally:
            reader.close()
        for name, open_ones in alarms.items():
            self.gates[name].carry_out(self.gates[name].door.resume(open_ones, time.monotonic()))
        self.pin_limits.remember(wrong)
        if changed is not None:
            self.note(changed)

    def _restore_presence(self, reader: LedgerReader) -> None:
        begun = time.monotonic()
        try:
            count = self.presence.restore(self._settings.presence_path, reader)
        except LedgerUnavailable as error:
            self.presence.known = False
            log.critical("who is inside is not known: %s", error)
            return
        took = time.monotonic() - begun
        log.info("who is inside, from %d record(s), in %.2f s", count, took)
        self.ledger.observe(self._on_record)

    def _on_record(self, event: Event) -> None:
        for more in self.presence.apply(event):
            self.note(more)

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a part for ever; a failure is logged, recorded and followed by another try."""
        wait = 0.5
        while True:
            begun = time.monotonic()
            try:
                await run()
                detail = "ended"
            except Exception as error:
                log.exception("%s failed", name)
                detail = type(error).__name__
            self.note(NewEvent(EventType.GATEWAY_TASK_FAILED, name, {"detail": detail}))
            if time.monotonic() - begun > 60:
                wait = 0.5
            await asyncio.sleep(wait)
            wait = min(wait * 2, 10.0)

    # Events

    def note(self, event: NewEvent) -> None:
        self.ledger.append_soon(event).add_done_callback(_log_failure)

    async def _append(self, event: NewEvent) -> None:
        try:
            await self.ledger.append(event)
        except LedgerUnavailable as error:
            log.critical("the log can't be written (%s): %s is not on record", error, event.type)

    def on_device(self, kind: str, name: str, online: bool, detail: str) -> None:
        """A device came, went, or changed why it is away."""
        self.devices.change(kind, name, online, detail)

    # Standing tasks

    async def _drain_outbox(self) -> None:
        """Move admin acts from the list's outbox to the ledger; an act is recorded once,
        however often we try, because it carries its own id."""
        while True:
            try:
                while events := self.roster.outbox(100):
                    for event in events:
                        await self.ledger.append(event)
                    self.roster.outbox_done([event.id for event in events])
            except (RosterUnavailable, LedgerUnavailable) as error:
                log.warning("admin acts wait to be recorded: %s", error)
                await asyncio.sleep(5 - OUTBOX_POLL_S)
            self._nudge.clear()
            try:
                async with asyncio.timeout(OUTBOX_POLL_S):
                    await self._nudge.wait()
            except TimeoutError:
                continue

    async def _keep_retention(self) -> None:
        """Destroy faces whose last day is past: hourly, by the site's day, never by a clock that
        can't be trusted."""
        while True:
            if self.clock.trusted:
                today = self.clock.now().astimezone(self._settings.site.zone).date()
                try:
                    gone = await asyncio.to_thread(
                        faces.purge_file, self._settings.people_path, today
                    )
                    if gone:
                        log.info("retention over: %d face(s) destroyed", len(gone))
                        self._nudge.set()
                except RosterUnavailable as error:
                    log.warning("faces past their retention wait: %s", error)
                await self._purge_pictures(today)
            await asyncio.sleep(RETENTION_POLL_S)

    async def _purge_pictures(self, today: date) -> None:
        days = self._settings.tables.face.keep_pictures_days
        pictures = Evidence(self._settings.evidence_path)
        try:
            count = await asyncio.to_thread(pictures.purge, today, days)
        except OSError as error:
            log.warning("pictures past their retention wait: %s", error)
            return
        if count:
            data = {"count": count, "days": days}
            self.note(NewEvent(EventType.FACE_PICTURES_PURGED, self._settings.site.gateway, data))

    async def _watch_clock(self) -> None:
        while True:
            step = self.clock.take_step()
            if step is not None:
                moved, trusted = step.seconds, step.trusted
                level = logging.WARNING if trusted else logging.CRITICAL
                log.log(level, "the clock moved by %+.1f s, trusted: %s", moved, trusted)
                self.note(
                    NewEvent(
                        EventType.CLOCK_STEPPED,
                        self._settings.site.gateway,
                        {"seconds": moved, "trusted": trusted},
                    )
                )
            await asyncio.sleep(CLOCK_POLL_S)

    async def _watchdog(self) -> None:
        """Ping systemd only while the loop, the ledger's writer, the readers and the doors
        all make progress; a part that hangs gets the whole gateway restarted."""
        interval = watchdog_interval()
        while True:
            await asyncio.sleep(interval or 10.0)
            stalled = await self._stalled()
            if stalled:
                log.critical("no progress: %s", ", ".join(stalled))
            elif interval is not None:
                notify(WATCHDOG=1)

    @property
    def door_limit_s(self) -> float:
        """How long a door may rightly wait: for faces (one found, then two that turn as they are
        told), PINs, a guard, another badge and then for the disk."""
        faces_s = 3 * self._settings.tables.face.timeout_s + 2 * self._challenge_s
        return faces_s + self._longest_wait_s + 10.0

    async def _stalled(self) -> list[str]:
        now = time.monotonic()
        door_limit = self.door_limit_s
        stalled = [
            f"{kind} {name}"
            for (kind, name), port in self._ports().items()
            if now - port.progress_at > READER_STALL_S
        ]
        stalled += [
            f"inputs {name}"
            for name, board in self.inputs.items()
            if now - board.progress_at > READER_STALL_S
        ]
        stalled += [
            f"door {name} {lane.reader}"
            for name, gate in self.gates.items()
            for lane in gate.lanes
            if now - lane.progress_at > door_limit
        ]
        if not await self.ledger.ping(2.0):
            stalled.append("ledger")
        return stalled

    # What we tell

    def state(self) -> dict[str, Any]:
        """The gateway's health, for MQTT and `garita status`; JSON values, no secrets."""
        people: dict[str, Any] | None
        try:
            version = self.roster.version()
            people = {"version": version.number, "total": version.total} if version else None
        except RosterUnavailable as error:
            people = {"error": str(error)}
        return {
            "gateway": self._settings.site.gateway,
            "version": __version__,
            "policy_version": self._settings.site.policy_version,
            "people": people,
            "ledger": {"ok": self.ledger.failed_since == 0, "refused": self.ledger.failed_since},
            "clock_trusted": self.clock.trusted,
            "devices": self.devices.shown(),
            "doors": {name: gate.status() for name, gate in self.gates.items()},
            "threat": self.threat.status(),
            "areas": {
                name: {"inside": self.presence.occupancy(name), "maximum": area.maximum or None}
                for name, area in self._settings.site.areas.items()
            },
        }

    async def _op_status(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            **self.state(),
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._started, 1),
            "last_seq": self.ledger.last_seq,
            "last": {name: gate.last for name, gate in self.gates.items()},
            "unrecorded": sum(
                lane.unrecorded for gate in self.gates.values() for lane in gate.lanes
            ),
            "readers": {
                name: reader.status()
                for bus in self.buses.values()
                for name, reader in bus.readers.items()
            },
            "mqtt": self.uplink.status() if self.uplink else None,
            "face": {**self.faces.status(), "enrolled": self.matcher.enrolled}
            if self.faces and self.matcher
            else None,
        }

    async def _op_nudge(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self._nudge.set()
        return {}

    async def _op_clock_accept(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        back = self.clock.accept().total_seconds()
        data = {"by": str(request.get("by", "")), "back_s": round(back, 1)}
        await self.ledger.append(
            NewEvent(EventType.CLOCK_ACCEPTED, self._settings.site.gateway, data)
        )
        return data

    async def _op_capture(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A face from a camera that this process holds, for enrolment."""
        if self.faces is None:
            return {"refused": "no_camera"}
        return await self.faces.capture(str(request["camera"]), 5.0)


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done.  Once may not be enough: a TaskGroup in which a part fails
    just as it is cancelled raises the failure and forgets the cancellation (CPython before 3.13),
    and whoever handles failures goes on."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.5)


def _log_failure(future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.critical("an event could not be recorded: %s", error)


def _is_secured(reader: BusReader) -> bool:
    return reader.session.secured


async def serve(settings: Settings, key: SiteKey) -> None:
    """Open the ledger, run the daemon, close the ledger."""
    ledger = Ledger.open(settings.ledger_path, gateway=settings.site.gateway)
    try:
        await Daemon(settings, key, ledger).run()
    finally:
        ledger.close()
