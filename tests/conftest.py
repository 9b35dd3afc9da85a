"""What tests share: photographs, a real mosquitto, a gate to drive."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings

from demo.broker import free_port
from demo.photos import PhotosMissing, fetch
from demo.rig import Rig
from gateway import locale
from gateway.locale import HERE

if TYPE_CHECKING:  # heavy: most tests need no models and no database
    from gateway.face.enrolment import ExaminedPhotograph
    from gateway.face.vision.engine import Engine
    from tests.postgres import Postgres

# `make quick` tries each property with few examples, `make test` with many.
hypothesis_settings.register_profile("quick", max_examples=25, deadline=None)
hypothesis_settings.register_profile("full", max_examples=200, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))

# A command is a function call here; a smoke test a group starts the real process
# (tests/gateway/cli/test_processes.py).
Rig.in_process = True

# Words that were written since the last `make locale` are read as they are.
for _po in HERE.glob("*/LC_MESSAGES/garita.po"):
    _mo = _po.with_suffix(".mo")
    if not _mo.exists() or _mo.stat().st_mtime < _po.stat().st_mtime:
        subprocess.run([sys.executable, "-m", "gateway.locale", "compile"], check=True)

# A test is known by what it asks for, so nobody has to remember to mark it.
MARKS = {
    "system": {"make_rig"},
    "broker": {"make_broker", "make_link"},
    "faces": {"photos", "engine", "weights", "converted"},
    "servers": {"postgres", "make_postgres", "slapd", "web", "window"},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its fixtures: a daemon, a broker, faces, servers of other kinds."""
    for item in items:
        if item.get_closest_marker("long") is not None and not os.environ.get("GARITA_LONG"):
            item.add_marker(pytest.mark.skip(reason="GARITA_LONG=1: for the night"))
        wanted = set(getattr(item, "fixturenames", ()))
        params = getattr(item, "callspec", None)
        if params is not None and "postgresql" in params.params.values():
            wanted.add("postgres")
        for mark, fixtures in MARKS.items():
            if wanted & fixtures:
                item.add_marker(mark)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Each test begins in English, whatever the one before spoke."""
    locale.use("en")
    yield
    locale.use("en")


@pytest.fixture
def from_account(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Commands run in this process as another account types them.  It stands in for the kernel:
    tests/gateway/people/test_account.py asks that one."""

    def use(account: str) -> None:
        monkeypatch.setattr("gateway.people.account.own", lambda: account)

    return use


@pytest.fixture
def spanish(_english: None) -> None:
    """The test speaks Spanish."""
    locale.use("es")


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of portraits; without them these tests fail, they are not skipped."""
    try:
        return fetch()
    except PhotosMissing as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The models that enrolment uses, loaded once: they take seconds."""
    from gateway.face.enrolment import make_engine

    return make_engine()


@pytest.fixture(scope="session")
def examined(engine: Engine, photos: Path) -> Callable[[str], ExaminedPhotograph]:
    """What enrolment finds in a portrait, examined once."""
    from gateway.face.enrolment import examine

    return functools.cache(lambda name: examine(engine, photos / name))


class Mosquitto:
    """A real broker on a free port of 127.0.0.1 that can be killed and started again."""

    def __init__(self, folder: Path, config: str = "allow_anonymous true") -> None:
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        found = shutil.which("mosquitto", path=path)
        if found is None:
            pytest.fail("the tests need mosquitto: sudo apt install mosquitto")
        self._binary = found
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        (folder / "store").mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            f"user root\npersistence true\npersistence_location {folder}/store/\n"
            f"max_queued_messages 100000\nset_tcp_nodelay true\n"
            f"listener {self.port} 127.0.0.1\n{config}\n"
        )
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-c", str(self._config)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    pytest.fail(f"mosquitto did not start: {self._log.read_text()[-500:]}")
                time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=10)
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Brokers with configurations of the test's own."""
    made: list[Mosquitto] = []

    def make(config: str = "allow_anonymous true") -> Mosquitto:
        broker = Mosquitto(tmp_path / f"broker{len(made)}", config)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def broker(make_broker: Callable[..., Mosquitto]) -> Mosquitto:
    """A broker that lets everyone in, started."""
    broker = make_broker()
    broker.start()
    return broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that lives as long as the tests; each test makes databases of its own."""
    from tests.postgres import Postgres, open_folder

    with open_folder() as folder:
        server = Postgres.fresh(folder / "cluster")
        yield server
        server.stop()


@pytest.fixture
def make_postgres() -> Iterator[Callable[..., Postgres]]:
    """Clusters of the test's own, which it may kill, copy and promote."""
    from tests.postgres import Postgres, open_folder

    made: list[Postgres] = []
    with open_folder() as parent:

        def make(source: Postgres | None = None) -> Postgres:
            folder = parent / f"postgres{len(made)}"
            made.append(source.standby(folder) if source else Postgres.fresh(folder))
            return made[-1]

        yield make
        for server in made:
            server.stop()


@pytest.fixture
async def make_rig(tmp_path: Path) -> AsyncIterator[Callable[..., Rig]]:
    """Gates of virtual devices, stopped at the end."""
    made: list[Rig] = []

    def make(**options: object) -> Rig:
        rig = Rig(tmp_path / f"gate{len(made)}", **options)  # type: ignore[arg-type]
        made.append(rig)
        return rig

    yield make
    await asyncio.gather(*(rig.stop() for rig in made))
