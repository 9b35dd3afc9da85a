"""Signed commands as messages: what one looks like, and what is refused.  No I/O.

    {"key": "control-room", "signature": "<base64>", "body": {
        "gateway": "gate-1", "command": "door_open", "door": "yard", "reason": "delivery",
        "by": "ana", "counter": 17, "boot": "9f2c51d07a3be644", "nonce": "c4...",
        "issued": "2026-11-25T18:00:00Z", "expires": "2026-11-25T18:00:30Z"}}

The signature is Ed25519 (RFC 8032) over the body as canonical JSON (keys sorted, no spaces,
UTF-8), as the log writes it.  A counter is taken once per key, and only a greater one after it.
`RULES` says how long a command of each name may be valid, and which ones name the run of the
gateway (`boot`) for which they are and a nonce that is used once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from gateway.ledger.chain import canonical
from gateway.locale import GaritaError
from gateway.locale.text import tidy

MESSAGE_LIMIT = 4096
MAX_COUNTER = 2**62
ANOTHER_START = "for another start of the gateway"
BROKER, CONSOLE = "broker", "console"
"""The ways on which a message can come to us."""
NONCE = re.compile(r"[0-9a-f]{32}")


class Refused(GaritaError):
    """A command that is not carried out; the message says why and repeats nothing of it.

    `command` is set where the signature is good, so that we know who sent it.
    """

    def __init__(self, why: str, command: Command | None = None) -> None:
        super().__init__(why)
        self.command = command


@dataclass(frozen=True, slots=True)
class Rule:
    """What a command has to be.  `longest` is from issue to expiry, `early` how far the sender's
    clock may be ahead of ours.  `bound`: it names this run of the gateway and a nonce."""

    longest: timedelta = timedelta(minutes=10)
    early: timedelta = timedelta(seconds=60)
    bound: bool = False


USUAL = Rule()
RULES: Mapping[str, Rule] = {
    "threat_set": USUAL,
    "sync": USUAL,
    # These only ever keep people out, so a command from before a restart still counts.
    "door_out_of_service": USUAL,
    "person_revoke": USUAL,
    # These let people in.
    "door_open": Rule(timedelta(seconds=30), timedelta(seconds=10), bound=True),
    "door_confirm": Rule(timedelta(seconds=30), timedelta(seconds=10), bound=True),
    "door_in_service": Rule(timedelta(minutes=2), timedelta(seconds=10), bound=True),
}
"""Every command by its name, as it stands in the message and in `[command_keys.*] commands`."""


@dataclass(frozen=True, slots=True)
class SenderKey:
    """One sender: their public key, which commands they may give, by which operator of the site it
    is held ("": nobody is named), for which doors it is (none: for all), and on which way its
    messages come."""

    public: Ed25519PublicKey
    commands: frozenset[str]
    operator: str = ""
    doors: frozenset[str] = frozenset()
    through: str = BROKER


@dataclass(frozen=True, slots=True)
class Command:
    """A command whose signature is good: by the key `key`, which is `sender`.  `signed_in` is the
    person on whose behalf the console passed it on; "" for a command that came by the broker."""

    key: str
    name: str
    by: str
    counter: int
    body: Mapping[str, Any]
    sender: SenderKey = field(compare=False)
    expires: datetime = field(compare=False)
    nonce: str = ""
    signed_in: str = ""

    def text(self, name: str, longest: int = 200) -> str:
        """What the body says under `name`, as text for the record."""
        return tidy(self.body.get(name, ""), longest)


def sender_key(
    public_key: str,
    commands: list[str],
    operator: str = "",
    doors: list[str] | None = None,
    through: str = BROKER,
) -> SenderKey:
    """From the configuration; `public_key` is 32 bytes in base64."""
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    return SenderKey(public, frozenset(commands), operator, frozenset(doors or ()), through)


def sign(body: Mapping[str, Any], key_name: str, private: Ed25519PrivateKey) -> str:
    """The message for a body; for the sender's side."""
    signature = base64.b64encode(private.sign(canonical(body).encode())).decode()
    return json.dumps({"key": key_name, "body": body, "signature": signature}, ensure_ascii=False)


def verify(
    payload: Any,
    keys: Mapping[str, SenderKey],
    gateway: str,
    now: datetime,
    *,
    retained: bool,
    boot: str = "",
    started: datetime | None = None,
    through: str = BROKER,
) -> Command:
    """The command in a message that arrived at `now` on the way `through`, in the run `boot` of
    the gateway, which began at `started`; raises Refused."""
    if not isinstance(payload, bytes | bytearray) or len(payload) > MESSAGE_LIMIT:
        raise Refused("retained" if retained else "too long")
    try:
        command, whom, issued = _read(payload, keys)
    except Refused:
        if retained:
            raise Refused("retained") from None
        raise
    why = _flaw(command, now, issued, boot)
    if started is not None and issued < started and not why:
        # No broker keeps a command for us, so it was seen before the start, perhaps by a disk that
        # was put back since.
        why = ANOTHER_START
    if retained:
        why = "retained"
    elif whom != gateway:
        why = "for another gateway"
    elif command.sender.through != through:
        why = "not allowed on this way"
    if why:
        raise Refused(why, command)
    return command


def _read(
    payload: bytes | bytearray, keys: Mapping[str, SenderKey]
) -> tuple[Command, str, datetime]:
    """The command in a message with a good signature, for which gateway it is, and when it was
    issued.  Raises Refused."""
    try:
        message = json.loads(payload)
        name, body = message["key"], message["body"]
        signature = base64.b64decode(message["signature"], validate=True)
        signed = canonical(body).encode()
        if not isinstance(body, dict) or not isinstance(name, str):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused("not in its form") from error
    key = keys.get(name)
    if key is None:
        raise Refused("unknown key")
    try:
        key.public.verify(signature, signed)
    except InvalidSignature as error:
        raise Refused("the signature is wrong") from error
    # From here on it is the sender's word, if not necessarily for us, new, or wise.
    try:
        counter, nonce = body["counter"], body.get("nonce", "")
        issued = datetime.fromisoformat(body["issued"])
        expires = datetime.fromisoformat(body["expires"])
        if not isinstance(counter, int) or isinstance(counter, bool):
            raise ValueError
        if not 0 < counter < MAX_COUNTER or None in (issued.tzinfo, expires.tzinfo):
            raise ValueError
        if not isinstance(nonce, str) or (nonce and not NONCE.fullmatch(nonce)):
            raise ValueError
        by, command, whom = tidy(body["by"], 100), str(body["command"]), str(body["gateway"])
    except (ValueError, TypeError, KeyError) as error:
        raise Refused("not in its form") from error
    return Command(name, command, by, counter, body, key, expires, nonce), whom, issued


def _flaw(command: Command, now: datetime, issued: datetime, boot: str) -> str:
    """Why a command for this gateway is not carried out; "" if nothing is wrong with it."""
    rule, expires, body = RULES.get(command.name, USUAL), command.expires, command.body
    if command.name not in command.sender.commands:
        return "not allowed to this key"
    if now > expires:
        return "expired"
    if issued > now + rule.early:
        return "issued in the future"
    if not timedelta(0) < expires - issued <= rule.longest:
        return f"valid for more than {rule.longest.total_seconds():.0f} s"
    if rule.bound and not (command.nonce and body.get("boot")):
        return "not in its form"
    if body.get("boot", boot) != boot:
        return ANOTHER_START
    return ""
