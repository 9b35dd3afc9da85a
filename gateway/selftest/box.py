"""A look at the box: devices, clock, keys, permissions, and whether log and list can be read.

What the running gateway says of its devices is better than what can be seen from outside: a port
that is in use is not opened, and a camera is not taken away from it.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.cameras.probe import why_not
from gateway.config import Settings
from gateway.devices.attached import Machine
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.locale import N_, worded
from gateway.people import Roster, RosterUnavailable
from gateway.selftest.finding import Finding, bad, good, unknown, warn
from gateway.state.health import synchronised
from gateway.vault import logkey
from gateway.vault.readerkeys import ReaderKeys
from gateway.vault.sitekey import KeyFileError, SiteKey

Running = Mapping[str, Any] | None
"""What the gateway's status says; None if it does not run."""
_CLOCKS = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def ports(settings: Settings, running: Running) -> Iterator[Finding]:
    """The serial ports and other devices of the configuration."""
    tables = settings.tables
    found: dict[str, Any] = {}
    for kind in ("buses", "readers", "locks", "inputs"):
        for name, table in getattr(tables, kind).items():
            if port := getattr(table, "port", None):
                found[f"{kind}.{name}"] = port
    for name, port in found.items():
        yield _port(name, str(port), _online(running, name), account_of(settings))
    wrong = Machine().findings(tables)
    for _, text in wrong.mistakes:
        yield bad("ports", N_("ports"), text)
    for text in wrong.warnings:
        yield warn("ports", N_("ports"), text)


def _online(running: Running, table: str) -> tuple[bool, str] | None:
    """Whether the running gateway has that device, and what it says of it."""
    name = table.partition(".")[2]
    for device in (running or {}).get("devices", ()):
        if device["name"] == name and device["kind"] in ("reader", "lock", "bus", "inputs"):
            return bool(device["online"]), str(device["detail"])
    return None


def _port(
    table: str, port: str, online: tuple[bool, str] | None, account: pwd.struct_passwd | None
) -> Finding:
    if online is not None:
        if online[0]:
            return good("port", table, worded("the gateway has it ({port})", port=port))
        return bad("port", table, worded("{port}: {detail}", port=port, detail=online[1]))
    try:
        found = Path(port).stat()
    except OSError as error:
        return bad("port", table, worded("{port}: {detail}", port=port, detail=error.strerror))
    if not stat.S_ISCHR(found.st_mode):
        return bad("port", table, worded("{port} is not a serial port", port=port))
    if account is not None and not may_use(found, account):
        said = worded(
            "{port}: {account} may not use it; add it to the group {group}",
            port=port,
            account=account.pw_name,
            group=_group(found.st_gid),
        )
        return bad("port", table, said)
    return good("port", table, worded("{port} is there", port=port))


def cameras(settings: Settings, running: Running) -> Iterator[Finding]:
    """The cameras: as the running gateway sees them, or whether they answer."""
    seen = {d["name"]: d for d in (running or {}).get("devices", ()) if d["kind"] == "camera"}
    for name, table in settings.tables.cameras.items():
        what = f"cameras.{name}"
        if name in seen:
            if seen[name]["online"]:
                yield good("camera", what, worded("the gateway has its picture"))
            else:
                yield bad("camera", what, str(seen[name]["detail"]))
            continue
        source = str(table.options.get("source", ""))
        path = Path(f"/dev/video{source}" if source.isdigit() else source)
        if "://" in source:
            refusal = why_not(source)
            if refusal.state.value in ("unreachable", "login_refused", "no_stream"):
                yield bad("camera", what, f"{refusal.state.value} {refusal.detail}".strip())
            else:
                yield unknown("camera", what, worded("it answers; its picture was not looked at"))
        elif path.exists():
            yield unknown("camera", what, worded("{port} is there", port=path))
        else:
            yield bad("camera", what, worded("{port} is not there", port=path))


