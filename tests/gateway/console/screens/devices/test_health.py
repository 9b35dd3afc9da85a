"""The health page: what it says of each fault, and that the worst stands first."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.console.screens.devices import health
from gateway.console.screens.devices.health import BAD, GOOD, WARN, Check, checks
from gateway.console.site import Site

STATUS: dict[str, Any] = {
    "uptime_s": 90.0,
    "version": "0.1.0",
    "ledger": {"ok": True, "refused": 0, "follows": None},
    "last_seq": 1234,
    "people": {"version": 3, "total": 250, "applied_at": "2026-11-27T05:00:00+00:00"},
    "clock_trusted": True,
    "clock_sure": True,
    "clock_ahead_s": 0.0,
    "mqtt": None,
    "face": None,
}
Look = Callable[..., dict[str, Check]]


@pytest.fixture
def look(site: Site) -> Look:
    def found(status: dict[str, Any] | None = STATUS, **changes: Any) -> dict[str, Check]:
        status = {**status, **changes} if status is not None else None
        return {check.key: check for check in checks(site.settings, status)}

    return found


def test_a_gate_that_works_says_so(look: Look) -> None:
    found = look()
    assert {found[key].state for key in ("gateway", "log", "people", "clock", "disk")} == {GOOD}
    assert found["people"].said.startswith("version 3, 250 people")


def test_a_gateway_that_does_not_answer_stands_first(site: Site) -> None:
    first = checks(site.settings, None)[0]
    assert (first.key, first.state) == ("gateway", BAD)
    assert "No badge opens" in first.said and first.todo


@pytest.mark.parametrize(
    ("changes", "key", "state", "said"),
    [
        ({"ledger": {"ok": False, "follows": None}}, "log", BAD, "Nobody passes"),
        ({"people": None}, "people", BAD, "no list"),
        ({"people": {"error": "damaged"}}, "people", BAD, "damaged"),
        ({"clock_trusted": False, "clock_behind_s": 7200.0}, "clock", BAD, "2 h"),
        ({"clock_sure": False}, "clock", GOOD, "nothing is destroyed"),
        ({"face": {"ready": False, "enrolled": 0}}, "face", BAD, "away"),
        ({"face": {"ready": True, "enrolled": 7}}, "face", GOOD, "7 people"),
    ],
)
def test_each_fault_is_named_with_what_to_do(
    look: Look, changes: dict[str, Any], key: str, state: str, said: str
) -> None:
    check = look(**changes)[key]
    assert (check.state, said in check.said) == (state, True), check
    assert bool(check.todo) == (state != GOOD)


def test_a_broker_that_is_away_is_no_reason_to_close(look: Look) -> None:
    mqtt = {
        "connected": False,
        "version": 5,
        "published": 4,
        "waiting": 9,
        "name_taken_by": None,
        "credentials": [],
    }
    check = look(mqtt=mqtt)["broker"]
    assert check.state == WARN and "waiting 9" in check.said and "Doors work" in check.todo
    taken = {"how": "connected", "host": "box-2", "since": "05:00"}
    check = look(mqtt={**mqtt, "connected": True, "name_taken_by": taken})["broker"]
    assert check.state == BAD and "box-2" in check.said


def test_a_disk_that_is_nearly_full_is_told_before_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = health._disk(site.settings.tables.site.data_dir, 1)
    assert free.state == GOOD
    assert health._disk(site.settings.tables.site.data_dir, 10**9).state == BAD

    class Found:
        f_bavail, f_frsize, f_blocks = 500_000, 1000, 9_000_000

    monkeypatch.setattr(health.os, "statvfs", lambda folder: Found)
    assert health._disk(Path("/"), 200).state == WARN
    assert health._disk(Path("/nowhere"), 501).state == BAD


def test_backups_age(site: Site, look: Look) -> None:
    path = site.settings.backup_path
    assert look()["backup"].state == WARN

    def made(days: float) -> Check:
        at = datetime.now(UTC) - timedelta(days=days)
        path.write_text(json.dumps({"time": at.isoformat(), "file": "x", "last_seq": 1}))
        return look()["backup"]

    assert made(6.9).state == GOOD and made(6.9).said.startswith("6 d")
    assert made(7.1).state == WARN
    for damaged in ("", "[]", '{"time": 7}', "{}"):
        path.write_text(damaged)
        assert look()["backup"].state == WARN


def certificate(path: Path, days: float) -> Path:
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, None)
    )
    path.write_bytes(made.public_bytes(Encoding.PEM))
    assert made.fingerprint(hashes.SHA256())
    return path


def test_certificates_tell_the_days_they_have_left(site: Site, tmp_path: Path) -> None:
    for days, state, said in ((90.5, GOOD, "days left: 90"), (10.5, WARN, "10"), (-1, BAD, "exp")):
        path = certificate(tmp_path / "cert.pem", days)
        console = site.settings.tables.console.model_copy(
            update={"cert_file": path, "cert_key_file": path}
        )
        tables = site.settings.tables.model_copy(update={"console": console})
        found = {c.key: c for c in checks(replace(site.settings, tables=tables), STATUS)}
        check = found["certificate-cert.pem"]
        assert check.state == state and said in check.said
    path.write_text("nothing")
    assert health._certificate("x", path).state == WARN
