"""The site's certificates: made once, renewed for the same keys, and what is wrong is named."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.setup import clock
from gateway.setup.certs import CA, DAYS, Certificates, State
from gateway.vault.authority import CertError, Kind
from tests.gateway.console.security.test_certs import handshake

NOW = clock.now().replace(microsecond=0)
BEGAN = NOW - timedelta(days=DAYS - 20)  # TLS itself goes by the real clock


@pytest.fixture
def held(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path / "certs")
    made.new_authority("north", NOW)
    made.issue("broker", Kind.SERVER, NOW, names=["mqtt.example.com", "localhost"])
    made.issue("gate-1", Kind.CLIENT, NOW)
    return made


def states(held: Certificates, now: datetime) -> dict[str, State]:
    return {item.name: item.state for item in held.all(now)}


def test_the_broker_is_trusted_by_its_names_alone(held: Certificates) -> None:
    paths = held.cert_path("broker"), held.key_path("broker"), held.cert_path(CA)
    for name in ("mqtt.example.com", "localhost"):
        handshake(*paths, name)
    assert [item.name for item in held.all(NOW)] == [CA, "gate-1", "broker"]
    assert {item.days_left for item in held.all(NOW)} == {3650, DAYS}


def test_keys_are_for_one_account_alone(held: Certificates) -> None:
    for path in held.folder.glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held.key_path("gate-1").chmod(0o640)
    assert states(held, NOW)["gate-1"] is State.OPEN_KEY


def test_nothing_that_is_there_is_replaced(held: Certificates) -> None:
    before = {path: path.read_bytes() for path in held.folder.iterdir()}
    with pytest.raises(CertError, match="is not replaced"):
        held.new_authority("north", NOW)
    with pytest.raises(CertError, match="garita certs renew"):
        held.issue("gate-1", Kind.CLIENT, NOW)
    for name in ("ca", "", "a b", "../x", "ñ", "x" * 65):
        with pytest.raises(CertError):
            held.issue(name, Kind.CLIENT, NOW)
    assert {path: path.read_bytes() for path in held.folder.iterdir()} == before


@pytest.mark.parametrize("name", [CA, "gate-2"])
def test_who_was_killed_between_key_and_certificate_is_gone_on_from(
    held: Certificates, name: str
) -> None:
    if name != CA:
        held.issue(name, Kind.CLIENT, NOW)
    key = held.key_path(name).read_bytes()
    held.cert_path(name).unlink()
    if name == CA:
        held.new_authority("north", NOW)
    else:
        held.issue(name, Kind.CLIENT, NOW)
    assert held.key_path(name).read_bytes() == key
    assert set(states(held, NOW).values()) == {State.GOOD}


def test_renewing_keeps_the_keys_and_the_others_stay_good(tmp_path: Path) -> None:
    held = Certificates(tmp_path)
    held.new_authority("north", BEGAN)
    held.issue("broker", Kind.SERVER, BEGAN, names=["localhost"])
    held.issue("gate-1", Kind.CLIENT, BEGAN)
    keys = {path: path.read_bytes() for path in held.folder.glob("*.key")}
    soon = NOW
    assert states(held, soon) == {CA: State.GOOD, "broker": State.SOON, "gate-1": State.SOON}
    assert [item.name for item in held.renew([], soon)] == ["broker", "gate-1"]
    assert set(states(held, soon).values()) == {State.GOOD}
    held.renew([CA], soon)
    assert set(states(held, soon).values()) == {State.GOOD}  # signed by the old one, same key
    handshake(held.cert_path("broker"), held.key_path("broker"), held.cert_path(CA), "localhost")
    assert {path: path.read_bytes() for path in keys} == keys
    names = held.renew(["broker"], soon, names_of_server=["other.example.com"])[0].names
    assert names == ("other.example.com",)


def test_an_authority_that_ends_is_renewed_before_what_it_signs(held: Certificates) -> None:
    late = NOW + timedelta(days=3660)
    assert set(states(held, late).values()) == {State.EXPIRED}
    with pytest.raises(CertError, match="renew it first"):
        held.issue("gate-9", Kind.CLIENT, late)
    assert [item.name for item in held.renew([], late)] == [CA, "broker", "gate-1"]
    assert set(states(held, late).values()) == {State.GOOD}


def test_what_a_wrong_clock_made_is_named_and_renewed(tmp_path: Path) -> None:
    held = Certificates(tmp_path)
    held.new_authority("north", NOW + timedelta(days=900))
    held.issue("gate-1", Kind.CLIENT, NOW + timedelta(days=900))
    assert set(states(held, NOW).values()) == {State.EARLY}
    held.renew([], NOW)
    assert set(states(held, NOW).values()) == {State.GOOD}


def test_damaged_and_foreign_files_are_named_and_stop_nothing(held: Certificates) -> None:
    (held.folder / "noise.pem").write_bytes(b"\x00\xff" * 50)
    (held.folder / "half.pem").write_bytes(held.cert_path("gate-1").read_bytes()[:200])
    (held.folder / "folder.pem").mkdir()
    held.issue("lost", Kind.CLIENT, NOW)
    held.key_path("lost").unlink()
    held.issue("mixed", Kind.CLIENT, NOW)
    held.key_path("mixed").write_bytes(held.key_path("broker").read_bytes())
    other = Certificates(held.folder.parent / "other")
    other.new_authority("south", NOW)
    other.issue("stranger", Kind.CLIENT, NOW)
    for name in ("stranger.pem", "stranger.key"):
        (other.folder / name).rename(held.folder / name)
    found = states(held, NOW)
    assert {found[name] for name in ("noise", "half", "folder")} == {State.DAMAGED}
    assert found["lost"] is found["mixed"] is State.NO_KEY
    assert found["stranger"] is State.OTHER_CA
    assert found["gate-1"] is State.GOOD
    with pytest.raises(CertError, match="damaged"):
        held.renew(["half"], NOW)
    held.key_path(CA).unlink()  # it is kept elsewhere
    assert states(held, NOW)[CA] is State.GOOD
    with pytest.raises(CertError, match=r"ca\.key"):
        held.issue("gate-7", Kind.CLIENT, NOW)


def garita(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["-c", str(folder / "garita.toml"), *words])
    return done.exit_code, done.output


def test_the_commands_make_list_and_renew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert garita(tmp_path, "certs", "client", "gate-1")[0] == 1  # no authority yet
    for words in (("new",), ("server", "10.0.0.4"), ("client", "gate-1", "collector")):
        code, said = garita(tmp_path, "certs", *words)
        assert code == 0, said
    code, said = garita(tmp_path, "certs", "list", "--json")
    listed = {item["name"]: item for item in json.loads(said)}
    assert code == 0 and set(listed) == {"ca", "broker", "gate-1", "collector"}
    assert listed["broker"]["names"] == ["10.0.0.4", "localhost"]
    assert listed["gate-1"]["days_left"] in (DAYS - 1, DAYS)
    assert garita(tmp_path, "certs", "renew")[1].strip() == "nothing to renew"
    assert garita(tmp_path, "certs", "renew", "gate-1", "--host", "x")[0] == 2
    code, said = garita(tmp_path, "certs", "renew", "broker", "--host", "10.0.0.5")
    assert code == 0 and "garita certs mosquitto" in said
    late = clock.now() + timedelta(days=DAYS + 1)
    monkeypatch.setattr(clock, "now", lambda: late)
    code, said = garita(tmp_path, "certs", "list")
    assert code == 3 and "expired" in said


def test_a_clock_that_can_not_be_right_makes_no_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(1970, 1, 1, 3, tzinfo=UTC))
    code, said = garita(tmp_path, "certs", "new")
    assert code == 1 and "set the clock first" in said
    assert not (tmp_path / "certs").exists()