def clock(settings: Settings) -> Iterator[Finding]:
    """Where the time comes from, and whether it fits the log."""
    if synchronised():
        yield good("clock", N_("clock"), worded("synchronised ({source})", source=_clock_source()))
    else:
        said = worded("not synchronised: no time server reaches this box, or none is set up")
        yield warn("clock", N_("clock"), said)
    if not any(Path("/dev").glob("rtc*")):
        said = worded(
            "no hardware clock: after a power cut the time is wrong until a time server answers"
        )
        yield warn("rtc", N_("clock"), said)
    try:
        newest = LedgerReader(settings.ledger_path).marks().newest
    except (LedgerUnavailable, ValueError):
        return
    tolerance = settings.tables.site.clock_back_tolerance_s
    behind = (newest - datetime.now(UTC)).total_seconds() if newest else 0.0
    if behind > tolerance:
        said = worded("{behind:.0f} s behind the newest record: nobody passes", behind=behind)
        yield bad("clock", N_("clock"), said)


def keys(settings: Settings, running: Running) -> Iterator[Finding]:
    """The site key, and what is sealed with it."""
    source = settings.tables.site.key_file
    try:
        key = SiteKey.load(source)
    except KeyFileError as error:
        if running is not None:
            said = worded("the gateway has it; this account may not read it")
            yield unknown("key", N_("site key"), said)
        else:
            yield bad("key", N_("site key"), str(error))
        return
    yield good("key", N_("site key"), worded("{source} can be read", source=source))
    if settings.log_key_path.exists():
        try:
            logkey.load_or_make(settings.log_key_path, key)
            yield good("log_key", N_("log key"), worded("it opens with the site key"))
        except logkey.LogKeyError as error:
            yield bad("log_key", N_("log key"), str(error))
    if damage := ReaderKeys(settings.keys_path, key).damage:
        yield bad("reader_keys", N_("reader keys"), damage)


def permissions(settings: Settings) -> Iterator[Finding]:
    """Who may read and write the gateway's files.  In a closed folder their own modes count for
    nothing; their owners do."""
    folder = settings.tables.site.data_dir
    try:
        owner = folder.stat()
    except OSError:
        return  # the look at the disk says so
    wrong = []
    if owner.st_mode & 0o007:
        wrong.append(worded("{folder}: every account of this box may read it", folder=folder))
    for path in sorted(folder.iterdir()):
        found = path.lstat()
        if found.st_uid != owner.st_uid:
            said = worded(
                "{path} belongs to {account} and not to the folder's owner: the gateway may not be "
                "able to use it",
                path=path,
                account=_user(found.st_uid),
            )
            wrong.append(said)
    if settings.path.stat().st_mode & 0o002:
        wrong.append(worded("{path}: every account may change it", path=settings.path))
    for said in wrong:
        yield bad("permissions", N_("files"), said)
    if not wrong:
        yield good("permissions", N_("files"), worded("owners and modes are right"))


def data(settings: Settings) -> Iterator[Finding]:
    """Whether log and list can be read."""
    try:
        reader = LedgerReader(settings.ledger_path)
        yield good("log", N_("log"), worded("{count} records", count=reader.last_seq))
        reader.close()
    except LedgerUnavailable as error:
        yield (bad if settings.ledger_path.exists() else unknown)("log", N_("log"), str(error))
    try:
        version = Roster(settings.people_path).version()
        if version is None:
            yield warn("people", N_("list"), worded("no list is in force: nobody passes"))
        else:
            said = worded("version {n}, people: {total}", n=version.number, total=version.total)
            yield good("people", N_("list"), said)
    except RosterUnavailable as error:
        yield bad("people", N_("list"), str(error))


def account_of(settings: Settings) -> pwd.struct_passwd | None:
    """The account that the gateway runs as: the owner of the data folder."""
    try:
        return pwd.getpwuid(settings.tables.site.data_dir.stat().st_uid)
    except (OSError, KeyError):
        return None


def may_use(found: os.stat_result, account: pwd.struct_passwd) -> bool:
    """Whether the account may read and write a device."""
    if account.pw_uid == 0:
        return True
    if found.st_uid == account.pw_uid:
        return found.st_mode & 0o600 == 0o600
    if found.st_gid in os.getgrouplist(account.pw_name, account.pw_gid):
        return found.st_mode & 0o060 == 0o060
    return found.st_mode & 0o006 == 0o006


def _clock_source() -> str:
    try:
        return _CLOCKS.read_text("ascii").strip()
    except OSError:
        return "?"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
