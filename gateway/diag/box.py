"""The machine and the program: versions, disk, files, devices, units."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from gateway import __version__

RUN_S = 20.0
UNITS = ("garita", "garita-console", "garita-patterns", "garita-report", "garita-witness")
_SHOWN = (
    "Id,LoadState,ActiveState,SubState,Result,NRestarts,ExecMainCode,ExecMainStatus,"
    "ActiveEnterTimestamp,InactiveEnterTimestamp,MemoryCurrent,UnitFileState"
)
_DAMAGED = re.compile(r"(.+)\.damaged-\d{8}T\d{6}Z")
FILES = frozenset(
    """
    people.db people.db-wal people.db-shm ledger.db ledger.db-wal ledger.db-shm ledger.db.lock
    log-key.json log-head.json reader-keys.json doors.json presence.json threat.json console.db
    commands.json backup.json reports.json mqtt.cursor mqtt.bundle scenes.json people.copy.db
    pending archive profiles documents evidence patterns lists copies
    """.split()  # noqa: SIM905 - a list to read
)


def versions() -> dict[str, Any]:
    """The program, its libraries, the interpreter."""
    found = {}
    for package in sorted({item.metadata["Name"] for item in metadata.distributions()}):
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return {
        "garita": __version__,
        "python": sys.version.split()[0],
        "packaged": sys.prefix.startswith("/usr/lib/garita"),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": found,
    }


def system() -> dict[str, Any]:
    """Kernel, distribution, processor, memory, load.  Not the machine's name: people give it
    theirs."""
    release = platform.freedesktop_os_release()
    memory = dict(re.findall(r"^(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M))
    wanted = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree", "Dirty", "Writeback")
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "distribution": release.get("ID", ""),
        "distribution_version": release.get("VERSION_ID", ""),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "up_s": float(Path("/proc/uptime").read_text().split()[0]),
        "memory_kb": {key: int(memory[key]) for key in wanted if key in memory},
    }


def disk(folder: Path) -> dict[str, Any]:
    """Space, and what lies in the data folder; names that are not ours are only counted."""
    space = {}
    for name, path in {"data": folder, "/": Path("/"), "/run": Path("/run")}.items():
        with suppress(OSError):
            found = os.statvfs(path)
            space[name] = {
                "free_mb": found.f_bavail * found.f_frsize // 1_000_000,
                "size_mb": found.f_blocks * found.f_frsize // 1_000_000,
                "free_inodes": found.f_favail,
                "read_only": bool(found.f_flag & os.ST_RDONLY),
            }
    files: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        shown = _name(path.name)
        about = files.setdefault(shown, {"count": 0, "bytes": 0})
        about["count"] += 1
        with suppress(OSError):
            seen = path.lstat()
            about["bytes"] += sum(_sizes(path)) if path.is_dir() else seen.st_size
            about["mode"] = stat.filemode(seen.st_mode)
            about["owner_is_folders"] = seen.st_uid == folder.stat().st_uid
            about["changed"] = int(seen.st_mtime)
    return {"space": space, "files": files, "file_system": _file_system(folder)}


def _name(name: str) -> str:
    damaged = _DAMAGED.fullmatch(name)
    bare = (damaged[1] if damaged else name).removesuffix(".previous")
    return name if bare in FILES else "<others>"


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                yield path.lstat().st_size


def _file_system(folder: Path) -> str:
    best, kind = 0, ""
    whole = f"{folder.resolve()}/"
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, at, found, *_ = line.split()
        if whole.startswith(at.rstrip("/") + "/") and len(at) > best:
            best, kind = len(at), found
    return kind if re.fullmatch(r"[a-z0-9.]+", kind) else ""


def devices() -> dict[str, Any]:
    """Ports, cameras and USB devices that the kernel sees; serial numbers stay here."""
    found: dict[str, Any] = {
        kind: sorted(path.name for path in Path("/dev").glob(pattern))
        for kind, pattern in (
            ("usb_serial", "ttyUSB*"),
            ("acm", "ttyACM*"),
            ("video", "video*"),
            ("gpio", "gpiochip*"),
        )
    }
    usb = []
    for path in sorted(Path("/sys/bus/usb/devices").glob("*")):
        with suppress(OSError):
            vendor, product = ((path / f"id{k}").read_text().strip() for k in ("Vendor", "Product"))
            usb.append(f"{vendor}:{product}")
    return found | {"usb": usb}


def units() -> list[dict[str, str]]:
    """What systemd says of our units."""
    text = ran("systemctl", "show", f"--property={_SHOWN}", *(f"{name}.service" for name in UNITS))
    return [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in text.strip().split("\n\n")
    ]


def ran(*command: str, limit_s: float = RUN_S) -> str:
    """What a program printed; raises OSError if it is not there and CalledProcessError or
    TimeoutExpired if it fails."""
    where = shutil.which(command[0])
    if where is None:
        raise FileNotFoundError(2, "not installed", command[0])
    done = subprocess.run(
        (where, *command[1:]),
        capture_output=True,
        check=True,
        timeout=limit_s,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return done.stdout.decode(errors="replace")
