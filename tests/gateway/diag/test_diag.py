"""`garita diag`: whatever secret or name lies anywhere at a gate, none of them is in the file."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from demo.rig import Rig
from gateway.cli import diag
from gateway.config.tables import Tables
from gateway.diag import pack
from gateway.diag.keep import Keeper, keys, vocabulary

NEEDLES = [
    "Zacarías Quiñones",
    "Zacar",
    "Qui\xf1ones",
    "Xochitl",
    "Transportes Ocelotl",
    "e-4471-xq",
    "77120345",  # a badge
    "QXZ-88-41",  # a plate
    "90417263",  # a PIN
    "hunter2-Broker",
    "s3cr3t-rtsp",
    "PlantedKeyMaterial",
    "planted-client-secret",
    "planted-visitor-note",
    "rosa.planted",
]
FACE = bytes(range(7, 135))  # what a template is like


def forms(needle: str) -> Iterator[bytes]:
    """A text as it may stand in a file."""
    for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
        with contextlib.suppress(UnicodeEncodeError):
            raw = needle.encode(encoding)
            yield raw
            yield raw.hex().encode()
            yield from base64_forms(raw)
    yield json.dumps(needle)[1:-1].encode()


def base64_forms(raw: bytes) -> Iterator[bytes]:
    """The part of its base64 that is the same whatever stands around it."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        first = (shift * 8 + 5) // 6
        part = whole[first : len(whole) - 2]
        if len(part) >= 6:
            yield part.encode()
            yield part.translate(str.maketrans("+/", "-_")).encode()


def layers(data: bytes, depth: int = 4) -> Iterator[bytes]:
    """A file, and what it is when it is unpacked or decoded in any way that we know."""
    yield data
    if depth == 0:
        return
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            for name in file.namelist():
                yield name.encode()
                yield from layers(file.read(name), depth - 1)
    for start in (b"\x78\x9c", b"\x78\xda", b"\x1f\x8b"):
        at = data.find(start)
        if at >= 0:
            with contextlib.suppress(zlib.error):
                yield zlib.decompress(data[at:], 47 if start == b"\x1f\x8b" else 15)
    for run in re.findall(rb"[A-Za-z0-9+/_-]{12,}={0,2}", data):
        with contextlib.suppress(binascii.Error, ValueError):
            plain = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            yield from layers(base64.b64decode(plain + b"=" * (-len(plain) % 4)), 1)
    for run in re.findall(rb"(?:[0-9A-Fa-f]{2}){8,}", data):
        yield bytes.fromhex(run.decode())


def leaks(data: bytes, extra: list[bytes]) -> set[str]:
    found = set()
    for layer in layers(data):
        low = layer.lower()
        for needle in NEEDLES:
            if any(form.lower() in low for form in forms(needle)):
                found.add(needle)
        for raw in extra:
            if any(f.lower() in low for f in (raw, raw.hex().encode(), *base64_forms(raw))):
                found.add("key or face")
    return found


def test_the_search_finds_what_is_hidden() -> None:
    """The other tests say that nothing is found; this one says that it would be."""
    secret = "hunter2-Broker"
    for hidden in (
        secret.encode(),
        secret.upper().encode(),
        secret.encode("utf-16-le"),
        secret.encode().hex().encode(),
        base64.b64encode(b"x" + secret.encode() + b"yz"),
        base64.b64encode(zlib.compress(secret.encode() * 3)),
        json.dumps({"a": base64.b64encode(secret.encode()).decode()}).encode(),
    ):
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a.json", b'{"x": "' + hidden + b'"}')
        assert leaks(whole.getvalue(), []) == {secret}, hidden
    assert leaks(json.dumps({"n": "Zacarías"}).encode(), []) == {"Zacar"}
    assert leaks(base64.b64encode(b"??" + FACE), [FACE]) == {"key or face"}


