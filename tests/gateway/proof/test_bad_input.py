"""Hostile notes and proofs: the gateway, the Python file and the page refuse the same."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint, open_checkpoint, sign
from gateway.proof.entry import EntryProof
from gateway.proof.merkle import leaf_hash
from gateway.proof.note import NoteError, Signature, Signer
from tests.gateway.proof.browser import PAGE, asked, opened

KEY = Signer("example.com/g", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
RECORD = b'{"n":1}'
HEAD = sign(Checkpoint(KEY.name, 1, leaf_hash(RECORD)), KEY)
GOOD = HEAD.write()
LINE = GOOD.split("\n\n")[1]
PROOF = EntryProof(0, (), HEAD).write()
ZERO = base64.b64encode(bytes(32)).decode()


def signed(text: str) -> str:
    """Any text, signed as it stands."""
    value = KEY.private.sign(text.encode())
    return f"{text}\n{Signature(KEY.name, KEY.key.key_id, value).line()}\n"


ROOT = GOOD.split("\n")[2]
NOTES: dict[str, tuple[bool, str | bytes]] = {
    "good": (True, GOOD),
    "an unknown line beside it": (True, GOOD + Signature("w", b"abcd", bytes(9)).line() + "\n"),
    "16 lines": (True, GOOD + "".join(f"— w{n} YWJjZGVmZ2g=\n" for n in range(16))),
    "two text parts": (False, f"{GOOD}\n{GOOD}"),
    "CRLF": (False, GOOD.replace("\n", "\r\n")),
    "CR inside": (False, GOOD.replace("example.com/g\n", "example.com/g\r\n")),
    "invisible character in the name": (
        False,
        GOOD.replace("example.com/g", "example.com/\u200bg"),
    ),
    "text turned around": (False, GOOD.replace("example.com/g", "example.com/\u202eg")),
    "byte order mark": (False, "\ufeff" + GOOD),
    "a name with a space": (False, GOOD.replace("— example.com/g", "— example.com /g")),
    "a name with a wide space": (False, GOOD.replace("— example.com/g", "— example.com\u3000/g")),
    "a name with a plus": (False, GOOD.replace("— example.com/g", "— example.com+g")),
    "thousands of lines": (False, GOOD + "— w YWJjZGVmZ2g=\n" * 5000),
    "no newline at the end": (False, GOOD.removesuffix("\n")),
    "a hyphen for a dash": (False, GOOD.replace("—", "-")),
    "spare bits in base64": (False, GOOD.replace(ROOT, ROOT[:-2] + chr(ord(ROOT[-2]) + 1) + "=")),
    "base64 for addresses": (False, GOOD.replace(ROOT, "-" + ROOT[1:])),
    "size 2^63": (False, signed(f"{KEY.name}\n{2**63}\n{ROOT}\n")),
    "size 2^63 - 1": (True, signed(f"{KEY.name}\n{2**63 - 1}\n{ROOT}\n")),
    "a size of 40 digits": (False, signed(f"{KEY.name}\n{'9' * 40}\n{ROOT}\n")),
    "size 01": (False, signed(f"{KEY.name}\n01\n{ROOT}\n")),
    "size -1": (False, signed(f"{KEY.name}\n-1\n{ROOT}\n")),
    "size in other digits": (False, signed(f"{KEY.name}\n\u0661\n{ROOT}\n")),
    "a short root": (False, signed(f"{KEY.name}\n1\nYWJj\n")),
    "two lines": (False, signed(f"{KEY.name}\n1\n")),
    "an empty line inside": (False, signed(f"{KEY.name}\n1\n{ROOT}\n\nmore\n")),
    "another log's origin": (False, signed(f"other.example\n1\n{ROOT}\n")),
    "a signature of another text": (False, GOOD.replace("\n1\n", "\n2\n")),
    "a good line and a wrong one": (
        False,
        GOOD + Signature(KEY.name, KEY.key.key_id, bytes(64)).line() + "\n",
    ),
    "not UTF-8": (False, GOOD.encode() + b"\xff\n"),
    "NUL": (False, GOOD.replace("\n1\n", "\n1\0\n")),
    "a megabyte": (False, signed(f"{KEY.name}\n1\n{ROOT}\n{'x' * 1_000_000}\n")),
    "empty": (False, ""),
}
PROOFS: dict[str, tuple[bool, str]] = {
    "good": (True, PROOF),
    "with extra": (True, PROOF.replace("index", "extra YWJj\nindex")),
    "extra that is not base64": (False, PROOF.replace("index", "extra ?\nindex")),
    "one hash too many": (False, PROOF.replace("index 0\n", f"index 0\n{ZERO}\n")),
    "64 hashes": (False, PROOF.replace("index 0\n", "index 0\n" + f"{ZERO}\n" * 64)),
    "thousands of hashes": (False, PROOF.replace("index 0\n", "index 0\n" + f"{ZERO}\n" * 5000)),
    "a short hash": (False, PROOF.replace("index 0\n", "index 0\nYWJj\n")),
    "an index behind the end": (False, PROOF.replace("index 0", "index 1")),
    "index 2^63": (False, PROOF.replace("index 0", f"index {2**63}")),
    "index 00": (False, PROOF.replace("index 0", "index 00")),
    "no index": (False, PROOF.replace("index 0\n", "")),
    "another version": (False, PROOF.replace("@v1", "@v2")),
    "CRLF": (False, PROOF.replace("\n", "\r\n")),
    "no checkpoint": (False, PROOF.split("\n\n", maxsplit=1)[0]),
}


def by_gateway(name: str, data: bytes) -> bool:
    try:
        if name.startswith("proof"):
            EntryProof.parse(data.decode()).check(RECORD, KEY.key)
        else:
            open_checkpoint(note.parse(data), KEY.key)
    except (NoteError, UnicodeDecodeError):
        return False
    return True


@pytest.mark.servers
def test_all_three_refuse_the_same(tmp_path: Path) -> None:
    cases: dict[str, tuple[bool, Path, Path]] = {}
    for kind, items in (("note", NOTES), ("proof", PROOFS)):
        for number, (name, (good, text)) in enumerate(items.items()):
            data = text if isinstance(text, bytes) else text.encode()
            path = tmp_path / (f"n{number}" if kind == "note" else f"p{number}.tlog-proof")
            path.write_bytes(data)
            path.with_suffix(".json").write_bytes(RECORD)
            cases[f"{kind}: {name}"] = (good, path, path.with_suffix(".json"))
    program = PAGE.with_name("garita_check.py")
    wrong = []
    with opened() as page:
        for name, (good, path, record) in cases.items():
            done = subprocess.run(
                [sys.executable, "-I", "-S", str(program), "--key", str(KEY.key), str(path)],
                capture_output=True,
                text=True,
                check=False,
                env={"LANG": "C", "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
            )
            assert "Traceback" not in done.stderr and done.returncode in {0, 2, 3}, done
            files = [path, record] if name.startswith("proof") else [path]
            cards = [c for c in asked(page, files, str(KEY.key)) if c.name == path.name]
            found = (
                by_gateway(name, path.read_bytes()),
                done.returncode == 0,
                [card.state for card in cards] == ["right"],
            )
            if set(found) != {good}:
                wrong.append((name, good, found, done.stdout[-300:]))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.servers
@pytest.mark.parametrize("webcrypto", [True, False], ids=["browser's Ed25519", "plain numbers"])
def test_a_signature_is_checked_with_and_without_webcrypto(tmp_path: Path, webcrypto: bool) -> None:
    """A page that a phone opens from its mail has no WebCrypto."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("\n1\n", "\n2\n"))
    with opened(webcrypto=webcrypto) as page:
        states = [card.state for card in asked(page, [good, bad], str(KEY.key))]
        assert page.evaluate("byBrowser") is webcrypto
    assert states == ["right", "wrong"]


