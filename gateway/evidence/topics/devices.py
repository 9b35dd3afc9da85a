"""Cameras, readers and other devices (CTPAT 9.8, 9.12, 9.14): when each was away, for how long, and
why; changes of a camera's view and of a reader's keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.evidence import cells
from gateway.evidence.answers import Answers
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Place,
    Population,
    Table,
    Unit,
    When,
)
from gateway.evidence.taking import Odd, Taker, count, seconds, text, who
from gateway.evidence.trucks import in_words
from gateway.ledger.chain import utc_text
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded

LONG_S = 3600.0
"""A device that is away for longer is a deviation; shorter times are in the figures."""
_RULE: Mapping[str, str] = {"camera": "camera_away", "reader": "reader_away", "bus": "reader_away"}
_ALARM: Mapping[str, str] = {"bus": "reader"}
_DEVICES = frozenset({EventType.DEVICE_OFFLINE, EventType.DEVICE_UNSTABLE, EventType.DEVICE_ONLINE})
_CHANGES: Mapping[str, Message] = {
    EventType.CAMERA_ACCEPTED: worded("its view was changed"),
    EventType.READER_KEY_SET: worded("it has a new key"),
    EventType.READER_KEY_FAILED: worded("it did not take its key"),
    EventType.READER_INSTALL_OPENED: worded("a window for its key was opened"),
    EventType.READER_COMSET: worded("its address or speed was changed"),
    EventType.READER_REFUSED: worded("messages were not of its session"),
    EventType.READER_RESTARTED: worded("its session began anew"),
}


@dataclass(slots=True)
class _Outage:
    kind: str
    name: str
    why: str
    at: str
    record: int
    unstable: bool = False
    until: str = ""
    records: list[int] = field(default_factory=list)


class Devices(Taker):
    """Takes what each device told, those from before the span for what was away when it began."""

    key: ClassVar[str] = "devices"
    rules: ClassVar[Mapping[str, str]] = {
        "camera_away": N_("a camera gave no good picture for more than an hour"),
        "reader_away": N_("a reader was away for more than an hour"),
        "device_away": N_("another device was away for more than an hour"),
        "reader_key_failed": N_("a reader did not take its key"),
        "reader_refused": N_("a reader got messages that were not of its session"),
    }
    before: ClassVar[frozenset[EventType]] = _DEVICES
    reads: ClassVar[frozenset[EventType]] = (
        _DEVICES | frozenset(map(EventType, _CHANGES)) | Answers.reads | {EventType.CAMERA_VIEWED}
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._answers = Answers()
        self._away: dict[tuple[str, str], _Outage] = {}
        self._known: dict[tuple[str, str], None] = {}
        self._outages: list[_Outage] = []
        self._wrong: list[Deviation] = []
        self._count: Counter[str] = Counter()

    def record(self, event: Event, when: When) -> None:
        """The next record."""
        if event.type in Answers.reads:
            self._answers.take(event)
        elif event.type in _DEVICES:
            self._device(event, when)
        elif when is When.INSIDE and event.type == EventType.CAMERA_VIEWED:
            self._count["viewed"] += 1
        elif when is When.INSIDE:
            self._change(event)

    def _device(self, event: Event, when: When) -> None:
        kind = text(event.data, "kind")
        if not kind or not event.subject:
            raise Odd("kind")
        key = (kind, event.subject)
        if when is not When.AFTER:
            self._known[key] = None
        away = self._away.get(key)
        if event.type == EventType.DEVICE_ONLINE:
            if away is not None:
                away.until = event.time
                away.records.append(event.seq)
                if when is When.BEFORE:
                    self._outages.remove(away)
                del self._away[key]
            return
        unstable = event.type == EventType.DEVICE_UNSTABLE
        if away is not None:
            away.unstable |= unstable
        elif when is not When.AFTER:
            why = text(event.data, "detail")
            one = _Outage(*key, why, event.time, event.seq, unstable, records=[event.seq])
            self._away[key] = one
            self._outages.append(one)

    def _change(self, event: Event) -> None:
        row = {
            "at": event.time,
            "device": event.subject,
            "what": event.type,
            "count": count(event.data, "count", 1),
            "detail": text(event.data, "detail") or text(event.data, "reason"),
            "by": who(event.data),
        }
        self.place.rows.add(CHANGES.key, row, (event.seq,))
        self._count[event.type] += 1
        rules = {EventType.READER_KEY_FAILED: "reader_key_failed"}
        rules[EventType.READER_REFUSED] = "reader_refused"
        rule = rules.get(EventType(event.type))
        if rule is not None:
            words = worded("{device}: {what}", device=event.subject, what=_CHANGES[event.type])
            self._wrong.append(Deviation(rule, words, event.time, (event.seq,)))

    def found(self) -> Found:
        """Each time that a device was away, and what that comes to."""
        found = Found(self.key, worded("Cameras, readers and other devices"))
        found.tables = [SUMMARY, TABLE, CHANGES]
        found.populations = [Population(TABLE.key, TABLE.title, Frequency.RARE)]
        found.populations.append(Population(CHANGES.key, CHANGES.title, Frequency.RARE))
        span = self.place.span
        end = min(span.end, utc_text(self.place.as_of))
        length = max(0.0, seconds(span.begin, end) or 0.0)
        lost: dict[tuple[str, str], list[float]] = {}
        for one in self._outages:
            lasted = self._lasted(one, span.begin, end)
            lost.setdefault((one.kind, one.name), []).append(lasted)
            found.deviations += self._long(one, lasted)
            row = {
                "kind": one.kind,
                "name": one.name,
                "at": one.at,
                "until": one.until,
                "lasted_s": lasted,
                "unstable": one.unstable,
                "why": one.why,
            }
            self.place.rows.add(TABLE.key, row, tuple(one.records))
        for kind, name in sorted(self._known):
            times = lost.get((kind, name), [])
            row = {
                "kind": kind,
                "name": name,
                "outages": len(times),
                "away_s": round(sum(times), 1),
                "share": 1 - sum(times) / length if length else None,
            }
            records = [
                n
                for one in self._outages
                if (one.kind, one.name) == (kind, name)
                for n in one.records
            ]
            self.place.rows.add(SUMMARY.key, row, tuple(records[:50]))
        found.deviations += self._wrong
        found.deviations.sort(key=lambda one: (one.at, one.records))
        found.figures = [*_of("camera", self._known, lost), *_of("reader", self._known, lost)]
        views, changed = self._count["viewed"], self._count[EventType.CAMERA_ACCEPTED]
        found.figures += [
            Figure("device_outages", worded("times that any device was away"), len(self._outages)),
            Figure("camera_views_changed", worded("views of cameras that were changed"), changed),
            Figure("cameras_viewed", worded("times that somebody looked through a camera"), views),
        ]
        found.notes.append(
            worded(
                "a device that came and went counts as away until it was calm; what a device did "
                "while the gateway was stopped is not on record"
            )
        )
        return self.told(found)

    def _lasted(self, one: _Outage, begin: str, end: str) -> float:
        """The part of it that lies in the span, in seconds."""
        until = min(one.until or end, end)
        return round(max(0.0, seconds(max(one.at, begin), until) or 0.0), 1)

    def _long(self, one: _Outage, lasted: float) -> Iterator[Deviation]:
        if lasted <= LONG_S:
            return
        words = worded(
            "{kind} {device} was away for {hours} h: {why}",
            kind=KINDS.get(one.kind, one.kind),
            device=one.name,
            hours=round(lasted / 3600, 1),
            why=one.why or "-",
        )
        alarm = _ALARM.get(one.kind, one.kind)
        became = self._answers.of(alarm, one.name, one.record, not one.until)
        rule = _RULE.get(one.kind, "device_away")
        yield Deviation(rule, words, one.at, tuple(one.records), **became)


def _of(
    kind: str,
    known: Mapping[tuple[str, str], None],
    lost: Mapping[tuple[str, str], list[float]],
) -> list[Figure]:
    mine = [one for one in known if one[0] == kind]
    times = [time for one in mine for time in lost.get(one, ())]
    number, outages, away, longest = _FIGURES[kind]
    return [
        Figure(f"{kind}s", number, len(mine)),
        Figure(f"{kind}_outages", outages, len(times)),
        Figure(f"{kind}_away", away, round(sum(times), 1), Unit.SECONDS),
        Figure(f"{kind}_longest", longest, max(times, default=None), Unit.SECONDS),
    ]


_FIGURES: Mapping[str, tuple[Message, Message, Message, Message]] = {
    "camera": (
        worded("cameras on record"),
        worded("times that a camera was away"),
        worded("time without a camera, all together"),
        worded("a camera away, longest"),
    ),
    "reader": (
        worded("readers on record"),
        worded("times that a reader was away"),
        worded("time without a reader, all together"),
        worded("a reader away, longest"),
    ),
}
KINDS: Mapping[str, Message] = {
    "camera": worded("camera"),
    "reader": worded("reader"),
    "bus": worded("bus of readers"),
    "lock": worded("lock board"),
    "inputs": worded("inputs"),
    "face": worded("face process"),
    "broker": worded("link to headquarters"),
}
TABLE = Table(
    "device_outages",
    worded("Times that a device was away"),
    (
        Column("kind", N_("Kind"), in_words(KINDS), 0.8),
        Column("name", N_("Device")),
        Column("at", N_("Since"), width=1.2),
        Column("until", N_("Until"), width=1.2),
        Column("lasted_s", N_("Away in the span"), cells.lasting, 0.8),
        Column("unstable", N_("Came and went"), width=0.6),
        Column("why", N_("Why"), width=2),
    ),
)
SUMMARY = Table(
    "devices",
    worded("Devices and how long each worked"),
    (
        Column("kind", N_("Kind"), in_words(KINDS), 0.8),
        Column("name", N_("Device"), width=1.5),
        Column("outages", N_("Times away"), width=0.6),
        Column("away_s", N_("Away in the span"), cells.lasting),
        Column("share", N_("Worked"), cells.share, 0.8),
    ),
)
CHANGES = Table(
    "device_changes",
    worded("Changes of cameras and readers"),
    (
        Column("at", N_("Time"), width=1.2),
        Column("device", N_("Device")),
        Column("what", N_("What happened"), in_words(_CHANGES), 1.6),
        Column("count", N_("Times"), width=0.4),
        Column("detail", N_("Note"), width=1.6),
        Column("by", N_("By"), personal=True, width=1.2),
    ),
)
