"""The gateway process at work: from the first record of a start to the last of a stop.

This file says in which order things happen; gateway/daemon/build.py makes the parts and
gateway/daemon/supervisor.py keeps them running.  The process must stay small: it never imports
OpenCV, NumPy or dlib, which live in the face process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from drivers.base import Signal
from gateway import __version__
from gateway.config import Settings
from gateway.daemon import logkeys
from gateway.daemon.alarmwatch import AlarmWatch
from gateway.daemon.build import Parts, build
from gateway.daemon.control import ControlServer, Handler
from gateway.daemon.deskreader import DeskReader
from gateway.daemon.enrolling import Enrolling
from gateway.daemon.errands import Errands
from gateway.daemon.jobs import Retention, watch_clock
from gateway.daemon.levels import InputLevels
from gateway.daemon.logwatch import LogWatch
from gateway.daemon.openlog import open_log, set_aside
from gateway.daemon.operations import Operations
from gateway.daemon.operatorpins import OperatorPins
from gateway.daemon.reloading import Reloading, about_configuration
from gateway.daemon.remote import RemoteActs
from gateway.daemon.supervisor import Run, Watchdog, end, start
from gateway.daemon.swap import swap
from gateway.daemon.systemd import notify
from gateway.daemon.watching import Watching
from gateway.daemon.wiring import build_siren
from gateway.devices import BusReader
from gateway.ledger import Ledger, LedgerBusy, LedgerDamaged, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import english, worded
from gateway.people.operators import Operators
from gateway.state.restore import open_alarms, wrong_pins
from gateway.vault.sitekey import SiteKey
from gateway.vault.statefile import Damage

log = logging.getLogger("garita.daemon.service")

LONG_LOG = (
    50_000_000  # bytes; a start that has to read all of it may take longer than systemd waits
)
LONG_START_US = 600_000_000
AGAIN_S = 60.0
BUSY_S = 20.0  # how long systemd's start waits for another writer of the log


class Daemon:
    """Runs the parts of one gateway."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._gateway = parts.settings.site.gateway
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Have `run` end in order."""
        self._stop.set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, or until `stop()`.

        Raises LedgerDamaged if what must outlive a restart can't be read from the log.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        # A terminal that hangs up must not end the gate.  `garita reload` asks by the control
        # socket, which knows who asks; a signal does not say.
        loop.add_signal_handler(signal.SIGHUP, self._parts.outbox.nudge)
        await self._record(
            EventType.GATEWAY_STARTED,
            version=__version__,
            **await asyncio.to_thread(about_configuration, self._parts.settings),
        )
        if self._parts.ledger.follows is not None and self._parts.ledger.is_new:
            await self._record(EventType.ALARM_LOG_LOST, **self._parts.ledger.follows)
        try:
            # No task runs yet: no badge is read before what outlives a restart is back.
            self._restore()
            # What lives from here on lives to the end: the collector need not look at it.
            gc.collect()
            gc.freeze()
            async with asyncio.TaskGroup() as group:
                watch = LogWatch(self._parts.settings.ledger_path, self._parts.ledger)
                tasks = start(group, self._runs(), self._parts.ledger.note)
                tasks.append(group.create_task(self._stop_with(watch)))
                notify(READY=1, STATUS="serving")
                log.info("ready: %d door(s)", len(self._parts.plant.doors))
                await self._stop.wait()
                notify(STOPPING=1)
                # To rest while the ports are open, which ends with their tasks; until then no
                # other task gets to run, so no badge opens a door again.
                for board in self._parts.plant.boards.values():
                    board.close()
                await end(tasks)
            if watch.found:
                raise LedgerDamaged(watch.found)
        finally:
            self._parts.devices.settle()
            stopped = NewEvent(EventType.GATEWAY_STOPPED, self._gateway)
            if self._parts.checkpoints is not None:
                await self._parts.checkpoints.make(stopped)
                if self._parts.cosigning is not None:
                    await self._parts.cosigning.finish()
            else:
                await self._record(EventType.GATEWAY_STOPPED)
            await self._parts.jobs.keep_presence()

    async def _stop_with(self, watch: LogWatch) -> None:
        await watch.run()
        log.critical("the log: %s", watch.found)
        self.stop()

    def _runs(self) -> dict[str, Run]:
        """What is run and supervised, by the name that events give it."""
        parts, settings = self._parts, self._parts.settings
        note = parts.ledger.note
        operations = Operations(
            gateway=self._gateway,
            plant=parts.plant,
            faces=parts.faces,
            ledger=parts.ledger,
            clock=parts.clock,
            presence=parts.presence,
            threat=parts.threat,
            confirmations=parts.confirmations,
            out_of_service=parts.out_of_service,
            outbox=parts.outbox,
            parts=parts.sharing.parts if parts.sharing is not None else list,
        )
        operators = Operators(settings.tables.operators, settings.people_path)
        pins = OperatorPins(
            operators, settings.people_path, parts.pins, parts.pin_limits, parts.ledger.append
        )
        errands = Errands(settings.path, lambda: parts.in_force.now.raw.decode("utf-8-sig"))
        enrolling = Enrolling(
            service=parts.faces,
            table=lambda: parts.in_force.now.tables.face,
            people=settings.people_path,
            views=parts.pictures.views,
            errand=errands.asked,
            today=lambda: parts.clock.now().astimezone(settings.site.zone).date(),
            stored=parts.outbox.nudge,
        )
        handlers = {
            "status": parts.status.asked,
            "operator_pin": pins.asked,
            "errand": errands.asked,
            **parts.pictures.table(),
            **enrolling.table(),
            "reader_watch": Watching(parts.plant).asked,
            "inputs": InputLevels(parts.plant).asked,
            **operations.table(),
        }
        handlers |= self._desk(operators, pins)
        handlers["archive"] = parts.archiving.asked
        if parts.checkpoints is not None:
            handlers["checkpoint"] = parts.checkpoints.asked
        if parts.logkeys is not None:
            handlers["log_key"] = parts.logkeys.asked
        watch = AlarmWatch(
            settings,
            parts.ledger.append,
            build_siren(parts.plant, settings),
            lambda: parts.clock.now() if parts.clock.trusted else None,
        )
        reloading = Reloading(
            in_force=parts.in_force,
            rules=parts.rules,
            threat=parts.threat,
            append=parts.ledger.append,
            swap=partial(swap, parts, operators, watch, note),
        )
        handlers |= reloading.table()
        remote = RemoteActs(
            settings=settings,
            plant=parts.plant,
            operations=operations,
            operators=operators,
            clock=parts.clock,
            nudge=parts.outbox.nudge,
        )
        remote.register(parts.triggers.desk)
        handlers["command"] = remote.passed_on
        retention = Retention(
            in_force=parts.in_force, clock=parts.clock, note=note, destroyed=parts.outbox.nudge
        )
        runs: dict[str, Run] = {
            "control": ControlServer(
                settings.socket_path,
                handlers,
                operators.of,
                console=settings.tables.console.account,
            ).run,
            "outbox": parts.outbox.run,
            "clock": partial(watch_clock, parts.clock, self._gateway, parts.ledger),
            "retention": retention.run,
            "watchdog": Watchdog(parts.plant, parts.ledger, lambda: parts.limits.seconds).run,
            "chores": parts.jobs.run,  # a name that is on record does not change
            "pulls": parts.pulls.run,
            "archives": parts.archiving.run,
            "alarms": watch.run,
            "list copy": parts.lists.run,
        }
        if parts.checkpoints is not None:
            runs["checkpoints"] = parts.checkpoints.run
        if parts.cosigning is not None:
            runs["cosigning"] = parts.cosigning.run
        if parts.measures is not None:
            runs["metrics"] = parts.measures.server().run
        if parts.sharing is not None:
            runs["peers"] = parts.sharing.run
        if parts.fleet is not None:
            runs["fleet"] = parts.fleet.run
        runs |= {f"inputs {name}": board.run for name, board in parts.plant.inputs.items()}
        runs |= {f"{kind} {name}": port.run for (kind, name), port in parts.plant.ports().items()}
        runs |= {
            f"door {name} {reader.reader}": reader.run
            for name, door in parts.plant.doors.items()
            for reader in door.readers
        }
        if parts.faces is not None and parts.matcher is not None:
            runs["face"] = parts.faces.run
            runs["gallery"] = partial(parts.matcher.keep_gallery, settings.people_path)
        if parts.uplink is not None:
            runs["uplink"] = parts.uplink.run
        if settings.tables.command_keys:
            runs["commands"] = parts.triggers.desk.run
        return runs

    def _desk(self, operators: Operators, pins: OperatorPins) -> dict[str, Handler]:
        """The handlers of the reader on the guard's desk, if the site has one."""
        parts, settings = self._parts, self._parts.settings
        device = parts.plant.reader(settings.tables.console.desk_reader)
        if device is None:
            return {}
        desk = DeskReader(
            settings.people_path,
            operators,
            pins,
            parts.key,
            lambda: parts.clock.now().astimezone(settings.site.zone).date(),
            device.signal if isinstance(device, BusReader) else _shows_nothing,
        )
        device.listen_readings(desk.take)
        return desk.table()

    def _restore(self) -> None:
        """Bring back what must outlive a restart: doors out of service, alarms that were open,
        recent wrong PINs, the threat level, who is inside."""
        parts = self._parts
        doors = parts.plant.doors
        reader = LedgerReader(parts.settings.ledger_path)
        try:
            out = parts.out_of_service.restore(reader, doors)
            wrong = wrong_pins(reader, parts.pin_limits.lock_s, parts.clock.earliest())
            alarms = open_alarms(reader, [n for n, g in doors.items() if g.watched])
            changed = parts.threat.restore(reader.newest, mend=True)
            parts.triggers.counters.restore(reader, parts.clock.now())
            self._restore_presence(reader)
        finally:
            reader.close()
        for name, reason in out.items():
            if name in doors:
                doors[name].hardware.set_out_of_service(reason)
        for name, open_ones in alarms.items():
            doors[name].hardware.resume(open_ones)
        parts.pin_limits.remember(wrong)
        if changed is not None:
            parts.ledger.note(changed)
        parts.damages.begin()

    def _restore_presence(self, reader: LedgerReader) -> None:
        presence, ledger = self._parts.presence, self._parts.ledger
        begun = time.monotonic()
        try:
            count = presence.restore(
                self._parts.settings.presence_path, reader, self._parts.damages, mend=True
            )
        except LedgerDamaged:
            raise
        except LedgerUnavailable as error:
            presence.known = False
            log.critical("who is inside is not known: %s", error)
            return
        log.info("who is inside, from %d record(s), in %.2f s", count, time.monotonic() - begun)

        def observe(event: Event) -> None:
            for more in presence.apply(event):
                ledger.note(more)

        ledger.observe(observe)

    async def _record(self, kind: EventType, **data: Any) -> None:
        """A start or a stop is a fact: it goes on also if it can't be recorded."""
        try:
            await self._parts.ledger.append(NewEvent(kind, self._gateway, data))
        except LedgerUnavailable as error:
            log.critical("the log can't be written (%s): %s is not on record", error, kind)


