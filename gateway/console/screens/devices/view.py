"""Doors, readers, cameras and inputs as their pages show them: pure functions of the settings and
of what the running gateway says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivers.cameras.probe import without_password
from gateway.config import Settings
from gateway.locale import _
from gateway.wording import text, words
from gateway.wording.details import detail

SLOW_MS = 200.0  # a reader on a bus that takes longer than this is felt by whoever waits
POOR = 0.02  # this share of wrong answers is a cable or a terminator
_STATES = {
    "locked": "good",
    "waiting": "info",
    "unlocked": "info",
    "open": "info",
    "held": "warn",
    "out_of_service": "warn",
    "tampered": "bad",
    "forced": "bad",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A device in a word: `state` is good, warn, bad or plain (not known), `said` why."""

    kind: str
    name: str
    state: str
    word: str
    said: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class DoorView:
    """A door.  `contact` is ``open``, ``shut``, ``unknown`` or "" without one; `parts` are what
    must work for it."""

    name: str
    state: str
    word: str
    reason: str
    contact: str
    tampered: Sequence[str]
    last: str
    parts: Sequence[Device]
    remote_open: bool
    area: str


@dataclass(frozen=True, slots=True)
class ReaderView:
    """A reader; the link's figures are there for one on a bus."""

    device: Device
    where: str
    doors: Sequence[str]
    bus: bool
    secure: bool = False
    installing: bool = False
    key: str = ""
    quality: str = ""
    quality_state: str = "plain"
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera; `source` is without its password."""

    device: Device
    source: str
    doors: Sequence[str]


@dataclass(frozen=True, slots=True)
class InputView:
    """An input in test mode.  `away`: other than normal; None for one that nothing uses.
    `changed`: since the test began."""

    device: str
    number: int
    use: str
    closed: bool
    away: bool | None
    online: bool
    changed: bool
    changed_at: float | None


def device(status: Mapping[str, Any] | None, kind: str, name: str) -> Device:
    """One device as the gateway has it."""
    for item in (status or {}).get("devices", ()):
        if (item["kind"], item["name"]) == (kind, name):
            said, shown = detail(item["detail"]), str(item["state"])
            state = "good" if shown == "online" else "warn" if shown == "unstable" else "bad"
            if shown == "unstable":
                now = words.word("online" if item["online"] else "offline")
                said = f"{now} {said}".strip()
            return Device(kind, name, state, words.word(shown), said, item["since"])
    if status is None:
        return Device(kind, name, "plain", _("not known"), _("the gateway does not answer"))
    return Device(kind, name, "plain", _("not known"), _("it did not report yet"))


def doors(
    settings: Settings, status: Mapping[str, Any] | None, shown: Collection[str]
) -> Iterator[DoorView]:
    """The doors named in `shown`."""
    for name, table in settings.tables.doors.items():
        if name not in shown:
            continue
        now = (status or {}).get("doors", {}).get(name)
        state = str(now["state"]) if now else ""
        last = ((status or {}).get("last", {}).get(name) or {}).get("reason", "")
        parts = [device(status, "lock", table.lock)]
        parts += [device(status, "reader", r) for r in (table.reader, table.reader_out) if r]
        if table.camera:
            parts.append(device(status, "camera", table.camera))
        inputs = {ref.device for ref in (table.contact, table.rex, table.fire) if ref is not None}
        known = settings.tables.inputs
        parts += [device(status, "inputs", item) for item in sorted(inputs) if item in known]
        yield DoorView(
            name=name,
            state=_STATES.get(state, "plain"),
            word=words.word(state) if state else _("not known"),
            reason=str(now["out_of_service"]) if now else "",
            contact=_contact(now) if table.contact is not None else "",
            tampered=list(now["tampered"]) if now else [],
            last=text.reason(last) if last else "",
            parts=parts,
            remote_open=table.remote_open,
            area=table.area,
        )


def _contact(now: Mapping[str, Any] | None) -> str:
    if now is None or now["open"] is None:
        return "unknown"
    return "open" if now["open"] else "shut"


def readers(settings: Settings, status: Mapping[str, Any] | None) -> Iterator[ReaderView]:
    """All readers."""
    for name in settings.tables.readers:
        yield reader(settings, status, name)


def reader(settings: Settings, status: Mapping[str, Any] | None, name: str) -> ReaderView:
    """One reader of the configuration."""
    tables = settings.tables
    table = tables.readers[name]
    used = [d for d, item in tables.doors.items() if name in (item.reader, item.reader_out)]
    found = device(status, "reader", name)
    if table.bus is None:
        return ReaderView(found, f"{table.driver}, {table.port}", used, bus=False)
    where = _("bus {bus}, address {address}").format(bus=table.bus, address=table.address)
    link = (status or {}).get("readers", {}).get(name)
    if link is None:
        return ReaderView(found, where, used, bus=True)
    told = link["key"]
    quality, state = _quality(link)
    return ReaderView(
        device=found,
        where=where,
        doors=used,
        bus=True,
        secure=link["secure"],
        installing=link["installing"],
        key="" if told is None else _("done") if told["done"] else detail(told["detail"]),
        quality=quality,
        quality_state=state,
        facts=list(_facts(link)),
    )


def _quality(link: Mapping[str, Any]) -> tuple[str, str]:
    """The link in a word, as an installer would say it."""
    stats = link["stats"]
    polls = stats["polls"]
    if not link["online"] or not polls:
        return "", "plain"
    wrong = (stats["errors"] + stats["timeouts"] + stats["naks"]) / polls
    if stats["power_fault"]:
        return _("its power fails"), "bad"
    if wrong > POOR:
        return _("poor: look at cable, terminator and power"), "bad"
    if stats["worst_latency_ms"] > SLOW_MS:
        return _("good, but at times slow"), "warn"
    return _("good"), "good"


def _facts(link: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in (link.get("identity") or {}).items():
        yield words.word(key), str(value)
    stats = link["stats"]
    yield _("questions"), words.number(stats["polls"])
    for key, label in (
        ("errors", _("wrong answers")),
        ("timeouts", _("no answer")),
        ("naks", _("refused (NAK)")),
        ("retries", _("asked again")),
        ("handshakes", _("sessions")),
    ):
        yield label, words.number(stats[key])
    yield _("slowest answer"), f"{words.number(stats['worst_latency_ms'], 1)} ms"


def cameras(settings: Settings, status: Mapping[str, Any] | None) -> Iterator[CameraView]:
    """All cameras, each with what it complains of."""
    tables = settings.tables
    for name, table in tables.cameras.items():
        found = device(status, "camera", name)
        source = without_password(str(table.options.get("source", "")))
        used = [door for door, item in tables.doors.items() if item.camera == name]
        yield CameraView(found, source, used)


def inputs(
    settings: Settings, levels: Sequence[Mapping[str, Any]], began: float
) -> Iterator[InputView]:
    """All inputs that are wired or were reported; `began` is when the test began (Unix time)."""
    uses = _uses(settings)
    for item in levels:
        key = (str(item["device"]), int(item["input"]))
        use, normally = uses.pop(key, ("", ""))
        closed, at = bool(item["closed"]), item["changed_at"]
        away = (closed != (normally == "closed")) if use else None
        changed = at is not None and at >= began
        yield InputView(*key, use, closed, away, bool(item["online"]), changed, at)
    for (name, number), (use, normally) in uses.items():
        closed = normally == "closed"
        yield InputView(name, number, use, closed, None, False, False, None)


def _uses(settings: Settings) -> dict[tuple[str, int], tuple[str, str]]:
    """What each wired input is for, and how it is while nothing happens."""
    tables = settings.tables
    found = {}
    for name, door in tables.doors.items():
        for ref, said in (
            (door.contact, _("{door}: door contact")),
            (door.rex, _("{door}: request to exit")),
            (door.fire, _("{door}: fire panel")),
        ):
            if ref is not None:
                found[ref.device, ref.input] = said.format(door=name), str(ref.normally)
    if (ref := tables.threat.input) is not None:
        said = _("raises the threat level to {level}").format(level=tables.threat.input_level)
        found[ref.device, ref.input] = said, str(ref.normally)
    return found
