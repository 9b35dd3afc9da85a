"""The health of the gate as a list of checks, the worst first, each with what to do about it.

In: the running gateway's status, the settings, the log and the files of this box.  Everything here
reads and waits for disks: call it in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.locale import _
from gateway.state.health import synchronised
from gateway.vault.statefile import StateFile, json_object
from gateway.wording import health, loghealth, words
from gateway.wording.text import duration

GOOD, WARN, BAD = "good", "warn", "bad"
_ORDER = (BAD, WARN, GOOD)
BACKUP_DAYS = 7  # criterion 4.12: every week
SOON = 3  # so many times the least free space: the disk will be full soon


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that works (`good`), is to be looked at (`warn`) or does not work (`bad`).
    `said` says how it is, `todo` what to do; "" where nothing is to be done."""

    key: str
    title: str
    state: str
    said: str
    todo: str = ""


def checks(settings: Settings, status: Mapping[str, Any] | None) -> list[Check]:
    """Everything that is looked at; `status` is None while the gateway does not answer."""
    found = [*_running(settings, status), *_box(settings)]
    return sorted(found, key=lambda check: _ORDER.index(check.state))


def _running(settings: Settings, status: Mapping[str, Any] | None) -> Iterator[Check]:
    title = _("Gateway")
    if status is None:
        said = _("The gateway does not answer. No badge opens a door.")
        todo = _("Call the administrator: systemctl status garita says why.")
        yield Check("gateway", title, BAD, said, todo)
        return
    said = _("runs for {time}, version {version}").format(
        time=duration(status["uptime_s"]), version=status["version"]
    )
    yield Check("gateway", title, GOOD, said)
    yield _log(settings, status)
    yield _people(settings, status)
    said, wrong = health.clock(status)
    todo = _("Call the administrator: the clock of this box has to be set.") if wrong else ""
    yield Check("clock", _("Clock"), BAD if wrong else GOOD, said, todo)
    if mqtt := status.get("mqtt"):
        yield _broker(mqtt)
    if face := status.get("face"):
        yield _faces(face)


def _log(settings: Settings, status: Mapping[str, Any]) -> Check:
    lines = list(loghealth.lines(status, settings.site.zone))
    if not status["ledger"]["ok"]:
        todo = _("Call the administrator at once: the disk may be full or damaged.")
        return Check("log", _("Log"), BAD, _("The log can't be written. Nobody passes."), todo)
    wrong = [said for said, bad in lines if bad]
    said = _("{count} records").format(count=words.number(status["last_seq"]))
    more = [text for text, _bad in lines]
    todo = _("Tell the administrator.") if wrong else ""
    return Check("log", _("Log"), WARN if wrong else GOOD, " · ".join([said, *more]), todo)


def _people(settings: Settings, status: Mapping[str, Any]) -> Check:
    title, people = _("Personnel list"), status["people"]
    if not people:
        todo = _("Human resources or the administrator put a list in force.")
        return Check("people", title, BAD, _("There is no list. Nobody passes."), todo)
    if "error" in people:
        todo = _("Call the administrator. Nobody passes until then.")
        return Check("people", title, BAD, str(people["error"]), todo)
    said = _("version {version}, {total} people, in force since {time}").format(
        version=people["version"],
        total=words.number(people["total"]),
        time=words.moment(people["applied_at"], settings.site.zone),
    )
    return Check("people", title, GOOD, said)


def _broker(mqtt: Mapping[str, Any]) -> Check:
    said, away = health.broker(mqtt)
    notes = list(health.broker_notes(mqtt))
    wrong = any(bad for _said, bad in notes)
    state = BAD if wrong else WARN if away else GOOD
    todo = _("Doors work without it. Records are kept and sent later.") if away else ""
    if wrong:
        todo = _("Tell the administrator.")
    return Check("broker", _("Broker"), state, " · ".join([said, *(t for t, _b in notes)]), todo)


def _faces(face: Mapping[str, Any]) -> Check:
    title = _("Faces")
    if not face["ready"]:
        todo = _("Doors that ask for a face deny meanwhile. It starts again by itself.")
        return Check("face", title, BAD, _("The face process is away."), todo)
    said = _("{count} people enrolled").format(count=words.number(face["enrolled"]))
    return Check("face", title, GOOD, said)


def _box(settings: Settings) -> Iterator[Check]:
    """What this box itself says."""
    yield _disk(settings.tables.site.data_dir, settings.tables.health.disk_free_mb)
    if not synchronised():
        said = _("No time server reaches this box.")
        todo = _("Tell the administrator: the clock drifts by seconds a day.")
        yield Check("sync", _("Time server"), WARN, said, todo)
    yield from _certificates(settings)
    yield _backup(settings)


def _disk(folder: Path, least_mb: int) -> Check:
    title = _("Disk")
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return Check("disk", title, BAD, str(error.strerror), _("Call the administrator."))
    free = found.f_bavail * found.f_frsize // 1_000_000
    total = found.f_blocks * found.f_frsize // 1_000_000
    said = _("{free} MB free of {total}").format(free=words.number(free), total=words.number(total))
    if free < least_mb:
        todo = _("Call the administrator at once: without space nobody passes.")
        return Check("disk", title, BAD, said, todo)
    if free < SOON * least_mb:
        return Check("disk", title, WARN, said, _("Tell the administrator."))
    return Check("disk", title, GOOD, said)


def _certificates(settings: Settings) -> Iterator[Check]:
    """Days left of each certificate that this gate shows or trusts."""
    mqtt, console = settings.tables.mqtt, settings.tables.console
    files = {
        _("Broker's CA"): mqtt.ca_file if mqtt else None,
        _("Our certificate at the broker"): mqtt.cert_file if mqtt else None,
        _("Certificate of this console"): console.cert_file,
    }
    for title, path in files.items():
        if path is not None:
            yield _certificate(title, path)


def _certificate(title: str, path: Path) -> Check:
    # Where there is a certificate: it brings the client of MQTT, 3 MB that others have no use for.
    from gateway.uplink.credentials import WARN_DAYS, CredentialError, ends  # noqa: PLC0415

    key = f"certificate-{path.name}"
    try:
        days = (ends(path) - datetime.now(UTC)).days
    except CredentialError as error:
        return Check(key, title, WARN, str(error), _("Tell the administrator."))
    if days < 0:
        return Check(key, title, BAD, _("expired"), _("Call the administrator."))
    said = _("days left: {days}").format(days=days)
    if days < WARN_DAYS:
        return Check(key, title, WARN, said, _("Tell the administrator to renew it."))
    return Check(key, title, GOOD, said)


def _backup(settings: Settings) -> Check:
    title, todo = _("Backup"), _("The administrator makes one with garita backup.")
    try:
        kept = StateFile(settings.backup_path, json_object).read()
        if kept.missing:
            return Check("backup", title, WARN, _("No backup is on record."), todo)
        made = datetime.fromisoformat(str((kept.value or {})["time"]))
    except (OSError, ValueError, KeyError):
        said = _("When the last backup was made can't be read.")
        return Check("backup", title, WARN, said, todo)
    age = datetime.now(UTC) - made
    said = _("{age} old, made {time}").format(
        age=duration(age.total_seconds()), time=words.moment(made, settings.site.zone)
    )
    late = age.days >= BACKUP_DAYS
    return Check("backup", title, WARN if late else GOOD, said, todo if late else "")
