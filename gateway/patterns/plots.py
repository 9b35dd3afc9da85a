"""Pictures where people would rather look: a door's week, a person's rhythm, how long trucks stay,
a carrier's times.

Each function takes records (it passes over those that it does not need) and the site's zone, and
returns a `Picture`.  It has no name of a person, company or door in it: the page says whose it is.
Words are in the language in use.  The same records give the same bytes.  matplotlib is loaded when
the first picture is drawn, and its global state (pyplot) is not used.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.ledger.event import Event, EventType
from gateway.locale import N_, _

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
BLUE, RED, GREY, AMBER = "#1f5f99", "#b3261e", "#5f6368", "#b26a00"
MOST = 5000
SHORT, TALL = 2 + 9 / 10, 3 + 6 / 10  # inches
"""So many points at most are drawn, the newest."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as SVG and as PDF, and what a reader who does not see it is told."""

    svg: bytes
    pdf: bytes
    alt: str


def door_week(events: Iterable[Event], door: str, monday: date, zone: ZoneInfo) -> Picture:
    """How many passed a door by weekday and hour in the week from `monday`, and when it refused
    somebody, stood open or was forced."""
    passes = [[0] * 24 for _day in DAYS]
    odd: dict[str, list[tuple[float, float]]] = {"refused": [], "open": []}
    for event, at in _local(events, zone):
        day = (at.date() - monday).days
        if event.subject != door or not 0 <= day < 7:
            continue
        if event.type == EventType.ACCESS_GRANTED:
            passes[day][at.hour] += 1
        elif event.type == EventType.ACCESS_DENIED:
            odd["refused"].append((_hour(at), day))
        elif event.type in (EventType.DOOR_HELD, EventType.DOOR_FORCED):
            odd["open"].append((_hour(at), day))
    figure, axes = _figure(SHORT)
    drawn = axes.imshow(
        passes,
        cmap="Blues",
        aspect="auto",
        extent=(0, 24, 6.5, -0.5),
        interpolation="nearest",
        vmin=0,
        vmax=max(1, *map(max, passes)),
    )
    bar = figure.colorbar(drawn, ax=axes, pad=0.02)
    bar.set_label(_("passes in an hour"), fontsize=8)
    bar.ax.tick_params(labelsize=8)
    _points(axes, odd["refused"][-MOST:], "x", RED, _("refused"))
    _points(axes, odd["open"][-MOST:], "^", AMBER, _("stood open or was forced"))
    axes.set_yticks(range(7), [_(day) for day in DAYS])
    _hours(axes)
    total, refused, stood = sum(map(sum, passes)), len(odd["refused"]), len(odd["open"])
    alt = _("{passes} passes in a week, {refused} refused, {open} times open or forced").format(
        passes=total, refused=refused, open=stood
    )
    return _made(figure, axes, alt)


def rhythm(events: Iterable[Event], person: str, last: date, zone: ZoneInfo) -> Picture:
    """When a person passed doors, by day and hour, in the eight weeks that end with `last`."""
    first = last - timedelta(days=55)
    points: dict[str, list[tuple[float, float]]] = {"in": [], "out": [], "denied": []}
    for event, at in _local(events, zone):
        who = event.data.get("person")
        if not isinstance(who, Mapping) or who.get("id") != person:
            continue
        if not first <= at.date() <= last:
            continue
        place = (_hour(at), (at.date() - first).days)
        if event.type == EventType.ACCESS_DENIED:
            points["denied"].append(place)
        elif event.type == EventType.ACCESS_GRANTED:
            points["out" if event.data.get("way") == "out" else "in"].append(place)
    figure, axes = _figure(TALL)
    _points(axes, points["in"][-MOST:], "o", BLUE, _("came in"))
    _points(axes, points["out"][-MOST:], ".", GREY, _("went out"))
    _points(axes, points["denied"][-MOST:], "x", RED, _("refused"))
    _day_axis(axes, first, 56)
    _hours(axes)
    alt = _("{came} times in, {left} times out and {refused} times refused in eight weeks").format(
        came=len(points["in"]), left=len(points["out"]), refused=len(points["denied"])
    )
    return _made(figure, axes, alt)


