"""Gathers the parts and packs them.  Each part by itself: what can't be had is named, with the kind
of error, and the others are there all the same."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import config
from gateway.daemon import control
from gateway.diag import box, lines
from gateway.diag.keep import Keeper, keys, names_of
from gateway.locale import N_

DATA = Path("/var/lib/garita")
SOCKET = Path("/run/garita/garita.sock")
SELFTEST_S = 60.0
MOST_CONFIG = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the package: its name, what it is for people, its bytes, and the kind of error that
    it stands for ("" if it is what it should be)."""

    name: str
    what: str
    data: bytes
    error: str = ""


def gather(path: Path) -> list[Member]:
    """All parts of the gate whose configuration is at `path`; raises nothing that a gate that is
    broken can cause."""
    found = _Config(path)
    keeper = Keeper(names_of(found.raw))
    data, socket = found.data_dir, found.socket
    parts: tuple[tuple[str, str, Callable[[], Any]], ...] = (
        ("versions", N_("versions of the program and its libraries"), box.versions),
        ("system", N_("kernel, processor, memory, load"), box.system),
        ("config", N_("the configuration, without texts that are not codes"), found.shown(keeper)),
        ("status", N_("what the gateway says of itself"), lambda: _status(socket, keeper)),
        ("selftest", N_("the self-test: what is good and what is not"), lambda: _selftest(path)),
        ("disk", N_("disk space, sizes of files"), lambda: box.disk(data)),
        ("databases", N_("whether the databases are sound"), lambda: _databases(data)),
        (
            "records",
            N_("records by type, without what they say"),
            lambda: lines.records(data / "ledger.db", keeper),
        ),
        ("journal", N_("lines of the text log by place"), lambda: lines.journal(keeper)),
        ("devices", N_("ports, cameras and USB devices"), box.devices),
        ("units", N_("states of the services"), box.units),
    )
    return [_member(f"{name}.json", what, make) for name, what, make in parts]


def packed(members: list[Member]) -> bytes:
    """The members and a list of them as a zip file."""
    listed = [
        {
            "name": member.name,
            "bytes": len(member.data),
            "sha256": hashlib.sha256(member.data).hexdigest(),
            "what": member.what,
            "error": member.error,
        }
        for member in members
    ]
    made = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "files": listed}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("contents.json", _json(made))
        for member in members:
            file.writestr(member.name, member.data)
    return whole.getvalue()


def _member(name: str, what: str, make: Callable[[], Any]) -> Member:
    try:
        return Member(name, what, _json(make()))
    except Exception as error:  # whatever is broken, it may be why somebody asks for help
        kind = type(error).__name__
        if isinstance(error, OSError) and error.errno is not None:
            kind += f" {error.errno}"
        return Member(name, what, _json({"error": kind}), kind)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=True, default=lambda _: "<?>").encode() + b"\n"


class _Config:
    """A configuration that may have mistakes, be no TOML, or not be there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text, self.raw = "", dict[str, Any]()
        self._error: Exception | None = None
        self.settings: config.Settings | None = None
        try:
            with path.open("rb") as file:
                self._text = file.read(MOST_CONFIG).decode("utf-8", errors="replace")
            self.raw = tomllib.loads(self._text)
            self.settings = config.load(path)
        except Exception as error:
            self._error = error

    @property
    def data_dir(self) -> Path:
        """Where the data are, as far as the file says so."""
        if self.settings is not None:
            return self.settings.tables.site.data_dir
        return self._folder("data_dir", DATA)

    @property
    def socket(self) -> Path:
        """The daemon's socket, likewise."""
        if self.settings is not None:
            return self.settings.socket_path
        return self._folder("run_dir", SOCKET.parent) / SOCKET.name

    def _folder(self, key: str, usual: Path) -> Path:
        found = re.search(rf'^\s*{key}\s*=\s*["\']([^"\'\n]+)["\']', self._text, re.M)
        return self._path.parent / found[1] if found else usual

    def shown(self, keeper: Keeper) -> Callable[[], Any]:
        """The configuration as far as it may leave, and what is wrong with it."""

        def make() -> dict[str, Any]:
            if isinstance(self._error, OSError):
                raise self._error
            wrong = [
                {"line": one.line, "key": self._key(one.key, keeper)}
                for one in getattr(self._error, "mistakes", ())
            ]
            made: dict[str, Any] = {"mistakes": wrong, "lines": self._text.count("\n")}
            if isinstance(self._error, tomllib.TOMLDecodeError):
                where = re.search(r"line (\d+), column (\d+)", str(self._error))
                made["not_toml_at"] = [int(part) for part in where.groups()] if where else []
                found = re.findall(r"^\s*([a-z][a-z0-9_]*)\s*=", self._text, re.M)
                made["keys"] = [key for key in found if key in keys()]
            elif self._error is not None and not wrong:
                made["error"] = type(self._error).__name__
            made["tables"] = keeper.config(self.raw)
            return made

        return make

    @staticmethod
    def _key(key: str, keeper: Keeper) -> str:
        known = keys()
        return ".".join(part if part in known else keeper.word(part) for part in key.split("."))


def _status(socket: Path, keeper: Keeper) -> Any:
    return keeper.facts(control.ask(socket, "status", timeout_s=10.0))


def _selftest(path: Path) -> Any:
    """In a process of its own: a disk that hangs must not hang this one.  Codes alone are kept."""
    import subprocess  # noqa: PLC0415

    done = subprocess.run(
        (sys.executable, "-m", "gateway.cli.main", "selftest", "--json", "-c", str(path)),
        capture_output=True,
        check=False,
        timeout=SELFTEST_S,
        stdin=subprocess.DEVNULL,
    )
    told = json.loads(done.stdout)
    kept = [
        {key: one[key] for key in ("name", "state") if re.fullmatch(r"[a-z_-]{1,30}", one[key])}
        for one in told["findings"]
    ]
    return {"exit": done.returncode, "findings": kept}


def _databases(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("people.db", "ledger.db", "console.db"):
        if (folder / name).exists():
            try:
                found[name] = lines.integrity(folder / name)
            except Exception as error:
                found[name] = {"error": type(error).__name__}
    return found
