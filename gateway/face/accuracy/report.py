"""How the face match does at this gate, from what its own log says.

Access events in, a `Report` out.  Each live face of a door is also scored against a random
sample of other enrolled people (``data.face.others``); those are comparisons of different people
made by this camera in this light, which no public set can replace.  Only advises: nothing here
changes a threshold, a template or a record.  Standard library alone but for the bounds.

Events of accepted faces count for the false-accept bound.  A face that was refused may be that
of the very person it resembles (a lent badge), so those are counted apart.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from statistics import median
from typing import Any

from gateway.face.accuracy.statistics import Rate
from gateway.ledger.event import Event

RECENT = 20  # matches of a person that say how well their templates still fit
FEWEST = 5  # below this, a person's distances say nothing
DRIFT_COUNT = 20  # matches in each of the two periods, or no drift is told
DRIFT = 0.05


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One template of a person on the list."""

    person_id: str
    name: str
    model: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Advice:
    """`weeks` are the first weeks, which later ones are compared with, and the newest ones;
    `share` of the threshold is where a person's median distance asks for new pictures, and so
    do templates older than `days`."""

    weeks: int = 4
    share: float = 0.8
    days: int = 730


@dataclass(frozen=True, slots=True)
class Drift:
    """Median distance of accepted faces, in the first weeks and in the newest; None if none."""

    first: float | None
    first_count: int
    newest: float | None
    newest_count: int

    @property
    def worse(self) -> bool:
        """Whether faces fit clearly less well than at first, with enough of them to say so."""
        if self.first is None or self.newest is None:
            return False
        enough = min(self.first_count, self.newest_count) >= DRIFT_COUNT
        return enough and self.newest - self.first > DRIFT


@dataclass(frozen=True, slots=True)
class Renewal:
    """Who should be photographed anew, and why: ``distance``, ``age`` or ``model``."""

    person_id: str
    name: str
    reasons: tuple[str, ...]
    median: float | None
    matches: int
    oldest: datetime | None


@dataclass(slots=True)
class Report:
    """`outcomes` counts every face check; `faces` are accepted faces scored against others, with
    `comparisons` and the `false_matches` among them; `mistaken_people` are the holders whose
    face also matched another, of `sampled_people`.  `lent` are refused faces that matched
    another person.  `quantiles` are of accepted distances: 5, 25, 50, 75 and 95 %, which the
    threshold cuts off above.  `skipped` are events whose face could not be read."""

    since: str = ""
    until: str = ""
    outcomes: dict[str, int] = field(default_factory=dict)
    faces: int = 0
    comparisons: int = 0
    false_matches: int = 0
    sampled_people: int = 0
    mistaken_people: int = 0
    refused_faces: int = 0
    lent: int = 0
    skipped: int = 0
    thresholds: dict[str, int] = field(default_factory=dict)
    quantiles: tuple[float, ...] = ()
    matches: int = 0
    cameras: dict[str, Drift] = field(default_factory=dict)
    hours: dict[int, Drift] = field(default_factory=dict)
    renewals: list[Renewal] = field(default_factory=list)

    @property
    def false_match_rate(self) -> Rate:
        return Rate(self.false_matches, self.comparisons)

    @property
    def mistaken_rate(self) -> Rate:
        return Rate(self.mistaken_people, self.sampled_people)


def report(
    events: Iterable[Event],
    enrolled: Sequence[Enrolled],
    now: datetime,
    zone: tzinfo,
    advice: Advice | None = None,
) -> Report:
    """What the access events say, in their order; `now` decides what is newest and what is old.

    Events without a face check are passed over; one whose face is not in its form is counted
    as skipped and used for nothing.
    """
    advice = advice or Advice()
    made = Report()
    matches: list[_Match] = []
    sampled: dict[str, bool] = {}
    model = ""
    for event in events:
        face = event.data.get("face")
        if face is None or not event.type.startswith("access."):
            continue
        made.since = made.since or event.time
        made.until = event.time
        item = _read(event, face)
        if item is None:
            made.skipped += 1
            continue
        made.outcomes[item.outcome] = made.outcomes.get(item.outcome, 0) + 1
        model = item.model or model
        _count_others(made, item, sampled)
        if item.outcome == "match" and item.distance is not None:
            matches.append(item)
            key = f"{item.threshold:g}"
            made.thresholds[key] = made.thresholds.get(key, 0) + 1
    made.sampled_people, made.mistaken_people = len(sampled), sum(sampled.values())
    made.matches = len(matches)
    made.quantiles = _quantiles([item.near for item in matches])
    _drift(made, matches, now, zone, advice.weeks)
    made.renewals = _renewals(matches, enrolled, model, now, advice)
    return made


