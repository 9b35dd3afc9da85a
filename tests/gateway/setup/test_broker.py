"""What `garita certs mosquitto` writes is what a real mosquitto takes, and whom it lets in."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import aiomqtt
import pytest
from typer.testing import CliRunner

from demo.broker import free_port
from gateway.cli.certs import login
from gateway.cli.main import app
from gateway.setup.broker import BrokerError, BrokerPlaces, acl_text, program, tried
from gateway.setup.certs import CA, Certificates
from gateway.setup.shipped import shipped
from tests.conftest import Mosquitto


def garita(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["-c", str(folder / "garita.toml"), *words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def made(tmp_path: Path) -> Path:
    (tmp_path / "garita.toml").write_text('[site]\ngateway = "gate-1"\ntimezone = "UTC"\n')
    garita(tmp_path, "certs", "new")
    garita(tmp_path, "certs", "server", "mqtt.example.com")
    garita(tmp_path, "certs", "client", "gate-1", "gate-2", "auditor", "collector", "eve")
    return tmp_path


def context(folder: Path, name: str) -> ssl.SSLContext:
    held = Certificates(folder / "certs")
    made = ssl.create_default_context(cafile=held.cert_path(CA))
    made.load_cert_chain(held.cert_path(name), held.key_path(name))
    return made


async def test_a_real_broker_lets_in_whom_the_certificates_name(
    made: Path, make_broker: Callable[..., Mosquitto]
) -> None:
    places = BrokerPlaces.of(made / "garita.toml")
    # There is no gateway of that configuration: what it says of doors is not complete.
    garita(made, "certs", "mosquitto", "--allow", "collector", "--port", "18883")
    text = places.conf.read_text()
    assert "listener 18883\n" in text and "persistence_location" not in text
    lines = [line for line in text.splitlines() if not line.startswith("listener")]
    skip = ("max_queued_messages", "set_tcp_nodelay")  # make_broker says them
    broker = make_broker("\n".join(line for line in lines if not line.startswith(skip)))
    broker.start()

    def client(name: str) -> aiomqtt.Client:
        tls = context(made, name)
        return aiomqtt.Client("localhost", broker.port, tls_context=tls, timeout=10)

    async with (
        client("collector") as collector,
        client("gate-1") as gate,
        client("gate-2") as other,
    ):
        await collector.subscribe("garita/#", qos=1)
        await other.publish("garita/gate-1/events", b"forged", qos=1)
        await gate.publish("garita/gate-1/events", b"true", qos=1)
        message = await anext(aiter(collector.messages))
        assert (message.topic.value, message.payload) == ("garita/gate-1/events", b"true")
    bare = ssl.create_default_context(cafile=made / "certs" / "ca.pem")
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client("localhost", broker.port, tls_context=bare, timeout=1):
            pass


def test_the_command_tries_what_it_wrote(made: Path) -> None:
    said = garita(made, "certs", "mosquitto")
    assert "tried: " not in said  # no gate of that configuration
    places = BrokerPlaces.of(made / "garita.toml")
    held = Certificates(made / "certs")
    assert tried(places, login(held, "gate-1"), "gate-1") in ("5", "3.1.1")
    places.conf.write_text("nonsense yes\n" + places.conf.read_text())
    with pytest.raises(BrokerError, match="does not start"):
        tried(places, login(held, "gate-1"), "gate-1")
    said = garita(made, "certs", "mosquitto")
    assert "the old one is" in said  # somebody's line is kept beside it
    assert tried(places, login(held, "gate-1"), "gate-1")
    assert "made" not in garita(made, "certs", "mosquitto").replace("tried", "")


def test_debians_own_configuration_includes_ours(made: Path, tmp_path: Path) -> None:
    """mosquitto takes some lines once alone; Debian's file says those that ours leaves out."""
    garita(made, "certs", "mosquitto")
    places = BrokerPlaces.of(made / "garita.toml")
    conf = tmp_path / "debian.conf"
    text = places.conf.read_text().replace("listener 8883", f"listener {free_port()} 127.0.0.1")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "garita.conf").write_text(text)
    conf.write_text(
        f"user root\npersistence true\npersistence_location {tmp_path}/\nlog_dest stderr\n"
        f"include_dir {tmp_path}/conf.d\n"
    )
    binary = program()
    assert binary is not None
    process = subprocess.Popen([binary, "-c", str(conf)], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "running" in line or "Error" in line:
                break
        assert "running" in lines[-1], lines
    finally:
        process.kill()
        process.communicate()


def test_the_acl_lets_in_who_was_named() -> None:
    text = shipped("config/mosquitto/garita.acl").read_text()
    changed = acl_text(text, ["collector"])
    assert "\nuser collector\ntopic read garita/#\n" in changed
    assert "\n# user rosa\n" in changed and acl_text(text, ["nobody"]) == text
