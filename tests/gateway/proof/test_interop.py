"""Others' code reads what we sign and prove, and we read what others make.

sigstore's own classes (PyPI `sigstore`, the client of a public log) check our notes and proofs of
inclusion.  RFC 6962 and the C2SP texts give examples.  sigstore has no check of consistency:
that of RFC 9162, section 2.1.4.2, is held against the definition of RFC 6962 in test_merkle.py.
"""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.proof import merkle, note
from gateway.proof.checkpoint import Checkpoint, cosign, open_checkpoint, sign
from gateway.proof.entry import EntryProof
from gateway.proof.merkle import leaf_hash, root_of
from gateway.proof.note import COSIGNATURE, NoteError, Signer, VerifierKey

KEY = Signer("example.com/garita/gate-1", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESS = Signer("w.example", Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32), COSIGNATURE)


class Ring:
    """sigstore's key ring, with a key of ours in it: its own class takes DER of its root alone."""

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        KEY.private.public_key().verify(signature, data)


def entry(index: int, entries: list[bytes], **wrong: Any) -> Any:
    """A log's entry as sigstore's checks take it."""
    hashes = [leaf_hash(one) for one in entries]
    envelope = sign(Checkpoint(KEY.name, len(entries), root_of(hashes)), KEY)
    envelope = envelope.with_signatures([cosign(envelope.text, WITNESS, 1_700_000_000)])
    proof = SimpleNamespace(
        log_index=index,
        tree_size=len(entries),
        root_hash=root_of(hashes),
        hashes=proof_of(hashes, index),
        checkpoint=SimpleNamespace(envelope=envelope.write()),
    )
    for name, value in wrong.items():
        setattr(proof, name, value)
    body = entries[index]
    log_id = SimpleNamespace(key_id=KEY.key.key_id + bytes(28))
    return SimpleNamespace(
        _inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=body, log_id=log_id)
    )


def proof_of(hashes: list[bytes], index: int) -> list[bytes]:
    def subtree(level: int, at: int) -> bytes:
        return root_of(hashes[at << level : (at + 1) << level])

    return merkle.inclusion(subtree, index, len(hashes))


def test_sigstore_accepts_our_notes_and_our_proofs_of_inclusion() -> None:
    from sigstore._internal.merkle import verify_merkle_inclusion
    from sigstore._internal.rekor.checkpoint import verify_checkpoint
    from sigstore.errors import VerificationError

    for size in (1, 2, 3, 7, 8, 100, 257):
        entries = [b"record %d" % n for n in range(size)]
        for index in {0, size // 2, size - 1}:
            ours = entry(index, entries)
            verify_merkle_inclusion(ours)
            verify_checkpoint(Ring(), ours)  # type: ignore[arg-type] - see Ring
    for wrong in ({"root_hash": bytes(32)}, {"hashes": []}, {"log_index": 3}):
        with pytest.raises(VerificationError):
            verify_merkle_inclusion(entry(2, [b"a", b"b", b"c", b"d"], **wrong))


def test_we_read_a_note_that_sigstore_reads() -> None:
    """The form of a public log's checkpoint, with a name that has a space before its tree's number:
    sigstore takes it, and signed-note does not allow it as the name of a key."""
    from sigstore._internal.rekor.checkpoint import SignedCheckpoint

    root = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    text = f"rekor.example - 123\n42\n{root}\n"
    line = note.Signature("rekor.example", b"abcd", bytes(64)).line()
    whole = f"{text}\n{line}\n"
    theirs = SignedCheckpoint.from_text(whole)
    ours = note.parse(whole)
    assert theirs.signed_note.note == ours.text
    assert [(s.name, s.sig_hash) for s in theirs.signed_note.signatures] == [
        (s.name, s.key_id) for s in ours.signatures
    ]
    with pytest.raises(NoteError):
        Checkpoint.parse(ours.text)  # the origin is not a name of a key


def test_the_example_of_signed_note() -> None:
    """The key and the note of golang.org/x/mod/sumdb/note, whose format signed-note is."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    signature = (
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
        "dngotpRZb6KE6RyyBwJnAM=\n"
    )
    signed = note.parse(f"{text}\n{signature}")
    assert key.signed(signed)
    assert note.parse(signed.write()) == signed
    with pytest.raises(NoteError):
        key.signed(note.parse(f"{text.replace('answer', 'Answer')}\n{signature}"))


def test_the_example_of_rfc_6962_section_2_1_3() -> None:
    """The tree of seven leaves: which nodes prove d0, d3, d4 and d6, and sizes 3, 4 and 6."""
    leaves = [leaf_hash(b"d%d" % n) for n in range(7)]
    a, b, c, d, e, f, j = leaves
    g, h, i = root_of([a, b]), root_of([c, d]), root_of([e, f])
    k, left = root_of([a, b, c, d]), root_of([e, f, j])

    def subtree(level: int, at: int) -> bytes:
        return root_of(leaves[at << level : (at + 1) << level])

    assert merkle.inclusion(subtree, 0, 7) == [b, h, left]
    assert merkle.inclusion(subtree, 3, 7) == [c, g, left]
    assert merkle.inclusion(subtree, 4, 7) == [f, j, k]
    assert merkle.inclusion(subtree, 6, 7) == [i, k]
    assert merkle.consistency(subtree, 3, 7) == [c, d, g, left]
    assert merkle.consistency(subtree, 4, 7) == [left]
    assert merkle.consistency(subtree, 6, 7) == [i, j, k]


def test_a_proof_is_written_as_tlog_proof_says() -> None:
    entries = [b"a", b"b", b"c"]
    hashes = [leaf_hash(one) for one in entries]
    head = sign(Checkpoint(KEY.name, 3, root_of(hashes)), KEY)
    written = EntryProof(1, tuple(proof_of(hashes, 1)), head).write()
    first, second, *rest = written.split("\n")
    assert (first, second) == ("c2sp.org/tlog-proof@v1", "index 1")
    assert [base64.b64decode(one) for one in rest[:2]] == [hashes[0], hashes[2]]
    assert rest[2] == "" and "\n".join(rest[3:]) == head.write()
    assert open_checkpoint(EntryProof.parse(written).checkpoint, KEY.key).size == 3
