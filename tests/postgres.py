"""A real PostgreSQL of the tests' own: started, killed, copied to a standby, promoted."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from demo.broker import free_port

USER, PASSWORD = "hr", "s3cret"


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that other accounts get at: pytest closes its own to them, at any time when a
    second run of it begins on this machine."""
    with tempfile.TemporaryDirectory(prefix="garita-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


class Postgres:
    """A cluster on a free port of 127.0.0.1.  `-F` (no fsync) makes it quick: a killed process
    loses nothing that the kernel has.  What is lost here is lost as on a promoted standby."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        binary = str(found[-1]) if found else shutil.which("initdb")
        if binary is None:
            pytest.fail("the tests need PostgreSQL: sudo apt install postgresql")
        self._bin = Path(binary).resolve().parent
        self.folder, self.data = folder, folder / "data"
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        folder.mkdir(mode=0o755)
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL will not run as root
            account = pwd.getpwnam("nobody")
            os.chown(folder, account.pw_uid, account.pw_gid)
            for parent in folder.parents:  # pytest's own, closed to others
                if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
                    parent.chmod(parent.stat().st_mode | 0o055)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    @classmethod
    def fresh(cls, folder: Path) -> Postgres:
        """A new cluster, started."""
        server = cls(folder)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        options = ("-U", USER, "-A", "scram-sha-256", "-N", "-E", "UTF8", "--locale", "C")
        server.run("initdb", "-D", str(server.data), *options, "--pwfile", str(password))
        server.start()
        return server

    def run(self, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's own programs to its end."""
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        done = subprocess.run(
            [self._bin / name, *arguments],
            capture_output=True,
            cwd="/",
            env=environment,
            **self._as,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{name}: {done.stderr.decode()[-800:]}")

    def url(self, database: str = "postgres", user: str = USER, password: str = PASSWORD) -> str:
        """How psycopg and SQLAlchemy (after `postgresql+psycopg`) reach it."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self, *options: str) -> None:
        """Start it and wait until it answers; a standby answers when it can be read."""
        command = [self._bin / "postgres", "-D", self.data, "-p", str(self.port), "-F"]
        for option in ("listen_addresses=127.0.0.1", "unix_socket_directories=", *options):
            command += ["-c", option]
        with (self.folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, **self._as
            )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            if time.monotonic() > deadline or self._server.poll() is not None:
                pytest.fail(f"no PostgreSQL: {(self.folder / 'server.log').read_text()[-800:]}")
            time.sleep(0.02)

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[Any]:
        """A connection of the superuser; each statement commits by itself."""
        return psycopg.connect(self.url(database), autocommit=True, **options)

    def execute(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements; returns the rows of the last one."""
        with self.connect(database) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def database(self, name: str) -> str:
        """Make an empty database; returns its URL."""
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    @property
    def pid(self) -> int:
        """The process of the server; raises AssertionError while there is none."""
        assert self._server is not None
        return self._server.pid

    def kill(self) -> None:
        """`kill -9` for the server and all its processes at once, as when the machine dies."""
        if self._server is None:
            return
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children")
        with contextlib.suppress(OSError):
            self._server.send_signal(signal.SIGSTOP)  # it must not answer for its children
            for pid in children.read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        self._server.kill()
        self._server.wait(timeout=20)
        self._server = None

    def stop(self) -> None:
        """A fast shutdown: sessions are ended."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
            self._server = None

    def standby(self, folder: Path) -> Postgres:
        """A streaming standby of this server, started (PostgreSQL 15, chapter 27.2.5)."""
        other = Postgres(folder)
        source = f"host=127.0.0.1 port={self.port} user={USER}"
        other.run("pg_basebackup", "-D", str(other.data), "-d", source, "-R", "-X", "stream")
        other.start("hot_standby=on")
        return other

    def promote(self) -> None:
        """Make a standby the server that is written to; returns when it takes writes."""
        self.execute("SELECT pg_promote(true, 60)")
