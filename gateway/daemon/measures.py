"""The figures of a running gateway, read from its parts when somebody asks.

What happens in the event loop is a few additions a badge and a look at counters a scrape; what may
wait for the disk is done in the server's thread, and so is the text.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.config import Settings
from gateway.daemon import textlog
from gateway.daemon.wiring import Plant
from gateway.face.matcher import CardholderMatcher
from gateway.face.service import FaceService
from gateway.ledger import Ledger, LedgerUnavailable
from gateway.ledger.event import Event, EventType
from gateway.metrics.server import MetricsServer
from gateway.metrics.slow import Slow, of_disk
from gateway.metrics.tally import Tally
from gateway.metrics.text import Samples, text
from gateway.people import RosterUnavailable
from gateway.people.lookup import ListVersion
from gateway.state.alarms.follow import AlarmLog, rules_of
from gateway.state.clock import Clock
from gateway.state.flapping import DeviceStates
from gateway.uplink import Uplink
from gateway.uplink.credentials import CredentialError, ends

log = logging.getLogger("garita.daemon.measures")

LOOP_S = 3.0  # the loop has this long to answer; else the answer is 503
SLOW_EVERY_S = 10.0  # alarms are read from the log
CERTIFICATES_EVERY_S = 600.0
_COUNTED = (EventType.STATE_DAMAGED, EventType.GATEWAY_TASK_FAILED)
_ACCESS = (EventType.ACCESS_GRANTED, EventType.ACCESS_DENIED)
_ERRORS = {"errors": "check", "naks": "nak", "retries": "retry", "timeouts": "timeout"}


def counting(settings: Settings, ledger: Ledger) -> Tally | None:
    """What doors and log count into; None for a site without [metrics]."""
    if not settings.tables.metrics.listen:
        return None
    tally = Tally()

    def take(event: Event) -> None:
        if event.type in _ACCESS:
            tally.decided(event.subject, event.data)
        elif event.type in _COUNTED:
            tally.events[event.type] += 1

    ledger.observe(take)
    ledger.time_commits(tally.commits.observe)
    return tally


class Measures:
    """Reads the parts of one gateway; changes nothing.  `tally` is what `counting` made;
    `list_version` says which list is in force, and raises RosterUnavailable."""

    def __init__(
        self,
        settings: Settings,
        tally: Tally,
        *,
        plant: Plant,
        ledger: Ledger,
        clock: Clock,
        devices: DeviceStates,
        list_version: Callable[[], ListVersion | None],
        uplink: Uplink | None,
        faces: FaceService | None,
        matcher: CardholderMatcher | None,
    ) -> None:
        self._settings = settings
        self._tally = tally
        self._plant = plant
        self._ledger = ledger
        self._clock = clock
        self._devices = devices
        self._list_version = list_version
        self._uplink = uplink
        self._faces, self._matcher = faces, matcher
        self._started = time.monotonic()
        self._alarms = AlarmLog(settings.ledger_path, rules_of(settings))
        self._slow = Slow()

    def use(self, settings: Settings) -> None:
        """Count alarms by other settings from now on."""
        if settings.tables.alarms != self._settings.tables.alarms:
            self._alarms = AlarmLog(settings.ledger_path, rules_of(settings))
        self._settings = settings

    def server(self) -> MetricsServer:
        """What shows the figures; must be called in the event loop of the parts."""
        loop = asyncio.get_running_loop()
        table = self._settings.tables.metrics

        def figures() -> bytes:
            samples = asyncio.run_coroutine_threadsafe(self._soon(), loop).result(LOOP_S)
            samples.join(self.of_disk())
            return text(samples)

        return MetricsServer(table.socket or table.address, figures)

    async def _soon(self) -> Samples:
        return self.of_loop()

    def of_loop(self) -> Samples:
        """What the parts know without waiting for anything."""
        found = Samples()
        put = found.put
        put("garita_build_info", 1, __version__)
        put("garita_text_lines_left_out_total", textlog.left_out())
        put("garita_uptime_seconds", time.monotonic() - self._started)
        self._doors(found)
        self._log(found)
        self._list(found)
        self._links(found)
        if self._faces is not None and self._matcher is not None:
            put("garita_face_ready", self._faces.ready.is_set())
            put("garita_face_starts_total", self._faces.starts)
            put("garita_faces_enrolled", self._matcher.enrolled)
        clock = self._clock
        put("garita_clock_trusted", clock.trusted)
        put("garita_clock_sure", clock.sure)
        put("garita_clock_behind_seconds", clock.behind_s)
        put("garita_clock_ahead_seconds", clock.ahead_s)
        return found

    def of_disk(self) -> Samples:
        """What waits for the disk; called in a thread."""
        found = of_disk(self._settings.tables.site.data_dir)
        found.join(self._slow("alarms", SLOW_EVERY_S, self._open_alarms))
        found.join(self._slow("certificates", CERTIFICATES_EVERY_S, self._certificates))
        return found

    def _doors(self, found: Samples) -> None:
        states: Counter[str] = Counter(dict.fromkeys(("forced", "held", "tampered"), 0))
        states["out_of_service"] = 0
        unrecorded = 0
        for name, door in self._plant.doors.items():
            state = str(door.status()["state"])
            if state in states:
                states[state] += 1
            found.put("garita_badges_waiting", sum(r.waiting for r in door.readers), name)
            unrecorded += sum(reader.unrecorded for reader in door.readers)
        for state, count in states.items():
            found.put("garita_doors", count, state)
        found.put("garita_unrecorded_total", unrecorded)
        for pair, count in self._tally.decisions.items():
            found.put("garita_decisions_total", count, *pair)
        for stage, histogram in self._tally.stages.items():
            found.put_histogram("garita_stage_seconds", histogram, stage)

    def _log(self, found: Samples) -> None:
        found.put("garita_log_records", self._ledger.last_seq)
        found.put("garita_log_refused", self._ledger.failed_since)
        found.put_histogram("garita_commit_seconds", self._tally.commits)
        events = self._tally.events
        found.put("garita_state_damaged_total", events[EventType.STATE_DAMAGED])
        found.put("garita_task_failures_total", events[EventType.GATEWAY_TASK_FAILED])

    def _list(self, found: Samples) -> None:
        try:
            version = self._list_version()
        except RosterUnavailable:
            found.put("garita_list_usable", 0)
            return
        found.put("garita_list_usable", version is not None)
        if version is not None:
            found.put("garita_list_people", version.total)
            with suppress(ValueError):
                applied = datetime.fromisoformat(version.applied_at)
                found.put("garita_list_age_seconds", (self._clock.now() - applied).total_seconds())

    def _links(self, found: Samples) -> None:
        if self._uplink is not None:
            status = self._uplink.status()
            found.put("garita_mqtt_connected", status["connected"])
            if status["waiting"] >= 0:
                found.put("garita_mqtt_lag_records", status["waiting"])
        for device in self._devices.shown():
            online = device["state"] == "online"
            found.put("garita_device_online", online, device["kind"], device["name"])
        for name, reader in self._plant.bus_readers().items():
            stats = asdict(reader.device.stats)
            found.put("garita_link_polls_total", stats["polls"], name)
            for field, reason in _ERRORS.items():
                found.put("garita_link_errors_total", stats[field], name, reason)
            found.put("garita_link_worst_seconds", stats["worst_latency_ms"] / 1000, name)
            found.put("garita_link_secure", reader.device.secured, name)

    def _open_alarms(self) -> Samples:
        found = Samples()
        try:
            book = self._alarms.now_book()
        except LedgerUnavailable as error:
            log.warning("alarms are not counted: %s", error)
            return found
        # Without those that nobody at the gate may learn of.
        found.put("garita_alarms_open", len(book.open(datetime.now(UTC), secret=False)))
        return found

    def _certificates(self) -> Samples:
        found = Samples()
        for kind, path in certificates(self._settings):
            try:
                left = ends(path) - datetime.now(UTC)
            except CredentialError:
                found.put("garita_certificate_days_left", 0, kind)
            else:
                found.put("garita_certificate_days_left", left.total_seconds() / 86400, kind)
        return found


def certificates(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Each certificate of the gateway, with what it is for."""
    mqtt, console = settings.tables.mqtt, settings.tables.console
    files: Mapping[str, Any] = {
        "mqtt": mqtt.cert_file if mqtt else None,
        "mqtt_ca": mqtt.ca_file if mqtt else None,
        "console": console.cert_file,
    }
    for kind, path in files.items():
        if path is not None:
            yield kind, path