@dataclass(frozen=True, slots=True)
class _Match:
    at: datetime
    outcome: str
    person: str
    camera: str
    distance: float | None
    threshold: float
    model: str
    others: int
    below: int
    identified: bool  # without a badge, so that there was none to lend

    @property
    def near(self) -> float:
        assert self.distance is not None
        return self.distance


def _read(event: Event, face: Any) -> _Match | None:
    """The parts of a record that are used, or None if they are not what they must be."""
    if not isinstance(face, Mapping) or not isinstance(face.get("outcome"), str):
        return None
    threshold, distance = _number(face.get("threshold")), _number(face.get("distance"))
    person = event.data.get("person")
    others = face.get("others") or {}
    if not threshold or not isinstance(others, Mapping):
        return None
    if distance is None and face.get("distance") is not None:
        return None
    count, below = others.get("n", 0), others.get("below", 0)
    if not (type(count) is int and type(below) is int and 0 <= below <= count):
        return None
    try:
        at = datetime.fromisoformat(event.time)
    except ValueError:
        return None
    return _Match(
        at if at.tzinfo else at.replace(tzinfo=UTC),
        face["outcome"],
        str(person.get("id", "")) if isinstance(person, Mapping) else "",
        str(face.get("camera") or event.subject),
        distance,
        threshold,
        str(face.get("model") or ""),
        count,
        below,
        "identified" in event.data,
    )


def _number(value: Any) -> float | None:
    usable = type(value) in (int, float) and math.isfinite(value) and value >= 0
    return float(value) if usable else None


def _count_others(made: Report, item: _Match, sampled: dict[str, bool]) -> None:
    if not item.others:
        return
    if item.outcome == "match":
        made.faces += 1
        made.comparisons += item.others
        made.false_matches += item.below
        sampled[item.person] = sampled.get(item.person, False) or item.below > 0
    elif item.outcome == "mismatch" and not item.identified:
        made.refused_faces += 1
        made.lent += item.below > 0


def _quantiles(values: list[float]) -> tuple[float, ...]:
    if not values:
        return ()
    ordered = sorted(values)
    return tuple(
        ordered[min(len(ordered) - 1, int(share * len(ordered)))]
        for share in (0.05, 0.25, 0.5, 0.75, 0.95)
    )


def _drift(made: Report, matches: list[_Match], now: datetime, zone: tzinfo, weeks: int) -> None:
    """By camera and by the site's hour.  The first weeks are those of each camera; a match is
    in one period only, so a new camera has nothing to be compared with yet."""
    span = timedelta(weeks=weeks)
    begun: dict[str, datetime] = {}
    for item in matches:
        begun[item.camera] = min(begun.get(item.camera, item.at), item.at)
    cameras: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    hours: dict[int, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for item in matches:
        period = 0 if item.at < begun[item.camera] + span else 1
        if period and item.at < now - span:
            continue
        cameras[item.camera][period].append(item.near)
        hours[item.at.astimezone(zone).hour][period].append(item.near)
    made.cameras = {name: _compare(*both) for name, both in sorted(cameras.items())}
    made.hours = {hour: _compare(*both) for hour, both in sorted(hours.items())}


def _compare(first: list[float], newest: list[float]) -> Drift:
    return Drift(
        median(first) if first else None,
        len(first),
        median(newest) if newest else None,
        len(newest),
    )


def _renewals(
    matches: list[_Match],
    enrolled: Sequence[Enrolled],
    model: str,
    now: datetime,
    advice: Advice,
) -> list[Renewal]:
    """People on the list whose newest distances are near the threshold, or whose templates are
    old or of a model that the gate no longer uses; those who are refused most first."""
    last: dict[str, deque[_Match]] = defaultdict(lambda: deque(maxlen=RECENT))
    for item in matches:
        last[item.person].append(item)
    templates: dict[str, list[Enrolled]] = defaultdict(list)
    for template in enrolled:
        templates[template.person_id].append(template)
    found = []
    for person, items in templates.items():
        oldest = min(item.created_at for item in items)
        newest = max(item.created_at for item in items)
        # What was matched before the newest pictures were taken says nothing of them.
        since = [item for item in last[person] if item.at >= newest]
        middle = median(item.near / item.threshold for item in since) if since else 0.0
        reasons = []
        if len(since) >= FEWEST and middle > advice.share:
            reasons.append("distance")
        if now - oldest > timedelta(days=advice.days):
            reasons.append("age")
        if model and any(item.model != model for item in items):
            reasons.append("model")
        if reasons:
            near = median(item.near for item in since) if since else None
            shown = Renewal(person, items[0].name, tuple(reasons), near, len(since), oldest)
            found.append((middle, shown))
    return [item for _, item in sorted(found, key=lambda pair: (-pair[0], pair[1].person_id))]
