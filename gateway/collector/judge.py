"""What a message is: a record, a signed head, a word of a gateway about itself, or nothing that we
understand.  No I/O.

Whoever may publish on the broker may have written any of it.  A record counts as one if it is in
its form and its hash is that of its number, its content and the hash before it (gateway/ledger/
chain.py).  Whether it belongs to the gateway's log is found out where it is placed (placing.py) and
when the gateway has signed for it (heads.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.ledger.chain import CREATED, canonical, digest_of, link, old_link
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint
from gateway.proof.note import Note, NoteError

LARGEST_SEQ = 2**62
MOST_BYTES = 4 * 1024 * 1024  # a larger payload is not even read
MOST_TEXT = 1_000  # characters of an id, a type or a subject
UNREADABLE_TIME = "0001-01-01T00:00:00Z"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CHAIN = re.compile(r"([0-9a-f]{16})-([0-9]+)")
_HASH = re.compile(r"[0-9a-f]{64}")
_TYPE = "org.garita."


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came from a broker."""

    broker: str
    topic: str
    payload: bytes
    retained: bool = False


@dataclass(slots=True)  # not frozen: that costs as much as reading the message
class Record:
    """A record of `gateway` whose hash is its own (`sound`) or is not.

    `chain` is the origin that it names itself; "" where its id is of another form.  `body` is its
    leaf in the tree.  `omitted`: the broker did not take it for its size, so the data are missing
    and the hash can't be checked.  `text` is the message, with which it is found again.
    """

    gateway: str
    seq: int
    hash: bytes
    prev: bytes
    id: str
    time: str
    type: str
    subject: str
    body: str
    chain: str
    text: str
    broker: str
    sound: bool = True
    omitted: bool = False
    first: bool = False
    """It begins an origin."""
    follows: dict[str, Any] | None = None
    """What it then says of the origin before it, if it says anything."""


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint of the origin `chain`; nobody has looked at its signature yet."""

    gateway: str
    chain: str
    checkpoint: Checkpoint
    note: Note


@dataclass(frozen=True, slots=True)
class Said:
    """What a gateway says of itself: `what` is status or state."""

    gateway: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A gateway has sent all `count` records that the request `id` asked for."""

    gateway: str
    id: str
    count: int


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that is not understood, and `why` (a code)."""

    gateway: str
    message: Delivery
    why: str


Judged = Record | Head | Said | Answered | Poison


def judge(base: str, message: Delivery) -> Judged | None:
    """What `message` is; None for a topic that says nothing to us.  It raises nothing."""
    parts = message.topic.removeprefix(f"{base}/").split("/", 2)
    if len(parts) < 2 or not _NAME.fullmatch(parts[0]):
        return None
    gateway, kind = parts[0], parts[1]
    if len(message.payload) > MOST_BYTES:
        return Poison(gateway, message, "too_large")
    try:
        if kind in {"events", "replay"}:
            return _record(gateway, message, replay=kind == "replay")
        if kind == "checkpoint":
            return _head(gateway, message.payload) if message.payload else None
        if kind in {"status", "state"}:
            return _said(gateway, kind, message.payload) if message.payload else None
    except _Wrong as wrong:
        return Poison(gateway, message, str(wrong))
    return None


class _Wrong(Exception):
    """A code for what is wrong with a message."""


def _record(gateway: str, message: Delivery, *, replay: bool) -> Record | Answered:
    if message.retained:
        raise _Wrong("retained")
    try:
        text = message.payload.decode()
        item = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _Wrong("not_json") from error
    if not isinstance(item, dict):
        raise _Wrong("not_a_record")
    if replay and item.get("done") is True:
        return _answered(gateway, item)
    try:
        return _checked(gateway, item, text, message.broker)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _Wrong("not_a_record") from error


def _checked(gateway: str, item: dict[str, Any], text: str, broker: str) -> Record:
    seq, data = item["seq"], item["data"]
    id_, time, kind, subject = item["id"], item["time"], item["type"], item.get("subject", "")
    if type(seq) is not int or not 1 <= seq <= LARGEST_SEQ or type(data) is not dict:
        raise ValueError
    for word in (id_, time, kind, subject):
        if type(word) is not str or len(word) > MOST_TEXT or "\0" in word:
            raise ValueError
    if not kind.startswith(_TYPE) or not _HASH.fullmatch(item["hash"]):
        raise ValueError
    if not _HASH.fullmatch(item["prev"]) or item["source"] != f"/garita/{gateway}":
        raise ValueError
    kind = kind[len(_TYPE) :]
    body = canonical({"id": id_, "time": time, "type": kind, "subject": subject, "data": data})
    given, prev = bytes.fromhex(item["hash"]), bytes.fromhex(item["prev"])
    computed = link(prev, seq, digest_of(body))
    sound = given == computed or given == old_link(prev, seq, body)
    omitted = not sound and "omitted" in data and data.keys() == {"omitted", "bytes"}
    named = _CHAIN.fullmatch(id_)
    chain = named[1] if named and named[2] == str(seq) else ""
    first = kind == CREATED and type(data.get("chain")) is str
    return Record(
        gateway=gateway,
        seq=seq,
        # What is not sound is kept under the hash that it should have.
        hash=given if sound or omitted else computed,
        prev=prev,
        id=id_,
        time=_time(time),
        type=kind,
        subject=subject,
        body=body,
        chain=str(data["chain"])[:64] if first else chain,
        text=text,
        broker=broker,
        sound=sound or omitted,
        omitted=omitted,
        first=first,
        follows=data["follows"] if first and type(data.get("follows")) is dict else None,
    )


def _answered(gateway: str, item: dict[str, Any]) -> Answered:
    name, count = item.get("id"), item.get("count")
    if type(name) is not str or type(count) is not int or not 0 <= count <= LARGEST_SEQ:
        raise _Wrong("not_an_answer")
    return Answered(gateway, name, count)


def _head(gateway: str, payload: bytes) -> Head:
    try:
        found = note.parse(payload)
        checkpoint = Checkpoint.parse(found.text)
    except NoteError as error:
        raise _Wrong("not_a_checkpoint") from error
    _, slash, chain = checkpoint.origin.rpartition("/")
    if not slash or len(chain) > 64 or "\0" in checkpoint.origin:
        raise _Wrong("not_a_checkpoint")
    return Head(gateway, chain, checkpoint, found)


def _said(gateway: str, what: str, payload: bytes) -> Said:
    try:
        text = payload.decode()
        if what == "state":
            json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Wrong("not_text") from error
    if "\0" in text or (what == "status" and text not in {"online", "offline"}):
        raise _Wrong("not_a_status")
    return Said(gateway, what, text)


def _time(text: str) -> str:
    """The time as a database takes it; the body has the text itself."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == 24 and text[23] == "Z":  # as gateways write it
            return text
        if moment.tzinfo is None:
            return UNREADABLE_TIME
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return UNREADABLE_TIME


def _no_constant(text: str) -> None:
    raise ValueError(text)  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
