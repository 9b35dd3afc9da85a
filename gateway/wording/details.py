"""Details that records and the status hold in English, as sentences in the language in use.

Drivers, `decide()` and the daemon write a detail once, in English, for every reader of the record.
Each line below is such a text as a regular expression and its words; the groups are its facts.
Names and figures stay as they are, and so does a text that is not known here.
"""

from __future__ import annotations

import re

from gateway.decide.policy import Subsystem
from gateway.locale import N_, SYSTEM, Message, in_context
from gateway.wording import words

_CLOSED = in_context("port", "closed")
_KNOWN: tuple[tuple[str, str], ...] = (
    # the rules of `decide()`
    (r"valid from (?P<day>[\d-]+)", N_("valid from {day}")),
    (r"valid until (?P<until>[\d: -]+)", N_("valid until {until}")),
    (r"grant until (?P<until>[\d: -]+)", N_("grant until {until}")),
    (r"retention ended (?P<day>[\d-]+)", N_("retention ended {day}")),
    (r"(?P<n>\d+) of (?P<least>\d+) templates", N_("{n} of {least} templates")),
    (r"(?P<n>\d+) of (?P<limit>\d+) people", N_("{n} of {limit} people")),
    (r"(?P<n>\d+) of (?P<limit>\d+)", N_("{n} of {limit}")),
    (r"above (?P<limit>[\d.]+)", N_("above {limit}")),
    (r"older than (?P<limit>[\d.]+) s", N_("older than {limit} s")),
    (r"no area (?P<area>.+)", N_("there is no area {area}")),
    (r"no such level: (?P<level>.+)", N_("no such level: {level}")),
    (r"(?P<kind>.+): no such kind", N_("{kind}: no such kind")),
    (r"leaves (?P<area>.+), was outside", N_("leaves {area}, was outside")),
    (r"leaves (?P<area>.+), was in (?P<was>.+)", N_("leaves {area}, was in {was}")),
    (
        r"outside since (?P<since>[\d: -]+) \(by (?P<gate>[^)]+)\), not in (?P<area>.+)",
        N_("outside since {since} (by {gate}), not in {area}"),
    ),
    (
        r"in (?P<was>.+) since (?P<since>[\d: -]+) \(by (?P<gate>[^)]+)\), not in (?P<area>.+)",
        N_("in {was} since {since} (by {gate}), not in {area}"),
    ),
    (
        r"in (?P<area>.+) since (?P<since>[\d: -]+) \(by (?P<gate>[^)]+)\)",
        N_("in {area} since {since} (by {gate})"),
    ),
    (
        r"outside since (?P<since>[\d: -]+), not in (?P<area>.+)",
        N_("outside since {since}, not in {area}"),
    ),
    (
        r"in (?P<was>.+) since (?P<since>[\d: -]+), not in (?P<area>.+)",
        N_("in {was} since {since}, not in {area}"),
    ),
    (r"in (?P<area>.+) since (?P<since>[\d: -]+)", N_("in {area} since {since}")),
    # files of the gateway
    (r"(?P<name>[\w.-]+) is empty", N_("{name} is empty")),
    (r"(?P<name>[\w.-]+) is missing", N_("{name} is missing")),
    (r"(?P<name>[\w.-]+) is not a file", N_("{name} is not a file")),
    (r"(?P<name>[\w.-]+) is too large", N_("{name} is too large")),
    (r"(?P<name>[\w.-]+) is not as it was written", N_("{name} is not as it was written")),
    (r"(?P<name>[\w.-]+) is damaged: (?P<reason>.+)", N_("{name} is damaged: {reason}")),
    (r"(?P<name>[\w.-]+) can't be read: (?P<error>.+)", N_("{name} can't be read: {error}")),
    (r"its key can't be read: (?P<why>.+)", N_("its key can't be read: {why}")),
    # devices and links
    (r"without a dead man: (?P<why>.+)", N_("without a dead man: {why}")),
    (r"its output says at rest, ordered was released", N_("ordered to open, it is at rest")),
    (r"its output says released, ordered was at rest", N_("ordered to rest, it is open")),
    (
        r"the reader has lost the session \(NAK (?P<code>.+)\)",
        N_("the reader has lost the session (NAK {code})"),
    ),
    (
        r"the reader refused the key \(NAK (?P<code>.+)\)",
        N_("the reader refused the key (NAK {code})"),
    ),
    (r"address (?P<address>\d+), (?P<speed>\d+) baud", N_("address {address}, {speed} baud")),
    (r"too slow: (?P<n>\d+) answers in (?P<s>\d+) s", N_("too slow: {n} answers in {s} s")),
    (r"another gateway has this name: (?P<host>.+)", N_("another gateway has this name: {host}")),
    (r"the broker does not take it: (?P<why>.+)", N_("the broker does not take it: {why}")),
    (r"(?P<mb>\d+) MB free", N_("{mb} MB free")),
    (r"not installed: (?P<command>.+)", N_("not installed: {command}")),
    (r"enrol anew: .*", N_("enrol anew: the templates are of another face model")),
    (r"sends nonsense: (?P<what>.+)", N_("sends nonsense: {what}")),
    (r"nonsense: (?P<what>.+)", N_("sends nonsense: {what}")),
    (r"valid for more than (?P<s>\d+) s", N_("valid for more than {s} s")),
    # the log, verified
    (r"records (?P<a>\d+) to (?P<b>\d+) are missing", N_("records {a} to {b} are missing")),
    (
        r"records up to (?P<seq>\d+) were signed, and not all are here",
        N_("records up to {seq} were signed, and not all are here"),
    ),
    (r"nothing of the log (?P<name>\S+) is here", N_("nothing of the log {name} is here")),
    (r"the signature of (?P<name>\S+) is wrong", N_("the signature of {name} is wrong")),
    (r"(?P<name>\S+) did not sign the checkpoint", N_("{name} did not sign the checkpoint")),
    (
        r"another key of (?P<name>\S+) signed it, and no record says that the key changed",
        N_("another key of {name} signed it, and no record says that the key changed"),
    ),
    # a requirement; these fit nearly anything and come last
    (r"(?P<kind>[^ ]+) of no company", N_("{kind}: no company")),
    (r"(?P<kind>[^ ]+) until (?P<day>\d{4}-\d\d-\d\d)", N_("{kind} until {day}")),
    (r"(?P<kind>[^ ]+) of (?P<company>.+)", N_("{kind} of {company}")),
)
_PLAIN = frozenset(
    {
        # the rules of `decide()`
        N_("a grant of another time"),
        N_("this door wants a badge"),
        N_("the number inside is not known"),
        N_("where people are is not known"),
        N_("anybody who may escort"),
        N_("no challenge"),
        N_("no cues"),
        N_("no distance"),
        # what fails
        N_("left the list"),
        N_("new photographs"),
        N_("no time server"),
        N_("in clear"),
        N_("away"),
        N_("ended"),
        N_("died"),
        N_("did not start"),
        # devices
        N_("in use by another program"),
        N_("hung up"),
        N_("no answer"),
        N_("without secure channel"),
        N_("the device takes no data"),
        N_("the port is not open"),
        N_("the port was lost while writing"),
        N_("the package gpiod is not installed"),
        N_("the reader is not there"),
        N_("the reader is away"),
        N_("the bus is not there"),
        N_("the session was lost"),
        N_("repeated"),
        N_("it could not be sent in time"),
        N_("it did not accept our key"),
        N_("it answers what was not asked"),
        N_("it answers with another kind of key"),
        N_("it does not take the default key: put it into install mode"),
        N_("it does not hold the key that it was given: garita reader install"),
        N_("no key yet: garita reader install"),
        N_("the install window has closed"),
        N_("a card or a key in clear"),
        N_("plain text inside a session"),
        N_("a wrong MAC"),
        N_("no whole blocks"),
        N_("no end of data"),
        # cameras and faces
        N_("the face process is away"),
        N_("no camera at this door"),
        N_("no usable template"),
        N_("the face is gone"),
        N_("no answer to a challenge"),
        N_("too_many_tries"),
        # the broker
        N_("another client has our name or client id: it takes over our connection"),
        N_("the broker closed the connection without an answer"),
        N_("the client's key is encrypted: remove its pass phrase, and chmod 600 it"),
        N_("the connection ended"),
        N_("no acknowledgement in time"),
        N_("Operation timed out"),
        # the log, verified
        N_("the record is not in its form"),
        N_("the record or its link was changed"),
        N_("the log is empty"),
        N_("the record noted elsewhere is not in this log"),
        N_("the record can't be read"),
        N_("the record is not in canonical form"),
        N_("the records do not end as the archive says"),
        N_("what is left of the redacted record is not what the log says"),
        N_("the record was to be redacted, and is whole: redact it again"),
        N_("the record's id was changed"),
        N_("the log does not begin with its first record"),
        N_("the records up to here are not those that were signed"),
        N_("the key of the log is not known"),
        N_("the key was changed, and the one before it did not sign that"),
        # other gates
        N_("not heard yet"),
        N_("not all is known yet"),
        N_("not heard any more"),
        N_("its clock is ahead"),
        N_("the gateway is stopped"),
        N_("it signed two records of one number"),
        N_("its records are not numbered as it signed"),
        N_("its log is another one than it signed before"),
        N_("the head is dated in the future"),
        # commands over MQTT
        N_("retained"),
        N_("too long"),
        N_("not in its form"),
        N_("unknown key"),
        N_("the signature is wrong"),
        N_("for another gateway"),
        N_("expired"),
        N_("expired on its way"),
        N_("issued in the future"),
        N_("not allowed to this key"),
        N_("not allowed on this way"),
        N_("signed with the key of another operator"),
        N_("the clock is not to be trusted"),
        N_("not known here"),
        N_("seen before"),
        N_("older than one seen before"),
        N_("for another start of the gateway"),
        N_("not for this door"),
        N_("there is no such door"),
        N_("its operator is not active on the list"),
        N_("nobody on the list has that id"),
        N_("the personnel list could not be written"),
        N_("the door's state could not be kept"),
        N_("nobody waits there under that id"),
        N_("nobody confirms themselves"),
        N_("too late: the request has ended"),
        N_("the counters can't be read or written"),
        N_("too many wait"),
        N_("there is no such threat level"),
    }
)

_FAILING = frozenset(Subsystem)


def detail(recorded: str, language: str | None = None) -> str:
    """`recorded` in `language`, by default the one in use."""
    if recorded == "closed":
        return _CLOSED.say(language)
    if recorded in words.CODES:
        return Message(words.CODES[recorded]).words(language)
    if recorded in _PLAIN or recorded in SYSTEM:
        return Message(recorded).words(language)
    part, colon, why = recorded.partition(": ")
    if colon and part in _FAILING:  # the rule of `denied_degraded`
        thing = Message(words.CODES[part]).words(language)
        return f"{thing}: {detail(why, language)}"
    for pattern, sentence in _KNOWN:
        if found := re.fullmatch(pattern, recorded):
            facts = {name: _inner(fact, language) for name, fact in found.groupdict().items()}
            return Message(sentence, facts).say(language)
    return recorded


def details(recorded: str, language: str | None = None) -> str:
    """Several details that a record parts by commas."""
    return ", ".join(detail(part, language) for part in recorded.split(", "))


def _inner(fact: str, language: str | None) -> str:
    return Message(fact).words(language) if fact in _PLAIN or fact in SYSTEM else fact