PLANTED = """
# Zacarías Quiñones asked for this; his PIN is 90417263

[operators."rosa.planted"]
account = "rosa.planted"
person = "e-4471-xq"
roles = ["guard"]

[areas.stock]
title = { en = "Xochitl's stock", es = "Transportes Ocelotl" }

[cameras.front]
options = { source = "rtsp://admin:s3cr3t-rtsp@10.0.0.9/Xochitl", pin = 90417263 }

[mqtt]
host = "127.0.0.1"
port = 1
username = "rosa.planted"
password_file = "broker.pass"
"""
LINE = {
    "MESSAGE": 'Zacarías 77120345\n  File "/home/rosa.planted/gateway/x.py", line 7, in f\nXochitl',
    "PRIORITY": "3",
    "CODE_FILE": "gateway/doors/reader.py",
    "CODE_LINE": "7",
    "GARITA_DOOR": "Xochitl",
    "GARITA_LOGGER": "garita.doors.reader",
    "GARITA_TEMPLATE": "hunter2-Broker",
    "GARITA_ERROR": "ValueError",
    "__REALTIME_TIMESTAMP": "1795780000000000",
    "_CMDLINE": "garita --pin 90417263",
    "_HOSTNAME": "rosa.planted",
}


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Bytes that must not leave.  systemd's journal can't be had in a test: a program of its name
    prints one line of it, again and again."""
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = programs / "journalctl"
    text = json.dumps(LINE)
    fake.write_text(f"#!/bin/sh\nfor n in 1 2 3; do cat <<'E'\n{text}\nE\ndone\necho Zacarías\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("GARITA_PASSWORD", "hunter2-Broker")
    return [FACE]


async def planted(make_rig: Callable[..., Rig], extra: list[bytes]) -> Rig:
    """A gate where secrets and people's data lie everywhere."""
    rig = make_rig()
    rows = [
        {
            "id": "e-4471-xq",
            "name": "Zacarías Quiñones",
            "credentials": "em4100:18:77120345",
            "access_levels": "plant",
        },
        {"id": "e2", "name": "Xochitl", "credentials": "em4100:18:5", "access_levels": "plant"},
    ]
    await rig.acli("people", "sync", str(rig.write_people(rows)), "--apply")
    with rig.config.open("a", encoding="utf-8") as file:
        file.write(PLANTED)
    (rig.folder / "broker.pass").write_text("hunter2-Broker\n")
    extra.append((rig.folder / "site.key").read_bytes().strip()[:24])
    data = rig.ledger_path.parent
    await rig.acli("visit", "expect", "Xochitl", "--host", "Zacarías Quiñones", "--company",
                   "Transportes Ocelotl", "--purpose", "planted-visitor-note",
                   "--until", "2030-01-01", check=False)  # fmt: skip
    with sqlite3.connect(rig.people_path) as db:
        db.execute("CREATE TABLE planted (plate TEXT, pin TEXT, face BLOB)")
        db.execute("INSERT INTO planted VALUES ('QXZ-88-41', '90417263', ?)", (FACE,))
    (data / "evidence").mkdir(exist_ok=True)
    (data / "evidence" / "Zacarías Quiñones.jpg").write_bytes(FACE)
    (data / "QXZ-88-41.txt").write_text("planted-client-secret PlantedKeyMaterial")
    (data / "people.db.damaged-20261127T100000Z").write_bytes(b"Xochitl")
    return rig


