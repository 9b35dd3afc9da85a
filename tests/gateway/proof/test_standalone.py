"""The checker that stands alone agrees with `garita log verify`, and needs nothing but Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import Ledger, LedgerReader
from gateway.ledger import export as exports
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.heads import Heads
from gateway.ledger.origin import Known
from gateway.proof import standalone
from gateway.proof.checkpoint import cosign
from gateway.proof.note import COSIGNATURE, Signer
from gateway.proof.standalone.garita_check import ed25519
from tests.gateway.ledger.test_signed import rewritten, signed_log

CHECKER = Path(standalone.__file__).with_name("garita_check.py")
# RFC 8032, section 7.1: secret, public, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def check(*arguments: object, lang: str = "C") -> subprocess.CompletedProcess[str]:
    """Run it as an auditor does, with nothing installed (-I, -S: no site packages)."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(CHECKER), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": lang, "PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
    )


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_rfc_8032(public: str, message: str, signature: str) -> None:
    key, said, value = (bytes.fromhex(one) for one in (public, message, signature))
    assert ed25519(key, said, value)
    assert not ed25519(key, said + b"x", value)
    assert not ed25519(key, said, value[:-1])
    # s + L is another spelling of the same signature, which RFC 8032 refuses.
    order = 2**252 + 27742317777372353535851937790883648493
    longer = (int.from_bytes(value[32:], "little") + order).to_bytes(33, "little")
    assert not ed25519(key, said, value[:32] + longer[:32])


@given(st.binary(max_size=100), st.integers(0, 511), st.binary(min_size=32, max_size=32))
def test_it_accepts_what_cryptography_signs_and_nothing_with_a_bit_changed(
    message: bytes, bit: int, secret: bytes
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(secret)
    public, value = private.public_key().public_bytes_raw(), private.sign(message)
    assert ed25519(public, message, value)
    wrong = bytearray(value)
    wrong[bit // 8] ^= 1 << bit % 8
    assert not ed25519(public, message, bytes(wrong))


async def test_a_good_log_is_right_and_a_key_makes_it_sure(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 300, 5)
    done = check(path)
    assert done.returncode == 0, done.stdout
    assert "RIGHT" in done.stdout and "signed up to record 308" in done.stdout
    assert "the log's own word" in done.stdout
    (key,) = Heads(path).log_keys()
    done = check("--key", key, path)
    assert done.returncode == 0 and "own word" not in done.stdout
    assert "firmada hasta el evento 308" in check(path, lang="es_MX.UTF-8").stdout


ATTACKS: dict[str, Callable[[int, str], str | None]] = {
    "edit": lambda seq, body: body.replace('"n":7', '"n":8'),
    "removal": lambda seq, body: None if seq == 9 else body,
    "cut tail": lambda seq, body: None if seq > 40 else body,
    "cut all": lambda seq, body: None if seq > 1 else body,
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_it_finds_what_log_verify_finds(tmp_path: Path, attack: str) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 20, 30)
    rewritten(path, ATTACKS[attack])
    with closing(LedgerReader(path)) as reader:
        assert not reader.verify().ok
    done = check(path)
    assert done.returncode == 3 and "WRONG" in done.stdout, done.stdout


async def test_a_log_of_another_key_is_wrong(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.db", tmp_path / "other.db"
    await signed_log(path, 20)
    await signed_log(other, 20, key=Ed25519PrivateKey.generate())
    (key,) = Heads(path).log_keys()
    assert check(other).returncode == 0
    assert check("--key", key, other).returncode == 3


async def test_a_loss_that_the_log_declares_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 10)
    (key,) = Heads(path).log_keys()
    lost = Known("mqtt.cursor", key.name.rpartition("/")[2], 50)
    Ledger.open(path, gateway="g", known=[lost]).close()
    await signed_log(path, 3)
    done = check(path)
    assert done.returncode == 3
    assert "records 13 to 50 were lost; record 51 says so" in done.stdout


async def test_one_record_and_its_proof(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 300)
    (key,) = Heads(path).log_keys()
    found = Heads(path).prove(257)
    assert found is not None
    record, proof = tmp_path / "g-257.json", tmp_path / "g-257.tlog-proof"
    record.write_bytes(found[0])
    proof.write_text(found[1].write())
    done = check("--key", key, proof)
    assert done.returncode == 0 and f"record 257 is in the log {key.name}" in done.stdout
    assert check(proof).returncode == 3  # nobody is trusted
    record.write_bytes(found[0].replace(b'"n"', b'"m"'))
    assert check("--key", key, proof).returncode == 3
    record.unlink()
    assert check("--key", key, proof).returncode == 2


async def test_a_quorum_of_witnesses(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 10)
    (key,) = Heads(path).log_keys()
    signed = Heads(path).newest()
    assert signed is not None
    witnesses = [
        Signer(f"w{n}.example", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32), COSIGNATURE)
        for n in (1, 2, 3)
    ]
    trust = tmp_path / "trust"
    lines = [f"log {key}", *(f"witness W{n} {w.key}" for n, w in enumerate(witnesses))]
    trust.write_text("\n".join([*lines, "group two 2 W0 W1 W2", "quorum two", ""]))
    head = tmp_path / "head"
    for count, code in ((1, 3), (2, 0), (3, 0)):
        cosigned = signed.note.with_signatures(
            cosign(signed.note.text, w, 1_700_000_000) for w in witnesses[:count]
        )
        head.write_text(cosigned.write())
        done = check("--trust", trust, head)
        assert done.returncode == code, done.stdout


async def test_a_part_of_the_log(tmp_path: Path) -> None:
    path, part = tmp_path / "ledger.db", tmp_path / "part.jsonl"
    await signed_log(path, 20)
    with closing(LedgerReader(path)) as reader, part.open("w") as file:
        with part.with_name("part.jsonl.proof").open("w") as proof:
            (head,) = reader.tail(1)
            writer = exports.Proof(
                proof, head, {}, Heads(path).newest_each(), Heads(path).log_keys()
            )
            fits = list(exports.chosen(reader.walk(), lambda e: e.seq % 3 == 0, writer))
        for event in fits:
            file.write(json.dumps(exports.record(event)) + "\n")
    done = check(part)
    assert done.returncode == 0 and "7 records shown of 3 to 22" in done.stdout
    part.write_text(part.read_text().replace('"n": 7', '"n": 8'))
    assert check(part).returncode == 3


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"SQLite format 3\0", b"a\n\nb\n", b"{}\n"]
)
def test_what_is_none_of_these_is_said_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    done = check(path)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done
    assert check(tmp_path / "missing").returncode == 2
    assert check("--key", "nonsense", path).returncode == 2
    assert check().returncode == 2


async def test_a_record_that_is_not_signed_yet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await signed_log(path, 5)
    ledger = Ledger.open(path, gateway="g")
    await ledger.append(NewEvent(EventType.DOOR_REX, "yard"))
    ledger.close()
    assert "1 newer records are not covered" in check(path).stdout
