"""Signed notes: c2sp.org/signed-note, version 1.0.0.

A note is text that ends in a newline, a blank line, and signature lines

    — <key name> <base64(4-byte key id | signature)>

What is opened here came from somewhere else.  `parse` is as strict as the specification: text in
UTF-8 without control characters but the newline, each signature line complete.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519 = 0x01
COSIGNATURE = 0x04  # timestamped Ed25519 cosignature, c2sp.org/tlog-cosignature

MOST_BYTES = 1_000_000
MOST_SIGNATURES = 100  # the specification asks for at least 16
_DASH = "\u2014"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """The note, key or name is not in its form, or a signature is wrong; the message says what."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line as it was read: nobody has checked it yet."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """The line, without its newline."""
        return f"{_DASH} {self.name} {base64.b64encode(self.key_id + self.value).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its signature lines, in their order."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def write(self) -> str:
        """The note as it is sent and stored."""
        return self.text + "\n" + "".join(f"{s.line()}\n" for s in self.signatures)

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """The same note with signatures that it does not have yet behind its own."""
        new = dict.fromkeys((*self.signatures, *more))
        return Note(self.text, tuple(new))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public Ed25519 key with the name and the purpose that it has in notes.

    `public` has 32 bytes, `kind` is ED25519 (a log) or COSIGNATURE (a witness or mirror).
    """

    name: str
    public: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        if not good_name(self.name):
            raise NoteError(f"{self.name!r} can't be the name of a key")
        if self.kind not in {ED25519, COSIGNATURE}:
            raise NoteError(f"a key of type {self.kind:#04x} is not known here")
        if len(self.public) != 32:
            raise NoteError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name | 0x0A | type | public key)."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        """The key in one word, as trust files have it: ``name+id+base64``."""
        packed = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{packed}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read what `str` wrote; raises NoteError."""
        name, _, rest = text.partition("+")
        key_id, _, packed = rest.partition("+")
        raw = decode(packed)
        if not raw:
            raise NoteError("a verifier key is name+id+base64")
        key = cls(name, raw[1:], raw[0])
        if key.key_id.hex() != key_id:
            raise NoteError(f"the key of {name} does not fit its id")
        return key

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made the 64-byte `signature` of `message`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def signed(self, note: Note) -> bool:
        """Whether the note has a signature of this log's key.

        Raises NoteError if a line that claims to be of this key is wrong: such a note is not to be
        trusted at all.
        """
        found = False
        for one in self.lines(note):
            if not self.verifies(note.text.encode(), one.value):
                raise NoteError(f"the signature of {self.name} is wrong")
            found = True
        return found

    def lines(self, note: Note) -> list[Signature]:
        """The note's lines that claim to be of this key."""
        return [s for s in note.signatures if (s.name, s.key_id) == (self.name, self.key_id)]


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with the name and the purpose that it has in notes."""

    name: str
    private: Ed25519PrivateKey
    kind: int = ED25519

    @property
    def key(self) -> VerifierKey:
        """Its public half."""
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VerifierKey(self.name, public, self.kind)

    def sign(self, text: str) -> Signature:
        """A log's signature of a note's text; raises NoteError if the text can't be a note's."""
        check_text(text)
        return Signature(self.name, self.key.key_id, self.private.sign(text.encode()))


def good_name(name: str) -> bool:
    """Whether a key may have this name: not empty, without Unicode spaces and plus."""
    return bool(name) and not any(c.isspace() or c == "+" for c in name)


def check_text(text: str) -> None:
    """Raise NoteError unless `text` can be a note's text."""
    if not text.endswith("\n"):
        raise NoteError("the text of a note ends in a newline")
    if _CONTROL.search(text):
        raise NoteError("the note holds a control character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteError("the note is not UTF-8") from error


def parse(data: bytes | str) -> Note:
    """Read a note; its signatures are not checked.  Raises NoteError."""
    if len(data) > MOST_BYTES:
        raise NoteError("the note is too long")
    try:
        whole = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    check_text(whole)
    # The last blank line parts text and signatures: a text may have blank lines of its own.
    text, blank, lines = whole.rpartition("\n\n")
    if not blank:
        raise NoteError("the note has no blank line before its signatures")
    rows = lines.removesuffix("\n").split("\n")
    if len(rows) > MOST_SIGNATURES:
        raise NoteError("the note has too many signatures")
    return Note(text + "\n", tuple(parse_line(row) for row in rows))


def parse_line(row: str) -> Signature:
    """Read one signature line, without its newline; raises NoteError."""
    dash, _, rest = row.partition(" ")
    name, _, packed = rest.partition(" ")
    raw = decode(packed)
    if dash != _DASH or not good_name(name) or len(raw) < 5:
        raise NoteError("a signature line is not in its form")
    return Signature(name, raw[:4], raw[4:])


def decode(text: str) -> bytes:
    """Strict standard base64; raises NoteError."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NoteError("what should be base64 is not") from error
    if base64.b64encode(raw).decode() != text:  # spare bits that are not zero: another spelling
        raise NoteError("what should be base64 is not in its one form")
    return raw


def opened(note: Note, keys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Which of these logs' keys signed the note; raises NoteError if one of them is wrong, or if
    none did."""
    found = [key for key in keys if key.signed(note)]
    if not found:
        raise NoteError("no known key signed the note")
    return found
