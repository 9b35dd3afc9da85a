"""Notes, checkpoints, cosignatures, proofs and trust files: what is read, and what is refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.proof import merkle, note, policy
from gateway.proof.checkpoint import Checkpoint, cosign, cosigned_at, open_checkpoint, sign
from gateway.proof.entry import EntryProof
from gateway.proof.note import COSIGNATURE, Note, NoteError, Signature, Signer, VerifierKey

# The example of c2sp.org/signed-note.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
ORIGIN = "example.com/garita/gate-1"


def signer(name: str = ORIGIN, kind: int = note.ED25519, seed: int = 1) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32), kind)


LOG = signer()
WITNESS = signer("witness.example/w1", COSIGNATURE, 2)
TREE = [merkle.leaf_hash(str(n).encode()) for n in range(5)]
HEAD = Checkpoint(ORIGIN, 5, merkle.root_of(TREE))


def test_the_example_of_the_specification_is_accepted() -> None:
    key = VerifierKey.parse(SPEC_KEY)
    assert str(key) == SPEC_KEY
    found = note.parse(SPEC_NOTE)
    assert note.opened(found, [key]) == [key]
    assert found.write() == SPEC_NOTE


def test_what_is_signed_here_is_opened_here() -> None:
    signed = sign(HEAD, LOG)
    read = note.parse(signed.write().encode())
    assert open_checkpoint(read, LOG.key) == HEAD
    assert VerifierKey.parse(str(LOG.key)) == LOG.key


def test_a_note_with_blank_lines_in_its_text_is_parted_at_the_last_one() -> None:
    text = "a\n\nb\n\nc\n"
    signed = Note(text, (LOG.sign(text),))
    assert note.parse(signed.write()).text == text


def test_a_wrong_signature_of_a_known_key_rejects_the_note_and_an_unknown_one_is_ignored() -> None:
    good = sign(HEAD, LOG)
    other = signer("somebody.example/else", seed=9)
    more = good.with_signatures([other.sign(good.text)])
    assert open_checkpoint(note.parse(more.write()), LOG.key) == HEAD
    forged = Signature(ORIGIN, LOG.key.key_id, bytes(64))
    with pytest.raises(NoteError, match="is wrong"):
        open_checkpoint(good.with_signatures([forged]), LOG.key)
    with pytest.raises(NoteError, match="no known key"):
        note.opened(good, [other.key])
    with pytest.raises(NoteError, match="did not sign"):
        open_checkpoint(Note(good.text), LOG.key)
    # The same name with another key is a stranger.
    with pytest.raises(NoteError, match="did not sign"):
        open_checkpoint(good, signer(seed=7).key)


def test_sixteen_signatures_are_read_and_thousands_are_not() -> None:
    good = sign(HEAD, LOG)
    others = [signer(f"w{n}.example", seed=n + 10).sign(good.text) for n in range(60)]
    assert open_checkpoint(note.parse(good.with_signatures(others).write()), LOG.key) == HEAD
    many = good.write() + "".join(f"{others[0].line()}\n" for _ in range(3000))
    with pytest.raises(NoteError, match="too many"):
        note.parse(many)


SIGNED = sign(HEAD, LOG).write()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "\n",
        "text without an end",
        SIGNED.replace("\n", "\r\n"),
        SIGNED.replace("\n\n", "\n"),
        SIGNED.replace(ORIGIN, ORIGIN + "\t"),
        SIGNED.replace("—", "-"),
        SIGNED.replace("— " + ORIGIN, "— " + ORIGIN + " two"),
        SIGNED.replace("— " + ORIGIN, "—  "),
        SIGNED.replace("— " + ORIGIN, "— a+b"),
        SIGNED.replace("— " + ORIGIN, "— a\u2003b"),
        SIGNED[:-3] + "\n",
        SIGNED[:-1],
        SIGNED + "\n",
        SIGNED + SIGNED.split("\n\n")[0] + "\n",
        SIGNED.encode() + b"\xff",
        SIGNED.encode("utf-16"),
        "x" * (note.MOST_BYTES + 1),
    ],
)
def test_a_note_that_is_not_in_its_form_is_refused(wrong: str | bytes) -> None:
    with pytest.raises(NoteError):
        note.parse(wrong)


def test_a_note_with_two_texts_is_not_taken_for_either() -> None:
    """A second checkpoint before the signed one makes a text of six lines and two empty ones."""
    double = "example.com/other\n1\n" + base64.b64encode(bytes(32)).decode() + "\n\n" + SIGNED
    with pytest.raises(NoteError):
        open_checkpoint(note.parse(double), LOG.key)


@pytest.mark.parametrize(
    "text",
    [
        "origin\n5\n",
        "\n5\nAAAA\n",
        f"{ORIGIN}\n05\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n+5\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n٥\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n9223372036854775808\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(bytes(32)).decode()[:-1]}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(bytes(32)).decode()[:-2]}B=\n",
        f"{ORIGIN}\n5\n{base64.b64encode(bytes(32)).decode()}\n\nmore\n",
        f"two words\n5\n{base64.b64encode(bytes(32)).decode()}\n",
    ],
)
def test_a_checkpoint_that_is_not_in_its_form_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_extension_lines_are_kept_and_signed() -> None:
    head = Checkpoint(ORIGIN, 5, HEAD.root, ("more",))
    assert open_checkpoint(sign(head, LOG), LOG.key).extensions == ("more",)


def test_a_log_signs_only_its_own_checkpoints() -> None:
    with pytest.raises(NoteError, match="origin"):
        sign(HEAD, signer("example.com/other"))
    other = sign(Checkpoint("example.com/other", 5, HEAD.root), signer("example.com/other"))
    with pytest.raises(NoteError, match="is of example.com/other"):
        open_checkpoint(other, LOG.key)


def test_a_cosignature_says_when() -> None:
    head = sign(HEAD, LOG)
    done = head.with_signatures([cosign(head.text, WITNESS, 1_700_000_000)])
    read = note.parse(done.write())
    assert cosigned_at(read, WITNESS.key) == 1_700_000_000
    assert cosigned_at(head, WITNESS.key) is None
    assert open_checkpoint(read, LOG.key) == HEAD


def test_a_cosignature_of_another_time_text_or_key_is_wrong() -> None:
    head = sign(HEAD, LOG)
    line = cosign(head.text, WITNESS, 1_700_000_000)
    later = Signature(line.name, line.key_id, (1_800_000_000).to_bytes(8, "big") + line.value[8:])
    grown = sign(Checkpoint(ORIGIN, 6, HEAD.root), LOG)
    endless = Signature(line.name, line.key_id, b"\xff" * 8 + line.value[8:])
    for bad in (
        head.with_signatures([later]),
        grown.with_signatures([line]),
        head.with_signatures([endless]),
        head.with_signatures([Signature(line.name, line.key_id, line.value[8:])]),
    ):
        with pytest.raises(NoteError, match="cosignature"):
            cosigned_at(bad, WITNESS.key)
    with pytest.raises(NoteError, match="not one for cosignatures"):
        cosign(head.text, LOG, 1)
    with pytest.raises(NoteError):
        cosign("no checkpoint\n", WITNESS, 1)


def test_one_key_in_two_roles_has_two_ids() -> None:
    both = signer(ORIGIN, COSIGNATURE, 1)
    assert both.key.key_id != LOG.key.key_id
    with pytest.raises(NoteError, match="did not sign"):
        open_checkpoint(sign(HEAD, LOG), both.key)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        SPEC_KEY.replace("530d903a", "530d903b"),
        SPEC_KEY[:-4],
        SPEC_KEY.replace("example.com/foo", "example com"),
        "a+b+" + SPEC_KEY,
    ],
)
def test_a_key_that_is_not_in_its_form_is_refused(vkey: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(vkey)


def proof_of(index: int) -> EntryProof:
    def subtree(level: int, at: int) -> bytes:
        return merkle.root_of(TREE[at << level : (at + 1) << level])

    hashes = tuple(merkle.inclusion(subtree, index, 5))
    return EntryProof(index, hashes, sign(HEAD, LOG))


@pytest.mark.parametrize("index", range(5))
def test_a_proof_shows_its_entry_and_no_other(index: int) -> None:
    read = EntryProof.parse(proof_of(index).write())
    assert read.check(str(index).encode(), LOG.key) == HEAD
    with pytest.raises(NoteError, match="not in the log"):
        read.check(b"another", LOG.key)
    with pytest.raises(NoteError):
        read.check(str(index).encode(), signer(seed=5).key)


def test_extra_data_comes_back_and_proves_nothing() -> None:
    one = EntryProof(0, proof_of(0).hashes, proof_of(0).checkpoint, b"about\x00")
    assert EntryProof.parse(one.write()) == one


PROOF = proof_of(2).write()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("index 2", "index 02"),
        PROOF.replace("index 2", "index -2"),
        PROOF.replace("index 2", "index 2 "),
        PROOF.replace("index 2\n", ""),
        PROOF.replace("index 2", "extra !!\nindex 2"),
        PROOF.replace("index 2", "index " + "9" * 40),
        PROOF.replace("\n\n", "\nAAAA\n\n", 1),
        PROOF.replace("\n\n", "\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 70 + "\n", 1),
        PROOF.replace("\n", "\r\n"),
        PROOF.split("\n\n")[0],
    ],
)
def test_a_proof_that_is_not_in_its_form_is_refused(wrong: str) -> None:
    with pytest.raises(NoteError):
        EntryProof.parse(wrong)


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (note.parse, Checkpoint.parse, EntryProof.parse, VerifierKey.parse, policy.parse):
        try:
            read(text)
        except (NoteError, policy.PolicyError):
            continue


W = [signer(f"w{n}.example", COSIGNATURE, 20 + n) for n in range(4)]
TRUST = "\n".join(
    [
        "# who must have signed",
        f"log {LOG.key} https://gate.example/",
        *(f"witness W{n} {w.key}" for n, w in enumerate(W)),
        "group ours 2 W0 W1 W2",
        "group both\tall ours W3",
        "quorum both",
        "",
    ]
)


def cosigned(*who: int) -> Note:
    head = sign(HEAD, LOG)
    return head.with_signatures(cosign(head.text, W[n], 1_700_000_000 + n) for n in who)


def test_a_quorum_of_groups() -> None:
    trust = policy.parse(TRUST)
    assert trust.open(cosigned(0, 2, 3)) == HEAD
    for too_few in [(), (0, 3), (0, 1, 2), (3,)]:
        with pytest.raises(NoteError, match="witnesses"):
            trust.open(cosigned(*too_few))
    assert trust.urls == {ORIGIN: "https://gate.example/"}
    wrong = Signature(W[1].name, W[1].key.key_id, bytes(72))
    assert trust.met(cosigned(0, 2, 3).with_signatures([wrong]))
    assert not trust.met(cosigned(0, 3).with_signatures([wrong]))
    with pytest.raises(NoteError, match="does not name the log"):
        trust.open(sign(Checkpoint("x.example", 1, bytes(32)), signer("x.example")))


def test_no_quorum_asks_for_the_log_alone() -> None:
    assert policy.parse(f"log {LOG.key}\nquorum none\n").open(sign(HEAD, LOG)) == HEAD


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("quorum both", ""), "no quorum"),
        (("quorum both", "quorum W9"), "line 9: W9 is neither"),
        (("quorum both", "quorum both\nquorum none"), "one quorum"),
        (("all ours W3", "all ours W3 none"), "none is neither"),
        (("all ours W3", "all ours W0"), "member already"),
        (("2 W0 W1 W2", "4 W0 W1 W2"), "1 to 3"),
        (("2 W0 W1 W2", "0 W0 W1 W2"), "1 to 3"),
        (("2 W0 W1 W2", "2"), "not understood"),
        (("witness W1", "witness W0"), "taken"),
        (("witness W1", "witness none"), "taken"),
        ((str(W[1].key), str(W[0].key)), "twice"),
        ((str(W[1].key), str(LOG.key)), "type 0x04"),
        ((str(LOG.key), str(W[0].key)), "cosignatures"),
        (("group both", "group\rboth"), "control"),
        (("# who", "who"), "not understood"),
    ],
)
def test_a_trust_file_that_is_wrong_names_its_line(change: tuple[str, str], said: str) -> None:
    with pytest.raises(policy.PolicyError, match=said):
        policy.parse(TRUST.replace(*change))
