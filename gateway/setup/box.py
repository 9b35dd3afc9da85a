"""What a set-up does to the box itself: accounts, groups, units, the key as a credential.

Debian's own programs do it (systemd-sysusers, usermod, systemctl, systemd-creds).  Where one is
missing, or systemd does not run, the caller is told the reason.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gateway.locale import GaritaError, Message, worded
from gateway.setup.making import ACCOUNT
from gateway.setup.shipped import shipped
from gateway.vault.files import write_whole

ADMIN, DESK = "garita-admin", "garita-desk"
CONSOLE = "garita-console"
RUNS = Path("/run/systemd/system")
"""sd_booted(3): this folder is there where systemd is the first process."""
_UNITS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
_SYSUSERS = (Path("/etc/sysusers.d/garita.conf"), Path("/usr/lib/sysusers.d/garita.conf"))
_STORE = Path("/etc/credstore.encrypted/site.key")
_DROP_IN = Path("/etc/systemd/system/garita.service.d/credential.conf")
_TIMEOUT_S = 120


class BoxError(GaritaError):
    """A program of the box failed or is missing; the message names it and what it said."""


def systemd_runs() -> bool:
    """Whether units can be started here."""
    return RUNS.is_dir() and shutil.which("systemctl") is not None


def has_account() -> bool:
    """Whether the service's account is there."""
    with contextlib.suppress(KeyError):
        pwd.getpwnam(ACCOUNT)
        return True
    return False


def make_accounts() -> None:
    """Make the accounts and groups of the service.  Raises BoxError."""
    if not any(path.exists() for path in _SYSUSERS):
        _install("systemd/garita.sysusers", _SYSUSERS[0])
    _run("systemd-sysusers")


def not_yet(wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs of account and group that are not so yet."""
    return [(name, group) for name, group in wanted if name not in _members(group)]


def groups_of(admins: Sequence[str], desk: Sequence[str]) -> list[tuple[str, str]]:
    """Account and group, for each group that people get: the gateway's own too, which may read the
    log and the list."""
    pairs = [(name, group) for name in admins for group in (ACCOUNT, ADMIN)]
    return pairs + [(name, group) for name in desk for group in (ACCOUNT, DESK)]


def join(name: str, group: str) -> None:
    """Make an account a member of a group; it counts from its next login.  Raises BoxError."""
    try:
        grp.getgrnam(group)
    except KeyError:
        _run("groupadd", "--system", group)
    _run("usermod", "-aG", group, name)


def install_unit(name: str) -> bool:
    """Install a unit that neither a package nor somebody here installed; whether it was.  Raises
    BoxError."""
    if any((folder / name).exists() for folder in _UNITS):
        return False
    _install(f"systemd/{name}", _UNITS[0] / name)
    return True


def enable(units: Sequence[str]) -> None:
    """Start units now and at each start of the box; one that runs is started again.  Raises
    BoxError."""
    _run("systemctl", "daemon-reload")
    _run("systemctl", "enable", *units)
    _run("systemctl", "restart", *units)


def restart(unit: str) -> bool:
    """Start a unit that runs again; whether it ran.  Raises BoxError."""
    if not systemd_runs() or _quiet("systemctl", "is-active", "-q", unit):
        return False
    _run("systemctl", "restart", unit)
    return True


def no_credential() -> Message | None:
    """Why systemd can't keep the site key encrypted here; None if it can."""
    if os.geteuid() != 0:
        return worded("only root may")
    if not systemd_runs():
        return worded("systemd does not run here")
    if shutil.which("systemd-creds") is None:
        return worded("{name} is not installed", name="systemd-creds")
    try:
        _run("systemd-creds", "encrypt", "--name=garita-trial", "-", "-", given=b"trial")
    except BoxError as error:
        return worded("{why}", why=error)
    return None


def lacks_credential() -> bool:
    """Whether systemd has no site key of this gate yet."""
    return not (_STORE.exists() and _DROP_IN.exists())


def encrypt(key_file: Path) -> None:
    """Give systemd the site key, encrypted for this machine; what is there already stays.  Raises
    BoxError."""
    if not _STORE.exists():
        _STORE.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = _STORE.with_name(".site.key.new")
        part.unlink(missing_ok=True)
        _run("systemd-creds", "encrypt", "--name=site.key", str(key_file), str(part))
        part.replace(_STORE)
    if not _DROP_IN.exists():
        _install("systemd/credential.conf", _DROP_IN)


def _members(group: str) -> set[str]:
    try:
        found = grp.getgrnam(group)
    except KeyError:
        return set()
    primary = {item.pw_name for item in pwd.getpwall() if item.pw_gid == found.gr_gid}
    return {*found.gr_mem, *primary}


def _install(name: str, to: Path) -> None:
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        write_whole(to, shipped(name).read_bytes(), mode=0o644, replace=False)
        to.chmod(0o644)
    except OSError as error:
        why = error.strerror or str(error)
        raise BoxError(worded("{path}: {error}", path=to, error=why)) from error


def _quiet(*words: str) -> int:
    return subprocess.run(words, capture_output=True, check=False, timeout=_TIMEOUT_S).returncode


def _run(*words: str, given: bytes = b"") -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    program = shutil.which(words[0], path=path)
    if program is None:
        raise BoxError(worded("{name} is not installed", name=words[0]))
    try:
        done = subprocess.run(
            [program, *words[1:]],
            input=given,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BoxError(worded("{command}: {why}", command=" ".join(words), why=error)) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1] if said else str(done.returncode)
        raise BoxError(worded("{command}: {why}", command=" ".join(words), why=why))