def _shows_nothing(signal: Signal) -> None:
    """A reader on a port of its own only reads."""


async def serve(settings: Settings, key: SiteKey) -> None:
    """Open the ledger, run the daemon, close the ledger.  Raises LedgerBusy, LedgerDamaged,
    LedgerUnavailable, or OSError.

    If the log is damaged and the site says so (``[log] on_damage = "new"``), it is put aside and
    the daemon begins again with a new one; not twice within a minute, because then it is the disk.
    """
    about: dict[str, Any] = {}
    anew_at = -AGAIN_S
    while True:
        try:
            await _serve(settings, key, about)
            return
        except LedgerDamaged as error:
            again = time.monotonic() - anew_at < AGAIN_S
            if settings.tables.log.on_damage != "new" or again:
                raise
            anew_at = time.monotonic()
            if not about:
                about |= await asyncio.to_thread(set_aside, settings, english(error))
            log.critical("a new log begins; the old one is %s", about["aside"] or "gone")


async def _serve(settings: Settings, key: SiteKey, about: dict[str, Any]) -> None:
    """`about` is what a new log says of the one before; if that of this run is put aside, it is
    filled anew."""
    ledger = await _open(settings, about)
    try:
        await logkeys.hold_against(settings.log_key_path, key, ledger, settings.ledger_path)
        parts = build(settings, key, ledger)
        if about:
            name = settings.ledger_path.name
            parts.damages(Damage(name, about["why"], "new_log", about["aside"]))
            about.clear()
        await parts.lists.at_start()
        try:
            await Daemon(parts).run()
        except LedgerDamaged as error:
            if settings.tables.log.on_damage == "new":
                # While it is open: whoever closes it would write into it.
                about |= await asyncio.to_thread(set_aside, settings, english(error))
            raise
    finally:
        ledger.close()


async def _open(settings: Settings, about: Mapping[str, Any] | None = None) -> Ledger:
    path = settings.ledger_path
    before = settings.presence_path.exists() or settings.cursor_path.exists()
    if before and path.exists() and path.stat().st_size == 0:
        raise LedgerDamaged(worded("{path} is empty, and was not before", path=path))
    if path.exists() and path.stat().st_size > LONG_LOG:
        notify(EXTEND_TIMEOUT_USEC=LONG_START_US)
    # A command writes for a moment; systemd would take that for a fault that needs a person.
    until = time.monotonic() + (BUSY_S if os.environ.get("NOTIFY_SOCKET") else 0.0)
    while True:
        try:
            return open_log(settings, about)
        except LedgerBusy:
            if time.monotonic() >= until:
                raise
            await asyncio.sleep(0.2)
