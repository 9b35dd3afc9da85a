"""A mosquitto beside the gateway: its configuration, its ACL and its certificates.

The text is that of config/mosquitto, with the places and the port of this box.  `tried` starts a
mosquitto with what was made, on a port of this machine alone, and logs in as the gateway does.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.config import MqttSettings
from gateway.locale import GaritaError, worded
from gateway.setup.certs import CA, Certificates
from gateway.setup.shipped import shipped
from gateway.uplink.check import check_broker

PORT = 8883
SERVER = "broker"
"""The certificate of the broker has this name in the folder."""
ACCOUNT = "mosquitto"
# Debian's /etc/mosquitto/mosquitto.conf says these, and mosquitto takes them once alone.
_SAID_ELSEWHERE = ("persistence ", "persistence_location", "log_dest", "log_type")
_START_S = 10.0


class BrokerError(GaritaError):
    """The broker's files can't be made, or no broker works with them; the message says why."""


@dataclass(frozen=True, slots=True)
class BrokerPlaces:
    """Where the broker's files go."""

    conf: Path
    acl: Path
    certs: Path

    @classmethod
    def of(cls, config: Path) -> BrokerPlaces:
        """Debian's places for the gate in /etc/garita; elsewhere a folder beside the
        configuration."""
        folder = config.absolute().parent
        if folder == Path("/etc/garita"):
            etc = Path("/etc/mosquitto")
            return cls(etc / "conf.d" / "garita.conf", etc / "garita.acl", etc / "certs")
        broker = folder / "broker"
        return cls(broker / "garita.conf", broker / "garita.acl", broker / "certs")

    @property
    def ca(self) -> Path:
        return self.certs / "garita-ca.pem"

    @property
    def cert(self) -> Path:
        return self.certs / "garita-broker.pem"

    @property
    def key(self) -> Path:
        return self.certs / "garita-broker.key"


@dataclass(frozen=True, slots=True)
class BrokerFile:
    """One file to write."""

    path: Path
    data: bytes
    mode: int = 0o644


def files(
    places: BrokerPlaces, held: Certificates, *, port: int, people: Sequence[str] = ()
) -> list[BrokerFile]:
    """What the broker needs, in the order in which it is to be written: the configuration last.
    `people` are the names of clients of config/mosquitto/garita.acl that are let in.  Raises
    BrokerError if a certificate is missing."""
    try:
        pair = [
            BrokerFile(places.ca, held.cert_path(CA).read_bytes()),
            BrokerFile(places.key, held.key_path(SERVER).read_bytes(), 0o600),
            BrokerFile(places.cert, held.cert_path(SERVER).read_bytes()),
        ]
        conf = shipped("config/mosquitto/mosquitto.conf").read_text("utf-8")
        acl = shipped("config/mosquitto/garita.acl").read_text("utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise BrokerError(worded("{path}: {error}", path=error.filename, error=why)) from error
    return [
        *pair,
        BrokerFile(places.acl, acl_text(acl, people).encode()),
        BrokerFile(places.conf, conf_text(conf, places, port).encode()),
    ]


def conf_text(shipped_text: str, places: BrokerPlaces, port: int) -> str:
    """mosquitto.conf for this box, to be included by Debian's own."""
    moved = {
        "listener": str(port),
        "cafile": str(places.ca),
        "certfile": str(places.cert),
        "keyfile": str(places.key),
        "acl_file": str(places.acl),
    }
    lines = []
    for line in shipped_text.splitlines():
        word = line.partition(" ")[0]
        if not line.startswith(_SAID_ELSEWHERE):
            lines.append(f"{word} {moved[word]}" if word in moved else line)
    return "\n".join(lines).strip() + "\n"


def acl_text(shipped_text: str, people: Sequence[str]) -> str:
    """The ACL with the blocks of `people`, which are comments in what is shipped."""
    text = shipped_text
    for name in people:
        block = re.compile(rf"^# user {re.escape(name)}\n(?:# topic .*\n)+", re.MULTILINE)
        text = block.sub(lambda found: re.sub(r"^# ", "", found[0], flags=re.MULTILINE), text)
    return text


def own(path: Path) -> None:
    """Give a key that root made to the broker's account, which has to read it.  Raises OSError."""
    try:
        account = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return
    if os.geteuid() == 0:
        os.chown(path, account.pw_uid, account.pw_gid)


def program() -> str | None:
    """Where mosquitto is, if it is installed."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def tried(places: BrokerPlaces, settings: MqttSettings, gateway: str) -> str:
    """The version of MQTT with which the gateway's account logs in at a broker with these files.
    Blocks for some seconds.  Raises BrokerError."""
    found = program()
    if found is None:
        raise BrokerError(worded("mosquitto is not installed: apt install mosquitto"))
    with _running(found, places) as port:
        here = settings.model_copy(update={"host": "localhost", "port": port, "brokers": []})
        answer = check_broker(here, gateway)
    if answer.error:
        raise BrokerError(worded("the broker refuses the gateway: {why}", why=answer.error))
    return answer.version


@contextmanager
def _running(found: str, places: BrokerPlaces) -> Iterator[int]:
    """A broker with these files on a free port of this machine, with nothing of its own on disk."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), _free_port()
        text = places.conf.read_text("utf-8")
        text = re.sub(r"^listener .*", f"listener {port} 127.0.0.1", text, flags=re.MULTILINE)
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name}"
        lines = (user, text, "log_dest stderr", "log_type error", "")
        (folder / "trial.conf").write_text("\n".join(lines), encoding="utf-8")
        with (folder / "log").open("w+b") as log:
            process = subprocess.Popen([found, "-c", folder / "trial.conf"], stdout=log, stderr=log)
            try:
                _wait(process, port, folder / "log")
                yield port
            finally:
                process.kill()  # it has nothing to save
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                why = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
                raise BrokerError(worded("mosquitto does not start: {why}", why=why)) from None
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
