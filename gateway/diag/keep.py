"""What may leave a gate: numbers, yes and no, and words that are ours.

A text is kept if it is a code of this program, a name that the configuration gives to a door or a
device, a time, or a device's path.  Any other text, whoever wrote it, is shown by its length alone;
so no list of secrets has to be complete.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from gateway.config.tables import Tables
from gateway.decide.model import Reason
from gateway.ledger.event import EventType
from gateway.locale import LANGUAGES
from gateway.wording.words import CODES

NAMED = ("buses", "readers", "inputs", "locks", "cameras", "doors", "areas", "interlocks")
"""The tables whose keys are names of doors and devices; others (operators) may name people."""

_SAFE = tuple(
    re.compile(pattern)
    for pattern in (
        r"\d\d:\d\d(:\d\d)?",
        r"20\d\d-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?",
        r"\[Errno \d+\] [A-Za-z ,/-]+",
        r"/dev/(tty[A-Za-z]*\d+|video\d+|gpiochip\d+)",
        r"\d{1,2}\.\d{1,2}(\.\d{1,2})?",  # a version, a criterion
        r"/(var/lib|run|etc)/garita(/(metrics|garita)\.sock|/site\.key)?",
        r"(unix:/run/garita/(metrics|console)\.sock)",
        r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?",
    )
)
_ZONE = re.compile(r"(Africa|America|Asia|Australia|Europe|Pacific)/[A-Z][A-Za-z_]{2,24}|UTC")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,40}")
DRIVERS = ("rdm6300", "line", "osdp", "gpio", "modbus", "lcus", "opencv", "dlib", "onnx")


class Keeper:
    """`names` are those of the site's doors and devices."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self._words = vocabulary() | {name for name in names if len(name) <= 60}
        self._keys = keys()

    def word(self, text: str) -> str:
        """The text if it may leave, else what it was."""
        if text in self._words or any(safe.fullmatch(text) for safe in _SAFE):
            return text
        return f"<text, {len(text)} characters>" if text else ""

    def config(self, value: Any, key: str = "", known: bool = True) -> Any:
        """A part of the configuration: `known` if its key is one of ours."""
        if isinstance(value, Mapping):
            return dict(self._table(value, key, known))
        if isinstance(value, list):
            return [self.config(item, key, known) for item in value]
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return value if known else "<number>"
        text = str(value)
        if not known:
            return f"<text, {len(text)} characters>"
        if key == "timezone" and _ZONE.fullmatch(text):
            return text
        return self.word(text)

    def _table(
        self, value: Mapping[str, Any], parent: str, known: bool
    ) -> Iterator[tuple[str, Any]]:
        for number, (name, item) in enumerate(value.items(), 1):
            # Options are a driver's own, and a driver may be anybody's.
            ours = known and name in self._keys and parent != "options"
            named = known and parent in tables() and isinstance(item, Mapping)
            shown = name if ours or name in self._words else f"<{parent or 'key'} {number}>"
            key = "options" if parent == "options" else name if ours else ""
            yield shown, self.config(item, key, ours or named)

    def facts(self, value: Any) -> Any:
        """JSON of our own making, such as the status: numbers and codes stay."""
        if isinstance(value, Mapping):
            return {
                self._fact_key(key, number): self.facts(item)
                for number, (key, item) in enumerate(value.items(), 1)
            }
        if isinstance(value, list | tuple):
            return [self.facts(item) for item in value]
        return self.word(value) if isinstance(value, str) else value

    def _fact_key(self, key: str, number: int) -> str:
        return key if key in self._words or key in _STATUS_KEYS else f"<key {number}>"


# The keys of the status, of `about()` of a reader, and of what diag itself writes.
_STATUS_KEYS = frozenset(
    """
    gateway boot version policy_version people error total applied_at generated_at sha256 ledger ok
    refused follows clock_trusted clock_sure devices kind name online state detail since doors
    released open tampered out_of_service threat level levels areas inside maximum pid uptime_s
    clock_behind_s clock_ahead_s last_seq last reason seq time unrecorded readers address secure
    installing key done stats polls errors naks busy retries timeouts handshakes worst_latency_ms
    power_fault archives files bytes missing peers disk free_mb least_mb mqtt connected published
    waiting broker brokers instance name_taken_by how host credentials text facts wrong skipped
    count face ready starts embedder model enrolled damage file aside checkpoint note witnesses
    needed quorum cosigners vendor serial firmware findings what said known_by known_seq needs
    """.split()  # noqa: SIM905 - a list to read
)


def names_of(raw: Mapping[str, Any]) -> set[str]:
    """The names of doors and devices in a configuration as TOML has it, which may have mistakes."""
    tables = (raw.get(table) for table in NAMED)
    return {str(name) for table in tables if isinstance(table, Mapping) for name in table}


@cache
def vocabulary() -> frozenset[str]:
    """Every word that the program itself has for something."""
    ours = {*CODES, *Reason, *EventType, *DRIVERS, "granted", "denied", "online", "offline"}
    ours |= {"good", "bad", "warn", "always", "*", "energise", "de-energise", *LANGUAGES}
    for model in _models(Tables):
        for item in model.model_fields.values():
            ours |= set(_literals(item.annotation))
    return frozenset(str(word) for word in ours)


@cache
def keys() -> frozenset[str]:
    """Every key that a configuration may have."""
    found = set()
    for model in _models(Tables):
        found |= set(model.model_fields)
        found |= {item.alias for item in model.model_fields.values() if item.alias}
    return frozenset(key for key in found if _KEY.fullmatch(key))


@cache
def tables() -> frozenset[str]:
    """The keys of tables whose own keys are names that the site gives."""
    found = set()
    for model in _models(Tables):
        for name, item in model.model_fields.items():
            if any(get_origin(kind) is dict for kind in _kinds(item.annotation)):
                found.add(name)
    return frozenset(found - {"options"})


def _models(root: type[BaseModel]) -> Sequence[type[BaseModel]]:
    found, left = [root], [root]
    while left:
        for item in left.pop().model_fields.values():
            for kind in _kinds(item.annotation):
                if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
                    found.append(kind)
                    left.append(kind)
    return found


def _kinds(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _literals(annotation: Any) -> Iterator[str]:
    for kind in _kinds(annotation):
        if get_origin(kind) is Literal:
            yield from (str(value) for value in get_args(kind))
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (str(item.value) for item in kind)