@pytest.mark.servers
def test_the_page_speaks_the_browsers_language_and_fits_a_phone(tmp_path: Path) -> None:
    path = tmp_path / "head"
    path.write_text(GOOD)
    for locale, word in (("es-MX", "BIEN"), ("en-US", "RIGHT"), ("de-DE", "RIGHT")):
        with opened(locale=locale, viewport={"width": 360, "height": 740}) as page:
            (card,) = asked(page, [path], str(KEY.key))
            assert word in card.text
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            page.click("#lang")
            other = "RIGHT" if word == "BIEN" else "BIEN"
            page.wait_for_selector(f".verdict:text-is('{other}')")


@pytest.mark.servers
def test_files_are_dropped_and_a_kept_checkpoint_is_typed_in(tmp_path: Path) -> None:
    with opened() as page:
        page.fill("#trust", str(KEY.key))
        page.evaluate(
            "text => { const all = new DataTransfer(); all.items.add(new File([text], 'head'));"
            " dispatchEvent(new DragEvent('drop', { dataTransfer: all, cancelable: true })); }",
            GOOD,
        )
        page.wait_for_selector("#results[data-done] .card.good")
        forked = sign(Checkpoint(KEY.name, 1, bytes(32)), KEY).write()
        page.fill("#trust", f"{KEY.key}\n\n{forked}")
        page.dispatch_event("#trust", "change")
        page.wait_for_selector("#results[data-done] .card.bad")
        assert "forked" in page.inner_text("#results")
