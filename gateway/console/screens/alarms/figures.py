"""/alarms/figures: how many alarms people got, by the measures of ISA-18.2."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.roles import WATCHERS
from gateway.console.routes import Pages
from gateway.locale import _
from gateway.state.alarms import measures
from gateway.state.alarms.kinds import raised_by
from gateway.state.alarms.measures import Figures, Source
from gateway.state.alarms.model import Raise
from gateway.wording import text, words

pages = Pages()
DAYS = (1, 7, 31)
BARS = 56
HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure beside its target; `good` says whether it is met, None where there is none."""

    name: str
    value: str
    target: str
    good: bool | None


@dataclass(frozen=True, slots=True)
class Bar:
    """The alarms of one stretch of the time: where it stands in the picture, and in words."""

    x: int
    y: int
    height: int
    count: int
    at: datetime


@pages.get("/alarms/figures", roles=WATCHERS)
async def figures(page: Page) -> Response:
    """The figures of the last day, week or month."""
    days = next((n for n in DAYS if str(n) == page.query("days")), 7)
    now = datetime.now(UTC)
    since = now - timedelta(days=days)
    secret = page.view.secrets

    def read() -> list[Raise]:
        return page.site.alarms.log.now_book().raises(since, secret)

    calls = await page.run(read)
    found = measures.figures(calls, since, now)
    return page.render(
        "alarms/figures.html",
        found=found,
        measures=_measures(found),
        links=[_link(page, one, since) for one in found.worst],
        bars=_bars(calls, since, now),
        days=days,
        choices=DAYS,
        height=HEIGHT,
        width=BARS * 10,
    )


def _link(page: Page, source: Source, since: datetime) -> str:
    """The address of the records behind a source."""
    asked = {"kind": raised_by(source.kind), "from": f"{since.astimezone(page.zone):%Y-%m-%d}"}
    if source.subject in page.site.settings.tables.doors:
        asked["door"] = source.subject
    return f"/records?{urlencode(asked)}"


def _measures(found: Figures) -> list[Measure]:
    number = words.number
    percent = _("{n} %")
    days = max(1.0, (found.until - found.since) / timedelta(days=1))
    stale_day = found.stale / days
    seen, slow = (
        (text.duration(found.seen_median_s), text.duration(found.seen_p95_s))
        if found.seen_median_s is not None and found.seen_p95_s is not None
        else ("–", "–")
    )
    return [
        Measure(
            _("alarms a day"), number(found.day_mean, 1), _("at most 144"), found.day_mean <= 144
        ),
        Measure(
            _("in ten minutes, on average"),
            number(found.period_mean, 2),
            _("about 1"),
            found.period_mean <= 1,
        ),
        Measure(
            _("in ten minutes, at most"),
            str(found.period_most),
            _("at most 10"),
            found.period_most <= measures.TEN,
        ),
        Measure(
            _("ten minutes with more than 10"),
            percent.format(n=number(found.share_over_ten * 100, 2)),
            _("less than 1 %"),
            found.share_over_ten < measures.TARGETS["share_over_ten"],
        ),
        Measure(
            _("time in a flood"),
            percent.format(n=number(found.flood_share * 100, 2)),
            _("less than 1 %"),
            found.flood_share < measures.TARGETS["flood_share"],
        ),
        Measure(_("sources that chatter"), str(found.chattering), _("none"), not found.chattering),
        Measure(
            _("stood for more than a day"), str(found.stale), _("fewer than 5 a day"), stale_day < 5
        ),
        Measure(_("never seen"), str(found.unseen), _("none"), not found.unseen),
        Measure(
            _("until somebody saw it"), seen, _("for 95 of 100: {time}").format(time=slow), None
        ),
        Measure(_("shelved, so nobody was called"), str(found.shelved), "", None),
    ]


def _bars(calls: list[Raise], since: datetime, until: datetime) -> list[Bar]:
    each = (until - since) / BARS
    counts = Counter(
        min(BARS - 1, int((one.at - since) / each))
        for one in calls
        if not one.shelved and since <= one.at < until
    )
    most = max(counts.values(), default=1)
    found = []
    for at in range(BARS):
        height = -(-counts[at] * HEIGHT // most)
        found.append(Bar(at * 10, HEIGHT - height, height, counts[at], since + at * each))
    return found
