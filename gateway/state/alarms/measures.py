"""How many alarms people got, by the measures of ANSI/ISA-18.2-2016 clause 16 and IEC 62682.

A flood begins with more than TEN alarms in ten minutes and ends when fewer than FIVE come in ten
minutes.  A source chatters if it raised three alarms or more within a minute.  An alarm that stood
for more than a day is stale.  The targets are the standard's: about one alarm in ten minutes on
average, at most 144 a day, less than one hundredth of the ten-minute periods with more than ten,
floods for less than one hundredth of the time, none that chatters, fewer than five stale ones a
day, and some 80, 15 and 5 of a hundred with low, medium and high priority.

Pure: calls in, figures out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from gateway.state.alarms.model import Raise

PERIOD = timedelta(minutes=10)
TEN, FIVE = 10, 5
WORST = 10
CHATTER = (3, timedelta(minutes=1))
STALE = timedelta(days=1)
TARGETS = {"period_mean": 1.0, "day_mean": 144.0, "share_over_ten": 0.01, "flood_share": 0.01}


@dataclass(frozen=True, slots=True)
class Source:
    """One cause and how often it called; `share` is its part of all calls (0 to 1)."""

    kind: str
    subject: str
    count: int
    share: float
    chatters: bool


@dataclass(frozen=True, slots=True)
class Flood:
    """More alarms than a person can answer: from when until when, and how many."""

    begins: datetime
    ends: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a time.

    `period_mean`, `period_most`: alarms in ten minutes.  `most_at` is when that period began.
    `share_over_ten`: the part of the ten-minute periods with more than ten.  `flood_share`: the
    part of the time that was a flood.  `seen_median_s`, `seen_p95_s`: how long somebody took to see
    one; None if none was seen.  `by_priority` counts calls."""

    since: datetime
    until: datetime
    count: int
    day_mean: float
    period_mean: float
    period_most: int
    most_at: datetime | None
    share_over_ten: float
    floods: tuple[Flood, ...]
    flood_share: float
    worst: tuple[Source, ...]
    chattering: int
    stale: int
    unseen: int
    shelved: int
    by_priority: dict[str, int]
    seen_median_s: float | None
    seen_p95_s: float | None


def figures(calls: Sequence[Raise], since: datetime, until: datetime) -> Figures:
    """The figures of the time from `since` up to `until`; shelved calls reached nobody and are
    counted apart.  The calls are in order."""
    within = [one for one in calls if since <= one.at < until]
    shown = [one for one in within if not one.shelved]
    span = max(until - since, timedelta(seconds=1))
    periods = max(1, math.ceil(span / PERIOD))
    counts = Counter(int((one.at - since) / PERIOD) for one in shown)
    busiest = min(counts, key=lambda at: (-counts[at], at), default=None)
    floods = tuple(_floods([one.at for one in shown], until))
    chatters = _chattering(shown)
    took = sorted((one.seen_at - one.at).total_seconds() for one in shown if one.seen_at)
    sources = Counter((one.kind, one.subject) for one in shown)
    return Figures(
        since=since,
        until=until,
        count=len(shown),
        day_mean=len(shown) / (span / timedelta(days=1)),
        period_mean=len(shown) / (span / PERIOD),
        period_most=counts[busiest] if busiest is not None else 0,
        most_at=since + busiest * PERIOD if busiest is not None else None,
        share_over_ten=sum(count > TEN for count in counts.values()) / periods,
        floods=floods,
        flood_share=sum((one.ends - one.begins for one in floods), timedelta()) / span,
        worst=tuple(
            Source(kind, subject, count, count / len(shown), (kind, subject) in chatters)
            for (kind, subject), count in sorted(
                sources.items(), key=lambda item: (-item[1], item[0])
            )[:WORST]
        ),
        chattering=len(chatters),
        stale=sum((one.over_at or until) - one.at > STALE for one in shown if one.lasts),
        unseen=sum(one.seen_at is None for one in shown),
        shelved=len(within) - len(shown),
        by_priority={name: sum(one.priority == name for one in shown) for name in _PRIORITIES},
        seen_median_s=median(took) if took else None,
        seen_p95_s=took[min(len(took) - 1, math.ceil(0.95 * len(took)) - 1)] if took else None,
    )


_PRIORITIES = ("high", "medium", "low")


def _floods(times: Sequence[datetime], until: datetime) -> list[Flood]:
    """Floods, by the alarms in the ten minutes before each moment."""
    found: list[Flood] = []
    begins: datetime | None = None
    count = 0
    recent: list[datetime] = []
    for at in times:
        if begins is not None and (end := _ends(recent, at)) is not None:
            found.append(Flood(begins, end, count))
            begins = None
        recent = [one for one in recent if one > at - PERIOD] + [at]
        if begins is not None:
            count += 1
        elif len(recent) > TEN:
            begins, count = recent[0], len(recent)
    if begins is not None:
        end = _ends(recent, until) or until
        found.append(Flood(begins, end, count))
    return found


def _ends(recent: Sequence[datetime], before: datetime) -> datetime | None:
    """When fewer than five alarms had come in ten minutes, if that was earlier than `before`."""
    at = recent[-FIVE] + PERIOD if len(recent) >= FIVE else recent[-1]
    return at if at < before else None


def _chattering(calls: Sequence[Raise]) -> set[tuple[str, str]]:
    """Sources with three calls or more within a minute."""
    least, within = CHATTER
    times: dict[tuple[str, str], list[datetime]] = {}
    for one in calls:
        times.setdefault((one.kind, one.subject), []).append(one.at)
    return {
        source
        for source, at in times.items()
        if any(at[n + least - 1] - at[n] <= within for n in range(len(at) - least + 1))
    }
