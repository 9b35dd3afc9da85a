"""Debian's RabbitMQ with its MQTT plugin: a node with its own folders, ports and port mapper."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from demo.broker import free_port

PROGRAMS = Path("/usr/lib/rabbitmq/bin")


class Rabbit:
    """One node on 127.0.0.1.  `start` takes some ten seconds; `stop` ends the port mapper too."""

    def __init__(self, folder: Path) -> None:
        if not (PROGRAMS / "rabbitmq-server").exists():
            pytest.fail("this test needs rabbitmq-server: sudo apt install rabbitmq-server")
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "rabbit.log"
        (folder / "plugins").write_text("[rabbitmq_mqtt].")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nmqtt.listeners.tcp.default = 127.0.0.1:{self.port}\n"
            "mqtt.allow_anonymous = true\nmqtt.default_user = guest\nmqtt.default_pass = guest\n"
        )
        mapper = str(free_port())
        # Without one that is ours, the node would leave its own behind.
        self._mapper = subprocess.Popen(["epmd", "-port", mapper, "-address", "127.0.0.1"])
        self._environment = os.environ | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": mapper,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"garita{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, limit_s: float = 90) -> None:
        """Return when MQTT is served."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAMS / "rabbitmq-server"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + limit_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    pytest.fail(f"rabbitmq did not start: {self._log.read_text()[-1500:]}")
                time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def stop(self) -> None:
        self.kill()
        self._mapper.terminate()
        self._mapper.wait(timeout=30)