def package(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        return {name: json.loads(file.read(name)) for name in file.namelist()}


@pytest.mark.slow
async def test_nothing_of_anybody_leaves_a_gate_that_runs(
    make_rig: Callable[..., Rig], extra: list[bytes]
) -> None:
    rig = await planted(make_rig, extra)
    text = rig.config.read_text(encoding="utf-8")  # cameras need the face match
    rig.config.write_text(re.sub(r"\[cameras\.front\]\n.*\n", "", text), encoding="utf-8")
    await rig.start()
    rig.yard_reader.present(18, 77120345)
    rig.gate_reader.present(18, 90417263 % 16777216)
    await rig.until(lambda s: all(s["last"].values()))
    await rig.acli("door", "out-of-service", "gate", "--reason", "Zacarías has the key QXZ-88-41")
    target = rig.folder / "diag.zip"
    done = await rig.acli("diag", str(target))
    assert leaks(target.read_bytes(), extra) == set()
    assert not leaks(done.stdout.replace(str(rig.folder), "").encode(), extra)
    assert target.stat().st_mode & 0o007 == 0
    found = package(target)
    for name in found:
        assert name == "contents.json" or name in done.stdout
    # And it is of use:
    assert found["status.json"]["doors"]["gate"]["state"] == "out_of_service"
    assert found["status.json"]["last"]["yard"]["reason"] == "granted"
    assert found["config.json"]["tables"]["doors"]["yard"]["lock"] == "board"
    assert found["config.json"]["tables"]["site"]["timezone"] == "America/Tijuana"
    assert found["records.json"]["types"]["access.granted"] == 1
    assert found["records.json"]["reasons"]["granted"] == 1
    assert found["databases.json"]["ledger.db"]["sound"] is True
    assert found["disk.json"]["space"]["data"]["free_mb"] > 0
    assert found["disk.json"]["files"]["evidence"]["bytes"] == len(FACE)
    assert found["versions.json"]["libraries"]["pydantic"]
    line = found["journal.json"][0]
    assert (line["file"], line["code_line"], line["error"]) == (
        LINE["CODE_FILE"],
        "7",
        "ValueError",
    )
    assert line["frames"] == ["gateway/x.py:7 f"]
    assert {f["name"] for f in found["selftest.json"]["findings"]} > {"gateway"}
    assert found["contents.json"]["files"][0]["name"] == "versions.json"
    again = await rig.acli("diag", str(target), check=False)
    assert again.returncode == 1 and "exists already" in again.stderr


BROKEN: dict[str, bytes] = {
    "no toml": b"[site\nkey = 'hunter2-Broker'\n\xff\xfe planted-client-secret",
    "unknown keys": b"hunter2-Broker = 90417263\nx.pin = 90417263\n"
    b"[people.'Zacar\xc3\xadas']\nx = 1\n",
    "empty": b"",
}


@pytest.mark.slow
async def test_a_gate_that_is_dead_with_a_broken_configuration(
    make_rig: Callable[..., Rig], extra: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await planted(make_rig, extra)
    (rig.ledger_path).write_bytes(b"Xochitl, no database " * 300)
    rig.people_path.write_bytes(b"Zacar\xc3\xadas 77120345")
    with rig.config.open("a", encoding="utf-8") as file:
        file.write('\n[pin]\nhunter2 = "hunter2-Broker"\nattempts = "90417263"\n')
    target = rig.folder / "diag.zip"
    done = await rig.acli("diag", str(target))
    assert leaks(target.read_bytes(), extra) == set()
    found = package(target)
    errors = {one["name"]: one["error"] for one in found["contents.json"]["files"]}
    assert errors["status.json"] == "Unreachable" and "Unreachable" in done.stdout
    assert errors["records.json"] and not errors["system.json"] and not errors["journal.json"]
    assert any("attempts" in one["key"] for one in found["config.json"]["mistakes"])
    assert found["databases.json"]["ledger.db"] == {"error": "DatabaseError"}
    # The self-test runs in a process of its own and can't read these either: once is enough.
    monkeypatch.setattr(pack, "SELFTEST_S", 0.01)
    for name, text in BROKEN.items():
        rig.config.write_bytes(text)
        members = pack.gather(rig.config)
        assert leaks(pack.packed(members), extra) == set(), name
        (shown,) = [json.loads(m.data) for m in members if m.name == "config.json"]
        assert bool(shown.get("not_toml_at")) == (name == "no toml")
        assert not any(m.error for m in members if m.name == "system.json")
    rig.config.unlink()
    assert {m.name: m.error for m in pack.gather(rig.config)}[
        "config.json"
    ] == "FileNotFoundError 2"
    rig.config.mkdir()
    assert {m.name: m.error for m in pack.gather(rig.config)}[
        "config.json"
    ] == "IsADirectoryError 21"


async def test_a_full_disk_is_said_and_another_place_works(
    make_rig: Callable[..., Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig()
    monkeypatch.setattr(pack, "SELFTEST_S", 0.01)  # it is not what this is about
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(small)), check=False
    )
    if mounted.returncode:
        pytest.skip("a full disk needs the right to mount")
    try:
        done = await rig.acli("diag", str(small / "x.zip"), check=False)
        assert done.returncode == 5 and "Name a file on another disk" in done.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(("umount", str(small)), check=True)
    monkeypatch.setattr(pack, "gather", lambda path: [pack.Member("a.json", "a", b"{}")])
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out))
    diag.diag(SimpleNamespace(config=rig.config), Path("-"))  # type: ignore[arg-type]
    assert zipfile.ZipFile(out).testzip() is None


def test_a_part_that_fails_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Zacarías 77120345")

    for name in ("versions", "system", "disk", "devices", "units"):
        monkeypatch.setattr(f"gateway.diag.box.{name}", fail)
    members = pack.gather(tmp_path / "none.toml")
    assert not leaks(pack.packed(members), [])
    assert {m.name for m in members if m.error == "RuntimeError"} >= {"versions.json", "units.json"}


def test_words_are_ours_and_keys_are_those_of_the_schema() -> None:
    assert {"granted", "access.granted", "badge+pin", "secure", "soft"} <= vocabulary()
    assert set(Tables.model_fields) <= keys() and "password_file" in keys()
    keeper = Keeper({"yard"})
    assert keeper.word("yard") == "yard" and keeper.word("Ana") == "<text, 3 characters>"
    told = keeper.config({"pin": {"attempts": 5, "master": 90417263, "x": ["Ana"]}})
    assert told == {
        "pin": {"attempts": 5, "<pin 2>": "<number>", "<pin 3>": ["<text, 3 characters>"]}
    }
    options = {"options": {"port": 4321, "a": {"port": 4321}}}
    assert "4321" not in json.dumps(keeper.config(options))
