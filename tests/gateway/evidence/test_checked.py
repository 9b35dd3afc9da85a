"""Both stand-alone verifiers find any byte of a packet that was changed."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.evidence.make import Made, Order, make
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.heads import Heads
from gateway.proof import standalone
from gateway.proof.keychange import sign_change
from gateway.proof.note import Signer
from gateway.proof.standalone import garita_check
from gateway.vault import logkey
from gateway.vault.sitekey import SiteKey
from tests.gateway.evidence.conftest import Gate

PROGRAM = Path(standalone.__file__).with_name("garita_check.py")


def check(*arguments: object, lang: str = "C") -> subprocess.CompletedProcess[str]:
    """As an auditor runs it, with nothing installed (-I, -S: no site packages)."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": lang, "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
    )


@pytest.fixture
def made(gate: Gate, tmp_path: Path) -> Made:
    return make(gate.settings, Order(gate.span, ("10.2",), "tecolote", pdf=False), tmp_path / "out")


def test_a_packet_is_right_as_folder_and_as_zip(made: Made) -> None:
    (key,) = made.packet.keys
    for path in (made.folder, made.zip):
        done = check(path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "80 records shown and 0 withheld" in done.stdout
        assert "samples are as the lottery" in done.stdout and "own word" in done.stdout
        sure = check("--key", key, path)
        assert sure.returncode == 0 and "own word" not in sure.stdout, sure.stdout
    assert "BIEN" in check(made.zip, lang="es_MX.UTF-8").stdout


def test_another_logs_key_is_not_trusted(made: Made) -> None:
    (key,) = made.packet.keys
    other = str(key)[:-6] + ("AAAAA=" if not str(key).endswith("AAAAA=") else "BBBBB=")
    assert check("--key", other, made.folder).returncode in (2, 3)


def is_right(path: Path) -> bool:
    """Whether the program, inside this process, finds nothing wrong."""
    try:
        return not garita_check.check(path, garita_check.Trust([]), [])[0]
    except (garita_check.Wrong, *garita_check.NOT_READ):
        return False


def flipped(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_byte_changed_in_any_file_is_found(made: Made, tmp_path: Path) -> None:
    dice = random.Random(14)
    assert is_right(made.folder)
    for path in sorted(made.folder.rglob("*")):
        if not path.is_file():
            continue
        size = path.stat().st_size
        for at in {0, size // 2, size - 1, dice.randrange(size)}:
            copy = tmp_path / "copy"
            shutil.copytree(made.folder, copy)
            flipped(copy / path.relative_to(made.folder), at)
            assert not is_right(copy), (path.name, at)
            shutil.rmtree(copy)


def test_a_byte_changed_anywhere_in_the_zip_is_found(made: Made, tmp_path: Path) -> None:
    assert made.zip is not None
    dice = random.Random(14)
    assert is_right(made.zip)
    size = made.zip.stat().st_size
    with zipfile.ZipFile(made.zip) as held:
        start = held.start_dir
    places = [dice.randrange(start) for _ in range(25)]
    places += [dice.randrange(start, size) for _ in range(25)] + [0, 6, 10, size - 1]
    copy = tmp_path / "copy.zip"
    for at in places:
        shutil.copyfile(made.zip, copy)
        flipped(copy, at)
        assert not is_right(copy), at


def test_files_more_or_less_and_a_missing_seal_are_found(made: Made, tmp_path: Path) -> None:
    (made.folder / "note.txt").write_text("x")
    assert "note.txt does not belong" in check(made.folder).stdout
    (made.folder / "note.txt").unlink()
    (made.folder / "tables" / "visitors.csv").unlink()
    done = check(made.folder)
    assert done.returncode == 3 and "visitors.csv is missing" in done.stdout
    for name in ("manifest.seal.json", "manifest.seal.tlog-proof"):
        (made.folder / name).unlink()
    done = check(made.folder)
    assert done.returncode == 3 and "not sealed" in done.stdout
    assert check(tmp_path).returncode == 2


def test_a_redacted_packet_is_right(gate: Gate, tmp_path: Path) -> None:
    order = Order(gate.span, ("10.2",), "x", redacted=True, pdf=False)
    made = make(gate.settings, order, tmp_path / "out")
    done = check(made.folder)
    assert done.returncode == 0 and "0 records shown and 80 withheld" in done.stdout, done.stdout


@pytest.mark.slow
def test_a_signed_pdf_is_right_and_no_byte_of_its_signature_can_change(
    gate: Gate, tmp_path: Path
) -> None:
    order = Order(gate.span, ("10.2",), "x", languages=("es",))
    made = make(gate.settings, order, tmp_path / "out")
    assert made.unsigned == "" and is_right(made.folder)
    pdf = made.folder / "evidence.es.pdf"
    listed = json.loads((made.folder / "manifest.json").read_text())["files"]
    begin = next(one["bytes"] for one in listed if one["path"] == pdf.name)
    size = pdf.stat().st_size
    assert begin < size
    for at in (9, begin - 1, begin, (begin + size) // 2, size - 1):
        flipped(pdf, at)
        assert not is_right(made.folder), at
        flipped(pdf, at)
    assert is_right(made.folder)
    pdf.write_bytes(pdf.read_bytes()[:begin])  # the signature is taken off
    assert not is_right(made.folder)
    again = make(gate.settings, order, tmp_path / "again")
    assert again.sha256 == made.sha256


def test_a_log_whose_key_was_changed_since_needs_both_keys(gate: Gate, tmp_path: Path) -> None:
    settings = gate.settings
    site = SiteKey.load(settings.tables.site.key_file)
    (first,) = Heads(settings.ledger_path).log_keys()
    old = Signer(first.name, logkey.load(settings.log_key_path, site))
    new = Signer(first.name, Ed25519PrivateKey.generate())
    data = {"note": sign_change(old, new)}
    gate.note([NewEvent(EventType.LEDGER_KEY_CHANGED, settings.site.gateway, data)])
    logkey.settle(settings.log_key_path, site, new.private)
    gate.sign()
    made = make(settings, Order(gate.span, ("10.2",), "x", pdf=False), tmp_path / "out")
    assert made.unsealed is None
    assert check(made.folder).returncode == 0, check(made.folder).stdout
    both = ("--key", old.key, "--key", new.key)
    assert check(*both, made.folder).returncode == 0
    assert check("--key", old.key, made.folder).returncode == 3  # it did not sign the seal
    assert gate.run("evidence", "check", str(made.folder)).exit_code == 0
