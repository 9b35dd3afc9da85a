"""Alarms in words, for commands and the console."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.locale import N_, _
from gateway.locale.text import tidy
from gateway.state.alarms.kinds import KINDS, OUTCOMES
from gateway.state.alarms.measures import Figures
from gateway.state.alarms.model import Alarm
from gateway.wording import text, words

log = logging.getLogger("garita.wording.alarms")

LONGEST = 400
"""So many characters a sentence has at most."""
PRIORITIES: Mapping[str, str] = {
    "high": N_("urgent"),
    "medium": N_("important"),
    "low": N_("can wait"),
    "none": N_("no alarm"),
}


def title(kind: str) -> str:
    """A kind of alarm in the language in use; its code if it is not known."""
    return _(KINDS[kind].title) if kind in KINDS else kind


def priority(name: str) -> str:
    """How urgent, in a word."""
    return _(PRIORITIES.get(name, name))


def outcome(code: str) -> str:
    """What became of it."""
    return _(OUTCOMES.get(code, code))


def sentence(alarm: Alarm, zone: ZoneInfo) -> str:
    """What the newest record of it says."""
    try:
        return tidy(text.describe(alarm.event, zone=zone), LONGEST)
    except Exception:  # a record in another form hides no other alarm
        log.exception("record %d can't be put into words", alarm.event.seq)
        return alarm.event.type


def state(alarm: Alarm, now: datetime) -> str:
    """What is so of it now, in a few words."""
    if alarm.resolved is not None:
        return outcome(alarm.resolved.outcome)
    if alarm.stands:
        since = alarm.last_at if alarm.count > 1 else alarm.raised_at
        return _("goes on for {time}").format(time=text.duration((now - since).total_seconds()))
    if alarm.stands is False:
        return _("is over")
    return _("happened")


def figures(found: Figures) -> list[str]:
    """The figures of a time as sentences, each with its target."""
    number = words.number
    lines = [
        _("alarms: {count}, a day {day} (at most {most})").format(
            count=found.count, day=number(found.day_mean, 1), most=144
        ),
        _("in ten minutes: {mean} on average (about 1), {most} at most (10)").format(
            mean=number(found.period_mean, 2), most=found.period_most
        ),
        _("ten minutes with more than 10 alarms: {share} % (less than 1 %)").format(
            share=number(found.share_over_ten * 100, 2)
        ),
        _("floods: {count}, {share} % of the time (less than 1 %)").format(
            count=len(found.floods), share=number(found.flood_share * 100, 2)
        ),
        _("sources that chatter: {count} (none)").format(count=found.chattering),
        _("alarms that stood for more than a day: {count} (fewer than 5 a day)").format(
            count=found.stale
        ),
        _("never seen by anybody: {count}; shelved: {shelved}").format(
            count=found.unseen, shelved=found.shelved
        ),
    ]
    if found.seen_median_s is not None and found.seen_p95_s is not None:
        lines.append(
            _("until somebody saw it: {median} in the middle, {p95} for 95 of 100").format(
                median=text.duration(found.seen_median_s), p95=text.duration(found.seen_p95_s)
            )
        )
    shares = {name: count * 100 / (found.count or 1) for name, count in found.by_priority.items()}
    lines.append(
        _("urgent {high} %, important {medium} %, can wait {low} % (about 5, 15, 80)").format(
            **{name: number(share) for name, share in shares.items()}
        )
    )
    return lines