def dwell(events: Iterable[Event], carrier: str, last: date, zone: ZoneInfo) -> Picture:
    """How long trucks stayed from gate to gate in the eight weeks that end with `last`: those of
    one carrier, and those of all others."""
    first = last - timedelta(days=55)
    own: list[tuple[float, float]] = []
    others: list[tuple[float, float]] = []
    for event, at in _local(events, zone):
        if event.type != EventType.FREIGHT_DEPARTED or not first <= at.date() <= last:
            continue
        came = _moment(event.data.get("arrived_at"), zone)
        if came is None or came > at:
            continue
        hours = (at - came).total_seconds() / 3600
        day = (at.date() - first).days + _hour(at) / 24
        (own if event.data.get("carrier") == carrier else others).append((day, hours))
    figure, axes = _figure(SHORT)
    _points(axes, others[-MOST:], ".", GREY, _("other carriers"))
    _points(axes, own[-MOST:], "o", BLUE, _("this carrier"))
    if own:
        middle = sorted(hours for _day, hours in own)[len(own) // 2]
        axes.axhline(middle, color=BLUE, linewidth=0.8, linestyle="--", label=_("its median"))
    _day_axis(axes, first, 56, along=True)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(_("hours from gate to gate"))
    alt = _("{own} trucks of this carrier and {others} of others in eight weeks").format(
        own=len(own), others=len(others)
    )
    return _made(figure, axes, alt)


def carrier_times(events: Iterable[Event], carrier: str, last: date, zone: ZoneInfo) -> Picture:
    """At what hours the trucks of a carrier came in the eight weeks that end with `last`, and at
    what hours they had been announced."""
    first = last - timedelta(days=55)
    told: dict[object, datetime] = {}
    came: list[tuple[float, float]] = []
    announced: list[tuple[float, float]] = []
    for event, at in _local(events, zone):
        if event.data.get("carrier") != carrier:
            continue
        number = event.data.get("freight")
        if event.type == EventType.FREIGHT_EXPECTED and isinstance(number, int):
            eta = _moment(event.data.get("eta"), zone)
            if eta is not None:
                told[number] = eta
        elif event.type == EventType.FREIGHT_ARRIVED and first <= at.date() <= last:
            day = (at.date() - first).days
            came.append((_hour(at), day))
            eta = told.get(number) if isinstance(number, int) else None
            if eta is not None and eta.date() == at.date():
                announced.append((_hour(eta), day))
    figure, axes = _figure(TALL)
    _points(axes, announced[-MOST:], "|", GREY, _("time that was announced"))
    _points(axes, came[-MOST:], "o", BLUE, _("time of arrival at the gate"))
    _day_axis(axes, first, 56)
    _hours(axes)
    alt = _("{count} trucks in eight weeks, {announced} of them announced for that day").format(
        count=len(came), announced=len(announced)
    )
    return _made(figure, axes, alt)


def _local(events: Iterable[Event], zone: ZoneInfo) -> Iterable[tuple[Event, datetime]]:
    for event in events:
        at = _moment(event.time, zone)
        if at is not None:
            yield event, at


def _moment(text: Any, zone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(zone) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def _hour(at: datetime) -> float:
    return at.hour + at.minute / 60


def _figure(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - 30 MB

    figure = Figure(figsize=(6.9, height), layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _points(
    axes: Axes, points: list[tuple[float, float]], marker: str, colour: str, label: str
) -> None:
    if points:
        x, y = zip(*points, strict=True)
        axes.scatter(
            x,
            y,
            s=40 if marker == "|" else 16,
            marker=marker,
            c=colour,
            linewidths=0.9,
            label=label,
            clip_on=False,
        )


def _hours(axes: Axes) -> None:
    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 2))
    axes.set_xlabel(_("hour of the day"))


def _day_axis(axes: Axes, first: date, days: int, *, along: bool = False) -> None:
    places = list(range(0, days, 7))
    names = [f"{first + timedelta(days=place):%Y-%m-%d}" for place in places]
    if along:
        axes.set_xlim(-0.5, days + 0.5)
        axes.set_xticks(places, [name[5:] for name in names])
        return
    axes.set_ylim(days - 0.5, -0.5)
    axes.set_yticks(places, names)
    for number in range(days):
        if (first + timedelta(days=number)).weekday() >= 5:
            axes.axhspan(number - 0.5, number + 0.5, color="#f1f3f4", zorder=0)


def _made(figure: Figure, axes: Axes, alt: str) -> Picture:
    import matplotlib  # noqa: PLC0415

    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(handles),
            fontsize=8,
            frameon=False,
        )
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    svg, pdf = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "garita", "svg.fonttype": "path"}):
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    return Picture(_plain(svg.getvalue().decode(), alt).encode(), pdf.getvalue(), alt)


_STYLE = re.compile(r' style="([^"]*)"')
_RULES = re.compile(r"<style[^>]*>.*?</style>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)


def _plain(svg: str, alt: str) -> str:
    """The picture without styles, which the console's content policy does not take, and with its
    words for whoever does not see it."""
    svg = _STYLE.sub(lambda found: _attributes(found[1]), _RULES.sub("", svg))
    begin = svg.index(">", svg.index("<svg")) + 1
    words = alt.replace("&", "&amp;").replace("<", "&lt;")
    head = svg[: begin - 1] + ' role="img" stroke-linejoin="round" stroke-linecap="butt">'
    return f"{head}<title>{words}</title>{svg[begin:]}"


def _attributes(style: str) -> str:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)
