"""`garita log key`, `checkpoint`, `prove` and `checker`, on a gate that is stopped."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import config
from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.openlog import open_log
from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.heads import Heads
from gateway.proof import note, qrcode
from gateway.proof.checkpoint import Checkpoint, open_checkpoint, sign
from gateway.proof.note import COSIGNATURE, Signature, Signer, VerifierKey
from gateway.vault import logkey
from tests.gateway.cli.conftest import Site

MIRROR = Signer("hq.example/m", Ed25519PrivateKey.from_private_bytes(bytes(32)), COSIGNATURE)


def signed(site: Site) -> None:
    """A checkpoint of the site's log, as the gateway makes it."""
    settings = config.load(site.config)
    with closing(open_log(settings)) as ledger:
        maker = Checkpoints(
            ledger=ledger,
            gateway="g",
            name="garita/g",
            key=logkey.load_or_make(settings.log_key_path, site.key),
            path=settings.head_path,
            every=1,
            minutes=1,
            facts=dict,
            broker=False,
        )
        assert asyncio.run(maker.make()) is not None


def lose_key(settings: config.Settings) -> None:
    """The key and the version before it, which would be used in its place."""
    for path in settings.log_key_path.parent.glob(f"{settings.log_key_path.name}*"):
        path.unlink()


def test_before_anything_is_signed_that_is_said(site: Site) -> None:
    for command in ("key", "checkpoint"):
        done = site.run("log", command)
        assert done.exit_code in (1, 5), done.output


def test_what_an_auditor_gets_is_checked_by_the_program_that_comes_with_it(
    site: Site, tmp_path: Path
) -> None:
    signed(site)
    key = site.run("log", "key").output.strip()
    head = note.parse(site.run("log", "checkpoint").stdout)
    assert open_checkpoint(head, VerifierKey.parse(key)).size >= 2
    folder, program = tmp_path / "out", tmp_path / "check.py"
    folder.mkdir()
    done = site.run("log", "prove", "1", "-o", str(folder))
    assert done.exit_code == 0, done.output
    assert site.run("log", "checker", "-o", str(program)).exit_code == 0
    assert site.run("log", "checker", "-o", str(program)).exit_code == 1  # nothing is replaced
    (proof,) = folder.glob("*.tlog-proof")
    checked = subprocess.run(
        [sys.executable, "-I", "-S", str(program), "--key", key, str(proof)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert site.run("log", "prove", "1", "-o", str(folder)).exit_code == 1
    assert site.run("log", "prove", "999", "-o", str(folder)).exit_code == 1
    verified = site.run("log", "verify", "--key", key)
    assert verified.exit_code == 0, verified.output
    assert site.run("log", "verify", "--key", "nonsense").exit_code == 2


def alone(site: Site) -> None:
    """Without a broker."""
    text, count = re.subn(
        r"^\[mqtt\]\n(?:[^\[\n].*\n|\n)*", "", site.config.read_text(), flags=re.M
    )
    assert count == 1
    site.config.write_text(text)


def unsigned_event(site: Site) -> None:
    """What a power cut leaves: a record that no checkpoint covers."""
    with closing(open_log(config.load(site.config))) as ledger:
        ledger.append_sync(NewEvent(EventType.DOOR_REX, "yard"))


def covered(site: Site) -> bool:
    path = config.load(site.config).ledger_path
    newest = Heads(path).newest()
    with closing(LedgerReader(path)) as reader:
        return newest is not None and newest.last_seq == reader.last_seq


@pytest.mark.parametrize("command", ["copy", "prove", "checkpoint", "export"])
def test_whatever_is_handed_out_of_a_stopped_gate_is_signed_first(
    site: Site, tmp_path: Path, command: str
) -> None:
    alone(site)
    signed(site)
    unsigned_event(site)
    assert not covered(site)
    words = {
        "copy": ["copy", str(tmp_path / "all.db")],
        "prove": ["prove", "1", "-o", str(tmp_path)],
        "checkpoint": ["checkpoint"],
        "export": ["export", "-o", str(tmp_path / "all.jsonl")],
    }
    done = site.run("log", *words[command])
    assert done.exit_code == 0, done.output
    assert covered(site)
    last = Heads(config.load(site.config).ledger_path).newest()
    assert site.run("log", *words["checkpoint"]).exit_code == 0
    assert Heads(config.load(site.config).ledger_path).newest() == last  # nothing new: none made


OTHERS = {
    "a broker": "",  # as the example has it
    "a witness": f'[log.witnesses.w]\nurl = "https://w.example/"\nkey = "{MIRROR.key}"\n',
}


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("command", ["copy", "prove", "checkpoint", "export"])
def test_a_stopped_gate_that_others_know_is_not_signed_for(
    site: Site, tmp_path: Path, command: str, others: str
) -> None:
    """The disk may be an image that was put back: only who asks the others may sign."""
    signed(site)
    if others != "a broker":
        alone(site)
        with site.config.open("a") as file:
            file.write(OTHERS[others])
    path = config.load(site.config).ledger_path
    before = Heads(path).newest()
    assert before is not None
    unsigned_event(site)
    words = {
        "copy": ["copy", str(tmp_path / "all.db")],
        "prove": ["prove", "1", "-o", str(tmp_path)],
        "checkpoint": ["checkpoint"],
        "export": ["export", "-o", str(tmp_path / "all.jsonl")],
    }
    done = site.run("log", *words[command])
    assert done.exit_code == 0, done.output
    assert f"signed up to event {before.last_seq}" in done.stderr
    assert Heads(path).newest() == before
    if command == "export":
        rows = (tmp_path / "all.jsonl").read_text().splitlines()
        assert json.loads(rows[-1])["seq"] == before.last_seq
        assert f"events after {before.last_seq} are not in it" in done.stderr


def test_nothing_is_signed_with_another_key_than_before(site: Site, tmp_path: Path) -> None:
    alone(site)
    signed(site)
    unsigned_event(site)
    settings = config.load(site.config)
    lose_key(settings)
    logkey.load_or_make(settings.log_key_path, site.key)
    done = site.run("log", "copy", str(tmp_path / "a.db"))
    assert done.exit_code == 0 and "another key signed this log" in done.stderr, done.output
    assert not covered(site)


def test_who_may_not_sign_is_told_and_gets_what_there_is(site: Site, tmp_path: Path) -> None:
    alone(site)
    signed(site)
    unsigned_event(site)
    settings = config.load(site.config)
    lose_key(settings)
    done = site.run("log", "copy", str(tmp_path / "a.db"))
    assert done.exit_code == 0 and "not signed" in done.stderr, done.output
    assert not settings.log_key_path.exists()  # a command makes no key
    with closing(open_log(settings)):  # another program writes the log
        shutil.copy(settings.ledger_path, tmp_path / "x")
        assert site.run("log", "copy", str(tmp_path / "b.db")).exit_code == 0


def test_a_checkpoint_is_a_qr_code_that_holds_the_note(site: Site, tmp_path: Path) -> None:
    signed(site)
    text = site.run("log", "checkpoint").stdout
    assert note.parse(text) and "\u2588" not in text  # for a script
    shown = site.run("log", "checkpoint", "--qr").stdout
    assert shown.startswith(text) and "\u2588\u2588" in shown
    assert max(map(len, shown.removeprefix(text).splitlines())) <= 80
    picture, drawing = tmp_path / "head.png", tmp_path / "head.svg"
    for path in (picture, drawing):
        assert site.run("log", "checkpoint", "-o", str(path)).exit_code == 0
    pixels = cv2.imdecode(np.frombuffer(picture.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert cv2.QRCodeDetector().detectAndDecode(pixels)[0] == text
    assert re.search(r'width="[\d.]+mm"', drawing.read_text())
    assert site.run("log", "checkpoint", "-o", str(picture)).exit_code == 1  # nothing is replaced
    assert site.run("log", "checkpoint", "-o", str(tmp_path / "head.doc")).exit_code == 2


def test_what_is_drawn_on_a_terminal_is_read_again() -> None:
    """From the half blocks, as a phone sees them on a dark screen."""
    key = Signer("garita/gate-1/0123456789abcdef", Ed25519PrivateKey.generate())
    head = sign(Checkpoint(key.name, 4711, bytes(32)), key)
    head = head.with_signatures([Signature("w.example", b"abcd", bytes(72))] * 20)
    rows = qrcode.drawn(qrcode.of(head)).splitlines()
    rows = [row for row in rows if row]
    halves = {" ": (0, 0), "\u2580": (255, 0), "\u2584": (0, 255), "\u2588": (255, 255)}
    cells = np.array([[halves[c][half] for c in row] for row in rows for half in (0, 1)], np.uint8)
    seen = cv2.copyMakeBorder(np.kron(cells, np.ones((8, 8), np.uint8)), 40, 40, 40, 40, 0, value=0)
    text = cv2.QRCodeDetector().detectAndDecode(cv2.copyMakeBorder(seen, 0, 0, 0, 0, 0))[0]
    opened = note.parse(text)
    assert open_checkpoint(opened, key.key).size == 4711 and len(opened.signatures) == 1
